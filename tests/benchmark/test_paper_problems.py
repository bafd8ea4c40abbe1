"""The problems of the two papers: their real layouts, what stands in for them, and in which order that is tried."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.places import Places
from benchmark.problems import ROLES, load_problem, names, open_role
from benchmark.problems.status import status
from benchmark.refusals import BadToml, DataMissing

SAY: Any = lambda text: None  # noqa: E731
DRAWN = [name for name in names() if name not in {"act101", "cifar10", "fer2013", "gtsrb43", "mnist"}]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "data").mkdir()
    return Places(cache=tmp_path / "cache", data=(tmp_path / "data",))


def put(places: Places, name: str, grey: int = 90) -> None:
    path = places.data[0] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (12, 12), grey).save(path)


@pytest.mark.parametrize("name", names())
def test_every_problem_says_under_which_terms_its_images_are_to_be_had(name: str) -> None:
    problem = load_problem(name)

    assert problem.terms
    assert problem.advice == f"{problem.obtain} Terms: {problem.terms}."


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawn_image_is_the_last_resort_of_every_role(name: str) -> None:
    problem = load_problem(name)
    for role in ROLES:
        kinds = [source.kind for source in problem.sources(role)]
        assert kinds.count("builtin") == 1
        assert kinds[-1] == "builtin"
        assert [source.kind for source in problem.drawn().sources(role)] == ["builtin"]


@pytest.mark.parametrize("name", names())
def test_what_is_not_the_owners_comes_after_what_is(name: str) -> None:
    problem = load_problem(name)
    for role in ROLES:
        stand_ins = [source.stand_in for source in problem.sources(role)]
        assert stand_ins == sorted(stand_ins)


def test_actions_are_missing_where_nobody_brought_them(places: Places) -> None:
    problem = load_problem("act101")

    assert len(problem.classes) == 101
    assert problem.classes[34:36] == ("Hammering", "HammerThrow")
    assert [row.source for row in status(problem, places)] == [None] * 3
    with pytest.raises(DataMissing, match=r"no TDD found \(tried folder act101/tdd\).*UCF101 is at"):
        open_role(problem, "tdd", places, SAY)
    for role, action in (("odd", "YoYo"), ("tdd", "Archery")):
        put(places, f"act101/{role}/{action}/v_{action}_g01_c01/00000001.jpg")
    assert open_role(problem, "tdd", places, SAY).labels_N.tolist() == [2]


def test_the_decathlon_has_zeros_in_its_tenth_folder(places: Places) -> None:
    for folder in ("0001", "0009", "0010"):
        put(places, f"decathlon-1.0-data/svhn/val/{folder}/000001.jpg")

    stack = open_role(load_problem("shn10"), "tdd", places, SAY)

    assert stack.labels_N.tolist() == [1, 9, 0]
    assert not stack.manifest.stand_in


def test_the_decathlon_has_pedestrians_in_its_first_folder(places: Places) -> None:
    for folder in ("0001", "0002"):
        put(places, f"decathlon-1.0-data/daimlerpedcls/train/{folder}/000001.jpg")

    assert open_role(load_problem("ped2"), "odd", places, SAY).labels_N.tolist() == [0, 1]


@pytest.mark.parametrize(("name", "part"), [("shn10", "svhn"), ("ped2", "daimlerpedcls")])
def test_the_classes_of_the_decathlons_test_images_are_not_told(places: Places, name: str, part: str) -> None:
    put(places, f"decathlon-1.0-data/{part}/test/000001.jpg", 10)
    put(places, f"decathlon-1.0-data/{part}/test/000002.jpg", 200)
    problem = load_problem(name)
    assert status(problem, places)[2].source == f"folder decathlon-1.0-data/{part}/test"

    stack = open_role(problem, "pdd", places, SAY)

    assert stack.labels_N.tolist() == [-1, -1]
    assert stack.manifest.counts_per_class == ()
    assert status(problem, places)[2].counts == (("without labels", 2),)


def test_only_a_pdd_may_lack_its_classes(tmp_path: Path) -> None:
    mute = '[[tdd]]\nkind = "folder"\npath = "p"\nlabelled = false\n'
    (tmp_path / "mute.toml").write_text(f'about = "x"\nclasses = ["a", "b"]\nsize = 8\n{mute}')

    with pytest.raises(BadToml, match=r"folder p: labelled = false is for a PDD"):
        load_problem(tmp_path / "mute.toml")


def test_other_cut_outs_call_a_person_one_and_the_problem_calls_it_nought(places: Places) -> None:
    images = np.stack([np.full((64, 48), grey, np.uint8) for grey in (10, 200, 60)])
    labels = np.array([1, 0, 1])
    np.savez(places.data[0] / "pedestrians.npz", tdd_images=images, tdd_labels=labels)

    stack = open_role(load_problem("ped2"), "tdd", places, SAY)

    assert stack.labels_N.tolist() == [0, 1, 0]
    assert stack.manifest.stand_in
    assert stack.images_NHWC[:, 5, 5, 0].tolist() == [10, 200, 60]


def test_signs_come_from_lists_of_paths_and_labels(places: Places) -> None:
    put(places, "sig30/cut/a.png")
    put(places, "sig30/cut/b.png", 20)
    (places.data[0] / "sig30" / "tdd.txt").write_text("cut/a.png 29\ncut/b.png 0\n")

    stack = open_role(load_problem("sig30"), "tdd", places, SAY)

    assert stack.labels_N.tolist() == [29, 0]
    assert not stack.manifest.stand_in


@pytest.mark.parametrize("name", ["fer7", "msapi7"])
def test_faces_that_go_round_as_ck_plus_are_no_more_than_a_stand_in(places: Places, name: str) -> None:
    for number, folder in enumerate(("anger", "contempt", "happy", "surprise")):
        put(places, f"ckplus48/{folder}/{folder}.png", 40 * number)
    problem = load_problem(name)

    stack = open_role(problem, "tdd", places, SAY)
    assert [problem.classes[label] for label in stack.labels_N] == ["anger", "happy", "surprise"]
    assert stack.manifest.stand_in

    put(places, "fer7/tdd/neutral/own.png")
    assert open_role(problem, "tdd", places, SAY).manifest.source == "folder fer7/tdd"


def test_patches_of_crosswalks_stand_in_for_the_papers(places: Places) -> None:
    for part in ("test", "train"):
        put(places, f"crosswalk/{part}/0_none/a.png", 40)
        put(places, f"crosswalk/{part}/1_crosswalk/b.png", 90)
    problem = load_problem("scc2")

    for role in ("tdd", "pdd"):
        stack = open_role(problem, role, places, SAY)  # type: ignore[arg-type]
        assert stack.labels_N.tolist() == [0, 1]
        assert stack.manifest.stand_in


def test_digits_of_mnist_come_before_those_of_scikit_learn(places: Places) -> None:
    images = np.random.default_rng(1).integers(0, 256, (4, 28, 28), dtype=np.uint8)
    (places.data[0] / "mnist").mkdir()
    for stem, head, body in (("images-idx3", (3, 4, 28, 28), images), ("labels-idx1", (1, 4), np.array([7, 0, 3, 9]))):
        sizes = b"".join(int(side).to_bytes(4, "big") for side in head[1:])
        content = bytes((0, 0, 8, head[0])) + sizes + body.astype(np.uint8).tobytes()
        (places.data[0] / "mnist" / f"t10k-{stem}-ubyte").write_bytes(content)

    stack = open_role(load_problem("dig10"), "tdd", places, SAY)

    assert stack.labels_N.tolist() == [7, 0, 3, 9]
    assert not stack.manifest.stand_in
