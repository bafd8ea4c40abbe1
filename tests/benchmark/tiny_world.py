"""A world small enough to be played in seconds: a problem of three colours, its oracle, a pool of noise, a recipe."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from oracles.card import DroppedCard
from oracles.seal import seal, write

CLASSES = ("reddish", "greenish", "bluish")
SIDE = 16

PROBLEM = """
about = "Which colour is strongest?"
classes = ["reddish", "greenish", "bluish"]
size = 16
mirror = true
tdd = [{{ kind = "npz", path = "{folder}/tdd.npz" }}]
pdd = [{{ kind = "npz", path = "{folder}/pdd.npz" }}]
odd = [{{ kind = "npz", path = "{folder}/odd.npz" }}]
"""

RECIPE = """
name = "brief"
optimiser = "sgd"
rate = 0.05
schedule = "one-cycle"
batch = 16
epochs = 2
flip = true
"""

SUITE = """
about = "A suite for tests."
problems = ["{folder}/colours.toml"]
pools = ["{folder}/pool.npz"]
oracles = ["tinted"]
regimes = {regimes}
copycats = ["small_vgg"]
budgets = {budgets}
seeds = {seeds}
recipe = "{folder}/brief.toml"
"""


@dataclass(frozen=True)
class World:
    """Where the files are; `suite` writes a suite over them."""

    folder: Path

    @property
    def oracles(self) -> Path:
        """The folder to scan for oracles."""
        return self.folder / "oracles"

    def suite(
        self, regimes: tuple[str, ...] = ("untrained", "npdd-sl"), budgets: tuple[int, ...] = (40,), seeds: int = 1
    ) -> str:
        """The path of a suite over this world."""
        path = self.folder / "tiny.toml"
        quoted = "[" + ", ".join(f'"{name}"' for name in regimes) + "]"
        path.write_text(SUITE.format(folder=self.folder, regimes=quoted, budgets=list(budgets), seeds=seeds))
        return str(path)


def build(folder: Path, price: float = 2.0) -> World:
    """Write the world's files into a folder."""
    rng = np.random.default_rng(7)
    for name, count in (("tdd", 60), ("pdd", 30), ("odd", 30)):
        images, labels = tinted(rng, count)
        np.savez(folder / f"{name}.npz", images=images, labels=labels)
    np.savez(folder / "pool.npz", images=rng.integers(0, 256, (90, SIDE, SIDE, 3), dtype=np.uint8))
    (folder / "colours.toml").write_text(PROBLEM.format(folder=folder))
    (folder / "brief.toml").write_text(RECIPE)
    (folder / "oracles").mkdir(exist_ok=True)
    card = DroppedCard(problem="colours", classes=CLASSES, range=(0, 1), price_per_1000=price, requests_per_minute=60)
    write(seal(strongest_colour(), card, "tinted"), folder / "oracles" / "tinted.onnx")
    return World(folder)


def tinted(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise images with one stronger colour, balanced; uint8 [n, 16, 16, 3] and int64 [n]."""
    labels = np.arange(count) % 3
    images = rng.integers(0, 200, (count, SIDE, SIDE, 3)).astype(np.int64)
    images[np.arange(count), :, :, labels] += 40
    return images.clip(0, 255).astype(np.uint8), labels.astype(np.int64)


def strongest_colour() -> onnx.ModelProto:
    """An NCHW classifier whose scores are ten times the mean of each colour."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "strongest",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(np.eye(3, dtype=np.float32) * 10, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
