"""The card: what it may say, what it refuses, its published schema, and strings of strangers."""

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from oracles.card import Card, DroppedCard, Parity, Preprocessing, Witness, printable, write_schema

SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "schemas" / "card.json"
ZOO = SCHEMA.parents[2] / "oracles" / "zoo"
HOW = Preprocessing(layout="nchw", channels=3, order="rgb", dtype="float32", size=(8, 8), range=(0, 1))


def test_the_published_schema_is_current(tmp_path: Path) -> None:
    """docs/schemas/card.json is what Card.json_schema says; write_schema(path) renews it."""
    write_schema(tmp_path / "card.json")
    assert SCHEMA.read_text(encoding="utf-8") == (tmp_path / "card.json").read_text(encoding="utf-8")
    assert json.loads(Card.json_schema())["properties"]["schema_version"]["const"] == 1


def test_a_card_comes_back_from_its_json() -> None:
    """Canonical JSON has sorted keys and holds everything."""
    card = Card(
        name="x", classes=("a", "b"), framework="f", preprocessing=HOW, scores_kind="logit", training={"b": 1, "a": [2]}
    )
    text = card.to_json()
    assert Card.model_validate_json(text) == card
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_a_card_without_witnesses_is_written_as_before_there_were_any() -> None:
    parity = Parity(images=2, label_agreement=1, largest_difference=0, runtime="numpy", version="2")
    told = parity.model_copy(update={"witnesses": (Witness(runtime="OpenCV", remark="is not installed"),)})
    assert "witnesses" not in parity.model_dump(mode="json")
    assert Parity.model_validate(parity.model_dump()) == parity
    assert Parity.model_validate_json(told.model_dump_json()) == told


@pytest.mark.parametrize("file", sorted(ZOO.glob("*.onnx")), ids=lambda file: file.stem)
def test_the_cards_of_the_zoo_are_read_and_written_byte_for_byte(file: Path) -> None:
    held = {entry.key: entry.value for entry in onnx.load(file).metadata_props}["card"]
    assert Card.model_validate_json(held).to_json() == held


def test_a_witness_says_in_one_line_how_it_agrees_or_why_it_is_silent() -> None:
    found = Witness(
        runtime="OpenCV", version="4.14", images=3, label_agreement=1, largest_difference=2e-6, remark="by itself"
    )
    assert str(found) == "100.00% of labels on 3 images, scores to 2.0e-06, against OpenCV 4.14 (by itself)"
    assert str(Witness(runtime="OpenCV", remark="is not installed")) == "OpenCV is not installed"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"colour": 3}, "Extra inputs are not permitted"),
    ({"range": [0, 0]}, "both ends of the range"),
    ({"range": [0, 1], "scale": 0.5}, "range and scale are both given"),
    ({"scale": 0}, "scale is 0"),
    ({"std": [1, 0, 1]}, "std holds a 0"),
    ({"mean": [1, 2, 3, 4]}, "at most 3"),
    ({"mean": ["nan"]}, "finite"),
    ({"size": 0}, "greater than or equal to 1"),
    ({"size": [3]}, "Field required"),
    ({"classes": ["one"]}, "at least 2"),
    ({"order": "gbr"}, "'rgb' or 'bgr'"),
    ({"channels": 2}, "1 or 3"),
    ({"batch": 0}, "greater than or equal to 1"),
    ({"price_per_1000": -1}, "greater than or equal to 0"),
    ({"requests_per_minute": 0}, "greater than 0"),
]


@pytest.mark.parametrize(("said", "words"), WRONG, ids=[str(w[0]) for w in WRONG])
def test_a_dropped_card_says_what_is_wrong_with_it(said: dict[str, Any], words: str) -> None:
    """Unknown keys, contradictions and impossible values are refused in words."""
    with pytest.raises(ValidationError, match=words):
        DroppedCard.model_validate(said)


def test_single_numbers_stand_for_lists() -> None:
    """Keys such as size = 32, mean = 0.5 and std = 0.5 mean what they look like."""
    card = DroppedCard.model_validate({"size": 32, "mean": 0.5, "std": 0.5})
    assert (card.size, card.mean, card.std) == ((32, 32), (0.5,), (0.5,))
    assert card.said() == ("size", "mean", "std")


@given(st.text(max_size=300), st.integers(1, 40))
def test_printable_leaves_one_short_line_of_printable_characters(text: str, limit: int) -> None:
    """Whatever a stranger writes, nothing of it moves the cursor, breaks a line or grows beyond the limit."""
    shown = printable(text, limit)
    assert len(shown) <= limit
    assert shown.isprintable()
    assert printable(shown, limit) == shown


def test_strings_of_strangers_are_cleaned_in_the_card() -> None:
    """ANSI codes, line breaks and direction marks of class names do not reach the card."""
    card = Card(name="a\x1b[31m\nb", classes=("c\u202e", "d\r\n"), framework="f", preprocessing=HOW, scores_kind=None)
    assert card.name == "a [31m b"
    assert card.classes == ("c", "d")
