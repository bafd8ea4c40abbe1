"""Pooling as Caffe does it: sides rounded up, the last window clipped, and SPP's pyramid of poolings.

ONNX's own ceil_mode has another rule for the last window and, in the average, another divisor; so every pad is written
out, as many pixels at the end as Caffe's last window reaches over the image, and the runtime has nothing left to round.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from converters.caffe.layers.axes import four_axes, refuse_endless
from converters.caffe.layers.table import layer
from converters.caffe.net import Layer
from converters.caffe.nodes import Nodes, Tensor, called
from converters.refusals import SourceDamaged, UnsupportedLayer

MAX, AVE, STOCHASTIC = 0, 1, 2
_FLOOR = 1
# Caffe starts its maximum at -FLT_MAX, which is what a window outside the image gives
_LOWEST = float(np.finfo(np.float32).min)


class Windows(NamedTuple):
    """The windows along one axis of the image."""

    side: int
    kernel: int
    stride: int
    pad: int
    times: int

    @property
    def over(self) -> int:
        """How many pixels the last window reaches behind the image."""
        return max(0, (self.times - 1) * self.stride + self.kernel - self.side - self.pad)

    @property
    def beyond(self) -> int:
        """1 where the last window lies wholly outside, else 0; no more than one can."""
        return int(self.over >= self.kernel)

    def sizes(self) -> np.ndarray:
        """What each window's average is divided by: the padding counts, what lies behind it does not."""
        starts = np.arange(self.times, dtype=np.int64) * self.stride - self.pad
        return np.minimum(starts + self.kernel, self.side + self.pad) - starts


class Pool(NamedTuple):
    """What a pooling layer says: method, and kernel, stride and pad of height and width."""

    method: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    up: bool = True


def lay_windows(layer: Layer, sides: Sequence[int], pool: Pool) -> list[Windows]:
    """The windows along height and width (Caffe: pooling_layer.cpp, Reshape); raises SourceDamaged.

    With any padding, a last window that would start behind the image and its padding is dropped, on both axes.
    """
    refuse_endless(layer, (*pool.kernel, *pool.stride, *pool.pad))
    found = []
    for side, kernel, stride, pad in zip(sides, pool.kernel, pool.stride, pool.pad, strict=True):
        if min(kernel, stride) < 1 or pad >= kernel:
            raise SourceDamaged(
                f"{called(layer)}: kernel {kernel}, stride {stride} and pad {pad} do not fit"
                " together; kernel and stride must be 1 or more, the pad smaller than the kernel"
            )
        span = side + 2 * pad - kernel
        count = (-(-span // stride) if pool.up else span // stride) + 1
        if any(pool.pad) and (count - 1) * stride >= side + pad:
            count -= 1
        if count < 1 or (any(pool.pad) and (count - 1) * stride >= side + pad):
            raise SourceDamaged(
                f"{called(layer)}: windows of {kernel} pixels with stride {stride} and pad"
                f" {pad} do not fit {side} pixels"
            )
        found.append(Windows(side, kernel, stride, pad, count))
    return found


def _attributes(axes: Sequence[Windows]) -> dict[str, list[int]]:
    return {
        "kernel_shape": [axis.kernel for axis in axes],
        "strides": [axis.stride for axis in axes],
        "pads": [*(axis.pad for axis in axes), *(axis.over for axis in axes)],
    }


def _pooled(operator: str, bottom: Tensor, axes: Sequence[Windows], outside: float, nodes: Nodes) -> Tensor:
    """A pooling node; windows that lie outside the image (only a stride above the kernel makes them) get a constant."""
    inside = [axis._replace(times=axis.times - axis.beyond) for axis in axes]
    attributes: dict[str, Any] = dict(_attributes(inside))
    if operator == "AveragePool":
        attributes["count_include_pad"] = 1
    pooled = nodes.add(operator, [bottom], (bottom.sides[0], *(axis.times for axis in inside)), **attributes)
    if inside == list(axes):
        return pooled
    frame = nodes.whole([0] * 6 + [axis.beyond for axis in axes], "frame")
    sides = (bottom.sides[0], *(axis.times for axis in axes))
    return nodes.add("Pad", [pooled, frame, nodes.floats(outside, "outside")], sides)


def maximum(bottom: Tensor, axes: Sequence[Windows], nodes: Nodes) -> Tensor:
    """The largest pixel of each window; padding is never the largest."""
    return _pooled("MaxPool", bottom, axes, _LOWEST, nodes)


def average(layer: Layer, bottom: Tensor, axes: Sequence[Windows], nodes: Nodes) -> Tensor:
    """The sum of each window over its size, the padding in it being zeros that count."""
    sums = _pooled("AveragePool", bottom, axes, 0.0, nodes)
    sizes = np.multiply.outer(*(axis.sizes() for axis in axes))
    full = axes[0].kernel * axes[1].kernel
    if (sizes == full).all():
        return sums
    if (sizes == 0).any():
        raise UnsupportedLayer(
            f"{called(layer)}: its last window lies outside the image, where Caffe itself"
            " divides by 0; a stride no larger than the kernel avoids that"
        )
    share = nodes.weight((full / sizes).astype(np.float32), "share")
    return nodes.add("Mul", [sums, share], sums.sides)


def _stochastic(bottom: Tensor, axes: Sequence[Windows], nodes: Nodes) -> Tensor:
    """What Caffe does in its TEST phase: the pixels' mean weighted with themselves, 0 where they sum to 0 or less."""
    mean = _pooled("AveragePool", bottom, axes, 0.0, nodes)
    square = nodes.add("Mul", [bottom, bottom], bottom.sides)
    squares = _pooled("AveragePool", square, axes, 0.0, nodes)
    zero, one = nodes.floats(0.0, "zero"), nodes.floats(1.0, "one")
    positive = nodes.add("Greater", [mean, zero], mean.sides)
    divisor = nodes.add("Where", [positive, mean, one], mean.sides)
    ratio = nodes.add("Div", [squares, divisor], mean.sides)
    return nodes.add("Where", [positive, ratio, zero], mean.sides)


def _mask(layer: Layer, bottom: Tensor, axes: Sequence[Windows], nodes: Nodes) -> list[Tensor]:
    """The maximum, and where in its plane it was found (row by row, as a float), the first of equals."""
    if any(axis.beyond for axis in axes):
        raise UnsupportedLayer(f"{called(layer)}: a mask of windows outside the image")
    sides = (bottom.sides[0], *(axis.times for axis in axes))
    largest, places = nodes.add_several("MaxPool", [bottom], [sides, sides], **_attributes(axes))
    plane = nodes.whole([axes[0].side * axes[1].side], "plane")
    inside = nodes.add("Mod", [places, plane], sides)
    return [largest, nodes.add("Cast", [inside], sides, to=1)]


def _read(layer: Layer, size: tuple[int, int]) -> Pool:
    param = layer.params.pooling_param
    kernel = _pair(layer, "kernel_size", "kernel_h", "kernel_w")
    stride = _pair(layer, "stride", "stride_h", "stride_w")
    pad = _pair(layer, "pad", "pad_h", "pad_w")
    if param.global_pooling:
        named = any(param.HasField(field) for field in ("kernel_size", "kernel_h", "kernel_w"))
        if named or pad != (0, 0) or stride != (1, 1):
            raise SourceDamaged(f"{called(layer)}: global_pooling takes no kernel, pad or stride beside it")
        kernel = size
    return Pool(param.pool, kernel, stride, pad, up=param.round_mode != _FLOOR)


def _pair(layer: Layer, both: str, high: str, wide: str) -> tuple[int, int]:
    """Height and width of one parameter; *_h and *_w come together and instead of the one number for both."""
    param = layer.params.pooling_param
    apart = param.HasField(high), param.HasField(wide)
    if any(apart) and (param.HasField(both) or not all(apart)):
        raise SourceDamaged(f"{called(layer)}: give either {both}, or {high} and {wide}, not a mixture")
    return (getattr(param, high), getattr(param, wide)) if all(apart) else (getattr(param, both),) * 2


@layer("Pooling", remarks="MAX (with mask), AVE, STOCHASTIC as in TEST; global; round_mode CEIL and FLOOR")
def pooling(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The largest or the mean pixel of windows; see lay_windows for their count."""
    bottom = bottoms[0]
    _, height, width = four_axes(layer, bottom)
    pool = _read(layer, (height, width))
    axes = lay_windows(layer, (height, width), pool)
    if pool.method == MAX:
        return _mask(layer, bottom, axes, nodes) if len(layer.tops) > 1 else [maximum(bottom, axes, nodes)]
    if pool.method == AVE:
        return [average(layer, bottom, axes, nodes)]
    if any(pool.pad):
        raise SourceDamaged(f"{called(layer)}: stochastic pooling takes no pad")
    return [_stochastic(bottom, axes, nodes)]


@layer("SPP", remarks="spatial pyramid of MAX or AVE poolings")
def spp(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """Poolings into 1, 2x2, 4x4, ... windows, each flattened, one behind the other (a single level stays as it is)."""
    bottom, param = bottoms[0], layer.params.spp_param
    _, height, width = four_axes(layer, bottom)
    if not 1 <= param.pyramid_height <= 16 or param.pool == STOCHASTIC:
        raise UnsupportedLayer(
            f"{called(layer)}: pyramid_height {param.pyramid_height} with pool {param.pool} is not"
            " supported; 1 to 16 levels of MAX or AVE are"
        )
    levels = []
    for level in range(param.pyramid_height):
        axes = lay_windows(layer, (height, width), _level(1 << level, (height, width), param.pool))
        levels.append(maximum(bottom, axes, nodes) if param.pool == MAX else average(layer, bottom, axes, nodes))
    if len(levels) == 1:
        return levels
    flat = [nodes.add("Flatten", [tensor], (tensor.values,), axis=1) for tensor in levels]
    return [nodes.add("Concat", flat, (sum(tensor.values for tensor in flat),), axis=1)]


def _level(bins: int, size: tuple[int, int], method: int) -> Pool:
    """Kernel and pad of one level (Caffe: spp_layer.cpp, GetPoolingParam)."""
    high, wide = (-(-side // bins) for side in size)
    pad = ((high * bins - size[0] + 1) // 2, (wide * bins - size[1] + 1) // 2)
    return Pool(method, (high, wide), (high, wide), pad)
