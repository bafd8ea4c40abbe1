"""Layers at the end of a net: Softmax, ArgMax, and losses turned into the scores that they judge."""

from collections.abc import Sequence

from converters.caffe.layers.axes import inner
from converters.caffe.layers.table import layer
from converters.caffe.net import Layer
from converters.caffe.nodes import Nodes, Tensor, called
from converters.refusals import SourceDamaged


@layer("Softmax", remarks="any axis but the batch")
def softmax(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """e^x over the sum of all e^x along an axis."""
    return _softened(layer, bottoms[0], layer.params.softmax_param.axis, nodes)


def _softened(layer: Layer, bottom: Tensor, axis: int, nodes: Nodes) -> list[Tensor]:
    return [nodes.add("Softmax", [bottom], bottom.sides, axis=inner(layer, bottom, axis))]


@layer("SoftmaxWithLoss", remarks="becomes its Softmax")
def softmax_with_loss(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The probabilities that the loss would judge, for each of its tops."""
    return _softened(layer, bottoms[0], layer.params.softmax_param.axis, nodes) * max(1, len(layer.tops))


@layer("InfogainLoss", remarks="becomes its Softmax")
def infogain_loss(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The probabilities that the loss would judge, for each of its tops."""
    return _softened(layer, bottoms[0], layer.params.infogain_loss_param.axis, nodes) * max(1, len(layer.tops))


@layer("SigmoidCrossEntropyLoss", remarks="becomes its Sigmoid")
def sigmoid_cross_entropy_loss(_layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The probability of each class that the loss would judge."""
    return [nodes.add("Sigmoid", [bottoms[0]], bottoms[0].sides)]


@layer(
    "HingeLoss",
    "EuclideanLoss",
    "ContrastiveLoss",
    "MultinomialLogisticLoss",
    remarks="left out; the scores that it judges stay an output",
)
def other_loss(_layer: Layer, bottoms: Sequence[Tensor], _nodes: Nodes) -> list[Tensor]:
    """The scores that the loss would judge."""
    return [bottoms[0]]


@layer("ArgMax", remarks="with and without axis, top_k, out_max_val; of equals the last, as in Caffe")
def argmax(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """Places (or values) of the largest numbers along an axis, or over all of an image without one."""
    param, bottom = layer.params.argmax_param, bottoms[0]
    if param.HasField("axis"):
        axis = inner(layer, bottom, param.axis)
        _check_top_k(layer, bottom.sides[axis - 1])
        if param.out_max_val:
            return [_largest(bottom, axis, param.top_k, nodes)[1]]
        return [_places(bottom, axis, param.top_k, nodes)]
    _check_top_k(layer, bottom.values)
    flat = bottom if bottom.axes == 2 else nodes.add("Flatten", [bottom], (bottom.values,), axis=1)
    if param.out_max_val:
        places, values = _largest(flat, 1, param.top_k, nodes)
        both = nodes.add("Concat", [places, values], (2 * param.top_k,), axis=1)
    else:
        both = _places(flat, 1, param.top_k, nodes)
    rows = 2 if param.out_max_val else 1
    sides = (rows, param.top_k, *(1 for _ in range(bottom.axes - 3)))
    return [nodes.add("Reshape", [both, nodes.whole([-1, *sides], "shape")], sides)]


def _check_top_k(layer: Layer, length: int) -> None:
    top_k = layer.params.argmax_param.top_k
    if not 1 <= top_k <= length:
        raise SourceDamaged(f"{called(layer)}: top_k is {top_k}, but there are {length} values")


def _replace(tensor: Tensor, axis: int, length: int) -> tuple[int, ...]:
    return (*tensor.sides[: axis - 1], length, *tensor.sides[axis:])


def _places(tensor: Tensor, axis: int, count: int, nodes: Nodes) -> Tensor:
    """Places of the largest numbers as floats; the single largest by an ArgMax, which a reader can see through."""
    if count > 1:
        return _largest(tensor, axis, count, nodes)[0]
    sides = _replace(tensor, axis, 1)
    found = nodes.add("ArgMax", [tensor], sides, axis=axis, keepdims=1, select_last_index=1)
    return nodes.add("Cast", [found], sides, to=1)


def _largest(tensor: Tensor, axis: int, count: int, nodes: Nodes) -> tuple[Tensor, Tensor]:
    """Places (as floats) and values of the largest numbers, in falling order.

    Caffe sorts pairs of value and place, so of equals the last comes first; TopK takes the first, hence backwards.
    """
    length, sides = tensor.sides[axis - 1], _replace(tensor, axis, count)
    backwards = [nodes.whole([number], what) for number, what in ((-1, "start"), (-length - 1, "end"))]
    steps = [nodes.whole([axis], "axis"), nodes.whole([-1], "step")]
    turned = nodes.add("Slice", [tensor, *backwards, *steps], tensor.sides)
    values, places = nodes.add_several("TopK", [turned, nodes.whole([count], "count")], [sides, sides], axis=axis)
    counted = nodes.add("Sub", [nodes.whole([length - 1], "last"), places], sides)
    return nodes.add("Cast", [counted], sides, to=1), values
