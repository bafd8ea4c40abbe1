"""Which oracles are attacked on a problem's images: those with its classes whose target saw images of that kind.

What holds of targets holds of the ODD, which stands for the training set of each of them.

A target trained on drawn images is no target for photographs, nor the other way round: its score there would say that
the images differ, and what is stolen from it would be compared with that. What a card says of its training decides.
"""

import re
from collections.abc import Iterator, Mapping

from benchmark.images.sources import BuiltinSource, IdxSource, NpzSource, Source, TorchvisionSource
from benchmark.images.stack import Stack
from benchmark.problems import Problem
from benchmark.refusals import DataMissing, Mismatch
from benchmark.shelf import Shelf, Shelved


def check_fit(shelved: Shelved, problem: Problem) -> None:
    """Refuse an oracle whose classes are not those of the problem. Raises Mismatch with the way out."""
    card, file = shelved.card, shelved.origin.name
    if len(card.classes) != len(problem.classes):
        raise Mismatch(
            f"{file}: {len(card.classes)} classes, but problem {problem.name} has {len(problem.classes)}. "
            f"Name the right problem in {shelved.origin.stem}.toml, or see: python -m benchmark oracles restrict --help"
        )
    if set(card.classes) == set(problem.classes) and tuple(card.classes) != problem.classes:
        place = next(i for i, pair in enumerate(zip(card.classes, problem.classes, strict=True)) if pair[0] != pair[1])
        raise Mismatch(
            f"{file}: its classes are those of problem {problem.name} in another order (class {place} is "
            f"{card.classes[place]!r}, not {problem.classes[place]!r}). "
            f"Write one in the problem's order: python -m benchmark oracles restrict {file} --problem {problem.name}"
        )


def is_drawn(source: str) -> bool:
    """Whether images that call themselves so were drawn by us."""
    return source.startswith("builtin ")


def other_kind(shelved: Shelved, problem: str, test: Stack | None) -> str | None:
    """Why an oracle is left out because its target saw images of another kind than the TDD; None where it is not."""
    trained_on = shelved.card.trained_on
    if test is None or trained_on is None or is_drawn(trained_on) == is_drawn(test.manifest.source):
        return None
    way_out = (
        "Give a target trained on such images with --oracles, or leave out --data."
        if is_drawn(trained_on)
        else "Name the folder of such images with --data."
    )
    return (
        f"oracle {shelved.name} is left out: its target was trained on {trained_on}, and the TDD of problem {problem} "
        f"is {test.manifest.source}. {way_out}"
    )


def check_training_set(problem: str, odd: Stack, test: Stack | None) -> None:
    """Refuse an ODD of drawn images beside a TDD of others, and the other way round. Raises DataMissing."""
    sources = [stack.manifest.source for stack in (odd, test) if stack is not None]
    if len({is_drawn(source) for source in sources}) > 1:
        raise DataMissing(
            f"problem {problem}: its ODD is left out: no target for a TDD of {sources[1]} was trained on {sources[0]}. "
            "To play odd-ol, put its targets' own training images under --data."
        )


def doubts(problem: Problem, roles: Mapping[str, Stack | None]) -> Iterator[str]:
    """What a reader must know: that roles are part drawn, part not; that the PDD is of the target's training set."""
    test, held = roles.get("tdd"), roles.get("pdd")
    for role, stack in roles.items():
        if stack and test and is_drawn(stack.manifest.source) != is_drawn(test.manifest.source):
            sources = f"{stack.manifest.source} beside a TDD of {test.manifest.source}"
            yield f"problem {problem.name}: drawn and other images in one problem: its {role.upper()} is {sources}"
    if held and _is_training_part(held.manifest.source, problem):
        yield (
            f"problem {problem.name}: its PDD is {held.manifest.source}, which is also named as ODD: this attacker "
            "holds images that the target may have been trained on"
        )


def _is_training_part(source: str, problem: Problem) -> bool:
    """Whether the PDD of that text is of the data set, and the part of it, that the problem names as its ODD."""
    parts = {_part(each) for each in problem.odd} - {None}
    return any(each.text == source and _part(each) in parts for each in problem.pdd)


def _part(source: Source) -> str | None:
    """`cifar10/train`: which part of which data set, in whatever way it is kept; None for drawn images."""
    match source:
        case BuiltinSource():
            return None
        case TorchvisionSource():
            name = f"{source.dataset} {source.split}"
        case NpzSource():
            name = f"{source.path} {source.images}"
        case IdxSource():
            name = source.images
        case _:
            name = source.path
    return re.sub(r"[\W_]+", "/", name.lower()).strip("/")


def introduction(shelved: Shelved, problem: Problem) -> Iterator[str]:
    """What a reader of the results must know of an oracle: what was assumed, and whether images are resized."""
    how, classes = shelved.card.preprocessing, shelved.card.classes
    if "classes" not in how.assumed and not set(classes) & set(problem.classes):
        names = f"{classes[0]!r}, {classes[1]!r}, ... where problem {problem.name} says {problem.classes[0]!r}, ..."
        yield f"oracle {shelved.name} calls its classes {names}: check that they mean the same"
    if how.assumed:
        yield f"oracle {shelved.name}: assumed {', '.join(how.assumed)}; see: python -m benchmark oracles inspect"
    if how.size != problem.size:
        sizes = [f"{height} x {width}" for height, width in (how.size, problem.size)]
        yield f"oracle {shelved.name} takes {sizes[0]}, problem {problem.name} has {sizes[1]}: images are resized"


def none_at_hand(problem: str, shelf: Shelf) -> str:
    """That a problem has no oracle, and which are there whose card names no problem."""
    files = [name for name in shelf.files() if name not in shelf.refused]
    homeless = [name for name in files if shelf.open(name).card.problem is None]
    there = f"; no problem is named on the card of {', '.join(homeless)}" if homeless else ""
    return f'problem {problem}: no oracle at hand: none whose card (NAME.toml) says problem = "{problem}"{there}'
