"""Rows: the cells that differ in nothing but their seed, with means where every seed is done, and their ranks."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any, Literal

from benchmark.cell import REGIMES, Cell, digest_of
from benchmark.intervals import Interval, ranks
from benchmark.leaderboard.fitting import Fit
from benchmark.leaderboard.played import Figures, Played
from benchmark.leaderboard.published import beside
from benchmark.measures import Measured, over_seeds

State = Literal["done", "incomplete", "failed", "missing data", "not run"]

BASELINES = "baselines, not ranked"


@dataclass
class Line:
    """The cells of one row while records come in: seed -> its record, None where it was not run."""

    cell: Cell  # any of them
    seeds: dict[int, Played | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Hole:
    """Why some seeds of a row have no result."""

    word: str  # failed, crashed, missing data, not run
    sentence: str
    records: tuple[str, ...]  # the first digits of their cells' digests


@dataclass(frozen=True)
class Silent:
    """A class of the test set that the copycats of some seeds never say."""

    name: str
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One line of a table. Means stand only where every seed is done."""

    group: str  # what the attacker has; only rows of one group are ranked together
    rank: str | None
    copycat: str
    variant: str | None  # tells rows apart whose names are the same but not their data, recipe or weights
    regime: str
    budget: int
    pdd_budget: int
    attack: str | None
    balance: str
    recipe: str | None
    pretrained: str  # the tag of the weights, or "none"
    state: State
    seeds_done: int
    seeds: int
    records: tuple[tuple[int, str], ...]  # seed and cell digest of every record, also of those that gave nothing
    target_macro_f1: float | None
    macro_f1: Interval | None
    relative: Interval | None  # None also where the target's macro-F1 is 0
    agreement: Interval | None
    accuracy: Interval | None
    mean_recall: Interval | None
    silent: tuple[Silent, ...]  # classes that a trained copycat never says
    asked: int | None
    cost: float | None
    image_passes: int | None  # images that the copycat went through in training: its compute, on any machine
    holes: tuple[Hole, ...]
    relative_by_seed: Mapping[int, Measured] = field(repr=False)  # as far as they are done
    recipe_digest: str | None = None
    alone_first: bool = False  # whether no other row under its heading can be as good, all of them being done
    published: Fit | None = None  # None where nothing is published for the problem


def make_rows(lines: Iterable[Line]) -> tuple[Row, ...]:
    """The rows of a table: groups by what the attacker has, in each the ranked rows first, the baselines last."""
    groups: dict[tuple[bool, ...], list[Row]] = {}
    for line in lines:
        key = _group(line)
        groups.setdefault(key, []).append(_row(line, _label(key)))
    groups = {key: _told_apart(rows) for key, rows in groups.items()}
    return tuple(row for key in sorted(groups) for row in _ranked(groups[key], baselines=key[0]))


def _told_apart(rows: list[Row]) -> list[Row]:
    """Rows keep their variant only where another one has the same names."""
    names = Counter(_order(row) for row in rows)
    return [row if names[_order(row)] > 1 else replace(row, variant=None) for row in rows]


def _group(line: Line) -> tuple[bool, bool, bool]:
    """(baseline, starts from pretrained weights, holds images of the domain)."""
    regime = REGIMES[line.cell.regime]
    if not regime.ranked:
        return (True, False, False)
    return (False, _pretrained(line) != "none", regime.asks_pdd)


def _label(key: tuple[bool, ...]) -> str:
    baseline, pretrained, domain = key
    if baseline:
        return BASELINES
    images = "holds images of the domain" if domain else "holds natural images only"
    return f"attacker {images}{', starts from pretrained weights' if pretrained else ''}"


def _pretrained(line: Line) -> str:
    tags = {play.figures.pretrained for play in line.seeds.values() if play and play.figures}
    if tags:
        return ", ".join(sorted(tags))
    return "none" if line.cell.weights_digest is None else f"weights {line.cell.weights_digest[:8]}"


def _row(line: Line, group: str) -> Row:
    cell, total = line.cell, len(line.seeds)
    done = {seed: play.figures for seed, play in sorted(line.seeds.items()) if play is not None and play.figures}
    figures = list(done.values()) if len(done) == total else []
    relative = {seed: each.measures["relative"] for seed, each in done.items() if "relative" in each.measures}
    return Row(
        group=group,
        rank=None,
        copycat=cell.copycat,
        variant=digest_of([value for name, value in cell if name.endswith("_digest")])[:6],
        regime=cell.regime,
        budget=cell.budget,
        pdd_budget=cell.pdd_budget,
        attack=cell.attack,
        balance=cell.balance,
        recipe=cell.recipe,
        pretrained=_pretrained(line),
        state=_state(line, len(done)),
        seeds_done=len(done),
        seeds=total,
        records=tuple((seed, play.digest) for seed, play in sorted(line.seeds.items()) if play is not None),
        target_macro_f1=fmean(each.target_macro_f1 for each in figures) if figures else None,
        macro_f1=_interval(figures, "macro_f1"),
        relative=_interval(figures, "relative"),
        agreement=_interval(figures, "agreement"),
        accuracy=_interval(figures, "accuracy"),
        mean_recall=_interval(figures, "mean_recall"),
        silent=_silent(line) if REGIMES[cell.regime].trains else (),
        asked=max((each.asked for each in figures), default=None),
        cost=max((each.cost for each in figures), default=None),
        image_passes=max((each.image_passes for each in figures if each.image_passes is not None), default=None),
        holes=_holes(line),
        relative_by_seed=relative,
        recipe_digest=cell.recipe_digest,
        published=beside(cell, [play for play in line.seeds.values() if play]),
    )


def _interval(figures: Sequence[Figures], measure: str) -> Interval | None:
    seeds = [each.measures[measure] for each in figures if measure in each.measures]
    return over_seeds(seeds).interval() if seeds and len(seeds) == len(figures) else None


def _silent(line: Line) -> tuple[Silent, ...]:
    found: dict[str, list[int]] = {}
    for seed, play in sorted(line.seeds.items()):
        if play and play.figures:
            for label in play.figures.silent:
                found.setdefault(play.classes[label], []).append(seed)
    return tuple(Silent(name, tuple(seeds)) for name, seeds in found.items())


def _state(line: Line, done: int) -> State:
    """Three words for holes; "incomplete" where the seeds differ, which `why` then takes apart."""
    if done == len(line.seeds):
        return "done"
    words = {_word(play) for play in line.seeds.values()}
    return words.pop() if len(words) == 1 else "incomplete"


def _word(play: Played | None) -> State:
    if play is None:
        return "not run"
    words: dict[str, State] = {"done": "done", "data missing": "missing data"}
    return words.get(play.status, "failed")


def _holes(line: Line) -> tuple[Hole, ...]:
    """What became of the seeds that are not done, the same sentence once."""
    found: dict[tuple[str, str], list[str]] = {}
    for _, play in sorted(line.seeds.items()):
        if play is not None and play.why is not None:
            word = "crashed" if play.status == "crashed" else _word(play)
            found.setdefault((word, play.why), []).append(play.name)
    absent = sum(play is None for play in line.seeds.values())
    holes = [Hole(word, sentence, tuple(names)) for (word, sentence), names in found.items()]
    if 0 < absent < len(line.seeds):
        holes.append(Hole("not run", f"{absent} of {len(line.seeds)} seeds", ()))
    return tuple(holes)


def _ranked(rows: list[Row], *, baselines: bool) -> list[Row]:
    """Rows with a mean by rank, then by mean; the others after them."""
    rows = sorted(rows, key=lambda row: (*_order(row), row.variant or ""))
    if baselines:
        return rows
    found = [(row, row.relative) for row in rows if row.relative is not None]
    order = ranks([relative for _, relative in found])
    certain = len(found) == len(rows) > 1 and all(relative.half is not None for _, relative in found)
    ranked = [
        replace(row, rank=rank, alone_first=certain and rank == "1")
        for (row, _), rank in zip(found, order, strict=True)
    ]
    ranked.sort(key=lambda row: (int((row.rank or "0").rstrip("=")), -(row.relative.mean if row.relative else 0)))
    return [*ranked, *(row for row in rows if row.relative is None)]


def _order(row: Row) -> tuple[Any, ...]:
    names = (row.copycat, row.attack or "", row.balance, row.recipe or "", row.pretrained)
    return (list(REGIMES).index(row.regime), -row.budget, -row.pdd_budget, *names)
