"""docs/converters.md holds what the tables of the code say."""

from pathlib import Path

from converters.caffe.layers.table import supported
from converters.registry import FRAMEWORKS, ONNX

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "converters.md").read_text(encoding="utf-8")


def test_every_format_stands_in_the_page_with_its_extra_and_its_example():
    for row in (*FRAMEWORKS, ONNX):
        for entry in row.formats:
            assert f"| {row.name} | {entry.about} | {row.extra or '–'} | `{entry.example}` |" in PAGE


def test_every_caffe_layer_stands_in_the_page_with_its_remarks():
    for kind, remarks in supported():
        assert f"| {kind} | {remarks} |" in PAGE


def test_the_page_names_no_layer_and_no_framework_that_is_not_there():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and line.count(" | ") in (1, 3)]
    known = {kind for kind, _ in supported()} | {row.name for row in (*FRAMEWORKS, ONNX)}
    named = {line.split(" | ")[0].removeprefix("| ").strip() for line in rows}
    assert {name for name in named if not name.startswith(("`", "framework", "layer", "option"))} == known
