"""Layers that reckon with whole blobs: Eltwise and Reduction."""

from collections.abc import Sequence

from converters.caffe.layers.axes import inner, same_sides
from converters.caffe.layers.table import MANY, layer
from converters.caffe.net import Layer
from converters.caffe.nodes import Nodes, Tensor, called
from converters.refusals import SourceDamaged

_PROD, _SUM = 0, 1
_REDUCTIONS = {1: "ReduceSum", 2: "ReduceL1", 3: "ReduceSumSquare", 4: "ReduceMean"}


@layer("Eltwise", remarks="SUM with coeff, PROD, MAX", bottoms=(2, MANY))
def eltwise(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """Sum (each bottom times its coefficient), product or maximum of blobs of one shape."""
    param = layer.params.eltwise_param
    sides = same_sides(layer, list(bottoms))
    coefficients = list(param.coeff)
    if coefficients and (param.operation != _SUM or len(coefficients) != len(bottoms)):
        raise SourceDamaged(f"{called(layer)}: coeff is for SUM, one for each of the {len(bottoms)} bottoms")
    if param.operation == _PROD:
        product = bottoms[0]
        for bottom in bottoms[1:]:
            product = nodes.add("Mul", [product, bottom], sides)
        return [product]
    if param.operation != _SUM:
        return [nodes.add("Max", bottoms, sides)]
    terms = [
        bottom if coefficient == 1 else nodes.add("Mul", [bottom, nodes.floats(coefficient, "coeff")], sides)
        for bottom, coefficient in zip(bottoms, coefficients or [1.0] * len(bottoms), strict=True)
    ]
    return [nodes.add("Add" if len(terms) == 2 else "Sum", terms, sides)]


@layer("Reduction", remarks="SUM, ASUM, SUMSQ, MEAN from any axis but the batch to the end")
def reduction(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """Coeff times the sum, the sum of magnitudes or of squares, or the mean, over all axes from `axis` on."""
    param, bottom = layer.params.reduction_param, bottoms[0]
    axis = inner(layer, bottom, param.axis)
    sides = bottom.sides[: axis - 1]
    axes = nodes.whole(list(range(axis, bottom.axes)), "axes")
    reduced = nodes.add(_REDUCTIONS[param.operation], [bottom, axes], sides, keepdims=0)
    if param.coeff == 1:
        return [reduced]
    return [nodes.add("Mul", [reduced, nodes.floats(param.coeff, "coeff")], sides)]
