"""An oracle that answers with some of its classes only, or in another order: the same network, other words."""

from collections.abc import Sequence

import numpy as np
from onnx import ModelProto, NodeProto, helper, numpy_helper

from oracles import contract
from oracles.card import Card, printable
from oracles.contract import LABELS, SCORES
from oracles.refusals import CardRefused, NoClassAxis
from oracles.rewrite import free_prefix

SOME = 6


def restrict(model: ModelProto, classes: Sequence[str], name: str, *, problem: str | None = None) -> ModelProto:
    """A copy of an oracle file that answers with `classes`, in their order, and never with its other ones.

    The highest of the kept scores is the answer. Scores are as they were. Probabilities of which some are left out do
    not sum to one: the card then says logit, which of its words promises least, and a note says so. The parity run
    stays in the card, as it was about the network; measured scores go.
    Raises CardRefused for a class that the oracle does not have or that is named twice, and for fewer than two;
    NoClassAxis for an oracle without scores.
    """
    card = contract.read_card(model)
    unknown = [each for each in classes if each not in card.classes]
    if unknown:
        there = _listed(card.classes)
        raise CardRefused(f"{card.name} has no class {printable(unknown[0], 60)!r}; it has {there}. Name its own.")
    if len(set(classes)) != len(classes) or len(classes) < 2:
        raise CardRefused(f"{_listed(classes)}: name two or more classes, each once")
    if card.scores_kind is None and len(classes) < len(card.classes):
        raise NoClassAxis(f"{card.name} gives labels without scores, so no class can be left out. Attack it as it is.")
    places_C = np.array([card.classes.index(each) for each in classes], dtype=np.int64)
    restricted = ModelProto()
    restricted.CopyFrom(model)
    if card.scores_kind is None:
        _look_up(restricted, places_C)
    else:
        _gather(restricted, places_C)
    contract.write_card(restricted, _card(card, classes, name, problem))
    contract.verify(restricted)
    return restricted


def _gather(model: ModelProto, places_C: np.ndarray) -> None:
    """Let what made the scores make all of them under another name, and gather the kept ones for the arg max."""
    ours = free_prefix(model, "restrict/")
    gather = helper.make_node("Gather", [f"{ours}all", f"{ours}table"], [SCORES], name=f"{ours}gather", axis=1)
    _insert(model, SCORES, ours, places_C, gather)
    output = next(value for value in model.graph.output if value.name == SCORES)
    output.type.tensor_type.shape.dim[1].dim_value = len(places_C)


def _look_up(model: ModelProto, places_C: np.ndarray) -> None:
    """Let what made the labels make them under another name, and look each one's new number up."""
    ours = free_prefix(model, "restrict/")
    look_up = helper.make_node("Gather", [f"{ours}table", f"{ours}all"], [LABELS], name=f"{ours}gather", axis=0)
    _insert(model, LABELS, ours, np.argsort(places_C), look_up)


def _insert(model: ModelProto, output: str, ours: str, table_C: np.ndarray, node: NodeProto) -> None:
    """Put a node, and the table that it takes, behind the node that made an output."""
    graph = model.graph
    at = next(place for place, maker in enumerate(graph.node) if output in maker.output)
    graph.node[at].output[list(graph.node[at].output).index(output)] = f"{ours}all"
    table = numpy_helper.from_array(table_C.astype(np.int64), f"{ours}table")
    constant = helper.make_node("Constant", [], [f"{ours}table"], name=f"{ours}table", value=table)
    following = [*graph.node[: at + 1], constant, node, *graph.node[at + 1 :]]
    del graph.node[:]
    graph.node.extend(following)


def _card(card: Card, classes: Sequence[str], name: str, problem: str | None) -> Card:
    left_out = [each for each in card.classes if each not in classes]
    what = f"never answers {_listed(left_out)}" if left_out else "its classes stand in another order"
    what += "; its scores do not sum to one" if left_out and card.scores_kind == "probability" else ""
    kind = "logit" if left_out and card.scores_kind == "probability" else card.scores_kind
    changes = {
        "name": name,
        "problem": problem,
        "classes": tuple(classes),
        "scores_kind": kind,
        "measured": (),
        "notes": (*card.notes, printable(f"made from {card.name}: {what}")),
    }
    return Card.model_validate(card.model_dump() | changes)


def _listed(classes: Sequence[str]) -> str:
    more = f" and {len(classes) - SOME} more" if len(classes) > SOME else ""
    return ", ".join(printable(each, 60) for each in classes[:SOME]) + more
