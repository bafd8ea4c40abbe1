"""Exported programs with something in them that runs code where torch.export.load opens them."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


def changed(file: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """The archive written again after a change of its records."""
    with zipfile.ZipFile(file) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    change(records)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in records.items():
            archive.writestr(name, data)


def of(records: dict[str, bytes], end: str) -> str:
    """The record whose name ends so."""
    return next(name for name in records if name.endswith(end))


class Evil:
    """Runs a command where it is unpickled without care."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def pickled(records: dict[str, bytes], ran: Path) -> None:
    """Example inputs that run a command; torch.export.load falls back on opening them without care."""
    made_up = io.BytesIO()
    torch.save((Evil(f"touch {ran}"),), made_up)
    records[of(records, "sample_inputs/model.pt")] = made_up.getvalue()


def pickled_weight(records: dict[str, bytes], ran: Path) -> None:
    """A weight that says that it is a pickle."""
    made_up = io.BytesIO()
    torch.save(Evil(f"touch {ran}"), made_up)
    config = json.loads(records[of(records, "weights_config.json")])
    entry = config["config"]["fc.bias"]
    entry["use_pickle"] = True
    records[of(records, f"weights/{entry['path_name']}")] = made_up.getvalue()
    records[of(records, "weights_config.json")] = json.dumps(config).encode()


def pickled_constant(records: dict[str, bytes], ran: Path) -> None:
    """A constant that is an opaque object."""
    config = json.loads(records[of(records, "constants_config.json")])
    weights = json.loads(records[of(records, "weights_config.json")])["config"]
    config["config"]["x"] = {**weights["fc.bias"], "path_name": "opaque_obj_0"}
    records[of(records, "constants_config.json")] = json.dumps(config).encode()
    folder = of(records, "constants_config.json").rsplit("/", 1)[0]
    records[f"{folder}/opaque_obj_0"] = pickle.dumps(Evil(f"touch {ran}"))


def in_graph(edit: Callable[[dict[str, Any], Path], None]) -> Callable[[dict[str, bytes], Path], None]:
    """A change of the graph's JSON."""

    def change(records: dict[str, bytes], ran: Path) -> None:
        graph = json.loads(records[of(records, "models/model.json")])
        edit(graph, ran)
        records[of(records, "models/model.json")] = json.dumps(graph).encode()

    return change


def size_expression(graph: dict[str, Any], ran: Path) -> None:
    """A size that sympy evaluates."""
    sizes = graph["graph_module"]["graph"]["tensor_values"]["images"]["sizes"]
    sizes[0]["as_expr"]["expr_str"] = f"__import__('os').system('touch {ran}') or s77"


def operator(graph: dict[str, Any], ran: Path) -> None:
    """A node that calls a function of Python's."""
    node = graph["graph_module"]["graph"]["nodes"][0]
    node["target"] = "torch.os.system"
    node["inputs"] = [{"name": "", "arg": {"as_string": f"touch {ran}"}, "kind": 1}]


def file_operator(graph: dict[str, Any], ran: Path) -> None:
    """A node that makes a file of its own."""
    node = graph["graph_module"]["graph"]["nodes"][0]
    node["target"] = "torch.ops.aten.from_file.default"
    arguments = {"filename": {"as_string": str(ran)}, "shared": {"as_bool": True}, "size": {"as_int": 9}}
    node["inputs"] = [{"name": name, "arg": arg, "kind": 1} for name, arg in arguments.items()]


def node_name(graph: dict[str, Any], ran: Path) -> None:
    """A tensor whose name is a line of Python, in the code that torch makes of the graph."""
    text = json.dumps(graph)
    evil = f"relu = None; open({str(ran)!r}, 'w'); relu"
    graph.clear()
    graph.update(json.loads(text.replace('"relu"', json.dumps(evil))))


def parameter_name(graph: dict[str, Any], ran: Path) -> None:
    """A weight that wants to be an attribute of the class of all modules."""
    graph["graph_module"]["signature"]["input_specs"][0]["parameter"]["parameter_name"] = "__class__.forward"


def guard(graph: dict[str, Any], ran: Path) -> None:
    """A check of the inputs' sizes, which is Python code."""
    graph["guards_code"] = [f"open({str(ran)!r}, 'w')"]


def tree(graph: dict[str, Any], ran: Path) -> None:
    """Inputs in a defaultdict, whose kind of value is imported by name."""
    context = json.dumps({"default_factory_module": "this", "default_factory_name": "s", "dict_context": []})
    spec = [1, {"type": "collections.defaultdict", "context": context, "children_spec": []}]
    graph["graph_module"]["module_call_graph"][0]["signature"]["in_spec"] = json.dumps(spec)


def branch(graph: dict[str, Any], ran: Path) -> None:
    """An operator as an argument."""
    graph["graph_module"]["graph"]["nodes"][0]["inputs"][0]["arg"] = {"as_operator": "torch.os.system"}
