"""Keras 3 on torch: started quietly, given a clean copy of a file, and asked what the model takes and gives."""

import importlib
import importlib.util
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from converters.conversion import Wishes
from converters.keras.config import POOLING
from converters.refusals import FrameworkMissing, SourceDamaged, SourceIncomplete, UnsupportedLayer
from converters.torch_exporter import silently

_NO_NUMBERS = frozenset({"ActivityRegularization", "GaussianNoise", "Identity", "InputLayer"})
_MOVING = frozenset({"CenterCrop", "Permute", "Resizing"})


def start(name: str) -> Any:
    """Keras 3 on torch. Raises FrameworkMissing."""
    if "tensorflow" in sys.modules and "triton" not in sys.modules and importlib.util.find_spec("triton"):
        raise FrameworkMissing(
            f"{name}: TensorFlow was loaded before torch's compiler in this process, which ends it when both are used;"
            " start again and convert first."
        )
    loaded = sys.modules.get("keras")
    before = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = "torch"
    try:
        with silently():
            keras = loaded or importlib.import_module("keras")
    except ImportError as error:
        raise FrameworkMissing(f'{name}: keras is not installed; pip install "copycat-benchmark[keras]".') from error
    finally:
        os.environ.pop("KERAS_BACKEND")
        if before is not None:
            os.environ["KERAS_BACKEND"] = before
    if keras.backend.backend() != "torch":
        raise FrameworkMissing(
            f"{name}: Keras was started on {keras.backend.backend()} in this process, and the exporter needs torch;"
            " set KERAS_BACKEND=torch and start again."
        )
    return keras


def load(keras: Any, clean: Path, name: str) -> Any:
    """The model of a clean copy; first without memory for its weights, to see that the file holds them all."""
    known = {POOLING: _pooling(keras)}
    try:
        with silently():
            for device in ("meta", "cpu"):
                with keras.device(device):
                    model = keras.saving.load_model(clean, custom_objects=known, compile=False, safe_mode=True)
    except Exception as error:  # what Keras raises shares no narrower ancestor
        cause = " ".join((str(error) or type(error).__name__).split())
        raise SourceDamaged(
            f"{name}: Keras {keras.__version__} cannot load it ({cause[:160]} ... {cause[-160:]})."
            if len(cause) > 320
            else f"{name}: Keras {keras.__version__} cannot load it ({cause})."
        ) from error
    if not getattr(model, "built", False) or not model.inputs:
        raise SourceIncomplete(f"{name}: does not say what its input is; call the model once and save it again.")
    return model


def _pooling(keras: Any) -> type:
    """Average pooling with padding that counts real pixels only, as TensorFlow does; Keras on torch counts others."""

    class PoolingOfRealPixels2D(keras.layers.AveragePooling2D):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            ops, first = keras.ops, self.data_format == "channels_first"
            places = (2, 3) if first else (1, 2)
            pads, share = [(0, 0)] * 4, np.ones((1, 1, 1, 1), np.float32)
            for place, pool, stride in zip(places, self.pool_size, self.strides, strict=True):
                pads[place], counts = _windows(inputs.shape[place], pool, stride)
                share = share * (pool / counts).reshape([-1 if axis == place else 1 for axis in range(4)])
            padded = ops.pad(inputs, pads)
            pooled = ops.average_pool(padded, self.pool_size, self.strides, "valid", self.data_format)
            return pooled * ops.convert_to_tensor(share, dtype=inputs.dtype)

    return PoolingOfRealPixels2D


def _windows(side: int, pool: int, stride: int) -> tuple[tuple[int, int], np.ndarray]:
    """TensorFlow's padding "same" before and after a side, and how many real pixels each window then holds."""
    count = math.ceil(side / stride)
    missing = max((count - 1) * stride + pool - side, 0)
    before = missing // 2
    starts = np.arange(count) * stride - before
    real = np.minimum(starts + pool, side) - np.maximum(starts, 0)
    return (before, missing - before), real.astype(np.float32)


def sides_of(model: Any, wishes: Wishes, name: str) -> tuple[int, ...]:
    """The sides of the one input after the batch, all settled. Raises SourceIncomplete, UnsupportedLayer."""
    if len(model.inputs) != 1:
        names = ", ".join(str(tensor.name)[:60] for tensor in model.inputs[:8])
        raise UnsupportedLayer(f"{name}: takes {len(model.inputs)} inputs ({names}); an oracle takes one image.")
    sides = list(model.inputs[0].shape[1:])
    if len(sides) == 3:
        places = (1, 2, 0) if channels_first(model) else (0, 1, 2)
        for place, wish in zip(places, (*(wishes.size or (None, None)), wishes.image_channels or 3), strict=True):
            sides[place] = sides[place] or wish
    if not sides or None in sides:
        shown = ", ".join("?" if side is None else str(side) for side in model.inputs[0].shape)
        raise SourceIncomplete(f"{name}: takes images of any size [{shown}]; say which with --size HEIGHT WIDTH.")
    return tuple(int(side) for side in sides)


def channels_first(model: Any) -> bool:
    """Whether its images are [n, c, h, w]."""
    formats = [layer.data_format for layer in flat(model) if getattr(layer, "data_format", None)]
    return bool(formats) and formats[0] == "channels_first"


def flat(model: Any) -> Iterator[Any]:
    """The layers in order, those of models within the model in their place."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from flat(layer)
        else:
            yield layer


def passes(layer: Any) -> bool:
    """Whether a layer hands on what it is given, once the training is over."""
    kind = type(layer).__name__
    return kind in _NO_NUMBERS or kind.startswith("Random") or "Dropout" in kind


def last_activation(model: Any) -> str:
    """What the last layer does to its sums: "softmax", "sigmoid", "linear"; "" where that is unknown."""
    for layer in reversed(list(flat(model))):
        kind = type(layer).__name__
        if kind == "Softmax":
            return "softmax"
        if kind in ("Dense", "Activation", "Conv2D"):
            return str(getattr(layer.activation, "__name__", ""))
        if kind not in ("Flatten", "Reshape", "Dropout", "Identity", "GlobalAveragePooling2D"):
            return ""
    return ""


def own_range(model: Any) -> tuple[float, float] | None:
    """The range that the model's own first layer is made for; None where the first layer computes already."""
    computing = (layer for layer in flat(model) if not passes(layer) and type(layer).__name__ not in _MOVING)
    first = next(computing, None)
    kind = type(first).__name__
    if first is not None and kind == "Rescaling":
        return (0.0, 255.0) if np.abs(np.asarray(first.scale, dtype=float)).max() < 0.1 else (0.0, 1.0)
    if first is not None and kind == "Normalization":
        mean = first.mean.detach().cpu().numpy() if hasattr(first.mean, "detach") else np.asarray(first.mean)
        return (0.0, 255.0) if np.abs(mean).max() > 2 else (0.0, 1.0)
    return None
