"""Which oracles are attacked on a problem's images, and what is told where roles are part drawn, part not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_world

import benchmark.run
from benchmark.arena import Arena
from benchmark.images.sources import ListSource, Source
from benchmark.images.stack import Manifest, Stack
from benchmark.leaderboard.board import build
from benchmark.matching import doubts, is_drawn, other_kind
from benchmark.places import Places
from benchmark.problems import Problem, load_problem, open_role
from benchmark.shelf import Shelved, open_file
from benchmark.suites.suite import load_suite
from benchmark.target import Target, train_target
from benchmark.terms import Silent

DRAWN_TDD = """
[[tdd]]
kind = "npz"
path = "photographs.npz"

[[tdd]]
kind = "builtin"
renderer = "house_numbers"
style = "dusk"
count = 30
"""
PROBLEM = f"""
about = "Ten digits."
classes = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
size = 16

[[odd]]
kind = "builtin"
renderer = "house_numbers"
style = "street"
count = 40
{DRAWN_TDD}
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "data").mkdir()
    return Places(tmp_path / "cache", data=(tmp_path / "data",))


def put_photographs(places: Places) -> None:
    images = np.random.default_rng(1).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    np.savez(places.data[0] / "photographs.npz", images=images, labels=np.arange(20) % 10)


def trained(tmp_path: Path, places: Places, *, drawn: bool = False) -> tuple[Shelved, Problem]:
    """A target of the problem above, as the shelf opens it."""
    world = tiny_world.build(tmp_path)
    (tmp_path / "numbers.toml").write_text(PROBLEM)
    target = Target(problem=str(tmp_path / "numbers.toml"), arch="small_vgg", recipe=str(world.folder / "brief.toml"))
    train_target(target, tmp_path / "oracles" / "made.onnx", places, lambda _: None, drawn=drawn)
    return open_file(tmp_path / "oracles" / "made.onnx", places), load_problem(tmp_path / "numbers.toml")


def test_a_target_of_drawn_images_is_left_out_where_the_test_set_is_not_drawn(tmp_path: Path, places: Places) -> None:
    shelved, problem = trained(tmp_path, places)
    assert shelved.card.trained_on == "builtin house_numbers/street v1, 40 images, seed 0"
    assert other_kind(shelved, problem.name, open_role(problem, "tdd", places, print)) is None

    put_photographs(places)

    why = other_kind(shelved, problem.name, open_role(problem, "tdd", places, print))
    assert why is not None
    assert "oracle made is left out: its target was trained on builtin house_numbers/street" in why
    assert "the TDD of problem numbers is npz photographs.npz images" in why


def test_a_target_of_photographs_is_left_out_where_the_test_set_is_drawn(tmp_path: Path, places: Places) -> None:
    shelved, problem = trained(tmp_path, places)
    told = {**(shelved.card.training or {}), "odd": "folder photographs/train"}
    inspection = shelved.inspection.model_copy(update={"card": shelved.card.model_copy(update={"training": told})})

    why = other_kind(replace(shelved, inspection=inspection), problem.name, open_role(problem, "tdd", places, print))

    assert why is not None
    assert why.endswith("Name the folder of such images with --data.")


def test_a_card_that_does_not_say_leaves_no_oracle_out(tmp_path: Path, places: Places) -> None:
    shelved, problem = trained(tmp_path, places)
    silent = shelved.inspection.model_copy(update={"card": shelved.card.model_copy(update={"training": None})})
    put_photographs(places)

    assert other_kind(replace(shelved, inspection=silent), "p", open_role(problem, "tdd", places, print)) is None
    assert other_kind(shelved, "p", None) is None


def test_a_target_of_the_zoo_is_trained_on_drawn_images_whatever_is_there(tmp_path: Path, places: Places) -> None:
    put_photographs(places)

    shelved, _ = trained(tmp_path, places, drawn=True)

    assert is_drawn(shelved.card.measured[0].source)


def test_drawn_images_are_no_training_set_of_what_is_tested_on_photographs(tmp_path: Path, places: Places) -> None:
    """An odd-ol row says what a net makes of the target's own training set: of these images it would not be true."""
    tiny_world.build(tmp_path)
    (tmp_path / "numbers.toml").write_text(PROBLEM)
    suite = tiny_world.SUITE.format(folder=tmp_path, regimes='["odd-ol"]', budgets=[], seeds=1)
    (tmp_path / "own.toml").write_text(suite.replace("colours.toml", "numbers.toml"))
    notes: list[str] = []
    drawn = Arena(load_suite(tmp_path / "own.toml"), places, notes.append)
    assert drawn.role("numbers", "odd") is not None

    put_photographs(places)
    notes.clear()
    arena = Arena(load_suite(tmp_path / "own.toml"), places, notes.append)

    assert [arena.role("numbers", "odd"), arena.role("numbers", "odd")] == [None, None]
    (told,) = [note for note in notes if "ODD is left out" in note]
    assert told.startswith("problem numbers: its ODD is left out: no target for a TDD of npz photographs.npz")
    assert told.endswith("put its targets' own training images under --data.")


def test_a_pdd_that_is_drawn_beside_photographs_is_told(tmp_path: Path, places: Places) -> None:
    (tmp_path / "numbers.toml").write_text(PROBLEM.replace("[[odd]]", "[[pdd]]"))
    problem = load_problem(tmp_path / "numbers.toml")
    roles = {role: open_role(problem, role, places, print) for role in ("pdd", "tdd")}  # type: ignore[arg-type]
    assert list(doubts(problem, {**roles, "odd": None})) == []

    put_photographs(places)

    roles["tdd"] = open_role(problem, "tdd", places, print)
    (doubt,) = doubts(problem, roles)
    assert "its PDD is builtin house_numbers/street v1" in doubt
    assert "beside a TDD of npz photographs.npz" in doubt


def stack_of(source: Source) -> Stack:
    manifest = Manifest(
        digest="0", count=1, counts_per_class=(), size=(32, 32), colour="rgb", source=source.text, stand_in=False,
        decoder="none", resize="none",
    )  # fmt: skip
    return Stack(np.zeros((1, 32, 32, 3), np.uint8), np.zeros(1, np.int64), np.zeros(1, "V16"), manifest)


@pytest.mark.parametrize(
    ("name", "doubted"),
    [("cifar10", (0, 1)), ("goc9", (1,)), ("gtsrb43", (0,)), ("mnist", ()), ("fer7", ()), ("ped2", ())],
)
def test_images_of_the_target_s_own_training_set_are_doubted_as_pdd(name: str, doubted: tuple[int, ...]) -> None:
    problem = load_problem(name)
    test = next(source for source in problem.tdd if source.kind != "builtin")
    real = [source for source in problem.pdd if source.kind != "builtin"]

    found = [list(doubts(problem, {"tdd": stack_of(test), "pdd": stack_of(source)})) for source in real]

    assert [place for place, sentences in enumerate(found) if sentences] == list(doubted)
    for sentences in filter(None, found):
        assert [f"problem {name}: its PDD is" in sentence for sentence in sentences] == [True]
        assert sentences[0].endswith("holds images that the target may have been trained on")


def test_lists_of_one_name_in_two_folders_are_two_lists() -> None:
    problem = load_problem("sig30").model_copy(
        update={"odd": (ListSource(path="/a/list.txt"),), "pdd": (ListSource(path="/b/list.txt"),)}
    )
    assert list(doubts(problem, {"pdd": stack_of(problem.pdd[0])})) == []


def test_the_doubt_is_on_the_leaderboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    world = tiny_world.build(tmp_path)
    file = tmp_path / "colours.toml"
    file.write_text(file.read_text().replace("pdd.npz", "odd.npz"))
    suite = tiny_world.SUITE.format(folder=tmp_path, regimes='["untrained", "pdd-ol"]', budgets=[], seeds=1)
    (tmp_path / "own.toml").write_text(suite)

    records = benchmark.run(str(tmp_path / "own.toml"), out=tmp_path / "runs", workers=1, oracles=[world.oracles])

    (table,) = build(records).tables
    assert ["which is also named as ODD" in warning for warning in table.warnings].count(True) == 1
    assert not records[0].warnings  # it holds no image


def run(folder: Path, problem: str, **options: object) -> tuple[list[str], list[str]]:
    """The words of the records of a suite over a problem, and what was told."""
    suite = folder / "own.toml"
    text = tiny_world.SUITE.format(folder=folder, regimes='["untrained", "pdd-sl", "pdd-ol"]', budgets=[], seeds=1)
    text = text.replace("colours.toml", problem).replace('oracles = ["tinted"]\n', "")
    suite.write_text(text)
    watch = Silent()
    records = benchmark.run(str(suite), watch=watch, out=folder / "runs", workers=1, **options)
    return [f"{record.cell.oracle} {record.cell.regime} {record.status}" for record in records], watch.notes


def test_an_oracle_that_is_left_out_is_told_by_a_run(
    tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    trained(tmp_path, places)
    put_photographs(places)

    with pytest.raises(benchmark.run.Refused, match="no cell to play"):  # type: ignore[attr-defined]
        run(tmp_path, "numbers.toml", oracles=[tmp_path / "oracles"], data=places.data)


def test_a_problem_without_images_and_oracle_is_told_as_missing_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    tiny_world.build(tmp_path)
    lines = [line for line in PROBLEM.splitlines() if not line.startswith("[[odd")]
    text = "\n".join(lines).split("[[tdd]]")[0].split("kind")[0]
    (tmp_path / "actions.toml").write_text(f'{text}\n[[tdd]]\nkind = "folder"\npath = "actions/tdd"\n')

    words, _ = run(tmp_path, "actions.toml", oracles=[tmp_path / "oracles"])

    assert words == [f"none at hand {regime} data missing" for regime in ("untrained", "pdd-sl", "pdd-ol")]


def test_images_whose_classes_are_not_told_are_asked_and_not_learnt_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    world = tiny_world.build(tmp_path)
    np.savez(tmp_path / "mute.npz", images=tiny_world.tinted(np.random.default_rng(3), 30)[0])
    file = tmp_path / "colours.toml"
    file.write_text(file.read_text().replace('pdd.npz" }', 'mute.npz", labelled = false }'))

    words, _ = run(tmp_path, "colours.toml", oracles=[world.oracles])

    assert words == ["tinted untrained done", "tinted pdd-sl done", "tinted pdd-ol data missing"]
