"""Layers that normalise: LRN across and within channels, BatchNorm with its factor blob, MVN."""

import math
from collections.abc import Sequence

import numpy as np

from converters.caffe.layers.axes import four_axes
from converters.caffe.layers.learned import blob, refuse_more_blobs
from converters.caffe.layers.pooling import AVE, Pool, average, lay_windows
from converters.caffe.layers.table import layer
from converters.caffe.net import Layer
from converters.caffe.nodes import Nodes, Tensor, called
from converters.refusals import SourceDamaged, UnsupportedLayer

_WITHIN_CHANNEL = 1


@layer("LRN", remarks="ACROSS_CHANNELS and WITHIN_CHANNEL")
def lrn(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The value times (k + alpha / size * sum of squares)^-beta over a window of channels; within a channel k is 1."""
    param, bottom = layer.params.lrn_param, bottoms[0]
    channels, *_ = four_axes(layer, bottom)
    if param.local_size % 2 == 0:
        raise SourceDamaged(f"{called(layer)}: local_size {param.local_size} must be odd")
    if not (0 < param.alpha < math.inf and 0 < param.beta < math.inf):
        raise UnsupportedLayer(f"{called(layer)}: alpha {param.alpha:g} and beta {param.beta:g} must be above 0")
    if param.norm_region == _WITHIN_CHANNEL:
        return [_within_channel(layer, bottom, nodes)]
    # a window that reaches over all channels from each of them is wide enough; a size without end is not run
    size = min(param.local_size, 2 * channels + 1)
    numbers = {"alpha": param.alpha * size / param.local_size, "beta": param.beta, "bias": param.k}
    return [nodes.add("LRN", [bottom], bottom.sides, size=size, **numbers)]


def _within_channel(layer: Layer, bottom: Tensor, nodes: Nodes) -> Tensor:
    param = layer.params.lrn_param
    size = min(param.local_size, 2 * max(bottom.sides[1:]) + 1)
    pad, share = (size - 1) // 2, (size / param.local_size) ** 2
    square = nodes.add("Mul", [bottom, bottom], bottom.sides)
    axes = lay_windows(layer, bottom.sides[1:], Pool(AVE, (size, size), (1, 1), (pad, pad)))
    mean = average(layer, square, axes, nodes)
    scaled = nodes.add("Mul", [mean, nodes.floats(param.alpha * share, "alpha")], bottom.sides)
    shifted = nodes.add("Add", [scaled, nodes.floats(1.0, "one")], bottom.sides)
    power = nodes.add("Pow", [shifted, nodes.floats(-param.beta, "power")], bottom.sides)
    return nodes.add("Mul", [bottom, power], bottom.sides)


def statistics(layer: Layer, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance that a BatchNorm layer has stored, float64 [channels] each.

    The file holds sums and the factor they are to be divided by; a factor of 0 stands for nothing seen yet, and then
    both are 0 (Caffe: batch_norm_layer.cpp). Raises UnsupportedLayer, SourceDamaged, SourceIncomplete.
    """
    param = layer.params.batch_norm_param
    if param.HasField("use_global_stats") and not param.use_global_stats:
        raise UnsupportedLayer(
            f"{called(layer)} has use_global_stats: false and normalises each batch by itself, so"
            " that an answer depends on the other images; write use_global_stats: true into the prototxt"
        )
    mean, variance = (blob(layer, at, (channels,), "statistics").astype(np.float64) for at in (0, 1))
    factor = float(blob(layer, 2, (1,), "factor of the statistics")[0])
    share = 0.0 if factor == 0 else 1 / factor
    return mean * share, variance * share


def gain(layer: Layer, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Factor and shift behind the normalisation, float64 [channels]: blobs 3 and 4 of NVIDIA's Caffe, else 1 and 0."""
    refuse_more_blobs(layer, 5 if len(layer.blobs) > 4 else 3)
    if len(layer.blobs) <= 3:
        return np.ones(channels), np.zeros(channels)
    factor, shift = (blob(layer, at, (channels,), "scale and bias").astype(np.float64) for at in (3, 4))
    return factor, shift


@layer("BatchNorm", remarks="stored statistics with their factor; NVIDIA's scale_bias; folded into the layer before it")
def batch_norm(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """(x - mean) / sqrt(variance + eps) with the stored statistics."""
    channels = channels_of(layer, bottoms[0])
    return [normalise(layer, bottoms[0], gain(layer, channels), nodes)]


def normalise(layer: Layer, bottom: Tensor, gain: tuple[np.ndarray, np.ndarray], nodes: Nodes) -> Tensor:
    """One BatchNormalization node with a factor and a shift of their own."""
    mean, variance = statistics(layer, channels_of(layer, bottom))
    numbers = {"scale": gain[0], "shift": gain[1], "mean": mean, "variance": variance}
    weights = [nodes.weight(array.astype(np.float32), what) for what, array in numbers.items()]
    return nodes.add("BatchNormalization", [bottom, *weights], bottom.sides, epsilon=layer.params.batch_norm_param.eps)


def channels_of(layer: Layer, bottom: Tensor) -> int:
    """The side of axis 1; raises SourceDamaged where there is none."""
    if bottom.axes < 2:
        raise SourceDamaged(f"{called(layer)}: its bottom has no channels")
    return bottom.sides[0]


@layer("MVN", remarks="per channel and across channels, with and without variance")
def mvn(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """(x - mean) / (standard deviation + eps) of each image; the result always has four axes."""
    param, bottom = layer.params.mvn_param, bottoms[0]
    if not 2 <= bottom.axes <= 4:
        raise SourceDamaged(f"{called(layer)} takes 2 to 4 axes, but its bottom has {bottom.axes}")
    sides = bottom.sides + (1,) * (4 - bottom.axes)
    if bottom.axes < 4:
        bottom = nodes.add("Reshape", [bottom, nodes.whole([-1, *sides], "shape")], sides)
    axes = nodes.whole([1, 2, 3] if param.across_channels else [2, 3], "axes")
    reduced = (1, 1, 1) if param.across_channels else (sides[0], 1, 1)
    mean = nodes.add("ReduceMean", [bottom, axes], reduced, keepdims=1)
    centred = nodes.add("Sub", [bottom, mean], sides)
    if not param.normalize_variance:
        return [centred]
    square = nodes.add("Mul", [centred, centred], sides)
    variance = nodes.add("ReduceMean", [square, axes], reduced, keepdims=1)
    deviation = nodes.add("Sqrt", [variance], reduced)
    divisor = nodes.add("Add", [deviation, nodes.floats(param.eps, "eps")], reduced)
    return [nodes.add("Div", [centred, divisor], sides)]
