"""The forecast of a run: what it takes its minutes from."""

from pathlib import Path

import pytest
import tiny_world

from benchmark import forecast as page
from benchmark.arena import Arena
from benchmark.cell import Cell
from benchmark.forecast import forecast
from benchmark.run import run
from oracles.card import DroppedCard
from oracles.seal import seal, write


def test_images_of_another_size_have_a_rate_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records at 16 x 16 say how long 16 x 16 takes and nothing of 32 x 32, which is tried."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    world = tiny_world.build(tmp_path)
    card = DroppedCard(classes=tiny_world.CLASSES, range=(0, 1))  # of no problem: fits both
    write(seal(tiny_world.strongest_colour(), card, "tinted"), world.oracles / "tinted.onnx")
    (tmp_path / "large.toml").write_text((tmp_path / "colours.toml").read_text().replace("size = 16", "size = 32"))
    small = world.suite(("npdd-sl",))
    large = tmp_path / "large_suite.toml"
    large.write_text(Path(small).read_text().replace("colours.toml", "large.toml"))
    options = {"oracles": [world.oracles], "out": tmp_path / "runs", "workers": 1}
    tried: list[tuple[int, int]] = []

    def trial(cell: Cell, arena: Arena, say: object) -> float:
        tried.append(arena.problem(cell.problem).size)
        return 80 / 59.5  # two epochs of forty images, and half a second beside them: a minute

    monkeypatch.setattr(page, "_trial", trial)
    run(small, **options)

    known = forecast(small, {**options, "seeds": 2}, lambda text: None)
    assert (known.open, known.basis, tried) == (1, "from this folder's records", [])
    unknown = forecast(str(large), options, lambda text: None)
    assert (unknown.open, unknown.basis, tried) == (1, "from a short trial of each architecture", [(32, 32)])
    assert unknown.minutes == pytest.approx(1.0)
