"""Tiny classifiers as other people's exporters leave them, made with onnx.helper."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

CLASSES = 5


def weights(rows: int, classes: int = CLASSES, seed: int = 0) -> np.ndarray:
    """A matrix [rows, classes] whose scores differ clearly from class to class."""
    return np.random.default_rng(seed).normal(size=(rows, classes)).astype(np.float32)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[tuple[str, int, Sequence[Any] | None]],
    outputs: Sequence[tuple[str, int, Sequence[Any] | None]],
    *,
    initializers: Sequence[tuple[str, np.ndarray]] = (),
    opset: int = 17,
    ir: int = 8,
    more_opsets: Sequence[tuple[str, int]] = (),
) -> onnx.ModelProto:
    """A model of these nodes; inputs and outputs as (name, type, shape)."""
    graph = helper.make_graph(
        list(nodes),
        "foreign",
        [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        [numpy_helper.from_array(array, name) for name, array in initializers],
    )
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(*each) for each in more_opsets)]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir, producer_name="test")


def linear(
    shape: Sequence[Any] = ("n", 3, 8, 8),
    *,
    dtype: int = TensorProto.FLOAT,
    classes: int = CLASSES,
    opset: int = 17,
    ending: Sequence[onnx.NodeProto] = (),
    outputs: Sequence[tuple[str, int, Sequence[Any] | None]] | None = None,
    extra: Sequence[tuple[str, np.ndarray]] = (),
    more_opsets: Sequence[tuple[str, int]] = (),
) -> onnx.ModelProto:
    """Cast to float, Flatten, MatMul -> "logits"; `ending` goes on from there."""
    pixels = int(np.prod(list(shape[1:])))
    nodes = [
        helper.make_node("Cast", ["x"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["rows"], axis=1),
        helper.make_node("MatMul", ["rows", "w"], ["logits"]),
        *ending,
    ]
    return model(
        nodes,
        [("x", dtype, shape)],
        outputs or [("logits", TensorProto.FLOAT, [shape[0], classes])],
        initializers=[("w", weights(pixels, classes)), *extra],
        opset=opset,
        more_opsets=more_opsets,
    )


def grey(images_NHWC: np.ndarray) -> np.ndarray:
    """Pillow's own grey, float64 [n, h, w, 1]."""
    return np.stack([np.asarray(Image.fromarray(i).convert("L"), dtype=np.float64) for i in images_NHWC])[..., None]


def images(count: int, height: int, width: int, seed: int = 1) -> np.ndarray:
    """Random images uint8 [count, height, width, 3]."""
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def convolution(shape: Sequence[Any], *, opset: int = 17, channels: int = 3) -> onnx.ModelProto:
    """Conv, ReLU, global pooling [n, 5, 1, 1]: takes any size where the shape says so."""
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["pooled"]),
    ]
    kernel = np.random.default_rng(3).normal(size=(CLASSES, channels, 3, 3)).astype(np.float32)
    return model(
        nodes,
        [("x", TensorProto.FLOAT, shape)],
        [("pooled", TensorProto.FLOAT, None)],
        initializers=[("k", kernel)],
        opset=opset,
    )
