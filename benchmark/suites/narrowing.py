"""Filters such as `copycat=vgg16`: a suite with some axes cut down."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmark.cell import REGIMES
from benchmark.refusals import Refused, UnknownName
from benchmark.suites.axes import AXES, Part
from benchmark.suites.suite import Suite, changed, checked

_OF_POOLS = {"pools", "attacks", "budgets"}
"""Axes that only regimes that ask images of a pool have: no value of them cuts away the others."""


def narrow(suite: Suite, only: Sequence[str] = (), *, oracles: Iterable[str] | None = None) -> Suite:
    """The suite with some axes cut down, from filters such as `problem=digits10` or `copycat=vgg16,copycat=alexnet`.

    Values of one axis add up; axes cut each other; a part that has none of the values is left out. A share is a value
    of the axis budget (`budget=1/3`). Where the suite leaves its oracles open, `oracles` names those that are there;
    without it any name passes, to be refused by who opens it.
    Raises UnknownName for an axis or a value that the suite does not have, Refused where no part is left.
    """
    wanted: dict[str, list[str]] = {}
    for part in (part for text in only for part in text.split(",")):
        axis, equals, value = (piece.strip() for piece in part.partition("="))
        if axis not in AXES or not equals:
            raise UnknownName("axis", axis, AXES)
        known = _values(suite, AXES[axis]) if AXES[axis] != "oracles" or suite.oracles else oracles
        if known is not None and value not in set(map(str, known)):
            raise UnknownName(axis, value, map(str, known))
        wanted.setdefault(AXES[axis], []).append(value)
    if not suite.part:
        return changed(suite, **_kept(suite, wanted))
    parts = [cut for cut in (_cut(part, wanted) for part in suite.part) if cut]
    if not parts:
        raise Refused(f"suite {suite.name}: no part of it has all of {', '.join(only)}. Check --only.")
    return checked(suite, {**suite.model_dump(), "part": parts})


def _cut(part: Part, wanted: Mapping[str, list[str]]) -> dict[str, Any] | None:
    """What is left of a part; None when that is nothing."""
    said, kept = part.model_dump(), _kept(part, wanted)
    lost = {axis for axis in wanted if not (kept[axis] or (axis == "budgets" and kept["budget_shares"]))}
    if not lost:
        return {**said, **kept}
    rest = {axis: values for axis, values in kept.items() if axis not in lost}
    regimes = [name for name in rest.get("regimes", said["regimes"]) if not REGIMES[name].asks_npdd]
    return {**said, **rest, "regimes": regimes} if regimes and lost <= _OF_POOLS else None


def _kept(of: Suite | Part, wanted: Mapping[str, list[str]]) -> dict[str, Any]:
    """The wanted values as a suite or part has them (numbers as numbers), in its order and once."""
    kept: dict[str, Any] = {}
    for axis, given in wanted.items():
        for key in (axis, "budget_shares") if axis == "budgets" else (axis,):
            values = getattr(of, key)
            kept[key] = list(dict.fromkeys(given)) if values is None else [one for one in values if str(one) in given]
    return kept


def _values(suite: Suite, axis: str) -> tuple[Any, ...]:
    shares = suite.budget_shares if axis == "budgets" else ()
    return (*getattr(suite, axis), *shares)
