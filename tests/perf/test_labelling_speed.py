"""How fast labels come through the door, beside a bare loop over session.run and beside answers that are stored.

Run with `pytest tests/perf/test_labelling_speed.py -o addopts= --benchmark-only`; images per second = 4,096 / time.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from pytest_benchmark.fixture import BenchmarkFixture

from oracles import contract
from oracles.answers import Answers
from oracles.card import Card, Preprocessing
from oracles.keys import keys_of
from oracles.runtime import open_session
from oracles.server import Server

COUNT, SIZE, CLASSES = 4096, 32, 10


def small_convnet() -> onnx.ModelProto:
    """Two strided convolutions and a matrix: a few thousand images of 32 x 32 pixels a second on one core."""
    rng = np.random.default_rng(0)
    shapes = {"first": (16, 3, 3, 3), "second": (32, 16, 3, 3), "matrix": (32, CLASSES)}
    weights = [
        numpy_helper.from_array(rng.normal(size=shape).astype(np.float32) * 0.1, name) for name, shape in shapes.items()
    ]
    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "first"], ["one"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["one"], ["two"]),
        helper.make_node("Conv", ["two", "second"], ["three"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["three"], ["four"]),
        helper.make_node("GlobalAveragePool", ["four"], ["five"]),
        helper.make_node("Flatten", ["five"], ["six"]),
        helper.make_node("MatMul", ["six", "matrix"], ["scores"]),
        helper.make_node("ArgMax", ["scores"], ["labels"], axis=1, keepdims=0),
    ]
    inputs = [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", SIZE, SIZE, 3])]
    outputs = [
        helper.make_tensor_value_info("labels", TensorProto.INT64, ["n"]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", CLASSES]),
    ]
    graph = helper.make_graph(nodes, "small", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The oracle file of the small net."""
    model = small_convnet()
    preprocessing = Preprocessing(
        layout="nchw", channels=3, order="rgb", dtype="float32", size=(SIZE, SIZE), range=(0, 255)
    )
    classes = tuple(f"class {number}" for number in range(CLASSES))
    card = Card(name="small", classes=classes, framework="onnx", preprocessing=preprocessing, scores_kind="logit")
    contract.write_card(model, card)
    onnx.save(model, tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


@pytest.fixture
def images() -> np.ndarray:
    """4,096 random images."""
    return np.random.default_rng(1).integers(0, 256, (COUNT, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.fixture
def server(file: Path, tmp_path: Path) -> Iterator[Server]:
    """The door to the small net, on the CPU, one thread."""
    with Server(file, tmp_path / "answers", device="cpu") as server:
        yield server


@pytest.mark.parametrize("batch", [16, 64])
def test_bare_loop(benchmark: BenchmarkFixture, file: Path, images: np.ndarray, batch: int) -> None:
    """session.run over slices, in the door's own batches and in larger ones: what the machine can do."""
    session = open_session(file, device="cpu")

    def label() -> np.ndarray:
        parts = [session.run(["labels"], {"images": images[at : at + batch]})[0] for at in range(0, COUNT, batch)]
        return np.concatenate(parts)

    assert len(benchmark(label)) == COUNT


def test_through_the_door(benchmark: BenchmarkFixture, file: Path, images: np.ndarray, tmp_path: Path) -> None:
    """Hashed, looked up, computed, committed and metered; every round has a store of its own."""
    rounds = count()

    def fresh() -> tuple[tuple[Server], dict[str, object]]:
        return (Server(file, tmp_path / str(next(rounds)), device="cpu"),), {}

    def label(server: Server) -> np.ndarray:
        return server.session(COUNT, "perf")(images)

    assert len(benchmark.pedantic(label, setup=fresh, rounds=5)) == COUNT


def test_asked_again(benchmark: BenchmarkFixture, server: Server, images: np.ndarray) -> None:
    """The same images when all answers are stored."""
    server.session(COUNT, "perf")(images)
    assert len(benchmark(lambda: server.session(COUNT, "perf")(images))) == COUNT


def test_keys(benchmark: BenchmarkFixture, images: np.ndarray) -> None:
    """Hashing alone, which is most of asking again."""
    assert len(benchmark(keys_of, images)) == COUNT


def test_opening_a_million_answers(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Reading, checking and indexing a store of 1,000,000 answers."""
    keys = np.frombuffer(np.random.default_rng(0).bytes(16_000_000), dtype="S16")
    store = Answers(tmp_path, "ab" * 32)
    store.add(keys, np.zeros(len(keys), dtype=np.int64), "perf")
    store.close()

    def reopen() -> int:
        store = Answers(tmp_path, "ab" * 32)
        store.close()
        return len(store)

    assert benchmark.pedantic(reopen, rounds=3) == 1_000_000
