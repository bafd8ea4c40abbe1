"""Axes as Caffe counts them, and refusals of layers that would mix the images of a batch."""

from collections.abc import Iterable

from converters.caffe.net import Layer
from converters.caffe.nodes import Tensor, called
from converters.refusals import SourceDamaged, UnsupportedLayer

_LONGEST_SIDE = 16_384


def canonical(layer: Layer, tensor: Tensor, axis: int) -> int:
    """The axis counted from the front, 0 being the batch; raises SourceDamaged where the tensor has no such axis."""
    if not -tensor.axes <= axis < tensor.axes:
        raise SourceDamaged(f"{called(layer)}: axis {axis} of a blob with {tensor.axes} axes does not exist")
    return axis % tensor.axes


def inner(layer: Layer, tensor: Tensor, axis: int) -> int:
    """As canonical, but never the batch axis: raises UnsupportedLayer, for an oracle answers image by image."""
    found = canonical(layer, tensor, axis)
    if found == 0:
        raise mixes_images(layer, "works along axis 0")
    return found


def mixes_images(layer: Layer, how: str) -> UnsupportedLayer:
    """The refusal of a layer that changes the batch axis."""
    return UnsupportedLayer(
        f"{called(layer)} {how}, which mixes the images of a batch; an oracle answers them one"
        " by one, so name an earlier top with --output"
    )


def refuse_endless(layer: Layer, numbers: Iterable[int]) -> None:
    """Raise SourceDamaged for a kernel, stride, pad or dilation that no image is large enough for."""
    largest = max(numbers)
    if largest > _LONGEST_SIDE:
        raise SourceDamaged(f"{called(layer)} has a window of {largest} pixels; no image is that large")


def four_axes(layer: Layer, tensor: Tensor) -> tuple[int, int, int]:
    """Channels, height and width of a blob (n, c, h, w); raises SourceDamaged for another count of axes."""
    if tensor.axes != 4:
        raise SourceDamaged(f"{called(layer)} takes blobs with 4 axes (n, c, h, w), but its bottom has {tensor.axes}")
    channels, height, width = tensor.sides
    return channels, height, width


def same_sides(layer: Layer, bottoms: list[Tensor]) -> tuple[int, ...]:
    """The sides that all bottoms share; raises SourceDamaged where they differ."""
    sides = {tensor.sides for tensor in bottoms}
    if len(sides) != 1:
        listed = ", ".join("x".join(str(side) for side in each) for each in sorted(sides))
        raise SourceDamaged(f"{called(layer)}: its bottoms differ in shape ({listed})")
    return bottoms[0].sides
