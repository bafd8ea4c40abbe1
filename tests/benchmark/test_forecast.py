"""The forecast of a run: what it takes its minutes from."""

from pathlib import Path

import pytest
import tiny_world

from benchmark import forecast as page
from benchmark.arena import Arena
from benchmark.cell import Cell
from benchmark.cli.app import run_command_line
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


def test_nothing_to_play_is_a_sentence_and_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The only oracle's card names another problem: no table of nothing, exit code 1."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    world = tiny_world.build(tmp_path)
    card = DroppedCard(problem="others", classes=tiny_world.CLASSES, range=(0, 1))
    write(seal(tiny_world.strongest_colour(), card, "tinted"), world.oracles / "tinted.onnx")
    where = ["--oracles", str(world.oracles), "--out", str(tmp_path / "runs")]

    code = run_command_line(["run", "--suite", world.suite(), *where, "--dry-run"])

    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert "no oracle at hand" in said.err
    assert "suite tiny: no cell to play." in said.err


def test_hints_name_the_file_of_a_problem_that_came_from_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From where the user stands, so that the hint can be copied; also in the record of what is missing."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my files").mkdir()
    world = tiny_world.build(tmp_path / "my files")
    (world.folder / "pdd.npz").unlink()
    options = {"oracles": [world.oracles], "out": tmp_path / "runs", "workers": 1}

    (sentence,) = forecast(world.suite(("pdd-sl",)), options, lambda text: None).lacking
    (record,) = run(world.suite(("pdd-sl",)), **options)

    assert sentence.endswith("run: python -m benchmark data status 'my files/colours.toml'")
    assert record.error is not None
    assert record.error.sentence.endswith("run: python -m benchmark data status 'my files/colours.toml'")
