"""The contract of the oracle file: what verify accepts, and what it says of everything else."""

from collections.abc import Callable

import onnx
import pytest
from foreign_models import linear
from onnx import TensorProto

from oracles import contract, seal
from oracles.refusals import NotAnOracleFile


def sealed() -> onnx.ModelProto:
    """A small oracle file in memory."""
    return seal.seal(linear(), name="mine")


def test_a_sealed_model_keeps_the_contract() -> None:
    """For it verify is silent, claims is true, and the card is read from the metadata."""
    model = sealed()
    contract.verify(model)
    assert contract.claims(model)
    assert contract.read_card(model) == contract.parse_card(model.metadata_props[0].value)
    assert not contract.claims(linear())


BROKEN: list[tuple[str, Callable[[onnx.ModelProto], object], str]] = [
    ("no card", lambda m: m.ClearField("metadata_props"), "holds 0 cards"),
    ("two cards", lambda m: m.metadata_props.add(key="card", value="{}"), "holds 2 cards"),
    ("no JSON", lambda m: setattr(m.metadata_props[0], "value", "hello"), "its card is no JSON object"),
    ("a list", lambda m: setattr(m.metadata_props[0], "value", "[1]"), "its card is no JSON object"),
    ("deep JSON", lambda m: setattr(m.metadata_props[0], "value", "[" * 100_000), "its card is no JSON object"),
    ("later version", lambda m: setattr(m.metadata_props[0], "value", '{"schema_version": 7}'), "schema version 7"),
    ("long", lambda m: setattr(m.metadata_props[0], "value", " " * (9 << 20)), "characters; at most"),
    ("missing keys", lambda m: setattr(m.metadata_props[0], "value", '{"schema_version": 1}'), "cannot be read: name"),
    (
        "input name",
        lambda m: setattr(m.graph.input[0], "name", "x"),
        "its inputs are x; an oracle file has one, images",
    ),
    (
        "input type",
        lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", TensorProto.FLOAT),
        r"images is float \[n, 8, 8, 3\] instead of uint8 \[n, 8, 8, 3\]",
    ),
    (
        "input size",
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 9),
        r"uint8 \[n, 9, 8, 3\] instead of uint8 \[n, 8, 8, 3\]",
    ),
    (
        "fixed batch",
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[0], "dim_value", 4),
        r"uint8 \[4, 8, 8, 3\] instead of",
    ),
    ("no labels", lambda m: m.graph.output.pop(0), "its outputs are scores instead of labels, scores"),
    (
        "labels of 32 bits",
        lambda m: setattr(m.graph.output[0].type.tensor_type, "elem_type", TensorProto.INT32),
        r"labels is int32 \[n\] instead of int64 \[n\]",
    ),
    (
        "classes",
        lambda m: setattr(m.graph.output[1].type.tensor_type.shape.dim[1], "dim_value", 6),
        r"scores is float \[n, 6\] instead of float \[n, 5\]",
    ),
]


@pytest.mark.parametrize(("change", "words"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_what_breaks_the_contract_is_named(change: Callable[[onnx.ModelProto], object], words: str) -> None:
    """The refusal says which input, output or entry is wrong, and what it should be."""
    model = sealed()
    change(model)
    with pytest.raises(NotAnOracleFile, match=words):
        contract.verify(model)
