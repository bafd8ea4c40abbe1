"""TFLite files, float and quantised to 8 bits -> ONNX, through tf2onnx and with TFLite's own arithmetic."""

import math
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from converters.conversion import Conversion, Source, Wishes
from converters.refusals import SourceDamaged, SourceIncomplete, UnsupportedLayer
from converters.tf_exporter import cause, from_tflite, own_range, refuse_large, silently, stated_sides, tensorflow
from converters.tflite.quantised import count_as_tflite

_IDENTIFIER = b"TFL3"
_MEMORY_LIMIT = 8 << 30
_LABELS_LIMIT = 1 << 20
_WHOLE = {np.dtype(np.uint8): (0.0, 255.0), np.dtype(np.int8): (-128.0, 127.0)}
# what the numbers of an image mean to a float model: the whole range of 8 bits stands for one of these
_USUAL = ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0))


def convert(source: Source, wishes: Wishes) -> Conversion:
    """A .tflite file as ONNX: input and output as the file has them, 8-bit numbers where it is quantised.

    An input of 8 bits takes pixels as they are (uint8) or less 128 (int8): `range` says so where scale and zero point
    of the file mean 0..255, 0..1 or -1..1, and is assumed elsewhere. Class names come from a label file packed into
    the model. Wishes: `output` among several. Raises ConversionRefused.
    """
    path = source.path
    if path is None or not path.is_file():
        raise SourceIncomplete(f"{source.text}: no such file; name a .tflite file.")
    refuse_large(path)
    with path.open("rb") as file:
        if file.read(8)[4:] != _IDENTIFIER:
            raise SourceDamaged(f"{path.name}: is not a TFLite file; copy or export it again.")
    reference = _TFLiteReference(path)
    model = from_tflite(path)
    output = reference.choose(wishes.output)
    del model.graph.value_info[:]
    _only_output(model, output, path.name)
    try:
        counted = count_as_tflite(model)
    except (IndexError, KeyError, ValueError) as error:
        raise SourceDamaged(
            f"{path.name}: its scales do not fit its tensors ({cause(error)}); copy it again."
        ) from error
    _real_scores(model, reference.output)
    stated, assumed, notes = _card(model, reference)
    classes = _classes(path, math.prod(int(side) for side in reference.output["shape"]))
    if counted:
        notes = (*notes, f"{counted} steps count in whole numbers, as TFLite does")
    return Conversion(
        model=model,
        framework=f"TFLite (tf2onnx {_version()})",
        files=(path,),
        stated={**stated, **({"classes": classes} if classes else {})},
        assumed=assumed,
        reference=reference,
        notes=notes,
    )


def _version() -> str:
    import tf2onnx  # noqa: PLC0415 - optional

    return str(tf2onnx.__version__)


def _only_output(model: onnx.ModelProto, name: str, source: str) -> None:
    kept = [value for value in model.graph.output if value.name == name]
    if not kept:
        raise UnsupportedLayer(f"{source}: tf2onnx lost the output {name[:80]}; convert it with another tool.")
    del model.graph.output[:]
    model.graph.output.extend(kept)


def _real_scores(model: onnx.ModelProto, output: Mapping[str, Any]) -> None:
    """Scores of 8 bits as the numbers that they stand for."""
    scale, zero = output["quantization"]
    if np.dtype(output["dtype"]) not in _WHOLE or not scale:
        return
    graph = model.graph
    constants = {"scores:scale": np.array(scale, np.float32), "scores:zero": np.array(zero, output["dtype"])}
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    graph.node.append(helper.make_node("DequantizeLinear", [graph.output[0].name, *constants], ["scores"]))
    graph.output[0].name = "scores"
    graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT


def _card(
    model: onnx.ModelProto, reference: "_TFLiteReference"
) -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]:
    """What the file states as keys of a card, what it makes likely, and remarks."""
    sides = tuple(int(side) if side > 0 else None for side in reference.input["shape_signature"][1:])
    stated = stated_sides(sides)
    if model.graph.node and reference.last_operator in ("SOFTMAX", "LOGISTIC"):
        stated["scores_kind"] = "probability"
    whole = _WHOLE.get(np.dtype(reference.input["dtype"]))
    if whole is None:
        span = own_range(model)
        return ({**stated, "range": span} if span else stated), {}, ()
    scale, zero = reference.input["quantization"]
    low, high = ((bound - zero) * scale for bound in whole)
    note = f"quantised input: scale {scale:g}, zero point {zero}, so {whole[0]:g}..{whole[1]:g} mean {low:g}..{high:g}"
    usual = any(max(abs(low - a), abs(high - b)) <= 0.02 * (b - a) for a, b in _USUAL)
    if usual:
        return {**stated, "range": whole}, {}, (note,)
    return stated, {"range": whole}, (note,)


def _classes(path: Path, count: int) -> tuple[str, ...]:
    """The lines of the one label file in the archive that the metadata of TFLite append to a model, if they fit."""
    try:
        with zipfile.ZipFile(path) as archive:
            texts = [entry for entry in archive.infolist() if entry.filename.lower().endswith(".txt")]
            if len(texts) != 1 or texts[0].file_size > _LABELS_LIMIT:
                return ()
            with archive.open(texts[0]) as file:
                lines = file.read(_LABELS_LIMIT).decode("utf-8").splitlines()
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, RuntimeError):
        return ()
    names = tuple(line.strip() for line in lines)
    return names if len(names) == count and count > 1 and all(names) else ()


class _TFLiteReference:
    """TFLite's interpreter with its default kernels (XNNPACK where it has them), which answers image by image."""

    runtime = "TFLite interpreter"

    def __init__(self, path: Path) -> None:
        module = tensorflow(path.name)
        self.version = str(module.__version__)
        self._name = path.name
        try:
            with silently():
                self._interpreter = self._started(module.lite.Interpreter, path.read_bytes())
                inputs = self._interpreter.get_input_details()
                self.outputs: list[Mapping[str, Any]] = self._interpreter.get_output_details()
                operators = [entry["op_name"] for entry in self._interpreter._get_ops_details()]  # noqa: SLF001
        except (ValueError, RuntimeError, TypeError) as error:
            raise SourceDamaged(
                f"{self._name}: TFLite cannot open it ({cause(error)}); copy it again, or export it without custom"
                " operators."
            ) from error
        if len(inputs) != 1 or not self.outputs:
            names = ", ".join(str(given["name"])[:60] for given in inputs[:8])
            raise UnsupportedLayer(
                f"{path.name}: has {len(inputs)} inputs ({names}) and {len(self.outputs)} outputs; an oracle takes one"
                " image and gives class scores."
            )
        self.input: Mapping[str, Any] = inputs[0]
        self.output = self.outputs[0]
        computing = [name for name in operators if name not in ("DELEGATE", "RESHAPE", "DEQUANTIZE", "QUANTIZE")]
        self.last_operator = computing[-1] if computing else ""

    def choose(self, name: str | None) -> str:
        """The output that holds the scores. Raises SourceIncomplete."""
        names = [str(given["name"]) for given in self.outputs]
        if name in names:
            self.output = self.outputs[names.index(name)]
        elif name or len(names) != 1:
            listed = ", ".join(known[:60] for known in names[:12])
            raise SourceIncomplete(f"{self._name}: has the outputs {listed}; name the class scores with --output.")
        return str(self.output["name"])

    def scores(self, inputs: np.ndarray) -> np.ndarray:
        """Scores float32 [n, k] of inputs [n, ...]; those of 8 bits as the numbers that they stand for."""
        with silently():
            rows = np.stack([self._answer(image[None]) for image in np.asarray(inputs)])
        scale, zero = self.output["quantization"]
        if rows.dtype not in _WHOLE or not scale:
            return rows.astype(np.float32)
        return (rows.astype(np.float32) - np.float32(zero)) * np.float32(scale)

    def layers(self, inputs: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:  # noqa: ARG002 - part of the protocol
        """Nothing: the interpreter shares memory between tensors, and tf2onnx moves their axes."""
        yield from ()

    def _answer(self, image: np.ndarray) -> np.ndarray:
        self._interpreter.set_tensor(self.input["index"], image.astype(self.input["dtype"]))
        self._interpreter.invoke()
        return np.asarray(self._interpreter.get_tensor(self.output["index"])).reshape(-1)

    def _started(self, make: Any, content: bytes) -> Any:
        interpreter = make(model_content=content, num_threads=1)
        sizes = [
            math.prod(map(int, given["shape"])) * np.dtype(given["dtype"]).itemsize
            for given in interpreter.get_tensor_details()
        ]
        if sum(sizes) > _MEMORY_LIMIT:
            raise SourceDamaged(f"{self._name}: would need {sum(sizes):,} bytes for its tensors; it is refused.")
        interpreter.allocate_tensors()
        return interpreter
