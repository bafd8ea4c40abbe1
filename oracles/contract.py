"""What an oracle file is: names, types and shapes of its input and outputs, and the card in its metadata."""

import json

import onnx
from onnx import TensorProto
from pydantic import ValidationError

from oracles.card import Card, printable
from oracles.refusals import NotAnOracleFile

INPUT = "images"
LABELS = "labels"
SCORES = "scores"
CARD_KEY = "card"
# the card is read before anything else is known of a file
CARD_BYTES = 8 << 20


def claims(model: onnx.ModelProto) -> bool:
    """Whether the file sets out to be an oracle file: a card of ours, of any version, in its metadata."""
    return any(p.key == CARD_KEY and '"schema_version"' in p.value for p in model.metadata_props)


def read_card(model: onnx.ModelProto) -> Card:
    """The card inside; raises NotAnOracleFile where there is none, or none that this version can read."""
    texts = [p.value for p in model.metadata_props if p.key == CARD_KEY]
    if len(texts) != 1:
        raise NotAnOracleFile(f"the file holds {len(texts)} cards instead of one; seal the model first")
    return parse_card(texts[0])


def parse_card(text: str) -> Card:
    """A card from its JSON (the metadata entry "card"); raises NotAnOracleFile."""
    if len(text) > CARD_BYTES:
        raise NotAnOracleFile(f"its card has {len(text):,} characters; at most {CARD_BYTES:,} are read")
    try:
        version = json.loads(text).get("schema_version")
        if version != 1:
            said = printable(repr(version), 40)
            raise NotAnOracleFile(f"its card has schema version {said}; this program reads version 1: update it")
        return Card.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise NotAnOracleFile(printable(f"its card cannot be read: {where}: {first['msg']}; seal it again")) from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise NotAnOracleFile(printable(f"its card is no JSON object: {error}; seal it again")) from error


def write_card(model: onnx.ModelProto, card: Card) -> None:
    """Put the card into the model, in place, as its only metadata."""
    del model.metadata_props[:]
    model.metadata_props.add(key=CARD_KEY, value=card.to_json())


def verify(model: onnx.ModelProto) -> None:
    """Raise NotAnOracleFile unless input, outputs and card keep the contract and agree with each other."""
    card = read_card(model)
    initializers = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in initializers]
    if [value.name for value in inputs] != [INPUT]:
        raise NotAnOracleFile(f"its inputs are {_names(inputs)}; an oracle file has one, {INPUT}")
    height, width = card.preprocessing.size
    _want(inputs[0], TensorProto.UINT8, (card.batch, height, width, 3))
    outputs = {value.name: value for value in model.graph.output}
    expected = [LABELS, SCORES] if card.scores_kind else [LABELS]
    if sorted(outputs) != expected or len(model.graph.output) != len(expected):
        raise NotAnOracleFile(f"its outputs are {_names(model.graph.output)} instead of {', '.join(expected)}")
    _want(outputs[LABELS], TensorProto.INT64, (card.batch,))
    if SCORES in outputs:
        _want(outputs[SCORES], TensorProto.FLOAT, (card.batch, len(card.classes)))


def _want(value: onnx.ValueInfoProto, dtype: int, shape: tuple[int | None, ...]) -> None:
    """Compare one input or output with what it must be; a None in the shape is a free axis."""
    tensor = value.type.tensor_type
    found = tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)
    if tensor.elem_type != dtype or found != shape:
        raise NotAnOracleFile(
            f"{value.name} is {_describe(tensor.elem_type, found)} instead of {_describe(dtype, shape)}"
            " as its card says; seal the model again"
        )


def _describe(dtype: int, shape: tuple[int | None, ...]) -> str:
    name = TensorProto.DataType.Name(dtype).lower() if dtype in TensorProto.DataType.values() else f"type {dtype}"
    return f"{name} [{', '.join('n' if side is None else str(side) for side in shape)}]"


def _names(values: object) -> str:
    listed = [printable(value.name, 60) for value in values]  # type: ignore[attr-defined]
    return printable(", ".join(listed) or "none", 300)
