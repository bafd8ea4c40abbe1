"""Convolution, deconvolution, inner product and pooling in plain numpy, as Caffe's own loops do them."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.caffe.net import Layer

_FLT_MAX = np.finfo(np.float32).max


def _numbers(param: Any, axes: int, name: str, default: int) -> list[int]:
    """One number per spatial axis: name_h and name_w where given, else `name` (for the kernel: kernel_size)."""
    short = name.removesuffix("_size")
    if f"{short}_h" in param.DESCRIPTOR.fields_by_name and param.HasField(f"{short}_h"):
        return [getattr(param, f"{short}_h"), getattr(param, f"{short}_w")]
    given = getattr(param, name)
    listed = [given] if isinstance(given, int) else (list(given) or [default])
    return listed * axes if len(listed) == 1 else listed


def _inside(whole: int, places: Sequence[Any]) -> tuple[Any, ...]:
    """An index that takes the first axes whole and the places of the others."""
    return (*(slice(None) for _ in range(whole)), *places)


def convolution(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """im2col, then one matrix product per group and image."""
    param = layer.params.convolution_param
    return [_convolve(layer, images, param) for images in bottoms]


def _convolve(layer: Layer, images: np.ndarray, param: Any) -> np.ndarray:
    axes = images.ndim - 2
    kernel, stride = _numbers(param, axes, "kernel_size", 0), _numbers(param, axes, "stride", 1)
    pad, dilation = _numbers(param, axes, "pad", 0), _numbers(param, axes, "dilation", 1)
    groups, outputs, channels = param.group, param.num_output, images.shape[1]
    sides = [
        (side + 2 * p - (d * (k - 1) + 1)) // s + 1
        for side, p, d, k, s in zip(images.shape[2:], pad, dilation, kernel, stride, strict=True)
    ]
    weights = layer.blobs[0].reshape(groups, outputs // groups, -1).astype(np.float32, copy=False)
    result = np.empty((len(images), outputs, *sides), dtype=np.float32)
    columns = np.empty((channels, *kernel, *sides), dtype=np.float32)
    for number, image in enumerate(images):
        padded = np.pad(image, [(0, 0), *((p, p) for p in pad)])
        for place in itertools.product(*(range(k) for k in kernel)):
            seen = [
                slice(at * d, at * d + (count - 1) * s + 1, s)
                for at, d, count, s in zip(place, dilation, sides, stride, strict=True)
            ]
            columns[_inside(1, place)] = padded[_inside(1, seen)]
        product = weights @ columns.reshape(groups, -1, math.prod(sides))
        result[number] = product.reshape(outputs, *sides)
    return _with_bias(layer, result, biased=param.bias_term)


def deconvolution(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Every pixel writes its kernel, and where kernels overlap they add up."""
    param = layer.params.convolution_param
    return [_spread(layer, images, param) for images in bottoms]


def _spread(layer: Layer, images: np.ndarray, param: Any) -> np.ndarray:
    axes = images.ndim - 2
    kernel, stride = _numbers(param, axes, "kernel_size", 0), _numbers(param, axes, "stride", 1)
    pad, dilation = _numbers(param, axes, "pad", 0), _numbers(param, axes, "dilation", 1)
    groups, outputs, (channels, *sides) = param.group, param.num_output, images.shape[1:]
    weights = layer.blobs[0].reshape(groups, channels // groups, outputs // groups, *kernel)
    full = [s * (side - 1) + d * (k - 1) + 1 for side, s, d, k in zip(sides, stride, dilation, kernel, strict=True)]
    canvas = np.zeros((len(images), groups, outputs // groups, *full), dtype=np.float32)
    grouped = images.reshape(len(images), groups, channels // groups, *sides)
    for place in itertools.product(*(range(k) for k in kernel)):
        tap = weights[_inside(3, place)]
        written = [
            slice(at * d, at * d + (side - 1) * s + 1, s)
            for at, d, side, s in zip(place, dilation, sides, stride, strict=True)
        ]
        canvas[_inside(3, written)] += np.einsum("ngc...,gco->ngo...", grouped, tap)
    inside = [slice(p, length - p) for p, length in zip(pad, full, strict=True)]
    result = canvas.reshape(len(images), outputs, *full)[_inside(2, inside)]
    return _with_bias(layer, result, biased=param.bias_term)


def _with_bias(layer: Layer, result: np.ndarray, *, biased: bool) -> np.ndarray:
    if not biased:
        return result
    return result + layer.blobs[1].reshape(-1, *(1 for _ in result.shape[2:])).astype(np.float32)


def inner_product(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Rows times the matrix."""
    param, bottom = layer.params.inner_product_param, bottoms[0]
    kept = bottom.shape[: range(bottom.ndim)[param.axis]]
    rows = bottom.reshape(math.prod(kept), -1)
    if param.transpose:
        product = rows @ layer.blobs[0].reshape(rows.shape[1], param.num_output)
    else:
        product = rows @ layer.blobs[0].reshape(param.num_output, rows.shape[1]).T
    if param.bias_term:
        product = product + layer.blobs[1].reshape(-1)
    return [product.reshape(*kept, param.num_output).astype(np.float32, copy=False)]


def pooling(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Window by window."""
    param, images = layer.params.pooling_param, bottoms[0]
    if param.global_pooling:
        kernel, stride, pad = list(images.shape[2:]), [1, 1], [0, 0]
    else:
        kernel, stride = _numbers(param, 2, "kernel_size", 0), _numbers(param, 2, "stride", 1)
        pad = _numbers(param, 2, "pad", 0)
    method = param.DESCRIPTOR.fields_by_name["pool"].enum_type.values_by_number[param.pool].name
    masked = len(layer.tops) > 1
    return pool(images, method, (kernel, stride, pad), up=param.round_mode == 0, masked=masked)


def pool(
    images: np.ndarray,
    method: str,
    window: tuple[Sequence[int], Sequence[int], Sequence[int]],
    *,
    up: bool = True,
    masked: bool = False,
) -> list[np.ndarray]:
    """The pooled images and, if asked, the mask of a MAX; `window`: kernel, stride and pad of height and width."""
    kernel, stride, pad = window
    sides, rounded = images.shape[2:], math.ceil if up else math.floor
    counts = [rounded((sides[at] + 2 * pad[at] - kernel[at]) / stride[at]) + 1 for at in (0, 1)]
    if any(pad):
        counts = [c - 1 if (c - 1) * stride[at] >= sides[at] + pad[at] else c for at, c in enumerate(counts)]
    result = np.zeros((*images.shape[:2], *counts), dtype=np.float32)
    mask = np.full(result.shape if masked else (0,) * 4, -1, dtype=np.float32)
    for row, column in itertools.product(*(range(count) for count in counts)):
        start = [row * stride[0] - pad[0], column * stride[1] - pad[1]]
        end = [min(start[at] + kernel[at], sides[at] + pad[at]) for at in (0, 1)]
        size = (end[0] - start[0]) * (end[1] - start[1])
        top, left = max(start[0], 0), max(start[1], 0)
        seen = images[:, :, top : max(top, min(end[0], sides[0])), left : max(left, min(end[1], sides[1]))]
        if method == "MAX":
            result[:, :, row, column] = seen.max(axis=(2, 3), initial=-_FLT_MAX)
            if masked:
                mask[:, :, row, column] = _place_of_largest(seen, (top, left), sides[1])
        elif method == "AVE":
            result[:, :, row, column] = seen.sum(axis=(2, 3)) / size
        else:
            total = seen.sum(axis=(2, 3))
            squares = (seen * seen).sum(axis=(2, 3))
            result[:, :, row, column] = np.where(total > 0, squares / np.where(total > 0, total, 1), 0)
    return [result, mask] if masked else [result]


def _place_of_largest(seen: np.ndarray, corner: tuple[int, int], width: int) -> np.ndarray:
    """Where in its plane, counted row by row, the largest value of each window is, the first of equals; -1 of none."""
    if 0 in seen.shape[2:]:
        return np.full(seen.shape[:2], -1.0)
    rows, columns = np.divmod(seen.reshape(*seen.shape[:2], -1).argmax(axis=2), seen.shape[3])
    place: np.ndarray = (rows + corner[0]) * width + columns + corner[1]
    return place


def spp(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """A pyramid of poolings."""
    param, images = layer.params.spp_param, bottoms[0]
    levels = []
    for level in range(param.pyramid_height):
        bins = 2**level
        kernel = [math.ceil(side / bins) for side in images.shape[2:]]
        pad = [(k * bins - side + 1) // 2 for k, side in zip(kernel, images.shape[2:], strict=True)]
        levels.append(pool(images, "MAX" if param.pool == 0 else "AVE", (kernel, kernel, pad))[0])
    if len(levels) == 1:
        return levels
    return [np.concatenate([level.reshape(len(images), -1) for level in levels], axis=1)]
