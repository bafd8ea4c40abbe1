"""Which tensor of a foreign model holds the class scores: candidates by graph, the choice by what they gave."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto

from oracles.card import DroppedCard, ScoresKind, printable
from oracles.refusals import AmbiguousOutput, CardRefused, NoClassAxis
from oracles.rewrite import ML_DOMAIN

# between an ArgMax and the output that shows it
_PASSING = ("Cast", "Identity", "Squeeze", "Unsqueeze", "Reshape", "Flatten")
_CHOOSING = ("ArgMax", "TopK")


class Candidate(NamedTuple):
    """A tensor that may hold scores (or, `kind` "labels", class indices), and the output that led to it."""

    output: str
    tensor: str
    kind: Literal["scores", "labels"]
    via: str
    names: tuple[str, ...]


class Chosen(NamedTuple):
    """The candidate taken, with its scores float64 [n, k] on the probe images, or its labels [n]."""

    candidate: Candidate
    scores_NC: np.ndarray | None
    labels_N: np.ndarray


def candidates(model: ModelProto) -> tuple[Candidate, ...]:
    """One candidate per output that can be one; the scores behind ArgMax, TopK and ZipMap stand for what they feed."""
    makers = {name: node for node in model.graph.node for name in node.output if name}
    found: dict[str, Candidate] = {}
    for value in model.graph.output:
        for candidate in _behind(value.name, value.type, makers):
            found.setdefault(candidate.tensor, candidate)
    if not found:
        names = _list(value.name for value in model.graph.output)
        raise NoClassAxis(f"no output ({names}) is a tensor of numbers; export one with a score per class")
    return tuple(found.values())


def _behind(output: str, kind: object, makers: dict[str, NodeProto]) -> Iterable[Candidate]:
    maker = makers.get(output)
    if maker is not None and maker.op_type == "ZipMap" and maker.domain == ML_DOMAIN:
        yield Candidate(output, maker.input[0], "scores", "ZipMap", _class_names(maker))
        return
    if kind.WhichOneof("value") not in ("tensor_type", None):  # type: ignore[attr-defined]
        return
    dtype = kind.tensor_type.elem_type  # type: ignore[attr-defined]
    if dtype in (TensorProto.STRING, TensorProto.BOOL):
        return
    chooser = _chooser(output, makers)
    if chooser is not None:
        yield Candidate(output, chooser.input[0], "scores", chooser.op_type, ())
    elif dtype in (TensorProto.INT64, TensorProto.INT32):
        yield Candidate(output, output, "labels", "output", ())
    else:
        names = _class_names(maker) if maker is not None and maker.domain == ML_DOMAIN else ()
        yield Candidate(output, output, "scores", "output", names)


def _chooser(name: str, makers: dict[str, NodeProto]) -> NodeProto | None:
    for _ in range(8):
        node = makers.get(name)
        if node is None or not node.input:
            return None
        if node.op_type in _CHOOSING:
            return node
        if node.op_type not in _PASSING:
            return None
        name = node.input[0]
    return None


def _class_names(node: NodeProto) -> tuple[str, ...]:
    for attribute in node.attribute:
        if attribute.name == "classlabels_strings" and attribute.strings:
            return tuple(text.decode("utf-8", "replace") for text in attribute.strings)
        if attribute.name in ("classlabels_int64s", "classlabels_ints") and attribute.ints:
            return tuple(str(number) for number in attribute.ints)
    return ()


def as_rows(array: object, count: int) -> np.ndarray | None:
    """Scores [count, k] of an output without its axes of length 1; None where it has another shape or k < 2."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fui" or array.dtype.itemsize == 0:
        return None
    if array.dtype.kind in "ui" and array.dtype.itemsize > 1:
        return None  # quantised scores have 8 bits; wider whole numbers are indices
    sides = array.shape
    if count == 1 and len(sides) == 1:
        sides = (1, *sides)
    if len(sides) < 2 or sides[0] != count or sum(side != 1 for side in sides[1:]) != 1:
        return None
    rows = array.reshape(count, -1)
    return rows.astype(np.float32) if rows.shape[1] >= 2 else None


def as_labels(array: object, count: int) -> np.ndarray | None:
    """Labels int64 [count] of an output of whole numbers; None where there is not one per image."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "ui" or array.size != count:
        return None
    return array.reshape(count).astype(np.int64)


def choose(found: Sequence[Candidate], values: Sequence[np.ndarray | None], card: DroppedCard) -> Chosen:
    """The class scores among the candidates, `values` being rows [n, k] or labels [n] of each, None for neither.

    The card's `output` wins; then a candidate with as many scores as the card names classes; several that agree on
    every probe image (logits and their softmax) are one, the first. Raises AmbiguousOutput, NoClassAxis, CardRefused.
    """
    pairs = [(c, v) for c, v in zip(found, values, strict=True) if v is not None]
    if card.output is not None:
        pairs = _named(card.output, found, pairs)
    scored = [(c, v) for c, v in pairs if c.kind == "scores"]
    if len(scored) > 1 and card.classes is not None:
        scored = [(c, v) for c, v in scored if v.shape[1] == len(card.classes)] or scored
    if scored:
        first, scores = scored[0]
        labels = scores.argmax(axis=1)
        same = all(v.shape == scores.shape and np.array_equal(v.argmax(axis=1), labels) for _, v in scored)
        if not same:
            listed = ", ".join(f"{printable(c.output, 60)} ({v.shape[1]} scores)" for c, v in scored[:8])
            raise AmbiguousOutput(
                f'several outputs could be the class scores: {listed}; write output = "..." into the card'
            )
        return Chosen(first, scores, labels)
    return _labels_only(found, pairs, card)


def _named(name: str, found: Sequence[Candidate], pairs: list[tuple[Candidate, np.ndarray]]) -> list:  # type: ignore[type-arg]
    known = [c.output for c in found]
    if name not in known:
        raise CardRefused(f"the card says output = {printable(name, 60)!r}, but the outputs are {_list(known)}")
    return [(c, v) for c, v in pairs if c.output == name]


def _labels_only(
    found: Sequence[Candidate], pairs: Sequence[tuple[Candidate, np.ndarray]], card: DroppedCard
) -> Chosen:
    names = _list(c.output for c in found)
    if len(pairs) != 1:
        raise NoClassAxis(
            f"no output ({names}) has one score for each of two or more classes; export the layer before the last step,"
            " and a model with one score per image with two scores instead"
        )
    candidate, labels = pairs[0]
    if card.classes is None:
        raise NoClassAxis(
            f"output {printable(candidate.output, 60)!r} gives labels without scores;"
            ' write classes = ["...", ...] into the card'
        )
    return Chosen(candidate, None, labels)


def kind_of(scores_NC: np.ndarray) -> ScoresKind:
    """Probabilities, if every row lies in 0..1 and sums to 1 (within a thousandth); logits otherwise."""
    rows = scores_NC[np.isfinite(scores_NC).all(axis=1)].astype(np.float64)
    inside = len(rows) > 0 and rows.min() >= 0 and rows.max() <= 1.001
    return "probability" if inside and np.abs(rows.sum(axis=1) - 1).max() < 1e-3 else "logit"


def _list(names: Iterable[str]) -> str:
    return printable(", ".join(printable(name, 60) for name in list(names)[:12]) or "none", 400)
