"""The nodes between `images` (uint8 [n, h, w, 3], RGB) and the input of the source model."""

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from oracles.card import Preprocessing
from oracles.contract import INPUT
from oracles.refusals import CardRefused
from oracles.rewrite import opset, value

# Pillow's convert("L"): (19595 R + 38470 G + 7471 B + 32768) >> 16 (libImaging/Convert.c, L24). All sums are whole
# numbers below 2^24, so float32 holds them exactly in any order of addition.
GREY_WEIGHTS = (19595.0, 38470.0, 7471.0)
GREY_HALF = 32768.0
GREY_UNIT = 1.0 / 65536.0

FLOATS = {TensorProto.FLOAT: np.float32, TensorProto.DOUBLE: np.float64, TensorProto.FLOAT16: np.float16}
INTEGERS = {
    TensorProto.UINT8: np.uint8,
    TensorProto.INT8: np.int8,
    TensorProto.INT32: np.int32,
    TensorProto.INT64: np.int64,
}
INPUT_TYPES: dict[int, DTypeLike] = {**FLOATS, **INTEGERS}


def fitting_mean_image(array: np.ndarray, size: tuple[int, int], channels: int) -> np.ndarray:
    """A mean image [h, w, c], [c, h, w] or [h, w] as float32 [h, w, channels]; raises CardRefused."""
    height, width = size
    rows = array[None] if array.ndim == 2 else array
    if rows.shape == (channels, height, width):
        rows = rows.transpose(1, 2, 0)
    if rows.shape != (height, width, channels) or rows.dtype.kind not in "fui":
        raise CardRefused(
            f"mean_image is {array.dtype} {list(array.shape)}; the model needs numbers [{height}, {width}, {channels}]"
        )
    if not np.isfinite(rows).all():
        raise CardRefused("mean_image holds values that are not finite; make it again")
    return np.ascontiguousarray(rows, dtype=np.float32)


class Prefix(NamedTuple):
    """Nodes in order, and the name of the tensor that the last one makes."""

    nodes: list[NodeProto]
    output: str


class _Chain:
    """Appends one node after the other, each reading what the last one made."""

    def __init__(self, prefix: str, version: int) -> None:
        self.nodes: list[NodeProto] = []
        self.last = INPUT
        self.opset = version
        self._prefix = prefix

    def constant(self, array: np.ndarray) -> str:
        name = f"{self._prefix}constant_{len(self.nodes)}"
        tensor = numpy_helper.from_array(np.ascontiguousarray(array), name)
        self.nodes.append(helper.make_node("Constant", [], [name], name=name, value=tensor))
        return name

    def add(self, operator: str, *constants: np.ndarray, **attributes: object) -> None:
        inputs = [self.last, *(self.constant(array) for array in constants)]
        self.last = f"{self._prefix}{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [self.last], name=self.last, **attributes))


class Shape(NamedTuple):
    """The source's input: element type and sides after the batch axis, as the model wants them."""

    dtype: int
    sides: tuple[int, ...]


def prefix(how: Preprocessing, shape: Shape, version: int, mean_image: np.ndarray | None, names: str) -> Prefix:
    """The preprocessing as nodes of operator set `version`, their names beginning with `names`.

    `mean_image`: float32 [h, w, channels] or None. Calculates in float64 for a float64 model, else in float32;
    numbers for a model of whole numbers are rounded to the nearest (halves up).
    """
    chain = _Chain(names, version)
    wide = shape.dtype == TensorProto.DOUBLE
    chain.add("Cast", to=TensorProto.FLOAT)
    if how.channels == 1:
        _grey(chain)
    elif how.order == "bgr":
        chain.add("Gather", np.array([2, 1, 0], dtype=np.int64), axis=3)
    if wide:
        chain.add("Cast", to=TensorProto.DOUBLE)
    _scale(chain, how, np.dtype(np.float64 if wide else np.float32), mean_image)
    _lay_out(chain, how, shape.sides)
    if shape.dtype in INTEGERS:
        chain.add("Add", np.array([0.5], dtype=np.float32))
        chain.add("Floor")
    if shape.dtype not in (TensorProto.FLOAT, TensorProto.DOUBLE):
        chain.add("Cast", to=shape.dtype)
    return Prefix(chain.nodes, chain.last)


def _grey(chain: _Chain) -> None:
    chain.add("Mul", np.array(GREY_WEIGHTS, dtype=np.float32))
    if chain.opset < 13:  # axes became an input in operator set 13
        chain.add("ReduceSum", axes=[3], keepdims=1)
    else:
        chain.add("ReduceSum", np.array([3], dtype=np.int64), keepdims=1)
    chain.add("Add", np.array([GREY_HALF], dtype=np.float32))
    chain.add("Mul", np.array([GREY_UNIT], dtype=np.float32))
    chain.add("Floor")


def _scale(chain: _Chain, how: Preprocessing, dtype: np.dtype, mean_image: np.ndarray | None) -> None:
    """Mean image, range or scale, mean, std: the order that Preprocessing states, without steps that change nothing."""
    if mean_image is not None:
        chain.add("Sub", mean_image.astype(dtype)[None])
    if how.scale is not None and how.scale != 1:
        chain.add("Mul", np.array([how.scale], dtype))
    if how.range is not None and how.range != (0.0, 255.0):
        low, high = how.range
        chain.add("Div", np.array([255], dtype))
        if high - low != 1:
            chain.add("Mul", np.array([high - low], dtype))
        if low != 0:
            chain.add("Add", np.array([low], dtype))
    if how.mean is not None:
        chain.add("Sub", np.array(how.mean, dtype))
    if how.std is not None:
        chain.add("Div", np.array(how.std, dtype))


def _lay_out(chain: _Chain, how: Preprocessing, sides: tuple[int, ...]) -> None:
    if how.layout in ("nchw", "flat_nchw"):
        chain.add("Transpose", perm=[0, 3, 1, 2])
    if how.layout not in ("nchw", "nhwc"):
        chain.add("Reshape", np.array([0, *sides], dtype=np.int64))  # 0 copies the batch


def alone(how: Preprocessing, shape: Shape, like: ModelProto, mean_image: np.ndarray | None) -> ModelProto:
    """The preprocessing as a model of its own, in the operator set of `like`: images -> prepared."""
    version = opset(like)
    nodes, output = prefix(how, shape, version, mean_image, "prepare_")
    height, width = how.size
    graph = helper.make_graph(
        nodes,
        "preprocessing",
        [value(INPUT, TensorProto.UINT8, ("n", height, width, 3))],
        [value(output, shape.dtype, ("n", *shape.sides))],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=8)
