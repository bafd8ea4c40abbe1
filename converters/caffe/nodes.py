"""Pieces of an ONNX graph in the making: tensors with known sides, nodes and weights with names of their own.

The first axis of every tensor is the batch and stays free; `sides` are the lengths of all others, so Caffe's axis k is
sides[k - 1]. Caffe's layers may move or fold the batch axis; those that do are refused where they stand.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import NodeProto, helper

from converters.caffe.net import Layer
from converters.refusals import SourceDamaged

# one image's values in one tensor: a gigabyte of float32, far above any classifier's largest
_MOST_VALUES = 1 << 28


@dataclass(frozen=True)
class Tensor:
    """A float32 tensor of the graph: its name, and its sides after the free batch axis."""

    name: str
    sides: tuple[int, ...]

    @property
    def axes(self) -> int:
        """How many axes it has, the batch included."""
        return 1 + len(self.sides)

    @property
    def values(self) -> int:
        """How many values it holds for one image."""
        return math.prod(self.sides)


def called(layer: Layer) -> str:
    """A layer as refusals call it: its name, shortened and with what does not print escaped, and its type."""
    return f"layer {layer.name[:80]!r} ({layer.type if layer.type.isidentifier() else repr(layer.type[:60])})"


class Names:
    """Every name that the graph has used; two things never get the same one."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._last: dict[str, int] = {}

    def fresh(self, wish: str) -> str:
        """The wish itself where it is free, else with a number behind it."""
        name = wish = wish or "unnamed"
        while name in self._used:
            self._last[wish] = self._last.get(wish, 1) + 1
            name = f"{wish}_{self._last[wish]}"
        self._used.add(name)
        return name


class Nodes:
    """The nodes and weights of one layer, collected in order; the walk names the results.

    `name`: the layer's own, unique in the graph. `batch`: how many images the file says come at once, for layers that
    write the number down.
    """

    def __init__(self, layer: Layer, name: str, names: Names, batch: int) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: dict[str, np.ndarray] = {}
        self.batch = batch
        self._layer, self._name, self._names = layer, name, names

    def weight(self, array: np.ndarray, what: str) -> str:
        """The name under which the array will be an initializer; nothing is copied."""
        name = self._names.fresh(f"{self._name}.{what}")
        self.weights[name] = array
        return name

    def floats(self, numbers: float | Sequence[float], what: str) -> str:
        """A scalar or a short list of float32 as an initializer; raises SourceDamaged for what float32 lacks."""
        with np.errstate(over="ignore"):
            array = np.asarray(numbers, dtype=np.float64).astype(np.float32)
        if not np.isfinite(array).all():
            raise SourceDamaged(f"{called(self._layer)}: its {what} would be {numbers}; check its parameters")
        return self.weight(array, what)

    def whole(self, numbers: Sequence[int], what: str) -> str:
        """A short list of int64 (a shape, axes, sizes) as an initializer."""
        return self.weight(np.asarray(numbers, dtype=np.int64), what)

    def add(self, operator: str, inputs: Sequence[Tensor | str], sides: Sequence[int], **attributes: object) -> Tensor:
        """Append a node with one output of those sides."""
        return self.add_several(operator, inputs, [sides], **attributes)[0]

    def add_several(
        self, operator: str, inputs: Sequence[Tensor | str], sides: Sequence[Sequence[int]], **attributes: object
    ) -> list[Tensor]:
        """Append a node with one output for each of the sides; raises SourceDamaged for sides that cannot be."""
        for each in sides:
            if min(each, default=1) < 1 or math.prod(each) > _MOST_VALUES:
                listed = " x ".join(str(side) for side in each)
                raise SourceDamaged(
                    f"{called(self._layer)} would give {listed} values for an image;"
                    " check its parameters and the size of the input"
                )
        outputs = [self._names.fresh(f"{self._name}:{operator.lower()}") for _ in sides]
        given = [item.name if isinstance(item, Tensor) else item for item in inputs]
        self.nodes.append(helper.make_node(operator, given, outputs, name=outputs[0], **attributes))
        return [Tensor(name, tuple(int(side) for side in each)) for name, each in zip(outputs, sides, strict=True)]
