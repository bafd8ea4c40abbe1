"""Layers that only move values, in plain numpy."""

from collections.abc import Sequence

import numpy as np

from converters.caffe.net import Layer


def same(_layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What came in."""
    return [bottoms[0]]


def split(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """What came in, for every top."""
    return [bottoms[0] for _ in layer.tops]


def nothing(_layer: Layer, _bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """No result."""
    return []


def concat(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """One behind the other."""
    param = layer.params.concat_param
    return [np.concatenate(bottoms, axis=param.concat_dim if param.HasField("concat_dim") else param.axis)]


def slice_(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Cut at the points, or into equal parts."""
    param = layer.params.slice_param
    cuts = list(param.slice_point) or len(layer.tops)
    return np.split(bottoms[0], cuts, axis=param.slice_dim if param.HasField("slice_dim") else param.axis)


def crop(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The first cut to the second."""
    param, (x, like) = layer.params.crop_param, bottoms
    start = param.axis % x.ndim
    given = list(param.offset) or [0]
    offsets = given * (x.ndim - start) if len(given) == 1 else given
    places = [slice(None)] * start
    places += [slice(offset, offset + like.shape[start + at]) for at, offset in enumerate(offsets)]
    return [x[tuple(places)]]


def flatten(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Some axes as one."""
    param, x = layer.params.flatten_param, bottoms[0]
    start, end = param.axis % x.ndim, param.end_axis % x.ndim
    return [x.reshape(*x.shape[:start], -1, *x.shape[end + 1 :])]


def reshape(layer: Layer, bottoms: Sequence[np.ndarray], batch: int) -> list[np.ndarray]:
    """Other axes; a first side that is the file's own batch stands for the batch that came in."""
    param, x = layer.params.reshape_param, bottoms[0]
    start = param.axis if param.axis >= 0 else x.ndim + 1 + param.axis
    end = x.ndim if param.num_axes == -1 else start + param.num_axes
    middle = [x.shape[start + at] if dim == 0 else int(dim) for at, dim in enumerate(param.shape.dim)]
    if start == 0 and middle and param.shape.dim[0] == batch:
        middle[0] = x.shape[0]
    return [x.reshape(*x.shape[:start], *middle, *x.shape[end:])]


def permute(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Axes in another order, the rest behind."""
    order = list(layer.params.permute_param.order)
    return [bottoms[0].transpose(*order, *(axis for axis in range(bottoms[0].ndim) if axis not in order))]


def tile(layer: Layer, bottoms: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Several times along an axis."""
    param, x = layer.params.tile_param, bottoms[0]
    return [np.concatenate([x] * param.tiles, axis=param.axis)]
