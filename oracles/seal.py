"""Sealing: any ONNX image classifier and what its card says become one oracle file."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto
from pydantic import ValidationError

from oracles import contract, trial
from oracles.assembly import Plan, first_that_holds
from oracles.card import Card, DroppedCard, Finding, Measured, Parity, Preprocessing, SourceFile, printable
from oracles.external import BYTES_LIMIT, refuse_external
from oracles.intake import placing
from oracles.lent import NOTHING, Lent, size_of, write_pieces
from oracles.outputs import kind_of
from oracles.preprocessing import fitting_mean_image
from oracles.refusals import CardRefused, ModelRefused, NotAnImage, OracleFailed, TooBig
from oracles.rewrite import opset, tidy
from oracles.survey import SIZES_GREY, SIZES_RGB, Input, look, preprocessing
from oracles.trial import Trial

# networks with that many classes are nearly always ImageNet's, at 224 pixels
_MANY_CLASSES = 1000


@dataclass(frozen=True)
class CardExtras:
    """What a converter or a trainer knows of a model beyond its card.

    `mean_image`: float32 [h, w, c] or [c, h, w]. `lent`: weights that the model refers to (oracles.lent).
    """

    mean_image: np.ndarray | None = None
    parity: Parity | None = None
    measured: tuple[Measured, ...] = ()
    training: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    lent: Lent = field(default_factory=dict)


@dataclass(frozen=True)
class Sealed:
    """An oracle file in memory, its card, and how each thing on it came to be known."""

    model: ModelProto
    card: Card
    findings: tuple[Finding, ...]
    lent: Lent = field(default_factory=dict)


def seal(
    model: ModelProto,
    card: DroppedCard | None = None,
    name: str = "oracle",
    *,
    files: Sequence[SourceFile] = (),
    extra: CardExtras | None = None,
) -> ModelProto:
    """The oracle file of a classifier that is trusted to run in this process; raises OracleRefused."""
    return seal_closely(model, card or DroppedCard(), name, files=files, extra=extra).model


def seal_closely(
    model: ModelProto,
    card: DroppedCard,
    name: str,
    *,
    files: Sequence[SourceFile] = (),
    extra: CardExtras | None = None,
) -> Sealed:
    """As seal, with the findings. The same model, card and name give the same bytes."""
    extra = extra or CardExtras()
    refuse_external(model, extra.lent)
    source = tidy(model)
    opset(source)
    view, plan, runs = _settle(source, card, extra)
    _refuse_useless(runs)
    sealed, batch, notes = first_that_holds(runs, source, plan, card)
    classes, assumed = _classes(runs, card)
    how = plan.how.model_copy(update={"assumed": (*plan.how.assumed, *(("classes",) if assumed else ()))})
    scores = runs.chosen.scores_NC
    made = Card(
        name=printable(name, 100) or "oracle",
        problem=card.problem,
        classes=classes,
        framework=card.framework or _producer(model),
        files=tuple(files),
        preprocessing=how,
        scores_kind=None if scores is None else card.scores_kind or kind_of(scores),
        batch=batch,
        licence=card.licence,
        source=card.source,
        price_per_1000=card.price_per_1000 or 0.0,
        requests_per_minute=card.requests_per_minute,
        parity=extra.parity,
        measured=extra.measured,
        training=extra.training,
        notes=tuple(printable(note) for note in extra.notes),
        warnings=(*(printable(w) for w in extra.warnings), *_assumptions(how), *notes),
    )
    contract.write_card(sealed, made)
    contract.verify(sealed)
    return Sealed(sealed, made, (*view.findings, *_findings(runs, made, card)), extra.lent)


def write(model: ModelProto, path: Path, lent: Lent = NOTHING) -> str:
    """Write an oracle file, whole or not at all, its lent weights inside; returns its sha-256.

    Raises NotAnOracleFile, and TooBig for a model that no file can hold.
    """
    contract.verify(model)
    size = size_of(model, lent)
    if size > BYTES_LIMIT:
        raise TooBig(f"the model has {size:,} bytes; an oracle file holds at most {BYTES_LIMIT:,}")
    with placing(path) as file:
        return write_pieces(model, lent, file)


def to_bytes(model: ModelProto) -> bytes:
    """The bytes of a model; the same model gives the same bytes."""
    return bytes(model.SerializeToString(deterministic=True))


def restate(model: ModelProto, **updates: Any) -> ModelProto:
    """A copy of an oracle file with some fields of its card changed (measured, training, name, problem, ...)."""
    old = contract.read_card(model)
    unknown = sorted(set(updates) - set(Card.model_fields))
    if unknown:
        raise CardRefused(f"a card has no {', '.join(unknown)}; it has {', '.join(Card.model_fields)}")
    copy = ModelProto()
    copy.CopyFrom(model)
    try:
        contract.write_card(copy, Card.model_validate({**old.model_dump(), **updates}))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CardRefused(printable(f"the card of {old.name} cannot say that: {where}: {first['msg']}")) from error
    contract.verify(copy)
    return copy


def _settle(source: ModelProto, card: DroppedCard, extra: CardExtras) -> tuple[Input, Plan, Trial]:
    """The size of the images, tried out where neither model nor card fixes it, and the first runs at that size."""
    view = look(source, card)
    if None not in view.size:
        return _attempt(source, view, card, extra)
    refusal: OracleFailed | None = None
    for height, width in _sizes(view):
        try:
            settled = _attempt(source, view.sized(height, width, "assumed"), card, extra)
        except OracleFailed as error:
            refusal = refusal or error
            continue
        scores = settled[2].chosen.scores_NC
        if (height, width) == (32, 32) and scores is not None and scores.shape[1] >= _MANY_CLASSES:
            return _attempt(source, view.sized(224, 224, "assumed"), card, extra)
        return settled
    raise NotAnImage(
        "its image size is free and it ran at none of those tried;"
        f" write size = [height, width] into the card ({refusal})"
    )


def _sizes(view: Input) -> list[tuple[int, int]]:
    height, width = view.size
    if height is not None or width is not None:
        side = height or width or 0
        return [(height or side, width or side)]
    return [(side, side) for side in (SIZES_GREY if view.channels == 1 else SIZES_RGB)]


def _attempt(source: ModelProto, view: Input, card: DroppedCard, extra: CardExtras) -> tuple[Input, Plan, Trial]:
    mean_image = extra.mean_image
    mean = None if mean_image is None else fitting_mean_image(mean_image, view.settled(), view.channels)
    digest = None if mean is None else hashlib.sha256(mean.tobytes()).hexdigest()
    plan = Plan(preprocessing(view, card, digest), view.shape(), mean)
    return view, plan, trial.start(source, (view.name, view.batch, plan.shape), plan.how, card, mean, extra.lent)


def _refuse_useless(runs: Trial) -> None:
    scores = runs.chosen.scores_NC
    if scores is not None and np.isnan(scores).any(axis=1).all():
        raise ModelRefused("its scores are not numbers (NaN) for every probe image; check its weights and the range")


def _classes(runs: Trial, card: DroppedCard) -> tuple[tuple[str, ...], bool]:
    """The class names: the card's, the model's own, or numbers; and whether they had to be assumed."""
    scores = runs.chosen.scores_NC
    if scores is None:
        return card.classes or (), False  # outputs.choose has refused a card without classes
    count = scores.shape[1]
    if card.classes is not None and len(card.classes) != count:
        raise CardRefused(
            f"the model gives {count} scores, but the card names {len(card.classes)} classes; name every class in order"
        )
    own = runs.chosen.candidate.names
    if card.classes is None and len(own) == count:
        return tuple(printable(name) or str(at) for at, name in enumerate(own)), False
    return card.classes or tuple(str(at) for at in range(count)), card.classes is None


def _producer(model: ModelProto) -> str:
    return printable(f"{model.producer_name} {model.producer_version}", 100) or "unknown"


def _assumptions(how: Preprocessing) -> tuple[str, ...]:
    """A sentence for each assumption that may change an answer; names of classes do not."""
    said = {
        "range": f"range {_pair(how.range)} is assumed; write range = [low, high] into the card",
        "size": f"size {_pair(how.size)} is assumed; write size = [height, width] into the card",
        "layout": f"layout {how.layout} is assumed; write layout into the card",
        "channels": f"{how.channels} channels are assumed; write channels into the card",
    }
    return tuple(said[key] for key in how.assumed if key in said)


def _findings(runs: Trial, card: Card, dropped: DroppedCard) -> tuple[Finding, ...]:
    how, candidate = card.preprocessing, runs.chosen.candidate
    told = set(how.declared)
    numbers = {
        "range": how.range and _pair(how.range),
        "scale": how.scale,
        "mean": how.mean,
        "std": how.std,
        "order": how.order,
    }
    rows = [
        (key, str(number), "declared" if key in told else "assumed")
        for key, number in numbers.items()
        if number is not None and (key in told or key in how.assumed)
    ]
    via = "" if candidate.via == "output" else f", before its {candidate.via}"
    names = "declared" if dropped.classes else "assumed" if "classes" in how.assumed else "found"
    rows += [
        ("output", f"{candidate.output}{via}", "declared" if dropped.output else "found"),
        ("scores", card.scores_kind or "none", "declared" if dropped.scores_kind and card.scores_kind else "found"),
        ("classes", str(len(card.classes)), "declared" if dropped.classes else "found"),
        ("class names", ", ".join(card.classes[:12]) + (", ..." if len(card.classes) > 12 else ""), names),
        ("batch", _batch(runs, card), "declared" if dropped.batch else "found"),
    ]
    return tuple(Finding.model_validate({"what": what, "value": value, "how": by}) for what, value, by in rows)


def _pair(numbers: tuple[float, float] | None) -> str:
    return "" if numbers is None else f"[{numbers[0]:g}, {numbers[1]:g}]"


def _batch(runs: Trial, card: Card) -> str:
    if card.batch is not None:
        return str(card.batch)
    return "free" if runs.batch is None else f"free (the source was fixed to {runs.batch})"
