"""Exported programs (`.pt2`) of strangers, opened without running code that they bring.

`torch.export.load` is not safe: it unpickles (example inputs, and weights and constants that say `use_pickle`), reads
sizes with sympy's `sympify` (an eval), looks up operators by name from `torch` on (`torch.os.system` is one), puts
names of the file into Python code that it compiles, and loads compiled libraries. PyTorch's documentation says never
to load untrusted data with it. So the archive is not handed on: a new one is written in memory from the graph and the
tensors alone, and only where every string of the graph is of the kind that its place wants (an identifier, an operator
of `aten`, a sum of sizes). What falls outside is refused; `allow_code` loads the file as it is.
"""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import torch

from converters.refusals import RunsCode, SourceDamaged, UnsupportedLayer
from converters.torch_exporter import silently

LIMIT = 8 << 30
JSON_LIMIT = 64 << 20
GRAPH, WEIGHTS, CONSTANTS = "models/model.json", "data/weights/", "data/constants/"
CONFIGS = {WEIGHTS: f"{WEIGHTS}model_weights_config.json", CONSTANTS: f"{CONSTANTS}model_constants_config.json"}
INPUTS = "data/sample_inputs/model.pt"
RECORDS = ("archive_format", "archive_version", "byteorder", ".data/version")

_NAME = r"\w{0,200}"
_PATH = r"(?:(?!__)\w{1,100})?(?:\.(?!__)\w{1,100}){0,30}"
# these read or write files, print, or hand out memory without a look at its bounds
_BARRED = ("from_file", "from_blob", "save", "warn", "set_", "set_data", "record_stream")
_INNER = (
    "_softmax|_log_softmax|_to_copy|_unsafe_view|_convolution|_adaptive_avg_pool2d|_native_batch_norm_legit_no_training"
    "|_assert_tensor_metadata|_assert_scalar|_safe_softmax|_scaled_dot_product_flash_attention_for_cpu|_weight_norm"
    "|_weight_norm_interface|_upsample_(?:bicubic2d_aa|bilinear2d_aa|nearest_exact2d)"
)
_OPERATOR = (
    rf"torch\.ops\.aten\.(?!(?:{'|'.join(_BARRED)})\.)(?:[a-z][a-z0-9_]{{0,60}}|__\w{{1,8}}__|{_INNER})\.[A-Za-z_]\w{{0,60}}"
    r"|_operator\.(?:add|sub|mul|floordiv|truediv|mod|neg|eq|ne|lt|le|gt|ge|and_|or_|not_|getitem)"
    r"|math\.(?:trunc|ceil|floor|sqrt)|torch\.sym_(?:int|float|max|min|not|sqrt|ite)"
)
_SYMBOL = r"Symbol\('[a-z]{1,3}\d{1,6}'(?:, (?:positive|integer|nonnegative|real)=(?:True|False)){0,4}\)"
_SIZE_WORDS = "Add|Mul|Integer|Rational|FloorDiv|CleanDiv|CeilDiv|Mod|PythonMod|Max|Min"
_SIZE = rf"(?:{_SYMBOL}|\b[a-z]{{1,3}}\d{{1,6}}\b|\b(?:{_SIZE_WORDS})\(|\b\d{{1,12}}\b|[(),+/* -])*"
_SIZE_LENGTH = 500
_TREE = ("builtins.tuple", "builtins.list", "builtins.dict", None)
_KINDS = {
    "target": _OPERATOR,
    "expr_str": _SIZE,
    "fqn": _PATH,
    "parameter_name": _PATH,
    "buffer_name": _PATH,
    "tensor_constant_name": _PATH,
    "as_string": r"[\w ,.>-]{0,100}",
    "nn_module_stack": r"[\w.,;@<>\[\]() -]{0,4000}",
}
_WORDS = {"target": "operator", "expr_str": "size", "as_string": "text", "nn_module_stack": "trace"}
_BRANCHES = ("as_graph", "as_custom_obj", "as_operator", "as_string_to_argument")
_SPECIFICATIONS = ("parameter", "buffer", "tensor_constant", "user_input", "user_output")


def read_program(path: Path, *, allow_code: bool) -> torch.export.ExportedProgram:
    """The program of a file that torch.export.save wrote (PyTorch 2.8 or later).

    Raises SourceDamaged, RunsCode (something in it that only code needs, unless `allow_code`), UnsupportedLayer.
    """
    if path.stat().st_size > LIMIT:
        raise SourceDamaged(f"{path.name} has {path.stat().st_size} bytes; exported programs may have {LIMIT}")
    try:
        archive = io.BytesIO(path.read_bytes()) if allow_code else _rebuilt(path)
        with silently():
            return torch.export.load(archive)
    except (RunsCode, UnsupportedLayer):
        raise
    except Exception as error:  # noqa: BLE001 - torch's errors of deserialisation share no narrower ancestor
        cause = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise SourceDamaged(
            f"{path.name} cannot be opened as an exported program ({cause}); write it again with torch.export.save of"
            f" PyTorch 2.8 to {torch.__version__.split('+')[0]}"
        ) from None


def is_program(path: Path) -> bool:
    """Whether a file is an archive of an exported program, of today's or an older kind."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = {name.split("/", 1)[-1] for name in archive.namelist()}
    return bool(names & {GRAPH, "archive_format", "serialized_exported_program.json"}) and "constants.pkl" not in names


def _rebuilt(path: Path) -> io.BytesIO:
    """A new archive of the vetted graph, its tensors, and nothing else."""
    made = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as new:
        records = {entry.filename.split("/", 1)[-1]: entry for entry in old.infolist()}
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in records.values()):
            raise ValueError("its records are compressed")
        if GRAPH not in records:
            raise ValueError("it holds no models/model.json")

        def put(name: str, data: bytes) -> None:
            new.writestr(zipfile.ZipInfo(f"program/{name}"), data)

        put(GRAPH, json.dumps(_vetted_program(_json(old, records[GRAPH]), path.name)).encode())
        for folder, config in CONFIGS.items():
            entries = _vetted_config(_json(old, records[config]), path.name)
            put(config, json.dumps({"config": entries}).encode())
            for place in sorted({entry["path_name"] for entry in entries.values()}):
                put(folder + place, old.read(records[folder + place]))
        for name in RECORDS:
            put(name, old.read(records[name]))
        put(INPUTS, b"")
    made.seek(0)
    return made


def _json(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Any:
    if entry.file_size > JSON_LIMIT:
        raise ValueError(f"{entry.filename} has {entry.file_size} bytes")
    return json.loads(archive.read(entry))


def _vetted_config(config: Any, name: str) -> dict[str, Any]:
    entries: dict[str, Any] = config["config"]
    for key, entry in entries.items():
        _require(_PATH, key, "tensor name", name)
        if entry["use_pickle"]:
            raise _runs_code(name, f"the tensor {key} as a pickle")
        _require(r"(?:weight|tensor)_\d{1,9}", entry["path_name"], "kind of constant", name)
        entry["tensor_meta"] = _vetted(entry["tensor_meta"], "", name)
    return entries


def _vetted_program(program: dict[str, Any], name: str) -> dict[str, Any]:
    """The program with its strings vetted, on the CPU, without guards, traces of source code and other notes."""
    module = program["graph_module"]
    kinds = {kind for specs in ("input_specs", "output_specs") for spec in module["signature"][specs] for kind in spec}
    if "buffer_mutation" in kinds:
        raise _training(name)
    if kinds - set(_SPECIFICATIONS):
        raise _runs_code(name, f"{min(kinds - set(_SPECIFICATIONS))} among its inputs and outputs")
    for node in module["graph"]["nodes"]:
        node["metadata"] = {key: text for key, text in node["metadata"].items() if key == "nn_module_stack"}
        given = {argument["name"]: argument["arg"] for argument in node["inputs"]}
        normalises = "training" in given and "running_mean" in given
        if given.get("train", {}).get("as_bool") or (
            normalises and given["training"].get("as_bool") and "as_none" not in given["running_mean"]
        ):
            raise _training(name)
    module["metadata"], module["treespec_namedtuple_fields"] = {}, {}
    return {
        "graph_module": _vetted(module, "", name),
        "opset_version": {str(key): int(value) for key, value in program["opset_version"].items() if key == "aten"},
        "range_constraints": _vetted(program["range_constraints"], "", name),
        "schema_version": _vetted(program["schema_version"], "", name),
        "verifiers": _vetted(program.get("verifiers", []), "", name),
        "torch_version": "",
        "guards_code": [],
    }


def _vetted(value: Any, place: str, name: str) -> Any:
    """The value with every string of it fit for its place (the key that it stands under), and devices made the CPU."""
    if isinstance(value, dict):
        if value.keys() == {"type", "index"}:
            return {"type": "cpu", "index": None}
        for key in value:
            if key in _BRANCHES:
                raise _runs_code(name, f"{key.removeprefix('as_')} among the arguments of its operators")
            _require(_NAME, key, "name", name)
        return {key: _vetted(part, key, name) for key, part in value.items()}
    if isinstance(value, list):
        return [_vetted(part, place, name) for part in value]
    if isinstance(value, str):
        if place in ("in_spec", "out_spec"):
            _vet_tree(json.loads(value)[1], name)
        elif place == "expr_str" and (len(value) > _SIZE_LENGTH or "**" in value):
            raise _runs_code(name, "an endless expression as a size")
        else:
            _require(_KINDS.get(place, _NAME), value, _WORDS.get(place, "name"), name)
    return value


def _vet_tree(tree: Any, name: str) -> None:
    """How inputs and outputs are nested: in tuples, lists and dicts only, for other kinds import modules by name."""
    if tree["type"] not in _TREE:
        raise _runs_code(name, f"inputs or outputs nested in {tree['type']}")
    _require(r'[\w\[\]", ]{0,2000}', tree["context"] or "", "key", name)
    for child in tree["children_spec"]:
        _vet_tree(child, name)


def _require(pattern: str, text: Any, what: str, name: str) -> None:
    if not isinstance(text, str) or re.fullmatch(pattern, text) is None:
        raise _runs_code(name, f"the {what} {str(text)[:60]!r}")


def _runs_code(name: str, what: str) -> RunsCode:
    return RunsCode(
        f"{name} holds {what}, which could run code when it is opened; if you made it or trust it, add --allow-code"
    )


def _training(name: str) -> UnsupportedLayer:
    return UnsupportedLayer(
        f"{name} was exported in training mode, so its answers are random or change; call model.eval() before"
        " torch.export.export"
    )
