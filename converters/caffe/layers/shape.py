"""Layers that move values and change none: Concat, Slice, Split, Crop, Reshape, Flatten, Permute, Tile, Dropout."""

import itertools
import math
from collections.abc import Sequence

from converters.caffe.layers.axes import canonical, inner, mixes_images
from converters.caffe.layers.table import MANY, layer
from converters.caffe.net import Layer
from converters.caffe.nodes import Nodes, Tensor, called
from converters.refusals import SourceDamaged


@layer("Dropout", remarks="identity, as in TEST")
def dropout(_layer: Layer, bottoms: Sequence[Tensor], _nodes: Nodes) -> list[Tensor]:
    """Identity: Caffe scales in training."""
    return [bottoms[0]]


@layer("Split", remarks="one blob under several names")
def split(layer: Layer, bottoms: Sequence[Tensor], _nodes: Nodes) -> list[Tensor]:
    """The same blob under several names."""
    return [bottoms[0]] * len(layer.tops)


@layer("Silence", remarks="left out, and what it reads is no output", bottoms=(1, MANY))
def silence(_layer: Layer, _bottoms: Sequence[Tensor], _nodes: Nodes) -> list[Tensor]:
    """Nothing: what it reads is not to be an output."""
    return []


@layer("Concat", remarks="any axis but the batch; the older concat_dim", bottoms=(1, MANY))
def concat(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """Blobs one behind the other along an axis."""
    param, first = layer.params.concat_param, bottoms[0]
    at = inner(layer, first, param.concat_dim if param.HasField("concat_dim") else param.axis) - 1
    others = {(*bottom.sides[:at], -1, *bottom.sides[at + 1 :]) for bottom in bottoms}
    if len(others) != 1 or len({bottom.axes for bottom in bottoms}) != 1:
        raise SourceDamaged(f"{called(layer)}: its bottoms differ on other axes than axis {at + 1}")
    if len(bottoms) == 1:
        return [first]
    length = sum(bottom.sides[at] for bottom in bottoms)
    return [nodes.add("Concat", bottoms, (*first.sides[:at], length, *first.sides[at + 1 :]), axis=at + 1)]


@layer("Slice", remarks="any axis but the batch, slice_point or equal parts; the older slice_dim")
def slice_(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """A blob cut along an axis at the slice points, or into as many equal parts as there are tops."""
    param, bottom, count = layer.params.slice_param, bottoms[0], len(layer.tops)
    at = inner(layer, bottom, param.slice_dim if param.HasField("slice_dim") else param.axis) - 1
    length, points = bottom.sides[at], list(param.slice_point)
    cuts = [0, *points, length] if points else [length * part // count for part in range(count + 1)]
    lengths = [end - start for start, end in itertools.pairwise(cuts)]
    if len(lengths) != count or min(lengths) < 1 or (not points and length % count):
        raise SourceDamaged(
            f"{called(layer)}: {length} values on axis {at + 1} cannot be cut into {count} tops at"
            f" {points or 'equal parts'}"
        )
    if count == 1:
        return [bottom]
    sides = [(*bottom.sides[:at], part, *bottom.sides[at + 1 :]) for part in lengths]
    return nodes.add_several("Split", [bottom, nodes.whole(lengths, "lengths")], sides, axis=at + 1)


@layer("Crop", remarks="one offset, or one for each axis", bottoms=(2, 2))
def crop(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The first bottom cut to the second one's sides from `axis` on, beginning at the offsets."""
    param, (bottom, like) = layer.params.crop_param, bottoms
    start = canonical(layer, bottom, param.axis)
    offsets = list(param.offset) or [0]
    cropped = range(start, bottom.axes)
    if len(offsets) not in (1, len(cropped)) or like.axes < bottom.axes:
        raise SourceDamaged(f"{called(layer)}: {len(offsets)} offsets for {len(cropped)} axes")
    offsets = offsets * len(cropped) if len(offsets) == 1 else offsets
    if start == 0 and offsets[0]:
        raise mixes_images(layer, "drops images of a batch")
    sides, cuts = list(bottom.sides), []
    for axis, offset in zip(cropped, offsets, strict=True):
        if axis == 0:
            continue
        length = like.sides[axis - 1]
        if offset + length > sides[axis - 1]:
            raise SourceDamaged(
                f"{called(layer)}: {length} values from {offset} on do not fit axis {axis} with {sides[axis - 1]}"
            )
        if length != sides[axis - 1]:
            cuts.append((axis, offset, offset + length))
            sides[axis - 1] = length
    return [bottom if not cuts else cut(bottom, cuts, sides, nodes)]


def cut(bottom: Tensor, cuts: Sequence[tuple[int, int, int]], sides: Sequence[int], nodes: Nodes) -> Tensor:
    """One Slice node; each cut is an axis, its first place and the place behind its last."""
    axes, starts, ends = zip(*cuts, strict=True)
    places = [nodes.whole(numbers, what) for numbers, what in ((starts, "starts"), (ends, "ends"), (axes, "axes"))]
    return nodes.add("Slice", [bottom, *places], sides)


@layer("Flatten", remarks="from any axis but the batch")
def flatten(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The axes from `axis` to `end_axis` as one."""
    param, bottom = layer.params.flatten_param, bottoms[0]
    start, end = inner(layer, bottom, param.axis), inner(layer, bottom, param.end_axis)
    if end < start:
        raise SourceDamaged(f"{called(layer)}: axis {start} lies behind end_axis {end}")
    middle = math.prod(bottom.sides[start - 1 : end])
    return [_reshaped(bottom, (*bottom.sides[: start - 1], middle, *bottom.sides[end:]), nodes)]


def _reshaped(bottom: Tensor, sides: Sequence[int], nodes: Nodes) -> Tensor:
    if tuple(sides) == bottom.sides:
        return bottom
    if len(sides) == 1:
        return nodes.add("Flatten", [bottom], sides, axis=1)
    return nodes.add("Reshape", [bottom, nodes.whole([-1, *sides], "shape")], sides)


@layer("Reshape", remarks="0, -1, axis and num_axes; a literal batch becomes free")
def reshape(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """New axes in place of a stretch of old ones: 0 keeps the side at its place, one -1 is what is left."""
    param, bottom = layer.params.reshape_param, bottoms[0]
    # the batch stands as the number that the file says, so that a literal first side can be told from another number
    old = [nodes.batch, *bottom.sides]
    start = param.axis if param.axis >= 0 else len(old) + 1 + param.axis
    end = len(old) if param.num_axes == -1 else start + param.num_axes
    dims = [int(dim) for dim in param.shape.dim]
    if not 0 <= start <= end <= len(old) or dims.count(-1) > 1 or min(dims, default=0) < -1:
        raise SourceDamaged(
            f"{called(layer)}: shape {dims} for {param.num_axes} axes from axis {param.axis} on does"
            f" not fit a blob with {len(old)} axes"
        )
    new = [*old[:start], *_replaced(layer, old, start, dims), *old[end:]]
    if -1 in new:
        known = math.prod(side for side in new if side != -1)
        new[new.index(-1)] = math.prod(old) // max(known, 1)
    if math.prod(new) != math.prod(old):
        raise SourceDamaged(f"{called(layer)}: {old} does not become {new}; the counts differ")
    if not new or new[0] != nodes.batch or end == 0:
        raise mixes_images(layer, f"makes {new} of {old}")
    return [_reshaped(bottom, new[1:], nodes)]


def _replaced(layer: Layer, old: Sequence[int], start: int, dims: Sequence[int]) -> list[int]:
    if any(dim == 0 and start + at >= len(old) for at, dim in enumerate(dims)):
        raise SourceDamaged(f"{called(layer)}: a 0 in its shape has no axis to copy")
    return [old[start + at] if dim == 0 else dim for at, dim in enumerate(dims)]


@layer("Permute", remarks="of SSD's Caffe; the batch stays in front")
def permute(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """The axes in another order; those that it does not name come behind, in their own."""
    bottom, order = bottoms[0], [int(axis) for axis in layer.params.permute_param.order]
    if len(set(order)) != len(order) or max(order, default=0) >= bottom.axes:
        raise SourceDamaged(f"{called(layer)}: order {order} for a blob with {bottom.axes} axes")
    order += [axis for axis in range(bottom.axes) if axis not in order]
    if order[0] != 0:
        raise mixes_images(layer, f"with order {order} moves axis 0")
    if order == sorted(order):
        return [bottom]
    return [nodes.add("Transpose", [bottom], [bottom.sides[axis - 1] for axis in order[1:]], perm=order)]


@layer("Tile", remarks="any axis but the batch")
def tile(layer: Layer, bottoms: Sequence[Tensor], nodes: Nodes) -> list[Tensor]:
    """A blob several times one behind the other along an axis."""
    param, bottom = layer.params.tile_param, bottoms[0]
    at = inner(layer, bottom, param.axis) - 1
    if param.tiles < 1:
        raise SourceDamaged(f"{called(layer)}: tiles is {param.tiles}; 1 or more are needed")
    sides = [*bottom.sides[:at], bottom.sides[at] * param.tiles, *bottom.sides[at + 1 :]]
    repeats = [1] * bottom.axes
    repeats[at + 1] = param.tiles
    return [nodes.add("Tile", [bottom, nodes.whole(repeats, "repeats")], sides)]
