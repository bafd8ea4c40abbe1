"""`oracles restrict`: an oracle for a problem whose classes are some of its own."""

from pathlib import Path

import onnx
import pytest

from benchmark.cli.app import run_command_line
from oracles import contract
from oracles.runtime import open_session

ZOO = Path(__file__).resolve().parents[2] / "oracles" / "zoo"
PROBLEM = """
about = "Three kinds of things, in another order."
classes = ["boat", "cat", "bird"]
size = 32
"""


@pytest.fixture
def problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "three.toml"
    path.write_text(PROBLEM)
    return path


def test_the_verb_writes_an_oracle_of_the_problem(
    problem: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "three_v1.onnx"
    arguments = ["oracles", "restrict", str(ZOO / "objects_v1.onnx"), "--problem", str(problem), "--output", str(out)]
    assert run_command_line([*arguments, "--same", "ship=boat"]) == 0
    card = contract.read_card(onnx.load(out))
    assert (card.name, card.problem, card.classes) == ("three_v1", "three", ("boat", "cat", "bird"))
    assert card.notes[-1] == "ship is called boat"
    assert open_session(onnx.load(out), device="cpu")
    assert len(capsys.readouterr().out.strip()) == 64
    assert run_command_line([*arguments, "--same", "ship=boat"]) == 3
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("same", "sentence"),
    [
        ([], "objects_v1 has no class 'boat'; it has airplane, automobile"),
        (["--same", "ship=bateau"], "problem three has no class 'bateau'"),
        (["--same", "ship"], "give THEIRS=PROBLEMS"),
    ],
)
def test_words_that_nobody_knows_are_refused(
    problem: Path, tmp_path: Path, same: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "three_v1.onnx"
    arguments = ["oracles", "restrict", str(ZOO / "objects_v1.onnx"), "--problem", str(problem), "--output", str(out)]
    assert run_command_line([*arguments, *same]) in {2, 3}
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert not out.exists()


def test_an_oracle_without_class_names_has_those_of_its_problem(problem: Path, tmp_path: Path) -> None:
    nameless = onnx.load(ZOO / "objects_v1.onnx")
    card = contract.read_card(nameless)
    numbers = tuple(str(place) for place in range(len(card.classes)))
    how = card.preprocessing.model_copy(update={"assumed": (*card.preprocessing.assumed, "classes")})
    contract.write_card(nameless, card.model_copy(update={"classes": numbers, "preprocessing": how}))
    onnx.save(nameless, tmp_path / "nameless.onnx")
    arguments = [
        "oracles",
        "restrict",
        str(tmp_path / "nameless.onnx"),
        "--problem",
        str(problem),
        "--same",
        "ship=boat",
    ]
    assert run_command_line([*arguments, "--output", str(tmp_path / "three_v1.onnx")]) == 0
    assert contract.read_card(onnx.load(tmp_path / "three_v1.onnx")).classes == ("boat", "cat", "bird")
