"""Keras 2 on TensorFlow, which trained most Keras files there are, beside what this converter loads from them.

Keras 3 on torch is what converts and what a parity run compares with, so a layer that it computes otherwise than
TensorFlow would go unseen there. This sweep is what found such layers; each is mended or refused.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from converters.conversion import Source, Wishes
from converters.keras.archive import clean_copy
from converters.keras.convert import convert
from converters.keras.model import load, start
from converters.refusals import FrameworkMissing, UnsupportedLayer
from converters.tf_exporter import silently, tensorflow

try:
    tf = tensorflow("these tests")
    with silently():
        import tf_keras as keras2
    keras3 = start("these tests")
except (ImportError, FrameworkMissing):
    pytest.skip("tf_keras and tensorflow are not installed (make test-frameworks)", allow_module_level=True)
L = keras2.layers
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),  # Keras 2 calls its own HDF5 format legacy
]
Made = Callable[[], Any]


def windows() -> Iterator[tuple[str, int, Made]]:
    """Everything that slides a window, over sizes, windows, steps and paddings that come out even and uneven."""
    for side, step, window, padding in [
        (side, step, window, padding)
        for side in (7, 8)
        for step in (1, 2, 3)
        for window in (2, 3, 5)
        for padding in ("same", "valid")
    ]:
        args = {"strides": step, "padding": padding}
        kinds: dict[str, Made] = {
            "conv": lambda w=window, a=args: L.Conv2D(4, w, **a),
            "depthwise": lambda w=window, a=args: L.DepthwiseConv2D(w, depth_multiplier=2, **a),
            "separable": lambda w=window, a=args: L.SeparableConv2D(4, w, **a),
            "transposed": lambda w=window, a=args: L.Conv2DTranspose(4, w, **a),
            "average": lambda w=window, a=args: L.AveragePooling2D(w, **a),
            "max": lambda w=window, a=args: L.MaxPooling2D(w, **a),
        }
        for kind, made in kinds.items():
            yield f"{kind}-{side}-{step}-{window}-{padding}", side, made


ACTIVATIONS = (
    "relu",
    "relu6",
    "elu",
    "selu",
    "gelu",
    "swish",
    "softplus",
    "softsign",
    "tanh",
    "sigmoid",
    "softmax",
    "mish",
)
OTHERS: list[tuple[str, int, Made]] = [
    *((f"activation-{name}", 5, lambda name=name: L.Activation(name)) for name in ACTIVATIONS),
    ("dilated", 13, lambda: L.Conv2D(4, 3, dilation_rate=2, padding="same")),
    ("grouped", 8, lambda: L.Conv2D(4, 3, groups=2)),
    ("nearest", 7, lambda: L.UpSampling2D(2)),
    ("bilinear", 7, lambda: L.UpSampling2D(2, interpolation="bilinear")),
    ("resized", 8, lambda: L.Resizing(5, 11)),
    ("resized-down", 13, lambda: L.Resizing(4, 4)),
    ("resized-nearest", 8, lambda: L.Resizing(5, 11, interpolation="nearest")),
    ("resized-cropped", 13, lambda: L.Resizing(4, 6, crop_to_aspect_ratio=True)),
    ("centre", 9, lambda: L.CenterCrop(4, 6)),
    ("relu-bounded", 5, lambda: L.ReLU(6.0, negative_slope=0.1, threshold=0.2)),
    ("leaky", 5, lambda: L.LeakyReLU(0.3)),
    ("elu-layer", 5, lambda: L.ELU(0.5)),
    ("prelu", 5, lambda: L.PReLU(shared_axes=[1, 2])),
    ("softmax-axis", 5, lambda: L.Softmax(axis=2)),
    ("layer-norm", 5, L.LayerNormalization),
    ("group-norm", 5, lambda: L.GroupNormalization(2)),
    ("batch-norm", 5, lambda: L.BatchNormalization(epsilon=0.01)),
    ("batch-norm-axis", 5, lambda: L.BatchNormalization(axis=1)),
    ("normalization", 5, lambda: L.Normalization(mean=[1.0, 2, 3, 4], variance=[1.0, 2, 3, 4])),
    ("unit-norm", 5, L.UnitNormalization),
    ("padded", 5, lambda: L.ZeroPadding2D(((1, 2), (3, 0)))),
    ("cropped", 5, lambda: L.Cropping2D(((1, 2), (1, 0)))),
    ("global-mean", 5, lambda: L.GlobalAveragePooling2D(keepdims=True)),
    ("global-max", 5, L.GlobalMaxPooling2D),
    ("spatial-dropout", 5, lambda: L.SpatialDropout2D(0.3)),
    ("noise", 5, lambda: L.GaussianNoise(0.3)),
    ("turned", 5, lambda: L.RandomRotation(0.3)),
    ("permuted", 5, lambda: L.Permute((3, 1, 2))),
    ("rows-lstm", 5, lambda: keras2.Sequential([L.Reshape((25, 4)), L.LSTM(3)])),
    ("rows-gru", 5, lambda: keras2.Sequential([L.Reshape((25, 4)), L.Bidirectional(L.GRU(3))])),
    ("rows-gru-old", 5, lambda: keras2.Sequential([L.Reshape((25, 4)), L.GRU(3, reset_after=False)])),
    ("mobile", 32, lambda: keras2.applications.MobileNetV2((32, 32, 4), 0.35, include_top=False, weights=None)),
]
CASES = [*windows(), *OTHERS]


def filled(model: Any) -> None:
    rng = np.random.default_rng(0)
    drawn = [rng.normal(0, 1, weight.shape) / np.sqrt(np.prod(weight.shape[:-1])) for weight in model.get_weights()]
    model.set_weights([np.abs(w) + 0.1 if w.ndim == 1 else w for w in drawn])


def loaded(path: Path, folder: Path) -> Any:
    copy = folder / "copy"
    copy.mkdir(exist_ok=True)
    return load(keras3, clean_copy(path, copy), path.name)


@pytest.mark.parametrize(("side", "made"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_layer_of_keras_2_counts_as_it_does_in_tensorflow(side, made, tmp_path):
    entry = L.Input((side, side, 4))
    model = keras2.Model(entry, made()(entry))
    filled(model)
    inputs = np.random.default_rng(1).normal(0, 2, (2, side, side, 4)).astype(np.float32)
    wanted = model(inputs, training=False).numpy()
    for ending in ("h5", "keras"):
        path = tmp_path / f"net.{ending}"
        model.save(path)
        with torch.inference_mode(), keras3.device("cpu"):
            given = loaded(path, tmp_path)(torch.from_numpy(inputs), training=False).numpy()
        np.testing.assert_allclose(given, wanted, rtol=0, atol=1e-5 * max(1.0, float(np.abs(wanted).max())))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: L.Activation("hard_sigmoid"), "hard_sigmoid"),
        (lambda: L.Resizing(5, 11, interpolation="bicubic"), "bicubic"),
        (lambda: L.ThresholdedReLU(0.3), "ThresholdedReLU"),
    ],
    ids=["hard-sigmoid", "bicubic", "thresholded"],
)
def test_what_counts_otherwise_is_refused(made, said, tmp_path):
    entry = L.Input((8, 8, 4))
    keras2.Model(entry, made()(entry)).save(tmp_path / "net.h5")
    with pytest.raises(UnsupportedLayer, match=said):
        loaded(tmp_path / "net.h5", tmp_path)


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_a_transfer_learner_of_keras_2_converts(ending, tmp_path):
    """A frozen MobileNet within two sequential models within one: what teaching tools write."""
    base = keras2.applications.MobileNetV2((32, 32, 3), 0.35, include_top=False, pooling="avg", weights=None)
    base.trainable = False
    head = keras2.Sequential([L.Dense(8, activation="relu", input_shape=(1280,)), L.Dense(3, activation="softmax")])
    model = keras2.Sequential([keras2.Sequential([base]), head])
    filled(model)
    model.save(tmp_path / f"net.{ending}")
    conversion = convert(Source("net", tmp_path / f"net.{ending}"), Wishes())
    inputs = np.random.default_rng(1).uniform(-1, 1, (4, 32, 32, 3)).astype(np.float32)
    from framework_images import scores  # noqa: PLC0415 - needs onnxruntime after TensorFlow

    np.testing.assert_allclose(scores(conversion.model, inputs), model(inputs, training=False).numpy(), atol=1e-5)
