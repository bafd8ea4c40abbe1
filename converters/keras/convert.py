"""Keras files, .keras and .h5 of Keras 2 and 3 -> ONNX, by Keras 3 on torch and torch's own exporter."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from converters.conversion import Conversion, Source, Wishes
from converters.keras.archive import copied
from converters.keras.model import channels_first, last_activation, load, own_range, passes, sides_of, start
from converters.refusals import SourceIncomplete, UnsupportedLayer
from converters.torch_exporter import OUTPUT, ExportRefused, capture, silently

_CHUNK = 64
_MARK = "keras:"


def convert(source: Source, wishes: Wishes) -> Conversion:
    """A .keras, .h5 or .hdf5 file as ONNX: the input as the model has it, `scores` [n, k], layers under their names.

    Layers that prepare the images (Rescaling, Normalization) stay in the graph, and the card then says which range
    they take. A single sigmoid unit p becomes two scores, 1 - p and p. Wishes: `size`, `image_channels` where the
    model leaves them open, `output` among several. Raises ConversionRefused.
    """
    path = source.path
    if path is None:
        raise SourceIncomplete(f"{source.text}: no such file; name a .keras, .h5 or .hdf5 file.")
    with tempfile.TemporaryDirectory(prefix="keras_") as folder:
        clean = copied(path, Path(folder))
        keras = start(path.name)
        model = load(keras, clean, path.name)
    sides = sides_of(model, wishes, path.name)
    whole = _Whole(keras, model, _scores(model, wishes, path.name))
    graph = _exported(keras, whole, sides, path.name)
    notes = ("one sigmoid unit p became two scores, 1 - p and p",) if whole.binary else ()
    return Conversion(
        model=graph,
        framework=f"Keras {keras.__version__}",
        files=(path,),
        stated=_stated(model, whole, sides),
        reference=_KerasReference(keras, whole, {name for node in graph.graph.node for name in node.output}),
        notes=notes,
    )


def _scores(model: Any, wishes: Wishes, name: str) -> Any:
    """The output that holds the class scores. Raises SourceIncomplete."""
    outputs, names = list(model.outputs), list(getattr(model, "output_names", ()))
    if wishes.output in names:
        return outputs[names.index(wishes.output)]
    if len(outputs) != 1 or wishes.output:
        listed = ", ".join(names[:12])
        wrong = f"has no output {wishes.output}" if wishes.output else "has several outputs"
        raise SourceIncomplete(f"{name}: {wrong}; name one of {listed} with --output.")
    return outputs[0]


class _Whole(nn.Module):
    """A Keras model as torch's exporter wants it: for inference, the class scores first, then each layer's value."""

    def __init__(self, keras: Any, model: Any, scores: Any) -> None:
        super().__init__()
        self.names, values = _visible(keras, model)
        self.last = last_activation(model) if len(model.outputs) == 1 else ""
        self.binary = self.last == "sigmoid" and scores.shape[-1] == 1 and len(scores.shape) == 2
        with silently(), keras.device("cpu"):
            self.model = keras.Model(model.inputs, [scores, *values])
        self.eval()

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        given = self.model(images, training=False)
        scores, *values = given if isinstance(given, list | tuple) else [given]
        return (torch.cat([1 - scores, scores], dim=-1) if self.binary else scores, *values)


def _visible(keras: Any, model: Any) -> tuple[list[str], list[Any]]:
    """Names and values of the layers that compute something, are used once and give one tensor."""
    names, values = [], []
    for layer in model.layers:
        if isinstance(layer, keras.Model) or passes(layer):
            continue
        try:
            value = layer.output
        except (AttributeError, ValueError):  # used several times
            continue
        if isinstance(value, keras.KerasTensor):
            names.append(str(layer.name))
            values.append(value)
    return names, values


def _stated(model: Any, whole: _Whole, sides: Sequence[int]) -> dict[str, Any]:
    """What the file says of images and scores, as keys of a card."""
    stated: dict[str, Any] = {}
    if len(sides) == 3:
        first = channels_first(model)
        stated["layout"] = "nchw" if first else "nhwc"
        stated["channels"] = sides[0] if first else sides[2]
        stated["size"] = tuple(sides[1:]) if first else tuple(sides[:2])
    if whole.last in ("softmax", "linear") or whole.binary:
        stated["scores_kind"] = "logit" if whole.last == "linear" else "probability"
    span = own_range(model)
    if span is not None:
        stated["range"] = span
    return stated


def _exported(keras: Any, whole: _Whole, sides: Sequence[int], name: str) -> onnx.ModelProto:
    """The ONNX model with the scores as its only output. Raises UnsupportedLayer."""
    try:
        with keras.device("cpu"), silently():
            example = torch.zeros(2, *sides, dtype=getattr(torch, whole.model.inputs[0].dtype))
            program = capture(whole, example, [OUTPUT, *(f"{_MARK}{layer}" for layer in whole.names)])
    except ExportRefused as error:
        raise UnsupportedLayer(f"{name}: {str(error).partition(': ')[2]}") from error
    model: onnx.ModelProto = program.model_proto
    del model.graph.output[1:]
    _bare(model)
    return model


def _bare(model: onnx.ModelProto) -> None:
    """Without the exporter's notes, which name paths of this machine."""
    graph = model.graph
    for thing in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info):
        del thing.metadata_props[:]


class _KerasReference:
    """The Keras model on torch on the CPU, and the layers whose tensors the ONNX model has."""

    def __init__(self, keras: Any, whole: _Whole, made: set[str]) -> None:
        self._keras, self._whole, self._made = keras, whole, made
        self.runtime, self.version = f"Keras {keras.__version__} on torch", str(torch.__version__)

    def scores(self, inputs: np.ndarray) -> np.ndarray:
        """Scores [n, k] of inputs as the ONNX model takes them."""
        parts = [self._run(inputs[at : at + _CHUNK])[0] for at in range(0, len(inputs), _CHUNK)]
        return np.concatenate([part.reshape(len(part), -1) for part in parts])

    def layers(self, inputs: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """The value of each layer of the model that the ONNX model names."""
        names = [f"{_MARK}{name}" for name in self._whole.names]
        for name, value in zip(names, self._run(inputs)[1:], strict=True):
            if name in self._made:
                yield name, value

    def _run(self, inputs: np.ndarray) -> list[np.ndarray]:
        with silently(), self._keras.device("cpu"), torch.inference_mode():
            return [value.numpy() for value in self._whole(torch.from_numpy(np.array(inputs)))]
