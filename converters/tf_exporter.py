"""TensorFlow and tf2onnx, started without a word on the screen; a frozen graph or a TFLite file through tf2onnx."""

import contextlib
import importlib
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, numpy_helper

from converters.refusals import ConversionRefused, FrameworkMissing, SourceDamaged, UnsupportedLayer

BYTES_LIMIT = 2 << 30
OPSET = 18
# TensorFlow starts Keras, which keeps its backend for the life of the process, and converters.keras.convert needs torch
_SETTINGS = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_CPP_MAX_VLOG_LEVEL": "-1",
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "torch",
}
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")
_PASSING = ("Cast", "Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze")


def tensorflow(name: str) -> Any:
    """TensorFlow, on the CPU. Raises FrameworkMissing; `name` is the source's."""
    return _needed("tensorflow", name)


def _needed(module: str, name: str) -> Any:
    before = {key: os.environ.get(key) for key in _SETTINGS}
    if "tensorflow" not in sys.modules:
        os.environ.update(_SETTINGS)
    try:
        with silently():
            with contextlib.suppress(ImportError):
                importlib.import_module("triton")  # torch's; both hold LLVM, and the other order ends the process
            return importlib.import_module(module)
    except ImportError as error:
        raise FrameworkMissing(
            f'{name}: {module} is not installed; pip install "copycat-benchmark[tensorflow]" in an environment of its '
            "own, with the pins that docs/converters.md names."
        ) from error
    finally:
        for key, value in before.items():
            os.environ.pop(key, None)
            if value is not None:
                os.environ[key] = value


@contextlib.contextmanager
def silently() -> Iterator[None]:
    """No line on the screen, from Python or from the C++ below it, and no warning; errors are still raised."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "tf2onnx", "absl")]
    levels = [logger.level for logger in loggers]
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.ExitStack() as stack:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        stack.callback(os.close, nowhere)
        for screen in (1, 2):
            kept = os.dup(screen)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, screen)
            os.dup2(nowhere, screen)
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        try:
            yield
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def from_graph(graph: Any, tensors: tuple[str, str], names: tuple[str, str], source: str) -> onnx.ModelProto:
    """A frozen GraphDef between the tensors (input, output), which get new `names`, as ONNX.

    Raises UnsupportedLayer with the operators that have no conversion, FrameworkMissing.
    """
    convert = _needed("tf2onnx", source).convert
    renamed = dict(zip(tensors, names, strict=True))
    return _through(
        lambda: convert.from_graph_def(
            graph, input_names=[tensors[0]], output_names=[tensors[1]], opset=OPSET, tensors_to_rename=renamed
        ),
        source,
    )


def from_tflite(path: Path) -> onnx.ModelProto:
    """A TFLite file as ONNX; quantised tensors between QuantizeLinear and DequantizeLinear. Raises as from_graph."""
    convert = _needed("tf2onnx", path.name).convert
    return _through(lambda: convert.from_tflite(str(path), opset=OPSET), path.name)


def _through(export: Callable[[], tuple[onnx.ModelProto, object]], source: str) -> onnx.ModelProto:
    try:
        with silently():
            model, _ = export()
    except ConversionRefused:
        raise
    except Exception as error:  # what tf2onnx raises shares no narrower ancestor
        raise UnsupportedLayer(f"{source}: tf2onnx cannot convert it ({cause(error)}).") from error
    unknown = sorted({node.op_type for node in model.graph.node if not _known(node)})
    if unknown:
        raise UnsupportedLayer(
            f"{source}: no conversion for {', '.join(unknown[:8])}; save the model without what it does after the class"
            " scores, or without these operators."
        )
    return model


def _known(node: NodeProto) -> bool:
    return node.domain in _DOMAINS and onnx.defs.has(node.op_type, node.domain)


def own_range(model: onnx.ModelProto) -> tuple[float, float] | None:
    """The range that the model's own first step is made for: it scales pixels, or takes their mean off."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    name = model.graph.input[0].name
    for _ in range(4):
        takers = [node for node in model.graph.node if name in node.input]
        if len(takers) != 1:
            return None
        if takers[0].op_type not in _PASSING:
            return _range_for(takers[0], constants)
        name = takers[0].output[0]
    return None


def _range_for(node: NodeProto, constants: Mapping[str, TensorProto]) -> tuple[float, float] | None:
    known = [numpy_helper.to_array(constants[name]) for name in node.input if name in constants]
    if len(known) != 1 or not known[0].size or known[0].dtype.kind != "f":
        return None
    largest = float(np.abs(known[0]).max())
    pixels = {"Mul": largest < 0.1, "Div": largest > 10, "Sub": largest > 2}
    return (0.0, 255.0) if pixels.get(node.op_type) else None


def stated_sides(sides: tuple[int | None, ...]) -> dict[str, Any]:
    """Layout, channels and size, as keys of a card, of an input [h, w, c]; nothing where it is another."""
    if len(sides) != 3 or sides[2] not in (1, 3):
        return {}
    whole = sides[0] is not None and sides[1] is not None
    return {"layout": "nhwc", "channels": sides[2], **({"size": (sides[0], sides[1])} if whole else {})}


def refuse_large(path: Path) -> None:
    """Refuse a file that no ONNX file could hold, an empty one, and a pointer to a file. Raises SourceDamaged."""
    size = path.stat().st_size
    if size > BYTES_LIMIT:
        raise SourceDamaged(f"{path.name}: has {size:,} bytes; more than {BYTES_LIMIT:,} are not read.")
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        raise SourceDamaged(f"{path.name}: is empty; copy it again.")
    if head.startswith(b"version https://git-lfs"):
        raise SourceDamaged(f"{path.name}: is a Git LFS pointer, not the model; fetch it with git lfs pull.")


def cause(error: BaseException) -> str:
    """The first line of an error, not longer than a sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
