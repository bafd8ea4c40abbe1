"""BatchNorm, Scale and Bias folded into the layer before them, where the result is the same.

A convolution, deconvolution or inner product whose result only a BatchNorm reads, and so on along the chain, takes
their factors and shifts into its own weights (in float64, rounded once). A BatchNorm that stands alone takes its Scale.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from converters.caffe.layers import row_of
from converters.caffe.layers.learned import blob
from converters.caffe.layers.normalisation import gain, normalise, statistics
from converters.caffe.layers.table import Convert
from converters.caffe.net import Layer, Net
from converters.caffe.nodes import Nodes, Tensor
from converters.caffe.wiring import Ref, Wiring

_FIELDS = {
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
    "InnerProduct": "inner_product_param",
}


@dataclass(frozen=True)
class Step:
    """One layer of the graph to be: what it reads, how it is converted, and whose results it gives.

    `result` is the number in the net of the last layer that was folded into it, or its own.
    """

    layer: Layer
    bottoms: tuple[Ref, ...]
    result: int
    convert: Convert


class Line(NamedTuple):
    """A factor and a shift for each channel, float64 [channels]."""

    factor: np.ndarray
    shift: np.ndarray

    def then(self, other: "Line") -> "Line":
        """Both, one after the other."""
        return Line(self.factor * other.factor, self.shift * other.factor + other.shift)


def steps(net: Net, wiring: Wiring, live: Iterable[int], outputs: Iterable[Ref]) -> list[Step]:
    """The live layers in order, those that can be folded into others left out.

    Raises UnsupportedLayer for a layer that is not in the table, and what the layers folded raise.
    """
    numbers = sorted(live)
    rows = {number: row_of(net.layers[number]) for number in numbers}
    followers = _only_readers(wiring, numbers, frozenset(outputs))
    folded: set[int] = set()
    found = []
    for number in numbers:
        if number in folded:
            continue
        layer, convert, result = net.layers[number], rows[number].convert, number
        chain = _chain(net, wiring, followers, number)
        if layer.type in _FIELDS:
            layer, result = _absorb(net, layer, number, chain)
        elif chain and net.layers[chain[0]].type == "Scale":
            convert, result = _normalised(net.layers[chain[0]]), chain[0]
        folded.update(each for each in chain if each <= result)
        found.append(Step(layer, wiring.bottoms[number], result, convert))
    return found


def _only_readers(wiring: Wiring, numbers: Iterable[int], outputs: frozenset[Ref]) -> dict[Ref, int]:
    """For each result that one layer alone reads, once, and that is no output: that layer."""
    readers: dict[Ref, list[int]] = {}
    for number in numbers:
        for ref in wiring.bottoms[number]:
            readers.setdefault(ref, []).append(number)
    return {ref: found[0] for ref, found in readers.items() if len(found) == 1 and ref not in outputs}


def _chain(net: Net, wiring: Wiring, followers: dict[Ref, int], number: int) -> list[int]:
    """The BatchNorm, Scale and Bias layers to fold into a layer, in order; into a BatchNorm one."""
    found: list[int] = []
    layer = net.layers[number]
    most = len(net.layers) if layer.type in _FIELDS else int(layer.type == "BatchNorm")
    if len(layer.bottoms) != 1 or len(layer.tops) != 1:
        return found
    while len(found) < most and (follower := followers.get(Ref(number, 0))) is not None:
        layer = net.layers[follower]
        if not _per_channel(layer) or wiring.bottoms[follower] != (Ref(number, 0),) or len(layer.tops) != 1:
            break
        found.append(follower)
        number = follower
    return found


def _per_channel(layer: Layer) -> bool:
    if layer.type == "BatchNorm":
        return True
    param = {"Scale": layer.params.scale_param, "Bias": layer.params.bias_param}.get(layer.type)
    return param is not None and (param.num_axes == 0 or (param.axis, param.num_axes) == (1, 1))


def _line(layer: Layer, channels: int) -> Line:
    """What a layer of the chain does to each channel."""
    if layer.type == "BatchNorm":
        mean, variance = statistics(layer, channels)
        factor, shift = gain(layer, channels)
        with np.errstate(all="ignore"):
            factor = factor / np.sqrt(variance + layer.params.batch_norm_param.eps)
            return Line(factor, shift - mean * factor)
    if layer.type == "Bias":
        return Line(np.ones(channels), _numbers(layer, 0, layer.params.bias_param.num_axes, channels, "shifts"))
    param = layer.params.scale_param
    factor = _numbers(layer, 0, param.num_axes, channels, "factors")
    if not param.bias_term:
        return Line(factor, np.zeros(channels))
    return Line(factor, _numbers(layer, 1, param.num_axes, channels, "shifts"))


def _numbers(layer: Layer, at: int, axes: int, channels: int, what: str) -> np.ndarray:
    found = blob(layer, at, (channels,) if axes else (1,), what).astype(np.float64)
    return np.broadcast_to(found, (channels,))


def _absorb(net: Net, layer: Layer, number: int, chain: list[int]) -> tuple[Layer, int]:
    """The layer with as much of the chain in its weights as gives finite numbers, and whose result it then gives."""
    param = getattr(layer.params, _FIELDS[layer.type])
    channels, result = int(param.num_output), number
    whole = len(layer.blobs) == 1 + param.bias_term and channels > 0 and layer.blobs[0].size % channels == 0
    if not whole or (layer.type == "InnerProduct" and param.axis != 1):
        return layer, number
    total = Line(np.ones(channels), np.zeros(channels))
    for follower in chain:
        longer = total.then(_line(net.layers[follower], channels))
        if not (np.isfinite(longer.factor).all() and np.isfinite(longer.shift).all()):
            break
        total, result = longer, follower
    return (layer, number) if result == number else (_weighted(layer, total, channels), result)


def _weighted(layer: Layer, line: Line, channels: int) -> Layer:
    """The layer with every output channel multiplied and shifted, with biases if it had none."""
    field = _FIELDS[layer.type]
    param = getattr(layer.params, field)
    shift = line.shift
    if param.bias_term:
        shift = blob(layer, 1, (channels,), "biases").astype(np.float64) * line.factor + line.shift
    old = layer.blobs[0]
    rows: np.ndarray = old.reshape(channels, -1)
    factor: np.ndarray = line.factor[:, None]
    if layer.type == "Deconvolution":  # its weights are (inputs, outputs of one group, ...)
        group = max(1, param.group)
        kernel = -1 if old.ndim < 3 else int(np.prod(old.shape[2:]))
        rows = old.reshape(group, -1, channels // group, kernel)
        factor = line.factor.reshape(group, 1, channels // group, 1)
    elif layer.type == "InnerProduct" and param.transpose:
        rows, factor = old.reshape(-1, channels), line.factor
    weights = np.empty(rows.shape, dtype=np.float32)
    np.multiply(rows, factor, out=weights, casting="same_kind")  # in float64, without a float64 copy of all weights
    params = type(layer.params)()
    params.CopyFrom(layer.params)
    getattr(params, field).bias_term = True
    return replace(layer, params=params, blobs=(weights.reshape(old.shape), shift.astype(np.float32)))


def _normalised(scale: Layer) -> Convert:
    """The conversion of a BatchNorm together with the Scale behind it, as one node."""

    def convert(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
        channels = bottoms[0].sides[0] if bottoms[0].sides else 0
        own = Line(*gain(layer, channels))
        return [normalise(layer, bottoms[0], own.then(_line(scale, channels)), nodes)]

    return convert
