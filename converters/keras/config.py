"""What a Keras file says of its layers: only known ones are let in, and what Keras 2 wrote is put as Keras 3 does."""

import json
from collections.abc import Iterator
from typing import Any

from converters.refusals import RunsCode, SourceDamaged, UnsupportedLayer

# Keras builds whatever class a file names. A list of what is let in cannot be got round by a name that nobody thought
# of, as the lists of what is kept out were (CVE-2025-1550, -8747, -9905, -9906, 2026-1462).
_MODELS = frozenset({"Functional", "Model", "Sequential"})
_LAYERS = """
    Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average AveragePooling1D
    AveragePooling2D BatchNormalization Bidirectional CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D
    Conv2DTranspose Cropping1D Cropping2D Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding
    Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D
    GlobalMaxPooling2D GroupNormalization GroupQueryAttention Identity InputLayer LSTM LSTMCell LayerNormalization
    LeakyReLU MaxPooling1D MaxPooling2D Maximum Minimum MultiHeadAttention Multiply Normalization PReLU Permute
    RMSNormalization RandomBrightness RandomContrast RandomFlip RandomRotation RandomShear
    RandomTranslation RandomZoom ReLU RepeatVector Rescaling Reshape Resizing SeparableConv1D
    SeparableConv2D SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D Subtract TimeDistributed
    UnitNormalization UpSampling1D UpSampling2D ZeroPadding1D ZeroPadding2D
"""
LAYERS = frozenset(_LAYERS.split())
_OTHERS = """
    Constant DTypePolicy FloatDTypePolicy GlorotNormal GlorotUniform HeNormal HeUniform L1 L1L2 L2 LecunNormal
    LecunUniform MaxNorm MinMaxNorm NonNeg Ones Orthogonal OrthogonalRegularizer Policy RandomNormal RandomUniform
    SeedGenerator TruncatedNormal UnitNorm VarianceScaling Zeros
    __ellipsis__ __keras_tensor__ __numpy__ __slice__ __tensor__ __tuple__
"""
_PARTS = frozenset(_OTHERS.split())
_CODE = frozenset({"Lambda", "__lambda__"})
_TENSORFLOW_CODE = frozenset({"TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"})
_HOMES = ("keras.", "tf_keras.", "tensorflow.keras.", "tensorflow.python.keras.")
_OPERATIONS = ("keras.src.ops.numpy", "keras.src.ops.nn", "keras.src.ops.math", "keras.src.ops.linalg")
_OBJECTS_LIMIT = 200_000

# what Keras 2 writes and Keras 3 does not know, with the value at which it changes nothing (None: never does)
_ONE_GROUP = {"groups": 1}
_UNUSED = dict.fromkeys(("kernel_initializer", "kernel_regularizer", "kernel_constraint"))
_NO_CHANNEL_SHAPE = dict.fromkeys(("trainable", "noise_shape"))
_ONLY_KERAS_2: dict[str, dict[str, Any]] = {
    "Attention": {"score_mode": "dot"},
    "Conv1DTranspose": _ONE_GROUP,
    "Conv2DTranspose": _ONE_GROUP,
    "DepthwiseConv1D": _ONE_GROUP,
    "DepthwiseConv2D": _ONE_GROUP,
    "GRU": {"time_major": False, "implementation": None},
    "LSTM": {"time_major": False, "implementation": None},
    "SeparableConv1D": _ONE_GROUP | _UNUSED,
    "SeparableConv2D": _ONE_GROUP | _UNUSED,
    "SimpleRNN": {"time_major": False},
    "SpatialDropout1D": _NO_CHANNEL_SHAPE,
    "SpatialDropout2D": _NO_CHANNEL_SHAPE,
}


# where torch and TensorFlow, both under Keras, do not compute the same (tests/converters/test_keras_truth.py)
POOLING = "PoolingOfRealPixels2D"
_SAME_EVERYWHERE = frozenset({"nearest", "bilinear", None})


def parse(text: str | bytes, name: str, version: str) -> dict[str, Any]:
    """The config of a model as Keras 3 reads it, with known layers only and without what is for training.

    `name` is the file's, for messages; `version` the Keras that wrote it, "" where unknown. A padded average pooling
    is called POOLING, for the loader to give it a class of its own. Raises SourceDamaged, RunsCode, UnsupportedLayer.
    """
    try:
        config = json.loads(text)
        if not isinstance(config, dict) or config.get("class_name") not in _MODELS:
            kind = config.get("class_name") if isinstance(config, dict) else type(config).__name__
            raise UnsupportedLayer(
                f"{name}: holds a {str(kind)[:80]}, a model of its own code; save it in Keras as a functional or"
                " sequential model, or export it to ONNX where its code is."
            )
        for said in _objects(config, name):
            _refuse_stranger(said, name)
            _refuse_other_numbers(said, name, old=not version.startswith("3"))
            _modernise(said)
        _mend_names(config)
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
        cause = (str(error) or type(error).__name__)[:200]
        raise SourceDamaged(f"{name}: its model config is not one of Keras ({cause}); save the model again.") from error
    return config


def _objects(config: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    """Every dict of the config that names a class; what belongs to training is taken out on the way."""
    left: list[Any] = [config]
    count = 0
    while left:
        thing = left.pop()
        count += 1
        if count > _OBJECTS_LIMIT:
            raise SourceDamaged(f"{name}: its model config holds more than {_OBJECTS_LIMIT} entries; it is refused.")
        if isinstance(thing, dict):
            for key in ("compile_config", "training_config"):
                thing.pop(key, None)
            if "class_name" in thing:
                yield thing
            left.extend(thing.values())
        elif isinstance(thing, list):
            left.extend(part for part in thing if isinstance(part, dict | list))


def _refuse_stranger(said: dict[str, Any], name: str) -> None:
    kind, home = said["class_name"], said.get("module")
    shown = str(said.get("config") if kind == "function" else kind)[:80]
    if kind in _CODE:
        raise RunsCode(
            f"{name}: holds a Lambda, which is Python code; replace it with a layer (Rescaling, Activation, ...) and"
            " save again, or export the model to ONNX where its code is."
        )
    if kind in _TENSORFLOW_CODE:
        raise RunsCode(
            f"{name}: layer {_name_of(said)} calls a TensorFlow function by its name ({shown}); open it in tf_keras,"
            ' save it with model.export("folder"), and convert that folder.'
        )
    at_home = home is None or (isinstance(home, str) and (home == "keras" or home.startswith(_HOMES)))
    if not at_home or not (kind in _MODELS | LAYERS | _PARTS or home in _OPERATIONS):
        raise UnsupportedLayer(
            f"{name}: {shown} is a custom or unsupported object; export the model to ONNX where its code is,"
            " or write it with Keras's own layers."
        )


def _name_of(said: dict[str, Any]) -> str:
    inner = said.get("config")
    return repr(str(inner.get("name", "?"))[:80] if isinstance(inner, dict) else "?")


def _refuse_other_numbers(said: dict[str, Any], name: str, *, old: bool) -> None:
    """Refuse what this Keras would compute otherwise than the one that trained the model."""
    inner = said.get("config")
    if not isinstance(inner, dict):
        return
    way_out = 'save it with model.export("folder") where it was trained, and convert that folder.'
    if old and "hard_sigmoid" in (inner.get("activation"), inner.get("recurrent_activation")):
        raise UnsupportedLayer(
            f"{name}: layer {_name_of(said)} uses hard_sigmoid, which Keras 2 and 3 define differently; {way_out}"
        )
    if inner.get("interpolation") not in _SAME_EVERYWHERE and said["class_name"] in ("Resizing", "UpSampling2D"):
        raise UnsupportedLayer(
            f"{name}: layer {_name_of(said)} resizes with {str(inner['interpolation'])[:40]}, which Keras computes"
            f" differently with every backend; use bilinear, or {way_out}"
        )
    if said["class_name"] == "AveragePooling1D" and inner.get("padding") == "same":
        raise UnsupportedLayer(f'{name}: layer {_name_of(said)} pools with padding "same"; {way_out}')


def _modernise(said: dict[str, Any]) -> None:
    """One object in Keras 3's words, in place."""
    kind, inner = said["class_name"], said.get("config")
    if kind in _MODELS and said.get("module"):
        said["module"] = "keras" if kind == "Sequential" else "keras.src.models.functional"
        said["class_name"] = said["registered_name"] = "Sequential" if kind == "Sequential" else "Functional"
    if not isinstance(inner, dict):
        return
    if kind == "AveragePooling2D" and inner.get("padding") == "same":
        said.update(class_name=POOLING, registered_name=POOLING, module=None)
    neutral = {"rng_type": None} if kind.startswith("Random") else _ONLY_KERAS_2.get(kind, {})
    for key in [k for k in neutral if k in inner and neutral[k] in (None, inner[k])]:
        del inner[key]
    policy = inner.get("dtype")
    if isinstance(policy, dict) and policy.get("class_name") == "Policy":
        inner["dtype"] = policy["config"]["name"]
    axis = inner.get("axis")
    if kind == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        inner["axis"] = axis[0]
    if kind == "InputLayer" and "batch_input_shape" in inner:
        inner["batch_shape"] = inner.pop("batch_input_shape")
    elif said.get("module"):  # an archive of Keras 2 says it twice: there is an InputLayer too
        inner.pop("batch_input_shape", None)


def _mend_names(model: dict[str, Any]) -> None:
    """What a model calls its layers, in place: no "/", and the first use of a model within it counted from 0.

    Keras 3 refuses the one; in Keras 2 a model within a model had been used once when it was made.
    """
    layers = model["config"].get("layers", [])
    uses = list(_uses([model["config"].get(key) for key in ("input_layers", "output_layers")]))
    first: dict[str, int] = {}
    for layer in layers:
        uses += _uses(layer.get("inbound_nodes"))
        if layer["class_name"] in _MODELS:
            _mend_names(layer)
            first[layer["config"]["name"]] = 1 << 30
    for name, index, *_ in uses:
        if name in first:
            first[name] = min(first[name], index)
    for use in uses:
        use[1] -= first.get(use[0], 0)
        use[0] = use[0].replace("/", "__")
    for layer in layers:
        for named in (layer, layer["config"]):
            if isinstance(named.get("name"), str):
                named["name"] = named["name"].replace("/", "__")


def _uses(thing: Any) -> Iterator[list[Any]]:
    """Every [layer, number of its use, number of its output, ...] in a part of a config."""
    if isinstance(thing, dict):
        thing = list(thing.values())
    if not isinstance(thing, list):
        return
    if len(thing) >= 3 and isinstance(thing[0], str) and type(thing[1]) is int and type(thing[2]) is int:
        yield thing
    for part in thing:
        yield from _uses(part)
