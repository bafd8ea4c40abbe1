"""External data: weights in files beside a model, found by our own rule and pulled into the model."""

import hashlib
import math
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx
from onnx import GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto

from oracles.card import SourceFile, printable
from oracles.lent import NOTHING, Lent, key_of
from oracles.refusals import ExternalDataRefused, TooBig
from oracles.rewrite import graphs_in

# protobuf ends at 2 GiB; what is left is for the graph and the card
BYTES_LIMIT = 1_900_000_000
_HALF_BYTES = (TensorProto.INT4, TensorProto.UINT4, TensorProto.FLOAT4E2M1)


def tensors_of(model: ModelProto) -> Iterator[TensorProto]:
    """Every tensor stored anywhere: weights, sparse weights, attributes, inner graphs, functions, training parts."""
    yield from _in_graph(model.graph)
    for function in model.functions:
        yield from _in_nodes(function.node)
        for attribute in function.attribute_proto:
            yield from _in_attribute(attribute)
    for training in model.training_info:
        yield from _in_graph(training.initialization)
        yield from _in_graph(training.algorithm)


def is_external(tensor: TensorProto) -> bool:
    """Whether the tensor's numbers are said to lie in another file."""
    return bool(tensor.data_location == TensorProto.EXTERNAL)


def pull_in(model: ModelProto, folder: Path, limit: int = BYTES_LIMIT) -> tuple[SourceFile, ...]:
    """Read the external tensors from files in `folder` (resolved) into the model, in place; returns those files.

    A file must be a regular file with one link whose real path lies inside the folder. Raises ExternalDataRefused,
    TooBig (more than `limit` bytes in all).
    """
    files: dict[str, bytes] = {}
    total = 0
    for tensor in tensors_of(model):
        if not is_external(tensor):
            tensor.ClearField("external_data")
            continue
        said = _entries(tensor)
        size = _nbytes(tensor)
        total += size
        if total > limit:
            raise TooBig(f"its external data exceed {limit:,} bytes, and an oracle file is one file below 2 GiB")
        location = said.get("location", "")
        if location not in files:
            files[location] = _read(folder, location, limit)
        tensor.raw_data = _piece(files[location], said, size, location)
        tensor.data_location = TensorProto.DEFAULT
        tensor.ClearField("external_data")
    return tuple(
        SourceFile(name=location, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
        for location, data in files.items()
    )


def refuse_external(model: ModelProto, lent: Lent = NOTHING) -> None:
    """Raise ExternalDataRefused when a model in memory leaves weights in other files; lent ones are in memory."""
    for tensor in tensors_of(model):
        if is_external(tensor) and key_of(tensor) not in lent:
            raise ExternalDataRefused(
                f"weight {printable(tensor.name, 60)!r} lies in another file; load its external data first"
            )


def _read(folder: Path, location: str, limit: int) -> bytes:
    shown = printable(location, 120)
    if not location or "\0" in location or Path(location).is_absolute():
        raise ExternalDataRefused(f"external data at {shown!r}: only a relative path beside the model is read")
    real = os.path.realpath(folder / location)
    if os.path.commonpath([real, folder]) != str(folder):
        raise ExternalDataRefused(f"external data at {shown!r} lie outside the model's folder; move them there")
    try:
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        reason = printable(error.strerror or "", 80)
        raise ExternalDataRefused(
            f"external data {shown!r} cannot be read ({reason}); put the file beside the model"
        ) from error
    state = os.fstat(handle)
    if not stat.S_ISREG(state.st_mode):
        os.close(handle)
        raise ExternalDataRefused(f"external data {shown!r} are no regular file; put the weights themselves there")
    with os.fdopen(handle, "rb") as file:
        if state.st_nlink != 1:
            raise ExternalDataRefused(
                f"external data {shown!r} have {state.st_nlink} hard links; make a copy of their own beside the model"
            )
        if state.st_size > limit:
            raise TooBig(
                f"external data {shown!r} have {state.st_size:,} bytes; at most {limit:,} fit in an oracle file"
            )
        return file.read(state.st_size)


def _piece(data: bytes, said: dict[str, str], size: int, location: str) -> bytes:
    offset, length = _number(said, "offset", 0), _number(said, "length", size)
    if length != size or offset + length > len(data):
        raise ExternalDataRefused(
            f"external data {printable(location, 120)!r}: {length} bytes at {offset} are named, {size} are needed and"
            f" the file has {len(data)}; export the model again"
        )
    return data[offset : offset + length]


def _number(said: dict[str, str], key: str, default: int) -> int:
    text = said.get(key, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ExternalDataRefused(f"external data: {key} is {printable(text, 40)!r}, not a number of bytes")
    return int(text)


def _entries(tensor: TensorProto) -> dict[str, str]:
    keys = [entry.key for entry in tensor.external_data]
    if len(set(keys)) != len(keys):
        raise ExternalDataRefused(
            f"weight {printable(tensor.name, 60)!r} names its external data twice; export the model again"
        )
    return {entry.key: entry.value for entry in tensor.external_data}


def _nbytes(tensor: TensorProto) -> int:
    name = printable(tensor.name, 60)
    if any(side < 0 for side in tensor.dims):
        raise ExternalDataRefused(f"weight {name!r} has a negative side {list(tensor.dims)}; export the model again")
    try:
        item = int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)
    except (KeyError, TypeError, ValueError) as error:
        raise ExternalDataRefused(f"weight {name!r} has type {tensor.data_type}, which cannot be external") from error
    count = int(math.prod(tensor.dims))
    return (count + 1) // 2 if tensor.data_type in _HALF_BYTES else count * item


def _in_graph(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from _in_sparse(sparse)
    yield from _in_nodes(graph.node)


def _in_nodes(nodes: Iterable[NodeProto]) -> Iterator[TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield from _in_attribute(attribute)
        for inner in graphs_in(node):
            yield from _in_graph(inner)


def _in_attribute(attribute: onnx.AttributeProto) -> Iterator[TensorProto]:
    if attribute.HasField("t"):
        yield attribute.t
    yield from attribute.tensors
    if attribute.HasField("sparse_tensor"):
        yield from _in_sparse(attribute.sparse_tensor)
    for sparse in attribute.sparse_tensors:
        yield from _in_sparse(sparse)


def _in_sparse(sparse: SparseTensorProto) -> Iterator[TensorProto]:
    yield sparse.values
    yield sparse.indices
