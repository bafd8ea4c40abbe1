"""The images that go into a net: what stands for its data layer, their shape, and what is done to their pixels."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converters.caffe.layers import LOSSES, SINKS
from converters.caffe.net import Layer, Transform
from converters.refusals import SourceDamaged, SourceIncomplete

Shape = tuple[int, ...]
# layers without bottoms that give no data
_NO_DATA = frozenset({"Input", "Parameter"})
# layers that leave the number of channels as it is
_SAME_CHANNELS = frozenset(
    {"AbsVal", "BNLL", "BatchNorm", "Bias", "Clip", "Dropout", "ELU", "Exp", "LRN", "Log", "MVN", "PReLU", "Pooling"}
    | {"Power", "ReLU", "Scale", "Sigmoid", "Split", "Swish", "TanH", "Threshold"}
)
_SIDE_LIMIT = 16_384


@dataclass(frozen=True)
class Entry:
    """The blob of a net that images go into: its `name`, the data layer that gives it, or the shape that is stated."""

    name: str
    data: Any = None
    shape: Shape = ()


@dataclass(frozen=True)
class Entries:
    """What goes into a net, and the layers that work on it without knowing labels."""

    inputs: tuple[Entry, ...]
    layers: tuple[Any, ...]


@dataclass(frozen=True)
class Known:
    """What is known of the images from elsewhere: the user's words, the mean image, what the data layer does."""

    size: tuple[int, int] | None = None
    channels: int | None = None
    mean: np.ndarray | None = None
    transform: Transform = field(default_factory=Transform)


def is_data(layer: Any) -> bool:
    """Whether a layer gives data: it reads nothing. Of its tops the first is images, the others are labels."""
    return not layer.bottom and bool(layer.top) and layer.type not in _NO_DATA


def entries_of(layers: Sequence[Any], name: str) -> Entries:
    """The inputs of a net, from its Input or data layers, and its layers without what only labels can feed.

    Losses and measures stay, for they have a place in inference or none that hurts. A net without any input reads a
    blob that nothing gives: that is its input, of unknown shape. Raises SourceDamaged.
    """
    inputs = [entry for layer in layers if layer.type == "Input" for entry in _declared(layer, name)]
    tops = [(top, layer) for layer in layers if is_data(layer) for top in layer.top]
    if not inputs and tops:
        inputs = [_images(tops, layers)]
    given = {entry.name for entry in inputs}
    labels = {top for top, _ in tops} - given
    kept: list[Any] = []
    for layer in layers:
        if layer.type == "Input" or is_data(layer):
            continue
        tainted = labels.intersection(layer.bottom[:1] if layer.type in LOSSES | SINKS else layer.bottom)
        if tainted:
            labels.update(layer.top)
        else:
            labels.difference_update(layer.top)
            kept.append(layer)
    if not inputs:
        inputs = [Entry(unmade) for unmade in _unmade(kept)[:1]]
    if not inputs:
        raise SourceDamaged(f"{name}: no layer reads anything; the net has no input.")
    return Entries(tuple(inputs), tuple(kept))


def _declared(layer: Any, name: str) -> list[Entry]:
    """The tops of an Input layer with their shapes: one for each, one for all, or none."""
    shapes = [tuple(shape.dim) for shape in layer.input_param.shape]
    if len(shapes) not in {0, 1, len(layer.top)}:
        raise SourceDamaged(
            f"{name}: layer {layer.name[:80]!r} has {len(layer.top)} tops, but {len(shapes)} shapes; give one for each."
        )
    if any(not 0 < side < 2**31 for shape in shapes for side in shape):
        raise SourceDamaged(f"{name}: input {layer.name[:80]!r} has a side below 1; write its true shape.")
    shapes = shapes or [()]
    return [Entry(top, None, shapes[at % len(shapes)]) for at, top in enumerate(layer.top)]


def _images(tops: Sequence[tuple[str, Any]], layers: Sequence[Any]) -> Entry:
    """The top of the data layers that images come from: the first that a layer works on."""
    judged = LOSSES | SINKS | {"Silence"}
    read = {layer.bottom[0] for layer in layers if layer.bottom and layer.type not in judged}
    name, layer = next(((top, layer) for top, layer in tops if top in read), tops[0])
    return Entry(name, layer)


def _unmade(layers: Iterable[Any]) -> list[str]:
    """Blobs that layers read and nothing before them gives."""
    made: set[str] = set()
    unmade: dict[str, None] = {}
    for layer in layers:
        unmade |= dict.fromkeys(bottom for bottom in layer.bottom if bottom not in made)
        made.update(layer.top)
    return list(unmade)


def transform_of(layer: Any, name: str) -> Transform:
    """What a data layer does to pixels. Raises SourceDamaged."""
    said = layer.transform_param
    if said.mean_file and said.mean_value:
        raise SourceDamaged(f"{name}: layer {layer.name[:80]!r} has mean_file and mean_value; Caffe takes one of them.")
    numbers = (said.scale, *said.mean_value)
    if not all(map(math.isfinite, numbers)) or said.scale == 0:
        raise SourceDamaged(f"{name}: layer {layer.name[:80]!r} has a scale or mean that no pixel survives.")
    if said.crop_size > _SIDE_LIMIT:
        raise SourceDamaged(f"{name}: crop_size is {said.crop_size}, but images have {_SIDE_LIMIT} pixels at most.")
    return Transform(said.scale, said.crop_size, tuple(said.mean_value), said.mean_file, said.force_gray)


def shape_of(entry: Entry, layers: Sequence[Layer], known: Known, name: str) -> Shape:
    """The shape [n, c, h, w] of an input: as stated, or from the data layer, the weights, the mean and the user.

    The user's size counts before a stated one; what nobody states is refused with the way out: SourceIncomplete.
    """
    if entry.shape:
        return (*entry.shape[:2], *known.size) if known.size and len(entry.shape) == 4 else entry.shape
    batch, stated, *sides = _stated(entry.data)
    channels = _channels_read(entry.name, layers) or stated or _channels_said(entry.data, known)
    size: Shape = known.size or _sides(sides, known)
    if not all(size):
        channels, *found = _unflattened(entry.name, layers, channels)
        size = tuple(found)
    if not all(size):
        raise SourceIncomplete(f"{name}: does not say how large its images are; pass --size HEIGHT WIDTH.")
    if not channels:
        raise SourceIncomplete(
            f"{name}: does not say if its images are grey or in colour; say channels = 1 or 3 in a card, with --card."
        )
    if max(size) > _SIDE_LIMIT:
        raise SourceDamaged(f"{name}: has images of {size[0]} x {size[1]}; sides go up to {_SIDE_LIMIT}.")
    return (batch, channels, *size)


def _stated(layer: Any) -> Shape:
    """What a data layer says of its images: (n, channels, height, width), 0 for what it leaves open."""
    if layer is None:
        return (1, 0, 0, 0)
    if layer.type == "MemoryData":
        memory = layer.memory_data_param
        return (max(1, memory.batch_size), memory.channels, memory.height, memory.width)
    if layer.type == "DummyData":
        dummy = layer.dummy_data_param
        shape = tuple(dummy.shape[0].dim) if dummy.shape else ()
        old = tuple(sides[0] for sides in (dummy.num, dummy.channels, dummy.height, dummy.width) if sides)
        shape = shape or old
        return shape if len(shape) == 4 and min(shape) > 0 else (1, 0, 0, 0)
    if layer.type == "ImageData":
        images = layer.image_data_param
        return (max(1, images.batch_size), 0, images.new_height, images.new_width)
    batches = {"HDF5Data": layer.hdf5_data_param, "WindowData": layer.window_data_param}
    return (max(1, batches.get(layer.type, layer.data_param).batch_size), 0, 0, 0)


def _sides(stated: Sequence[int], known: Known) -> Shape:
    """Height and width: what the crop leaves, else what the data layer states, else those of the mean image."""
    crop = known.transform.crop_size
    if crop:
        return (crop, crop)
    if not all(stated) and known.mean is not None and known.mean.shape[1:] != (1, 1):
        return known.mean.shape[1:]
    return tuple(stated)


def _channels_said(layer: Any, known: Known) -> int:
    """Channels by everything but the weights; 0 where nothing says them."""
    if known.mean is not None:
        return int(known.mean.shape[0])
    if len(known.transform.mean_values) == 3:
        return 3
    if known.transform.force_gray:
        return 1
    if known.channels:
        return int(known.channels)
    if layer is not None and layer.type == "ImageData":
        return 3 if layer.image_data_param.is_color else 1
    return 0


def _channels_read(name: str, layers: Iterable[Layer]) -> int:
    """The channels that the first layers with weights want of an input; 0 where they do not say."""
    same = {name}
    for layer in layers:
        if not same.intersection(layer.bottoms[:1]):
            continue
        weights = layer.blobs[0] if layer.blobs else np.zeros(0)
        if layer.type == "Convolution" and weights.ndim >= 3:
            return int(weights.shape[1]) * max(1, int(layer.params.convolution_param.group))
        if layer.type == "Deconvolution" and weights.ndim >= 3:
            return int(weights.shape[0])
        if layer.type == "BatchNorm":
            return int(weights.size)
        if layer.type in _SAME_CHANNELS:
            same.update(layer.tops)
    return 0


def _unflattened(name: str, layers: Iterable[Layer], channels: int) -> Shape:
    """(channels, height, width) of square images that a first InnerProduct takes flat; zeros where there is none."""
    same = {name}
    for layer in layers:
        if not same.intersection(layer.bottoms[:1]):
            continue
        if layer.type == "InnerProduct" and layer.blobs and layer.blobs[0].ndim >= 2:
            flat = layer.blobs[0].shape[-2 if layer.params.inner_product_param.transpose else -1]
            for count in (channels,) if channels else (1, 3):
                side = math.isqrt(flat // count)
                if count * side * side == flat:
                    return (count, side, side)
        if layer.type in _SAME_CHANNELS - {"Pooling"} | {"Flatten"}:
            same.update(layer.tops)
    return (channels, 0, 0)
