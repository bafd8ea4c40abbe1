"""The charts of a page: performance over budget, entropy of the transfer sets against success, and over cost."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log

from benchmark.cell import REGIMES
from benchmark.leaderboard import figures
from benchmark.leaderboard.board import Table
from benchmark.leaderboard.rows import Row
from benchmark.records import Record
from benchmark.report.charts import Axis, Chart, Point, Series, amounts, fractions, shares
from benchmark.report.chosen import AXES, Chosen, place, ranked, varied, words
from benchmark.report.looks import Palette

OF_TARGET = "of target (macro-F1)"


@dataclass(frozen=True)
class Numbers:
    """The numbers of a chart as a table."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A chart with its numbers."""

    chart: Chart
    numbers: Numbers


def over_budget(table: Table, palette: Palette) -> Picture | None:
    """Relative performance over the images asked, a line per copycat and regime; None where no row has a mean."""
    rows = sorted(ranked(table), key=lambda row: (row.copycat, list(REGIMES).index(row.regime), row.asked or 0))
    if not rows:
        return None
    axes = [axis for axis in varied(rows) if axis != "PDD"]
    lines: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        key = (figures.name(row), row.regime, *(AXES[axis](row) for axis in axes))
        lines.setdefault(key, []).append(row)
    kinds = sorted({key[2:] for key in lines})
    series = tuple(
        Series(
            words(found[0], axes, budget=False),
            palette.look(found[0].copycat, found[0].regime, kinds.index(key[2:])),
            tuple(_point(row, row.asked or 0, f"{row.asked or 0:,} asked") for row in found),
            joined=len(found) > 1,
        )
        for key, found in lines.items()
    )
    chart = Chart(
        f"Relative performance over images asked: {place(table)}",
        f"{len(rows)} attacks in {len(series)} lines; whiskers are 95 % intervals. The numbers are in the table below.",
        amounts("images asked", [float(row.asked or 0) for row in rows]),
        _performance(rows),
        series,
    )
    heads = ("attack", "asked", "of target")
    listed = ((words(row, axes), figures.whole(row.asked), figures.percent(row.relative)) for row in rows)
    return Picture(chart, Numbers(heads, tuple(listed)))


def over_cost(tables: Sequence[Table], palette: Palette) -> Picture | None:
    """Relative performance over what was paid, or over the images asked where an oracle takes no price."""
    rows = list(_once(tables))
    if not rows:
        return None
    priced = all(row.cost for _, row in rows)
    spent = {id(row): (row.cost or 0.0) if priced else float(row.asked or 0) for _, row in rows}
    series: dict[tuple[str, str], list[Point]] = {}
    for table, row in rows:
        paid = figures.money(row.cost) if priced else f"{row.asked or 0:,} asked"
        point = _point(row, spent[id(row)], f"{place(table)}, {paid}")
        series.setdefault((row.copycat, row.regime), []).append(point)
    chart = Chart(
        f"Performance over {'cost' if priced else 'images asked'}, all oracles",
        f"{len(rows)} attacks; whiskers are 95 % intervals. The numbers are in the table below.",
        amounts(_spent([row for _, row in rows]), list(spent.values()), "$" * priced),
        _performance([row for _, row in rows]),
        _series(series, palette),
    )
    heads = ("oracle", "attack", "asked", "cost", "of target")
    listed = (
        (place(table), words(row), figures.whole(row.asked), figures.money(row.cost), figures.percent(row.relative))
        for table, row in rows
    )
    return Picture(chart, Numbers(heads, tuple(listed)))


def _spent(rows: Sequence[Row]) -> str:
    """What an attack spends, in a unit that all oracles have."""
    free = sum(not row.cost for row in rows)
    if not free:
        return "cost"
    return f"images asked ({'no oracle here takes' if free == len(rows) else 'not all oracles here take'} a price)"


def over_entropy(chosen: Chosen, palette: Palette) -> Picture | None:
    """Relative performance of every single cell over the entropy of the labels that it bought."""
    found: dict[tuple[str, str], list[Point]] = {}
    listed = []
    for record in _bought(chosen):
        share = record.relative.macro_f1 if record.relative else None
        if share is None:
            continue
        entropy, seen, classes = _labels(record)
        cell = record.cell
        name = f"{cell.problem} · {cell.oracle}: {cell.copycat} {cell.regime} {cell.budget or cell.pdd_budget:,}"
        told = f"{name} seed {cell.seed}: entropy {entropy:.2f}, {seen} of {classes} classes, {100 * share:.1f} %"
        found.setdefault((cell.copycat, cell.regime), []).append(Point(entropy, share, None, told))
        listed.append((name, str(cell.seed), f"{entropy:.2f}", f"{seen} of {classes}", f"{100 * share:.1f} %"))
    if not listed:
        return None
    chart = Chart(
        "Entropy of the transfer sets against success",
        f"{len(listed)} cells, one mark each. The numbers are in the table below.",
        fractions("entropy of the stolen labels (1: all classes equally often)"),
        shares(OF_TARGET, [point.y for points in found.values() for point in points]),
        _series(found, palette),
        aside=False,
    )
    return Picture(chart, Numbers(("cell", "seed", "entropy", "classes seen", "of target"), tuple(sorted(listed))))


def _once(tables: Sequence[Table]) -> Iterator[tuple[Table, Row]]:
    """Every ranked row once: one that asks no pool stands in the tables of all pools."""
    met = set()
    for table in tables:
        for row in ranked(table):
            if row.records not in met:
                met.add(row.records)
                yield table, row


def _bought(chosen: Chosen) -> Iterable[Record]:
    for record in chosen.records.values():
        if record.status == "done" and REGIMES[record.cell.regime].ranked:
            yield record


def _labels(record: Record) -> tuple[float, int, int]:
    """Normalised entropy, classes seen and classes of all labels bought, both stages together."""
    columns = zip(*(used.counts_per_class for used in record.transfer_sets), strict=True)
    counts = [sum(column) for column in columns]
    total = sum(counts)
    if not total or len(counts) < 2:
        return 0.0, 0, len(counts)
    parts = [count / total for count in counts if count]
    return -sum(part * log(part) for part in parts) / log(len(counts)), len(parts), len(counts)


def _series(found: dict[tuple[str, str], list[Point]], palette: Palette) -> tuple[Series, ...]:
    ordered = sorted(found.items(), key=lambda item: (item[0][0], list(REGIMES).index(item[0][1])))
    return tuple(
        Series(f"{copycat} {regime}", palette.look(copycat, regime), tuple(points))
        for (copycat, regime), points in ordered
    )


def _point(row: Row, x: float, where: str) -> Point:
    assert row.relative is not None  # noqa: S101 - ranked rows have it
    told = f"{words(row)}: {figures.percent(row.relative)} of target, {where}, {row.seeds} seeds"
    return Point(x, row.relative.mean, row.relative.half, told)


def _performance(rows: Sequence[Row]) -> Axis:
    """Far ends of the intervals of two seeds would flatten everything: means decide how far the axis reaches."""
    return shares(OF_TARGET, [row.relative.mean for row in rows if row.relative])
