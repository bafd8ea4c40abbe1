"""Binary caffemodels: names and weights of their layers as views of the file, and the net that they describe."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

from converters.caffe import messages
from converters.caffe.blobs import mapped, read_blob
from converters.caffe.wire import BYTES, Walk
from converters.refusals import SourceDamaged

_LAYERS_LIMIT = 20_000
# the largest published nets describe themselves in some 300 KB
_DESCRIPTION_LIMIT = 1 << 20
_NAME_LIMIT = 1000
_DEEP = (FieldDescriptor.CPPTYPE_MESSAGE, FieldDescriptor.CPPTYPE_STRING)


@dataclass(frozen=True)
class _Format:
    """Where a message of a layer keeps its name, its blobs, and in V1 the V0 layer that it may wrap."""

    name: int
    blobs: int
    inner: int = 0


_NEW, _V1, _V0 = _Format(name=1, blobs=7), _Format(name=4, blobs=6, inner=1), _Format(name=1, blobs=50)
_LAYER_FIELDS = {100: _NEW, 2: _V1}


@dataclass(frozen=True)
class SourceLayer:
    """A layer in a file of weights; HDF5 files leave out blobs that another layer owns: None in their places.

    `rest`: its other fields, unparsed. `inner`: the rest of a V0 layer within.
    """

    name: str
    blobs: tuple[np.ndarray | None, ...]
    format: _Format = _NEW
    rest: tuple[memoryview, ...] = ()
    inner: tuple[memoryview, ...] | None = None


@dataclass(frozen=True)
class Weights:
    """What a file of weights holds: its layers in order. `rest`: other fields of the net, unparsed."""

    path: Path
    layers: tuple[SourceLayer, ...]
    rest: tuple[memoryview, ...] = ()

    def net(self) -> Any:
        """The net that the file itself describes: a NetParameter as it stands there, without blobs.

        Layers of a file that describes nothing (HDF5) are none. Raises SourceDamaged.
        """
        size = sum(map(len, self.rest))
        size += sum(len(piece) for layer in self.layers for piece in (*layer.rest, *(layer.inner or ())))
        if size > _DESCRIPTION_LIMIT:
            raise SourceDamaged(
                f"{self.path.name}: describes its net in more than {_DESCRIPTION_LIMIT >> 20} MB; pass its prototxt."
            )
        net = messages.NetParameter()
        try:
            net.MergeFromString(b"".join(self.rest))
            for layer in self.layers:
                _describe(net.layers.add() if layer.format is _V1 else net.layer.add(), layer)
            _refuse_odd_texts(net)
        except (DecodeError, UnicodeDecodeError) as error:
            raise SourceDamaged(
                f"{self.path.name}: its description of the net is damaged or a fork's; pass the net's prototxt too."
            ) from error
        return net


def _describe(message: Any, layer: SourceLayer) -> None:
    message.MergeFromString(b"".join(layer.rest))
    if layer.inner is not None:
        message.layer.MergeFromString(b"".join(layer.inner))


def _refuse_odd_texts(message: Any) -> None:
    """Raise DecodeError for a text that is not UTF-8: the runtime hands it over as bytes, when it is asked for."""
    for field, value in message.ListFields():
        values = value if messages.repeated(field) and field.cpp_type in _DEEP else (value,)
        for inner in values:
            if field.message_type:
                _refuse_odd_texts(inner)
            elif field.type == FieldDescriptor.TYPE_STRING and isinstance(inner, bytes):
                raise DecodeError(f"{field.name} is not UTF-8")


def read_caffemodel(path: Path) -> Weights:
    """The layers of a binary caffemodel, new, V1 or V0, with their blobs as views of the mapped file.

    Only the wire format is walked: what a fork added is skipped. Raises SourceDamaged, UnsupportedLayer.
    """
    walk = Walk(path.name)
    layers: list[SourceLayer] = []
    rest: list[memoryview] = []
    for field in walk.fields(mapped(path)):
        if field.number not in _LAYER_FIELDS or field.kind != BYTES:
            rest.append(field.whole)
            continue
        if len(layers) >= _LAYERS_LIMIT:
            raise SourceDamaged(f"{path.name}: holds more than {_LAYERS_LIMIT} layers; it is damaged.")
        layers.append(_layer(walk, field.data, _LAYER_FIELDS[field.number], len(layers)))
    if not layers:
        raise SourceDamaged(f"{path.name}: holds no layers; it is not a caffemodel.")
    return Weights(path, tuple(layers), tuple(rest))


def _layer(walk: Walk, layer: memoryview, form: _Format, at: int) -> SourceLayer:
    """One layer; what a V0 layer within says counts before what wraps it."""
    name = ""
    blobs: list[memoryview] = []
    rest: list[memoryview] = []
    inner: SourceLayer | None = None
    for field in walk.fields(layer):
        if field.number == form.blobs and field.kind == BYTES:
            blobs.append(field.data)
        elif form.inner and field.number == form.inner and field.kind == BYTES:
            inner = _layer(walk, field.data, _V0, at)
        else:
            rest.append(field.whole)
            if field.number == form.name and field.kind == BYTES:
                name = bytes(field.data[:_NAME_LIMIT]).decode("utf-8", "replace")
    arrays = tuple(read_blob(walk, blob, f"blob {n} of layer {at} ({name!r})") for n, blob in enumerate(blobs))
    if inner is None:
        return SourceLayer(name, arrays, form, tuple(rest))
    return SourceLayer(inner.name or name, inner.blobs or arrays, form, tuple(rest), inner.rest)
