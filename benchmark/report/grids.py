"""The leaderboard's tables as a page needs them: cells with what they are sorted by, groups, remarks, and CSV lines."""

import re
from dataclasses import dataclass, replace
from math import isfinite

from benchmark.leaderboard import beside, exports, figures
from benchmark.leaderboard.board import Leaderboard, Table
from benchmark.leaderboard.rows import BASELINES, Row
from benchmark.leaderboard.screen import ONLY_IF_VARIED
from benchmark.leaderboard.standings import Standing

ALWAYS = ("rank", "copycat", "regime", "budget", "macro-F1", "of target", "agreement")
"""Columns that stay even where every row shows the same; others are then said once, above the table."""

HEAD = "copycat"
"""The column that names a row."""

NAMES = (HEAD, "regime", "attack", "balance", "recipe", "pretrained")
"""Columns of words, also where such a word is a number."""

_NUMBER = re.compile(r"[^\d\s.,+±%=-]?(-?(?:\d+(?:,\d+)*(?:\.\d+)?|\.\d+))(?: %)?(?: ± [\d.]+)?=?")


@dataclass(frozen=True)
class Entry:
    """A cell: what it shows, and the number that it is sorted by, if it is one."""

    text: str
    value: float | None
    strong: bool = False


@dataclass(frozen=True)
class Line:
    """A row; `number` is its place in the table and in the CSV."""

    number: int
    entries: tuple[Entry, ...]
    complete: bool
    records: tuple[tuple[int, str], ...]  # seed, cell digest


@dataclass(frozen=True)
class Group:
    """Rows that are ranked together, or the baselines."""

    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Grid:
    """One table of the leaderboard."""

    anchor: str
    title: str
    stand_in: str | None
    alike: str  # what all rows have in common, instead of columns
    heads: tuple[tuple[str, bool], ...]  # and whether the column holds numbers
    groups: tuple[Group, ...]
    remarks: tuple[str, ...]
    csv: tuple[str, ...]  # the head, then a line per row

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(len(group.lines) for group in self.groups)


@dataclass(frozen=True)
class Ranking:
    """A standing of all copycats, or of all oracles, in one group."""

    heading: str
    group: str
    settings: int
    lines: tuple[tuple[str, str, str, str, str], ...]  # rank, name, mean, macro-F1, untrained


def grids(board: Leaderboard) -> list[Grid]:
    """All tables of the board, in its order."""
    return [_grid(table, board, f"table-{place}") for place, table in enumerate(board.tables, 1)]


def rankings(board: Leaderboard) -> list[Ranking]:
    """The standings of the board, a part per group."""
    return [
        *_rankings("All copycats", board.copycats),
        *_rankings("All oracles, the most stealable first", board.oracles),
    ]


def number(text: str) -> float | None:
    """The number that a cell begins with: `98.9 % ± 0.3` is 98.9, `$1,200` is 1200; None for words and holes."""
    found = _NUMBER.fullmatch(text)
    value = float(found[1].replace(",", "")) if found else None
    return value if value is not None and isfinite(value) else None


def _grid(table: Table, board: Leaderboard, anchor: str) -> Grid:
    columns = exports.columns(table)
    shown = {head: [show(row) for row in table.rows] for head, show in columns.items()}
    said = {head: _said(head, texts, table.rows) for head, texts in shown.items()}
    kept = [head for head in shown if head in ALWAYS or len(said[head]) > 1]
    alike = [f"{head} {text}" for head in shown if head not in kept for text in said[head]]
    entries = {head: [Entry(text, None if head in NAMES else number(text)) for text in shown[head]] for head in kept}
    lines = []
    for place, row in enumerate(table.rows):
        cells = tuple(replace(entries[head][place], strong=row.alone_first and head in {"rank", HEAD}) for head in kept)
        lines.append((row.group, Line(place, cells, row.state == "done", row.records)))
    groups = dict.fromkeys(name for name, _ in lines)
    return Grid(
        anchor=anchor,
        title=figures.title(table, board),
        stand_in=figures.stand_in_note(table),
        alike=", ".join(alike),
        heads=tuple(
            (head, head != "rank" and any(entry.value is not None for entry in entries[head])) for head in kept
        ),
        groups=tuple(Group(name, tuple(line for group, line in lines if group == name)) for name in groups),
        remarks=_remarks(table),
        csv=tuple(exports.as_csv(replace(board, tables=(table,))).splitlines()),
    )


def _said(head: str, texts: list[str], rows: tuple[Row, ...]) -> set[str]:
    """The different things that a column says; what only attacks have is not told apart by the baselines."""
    attacks = [text for text, row in zip(texts, rows, strict=True) if row.group != BASELINES]
    return set(attacks if attacks and head in ONLY_IF_VARIED else texts) - {figures.NONE}


def _remarks(table: Table) -> tuple[str, ...]:
    published = beside.line(table)
    return (
        *([published] if published else []),
        *(figures.transfer(line) for line in table.transfer_sets),
        *figures.silent(table.rows),
        *figures.holes(table.rows),
        *(f"warning: {warning}" for warning in table.warnings),
    )


def _rankings(heading: str, standings: tuple[Standing, ...]) -> list[Ranking]:
    found = []
    for group in dict.fromkeys(each.group for each in standings):
        listed = [each for each in standings if each.group == group]
        lines = tuple(figures.standing_cells(each) for each in listed)
        found.append(Ranking(heading, group, listed[0].settings, lines))
    return found
