"""docs/converters.md holds what the tables of the code say."""

import re
from pathlib import Path

import pytest
from example_sources import MAKERS

from converters.caffe.layers.table import supported
from converters.registry import FRAMEWORKS, ONNX

TESTS = Path(__file__).resolve().parents[1]
PAGE = (TESTS.parent / "docs" / "converters.md").read_text(encoding="utf-8")
FORMATS = [(row, entry) for row in (*FRAMEWORKS, ONNX) for entry in row.formats]
# what a test of the format must name, where that is no suffix
KNOWN_BY = {
    "lenet/": "deploy.prototxt",
    "savedmodel/": "saved_model",
    "timm:resnet18": "timm:",
    "nets.py:build": ".py:",
    "with": ".pth",
}


def row_of(name: str, about: str) -> list[str]:
    """The cells of a format's row in the page."""
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {name} | {about} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize(("row", "entry"), FORMATS, ids=[f"{row.name}: {entry.about}" for row, entry in FORMATS])
def test_every_format_stands_in_the_page_with_its_extra_its_example_and_its_tests(row, entry):
    _, _, extra, example, tested = row_of(row.name, entry.about)
    assert (extra, example) == (row.extra or "–", f"`{entry.example}`")
    target, file = re.fullmatch(r"`(make [a-z-]+)`: `(\S+\.py)`", tested).groups()
    # TensorFlow alone is too heavy for the environment of all other tests
    assert target == ("make test-frameworks" if row.extra == "tensorflow" else "make test")
    source = entry.example.split()[1]
    assert KNOWN_BY.get(source, Path(source).suffix) in (TESTS / file).read_text(encoding="utf-8")


@pytest.mark.parametrize(("row", "entry"), FORMATS, ids=[f"{row.name}: {entry.about}" for row, entry in FORMATS])
def test_every_example_has_a_source_with_which_it_is_run(row, entry):
    assert entry.example in MAKERS or entry.example == "refused with the way out"


def test_every_caffe_layer_stands_in_the_page_with_its_remarks():
    for kind, remarks in supported():
        assert f"| {kind} | {remarks} |" in PAGE


def test_the_page_names_no_layer_and_no_framework_that_is_not_there():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and line.count(" | ") in (1, 4)]
    known = {kind for kind, _ in supported()} | {row.name for row in (*FRAMEWORKS, ONNX)}
    named = {line.split(" | ")[0].removeprefix("| ").strip() for line in rows}
    assert {name for name in named if not name.startswith(("`", "framework", "layer", "option"))} == known
