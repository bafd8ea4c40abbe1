"""Scale and Bias: a factor or a shift for each channel (or any stretch of axes), learned or given by another blob."""

from collections.abc import Sequence
from typing import Any

from converters.caffe.layers.axes import canonical, mixes_images
from converters.caffe.layers.learned import blob, refuse_more_blobs
from converters.caffe.layers.table import layer
from converters.caffe.net import Layer
from converters.caffe.nodes import Nodes, Tensor, called
from converters.refusals import SourceDamaged


def stretch(layer: Layer, bottom: Tensor, param: Any) -> tuple[int, ...]:
    """The sides that a learned blob covers: num_axes of them from axis on, -1 standing for all that are left."""
    if param.num_axes == 0:
        return ()
    axis = canonical(layer, bottom, param.axis)
    end = bottom.axes if param.num_axes == -1 else axis + param.num_axes
    if param.num_axes < -1 or end > bottom.axes:
        raise SourceDamaged(
            f"{called(layer)}: {param.num_axes} axes from axis {param.axis} on do not fit a blob with {bottom.axes}"
        )
    if axis == 0:
        raise mixes_images(layer, "has a number for each image of a batch")
    return bottom.sides[axis - 1 : end - 1]


def _learned(layer: Layer, at: int, bottom: Tensor, param: Any, what: str, nodes: Nodes) -> str:
    """A learned blob with axes of length 1 behind it, so that it is spread over the axes that it does not cover."""
    shape = stretch(layer, bottom, param)
    behind = 0
    if shape:
        behind = bottom.axes - canonical(layer, bottom, param.axis) - len(shape)
    return nodes.weight(blob(layer, at, (*shape, *(1 for _ in range(behind))), what), what)


def _given(layer: Layer, bottom: Tensor, other: Tensor, param: Any, nodes: Nodes) -> Tensor:
    """The second bottom with axes of length 1 behind it; it has a batch axis, so it must begin at axis 0."""
    if canonical(layer, bottom, param.axis) != 0:
        raise mixes_images(layer, f"lays a second bottom with a batch axis along axis {param.axis}")
    covered = bottom.sides[: len(other.sides)]
    if other.sides != covered or other.axes > bottom.axes:
        raise SourceDamaged(f"{called(layer)}: its second bottom does not fit the first")
    if other.axes == bottom.axes:
        return other
    sides = (*covered, *(1 for _ in range(bottom.axes - other.axes)))
    return nodes.add("Reshape", [other, nodes.whole([-1, *sides], "shape")], sides)


@layer(
    "Scale",
    remarks="one or two bottoms, any stretch of axes, with bias; folded into the layer before it",
    bottoms=(1, 2),
)
def scale(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The value times a factor, plus a shift with bias_term."""
    param, bottom = layer.params.scale_param, bottoms[0]
    learned = len(bottoms) == 1
    refuse_more_blobs(layer, learned + param.bias_term)
    factor: Tensor | str
    if learned:
        factor = _learned(layer, 0, bottom, param, "factors", nodes)
    else:
        factor = _given(layer, bottom, bottoms[1], param, nodes)
    scaled = nodes.add("Mul", [bottom, factor], bottom.sides)
    if not param.bias_term:
        return [scaled]
    if not learned:
        raise mixes_images(layer, "has a bias for each image of a batch")
    return [nodes.add("Add", [scaled, _learned(layer, 1, bottom, param, "shifts", nodes)], bottom.sides)]


@layer("Bias", remarks="one or two bottoms, any stretch of axes; folded into the layer before it", bottoms=(1, 2))
def bias(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The value plus a shift."""
    param, bottom = layer.params.bias_param, bottoms[0]
    refuse_more_blobs(layer, len(bottoms) == 1)
    shift: Tensor | str
    if len(bottoms) == 1:
        shift = _learned(layer, 0, bottom, param, "shifts", nodes)
    else:
        shift = _given(layer, bottom, bottoms[1], param, nodes)
    return [nodes.add("Add", [bottom, shift], bottom.sides)]
