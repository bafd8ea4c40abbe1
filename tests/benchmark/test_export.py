"""A played cell's transfer set leaves the house as lists and folders, and comes back as a source of images."""

import json
import os
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
import tiny_world
from command_line import benchmark as command
from PIL import Image

import benchmark.run
from benchmark.export import ABOUT, Exporter
from benchmark.images.opening import open_stack
from benchmark.images.sources import FolderSource, ListSource
from benchmark.images.stack import Stack
from benchmark.places import Places, find_places
from benchmark.records import Record
from benchmark.refusals import EnvironmentRefused, Mismatch, Refused, UnknownName
from benchmark.suites.suite import changed, load_suite
from benchmark.transfer_files import appearing, folder_names, write_list
from copycats.transfer_set import TransferSet
from oracles.refusals import NotStored


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tiny_world.World:
    world = tiny_world.build(tmp_path_factory.mktemp("world"))
    pool = np.load(world.folder / "pool.npz")["images"]
    for number, image in enumerate(pool):
        name = "a b/spaced" if number % 10 == 0 else "plain/x"
        path = world.folder / "photos" / f"{name}{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    (world.folder / "photos/broken.png").write_bytes(b"no image")
    return world


@pytest.fixture
def cached(world: tiny_world.World, monkeypatch: pytest.MonkeyPatch) -> tiny_world.World:
    monkeypatch.setenv("BENCHMARK_CACHE", str(world.folder / "cache"))
    return world


@pytest.fixture
def both(cached: tiny_world.World) -> Record:
    suite = cached.suite(("npdd-sl+pdd-sl", "pdd-ol"))
    out, pool = cached.folder / "runs", str(cached.folder / "photos")
    records = benchmark.run(suite, oracles=[cached.oracles], out=out, workers=1, pool=pool)
    return next(record for record in records if record.cell.regime == "npdd-sl+pdd-sl")


def exporter(world: tiny_world.World, out: str = "runs") -> Exporter:
    suite = changed(load_suite(world.folder / "tiny.toml"), pools=(str(world.folder / "photos"),))
    return Exporter(suite, find_places(out=world.folder / out), lambda _: None)


def reopened(source: FolderSource | ListSource, world: tiny_world.World) -> Stack:
    places = Places(cache=world.folder / "cache")
    return open_stack(
        source, size=(16, 16), colour="rgb", classes=tiny_world.CLASSES, places=places, say=lambda _: None
    )


def strongest(images_NHWC: np.ndarray) -> list[int]:
    return [int(image.reshape(-1, 3).astype(np.int64).sum(0).argmax()) for image in images_NHWC]


def test_a_list_names_the_files_that_were_asked_and_opens_as_the_same_transfer_set(
    cached: tiny_world.World, both: Record, tmp_path: Path
) -> None:
    spent = [path.read_bytes() for path in sorted((cached.folder / "runs/records").iterdir())]
    done = exporter(cached).export(both.cell.digest[:8], tmp_path / "taken", "lists")

    assert [(one.path.name, one.images) for one in done] == [("npdd.txt", 40), ("pdd.txt", 30)]
    lines = [line.rpartition(" ") for line in (tmp_path / "taken/npdd.txt").read_text().splitlines()]
    own = [path for path, _, _ in lines if path.startswith("npdd_images/")]
    assert done[0].written == len(own) > 0
    assert all("/photos/plain/x" in path for path, _, _ in lines if path not in own)
    for stage, used in zip(("npdd", "pdd"), both.transfer_sets, strict=True):
        stack = reopened(ListSource(path=str(tmp_path / f"taken/{stage}.txt")), cached)
        assert stack.labels_N.tolist() == strongest(stack.images_NHWC)  # what this oracle says, computed anew
        assert TransferSet(np.asarray(stack.images_NHWC), stack.labels_N, 3).digest == used.digest
    assert [path.read_bytes() for path in sorted((cached.folder / "runs/records").iterdir())] == spent


def test_folders_hold_the_pixels_that_were_asked(cached: tiny_world.World, both: Record, tmp_path: Path) -> None:
    exporter(cached).export(both.cell.digest, tmp_path / "taken", "folders")
    about = json.loads((tmp_path / "taken" / ABOUT).read_text())

    assert about["class_folders"] == list(tiny_world.CLASSES)
    for stage, used in zip(("npdd", "pdd"), both.transfer_sets, strict=True):
        stack = reopened(FolderSource(path=str(tmp_path / "taken" / stage)), cached)
        files = sorted((tmp_path / "taken" / stage).rglob("*.png"))
        order_N = np.argsort([path.name for path in files])
        images = np.asarray(stack.images_NHWC)[order_N]
        assert TransferSet(images, stack.labels_N[order_N], 3).digest == used.digest == about["sets"][stage]["digest"]


def test_a_pool_in_an_array_is_written_beside_its_list(cached: tiny_world.World, tmp_path: Path) -> None:
    suite, out = cached.suite(("npdd-sl",)), cached.folder / "of arrays"
    (record,) = benchmark.run(suite, oracles=[cached.oracles], out=out, workers=1)
    done = Exporter(load_suite(suite), find_places(out=out), lambda _: None).export(
        record.cell.digest, tmp_path / "taken", "lists"
    )

    assert [(one.images, one.written) for one in done] == [(40, 40)]
    stack = reopened(ListSource(path=str(tmp_path / "taken/npdd.txt")), cached)
    assert TransferSet(np.asarray(stack.images_NHWC), stack.labels_N, 3).digest == record.transfer_sets[0].digest


def test_a_store_without_the_answers_is_one_sentence_and_leaves_nothing(
    cached: tiny_world.World, both: Record, tmp_path: Path
) -> None:
    shutil.copytree(cached.folder / "runs", cached.folder / "thinned", dirs_exist_ok=True)
    (store,) = (cached.folder / "thinned/answers").glob("*.sqlite")
    with sqlite3.connect(store) as db:
        db.execute("DELETE FROM blocks")
    db.close()
    with pytest.raises(NotStored, match=r"oracle tinted: 40 of 40 images asked have no stored answer\..*--out"):
        exporter(cached, "thinned").export(both.cell.digest, tmp_path / "taken", "lists")
    assert list(tmp_path.iterdir()) == []
    store.unlink()
    with pytest.raises(Refused, match="no answers of oracle tinted"):
        exporter(cached, "thinned").export(both.cell.digest, tmp_path / "taken", "lists")


def test_other_images_than_those_played_are_refused(cached: tiny_world.World, both: Record, tmp_path: Path) -> None:
    other = tmp_path / "photos"
    shutil.copytree(cached.folder / "photos", other)
    Image.new("RGB", (16, 16)).save(other / "one more.png")
    suite = changed(load_suite(cached.folder / "tiny.toml"), pools=(str(other),))
    with pytest.raises(Mismatch, match="the pool photos that it was played with is not here, but another one"):
        Exporter(suite, find_places(out=cached.folder / "runs"), lambda _: None).export(
            both.cell.digest, tmp_path / "taken", "lists"
        )


def test_cells_without_a_transfer_set_and_unknown_ones_are_refused(
    cached: tiny_world.World, both: Record, tmp_path: Path
) -> None:
    names = [path.name for path in (cached.folder / "runs/records").glob("*.json")]
    original = next(name for name in names if not name.startswith(both.cell.digest))
    with pytest.raises(Refused, match="regime pdd-ol buys no labels"):
        exporter(cached).export(original[:10], tmp_path / "taken", "lists")
    with pytest.raises(Refused, match="no cell, or more than one, whose digest begins with 'zz'"):
        exporter(cached).export("zz", tmp_path / "taken", "lists")
    suite = changed(load_suite(cached.folder / "tiny.toml"), pools=(str(cached.folder / "pool.npz"),))
    with pytest.raises(UnknownName, match=r"unknown pool in suite tiny 'photos'.*Known: pool"):
        Exporter(suite, find_places(out=cached.folder / "runs"), lambda _: None).export(
            both.cell.digest, tmp_path / "taken", "lists"
        )


@pytest.mark.parametrize(("axis", "value"), [("copycats", "small_resnet"), ("balances", "sqrt"), ("oracles", "other")])
def test_a_cell_of_another_suite_is_refused_in_a_sentence(
    axis: str, value: str, cached: tiny_world.World, both: Record, tmp_path: Path
) -> None:
    pools = (str(cached.folder / "photos"),)
    suite = changed(load_suite(cached.folder / "tiny.toml"), pools=pools, **{axis: (value,)})
    with pytest.raises(Refused, match=rf"is none of suite tiny, as its {axis[:-1]} is .* has {value}\. Name its own"):
        Exporter(suite, find_places(out=cached.folder / "runs"), lambda _: None).export(
            both.cell.digest, tmp_path / "taken", "lists"
        )


FICKLE = """
import time
import numpy as np

def fickle(ask, pool, rng):
    first = time.time_ns() // 1000 % 50
    ask(pool[np.arange(first, first + ask.left)])
"""


def test_an_attack_that_asks_otherwise_each_time_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site, out = tmp_path / "site", tmp_path / "runs"
    (site / "fickle-1.0.dist-info").mkdir(parents=True)
    (site / "fickle.py").write_text(FICKLE)
    (site / "fickle-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: fickle\nVersion: 1.0\n")
    (site / "fickle-1.0.dist-info/entry_points.txt").write_text("[copycat_benchmark.attacks]\nfickle = fickle:fickle\n")
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    monkeypatch.syspath_prepend(str(site))
    world = tiny_world.build(tmp_path)
    told = {"oracles": [world.oracles], "out": out, "workers": 1}
    benchmark.run(world.suite(("npdd-sl",), budgets=(90,)), **told)  # so that every image has an answer
    suite = Path(world.suite(("npdd-sl",)))
    suite.write_text(suite.read_text() + 'attacks = ["fickle"]\n')
    (record,) = benchmark.run(str(suite), **told)
    exporter = Exporter(load_suite(suite), find_places(out=out), lambda _: None)

    def export_until_it_differs() -> None:  # one time in fifty it asks the same again
        for attempt in range(4):
            exporter.export(record.cell.digest, tmp_path / f"taken{attempt}", "lists")

    with pytest.raises(Mismatch, match="asking again gives another npdd transfer set"):
        export_until_it_differs()


def test_the_verb_says_what_it_wrote_and_what_it_will_not_overwrite(
    cached: tiny_world.World, both: Record, tmp_path: Path
) -> None:
    asked = ["export-transfer-set", both.cell.digest[:12], "-o", str(tmp_path / "taken"), "--out", "runs"]
    told = command(cached, *asked, "--suite", "tiny.toml", "--pool", "photos")
    assert (told.returncode, told.stderr) == (0, "")
    assert "npdd.txt: 40 images" in told.stdout
    again = command(cached, *asked, "--suite", "tiny.toml", "--pool", "photos")
    assert again.returncode == 3
    assert again.stderr.endswith("is there already. Give a new or an empty folder with -o.\n")
    nameless = command(cached, *asked)
    assert nameless.returncode == 3
    assert "Name it: --suite FILE" in nameless.stderr


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def fill_the_disk() -> None:
        with appearing(tmp_path / "made") as scratch:
            (scratch / "half").write_text("x")
            raise OSError(28, "No space left on device")

    with pytest.raises(EnvironmentRefused, match="No space left"):
        fill_the_disk()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "made").mkdir()
    with appearing(tmp_path / "made") as scratch:
        (scratch / "whole").write_text("x")
        assert list((tmp_path / "made").iterdir()) == []
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["whole"]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_paths_that_some_reader_would_split_are_written_as_images(tmp_path: Path) -> None:
    images = np.zeros((4, 2, 2, 3), np.uint8)
    paths = ["/plain/a.png", "/with blank/b.png", "/with#hash/c.png", "/" + "long" * 70 + ".png"]
    assert write_list(tmp_path, "npdd", images, np.arange(4), paths) == 3
    assert (tmp_path / "npdd.txt").read_text().splitlines() == [
        "/plain/a.png 0",
        "npdd_images/0000001.png 1",
        "npdd_images/0000002.png 2",
        "npdd_images/0000003.png 3",
    ]


@pytest.mark.parametrize(
    ("classes", "folders"),
    [
        (("cat", "dog"), ["cat", "dog"]),
        (("cat", "../dog"), ["class_000", "class_001"]),
        (("cat", "Cat"), ["class_000", "class_001"]),
        (("a.", ".b"), ["class_000", "class_001"]),
    ],
)
def test_class_folders_are_named_safely(classes: tuple[str, ...], folders: list[str]) -> None:
    assert folder_names(classes) == folders
