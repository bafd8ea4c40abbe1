"""PyTorch -> ONNX: exported programs, named architectures with weights, and modules of the user's own code."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from converters.conversion import Conversion, Source, Wishes
from converters.pytorch.inputs import chosen, image_of, tensors_of
from converters.pytorch.nets import LIBRARIES, Net, named, own_code
from converters.pytorch.programs import is_program, read_program
from converters.pytorch.reference import TorchReference
from converters.pytorch.weights import read_weights
from converters.refusals import RunsCode, SourceIncomplete, UnknownFormat, UnsupportedLayer
from converters.torch_exporter import ExportRefused, capture, export, name_layers, silently

__all__ = ["ExportRefused", "convert", "export", "from_module"]

FRAMEWORK = "PyTorch"


class _Ready(NamedTuple):
    """What is exported: a module or program, how it is run, and two images (or its fixed batch) for it."""

    source: torch.nn.Module | torch.export.ExportedProgram
    call: Callable[[torch.Tensor], Any]
    example: torch.Tensor
    batch: int | None
    name: str


def convert(source: Source, wishes: Wishes) -> Conversion:
    """A PyTorch classifier as ONNX, its input as the module has it.

    `source.text`: `timm:NAME` or `torchvision:NAME` with `wishes.weights`; a `.pt2` file of torch.export.save;
    `package.module:callable` or `file.py:callable`, which runs that code and so wants `wishes.allow_code`. Files of
    weights alone, pickled modules and TorchScript archives are refused with the way out. Raises ConversionRefused.
    """
    if source.text.partition(":")[0] in LIBRARIES and source.path is None:
        return _of_net(named(source.text, wishes), source.text, wishes)
    if source.path is not None and source.path.is_file():
        if source.path.suffix == ".pt2" or is_program(source.path):
            return _of_program(source.path, wishes)
        raise _weights_alone(source.path)
    if ":" in source.text:
        return _of_net(own_code(source.text, wishes), source.text, wishes)
    raise UnknownFormat(
        f"{source.text} is no PyTorch source; give a .pt2 file, timm:NAME or torchvision:NAME with --weights,"
        " or module:callable with --allow-code"
    )


def from_module(module: torch.nn.Module, *, size: tuple[int, int], image_channels: int = 3) -> Conversion:
    """A live module that takes images float [n, channels, h, w] and gives scores [n, k]; it comes back in eval mode.

    Raises ConversionRefused.
    """
    module.eval()
    name = type(module).__name__
    ready = _Ready(module, module, torch.zeros(2, image_channels, *size), None, name)
    model, reference, output = _exported(ready, Wishes())
    return Conversion(model, FRAMEWORK, (), stated=output, reference=reference)


def _weights_alone(path: Path) -> SourceIncomplete | RunsCode:
    """Why a file cannot stand alone; a file that is not even weights raises what is wrong with it."""
    weights = read_weights(path)
    first = next(iter(weights.state), "none")
    return SourceIncomplete(
        f"{path.name} holds {len(weights.state)} weights (first {first}) but not the network that they belong to; name"
        f" it: timm:NAME, torchvision:NAME or module:callable, with --weights {path.name}"
    )


def _of_net(net: Net, text: str, wishes: Wishes) -> Conversion:
    module = net.module.cpu().float()
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    with silently():
        taken = image_of(module, wishes, net.size, text)
    model, reference, output = _exported(_Ready(module, module, taken.example, None, text), wishes)
    channels = taken.stated["channels"]
    fitting = {key: value for key, value in net.assumed.items() if key == "range" or len(value) == channels}
    return Conversion(
        model=model,
        framework=FRAMEWORK,
        files=net.files,
        stated={**taken.stated, **output},
        assumed={**fitting, **taken.assumed},
        reference=reference,
        notes=net.notes,
    )


def _of_program(path: Path, wishes: Wishes) -> Conversion:
    program = read_program(path, allow_code=wishes.allow_code)
    example, batch = _images_of(program, path.name)
    with silently():
        call = program.module(check_guards=False)
    model, reference, output = _exported(_Ready(program, call, example, batch, path.name), wishes)
    notes = () if batch is None else (f"{path.name} was exported for {batch} images at a time",)
    return Conversion(model, FRAMEWORK, (path,), stated=output, reference=reference, notes=notes)


def _images_of(program: torch.export.ExportedProgram, name: str) -> tuple[torch.Tensor, int | None]:
    """Zero images of the shape that a program was exported for, and its batch where that is fixed."""
    inputs = set(program.graph_signature.user_inputs)
    values = [node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder" and node.name in inputs]
    if len(values) != 1 or not isinstance(values[0], torch.Tensor) or values[0].ndim < 2:
        raise UnsupportedLayer(f"{name} takes {len(values)} inputs; export a program that takes one tensor of images")
    batch, *sides = values[0].shape
    if any(not isinstance(side, int) for side in sides):
        raise SourceIncomplete(f"{name} takes images of any size; export it for one size (only the batch dynamic)")
    fixed = batch if isinstance(batch, int) else None
    return torch.zeros(fixed or 2, *sides, dtype=values[0].dtype), fixed


def _exported(ready: _Ready, wishes: Wishes) -> tuple[Any, TorchReference, Mapping[str, str]]:
    """The ONNX model with named layers, PyTorch's own run of the same, and which output holds the class scores."""
    with silently(), torch.inference_mode():
        outputs = ready.call(ready.example)
    names, at = chosen(outputs, len(ready.example), wishes.output, ready.name)
    program = capture(ready.source, ready.example, names)
    captured = program.exported_program
    assert captured is not None  # noqa: S101 - the exporter sets it for everything that it exports
    model = program.model_proto
    renamed = name_layers(model)
    ends = dict(zip(captured.graph_signature.user_outputs, (value.name for value in model.graph.output), strict=False))
    reference = TorchReference(
        functools.partial(_scores, ready.call, at),
        captured,
        {**renamed, **{str(node): name for node, name in ends.items()}},
        ready.batch,
    )
    return model, reference, {"output": model.graph.output[at].name} if len(names) > 1 else {}


def _scores(call: Callable[[torch.Tensor], Any], at: int, images: torch.Tensor) -> torch.Tensor:
    return tensors_of(call(images))[at][1]
