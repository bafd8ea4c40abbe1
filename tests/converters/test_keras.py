"""Keras models made here and those of other people, as ONNX and as oracles."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from framework_images import MODELS, cifar10, faces, mnist, oracle_labels, scores, tensors
from onnx import numpy_helper

from converters.conversion import Conversion, Source, Wishes
from converters.keras.convert import convert
from converters.keras.model import start
from converters.refusals import FrameworkMissing, SourceDamaged, SourceIncomplete, UnsupportedLayer

try:
    keras = start("these tests")
except FrameworkMissing as missing:
    pytest.skip(str(missing), allow_module_level=True)
# Keras's own way from torch to numpy, while these tests save models
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
layers = keras.layers
with_data = pytest.mark.skipif(not MODELS.is_dir(), reason="the folder of real models is not beside the repository")


@pytest.fixture(autouse=True)
def on_the_cpu():
    keras.utils.set_random_seed(0)
    with keras.device("cpu"):
        yield


def saved(model: Any, path: Path) -> Path:
    """The model with weights that are not those of its first moment, in a file."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.dtype.startswith("float") and "seed" not in weight.path:
            sign = np.abs if len(weight.shape) == 1 else np.asarray
            weight.assign(sign(rng.normal(0, 0.5, weight.shape)) + 0.1)
    model.save(path)
    return path


def converted(model: Any, path: Path, **wishes: Any) -> Conversion:
    return convert(Source(str(saved(model, path)), path), Wishes(**wishes))


def images(*sides: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, (5, *sides)).astype(np.float32)


def answer(model: Any, inputs: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(inputs, training=False))


def small() -> Any:
    return keras.Sequential(
        [
            layers.Input((12, 10, 3)),
            layers.Rescaling(1 / 255),
            layers.RandomFlip(),
            layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dense(5, activation="softmax", name="last"),
        ]
    )


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_saved_model_answers_as_in_keras_for_any_number_of_images(ending, tmp_path):
    model = small()
    conversion = converted(model, tmp_path / f"net.{ending}")
    inputs = images(12, 10, 3)
    assert conversion.model.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    np.testing.assert_allclose(scores(conversion.model, inputs), answer(model, inputs), atol=1e-6)
    np.testing.assert_allclose(conversion.reference.scores(inputs[:2]), answer(model, inputs[:2]), atol=1e-6)
    assert np.ptp(scores(conversion.model, inputs), axis=0).max() > 1e-3
    assert conversion.files == (tmp_path / f"net.{ending}",)
    assert conversion.reference.runtime == f"Keras {keras.__version__} on torch"
    assert conversion.reference.version == torch.__version__
    assert conversion.stated == {
        "layout": "nhwc",
        "channels": 3,
        "size": (12, 10),
        "scores_kind": "probability",
        "range": (0.0, 255.0),
    }


def test_every_layer_keeps_its_name_and_its_value(tmp_path):
    conversion = converted(small(), tmp_path / "net.keras")
    inputs = images(12, 10, 3)
    values = dict(conversion.reference.layers(inputs))
    assert {"keras:first", "keras:norm", "keras:mean"} <= set(values)
    ours = tensors(conversion.model, list(values), inputs)
    for name, value in values.items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


def test_one_layer_with_another_weight_is_the_first_that_differs(tmp_path):
    conversion = converted(small(), tmp_path / "net.keras")
    inputs = images(12, 10, 3)
    (adding,) = (node for node in conversion.model.graph.node if "keras:norm" in node.output)
    (shift,) = (tensor for tensor in conversion.model.graph.initializer if tensor.name in adding.input)
    shift.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(shift) + 1, shift.name))
    ours = tensors(conversion.model, [name for name, _ in conversion.reference.layers(inputs)], inputs)
    values = conversion.reference.layers(inputs)
    assert next(name for name, v in values if not np.allclose(ours[name], v, atol=1e-3)) == "keras:norm"


def test_the_conversion_says_nothing_on_the_screen(tmp_path, capfd):
    path = saved(small(), tmp_path / "net.keras")
    capfd.readouterr()
    conversion = convert(Source(str(path), path), Wishes())
    conversion.reference.scores(images(12, 10, 3))
    assert capfd.readouterr() == ("", "")


def test_no_path_of_this_machine_is_in_the_model(tmp_path):
    assert str(Path(__file__).resolve().parents[2]).encode() not in (
        converted(small(), tmp_path / "net.keras").model.SerializeToString()
    )


@pytest.mark.parametrize(
    ("first", "span"),
    [
        (layers.Rescaling(1 / 127.5, offset=-1), (0.0, 255.0)),
        (layers.Rescaling(2.0, offset=-1), (0.0, 1.0)),
        (layers.Normalization(mean=[120.0, 110.0, 100.0], variance=[9.0, 9.0, 9.0]), (0.0, 255.0)),
        (layers.Normalization(mean=[0.5, 0.4, 0.3], variance=[0.1, 0.1, 0.1]), (0.0, 1.0)),
        (layers.Conv2D(3, 1), None),
    ],
    ids=str,
)
def test_the_range_is_what_the_first_layer_is_made_for(first, span, tmp_path):
    model = keras.Sequential([layers.Input((6, 6, 3)), first, layers.Flatten(), layers.Dense(2)])
    conversion = converted(model, tmp_path / "net.keras")
    assert conversion.stated.get("range") == span
    assert conversion.stated["scores_kind"] == "logit"


def test_one_sigmoid_unit_becomes_two_scores(tmp_path):
    model = keras.Sequential([layers.Input((6, 6, 1)), layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    conversion = converted(model, tmp_path / "net.keras")
    inputs = images(6, 6, 1) / 255
    p = answer(model, inputs)
    np.testing.assert_allclose(scores(conversion.model, inputs), np.concatenate([1 - p, p], axis=1), atol=1e-6)
    np.testing.assert_allclose(conversion.reference.scores(inputs), np.concatenate([1 - p, p], axis=1), atol=1e-6)
    assert conversion.notes


def test_a_model_that_takes_any_size_needs_one(tmp_path):
    model = keras.Sequential(
        [layers.Input((None, None, 3)), layers.Conv2D(2, 3), layers.GlobalMaxPooling2D(), layers.Dense(2)]
    )
    path = saved(model, tmp_path / "net.keras")
    with pytest.raises(SourceIncomplete, match="--size"):
        convert(Source(str(path), path), Wishes())
    conversion = convert(Source(str(path), path), Wishes(size=(9, 7)))
    inputs = images(9, 7, 3)
    np.testing.assert_allclose(scores(conversion.model, inputs), answer(model, inputs), rtol=1e-5)
    assert conversion.stated["size"] == (9, 7)


def test_channels_first_is_said(tmp_path):
    model = keras.Sequential(
        [
            layers.Input((3, 8, 8)),
            layers.AveragePooling2D(3, 2, "same", data_format="channels_first"),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    conversion = converted(model, tmp_path / "net.keras")
    assert (conversion.stated["layout"], conversion.stated["channels"], conversion.stated["size"]) == (
        "nchw",
        3,
        (8, 8),
    )
    assert scores(conversion.model, images(3, 8, 8)).shape == (5, 3)


def test_several_outputs_need_a_choice_and_several_inputs_are_refused(tmp_path):
    entry = layers.Input((6, 6, 3))
    flat = layers.Flatten()(entry)
    model = keras.Model(entry, [layers.Dense(2, name="coarse")(flat), layers.Dense(4, name="fine")(flat)])
    path = saved(model, tmp_path / "net.keras")
    with pytest.raises(SourceIncomplete, match="coarse, fine"):
        convert(Source(str(path), path), Wishes())
    with pytest.raises(SourceIncomplete, match="no output other"):
        convert(Source(str(path), path), Wishes(output="other"))
    inputs = images(6, 6, 3)
    chosen = convert(Source(str(path), path), Wishes(output="fine"))
    np.testing.assert_allclose(
        scores(chosen.model, inputs), answer(keras.Model(entry, model.outputs[1]), inputs), rtol=1e-4
    )
    pair = keras.Model([entry, other := layers.Input((6, 6, 3))], layers.Add()([entry, other]))
    with pytest.raises(UnsupportedLayer, match="2 inputs"):
        converted(pair, tmp_path / "pair.keras")


def test_padded_average_pooling_counts_real_pixels_only(tmp_path):
    model = keras.Sequential([layers.Input((4, 4, 1)), layers.AveragePooling2D(3, 2, "same"), layers.Flatten()])
    conversion = converted(model, tmp_path / "net.keras")
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    # TensorFlow pads such a side by one pixel at its end: windows of 9, 6, 6 and 4 real pixels
    windows = [image[0, 0:3, 0:3], image[0, 0:3, 2:4], image[0, 2:4, 0:3], image[0, 2:4, 2:4]]
    wanted = [window.mean() for window in windows]
    np.testing.assert_allclose(scores(conversion.model, image)[0], wanted, rtol=1e-6)
    np.testing.assert_allclose(conversion.reference.scores(image)[0], wanted, rtol=1e-6)


def test_a_layer_larger_than_its_weights_is_refused_before_memory_is_asked_for(tmp_path):
    path = saved(small(), tmp_path / "net.keras")
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"][-1]["config"]["units"] = 10**13
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    with pytest.raises(SourceDamaged, match=r"net\.keras: Keras .* cannot load it") as caught:
        convert(Source(str(path), path), Wishes())
    assert len(str(caught.value)) < 500


def test_models_within_models_and_layers_used_twice_are_followed(tmp_path):
    inner = keras.Sequential(
        [layers.Input((8, 8, 3)), layers.Conv2D(3, 3, padding="same"), layers.BatchNormalization()]
    )
    entry = layers.Input((8, 8, 3))
    twice = layers.Add()([inner(inner(entry)), entry])
    model = keras.Model(entry, layers.Dense(3, activation="softmax")(layers.Flatten()(twice)))
    inputs = images(8, 8, 3) / 255
    for ending in ("keras", "h5"):
        conversion = converted(model, tmp_path / f"net.{ending}")
        np.testing.assert_allclose(scores(conversion.model, inputs), answer(model, inputs), atol=1e-5)
        assert len(list(conversion.reference.layers(inputs))) == 3


def test_arithmetic_between_layers_is_taken_along(tmp_path):
    entry = layers.Input((8, 8, 3))
    model = keras.Model(entry, layers.Dense(3)(layers.Flatten()(keras.ops.relu(entry / 127.5 - 1.0)[:, 1:-1])))
    conversion = converted(model, tmp_path / "net.keras")
    inputs = images(8, 8, 3)
    np.testing.assert_allclose(scores(conversion.model, inputs), answer(model, inputs), rtol=1e-4)


# folder and file, card, images, accuracy of data/README.md
REAL = [
    ("keras-resnet8/pretrainedResnet.h5", {"range": (0, 255)}, cifar10, 0.8719),
    ("keras-mini-xception/fer2013_mini_XCEPTION.102-0.66.hdf5", {"range": (-1, 1)}, faces, 0.6545),
    ("keras-mnist-mlp/mnist.h5", {"range": (0, 1)}, mnist, 0.9781),
]


@with_data
@pytest.mark.parametrize(("file", "card", "data", "accuracy"), REAL, ids=["resnet8", "mini-xception", "mnist-mlp"])
def test_real_models_score_what_they_scored_in_keras(file, card, data, accuracy):
    images_NHWC, labels_N = data()
    conversion = convert(Source(file, MODELS / file), Wishes())
    said_N = oracle_labels(conversion, card, images_NHWC)
    assert np.mean(said_N == labels_N) == pytest.approx(accuracy, abs=6e-5)
    low, high = card["range"]
    few = images_NHWC[::50].astype(np.float32) / 255 * (high - low) + low
    sides = [entry.dim_value for entry in conversion.model.graph.input[0].type.tensor_type.shape.dim[1:]]
    if sides[-1] != 3:
        few = few[..., :1].reshape(len(few), *sides)
    theirs = conversion.reference.scores(few)
    np.testing.assert_allclose(scores(conversion.model, few), theirs, atol=1e-4 * np.abs(theirs).max())
    assert np.array_equal(theirs.argmax(1), said_N[::50])


@with_data
def test_the_same_net_as_hdf5_and_as_onnx_gives_the_same_labels():
    images_NHWC, _ = mnist()
    inputs = images_NHWC[..., 0].astype(np.float32) / 255
    file = MODELS / "keras-mnist-mlp" / "mnist.h5"
    ours = scores(convert(Source(str(file), file), Wishes()).model, inputs)
    theirs = scores(onnx.load(MODELS / "keras-mnist-mlp" / "mnist.onnx"), inputs)
    assert np.array_equal(ours.argmax(1), theirs.argmax(1))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
