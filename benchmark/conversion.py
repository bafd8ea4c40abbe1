"""A model of any framework becomes an oracle file: converted, sealed, compared with its source, measured, written."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.images.stack import Stack
from benchmark.order import Order
from benchmark.places import Places
from benchmark.problems import Problem, load_problem, open_role
from benchmark.proof import (
    Images,
    Trial,
    answers,
    cautions,
    compare_with_file,
    judged,
    measure,
    mixed_images,
    natural_images,
    run_parity,
)
from benchmark.provenance import digest_file
from benchmark.refusals import DataMissing, EnvironmentRefused, Mismatch, Refused
from converters.caffe.mean import read_mean
from converters.conversion import Conversion
from converters.refusals import OptionUnheard, SourceIncomplete
from converters.registry import find, recognise
from oracles import contract
from oracles.card import Card, DroppedCard, Measured, Parity, SourceFile
from oracles.intake import read_mean_image
from oracles.preprocessing import fitting_mean_image
from oracles.refusals import CardRefused, NotAnImage
from oracles.runtime import Session, open_session
from oracles.seal import CardExtras, Sealed, seal_closely, write
from oracles.server import resized

Say = Callable[[str], None]

_OPTIONS = {
    "write range = [low, high] into the card": "say --range LOW HIGH --replace",
    "write size = [height, width] into the card": "say --size HEIGHT WIDTH --replace",
    "write layout into the card": 'write layout = "nchw" or "nhwc" into a file and say --card FILE --replace',
    "write channels into the card": "write channels = 1 or 3 into a file and say --card FILE --replace",
}


def convert_to_oracle(order: Order, out: Path, places: Places, say: Say) -> Card:
    """Convert the order's source and write the oracle file `out`; returns its card.

    Raises ConversionRefused, OracleRefused, Refused; ParityFailed when fewer than 99.9 % of the labels agree with the
    source's and the order does not accept it. Nothing is written then.
    """
    refuse_place(out, order.replace)
    framework, source = recognise(find(order.source))
    say(f"{framework.name}: {source.text}")
    framework.refuse_unheard(source, order.wishes)
    said, named = _with_problem(order.card)
    conversion = framework.converter()(source, order.wishes)
    if any(file.exists() and out.exists() and file.samefile(out) for file in conversion.files):
        raise Refused(f"{out}: this is the source itself. Name another file with -o.")
    conversion = _with_mean_image(conversion, order.wishes.mean)
    sealed = seal_conversion(conversion, said, out.stem)
    card = sealed.card
    problem = named or (load_problem(card.problem) if card.problem else None)
    if said.order is not None and card.preprocessing.channels == 1:
        raise OptionUnheard(
            f"--channels {said.order} means nothing to this {framework.name} model, which takes grey images;"
            " leave it out"
        )
    session = open_session(sealed.model, device="cpu", lent=sealed.lent)
    tdd = None if problem is None else _test_set(problem, card, places, say)
    if problem is not None and "classes" in card.preprocessing.assumed:  # still assumed, but no longer numbers
        card = card.model_copy(update={"classes": problem.classes})
    parity, doubts = _prove(order, conversion, (session, card), tdd, places, say)
    updates: dict[str, Any] = {"parity": parity, "unverified": None if parity else _why(conversion)}
    if tdd is not None and problem is not None:
        served_N, _ = answers(session, _fitting(tdd, card), card.batch)
        measured = measure(served_N, problem.name, len(card.classes), tdd)
        updates["measured"] = (measured,)
        doubts += _by_chance(measured, len(card.classes))
    updates["warnings"] = (*map(_as_options, card.warnings), *doubts)
    card = Card.model_validate({**card.model_dump(), **updates})
    contract.write_card(sealed.model, card)
    write(sealed.model, out, sealed.lent)
    return card


def _as_options(warning: str) -> str:
    """A warning of sealing, its way out said in options of `convert`: a converted oracle has no card beside it."""
    for card, options in _OPTIONS.items():
        warning = warning.replace(card, options)
    return warning


def _with_problem(said: DroppedCard) -> tuple[DroppedCard, Problem | None]:
    """What is said, its problem called by its name also where its file was given; and that problem.

    Raises UnknownName, BadToml.
    """
    if said.problem is None:
        return said, None
    problem = load_problem(said.problem)
    return said.model_copy(update={"problem": problem.name}), problem


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
    _refuse_half_said(keys, known)
    card = DroppedCard.model_validate({"framework": conversion.framework, **known, **keys})
    files = tuple(SourceFile(name=f.name, sha256=digest_file(f), bytes=f.stat().st_size) for f in conversion.files)
    notes = tuple(
        conversion.advice.get(key, f"{key} is assumed: {_shown(value)}") for key, value in guessed.items()
    ) + tuple(text for key, text in conversion.advice.items() if key not in silent | set(known))
    extras = CardExtras(
        mean_image=conversion.mean_image, warnings=notes, notes=conversion.notes, lent=conversion.lent, **extra
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


def _refuse_half_said(said: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """A mean belongs to its scale: one of the user's beside one of the files' would be another preprocessing than both.

    `known`: what files and custom say of keys that the user does not. Raises CardRefused.
    """
    scaled = {"range", "scale"}
    ours = {"scale" if key in scaled else key for key in said if key in {*scaled, "mean", "std"}}
    nothing = {"range": (0.0, 255.0), "scale": 1.0}
    theirs = {
        key: value
        for key, value in known.items()
        if key in {*scaled, "mean", "std"}
        and ("scale" if key in scaled else key) not in ours
        and nothing.get(key) != value
    }
    if ours and theirs:
        listed = ", ".join(f"{key} {_shown(value)}" for key, value in theirs.items())
        raise CardRefused(
            f"{', '.join(sorted(ours))} is said, but the files (or custom) say {listed}, which belongs to their own;"
            f" say {' and '.join(f'--{key}' for key in theirs)} as well"
        )


def _with_mean_image(conversion: Conversion, file: Path | None) -> Conversion:
    """With the user's mean image, for a framework that has no format of its own for one, in place of any other mean.

    Raises CardRefused, SourceDamaged.
    """
    if file is None or conversion.mean_image is not None:
        return conversion
    caffe = file.suffix.lower() in (".binaryproto", ".mean")
    return replace(
        conversion,
        mean_image=read_mean(file) if caffe else read_mean_image(file.parent, file.name),
        stated={key: value for key, value in conversion.stated.items() if key != "mean"},
        assumed={key: value for key, value in conversion.assumed.items() if key != "mean"},
    )


def refuse_place(out: Path, replaced: bool) -> None:
    """Raise Refused for a place where no oracle file can or should be written; before any work is done."""
    if out.suffix != ".onnx":
        raise Refused(f"{out}: an oracle file is called NAME.onnx; only such files are found in scanned folders.")
    if out.is_dir():
        raise Refused(f"{out}: is a folder. Name a file in it with -o.")
    if not out.absolute().parent.is_dir():
        raise Refused(f"{out.parent}: no such folder. Make it first, or name another with -o.")
    if not os.access(out.absolute().parent, os.W_OK):
        raise EnvironmentRefused(f"{out.parent}: cannot be written to. Name another folder with -o.")
    if out.exists() and not replaced:
        raise Refused(f"{out}: is there already. Name another file, or say --replace.")


def _by_chance(measured: Measured, classes: int) -> tuple[str, ...]:
    """A warning for scores that a model with the right preprocessing would hardly have."""
    if measured.accuracy > min(1.5 / classes, 1 / classes + 0.1):
        return ()
    advice = "check order, range, mean, size and the order of the classes"
    return (f"accuracy {measured.accuracy:.3f} on {measured.problem} is hardly above chance: {advice}",)


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _test_set(known: Problem, card: Card, places: Places, say: Say) -> Stack | None:
    """The problem's TDD; None where its data are missing. Raises Mismatch for another number of classes."""
    if len(known.classes) != len(card.classes):
        raise Mismatch(
            f"{card.name}: {len(card.classes)} scores, but problem {known.name} has {len(known.classes)} classes. "
            "Name the right problem with --problem."
        )
    _refuse_other_order(card, known)
    try:
        return open_role(known, "tdd", places, say)
    except DataMissing as refusal:
        say(f"note: not measured: {refusal}")
        return None


def _refuse_other_order(card: Card, problem: Problem) -> None:
    """Labels are numbers: the problem's names in another order would score every image wrong."""
    if "classes" in card.preprocessing.assumed or card.classes == problem.classes:
        return
    if sorted(card.classes) == sorted(problem.classes):
        raise Mismatch(
            f"{card.name}: its classes are those of problem {problem.name} in another order (0 is {card.classes[0]},"
            f" there {problem.classes[0]}). Write a problem with the model's order, or name the classes with --classes."
        )


def _fitting(tdd: Stack, card: Card) -> np.ndarray:
    return resized(np.asarray(tdd.images_NHWC), card.preprocessing.size)


def _prove(
    order: Order, conversion: Conversion, oracle: tuple[Session, Card], tdd: Stack | None, places: Places, say: Say
) -> tuple[Parity | None, tuple[str, ...]]:
    """The parity run's result for the card, None where there was none, and what to think of it."""
    session, card = oracle
    if order.reference is not None:
        parity, agreement = compare_with_file(session, card, order.reference)
        return judged(parity, agreement, accept=order.accept), cautions(agreement)
    if conversion.reference is None:
        say(f"note: {_why(conversion)}")
        return None, ()
    size = card.preprocessing.size
    shown = mixed_images(tdd, natural_images(size, order.images, places, say), size, order.images)
    trial = Trial(
        session,
        card,
        conversion.reference,
        conversion.model,
        _as_nhwc(conversion.mean_image, card),
        conversion.lent,
        conversion.witnesses,
    )
    wanted = Images(shown.images_NHWC[: order.images], shown.source)
    say(f"parity run: source and oracle answer {len(wanted.images_NHWC):,} images, for a minute at most")
    parity, agreement = run_parity(trial, wanted, say=say)
    if agreement.images < len(wanted.images_NHWC):
        say(
            f"note: the parity run was ended after a minute and {agreement.images:,} of {len(wanted.images_NHWC):,}"
            " images; --images N asks for fewer"
        )
    return judged(parity, agreement, accept=order.accept), cautions(agreement)


def _as_nhwc(mean_image: np.ndarray | None, card: Card) -> np.ndarray | None:
    how = card.preprocessing
    return None if mean_image is None else fitting_mean_image(mean_image, how.size, how.channels)


def _why(conversion: Conversion) -> str:
    return f"unverified: {conversion.unverified or 'the source gave no way to run it'}"
