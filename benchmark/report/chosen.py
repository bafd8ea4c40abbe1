"""Which records stand behind the rows of a board, and which row speaks for a copycat."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmark.leaderboard import figures
from benchmark.leaderboard.board import Leaderboard, Table
from benchmark.leaderboard.rows import BASELINES, Row
from benchmark.records import Record

MOST_SPEAKERS = 6
"""Copycats whose classes and confusions are shown for one table."""

AXES: dict[str, Callable[[Row], str]] = {
    "attack": lambda row: row.attack or "",
    "balance": lambda row: row.balance,
    "recipe": lambda row: row.recipe or "",
    "pretrained": lambda row: row.pretrained,
    "PDD": lambda row: f"{row.pdd_budget:,} PDD" if row.pdd_budget else "",
}


@dataclass(frozen=True)
class Chosen:
    """A board with its records by the digests of their cells."""

    board: Leaderboard
    records: Mapping[str, Record]

    def done(self, row: Row) -> list[Record]:
        """The done records of a row, by seed."""
        found = (self.records[digest] for _, digest in row.records if digest in self.records)
        return [record for record in found if record.status == "done"]


def ranked(table: Table) -> list[Row]:
    """Rows of attacks whose seeds are all done and have a relative performance."""
    return [row for row in table.rows if row.group != BASELINES and row.relative is not None]


def speakers(table: Table) -> list[Row]:
    """The row with the highest mean of each copycat, the best copycat first; at most MOST_SPEAKERS."""
    best: dict[str, Row] = {}
    for row in sorted(ranked(table), key=_mean, reverse=True):
        best.setdefault(row.copycat, row)
    return list(best.values())[:MOST_SPEAKERS]


def varied(rows: Sequence[Row]) -> list[str]:
    """The axes besides copycat, regime and budget in which these rows differ."""
    return [axis for axis, show in AXES.items() if len({show(row) for row in rows} - {""}) > 1]


def words(row: Row, axes: Sequence[str] = (), *, budget: bool = True) -> str:
    """`small_vgg npdd-sl 4,000` and what else tells it apart."""
    parts = [figures.name(row), row.regime]
    parts += [f"{row.budget:,}"] if budget and row.budget else []
    return " ".join([*parts, *(shown for axis in axes if (shown := AXES[axis](row)))])


def place(table: Table) -> str:
    """`dig10 · digits_v1 · pool natural`."""
    return " · ".join([table.problem, table.oracle, *([f"pool {table.pool}"] if table.pool else [])])


def _mean(row: Row) -> float:
    return row.relative.mean if row.relative else 0.0
