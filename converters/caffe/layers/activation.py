"""Activations: one value in, one value out, everywhere alike."""

import math
from collections.abc import Sequence

from converters.caffe.layers.learned import blob, refuse_more_blobs
from converters.caffe.layers.table import layer
from converters.caffe.net import Layer
from converters.caffe.nodes import Nodes, Tensor, called
from converters.refusals import SourceDamaged


@layer("ReLU", remarks="with negative_slope")
def relu(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """max(x, 0) + negative_slope min(x, 0)."""
    slope, sides = layer.params.relu_param.negative_slope, bottoms[0].sides
    return [nodes.add("LeakyRelu", bottoms, sides, alpha=slope) if slope else nodes.add("Relu", bottoms, sides)]


@layer("PReLU", remarks="per channel and channel_shared")
def prelu(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """max(x, 0) + slope min(x, 0), the slope learned for each channel or one for all."""
    sides = bottoms[0].sides
    if not sides:
        raise SourceDamaged(f"{called(layer)}: its bottom has no channels")
    refuse_more_blobs(layer, 1)
    shape = (1,) if layer.params.prelu_param.channel_shared else (sides[0], *(1 for _ in sides[1:]))
    slope = nodes.weight(blob(layer, 0, shape, "slopes"), "slope")
    return [nodes.add("PRelu", [bottoms[0], slope], sides)]


@layer("ELU", remarks="with alpha")
def elu(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The value itself above 0, alpha (e^x - 1) below."""
    return [nodes.add("Elu", bottoms, bottoms[0].sides, alpha=layer.params.elu_param.alpha)]


@layer("Sigmoid", remarks="1 / (1 + e^-x)")
def sigmoid(_layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """1 / (1 + e^-x)."""
    return [nodes.add("Sigmoid", bottoms, bottoms[0].sides)]


@layer("TanH", remarks="hyperbolic tangent")
def tanh(_layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The hyperbolic tangent."""
    return [nodes.add("Tanh", bottoms, bottoms[0].sides)]


@layer("Swish", remarks="with beta")
def swish(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The value times the sigmoid of beta x."""
    bottom, beta = bottoms[0], layer.params.swish_param.beta
    scaled = bottom if beta == 1 else nodes.add("Mul", [bottom, nodes.floats(beta, "beta")], bottom.sides)
    gate = nodes.add("Sigmoid", [scaled], bottom.sides)
    return [nodes.add("Mul", [bottom, gate], bottom.sides)]


@layer("Clip", remarks="min and max")
def clip(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The value, but at least min and at most max, both of which must be given."""
    param = layer.params.clip_param
    if not (param.HasField("min") and param.HasField("max") and param.min <= param.max):
        raise SourceDamaged(f"{called(layer)}: min and max must be given, min not above max")
    limits = nodes.floats(param.min, "min"), nodes.floats(param.max, "max")
    return [nodes.add("Clip", [bottoms[0], *limits], bottoms[0].sides)]


@layer("BNLL", remarks="log(1 + e^x)")
def bnll(_layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """log(1 + e^x)."""
    return [nodes.add("Softplus", bottoms, bottoms[0].sides)]


@layer("AbsVal", remarks="magnitudes")
def absval(_layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The absolute value."""
    return [nodes.add("Abs", bottoms, bottoms[0].sides)]


@layer("Threshold", remarks="with threshold")
def threshold(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """1 where x is above the threshold, else 0."""
    limit, sides = nodes.floats(layer.params.threshold_param.threshold, "threshold"), bottoms[0].sides
    return [nodes.add("Cast", [nodes.add("Greater", [bottoms[0], limit], sides)], sides, to=1)]


@layer("Power", remarks="with power, scale and shift")
def power(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """(shift + scale x)^power; where scale or power is 0 the input does not matter."""
    param, bottom = layer.params.power_param, bottoms[0]
    if param.power * param.scale == 0:
        return [_constant(bottom, _power_of_shift(layer), nodes)]
    inside = _line(bottom, param.scale, param.shift, nodes)
    if param.power == 1:
        return [inside]
    return [nodes.add("Pow", [inside, nodes.floats(param.power, "power")], bottom.sides)]


def _power_of_shift(layer: Layer) -> float:
    param = layer.params.power_param
    try:
        return 1.0 if param.power == 0 else math.pow(param.shift, param.power)
    except (ValueError, OverflowError) as error:
        raise SourceDamaged(
            f"{called(layer)}: {param.shift:g} to the power of {param.power:g} is not a number"
        ) from error


def _constant(bottom: Tensor, number: float, nodes: Nodes) -> Tensor:
    shape = nodes.add("Shape", [bottom], (bottom.axes,))
    return nodes.add("Expand", [nodes.floats(number, "value"), shape], bottom.sides)


def _line(bottom: Tensor, scale: float, shift: float, nodes: Nodes) -> Tensor:
    """The line shift + scale x, without the nodes that change nothing."""
    tensor = bottom
    if scale != 1:
        tensor = nodes.add("Mul", [tensor, nodes.floats(scale, "scale")], bottom.sides)
    if shift != 0:
        tensor = nodes.add("Add", [tensor, nodes.floats(shift, "shift")], bottom.sides)
    return tensor


@layer("Exp", remarks="with base, scale and shift")
def exp(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """base^(shift + scale x); a base of -1 stands for e."""
    param, bottom = layer.params.exp_param, bottoms[0]
    rate = _log_of_base(layer, param.base)
    raised = nodes.add("Exp", [_line(bottom, rate * param.scale, 0.0, nodes)], bottom.sides)
    return [_line(raised, math.exp(min(rate * param.shift, 700.0)), 0.0, nodes)]


@layer("Log", remarks="with base, scale and shift")
def log(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The logarithm of shift + scale x to a base; -1 stands for e."""
    param, bottom = layer.params.log_param, bottoms[0]
    rate = _log_of_base(layer, param.base)
    if rate == 0:
        raise SourceDamaged(f"{called(layer)}: there is no logarithm to the base 1")
    taken = nodes.add("Log", [_line(bottom, param.scale, param.shift, nodes)], bottom.sides)
    return [_line(taken, 1 / rate, 0.0, nodes)]


def _log_of_base(layer: Layer, base: float) -> float:
    if base != -1 and not 0 < base < math.inf:
        raise SourceDamaged(f"{called(layer)}: base {base:g} must be above 0, or -1 for e")
    return 1.0 if base == -1 else math.log(base)
