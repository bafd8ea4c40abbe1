"""TensorFlow SavedModels (TF1 and TF2) and frozen graphs -> ONNX, through a frozen graph and tf2onnx."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from converters.conversion import Conversion, Source, Wishes
from converters.refusals import SourceDamaged, SourceIncomplete
from converters.tensorflow.graphs import (
    last_operator,
    named,
    operators,
    operators_of,
    parsed,
    placeholder,
    refuse_reaching,
    sink,
)
from converters.tf_exporter import (
    BYTES_LIMIT,
    cause,
    from_graph,
    own_range,
    refuse_large,
    silently,
    stated_sides,
    tensorflow,
)

MODEL_FILE = "saved_model.pb"
_FILES_LIMIT = 1_000
_VARIABLES = ("VariableV2", "Variable", "VarHandleOp", "AutoReloadVariable")
_SERVING = "serving_default"
_CHUNK = 64


@dataclass(frozen=True)
class _Classifier:
    """A frozen graph from one input tensor to one output tensor, the names to show, and the source to run."""

    graph: Any
    tensors: tuple[str, str]
    names: tuple[str, str]
    sides: tuple[int | None, ...]
    run: Callable[[np.ndarray], np.ndarray]
    files: tuple[Path, ...]


def convert(source: Source, wishes: Wishes) -> Conversion:
    """A SavedModel folder, or a frozen graph (.pb), as ONNX: input and scores as the graph has them.

    Of a SavedModel the signature `serving_default` is taken, else its only one, else the one that has `wishes.output`.
    A frozen graph does not name its ends: `wishes.inputs` and `wishes.outputs` do ("x:0"), else its one Placeholder and
    its one Softmax or last node. Raises ConversionRefused.
    """
    path = source.path
    if path is None or not path.exists():
        raise SourceIncomplete(f"{source.text}: no such file; name a SavedModel folder or a frozen graph (.pb).")
    if path.name == MODEL_FILE:
        path = path.parent
    found = _saved_model(path, wishes) if path.is_dir() else _frozen_graph(path, wishes)
    model = from_graph(found.graph, found.tensors, found.names, path.name)
    del model.graph.value_info[:]
    stated = stated_sides(found.sides)
    if last_operator(found.graph, found.tensors[1]) == "Softmax":
        stated["scores_kind"] = "probability"
    span = own_range(model)
    tf = tensorflow(path.name)
    made = {name for node in model.graph.node for name in node.output}
    return Conversion(
        model=model,
        framework=f"TensorFlow {tf.__version__}",
        files=found.files,
        stated={**stated, **({"range": span} if span else {})},
        reference=_TensorFlowReference(tf, found, made),
    )


def _saved_model(folder: Path, wishes: Wishes) -> _Classifier:
    files = _files(folder)
    tf = tensorflow(folder.name)
    refuse_reaching(operators(folder / MODEL_FILE), folder.name)
    try:
        with silently():
            loaded = tf.saved_model.load(str(folder))
    except Exception as error:  # what TensorFlow raises shares no narrower ancestor
        raise SourceDamaged(f"{folder.name}: TensorFlow cannot load it ({cause(error)}); copy or save it again.") from (
            error
        )
    function = _signature(loaded, wishes, folder.name)
    given = _only(dict(function.structured_input_signature[1]), wishes.inputs, folder.name, "--inputs")
    wanted = (wishes.output,) if wishes.output else wishes.outputs
    scores = _only(dict(function.structured_outputs), wanted, folder.name, "--output")
    from tensorflow.python.framework.convert_to_constants import (  # noqa: PLC0415 - optional
        convert_variables_to_constants_v2,
    )

    with silently():
        frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
        place = sorted(function.structured_outputs).index(scores)
        tensors = (frozen.inputs[0].name, frozen.outputs[place].name)
    shape = function.structured_input_signature[1][given].shape

    def run(inputs: np.ndarray) -> np.ndarray:
        answer = function(**{given: tf.constant(inputs)})[scores]
        return np.asarray(answer.numpy())

    run.loaded = loaded  # type: ignore[attr-defined]  # the functions of a SavedModel die with it
    return _Classifier(frozen.graph.as_graph_def(), tensors, (given, scores), _sides(shape), run, files)


def _files(folder: Path) -> tuple[Path, ...]:
    """The files of a SavedModel in order, all of them in the folder. Raises SourceIncomplete, SourceDamaged."""
    if not (folder / MODEL_FILE).is_file():
        raise SourceIncomplete(f"{folder.name}: holds no {MODEL_FILE}; name the folder that tf.saved_model.save wrote.")
    refuse_large(folder / MODEL_FILE)
    files = []
    size = 0
    for file in sorted(folder.rglob("*")):
        if file.is_symlink() and not file.resolve().is_relative_to(folder.resolve()):
            raise SourceDamaged(
                f"{folder.name}: {file.name} is a link to outside of the folder; copy the folder with cp -rL."
            )
        if file.is_file():
            files.append(file)
            size += file.stat().st_size
        if len(files) > _FILES_LIMIT or size > BYTES_LIMIT:
            raise SourceDamaged(f"{folder.name}: holds more than {_FILES_LIMIT} files or {BYTES_LIMIT:,} bytes.")
    return tuple(files)


def _signature(loaded: Any, wishes: Wishes, name: str) -> Any:
    known = dict(loaded.signatures)
    wanted = {*wishes.outputs, *((wishes.output,) if wishes.output else ())}
    fitting = [key for key in known if wanted and wanted <= set(known[key].structured_outputs)]
    chosen = [_SERVING] if _SERVING in known and (not fitting or _SERVING in fitting) else fitting or list(known)
    if len(chosen) != 1:
        listed = "; ".join(f"{key} ({', '.join(sorted(known[key].structured_outputs))})" for key in sorted(known)[:8])
        raise SourceIncomplete(
            f"{name}: has {len(known)} signatures{': ' + listed if listed else ''}; "
            + ("name an output of one of them with --output." if known else "save it with signatures=.")
        )
    return known[chosen[0]]


def _only(known: dict[str, Any], wanted: tuple[str, ...], name: str, flag: str) -> str:
    """The tensor wanted among those of a signature, or its only one."""
    chosen = [key for key in known if key in wanted or f"{key}:0" in wanted] if wanted else list(known)
    if len(chosen) != 1 or (flag == "--inputs" and len(known) != 1):
        listed = ", ".join(sorted(known)[:12]) or "none"
        raise SourceIncomplete(f"{name}: its signature has {listed}; exactly one is needed, named with {flag}.")
    return str(chosen[0])


def _sides(shape: Any) -> tuple[int | None, ...]:
    return () if shape.rank is None else tuple(shape.as_list()[1:])


def _frozen_graph(path: Path, wishes: Wishes) -> _Classifier:
    refuse_large(path)
    tf = tensorflow(path.name)
    graph = parsed(tf.compat.v1.GraphDef, path, path.name)
    if not graph.node:
        raise SourceDamaged(f"{path.name}: holds no graph; copy it again, or name the SavedModel folder around it.")
    used = set(operators_of(graph))
    refuse_reaching(used, path.name)
    if used.intersection(_VARIABLES):
        raise SourceIncomplete(
            f"{path.name}: its variables are not in the file; freeze the graph first, or save a SavedModel."
        )
    for node in graph.node:
        if node.op == "PlaceholderWithDefault":  # a switch such as is_training: left at its default
            node.op = "Identity"
            node.attr["T"].CopyFrom(node.attr["dtype"])
            del node.attr["dtype"], node.attr["shape"]
    output = named(graph, (wishes.output,) if wishes.output else wishes.outputs, path.name) or sink(graph, path.name)
    given = named(graph, wishes.inputs, path.name) or placeholder(graph, output, path.name)
    try:
        with silently():
            imported = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
            function = imported.prune(given, output)
    except Exception as error:  # what TensorFlow raises shares no narrower ancestor
        raise SourceDamaged(f"{path.name}: TensorFlow cannot import its graph ({cause(error)}).") from error
    shape = imported.graph.get_tensor_by_name(given).shape

    def run(inputs: np.ndarray) -> np.ndarray:
        return np.asarray(function(tf.constant(inputs)).numpy())

    names = (given.partition(":")[0], output.partition(":")[0])
    return _Classifier(graph, (given, output), names, _sides(shape), run, (path,))


class _TensorFlowReference:
    """TensorFlow itself on the CPU: the function of a SavedModel, or the imported graph."""

    runtime = "TensorFlow"

    def __init__(self, tf: Any, found: _Classifier, made: set[str]) -> None:
        self._tf, self._found, self._made = tf, found, made
        self.version = str(tf.__version__)

    def scores(self, inputs: np.ndarray) -> np.ndarray:
        """Scores [n, k] of inputs as the ONNX model takes them."""
        with silently():
            parts = [self._found.run(inputs[at : at + _CHUNK]) for at in range(0, len(inputs), _CHUNK)]
        return np.concatenate([part.reshape(len(part), -1) for part in parts])

    def layers(self, inputs: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """The tensors of up to three axes that the ONNX model still names; tf2onnx may move the axes of others."""
        given, output = self._found.tensors
        names = [f"{node.name}:0" for node in self._found.graph.node if f"{node.name}:0" in self._made]
        with silently():
            graph = self._found.graph
            whole = self._tf.compat.v1.wrap_function(lambda: self._tf.graph_util.import_graph_def(graph, name=""), [])
            values = whole.prune(given, [*names, output])(self._tf.constant(inputs))
        for name, value in zip(names, values, strict=False):
            if value.shape.rank <= 3:
                yield name, np.asarray(value.numpy())
