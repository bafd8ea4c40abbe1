"""Tests of problems: their files, roles, status and fetching."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.images.finding import downloads
from benchmark.places import Places
from benchmark.problems import ROLES, load_problem, names, open_role
from benchmark.problems import status as status_module
from benchmark.problems.status import download, status
from benchmark.refusals import BadToml, DataMissing, EmptyPool, EnvironmentRefused, UnknownName

PETS = """
version = 2
about = "Pets."
classes = ["cat", "dog"]
size = [6, 5]
colour = "grey"
obtain = "Ask the neighbours; put pets/test under a data folder."

[[odd]]
kind = "torchvision"
dataset = "STL10"
split = "train"

[[tdd]]
kind = "folder"
path = "pets/test"

[[tdd]]
kind = "npz"
path = "pets.npz"
stand_in = true
"""
SAY: Any = lambda text: None  # noqa: E731
REAL = Places(
    cache=Path(), data=tuple(Path(part) for part in os.environ.get("BENCHMARK_DATA", "").split(os.pathsep) if part)
)


def test_only_a_pdd_can_do_without_labels(tmp_path: Path) -> None:
    """A list whose labels are not to be read is refused as a test set, with the place in the file."""
    path = tmp_path / "pets.toml"
    unread = '\n[[{}]]\nkind = "list"\npath = "l.txt"\nlabelled = false\n'
    path.write_text(PETS + unread.format("pdd"))
    assert not load_problem(path).pdd[0].labelled
    path.write_text(PETS + unread.format("tdd"))
    with pytest.raises(BadToml, match=r"pets\.toml: .*list l\.txt: labelled = false is for a PDD"):
        load_problem(path)


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """The problem's file."""
    path = tmp_path / "pets.toml"
    path.write_text(PETS)
    return path


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """An empty data folder and an empty cache."""
    (tmp_path / "data").mkdir()
    return Places(cache=tmp_path / "cache", data=(tmp_path / "data",))


def put_folder(places: Places) -> None:
    """Two cats and a dog."""
    for name in ("cat/a", "cat/b", "dog/a"):
        path = places.data[0] / f"pets/test/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 9), "red").save(path)


def put_npz(places: Places) -> None:
    """One dog."""
    np.savez(places.data[0] / "pets.npz", images=np.zeros((1, 9, 9), np.uint8), labels=np.array([1]))


@pytest.mark.parametrize("name", names())
def test_every_problem_file_is_complete(name: str) -> None:
    """It loads, has a TDD, says how to get its data, and every folder mapping names its own classes."""
    problem = load_problem(name)
    assert problem.name == name
    assert problem.tdd
    assert problem.obtain
    for role in ROLES:
        for source in problem.sources(role):
            assert set(getattr(source, "classes", {}).values()) <= set(problem.classes)


def test_goc9_is_cifar10_without_frog() -> None:
    """Class names in the papers' order."""
    assert load_problem("goc9").classes == tuple(name for name in load_problem("cifar10").classes if name != "frog")


def test_a_problem_is_named_by_its_file(pets: Path) -> None:
    """Size may be [height, width]; the version is the file's."""
    problem = load_problem(pets)
    assert (problem.name, problem.version, problem.size, problem.colour) == ("pets", 2, (6, 5), "grey")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('about = "Pets."', "", "the key 'about' is missing"),
        ("version = 2", "version = 2\nsise = 3", "unknown key 'sise'"),
        ('"cat", "dog"', '"cat", "cat"', "class 'cat' is named twice"),
        ('"cat", "dog"', '"cat"', "classes"),
        ("[6, 5]", "2", "size"),
        ("[6, 5]", "[6, 5, 3]", "size"),
        ('"grey"', '"blue"', "colour"),
        ('kind = "npz"', 'kind = "zip"', "tdd"),
        ('path = "pets.npz"', 'path = "pets.npz"\nfolder = "x"', "folder"),
        ('split = "train"', 'split = "all"', "split"),
        ('path = "pets/test"', 'path = ""', "path"),
        ('path = "pets/test"', 'path = "p"\nlimit = 0', "limit"),
        ("size", "size size", "not valid TOML"),
    ],
)
def test_a_wrong_problem_file_is_refused_with_its_place(pets: Path, old: str, new: str, sentence: str) -> None:
    """Unknown keys, missing keys and wrong values name the file and the key."""
    pets.write_text(PETS.replace(old, new, 1))
    with pytest.raises(BadToml, match=r"pets\.toml") as caught:
        load_problem(pets)
    assert sentence in str(caught.value)


def test_an_unknown_problem_is_refused() -> None:
    """The nearest one is offered."""
    with pytest.raises(UnknownName, match=r"unknown problem 'cifar1'\. Did you mean 'cifar10'"):
        load_problem("cifar1")


def test_the_first_source_that_is_there_wins(pets: Path, places: Places) -> None:
    """The stand-in is opened only while the real one is not there."""
    problem = load_problem(pets)
    put_npz(places)
    stand_in = open_role(problem, "tdd", places, SAY)
    assert (stand_in.manifest.source, stand_in.manifest.stand_in) == ("npz pets.npz images", True)
    put_folder(places)
    real = open_role(problem, "tdd", places, SAY)
    assert (real.manifest.source, real.manifest.stand_in) == ("folder pets/test", False)
    assert real.images_NHWC.shape == (3, 6, 5, 3)
    assert real.labels_N.tolist() == [0, 0, 1]
    assert real.manifest.counts_per_class == (2, 1)


def test_a_real_source_without_images_is_not_replaced(pets: Path, places: Places) -> None:
    """A folder that is there but empty is a fault, not a reason to take the stand-in."""
    put_npz(places)
    (places.data[0] / "pets/test").mkdir(parents=True)
    with pytest.raises(EmptyPool, match="folder pets/test: no usable image"):
        open_role(load_problem(pets), "tdd", places, SAY)


def test_a_class_without_images_is_said(pets: Path, places: Places) -> None:
    """A hole in the classes is named when it is decoded."""
    put_npz(places)
    said: list[str] = []
    open_role(load_problem(pets), "tdd", places, said.append)
    assert "npz pets.npz images: no image of cat" in said


def test_a_misspelt_class_folder_is_no_silent_loss(pets: Path, places: Places) -> None:
    """Said before anything is decoded, each time the images are opened, and by status afterwards too."""
    put_folder(places)
    (places.data[0] / "pets/test/dog").rename(places.data[0] / "pets/test/dgo")
    problem, said = load_problem(pets), []  # type: ignore[var-annotated]
    warned = (
        "folder pets/test: left out, as not a class of the problem: 'dgo' (did you mean 'dog'?)",
        "folder pets/test: no image of dog",
    )
    assert status(problem, places)[1].warnings == warned
    for _ in range(2):
        said.clear()
        assert open_role(problem, "tdd", places, said.append).manifest.warnings == warned
        assert set(warned) <= set(said)
    assert status(problem, places)[1].warnings == warned


def test_whole_classes_and_what_a_mapping_leaves_out_are_no_warning(pets: Path, places: Places) -> None:
    """A folder that the TOML does not name is left out on purpose."""
    put_folder(places)
    assert status(load_problem(pets), places)[1].warnings == ()
    assert open_role(load_problem(pets), "tdd", places, SAY).manifest.warnings == ()
    (places.data[0] / "pets/test/cow").mkdir()
    Image.new("RGB", (9, 9)).save(places.data[0] / "pets/test/cow/a.png")
    (warning,) = status(load_problem(pets), places)[1].warnings
    assert warning == "folder pets/test: left out, as not a class of the problem: 'cow'"
    pets.write_text(PETS.replace('path = "pets/test"', 'path = "pets/test"\nclasses = { cat = "cat", dog = "dog" }'))
    assert status(load_problem(pets), places)[1].warnings == ()


def test_missing_roles_are_data_missing(pets: Path, places: Places) -> None:
    """A role without sources, and one whose sources are not here, say what to do."""
    problem = load_problem(pets)
    with pytest.raises(DataMissing, match=r"problem pets: no source for its PDD. Add \[\[pdd\]\]"):
        open_role(problem, "pdd", places, SAY)
    with pytest.raises(
        DataMissing, match=r"no TDD found \(tried folder pets/test; npz pets.npz images\). Ask the neigh"
    ):
        open_role(problem, "tdd", places, SAY)


def test_status_decodes_nothing_and_tells_the_way_out(pets: Path, places: Places) -> None:
    """Rows per role: found or not, counts once decoded, advice while the real images are not here."""
    problem = load_problem(pets)
    put_npz(places)
    odd, tdd, pdd = status(problem, places)
    assert (odd.source, odd.advice) == (None, problem.obtain)
    assert (tdd.source, tdd.stand_in, tdd.counts) == ("npz pets.npz images", True, None)
    assert tdd.advice == problem.obtain
    assert pdd.source is None
    assert not (places.cache / "images").exists()
    put_folder(places)
    open_role(problem, "tdd", places, SAY)
    row = status(problem, places)[1]
    assert (row.source, row.counts, row.advice) == ("folder pets/test", (("cat", 2), ("dog", 1)), "")


def test_status_shows_what_cannot_be_used(pets: Path, places: Places) -> None:
    """A source that is there but damaged is a row with its fault."""
    pets.write_text(PETS.replace('kind = "folder"\npath = "pets/test"', 'kind = "list"\npath = "l.txt"'))
    (places.data[0] / "l.txt").write_bytes(b"\0\0")
    assert "not a text" in status(load_problem(pets), places)[1].fault


def test_download_fetches_what_is_not_here(pets: Path, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only torchvision sources of roles without real images, into the cache's data folder, and only when called."""
    calls: list[tuple[str, str, bool]] = []

    def construct(source: Any, root: Path, *, download: bool) -> None:
        calls.append((source.dataset, str(root), download))

    monkeypatch.setattr(status_module, "construct", construct)
    assert download(load_problem(pets), places, SAY) == ["torchvision STL10 train"]
    assert calls == [("STL10", str(downloads(places)), True)]


def test_a_failed_download_is_a_sentence(pets: Path, places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Offline: the reason, and from whom the images are to be had."""

    def construct(source: Any, root: Path, *, download: bool) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(status_module, "construct", construct)
    with pytest.raises(EnvironmentRefused, match=r"cannot be fetched \(no route to host\). Ask the neighbours"):
        download(load_problem(pets), places, SAY)


def test_a_data_set_that_torchvision_cannot_fetch(pets: Path, places: Places) -> None:
    """ImageNet has to be put there by hand; the sentence says so."""
    pets.write_text(PETS.replace("STL10", "ImageNet"))
    with pytest.raises(DataMissing, match="torchvision cannot fetch it"):
        download(load_problem(pets), places, SAY)


@pytest.mark.skipif(not REAL.data, reason="BENCHMARK_DATA names no folder with real images")
@pytest.mark.parametrize(
    ("name", "role", "count"),
    [
        ("mnist", "tdd", 10_000),
        ("mnist", "pdd", 11_000),
        ("cifar10", "pdd", 3_000),
        ("goc9", "pdd", 2_700),
        ("gtsrb43", "tdd", 2_150),
    ],
)
def test_real_layouts(tmp_path: Path, name: str, role: Any, count: int) -> None:
    """The published data, where it is on this machine, is found whole and with every class."""
    problem = load_problem(name)
    places = Places(cache=tmp_path, data=REAL.data)
    if status(problem, places)[ROLES.index(role)].source is None:
        pytest.skip(f"{name} {role} is not below BENCHMARK_DATA")
    stack = open_role(problem, role, places, SAY)
    assert len(stack) == count
    assert min(stack.manifest.counts_per_class) > 0
