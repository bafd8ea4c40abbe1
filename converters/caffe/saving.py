"""Caffe files written: a prototxt for deployment, a binary caffemodel in the new or the V1 format, a mean file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from google.protobuf import text_format

from converters.caffe import messages
from converters.caffe.net import Transform
from converters.caffe.upgrade import V1_TYPES
from converters.refusals import UnsupportedLayer

# tags: number of the field and wire type "bytes"
_LAYER_TAG, _LAYERS_TAG, _BLOBS_TAG, _V1_BLOBS_TAG, _DATA_TAG = b"\xa2\x06", b"\x12", b"\x3a", b"\x32", b"\x2a"


@dataclass(frozen=True)
class Made:
    """A layer to write: a LayerParameter without blobs, and its blobs as float32 arrays."""

    layer: Any
    blobs: tuple[np.ndarray, ...] = ()


def save_prototxt(path: Path, name: str, shape: Sequence[int], layers: Sequence[Made], *, legacy: bool = False) -> None:
    """Write a net for deployment: an Input layer of a shape [n, c, h, w], or input fields before V1 layers.

    Raises UnsupportedLayer for a layer that V1 does not have.
    """
    net = messages.NetParameter(name=name)
    if legacy:
        net.input.append("data")
        net.input_dim.extend(shape)
        net.layers.extend(_as_v1(made.layer) for made in layers)
    else:
        entry = net.layer.add(name="data", type="Input", top=["data"])
        entry.input_param.shape.add(dim=shape)
        net.layer.extend(made.layer for made in layers)
    path.write_text(text_format.MessageToString(net), encoding="utf-8")


def save_caffemodel(
    path: Path, name: str, layers: Sequence[Made], *, transform: Transform | None = None, legacy: bool = False
) -> None:
    """Write the weights, with the layers that they belong to; blobs go to the file without a copy.

    A `transform` is written as Caffe does when it saves: in the data layer that the net was trained with.
    Raises UnsupportedLayer for a layer that V1 does not have.
    """
    written = [Made(_data_layer(transform)), *layers] if transform else list(layers)
    rests = [(_as_v1(made.layer) if legacy else made.layer).SerializeToString() for made in written]
    with path.open("wb") as file:
        file.write(messages.NetParameter(name=name).SerializeToString())
        for made, rest in zip(written, rests, strict=True):
            heads = [_shape(blob, legacy) + _DATA_TAG + varint(4 * blob.size) for blob in made.blobs]
            sizes = [len(head) + 4 * blob.size for head, blob in zip(heads, made.blobs, strict=True)]
            tags = [(_V1_BLOBS_TAG if legacy else _BLOBS_TAG) + varint(size) for size in sizes]
            whole = len(rest) + sum(map(len, tags)) + sum(sizes)
            file.write((_LAYERS_TAG if legacy else _LAYER_TAG) + varint(whole) + rest)
            for tag, head, blob in zip(tags, heads, made.blobs, strict=True):
                file.write(tag + head)
                _write(file, blob)


def save_mean(path: Path, mean_CHW: np.ndarray) -> None:
    """Write a mean image [c, h, w], 0..255, as Caffe's compute_image_mean does."""
    channels, height, width = mean_CHW.shape
    blob = messages.BlobProto(num=1, channels=channels, height=height, width=width)
    with path.open("wb") as file:
        file.write(blob.SerializeToString() + _DATA_TAG + varint(4 * mean_CHW.size))
        _write(file, mean_CHW)


def varint(value: int) -> bytes:
    """A number as protobuf writes it, base 128."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _write(file: BinaryIO, array: np.ndarray) -> None:
    file.write(np.ascontiguousarray(array, "<f4").data)


def _shape(blob: np.ndarray, legacy: bool) -> bytes:
    """A BlobProto that says only a shape; V1 blobs have four axes, filled up in front."""
    if not legacy:
        return bytes(messages.BlobProto(shape=messages.BlobShape(dim=blob.shape)).SerializeToString())
    sides = (1,) * (4 - blob.ndim) + blob.shape
    named = dict(zip(("num", "channels", "height", "width"), sides, strict=True))
    return bytes(messages.BlobProto(**named).SerializeToString())


def _data_layer(transform: Transform) -> Any:
    """The data layer of a net in training, which says what was done to pixels."""
    layer = messages.LayerParameter(name="data", type="Data", top=["data", "label"])
    layer.transform_param.scale = transform.scale
    layer.transform_param.crop_size = transform.crop_size
    layer.transform_param.mean_value.extend(transform.mean_values)
    if transform.mean_file:
        layer.transform_param.mean_file = transform.mean_file
    layer.data_param.batch_size = 1
    return layer


def _as_v1(layer: Any) -> Any:
    """A new layer in V1's words. Raises UnsupportedLayer for a type or field that V1 lacks."""
    names = {new: old for old, new in V1_TYPES.items()}
    if layer.type not in names:
        raise UnsupportedLayer(f"{layer.type} is no layer of the V1 format; write the new one.")
    old = messages.V1LayerParameter(type=names[layer.type])
    for field, value in layer.ListFields():
        if field.name == "type":
            continue
        if messages.repeated(field):
            getattr(old, field.name).extend(value)
        elif field.message_type:
            getattr(old, field.name).CopyFrom(value)
        else:
            setattr(old, field.name, value)
    return old
