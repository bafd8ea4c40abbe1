"""The shelf: oracles found in folders, sealed once, described by their cards."""

from pathlib import Path

import onnx
import pytest
import tiny_world

from benchmark.places import ZOO, Places
from benchmark.problems import load_problem, open_role
from benchmark.refusals import Refused, UnknownName
from benchmark.scores import score
from benchmark.shelf import Shelf, as_toml, open_file
from benchmark.strict_toml import read_toml
from benchmark.target import zoo_targets
from oracles.card import DroppedCard
from oracles.server import Server


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A folder with a bare model, a junk file, and notes of what is said."""
    folder = tmp_path / "dropped"
    folder.mkdir()
    onnx.save(tiny_world.strongest_colour(), folder / "bare.onnx")
    (folder / "junk.onnx").write_text("<html>not found</html>")
    said: list[str] = []
    made = Shelf(Places(tmp_path / "cache", oracles=(folder,)), said.append)
    made.said = said  # type: ignore[attr-defined]
    return made


def test_a_dropped_file_is_sealed_once_and_taken_from_the_cache_afterwards(shelf: Shelf, tmp_path: Path) -> None:
    """The second opening finds the same oracle file, which was not written again."""
    first = open_file(tmp_path / "dropped/bare.onnx", shelf.places)
    written = first.file.stat().st_mtime_ns

    again = open_file(tmp_path / "dropped/bare.onnx", shelf.places)

    assert again == first
    assert again.file.stat().st_mtime_ns == written


def test_a_changed_card_makes_another_oracle(shelf: Shelf, tmp_path: Path) -> None:
    """What the card says is part of the oracle's identity."""
    before = open_file(tmp_path / "dropped/bare.onnx", shelf.places)
    (tmp_path / "dropped/bare.toml").write_text('problem = "colours"\nrange = [-1, 1]\n')

    after = open_file(tmp_path / "dropped/bare.onnx", shelf.places)

    assert after.digest != before.digest
    assert after.card.problem == "colours"


def test_a_damaged_sealed_file_is_made_anew(shelf: Shelf, tmp_path: Path) -> None:
    """A cache that was touched is not served."""
    first = open_file(tmp_path / "dropped/bare.onnx", shelf.places)
    first.file.write_bytes(first.file.read_bytes()[:-10])

    again = open_file(tmp_path / "dropped/bare.onnx", shelf.places)

    assert again.digest == first.digest
    assert Server(again.file, tmp_path / "answers").digest == first.digest


def test_a_refused_file_is_said_once_and_left_out(shelf: Shelf, tmp_path: Path) -> None:
    """One bad file does not hide the others."""
    (tmp_path / "dropped/bare.toml").write_text('problem = "colours"\n')

    assert [shelved.name for shelved in shelf.of_problem("colours")] == ["bare"]
    assert shelf.of_problem("digits") == []
    assert [line for line in shelf.said if "junk.onnx" in line] == [f"left out: {shelf.refused['junk']}"]  # type: ignore[attr-defined]


def test_unknown_names_and_folders_have_their_sentence(shelf: Shelf, tmp_path: Path) -> None:
    """The nearest name, or how to go on."""
    with pytest.raises(UnknownName, match="unknown oracle 'bear'. Did you mean 'bare'"):
        shelf.open("bear")
    with pytest.raises(Refused, match="no such folder of oracles"):
        Shelf(Places(tmp_path / "cache", oracles=(tmp_path / "nowhere",)), print).files()


def test_the_first_of_two_equal_names_wins_and_it_is_said(shelf: Shelf, tmp_path: Path) -> None:
    """Folders given come before the zoo."""
    other = tmp_path / "other"
    other.mkdir()
    onnx.save(tiny_world.strongest_colour(), other / "bare.onnx")
    both = Shelf(Places(tmp_path / "cache", oracles=(other, tmp_path / "dropped")), shelf.say)

    assert both.files()["bare"] == other / "bare.onnx"
    assert any("is hidden by" in line for line in shelf.said)  # type: ignore[attr-defined]


def test_a_written_card_is_read_back_as_it_was(shelf: Shelf, tmp_path: Path) -> None:
    """`--write-card` gives a file whose every line means what the card said."""
    (tmp_path / "dropped/bare.toml").write_text(
        'classes = ["a \\"b\\"", "ü", "c"]\nmean = [0.1, 0.2, 0.3]\nrange = [0, 1]\n'
    )
    card = open_file(tmp_path / "dropped/bare.onnx", shelf.places).card

    path = tmp_path / "written.toml"
    path.write_text(as_toml(card))
    read = read_toml(path, DroppedCard)

    assert read.classes == card.classes
    assert read.mean == card.preprocessing.mean
    assert read.size == card.preprocessing.size
    assert read.order is None  # assumed, and so left for its owner to say
    assert 'order = "rgb"  # assumed' in path.read_text()


@pytest.mark.parametrize("name", zoo_targets())
def test_a_shipped_oracle_is_small_and_scores_what_its_card_says(name: str, tmp_path: Path) -> None:
    """Each target of the zoo fits its problem and still has its measured macro-F1."""
    target, file = zoo_targets()[name], ZOO / f"{name}.onnx"
    shelved = open_file(file, Places(tmp_path / "cache"))
    problem = load_problem(target.problem)
    tdd = open_role(problem, "tdd", Places(tmp_path / "cache"), lambda _: None)

    with Server(shelved.file, tmp_path / "answers", device="cpu") as server:
        labels_N = server.referee(tdd.images_NHWC)

    measured = shelved.card.measured[0]
    assert file.stat().st_size <= 3 * 2**20
    assert shelved.card.classes == problem.classes
    assert shelved.card.parity is not None
    assert shelved.card.parity.label_agreement >= 0.999
    assert 0.85 <= measured.macro_f1 <= 0.99
    assert score(tdd.labels_N, labels_N, len(problem.classes)).macro_f1 == pytest.approx(measured.macro_f1, abs=0.005)
