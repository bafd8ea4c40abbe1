"""Normalisations, Scale and Bias in plain numpy."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from converters.caffe.net import Layer
from converters.caffe.plain.spatial import pool


def lrn(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Local response normalisation, channel after channel or within each."""
    param, images = layer.params.lrn_param, bottoms[0]
    size, squares = param.local_size, images * images
    reach = (size - 1) // 2
    if param.norm_region == 1:
        mean = pool(squares, "AVE", ([size, size], [1, 1], [reach, reach]))[0]
        return [images * (1 + param.alpha * mean) ** -param.beta]
    sums = np.stack([squares[:, max(0, c - reach) : c + reach + 1].sum(axis=1) for c in range(images.shape[1])], axis=1)
    return [(images * (param.k + param.alpha / size * sums) ** -param.beta).astype(np.float32)]


def batch_norm(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Stored mean and variance, both divided by the stored factor."""
    mean, variance, factor, *gain = (np.asarray(blob, dtype=np.float64).reshape(-1) for blob in layer.blobs)
    by = 0 if factor[0] == 0 else 1 / factor[0]
    shape = (-1, *(1 for _ in bottoms[0].shape[2:]))
    deviation = np.sqrt(variance * by + layer.params.batch_norm_param.eps)
    result = (bottoms[0] - (mean * by).reshape(shape)) / deviation.reshape(shape)
    if gain:
        result = result * gain[0].reshape(shape) + gain[1].reshape(shape)
    return [result.astype(np.float32)]


def _laid(blob: np.ndarray, bottom: np.ndarray, param: Any) -> np.ndarray:
    """A learned blob with as many axes as the bottom, its own beginning at `axis`."""
    if param.num_axes == 0:
        return blob.reshape(1).astype(np.float32)
    axis = param.axis % bottom.ndim
    end = bottom.ndim if param.num_axes == -1 else axis + param.num_axes
    sides = [side if axis <= at < end else 1 for at, side in enumerate(bottom.shape)]
    return blob.reshape(sides).astype(np.float32)


def _beside(other: np.ndarray, bottom: np.ndarray, axis: int) -> np.ndarray:
    """A second bottom with as many axes as the first, its own beginning at `axis`."""
    axis %= bottom.ndim
    return other.reshape((1,) * axis + other.shape + (1,) * (bottom.ndim - axis - other.ndim))


def scale(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Times a factor, plus a shift."""
    param, bottom = layer.params.scale_param, bottoms[0]
    if len(bottoms) > 1:
        return [bottom * _beside(bottoms[1], bottom, param.axis)]
    result = bottom * _laid(layer.blobs[0], bottom, param)
    return [result + _laid(layer.blobs[1], bottom, param) if param.bias_term else result]


def bias(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Plus a shift."""
    param, bottom = layer.params.bias_param, bottoms[0]
    if len(bottoms) > 1:
        return [bottom + _beside(bottoms[1], bottom, param.axis)]
    return [bottom + _laid(layer.blobs[0], bottom, param)]


def mvn(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Zero mean and, if asked, unit variance for each image or each of its channels."""
    param = layer.params.mvn_param
    images = bottoms[0].reshape(*bottoms[0].shape, *(1 for _ in range(4 - bottoms[0].ndim)))
    axes = (1, 2, 3) if param.across_channels else (2, 3)
    centred = images - images.mean(axis=axes, keepdims=True)
    if not param.normalize_variance:
        return [centred]
    deviation = np.sqrt((centred * centred).mean(axis=axes, keepdims=True))
    return [(centred / (deviation + param.eps)).astype(np.float32)]
