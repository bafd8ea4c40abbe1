"""A suite is played, continued and survived, on a tiny world."""

import json
import signal
import sys
from pathlib import Path

import psutil
import pytest
import tiny_world
from PIL import Image

import benchmark.run
from benchmark.cell import Cell
from benchmark.ledger import Ledger
from benchmark.records import Record
from benchmark.refusals import EnvironmentRefused, Mismatch, PoolTooSmall, Refused, UnknownName
from benchmark.terms import Silent
from copycats.refusals import UnknownArchitecture, UnknownAttack

ALL = ("untrained", "npdd-sl", "pdd-sl", "npdd-sl+pdd-sl", "pdd-ol", "odd-ol")


class Watching(Silent):
    """A watch that counts what was played and can act when a cell speaks."""

    def __init__(self) -> None:
        super().__init__()
        self.played: list[Record] = []
        self.on_word = lambda cell, text: None

    def said(self, cell: Cell, text: str) -> None:
        """Let the test act."""
        self.on_word(cell, text)

    def ended(self, record: Record) -> None:
        """Count."""
        self.played.append(record)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tiny_world.World:
    """A tiny world with a cache of its own."""
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    return tiny_world.build(tmp_path)


def play(world: tiny_world.World, suite: str, watch: Watching | None = None, **options: object) -> list[Record]:
    """Run a suite of the world with one worker, unless told otherwise."""
    return benchmark.run(
        suite, watch=watch, **{"oracles": [world.oracles], "out": world.folder / "runs", "workers": 1, **options}
    )


def test_every_regime_is_played_and_recorded(world: tiny_world.World) -> None:
    """Asked, cost and transfer sets are those of each regime, target and copycat are scored on the same test set."""
    records = {record.cell.regime: record for record in play(world, world.suite(ALL))}

    assert {record.status for record in records.values()} == {"done"}
    asked = {name: record.bill.asked for name, record in records.items() if record.bill}
    assert asked == {"untrained": 0, "npdd-sl": 40, "pdd-sl": 30, "npdd-sl+pdd-sl": 70, "pdd-ol": 0, "odd-ol": 0}
    both = records["npdd-sl+pdd-sl"]
    assert both.bill is not None
    assert sum(record.bill.computed for record in records.values() if record.bill) == 70  # 140 asked, each image once
    assert both.bill.cost == pytest.approx(70 * 2.0 / 1000)
    assert both.bill.minutes == pytest.approx(70 / 60)
    assert [used.stage for used in both.transfer_sets] == ["npdd", "pdd"]
    assert [stage.reused for stage in both.training] == [True, False]
    for record in records.values():
        assert record.target is not None
        assert record.target.accuracy == 1.0  # the strongest colour is what the classes are
        assert record.target.images == 60


def test_a_misspelt_class_folder_is_a_warning_in_the_records_that_it_touches(world: tiny_world.World) -> None:
    """The class that was lost and the folder that holds it are named; other regimes are not blamed."""
    for name, colour in (("reddish", "red"), ("greenish", "green"), ("blueish", "blue")):
        (world.folder / "own" / name).mkdir(parents=True)
        for number in range(4):
            Image.new("RGB", (16, 16), colour).save(world.folder / "own" / name / f"{number}.png")
    problem = world.folder / "colours.toml"
    npz = f'kind = "npz", path = "{world.folder}/pdd.npz"'
    problem.write_text(problem.read_text().replace(npz, f'kind = "folder", path = "{world.folder}/own"'))

    free, asking = play(world, world.suite(("npdd-sl", "pdd-sl")))

    assert (free.cell.regime, free.warnings) == ("npdd-sl", ())
    assert asking.warnings == (
        "PDD folder own: left out, as not a class of the problem: 'blueish' (did you mean 'bluish'?)",
        "PDD folder own: no image of bluish",
    )


def test_a_second_run_plays_nothing(world: tiny_world.World) -> None:
    """What has a done record is not played again, and the records are the same."""
    first = play(world, world.suite())
    watch = Watching()

    second = play(world, world.suite(), watch)

    assert watch.played == []
    assert second == first


def test_fine_tuning_gives_the_same_with_and_without_the_kept_copycat(world: tiny_world.World) -> None:
    """The kept first stage saves time and changes no number."""
    suite = world.suite(("npdd-sl", "npdd-sl+pdd-sl"))
    reused = play(world, suite)[-1]
    alone = play(world, suite, only=["regime=npdd-sl+pdd-sl"], out=world.folder / "other")[-1]

    assert [stage.reused for stage in reused.training] == [True, False]
    assert [stage.reused for stage in alone.training] == [False, False]
    assert [stage.image_passes for stage in reused.training] == [stage.image_passes for stage in alone.training]
    assert "bf16" in str(alone.training[0].decisions["precision"])  # or why not
    assert reused.training[0].decisions["losses"] == alone.training[0].decisions["losses"]
    assert min(stage.image_passes for stage in alone.training) > 0
    assert reused.copycat == alone.copycat
    assert reused.cell.digest == alone.cell.digest


def test_budgets_are_nested_and_seeds_differ(world: tiny_world.World) -> None:
    """The 20 images of the small budget are among the 40 of the large one; another seed asks others."""
    watch = Watching()
    records = play(world, world.suite(("npdd-sl",), (20, 40), seeds=2), watch)

    computed = {(record.cell.budget, record.cell.seed): record.bill.computed for record in records if record.bill}
    assert computed[20, 0] == 20
    assert computed[40, 0] + computed[20, 1] + computed[40, 1] < 100  # 40 new at most for either seed, some shared
    assert records[0].transfer_sets[0].digest != records[1].transfer_sets[0].digest


def test_a_dead_worker_costs_only_its_cell_which_is_tried_again_alone(world: tiny_world.World) -> None:
    """A worker killed in mid-training: every cell ends done, the killed one in its second attempt."""
    watch, killed = Watching(), []

    def kill_once(cell: Cell, text: str) -> None:
        if "epoch 1" in text and not killed:
            killed.append(cell.digest)
            for child in psutil.Process().children(recursive=True):
                if "benchmark.thief" in " ".join(child.cmdline()):
                    child.send_signal(signal.SIGKILL)

    watch.on_word = kill_once
    records = play(world, world.suite(seeds=2), watch)

    assert {record.status for record in records} == {"done"}
    assert [record.cell.digest for record in records if record.attempt == 2] == killed


def test_a_cell_that_always_kills_its_worker_is_recorded_as_crashed(world: tiny_world.World) -> None:
    """Twice dead is crashed, with how it died; the others are done."""
    watch = Watching()

    def kill(cell: Cell, text: str) -> None:
        if cell.seed == 1:
            for child in psutil.Process().children(recursive=True):
                if not child.children() and "benchmark.thief" in " ".join(child.cmdline()):
                    child.send_signal(signal.SIGKILL)

    watch.on_word = kill
    records = play(world, world.suite(("npdd-sl",), seeds=3), watch)

    assert [record.status for record in records] == ["done", "crashed", "done"]
    assert records[1].error is not None
    assert "signal 9" in records[1].error.sentence


def test_what_a_crashed_cell_has_paid_is_in_its_record(world: tiny_world.World) -> None:
    """Both attempts ask all forty; the answers of the first are paid once and known to the second."""
    watch = Watching()

    def kill(cell: Cell, text: str) -> None:
        if "epoch" in text:
            for child in psutil.Process().children(recursive=True):
                if not child.children() and "benchmark.thief" in " ".join(child.cmdline()):
                    child.send_signal(signal.SIGKILL)

    watch.on_word = kill
    (record,) = play(world, world.suite(("npdd-sl",)), watch)

    assert (record.status, record.attempt) == ("crashed", 2)
    assert record.bill is not None
    assert (record.bill.asked, record.bill.computed) == (40, 40)
    assert (record.bill.cost, record.bill.paid) == (pytest.approx(0.08), pytest.approx(0.08))


def test_a_cell_that_fails_is_recorded_and_tried_again_in_the_next_run(world: tiny_world.World) -> None:
    """A loss that is not finite ends the cell with its sentence; the suite goes on."""
    recipe = world.folder / "brief.toml"
    recipe.write_text(recipe.read_text().replace("rate = 0.05", "rate = 1e30"))
    suite = world.suite()

    records, watch = play(world, suite), Watching()
    assert [record.status for record in records] == ["done", "failed"]
    assert records[1].error is not None
    assert "loss not finite" in records[1].error.sentence

    play(world, suite, watch)
    assert [(record.status, record.attempt) for record in watch.played] == [("failed", 2)]


def test_missing_data_is_a_record_and_not_an_error(world: tiny_world.World) -> None:
    """Regimes that need a missing role are data missing; the others are played."""
    (world.folder / "pdd.npz").unlink()

    records = {record.cell.regime: record for record in play(world, world.suite(("untrained", "pdd-sl", "pdd-ol")))}

    assert {name: record.status for name, record in records.items()} == {
        "untrained": "done",
        "pdd-sl": "data missing",
        "pdd-ol": "data missing",
    }


def test_images_of_the_test_set_are_taken_out_of_the_pool(world: tiny_world.World) -> None:
    """A pool that holds ten test images is ten images smaller, which the record says."""
    import numpy as np  # noqa: PLC0415 - only here

    pool, tdd = np.load(world.folder / "pool.npz")["images"], np.load(world.folder / "tdd.npz")["images"]
    np.savez(world.folder / "pool.npz", images=np.concatenate([pool, tdd[:10]]))

    record = play(world, world.suite(("npdd-sl",), (90,)))[0]

    assert [(used.count, used.excluded) for used in record.data if used.role == "pool"] == [(100, 10)]
    with pytest.raises(PoolTooSmall, match="asks 91 images.*has 90"):
        play(world, world.suite(("npdd-sl",), (91,)))


@pytest.mark.parametrize(
    ("old", "new", "refusal", "sentence"),
    [
        ('["small_vgg"]', '["resnet19"]', UnknownArchitecture, "Did you mean .*resnet1"),
        ('["tinted"]', '["tintet"]', UnknownName, "unknown oracle 'tintet'. Did you mean 'tinted'"),
        ("seeds", 'attacks = ["randon"]\nseeds', UnknownAttack, "Did you mean 'random'"),
        ("colours.toml", "colors", UnknownName, "unknown problem"),
        ("brief.toml", "strnog", UnknownName, "Did you mean|unknown recipe"),
        ("pool.npz", "nothing.npz", Refused, "no such file"),
    ],
)
def test_unknown_names_are_answered_before_anything_is_computed(
    old: str, new: str, refusal: type[Exception], sentence: str, world: tiny_world.World
) -> None:
    """Each has its sentence, with the nearest name where there is one."""
    suite = Path(world.suite())
    suite.write_text(suite.read_text().replace(old, new))

    with pytest.raises(refusal, match=sentence):
        play(world, str(suite))

    assert not list((world.folder / "runs").glob("answers/*"))


def test_another_class_count_is_refused_with_the_way_out(world: tiny_world.World) -> None:
    """An oracle of three classes does not fit a problem of two."""
    problem = world.folder / "colours.toml"
    problem.write_text(problem.read_text().replace('["reddish", "greenish", "bluish"]', '["reddish", "greenish"]'))

    with pytest.raises(Mismatch, match="tinted.onnx: 3 classes, but problem colours has 2"):
        play(world, world.suite(("untrained",)))


def test_another_class_order_is_refused(world: tiny_world.World) -> None:
    """The same names in another order would turn every label into a lie."""
    problem = world.folder / "colours.toml"
    problem.write_text(
        problem.read_text().replace('["reddish", "greenish", "bluish"]', '["greenish", "reddish", "bluish"]')
    )

    with pytest.raises(Mismatch, match="in another order"):
        play(world, world.suite(("untrained",)))


def test_two_runs_on_one_folder_do_not_mix(world: tiny_world.World) -> None:
    """The second is refused as long as the first holds the folder."""
    watch, refused = Watching(), []

    def run_again(cell: Cell, text: str) -> None:
        if not refused:
            with pytest.raises(EnvironmentRefused, match="another run is using this folder"):
                play(world, world.suite())
            refused.append(text)

    watch.on_word = run_again
    play(world, world.suite(), watch)

    assert refused


def test_shards_split_a_suite_without_a_rest(world: tiny_world.World) -> None:
    """Three shards play every cell once."""
    suite = world.suite(("untrained", "npdd-sl"), seeds=3)
    parts = [play(world, suite, shard=(number, 3)) for number in (1, 2, 3)]

    digests = sorted(record.cell.digest for part in parts for record in part)
    assert digests == sorted(record.cell.digest for record in play(world, suite))
    assert len(set(digests)) == 6


def test_one_cell_can_be_played_alone(world: tiny_world.World) -> None:
    """A scheduler names a cell by the beginning of its digest."""
    suite = world.suite()
    wanted = play(world, suite, only=["regime=untrained"])[0].cell.digest

    records = play(world, suite, cell=wanted[:12], out=world.folder / "other")

    assert [record.cell.digest for record in records] == [wanted]


def test_a_damaged_record_is_set_aside_said_and_redone(world: tiny_world.World) -> None:
    """The record comes back as it was; the damaged file stays to be looked at."""
    suite = world.suite(("untrained",))
    record = play(world, suite)[0]
    path = next((world.folder / "runs/records").glob("*.json"))
    path.write_bytes(path.read_bytes()[:-40])
    watch = Watching()

    again = play(world, suite, watch)[0]

    assert again.copycat == record.copycat
    assert any("Set aside" in note for note in watch.notes)
    assert list((world.folder / "runs/records").glob("*.damaged"))


def test_workers_side_by_side_give_what_one_gives(world: tiny_world.World) -> None:
    """The number of workers changes no result."""
    suite = world.suite(("untrained", "npdd-sl", "npdd-sl+pdd-sl"), seeds=2)
    one = play(world, suite, workers=1)
    two = play(world, suite, workers=2, out=world.folder / "other")

    assert [record.copycat for record in one] == [record.copycat for record in two]
    assert [record.transfer_sets for record in one] == [record.transfer_sets for record in two]


def test_no_record_holds_a_path_of_this_machine(world: tiny_world.World) -> None:
    """Records are made to be shared."""
    play(world, world.suite(("npdd-sl",)))

    for path in (world.folder / "runs/records").glob("*.json"):
        text = path.read_text()
        assert str(world.folder) not in text
        assert sys.prefix not in text
        assert '"/home' not in text


def test_records_are_read_back_by_a_ledger(world: tiny_world.World) -> None:
    """What `run` returns is what lies in the folder."""
    records = play(world, world.suite())

    assert sorted(Ledger(world.folder / "runs"), key=lambda r: r.cell.digest) == sorted(
        records, key=lambda r: r.cell.digest
    )
    assert json.loads(next((world.folder / "runs/records").glob("*.json")).read_text())["record"]["schema_version"] == 2


def test_a_copycat_may_start_from_a_file_of_weights(world: tiny_world.World) -> None:
    """The file is part of the cell's identity and of what the attacker knew; a missing one is said."""
    from copycats.architectures import build  # noqa: PLC0415 - torch only here
    from copycats.weights import save  # noqa: PLC0415

    file = world.folder / "start.safetensors"
    save(build("small_vgg", classes=3, size=(16, 16), channels=3, seed=9), file)
    suite = Path(world.suite(("npdd-sl",)))
    plain = play(world, str(suite))[0]
    suite.write_text(suite.read_text() + f'weights = {{ small_vgg = "{file}" }}\n')

    record = play(world, str(suite))[0]

    assert record.cell.digest != plain.cell.digest
    assert record.cell.weights_digest is not None
    assert record.knowledge is not None
    assert record.knowledge.pretrained == "file start.safetensors"
    file.unlink()
    with pytest.raises(Refused, match="weights .*start.safetensors: cannot be read"):
        play(world, str(suite))
