"""Lent weights: large arrays that a model in memory refers to instead of holding them, so that each exists once.

A model refers to a lent array by an initializer whose data are external and whose `location` is the array's key.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import IO

import numpy as np
from onnx import ModelProto, TensorProto

Lent = Mapping[str, np.ndarray]
NOTHING: Lent = {}

# fields of length-delimited type (onnx.proto): ModelProto.graph 7, GraphProto.initializer 5, TensorProto.raw_data 9
_GRAPH, _INITIALIZER, _RAW_DATA = b"\x3a", b"\x2a", b"\x4a"


def key_of(tensor: TensorProto) -> str | None:
    """The key of a lent array; None for a tensor that holds its numbers, or has them in no place that is said."""
    if tensor.data_location != TensorProto.EXTERNAL:
        return None
    return next((entry.value for entry in tensor.external_data if entry.key == "location"), None)


def borrowed(model: ModelProto, lent: Lent) -> dict[str, np.ndarray]:
    """Initializer -> lent array, for those that the model's graph refers to."""
    keys = {tensor.name: key_of(tensor) for tensor in model.graph.initializer}
    return {name: lent[key] for name, key in keys.items() if key is not None and key in lent}


def pieces(model: ModelProto, lent: Lent) -> Iterator[bytes | memoryview]:
    """The bytes of the model with its lent arrays inside, in pieces; the same model gives the same bytes."""
    arrays = borrowed(model, lent)
    if not arrays:
        yield bytes(model.SerializeToString(deterministic=True))
        return
    rest = ModelProto()
    rest.CopyFrom(model)
    kept = [tensor for tensor in rest.graph.initializer if tensor.name not in arrays]
    theirs = [_header(tensor) for tensor in rest.graph.initializer if tensor.name in arrays]
    values = [_raw(array) for array in arrays.values()]
    del rest.graph.initializer[:]
    rest.graph.initializer.extend(kept)
    graph = bytes(rest.graph.SerializeToString(deterministic=True))
    rest.ClearField("graph")
    bodies = [header + _RAW_DATA + _varint(value.nbytes) for header, value in zip(theirs, values, strict=True)]
    heads = [
        _INITIALIZER + _varint(len(body) + value.nbytes) + body for body, value in zip(bodies, values, strict=True)
    ]
    size = len(graph) + sum(len(head) + value.nbytes for head, value in zip(heads, values, strict=True))
    yield bytes(rest.SerializeToString(deterministic=True)) + _GRAPH + _varint(size) + graph
    for head, value in zip(heads, values, strict=True):
        yield head
        yield value


def write_pieces(model: ModelProto, lent: Lent, file: IO[bytes]) -> str:
    """Write the whole model into an open file; returns the sha-256 of what was written."""
    digest = hashlib.sha256()
    for piece in pieces(model, lent):
        digest.update(piece)
        file.write(piece)
    return digest.hexdigest()


def size_of(model: ModelProto, lent: Lent) -> int:
    """About how many bytes the model has with its lent arrays inside."""
    return int(model.ByteSize()) + sum(array.nbytes for array in borrowed(model, lent).values())


def _header(tensor: TensorProto) -> bytes:
    copy = TensorProto()
    copy.CopyFrom(tensor)
    copy.ClearField("external_data")
    copy.ClearField("data_location")
    return bytes(copy.SerializeToString(deterministic=True))


def _raw(array: np.ndarray) -> memoryview:
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8).data


def _varint(number: int) -> bytes:
    """Base 128, the lowest seven bits first (protobuf's encoding of a length)."""
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
