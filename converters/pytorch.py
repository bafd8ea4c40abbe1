"""PyTorch modules -> ONNX, through torch's own exporter."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

import onnx
import torch
from torch import nn

INPUT, OUTPUT = "images", "scores"


class ExportRefused(Exception):
    """A module that torch's exporter cannot put into an ONNX graph; the message is one sentence."""

    exit_code = 3


def export(module: nn.Module, *, size: tuple[int, int], channels: int = 3, opset: int = 20) -> onnx.ModelProto:
    """The module as an ONNX model: `images` float32 [n, channels, h, w] 0..255 in, `scores` [n, k] out, n free.

    Exported in eval mode from a CPU copy of its weights' places: the module itself comes back as it was. Says nothing
    on the screen. Raises ExportRefused with the exporter's first sentence.
    """
    training = {name: part.training for name, part in module.named_modules()}
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    module.eval().cpu()
    try:
        with _silently(), torch.no_grad():
            program = torch.onnx.export(
                module,
                (torch.zeros(2, channels, *size),),
                dynamo=True,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_shapes=({0: torch.export.Dim("n", min=1)},),
                opset_version=opset,
                verbose=False,
            )
    except Exception as error:  # the exporter's errors share no narrower ancestor
        cause = (str(error) or type(error).__name__).splitlines()[0]
        raise ExportRefused(f"{type(module).__name__}: cannot be exported to ONNX ({cause}).") from error
    finally:
        module.to(device)
        for name, part in module.named_modules():
            part.training = training[name]
    assert program is not None  # noqa: S101 - None only for the exporter of old
    model: onnx.ModelProto = program.model_proto
    return model


@contextlib.contextmanager
def _silently() -> Iterator[None]:
    """No line and no warning of the exporter's own machinery on the screen; what it cannot export, it raises."""
    log = logging.getLogger("torch.onnx"), logging.getLogger("onnxscript"), logging.getLogger("onnx_ir")
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
