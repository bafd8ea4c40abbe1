"""Changes to a foreign graph that keep what it computes: walking, renaming, pruning, and a free batch axis."""

from collections.abc import Iterable, Iterator

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from oracles.card import printable
from oracles.refusals import ModelRefused, Truncated, UnknownOperators

DEFAULT_DOMAINS = ("", "ai.onnx")
ML_DOMAIN = "ai.onnx.ml"
# operators that onnxruntime brings along for the CPU; custom-operator libraries are never loaded
_KNOWN_DOMAINS = {*DEFAULT_DOMAINS, ML_DOMAIN, "com.microsoft", "com.microsoft.nchwc", "ai.onnx.preview.training"}
OLDEST_OPSET = 7
_WRITTEN_IR = 10


def tidy(model: ModelProto) -> ModelProto:
    """A copy without what an oracle does not need, or raise.

    Dropped: training parts, notes, metadata, recorded inner shapes (the batch may change), and the listing of weights
    among the inputs. Raises Truncated (no graph), UnknownOperators, ModelRefused (operator set too old).
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    for field in ("training_info", "metadata_props", "doc_string", "configuration"):
        if field in copy.DESCRIPTOR.fields_by_name:
            copy.ClearField(field)
    graph = copy.graph
    if not graph.node and not graph.output:
        raise Truncated("the model holds no graph: it is empty or was cut off; export or copy it again")
    for field in ("value_info", "quantization_annotation"):
        graph.ClearField(field)
    _drop_notes(copy)
    weights = {tensor.name for tensor in graph.initializer} | {s.values.name for s in graph.sparse_initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    # From IR 4 on, weights need not be listed as inputs. What later IR versions brought (types, devices) onnxruntime
    # does not tie to the number, but it refuses files with a newer number than its own: onnx runs ahead of it.
    if copy.ir_version <= onnx.IR_VERSION:
        copy.ir_version = min(max(copy.ir_version, 4), _WRITTEN_IR)
    _refuse_unknown_operators(copy)
    return copy


def _drop_notes(model: ModelProto) -> None:
    """Take texts and stack traces off nodes and tensors: torch's exporter writes paths of its machine."""
    bodies = [nodes_of(model.graph), *(f.node for f in model.functions)]
    nodes = [node for body in bodies for node in body]
    inner = [graph for node in nodes for graph in graphs_in(node)]
    graphs = [model.graph, *inner]
    values = [v for g in graphs for v in (*g.input, *g.output, *g.value_info, *g.initializer)]
    for thing in (*nodes, *graphs, *values, *model.functions):
        for field in ("doc_string", "metadata_props"):
            thing.ClearField(field)


def opset(model: ModelProto) -> int:
    """The version of the default operator set; raises ModelRefused when it is older than 7, adds it when missing."""
    versions = [entry.version for entry in model.opset_import if entry.domain in DEFAULT_DOMAINS]
    if not versions:
        model.opset_import.add(domain="", version=13)
        return 13
    if versions[0] < OLDEST_OPSET:
        raise ModelRefused(f"its operator set {versions[0]} is too old; export it again with opset 7 or newer")
    return int(versions[0])


def nodes_of(graph: GraphProto) -> Iterator[NodeProto]:
    """All nodes of a graph and of the graphs inside its nodes."""
    for node in graph.node:
        yield node
        for inner in graphs_in(node):
            yield from nodes_of(inner)


def graphs_in(node: NodeProto) -> Iterator[GraphProto]:
    """The graphs in a node's attributes (If, Loop, Scan)."""
    for attribute in node.attribute:
        if attribute.HasField("g"):  # whatever type it claims to be
            yield attribute.g
        yield from attribute.graphs


def _refuse_unknown_operators(model: ModelProto) -> None:
    local = {(f.domain, f.name) for f in model.functions}
    bodies = [nodes_of(model.graph), *(f.node for f in model.functions)]
    for node in (node for body in bodies for node in body):
        if node.domain not in _KNOWN_DOMAINS and (node.domain, node.op_type) not in local:
            raise UnknownOperators(
                f"operator {printable(node.op_type, 60)} of domain {printable(node.domain, 60)!r} is unknown to"
                " onnxruntime, and libraries of custom operators are not loaded; export with standard operators"
            )


def used_names(model: ModelProto) -> set[str]:
    """Every name of a tensor or node anywhere in the model's graphs."""
    names: set[str] = set()

    def visit(graph: GraphProto) -> None:
        names.update(v.name for v in (*graph.input, *graph.output, *graph.initializer))
        names.update(s.values.name for s in graph.sparse_initializer)
        for node in graph.node:
            names.update((*node.input, *node.output, node.name))
            for inner in graphs_in(node):
                visit(inner)

    visit(model.graph)
    return names


def free_prefix(model: ModelProto, wish: str) -> str:
    """`wish`, lengthened until no name in the model begins with it."""
    names = used_names(model)
    while any(name.startswith(wish) for name in names):
        wish += "_"
    return wish


def rename(graph: GraphProto, new: dict[str, str]) -> None:
    """Rename tensors everywhere in a graph and the graphs inside, in place; the new names must be unused."""
    for value in (*graph.input, *graph.output, *graph.initializer, *graph.value_info):
        value.name = new.get(value.name, value.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = new.get(sparse.values.name, sparse.values.name)
    for node in graph.node:
        for names in (node.input, node.output):
            for at, name in enumerate(names):
                names[at] = new.get(name, name)
        for inner in graphs_in(node):
            rename(inner, new)


def prune(model: ModelProto, wanted: Iterable[str]) -> None:
    """Leave, in place, only the nodes and weights that the wanted tensors need."""
    graph = model.graph
    needed = set(wanted)
    kept = []
    for node in reversed(graph.node):
        if needed.isdisjoint(node.output):
            continue
        kept.append(node)
        needed.update(node.input)
        for inner in graphs_in(node):
            for nested in nodes_of(inner):
                needed.update(nested.input)
            needed.update(value.name for value in inner.output)
    nodes = list(reversed(kept))
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    if len(nodes) != len(graph.node):
        del graph.node[:]
        graph.node.extend(nodes)
    if len(weights) != len(graph.initializer):
        del graph.initializer[:]
        graph.initializer.extend(weights)


def free_batch(model: ModelProto, batch: int) -> ModelProto:
    """A copy in which constant Reshape targets that begin with the fixed batch follow the input's batch instead.

    A guess, to be checked by running it: [1, 256] becomes [-1, 256], and [1, -1] becomes [0, -1], where 0 copies.
    """
    copy = ModelProto()
    copy.CopyFrom(model)
    constants = _constants(copy.graph)
    reached = {value.name for value in copy.graph.input}
    taken = free_prefix(copy, "seal_shape")
    for number, node in enumerate(copy.graph.node):
        if reached.isdisjoint(node.input):
            continue
        reached.update(node.output)
        target = constants.get(node.input[1]) if node.op_type == "Reshape" and len(node.input) == 2 else None
        if target is None or not target.size or target[0] != batch or _zero_is_zero(node):
            continue
        target = target.copy()
        target[0] = 0 if -1 in target else -1
        copy.graph.initializer.append(numpy_helper.from_array(target, f"{taken}{number}"))
        node.input[1] = f"{taken}{number}"
    return copy


def _constants(graph: GraphProto) -> dict[str, np.ndarray]:
    """Small int64 vectors of the graph by name: weights and Constant nodes."""
    tensors = {t.name: t for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            tensors.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
    small = {
        n: t for n, t in tensors.items() if t.data_type == TensorProto.INT64 and len(t.dims) == 1 and t.dims[0] < 9
    }
    return {name: numpy_helper.to_array(tensor) for name, tensor in small.items()}


def _zero_is_zero(node: NodeProto) -> bool:
    return any(a.name == "allowzero" and a.i for a in node.attribute)


def set_outputs(model: ModelProto, names: Iterable[str]) -> None:
    """Make these tensors the model's outputs, in place, with types and shapes left to onnxruntime."""
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)


def value(name: str, dtype: int, shape: tuple[int | str, ...]) -> onnx.ValueInfoProto:
    """A tensor's name, type and shape; a text in the shape names a free axis."""
    return helper.make_tensor_value_info(name, dtype, shape)
