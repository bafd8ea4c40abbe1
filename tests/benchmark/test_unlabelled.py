"""A cell whose recipe has students: what they may look at, and what is counted."""

from pathlib import Path

import pytest
import tiny_world

from benchmark import forecast as page
from benchmark.forecast import forecast
from benchmark.run import run

PASSES = 80 + 60 + 2 * (40 + 80)  # two epochs of labels; opinions of 90 images and their mirror images; a student's two


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tiny_world.World:
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    made = tiny_world.build(tmp_path)
    recipe = tmp_path / "brief.toml"
    length = "image_passes = 500\nmost_epochs = 2\n\n[self_training]\nimages = 2\n"
    recipe.write_text(recipe.read_text().replace("epochs = 2\n", "") + length)
    return made


def test_looks_at_the_pool_are_counted_and_only_the_first_stage_has_them(world: tiny_world.World) -> None:
    suite = world.suite(("npdd-sl", "npdd-sl+pdd-sl"))

    records = run(suite, oracles=[world.oracles], out=world.folder / "runs", workers=1)

    by_regime = {record.cell.regime: record for record in records}
    assert all(record.error is None for record in records)
    alone, both = by_regime["npdd-sl"], by_regime["npdd-sl+pdd-sl"]
    assert alone.bill is not None
    assert alone.bill.asked == 40  # nothing is asked about the others
    assert alone.training[0].image_passes == PASSES
    assert alone.training[0].decisions["students"] == "1, with opinions of 90 images of the pool"
    assert both.training[1].image_passes == 2 * 30


def test_a_forecast_counts_the_looks(world: tiny_world.World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_trial", lambda *_: PASSES / 59.5)  # with half a second beside them: a minute

    expected = forecast(
        world.suite(("npdd-sl",)), {"oracles": [world.oracles], "out": world.folder / "r", "workers": 1}, print
    )

    assert expected.minutes == pytest.approx(1.0)
