"""What TensorFlow's graph files hold: parsed without running them, and asked for their ends."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from converters.refusals import RunsCode, SourceDamaged, SourceIncomplete

# graphs are programs: these reach files, the network or Python of this machine (tensorflow/SECURITY.md)
_REACHING = re.compile(
    r"PyFunc|ReadFile|WriteFile|MatchingFiles|(TextLine|TFRecord|FixedLength)\w*(Reader|Dataset)|WholeFileReader"
    r"|TextFile|LoadDataset|SaveDataset|DatasetFromFile|Rpc|RemoteCall|SendTPU|DebugIdentity|LoadAndRemapMatrix"
)
_NOT_COMPUTING = ("Const", "NoOp", "Placeholder", "Assert")


def operators(file: Path) -> Iterator[str]:
    """The operators of every graph and function of a SavedModel. Raises SourceDamaged."""
    from tensorflow.core.protobuf import saved_model_pb2  # noqa: PLC0415 - optional

    model = parsed(saved_model_pb2.SavedModel, file, f"{file.parent.name}/{file.name}")
    if not model.meta_graphs:
        raise SourceDamaged(f"{file.parent.name}: its {file.name} holds no graph; save the model again.")
    for meta in model.meta_graphs:
        for asset in meta.asset_file_def:
            parts = Path(asset.filename).parts
            if asset.filename.startswith(("/", "\\")) or ".." in parts or len(parts) != 1:
                raise SourceDamaged(
                    f"{file.parent.name}: asset {asset.filename[:80]!r} leaves the folder; it is refused."
                )
        yield from operators_of(meta.graph_def)


def operators_of(graph: Any) -> Iterator[str]:
    """The operators of a graph and of its functions."""
    yield from (node.op for node in graph.node)
    yield from (node.op for function in graph.library.function for node in function.node_def)


def refuse_reaching(operators: Iterable[str], name: str) -> None:
    """Refuse operators that reach out of the graph. Raises RunsCode."""
    reaching = sorted({operator for operator in operators if _REACHING.search(operator)})
    if reaching:
        raise RunsCode(
            f"{name}: its graph reaches files or code of this machine ({', '.join(reaching[:6])}); save a model that"
            " takes images and gives scores."
        )


def parsed(kind: Any, file: Path, shown: str) -> Any:
    """The protobuf message that a file holds. Raises SourceDamaged."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - a part of TensorFlow

    message = kind()
    try:
        message.ParseFromString(file.read_bytes())
    except (DecodeError, RecursionError) as error:
        raise SourceDamaged(f"{shown}: is not a TensorFlow graph, or its end is missing; copy it again.") from error
    return message


def named(graph: Any, wanted: tuple[str, ...], name: str) -> str:
    """The tensor that the user named, as node:number; "" where none is named. Raises SourceIncomplete."""
    if not wanted:
        return ""
    nodes = {node.name for node in graph.node}
    if len(wanted) != 1 or wanted[0].partition(":")[0] not in nodes:
        some = ", ".join(sorted(nodes)[:12])
        raise SourceIncomplete(f"{name}: has no tensor {', '.join(wanted)[:80]}, or not one; its nodes are {some}, ...")
    return wanted[0] if ":" in wanted[0] else f"{wanted[0]}:0"


def sink(graph: Any, name: str) -> str:
    """The one Softmax, else the one node whose result nobody takes. Raises SourceIncomplete."""
    softmax = [node.name for node in graph.node if node.op == "Softmax"]
    taken = {_node(source) for node in graph.node for source in node.input}
    last = [node.name for node in graph.node if node.name not in taken and node.op not in _NOT_COMPUTING]
    for found in (softmax, last):
        if len(found) == 1:
            return f"{found[0]}:0"
    listed = ", ".join((softmax + last)[:12]) or "none"
    raise SourceIncomplete(f"{name}: does not say where its class scores are ({listed}); name them with --outputs.")


def placeholder(graph: Any, output: str, name: str) -> str:
    """The one Placeholder that the output comes from. Raises SourceIncomplete."""
    nodes = {node.name: node for node in graph.node}
    left, seen = [_node(output)], set()
    while left:
        at = left.pop()
        if at not in seen and at in nodes:
            seen.add(at)
            left.extend(_node(source) for source in nodes[at].input)
    found = sorted(at for at in seen if nodes[at].op == "Placeholder")
    if len(found) != 1:
        listed = ", ".join(found[:12]) or "none"
        raise SourceIncomplete(
            f"{name}: {output} depends on {len(found)} placeholders ({listed}); name the images with --inputs, and"
            " freeze the graph with the others fixed."
        )
    return f"{found[0]}:0"


def _node(source: str) -> str:
    return source.lstrip("^").partition(":")[0]


def last_operator(graph: Any, output: str) -> str:
    """The operator behind a tensor, through nodes that pass it on."""
    nodes = {node.name: node for node in graph.node}
    node = nodes.get(_node(output))
    while node is not None and node.op in ("Identity", "Reshape", "Squeeze", "StatefulPartitionedCall") and node.input:
        node = nodes.get(_node(node.input[0]))
    return "" if node is None else str(node.op)
