"""Convolution, Deconvolution and InnerProduct: the layers that carry most of a net's weights."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from converters.caffe.layers.axes import inner, refuse_endless
from converters.caffe.layers.learned import blob, refuse_more_blobs
from converters.caffe.layers.table import MANY, layer
from converters.caffe.net import Layer
from converters.caffe.nodes import Nodes, Tensor, called
from converters.refusals import SourceDamaged, UnsupportedLayer


class Filters(NamedTuple):
    """How filters lie over a blob: one number per spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    pad: tuple[int, ...]
    dilation: tuple[int, ...]

    def attributes(self) -> dict[str, list[int]]:
        """As ONNX names them; Caffe pads both ends alike."""
        return {
            "kernel_shape": list(self.kernel),
            "strides": list(self.stride),
            "pads": [*self.pad, *self.pad],
            "dilations": list(self.dilation),
        }

    def extents(self) -> list[int]:
        """What a dilated kernel covers along each axis."""
        return [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]

    def narrowed(self, sides: Sequence[int]) -> list[int]:
        """The sides of a convolution's output."""
        fits = zip(sides, self.pad, self.extents(), self.stride, strict=True)
        return [(side + 2 * pad - extent) // stride + 1 for side, pad, extent, stride in fits]

    def widened(self, sides: Sequence[int]) -> list[int]:
        """The sides of a deconvolution's output."""
        fits = zip(sides, self.pad, self.extents(), self.stride, strict=True)
        return [stride * (side - 1) + extent - 2 * pad for side, pad, extent, stride in fits]


def read_filters(layer: Layer, axes: int) -> Filters:
    """Kernel, stride, pad and dilation of a convolution over so many spatial axes.

    Each is one number for all axes, or one per axis, or (two axes) *_h and *_w. Raises SourceDamaged.
    """
    param = layer.params.convolution_param
    kernel = _per_axis(layer, axes, ("kernel_size", "kernel_h", "kernel_w"), None)
    stride = _per_axis(layer, axes, ("stride", "stride_h", "stride_w"), 1)
    pad = _per_axis(layer, axes, ("pad", "pad_h", "pad_w"), 0)
    dilation = _spread(layer, axes, "dilation", list(param.dilation), 1)
    if min(*kernel, *stride, *dilation) < 1:
        raise SourceDamaged(
            f"{called(layer)}: kernel {kernel}, stride {stride} and dilation {dilation} must all be 1 or more"
        )
    refuse_endless(layer, (*kernel, *stride, *pad, *dilation))
    return Filters(kernel, stride, pad, dilation)


def _per_axis(layer: Layer, axes: int, names: tuple[str, str, str], default: int | None) -> tuple[int, ...]:
    param: Any = layer.params.convolution_param
    listed, high, wide = names
    given = list(getattr(param, listed))
    if not (param.HasField(high) or param.HasField(wide)):
        return _spread(layer, axes, listed, given, default)
    if given or axes != 2:
        raise SourceDamaged(f"{called(layer)}: {high} and {wide} are for two spatial axes and instead of {listed}")
    return (int(getattr(param, high)), int(getattr(param, wide)))


def _spread(layer: Layer, axes: int, what: str, given: list[int], default: int | None) -> tuple[int, ...]:
    if not given and default is not None:
        given = [default]
    if len(given) not in (1, axes):
        raise SourceDamaged(f"{called(layer)}: {what} is given {len(given)} times for {axes} spatial axes")
    return tuple(int(number) for number in (given * axes if len(given) == 1 else given))


def _spatial(layer: Layer, bottom: Tensor) -> tuple[int, int]:
    """Channels of the bottom and its count of spatial axes; raises UnsupportedLayer for another channel axis."""
    axis = inner(layer, bottom, layer.params.convolution_param.axis)
    if axis != 1 or bottom.axes < 3:
        raise UnsupportedLayer(
            f"{called(layer)}: channels on axis {axis} of {bottom.axes} axes are not supported;"
            " axis 1 with one or more spatial axes behind it is"
        )
    return bottom.sides[0], bottom.axes - 2


def _check_groups(layer: Layer, channels: int) -> tuple[int, int]:
    """Count of outputs and of groups, which must divide channels and outputs."""
    count, groups = layer.params.convolution_param.num_output, layer.params.convolution_param.group
    if count < 1 or groups < 1 or channels % groups or count % groups:
        raise SourceDamaged(f"{called(layer)}: {groups} groups do not divide {channels} channels and {count} outputs")
    return count, groups


@layer(
    "Convolution",
    remarks="grouped, dilated, padded, strided; one, two or three spatial axes; several bottoms share the filters",
    bottoms=(1, MANY),
)
def convolution(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """Cross-correlation; an output side is floor((side + 2 pad - extent) / stride) + 1."""
    return _over_all("Conv", layer, bottoms, nodes)


@layer("Deconvolution", remarks="grouped, dilated, padded, strided", bottoms=(1, MANY))
def deconvolution(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The transpose of a convolution; an output side is stride (side - 1) + extent - 2 pad."""
    return _over_all("ConvTranspose", layer, bottoms, nodes)


def _over_all(operator: str, layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """One node of the operator for each bottom, with the same filters."""
    channels, axes = _spatial(layer, bottoms[0])
    count, groups = _check_groups(layer, channels)
    filters = read_filters(layer, axes)
    transposed = operator == "ConvTranspose"
    sides = filters.widened(bottoms[0].sides[1:]) if transposed else filters.narrowed(bottoms[0].sides[1:])
    wide = (channels, count // groups) if transposed else (count, channels // groups)
    weights = [nodes.weight(blob(layer, 0, (*wide, *filters.kernel), "weights"), "weight")]
    weights += _bias(layer, count, nodes)
    if any(bottom.sides != bottoms[0].sides for bottom in bottoms):
        raise SourceDamaged(f"{called(layer)}: its bottoms differ in shape")
    attributes = {"group": groups, **filters.attributes()}
    return [nodes.add(operator, [bottom, *weights], (count, *sides), **attributes) for bottom in bottoms]


def _bias(layer: Layer, count: int, nodes: Nodes) -> list[str]:
    has_bias = layer.params.convolution_param.bias_term
    refuse_more_blobs(layer, 2 if has_bias else 1)
    return [nodes.weight(blob(layer, 1, (count,), "biases"), "bias")] if has_bias else []


@layer("InnerProduct", remarks="any axis but the batch, transposed weights")
def inner_product(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """A matrix over all that lies from `axis` on, in the order channels, height, width."""
    param, bottom = layer.params.inner_product_param, bottoms[0]
    axis = inner(layer, bottom, param.axis)
    kept, width, count = bottom.sides[: axis - 1], math.prod(bottom.sides[axis - 1 :]), param.num_output
    refuse_more_blobs(layer, 2 if param.bias_term else 1)
    shape = (width, count) if param.transpose else (count, width)
    weights = [nodes.weight(blob(layer, 0, shape, "weights"), "weight")]
    if param.bias_term:
        weights.append(nodes.weight(blob(layer, 1, (count,), "biases"), "bias"))
    rows = bottom
    if kept:  # rows of several images in one matrix: each row is still answered alone
        rows = nodes.add("Reshape", [bottom, nodes.whole([-1, width], "rows")], (width,))
    elif bottom.axes != 2:
        rows = nodes.add("Flatten", [bottom], (width,), axis=1)
    product = nodes.add("Gemm", [rows, *weights], (count,), transB=0 if param.transpose else 1)
    if kept:
        product = nodes.add("Reshape", [product, nodes.whole([-1, *kept, count], "shape")], (*kept, count))
    return [product]
