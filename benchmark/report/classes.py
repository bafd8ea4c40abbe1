"""Target against copycat, class by class: F1 of both as a picture and as a table, without intervals.

The seeds of a row share few test images of each class; an interval over the seeds alone would be far too short.
"""

from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup

from benchmark.leaderboard import figures
from benchmark.leaderboard.board import Table
from benchmark.report.chosen import Chosen, speakers, words
from benchmark.report.curves import Numbers
from benchmark.report.looks import Look, Palette
from benchmark.report.svg import join, svg

MOST_CLASSES = 60
"""More lines are no picture any more; then those with the largest gap are shown, and said to be so."""

WIDE, LINE, TOP, FOOT = 640, 22, 8, 34
NAME_LETTERS = 22


@dataclass(frozen=True)
class Compared:
    """One class: F1 of the target and of each copycat (mean over seeds); None where the test set lacks the class."""

    name: str
    target: float | None
    copycats: tuple[float | None, ...]

    @property
    def gap(self) -> float:
        """How far the worst copycat falls behind; -1 where there is nothing to compare."""
        found = [each for each in self.copycats if each is not None]
        return -1.0 if self.target is None or not found else self.target - min(found)


@dataclass(frozen=True)
class PerClass:
    """The classes of one table."""

    names: tuple[str, ...]  # of the copycats, with regime and budget
    looks: tuple[Look, ...]
    picture: Markup
    numbers: Numbers
    note: str


def compare(table: Table, chosen: Chosen, palette: Palette, name: str) -> PerClass | None:
    """Target and the best row of each copycat per class; None where no row is complete. `name` is the HTML id."""
    rows = speakers(table)
    played = [chosen.done(row) for row in rows]
    if not rows or not all(played) or played[0][0].oracle is None:
        return None
    classes = played[0][0].oracle.classes
    targets = played[0][0].target.f1_per_class if played[0][0].target else ()
    columns = [
        [_mean([record.copycat.f1_per_class[label] for record in records if record.copycat]) for records in played]
        for label in range(len(classes))
    ]
    lines = [Compared(*line) for line in zip(classes, targets, map(tuple, columns), strict=True)]
    shown = lines
    if len(lines) > MOST_CLASSES:
        kept = sorted(range(len(lines)), key=lambda at: -lines[at].gap)[:MOST_CLASSES]
        shown = [lines[at] for at in sorted(kept)]
    looks = tuple(palette.look(row.copycat, row.regime) for row in rows)
    names = tuple(words(row) for row in rows)
    note = (
        ""
        if shown is lines
        else f"The {len(shown)} of {len(lines)} classes with the largest gap; all are in the table."
    )
    return PerClass(names, looks, _draw(shown, looks, names, name), _numbers(lines, names), note)


def _mean(values: list[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return fmean(found) if found else None


def _numbers(lines: list[Compared], names: tuple[str, ...]) -> Numbers:
    rows = ((line.name, figures.share(line.target), *map(figures.share, line.copycats)) for line in lines)
    return Numbers(("class", "F1 of the target", *(f"F1 of {name}" for name in names)), tuple(rows))


def _draw(lines: list[Compared], looks: tuple[Look, ...], names: tuple[str, ...], name: str) -> Markup:
    left = 30 + 7 * min(NAME_LETTERS, max(len(figures.plain(line.name)) for line in lines))
    high = TOP + LINE * len(lines) + FOOT
    parts = [_ticks(left, high)]
    for place, line in enumerate(lines):
        parts.append(_class(line, looks, names, (left, TOP + LINE * place + LINE / 2)))
    about = "F1 from 0 to 1, a line per class: a ring for the target, a mark per copycat. Numbers in the table below."
    return svg(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-t {}-d">'
        '<title id="{}-t">F1 per class of target and copycats</title><desc id="{}-d">{}</desc>{}</svg>',
        WIDE,
        high,
        name,
        name,
        name,
        name,
        about,
        join(parts),
    )


def _ticks(left: float, high: float) -> Markup:
    parts = []
    for tick in range(6):
        x = _x(tick / 5, left)
        parts.append(svg('<line class="grid" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>', x, x, TOP, high - FOOT))
        parts.append(svg('<text class="middle" x="{:.1f}" y="{}">{:.1f}</text>', x, high - FOOT + 16, tick / 5))
    return join(parts)


def _class(line: Compared, looks: tuple[Look, ...], names: tuple[str, ...], at: tuple[float, float]) -> Markup:
    left, y = at
    shown = figures.plain(line.name)
    short = shown if len(shown) <= NAME_LETTERS else f"{shown[: NAME_LETTERS - 1]}…"
    parts = [svg('<text class="end" x="{}" y="{}">{}</text>', left - 10, y + 4, short)]
    if line.target is None:
        words = svg('<text class="faint" x="{}" y="{}">not in the test set</text>', left + 6, y + 4)
        return join([*parts, words])
    reach = [_x(value, left) for value in (line.target, *(each for each in line.copycats if each is not None))]
    parts.append(svg('<line class="gap" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>', min(reach), max(reach), y, y))
    told = f"{line.name}: target {figures.share(line.target)}"
    parts.append(
        svg(
            '<circle class="ring" cx="{:.1f}" cy="{}" r="7"><title>{}</title></circle>',
            _x(line.target, left),
            y,
            figures.plain(told),
        )
    )
    for each, look, name in zip(line.copycats, looks, names, strict=True):
        if each is not None:
            told = f"{line.name}: {name} {figures.share(each)}"
            parts.append(look.draw(_x(each, left), y, figures.plain(told)))
    return join(parts)


def _x(value: float, left: float) -> float:
    return left + 8 + value * (WIDE - left - 30)
