"""Layers that reckon value by value, and those that put whole blobs together, in plain numpy."""

import math
from collections.abc import Sequence

import numpy as np

from converters.caffe.net import Layer


def relu(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Positive values, and the slope times the negative ones."""
    x = bottoms[0]
    return [np.maximum(x, 0) + np.float32(layer.params.relu_param.negative_slope) * np.minimum(x, 0)]


def prelu(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """As relu, with a learned slope."""
    x, slope = bottoms[0], layer.blobs[0].reshape(-1).astype(np.float32)
    return [np.maximum(x, 0) + slope.reshape(-1, *(1 for _ in x.shape[2:])) * np.minimum(x, 0)]


def elu(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Positive values, and alpha (e^x - 1) for the negative ones."""
    x = bottoms[0]
    return [np.maximum(x, 0) + np.float32(layer.params.elu_param.alpha) * (np.exp(np.minimum(x, 0)) - 1)]


def _logistic(x: np.ndarray) -> np.ndarray:
    return 0.5 * np.tanh(0.5 * x) + 0.5


def sigmoid(_layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The logistic function."""
    return [_logistic(bottoms[0])]


def tanh(_layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The hyperbolic tangent."""
    return [np.tanh(bottoms[0])]


def swish(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The value times the logistic function of beta x."""
    return [bottoms[0] * _logistic(np.float32(layer.params.swish_param.beta) * bottoms[0])]


def clip(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Between min and max."""
    param = layer.params.clip_param
    return [np.maximum(np.float32(param.min), np.minimum(bottoms[0], np.float32(param.max)))]


def bnll(_layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """log(1 + e^x)."""
    return [np.logaddexp(bottoms[0], np.float32(0))]


def absval(_layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Magnitudes."""
    return [np.abs(bottoms[0])]


def threshold(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """1 above, else 0."""
    return [(bottoms[0] > layer.params.threshold_param.threshold).astype(np.float32)]


def power(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """(shift + scale x)^power."""
    param, x = layer.params.power_param, bottoms[0].astype(np.float64)
    if param.power == 0 or param.scale == 0:
        return [np.full(x.shape, 1 if param.power == 0 else param.shift**param.power, dtype=np.float32)]
    return [((param.shift + param.scale * x) ** param.power).astype(np.float32)]


def exp(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """base^(shift + scale x)."""
    param = layer.params.exp_param
    base = math.e if param.base == -1 else param.base
    return [(base ** (param.shift + param.scale * bottoms[0].astype(np.float64))).astype(np.float32)]


def log(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The logarithm of shift + scale x."""
    param = layer.params.log_param
    inside = np.log(param.shift + param.scale * bottoms[0].astype(np.float64))
    return [(inside / (1 if param.base == -1 else math.log(param.base))).astype(np.float32)]


def eltwise(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Sum with coefficients, product or maximum."""
    param, stack = layer.params.eltwise_param, np.stack(bottoms)
    if param.operation == 0:
        return [stack.prod(axis=0)]
    if param.operation == 2:
        return [stack.max(axis=0)]
    coefficients = np.array(list(param.coeff) or [1] * len(stack), dtype=np.float32)
    return [np.tensordot(coefficients, stack, axes=1)]


def reduction(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Over all axes from `axis` on."""
    param, x = layer.params.reduction_param, bottoms[0]
    kept = x.shape[: range(x.ndim)[param.axis]]
    rows = x.reshape(*kept, -1).astype(np.float64)
    terms = {1: rows, 2: np.abs(rows), 3: rows * rows, 4: rows / rows.shape[-1]}[param.operation]
    return [(param.coeff * terms.sum(axis=-1)).astype(np.float32)]


def softmax(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Probabilities along an axis."""
    return [_probabilities(bottoms[0], layer.params.softmax_param.axis)]


def infogain(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Probabilities along the loss's own axis."""
    return [_probabilities(bottoms[0], layer.params.infogain_loss_param.axis)] * max(1, len(layer.tops))


def softmax_with_loss(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Probabilities in place of the loss."""
    return softmax(layer, bottoms) * max(1, len(layer.tops))


def _probabilities(x: np.ndarray, axis: int) -> np.ndarray:
    raised = np.exp(x - x.max(axis=axis, keepdims=True))
    result: np.ndarray = raised / raised.sum(axis=axis, keepdims=True)
    return result


def argmax(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Sorted as pairs of value and place, the largest first."""
    param, x = layer.params.argmax_param, bottoms[0]
    axis = range(x.ndim)[param.axis] if param.HasField("axis") else 1
    rows = np.moveaxis(x, axis, -1) if param.HasField("axis") else x.reshape(len(x), -1)
    places = np.argsort(rows, axis=-1, kind="stable")[..., ::-1][..., : param.top_k]
    values = np.take_along_axis(rows, places, axis=-1)
    if param.HasField("axis"):
        return [np.moveaxis(values if param.out_max_val else places, -1, axis).astype(np.float32)]
    found = np.stack([places, values] if param.out_max_val else [places], axis=1).astype(np.float32)
    return [found.reshape(*found.shape, *(1 for _ in range(x.ndim - 3)))]
