"""Tiny oracle files for the tests of the door: a matrix, an arg max, and a card."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from oracles import contract
from oracles.card import Card, Preprocessing


def _tiny_model(*, k: int = 5, size: int = 4, batch: int | None = None, seed: int = 0) -> onnx.ModelProto:
    """uint8 images -> float -> one matrix -> scores -> arg max: the contract's inputs and outputs, without a card."""
    weights = np.random.default_rng(seed).normal(size=(size * size * 3, k)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["rows"], axis=1),
        helper.make_node("MatMul", ["rows", "weights"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["labels"], axis=1, keepdims=0, select_last_index=0),
    ]
    n = "n" if batch is None else batch
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, [n, size, size, 3])],
        [
            helper.make_tensor_value_info("labels", TensorProto.INT64, [n]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [n, k]),
        ],
        [numpy_helper.from_array(weights, "weights")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture
def tiny_model() -> Callable[..., onnx.ModelProto]:
    """Makes a tiny model: `tiny_model(k=5, size=4, batch=None, seed=0)`."""
    return _tiny_model


@pytest.fixture
def tiny_oracle() -> Callable[..., Path]:
    """Writes a tiny oracle file: `tiny_oracle(folder, k=5, size=4, price=0.0, ...)` is its path."""
    return _write_tiny_oracle


def _write_tiny_oracle(folder: Path, *, k: int = 5, size: int = 4, price: float = 0.0, **more: Any) -> Path:
    """`more`: name, pace (requests per minute), batch, seed, or model (another graph to put the card into)."""
    name, batch = more.get("name", "tiny"), more.get("batch")
    model = more.get("model") or _tiny_model(k=k, size=size, batch=batch, seed=more.get("seed", 0))
    card = Card(
        name=name,
        classes=tuple(f"class {number}" for number in range(k)),
        framework="onnx",
        files=(),
        preprocessing=Preprocessing(
            layout="nhwc", channels=3, order="rgb", dtype="float32", size=(size, size), range=(0, 255)
        ),
        scores_kind="logit",
        batch=batch,
        price_per_1000=price,
        requests_per_minute=more.get("pace"),
    )
    contract.write_card(model, card)
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture
def photographs() -> Callable[..., np.ndarray]:
    """Random images: `photographs(n, size=4, seed=1)` is uint8 [n, size, size, 3]."""

    def make(n: int, size: int = 4, seed: int = 1) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8)

    return make
