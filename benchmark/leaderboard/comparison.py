"""Whether a difference between two selections of records is real: paired by setting, seed and test image."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark.intervals import Estimate, Interval
from benchmark.leaderboard.played import Played
from benchmark.measures import Measured, difference, over_seeds, over_settings
from benchmark.refusals import DataMissing, Refused, UnknownName

AXES = (
    "problem",
    "oracle",
    "pool",
    "attack",
    "regime",
    "balance",
    "copycat",
    "pretrained",
    "recipe",
    "budget",
    "pdd_budget",
)
"""What a row of a leaderboard is made of, and what a selection may name."""

SURE = 0.05

Verdict = Literal["higher", "lower", "not told apart", "one seed"]
Row = dict[int, Played]  # seed -> its record
Pairs = dict[int, tuple[Measured, Measured]]  # seed -> what both sides measured
FILES = ("problem", "oracle", "pool", "recipe")


@dataclass(frozen=True)
class Pair:
    """One setting that both sides have: their means over the seeds in common, and how far they are apart."""

    setting: str  # the axes that no side names
    one: Interval
    other: Interval
    apart: Estimate  # other minus one
    probability: float | None  # of so large a difference by chance; over several settings by Holm's method

    @property
    def verdict(self) -> Verdict:
        """Of the other side against the first one."""
        return _verdict(self.apart, self.probability)


@dataclass(frozen=True)
class Comparison:
    """All pairs, and the difference over them together."""

    measure: str
    selections: tuple[str, str]
    pairs: tuple[Pair, ...]
    apart: Estimate
    probability: float | None
    unpaired: tuple[str, ...]  # settings that one side lacks

    @property
    def verdict(self) -> Verdict:
        """Of the other side against the first one, over all settings."""
        return _verdict(self.apart, self.probability)

    @property
    def verdicts(self) -> frozenset[Verdict]:
        """Over all settings, and of each of them."""
        return frozenset((self.verdict, *(pair.verdict for pair in self.pairs)))


@dataclass(frozen=True)
class Side:
    """The done records of one selection by setting."""

    text: str
    named: frozenset[str]  # the axes that it fixes
    plays: tuple[Played, ...]

    def uses(self, axis: str) -> bool:
        """Whether any of its regimes has that axis: what one side does without is not the same on both."""
        return any(_shown(play, axis) for play in self.plays) or axis in {"balance", "pretrained"}

    def rows(self, free: Sequence[str]) -> dict[str, Row]:
        """Setting -> seed -> record; raises Refused where a setting holds several rows."""
        rows: dict[str, Row] = {}
        for play in self.plays:
            setting = " · ".join(_shown(play, axis) for axis in free if _shown(play, axis))
            row = rows.setdefault(setting, {})
            twin = row.setdefault(play.cell.seed, play)
            first = next(iter(row.values()))
            if twin is not play or _made_of(first) != _made_of(play):
                twin = twin if twin is not play else first
                differ = [axis for axis in AXES if getattr(twin.cell, axis) != getattr(play.cell, axis)]
                way_out = (
                    f"Name {', '.join(differ)}, too" if differ else "Give the beginning of a cell's digest instead"
                )
                raise Refused(f"{self.text!r} holds several rows of {setting or 'one setting'}. {way_out}.")
        return rows


def compare(
    one: Iterable[Played], other: Iterable[Played], selections: tuple[str, str], measure: str = "relative"
) -> Comparison:
    """How much higher the second selection stands than the first, on the same settings, seeds and test images.

    A selection names axes (`copycat=resnet18,budget=5000`; empty: all) or begins a cell's digest, which stands for its
    row. Settings are paired by the axes that neither names; only seeds that are done on both sides count.
    Raises UnknownName for another axis, DataMissing where nothing is selected or pairs, Refused where a selection holds
    several rows of a setting, the test images differ or both select the same rows.
    """
    sides = [_side(plays, text) for plays, text in zip((one, other), selections, strict=True)]
    free = [axis for axis in AXES if all(axis not in side.named and side.uses(axis) for side in sides)]
    first, second = (side.rows(free) for side in sides)
    _refuse_the_same(sides)
    measures = {
        setting: found
        for setting in sorted(first.keys() & second.keys())
        if (found := _paired(first[setting], second[setting], measure, setting, free))
    }
    if not measures:
        raise DataMissing(
            f"{selections[0]!r} and {selections[1]!r} have no setting in common that is done on both sides. "
            "Run both over the same suite, or name other axes."
        )
    by_test_set: dict[str, list[list[Measured]]] = {}
    seeds = set.intersection(*(set(found) for found in measures.values()))
    for setting, found in measures.items():
        tdd = next(iter(first[setting].values())).cell.tdd_digest or ""
        by_test_set.setdefault(tdd, []).append([difference(*found[seed][::-1]) for seed in sorted(seeds)])
    if not seeds:
        raise DataMissing("the settings have no seed in common. Run the suite to its end, or name other axes.")
    apart = over_settings(by_test_set)
    return Comparison(
        measure=measure,
        selections=selections,
        pairs=tuple(_pairs(measures)),
        apart=apart,
        probability=apart.probability(),
        unpaired=tuple(sorted((first.keys() | second.keys()) - measures.keys())),
    )


def _refuse_the_same(sides: Sequence[Side]) -> None:
    """Nothing is learnt from records beside themselves; the same cells played elsewhere are other records."""
    one, other = ({id(play) for play in side.plays} for side in sides)
    if one == other:
        raise Refused(
            f"{sides[0].text!r} and {sides[1].text!r} select the same rows (a digest stands for all seeds of its row). "
            "Name two rows, such as copycat=small_vgg and copycat=resnet18."
        )


def _side(plays: Iterable[Played], text: str) -> Side:
    """The done records that a selection is about."""
    done = [play for play in plays if play.figures]
    if text and "=" not in text:
        rows = [_made_of(play) for play in done if play.cell.digest.startswith(text.lower())]
        found, named = [play for play in done if _made_of(play) in rows], frozenset(AXES)
    else:
        wanted = _wanted(text)
        found = [play for play in done if all(str(getattr(play.cell, axis)) in wanted[axis] for axis in wanted)]
        named = frozenset(wanted)
    if not found:
        raise DataMissing(f"{text!r}: no done record fits. See what there is: python -m benchmark record --list")
    return Side(text or "all", named, tuple(found))


def _made_of(play: Played) -> tuple[object, ...]:
    """All that the cells of one row share."""
    return tuple(value for name, value in play.cell if name != "seed")


def _wanted(text: str) -> dict[str, set[str]]:
    wanted: dict[str, set[str]] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        axis, _, value = (piece.strip() for piece in part.partition("="))
        if axis not in AXES:
            raise UnknownName("axis", axis, AXES)
        wanted.setdefault(axis, set()).add(value.replace("_", "") if axis.endswith("budget") else value)
    return wanted


def _shown(play: Played, axis: str) -> str:
    """The value of an axis that the cell uses, as a reader knows it."""
    value = getattr(play.cell, axis)
    if axis in {"budget", "pdd_budget"}:
        return f"{axis.replace('_', ' ')} {value:,}" if value else ""
    return "" if value in {None, "none", "never"} else str(value)


def _paired(one: Row, other: Row, measure: str, setting: str, free: Sequence[str]) -> Pairs:
    """The seeds that both sides have, with the measure of each.

    Raises Refused for other test images, and where something that nobody named is another file on the other side.
    """
    found = {}
    for seed in sorted(one.keys() & other.keys()):
        mine, yours = one[seed], other[seed]
        for what in ("tdd", *(axis for axis in free if axis in FILES)):
            digests = [getattr(play.cell, f"{what}_digest") or "" for play in (mine, yours)]
            if digests[0] != digests[1]:
                named = "the test images differ" if what == "tdd" else f"the {what} of that name is another one"
                way_out = "" if what == "tdd" else f", or name {what}= on both sides"
                raise Refused(
                    f"{setting or 'both sides'}: {named} ({digests[0][:8]}, {digests[1][:8]}), so nothing can be "
                    f"paired. Run both with the same files{way_out}."
                )
        if mine.figures and yours.figures and measure in mine.figures.measures and measure in yours.figures.measures:
            found[seed] = (mine.figures.measures[measure], yours.figures.measures[measure])
    return found


def _pairs(measures: dict[str, Pairs]) -> list[Pair]:
    estimates = [over_seeds([difference(yours, mine) for mine, yours in found.values()]) for found in measures.values()]
    probabilities = holm([apart.probability() for apart in estimates])
    return [
        Pair(
            setting,
            over_seeds([mine for mine, _ in found.values()]).interval(),
            over_seeds([yours for _, yours in found.values()]).interval(),
            apart,
            probability,
        )
        for (setting, found), apart, probability in zip(measures.items(), estimates, probabilities, strict=True)
    ]


def holm(probabilities: Sequence[float | None]) -> list[float | None]:
    """Probabilities of several tests adjusted so that one false finding among all stays as rare as said (Holm 1979)."""
    order = sorted((value, place) for place, value in enumerate(probabilities) if value is not None)
    adjusted: list[float | None] = [None] * len(probabilities)
    highest = 0.0
    for rank, (value, place) in enumerate(order):
        highest = max(highest, min(1.0, value * (len(order) - rank)))
        adjusted[place] = highest
    return adjusted


def _verdict(apart: Estimate, probability: float | None) -> Verdict:
    if probability is None:
        return "one seed"
    if probability >= SURE:
        return "not told apart"
    return "higher" if apart.mean > 0 else "lower"
