"""Every example of the registry and of docs/converters.md is run as it stands there."""

import warnings
from pathlib import Path

import onnx
import pytest
import torch
from example_sources import MAKERS

from benchmark.cli.app import run_command_line
from converters.refusals import FrameworkMissing
from converters.registry import FRAMEWORKS, ONNX
from oracles.contract import read_card

EXAMPLES = [(row, entry.example) for row in (*FRAMEWORKS, ONNX) for entry in row.formats]
COMMANDS = [(row, example) for row, example in EXAMPLES if example.startswith("convert ")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder to work in, and one cache of drawn images for all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path_factory.getbasetemp() / "examples-cache"))
    return tmp_path


@pytest.mark.parametrize(
    ("row", "example"), COMMANDS, ids=[f"{row.name}: {example.split()[1]}" for row, example in COMMANDS]
)
def test_an_example_makes_an_oracle_that_is_its_source(row, example, folder):
    if row.missing():
        pytest.skip(f"not installed: {', '.join(row.missing())}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the frameworks' own savers
        try:
            MAKERS[example](folder)
        except FrameworkMissing as missing:  # two frameworks that do not go together in one process
            pytest.skip(str(missing))
    assert run_command_line([*example.split(), "--images", "12"]) == 0
    card = read_card(onnx.load(folder / example.split()[-1]))
    assert card.parity is not None
    assert (card.parity.images, card.parity.label_agreement) == (12, 1.0)


def test_weights_alone_are_refused_with_the_way_out(folder, capsys):
    assert [example for _, example in EXAMPLES if example not in MAKERS] == ["refused with the way out"]
    torch.save(torch.nn.Linear(3, 2).state_dict(), folder / "net.pth")
    assert run_command_line(["convert", "net.pth", "-o", "net.onnx"]) == 3
    assert "timm:NAME, torchvision:NAME or module:callable" in " ".join(capsys.readouterr().err.split())
