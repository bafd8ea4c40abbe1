"""Whether an oracle and a problem fit each other."""

from benchmark.problems import Problem
from benchmark.refusals import Mismatch
from benchmark.shelf import Shelved


def check_fit(shelved: Shelved, problem: Problem) -> None:
    """Refuse an oracle whose classes are not those of the problem. Raises Mismatch with the way out."""
    card, file = shelved.card, shelved.origin.name
    if len(card.classes) != len(problem.classes):
        raise Mismatch(
            f"{file}: {len(card.classes)} classes, but problem {problem.name} has {len(problem.classes)}. "
            f"Name the right problem in {shelved.origin.stem}.toml."
        )
    if set(card.classes) == set(problem.classes) and tuple(card.classes) != problem.classes:
        place = next(i for i, pair in enumerate(zip(card.classes, problem.classes, strict=True)) if pair[0] != pair[1])
        raise Mismatch(
            f"{file}: its classes are those of problem {problem.name} in another order (class {place} is "
            f"{card.classes[place]!r}, not {problem.classes[place]!r}). Write a problem file with the oracle's order."
        )
