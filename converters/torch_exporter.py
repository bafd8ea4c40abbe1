"""PyTorch modules and exported programs through torch's own exporter, and the names of their layers in the graph."""

import ast
import contextlib
import io
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import onnx
import torch
from torch import nn

from converters.refusals import ConversionRefused

INPUT, OUTPUT = "images", "scores"
OPSET = 20
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_SCOPES = "pkg.torch.onnx.name_scopes"


class ExportRefused(ConversionRefused):
    """A module that torch's exporter cannot put into an ONNX graph; the message is one sentence."""


def export(module: nn.Module, *, size: tuple[int, int], channels: int = 3, opset: int = OPSET) -> onnx.ModelProto:
    """The module as an ONNX model: `images` float32 [n, channels, h, w] 0..255 in, `scores` [n, k] out, n free.

    Exported in eval mode from a CPU copy of its weights' places: the module itself comes back as it was. Says nothing
    on the screen. Raises ExportRefused with the exporter's first sentence.
    """
    training = {name: part.training for name, part in module.named_modules()}
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    module.eval().cpu()
    try:
        model: onnx.ModelProto = capture(module, torch.zeros(2, channels, *size), [OUTPUT], opset=opset).model_proto
    finally:
        module.to(device)
        for name, part in module.named_modules():
            part.training = training[name]
    return model


def capture(
    source: nn.Module | torch.export.ExportedProgram,
    example: torch.Tensor,
    outputs: Sequence[str],
    *,
    opset: int = OPSET,
) -> torch.onnx.ONNXProgram:
    """What torch's exporter makes of a module on the CPU in eval mode, or of an exported program.

    `example`: two images as the module takes them; their number stays free (a program keeps what it was exported
    with). Raises ExportRefused.
    """
    given = not isinstance(source, torch.export.ExportedProgram)
    try:
        with silently(), torch.no_grad():
            program = torch.onnx.export(
                source,
                (example,) if given else (),
                dynamo=True,
                input_names=[INPUT],
                output_names=list(outputs),
                dynamic_shapes=({0: torch.export.Dim("n", min=1)},) if given else None,
                opset_version=opset,
                verbose=False,
            )
    except Exception as error:  # the exporter's errors share no narrower ancestor
        cause = _cause(error)
        name = type(source).__name__ if given else "the exported program"
        raise ExportRefused(f"{name}: cannot be exported to ONNX ({cause}).") from error
    assert program is not None  # noqa: S101 - None only for the exporter of old
    return program


def _cause(error: BaseException) -> str:
    """The first sentence of an error, and that of the error at the bottom of it, without colours."""
    bottom = error
    while bottom.__cause__ is not None:
        bottom = bottom.__cause__
    words = [_COLOURS.sub("", str(each) or type(each).__name__).splitlines()[0] for each in (error, bottom)]
    first, last = (text.split(". ")[0].strip().rstrip(".") for text in words)
    return first if last in first else f"{first}: {last}"


def name_layers(model: onnx.ModelProto) -> dict[str, str]:
    """Put the module's path before each tensor's name, and take out where its source code lies; old name -> new name.

    The exporter notes for every node in which submodule it was called (metadata `pkg.torch.onnx.name_scopes`) and
    names the tensor after the node of the exported program. `getitem_3` becomes `layer1.0.bn2/getitem_3`.
    """
    fixed = {value.name for value in (*model.graph.output, *model.graph.input, *model.graph.initializer)}
    new = {name: name for name in fixed}
    for node in model.graph.node:
        scope = _scope(node)
        new |= {name: f"{scope}/{name}" if scope else name for name in node.output if name not in fixed}
    for node in model.graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
        del node.metadata_props[:]
        for graph in (attribute.g for attribute in node.attribute if attribute.HasField("g")):
            _rename_captured(graph, new)
    for value in model.graph.value_info:
        value.name = new.get(value.name, value.name)
    for described in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del described.metadata_props[:]
    del model.graph.metadata_props[:]
    return new


def _rename_captured(graph: onnx.GraphProto, new: dict[str, str]) -> None:
    """The names of the outer graph inside a branch or the body of a loop; its own names stay."""
    outer = {name: new[name] for node in graph.node for name in node.input if name in new}
    own = {name for node in graph.node for name in node.output}
    for node in graph.node:
        node.input[:] = [name if name in own else outer.get(name, name) for name in node.input]
        del node.metadata_props[:]
        for inner in (attribute.g for attribute in node.attribute if attribute.HasField("g")):
            _rename_captured(inner, {name: to for name, to in new.items() if name not in own})


def _scope(node: onnx.NodeProto) -> str:
    noted: Any = next((prop.value for prop in node.metadata_props if prop.key == _SCOPES), "[]")
    try:
        scopes = ast.literal_eval(noted)
    except (ValueError, SyntaxError):
        return ""
    return str(scopes[-2]) if isinstance(scopes, list) and len(scopes) > 1 else ""


@contextlib.contextmanager
def silently() -> Iterator[None]:
    """No line and no warning of torch's own machinery on the screen; what it cannot do, it raises."""
    log = [logging.getLogger(name) for name in ("torch", "torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in log]
    for logger in log:
        logger.setLevel(logging.ERROR)
    quiet = io.StringIO()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        for logger, level in zip(log, levels, strict=True):
            logger.setLevel(level)
