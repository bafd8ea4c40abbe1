"""A model of any framework becomes an oracle file: converted, sealed, compared with its source, measured, written."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.images.stack import Stack
from benchmark.places import Places
from benchmark.problems import load_problem, open_role
from benchmark.proof import (
    IMAGES,
    Images,
    Trial,
    answers,
    compare_with_file,
    judged,
    measure,
    mixed_images,
    natural_images,
    run_parity,
)
from benchmark.provenance import digest_file
from benchmark.refusals import DataMissing, Mismatch
from converters.conversion import Conversion, Wishes
from converters.refusals import SourceIncomplete
from converters.registry import find, recognise
from oracles import contract
from oracles.card import Card, DroppedCard, Parity, SourceFile
from oracles.intake import read_mean_image
from oracles.preprocessing import fitting_mean_image
from oracles.refusals import NotAnImage
from oracles.runtime import Session, open_session
from oracles.seal import CardExtras, Sealed, seal_closely, write
from oracles.server import resized

Say = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What is to be converted, and what the user says of it.

    `card`: the keys of a card, each stronger than what the source's files say. `reference`: answers of the source from
    elsewhere, an .npz (benchmark.proof.compare_with_file). `accept`: take an oracle that answers otherwise than its
    source. `images`: how many a parity run shows, at most.
    """

    source: str
    wishes: Wishes = field(default_factory=Wishes)
    card: DroppedCard = field(default_factory=DroppedCard)
    reference: Path | None = None
    accept: bool = False
    images: int = IMAGES


def convert_to_oracle(order: Order, out: Path, places: Places, say: Say) -> Card:
    """Convert the order's source and write the oracle file `out`; returns its card.

    Raises ConversionRefused, OracleRefused, Refused; ParityFailed when fewer than 99.9 % of the labels agree with the
    source's and the order does not accept it. Nothing is written then.
    """
    framework, source = recognise(find(order.source))
    say(f"{framework.name}: {source.text}")
    conversion = framework.converter()(source, order.wishes)
    conversion = _with_mean_image(conversion, order.wishes.mean)
    sealed = seal_conversion(conversion, order.card, out.stem)
    card, problem = sealed.card, sealed.card.problem
    session = open_session(sealed.model, device="cpu", lent=sealed.lent)
    tdd = None if problem is None else _test_set(problem, card, places, say)
    if problem is not None and "classes" in card.preprocessing.assumed:  # still assumed, but no longer numbers
        card = card.model_copy(update={"classes": load_problem(problem).classes})
    parity = _prove(order, conversion, (session, card), tdd, places, say)
    updates: dict[str, Any] = {"parity": parity, "unverified": None if parity else _why(conversion)}
    if tdd is not None and problem is not None:
        served_N, _ = answers(session, _fitting(tdd, card), card.batch)
        updates["measured"] = (measure(served_N, problem, len(card.classes), tdd),)
    card = Card.model_validate({**card.model_dump(), **updates})
    contract.write_card(sealed.model, card)
    write(sealed.model, out, sealed.lent)
    return card


def seal_conversion(conversion: Conversion, said: DroppedCard, name: str, **extra: Any) -> Sealed:
    """The oracle file of a conversion, in memory; `said` is stronger than the source's files, they than custom.

    `extra`: further fields of CardExtras. Raises OracleRefused.
    """
    keys = {key: getattr(said, key) for key in said.said()}
    silent = set(keys)
    if silent & {"range", "scale"}:  # they exclude each other, and what was said wins
        silent |= {"range", "scale"}
    stated = {key: value for key, value in conversion.stated.items() if key not in silent}
    silent |= {"range", "scale"} if set(stated) & {"range", "scale"} else set()
    guessed = {key: value for key, value in conversion.assumed.items() if key not in silent | set(stated)}
    known = {**guessed, **stated}
    card = DroppedCard.model_validate({"framework": conversion.framework, **known, **keys})
    files = tuple(SourceFile(name=f.name, sha256=digest_file(f), bytes=f.stat().st_size) for f in conversion.files)
    notes = tuple(
        conversion.advice.get(key, f"{key} is assumed: {_shown(value)}") for key, value in guessed.items()
    ) + tuple(text for key, text in conversion.advice.items() if key not in silent | set(known))
    extras = CardExtras(
        mean_image=conversion.mean_image, warnings=(*conversion.notes, *notes), lent=conversion.lent, **extra
    )
    try:
        sealed = seal_closely(conversion.model, card, name, files=files, extra=extras)
    except NotAnImage as refusal:
        raise SourceIncomplete(f"{name}: {refusal} (or --size)") from refusal
    how = sealed.card.preprocessing
    assumed = (*how.assumed, *(key for key in guessed if key in type(how).model_fields))
    how = how.model_copy(update={"declared": tuple(key for key in how.declared if key in keys), "assumed": assumed})
    made = sealed.card.model_copy(update={"preprocessing": how})
    contract.write_card(sealed.model, made)
    return Sealed(sealed.model, made, sealed.findings, sealed.lent)


def _with_mean_image(conversion: Conversion, file: Path | None) -> Conversion:
    """With the user's mean image, for a framework that has no format of its own for one. Raises CardRefused."""
    if file is None or conversion.mean_image is not None:
        return conversion
    return replace(conversion, mean_image=read_mean_image(file.parent, file.name))


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _test_set(problem: str, card: Card, places: Places, say: Say) -> Stack | None:
    """The problem's TDD; None where its data are missing. Raises Mismatch for another number of classes."""
    known = load_problem(problem)
    if len(known.classes) != len(card.classes):
        raise Mismatch(
            f"{card.name}: {len(card.classes)} scores, but problem {known.name} has {len(known.classes)} classes. "
            "Name the right problem with --problem."
        )
    try:
        return open_role(known, "tdd", places, say)
    except DataMissing as refusal:
        say(f"note: not measured: {refusal}")
        return None


def _fitting(tdd: Stack, card: Card) -> np.ndarray:
    return resized(np.asarray(tdd.images_NHWC), card.preprocessing.size)


def _prove(
    order: Order, conversion: Conversion, oracle: tuple[Session, Card], tdd: Stack | None, places: Places, say: Say
) -> Parity | None:
    session, card = oracle
    if order.reference is not None:
        return judged(*compare_with_file(session, card, order.reference), accept=order.accept)
    if conversion.reference is None:
        say(f"note: {_why(conversion)}")
        return None
    size = card.preprocessing.size
    shown = mixed_images(tdd, natural_images(size, order.images, places, say), size, order.images)
    trial = Trial(
        session, card, conversion.reference, conversion.model, _as_nhwc(conversion.mean_image, card), conversion.lent
    )
    parity, agreement = run_parity(trial, Images(shown.images_NHWC[: order.images], shown.source))
    return judged(parity, agreement, accept=order.accept)


def _as_nhwc(mean_image: np.ndarray | None, card: Card) -> np.ndarray | None:
    how = card.preprocessing
    return None if mean_image is None else fitting_mean_image(mean_image, how.size, how.channels)


def _why(conversion: Conversion) -> str:
    return f"unverified: {conversion.unverified or 'the source gave no way to run it'}"
