"""PyTorch itself beside the converted model: the scores of a module, and the tensors on the way to them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import fx

from converters.torch_exporter import silently

_CHUNK = 64


class TorchReference:
    """A module in eval mode on the CPU.

    `run`: images -> scores [n, k]. `program`: what the exporter captured and translated, whose nodes carry the names
    that the tensors of the ONNX model had; `names` says what they are called there now. `batch`: how many images at a
    time the source takes, where it takes no other number.
    """

    runtime = "PyTorch"
    version = str(torch.__version__)

    def __init__(
        self,
        run: Callable[[torch.Tensor], torch.Tensor],
        program: torch.export.ExportedProgram,
        names: Mapping[str, str],
        batch: int | None = None,
    ) -> None:
        self._run, self._program, self._names, self._batch = run, program, names, batch

    def scores(self, inputs: np.ndarray) -> np.ndarray:
        """Scores [n, k] of inputs [n, ...] as the ONNX model takes them, computed by the module itself."""
        step = self._batch or _CHUNK
        parts = [self._some(inputs[start : start + step]) for start in range(0, len(inputs), step)]
        return np.concatenate(parts)

    def layers(self, inputs: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """Every tensor of the captured program that the ONNX model has too, computed by PyTorch's own operators."""
        if self._batch not in (None, len(inputs)):
            return
        with silently(), torch.inference_mode():
            collector = _Collector(self._program.module(check_guards=False), self._names)
            collector.run(torch.from_numpy(np.array(inputs)))
        yield from collector.found

    def _some(self, inputs: np.ndarray) -> np.ndarray:
        count = len(inputs)
        if self._batch is not None and count < self._batch:
            inputs = np.concatenate([inputs, np.repeat(inputs[-1:], self._batch - count, axis=0)])
        with torch.inference_mode():
            scores = self._run(torch.from_numpy(np.array(inputs)))
        return scores.float().numpy()[:count].reshape(count, -1)


class _Collector(fx.Interpreter):
    """Runs a graph node by node and keeps the values that the ONNX model has under a name."""

    def __init__(self, module: fx.GraphModule, names: Mapping[str, str]) -> None:
        super().__init__(module)
        self._names = names
        self.found: list[tuple[str, np.ndarray]] = []

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        if n.op == "call_function" and n.name in self._names and isinstance(value, torch.Tensor):
            self.found.append((self._names[n.name], value.detach().cpu().numpy().copy()))
        return value
