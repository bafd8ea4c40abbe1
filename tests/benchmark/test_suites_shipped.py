"""The suites that come along, planned on a machine without any images; problems without an oracle."""

from pathlib import Path

import pytest
import tiny_world

from benchmark.forecast import forecast
from benchmark.leaderboard.board import build
from benchmark.ledger import Ledger
from benchmark.refusals import Refused
from benchmark.run import run
from benchmark.suites.suite import Suite, changed, load_suite, names
from oracles.card import DroppedCard
from oracles.seal import seal, write

# for oracles that are somebody's own
WAITING = ("frameworks", "real", "replication", "strong", "paper-2021", "paper-2021-full")


@pytest.mark.parametrize("name", names())
def test_every_suite_can_be_planned_without_images(name: str, tmp_path: Path) -> None:
    said: list[str] = []
    bare = changed(load_suite(name), drawn=False)
    plan = forecast(bare, {"out": tmp_path}, said.append)
    assert ("no oracle at hand" in " ".join(said)) == (name in WAITING)
    assert plan.cells >= 6
    assert {row.problem for row in plan.rows} == set(bare.problems)
    assert all(row.missing == row.cells and not row.asked for row in plan.rows)
    assert plan.open == 0
    assert all("is missing; run: python -m benchmark" in sentence for sentence in plan.lacking)


@pytest.mark.parametrize("name", ["paper-full", "paper-2021-full"])
def test_suites_at_the_paper_s_scale_take_no_drawn_image(name: str) -> None:
    suite = load_suite(name)
    assert (suite.drawn, suite.size, suite.recipe) == (False, 224, ("paper",))


def test_curve_of_2021_has_the_paper_s_points() -> None:
    """0.1, 0.5, 1, 1.5 and 3 million, or these shares of the pool at hand; and 0 as the regime untrained."""
    small, full = (load_suite(name).part[0] for name in ("paper-2021", "paper-2021-full"))
    assert small.budget_shares == ("1/30", "1/6", "1/3", "1/2", "1")
    assert [budget / 3_000_000 for budget in full.budgets or ()] == pytest.approx([1 / 30, 1 / 6, 1 / 3, 1 / 2, 1])
    for curve in (small, full):
        assert curve.regimes is not None
        assert set(curve.regimes) == {"untrained", "npdd-sl", "npdd-sl+pdd-sl", "pdd-sl"}


def test_no_cell_of_the_full_curve_of_2021_depends_on_the_size_of_the_pool() -> None:
    suite = load_suite("paper-2021-full")
    assert suite.budget_shares == ()
    assert max(suite.budgets) == 3_000_000


def test_size_and_drawn_are_in_the_digest_only_where_they_are_said() -> None:
    suite = load_suite("smoke")
    assert changed(suite, size=None, drawn=True).digest == suite.digest
    assert len({suite.digest, changed(suite, size=48).digest, changed(suite, drawn=False).digest}) == 3


@pytest.fixture
def two_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[tiny_world.World, Suite]:
    """A world whose suite has a second problem, of the same images, for which nobody has an oracle."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    world = tiny_world.build(tmp_path)
    (tmp_path / "tints.toml").write_text(tiny_world.PROBLEM.format(folder=tmp_path))
    suite = load_suite(world.suite(("untrained",)))
    problems = (*suite.problems, str(tmp_path / "tints.toml"))
    return world, Suite.model_validate({**suite.model_dump(), "oracles": None, "problems": problems})


def test_a_problem_without_an_oracle_is_a_hole_among_others(two_problems: tuple[tiny_world.World, Suite]) -> None:
    world, suite = two_problems
    options = {"oracles": (world.oracles,), "out": world.folder / "runs", "workers": 1}
    records = run(suite, **options)
    assert [(record.cell.problem, record.status) for record in records] == [
        ("colours", "done"),
        ("tints", "data missing"),
    ]
    assert records[1].error is not None
    assert records[1].error.sentence == "oracle missing; run: python -m benchmark oracles list"
    again = forecast(suite, options, lambda _: None)
    assert [(row.oracle, row.done, row.missing) for row in again.rows] == [("tinted", 1, 0), ("none at hand", 0, 1)]
    assert {record.status for record in Ledger(world.folder / "runs", lambda _: None)} == {"done", "data missing"}


def test_a_hole_is_gone_from_the_board_of_all_records_once_there_is_an_oracle(
    two_problems: tuple[tiny_world.World, Suite],
) -> None:
    world, suite = two_problems
    options = {"oracles": (world.oracles,), "out": world.folder / "runs", "workers": 1}
    run(suite, **options)
    assert {table.oracle for table in build(Ledger(world.folder / "runs", str)).tables} == {"tinted", "none at hand"}
    card = DroppedCard(problem="tints", classes=tiny_world.CLASSES, range=(0, 1))
    write(seal(tiny_world.strongest_colour(), card, "late"), world.oracles / "late.onnx")
    assert {record.status for record in run(suite, **options)} == {"done"}
    assert {table.oracle for table in build(Ledger(world.folder / "runs", str)).tables} == {"tinted", "late"}


def test_a_suite_without_any_oracle_is_refused(two_problems: tuple[tiny_world.World, Suite]) -> None:
    world, suite = two_problems
    alone = changed(suite, problems=(suite.problems[1],))
    with pytest.raises(Refused, match=r"suite tiny: no cell to play"):
        run(alone, oracles=(world.oracles,), out=world.folder / "runs", workers=1)


def test_images_are_seen_at_the_suite_s_size(two_problems: tuple[tiny_world.World, Suite]) -> None:
    world, suite = two_problems
    one = changed(suite, problems=(suite.problems[0],))
    small, large = (
        run(changed(one, size=size), oracles=(world.oracles,), out=world.folder / "runs", workers=1)[0]
        for size in (None, 24)
    )
    assert small.status == large.status == "done"
    assert small.cell.problem_digest != large.cell.problem_digest
    assert small.cell.tdd_digest != large.cell.tdd_digest
