"""Published numbers as people read them: the cell of a row, the line below a table, the fields of a spreadsheet."""

from collections.abc import Sequence
from itertools import groupby

from benchmark.leaderboard import figures
from benchmark.leaderboard.board import Leaderboard, Table
from benchmark.leaderboard.rows import Row
from benchmark.reference import Published, sources

HEAD = "published"
SILENT = ("not published", "not played")
"""Why a row has nothing beside it, where there is nothing to warn of."""
_AUTHORS = {"paper": "paper's", "software": "software's", "replication": "replication's"}
WHOLE_POOL = 100_000
"""From here on a budget is said in millions, as the papers do."""

LEGEND = (
    "published: the source's copycat over the source's target, with the copycat's macro-F1; only beside rows with the "
    "source's own images, regime and budget. Elsewhere the word says what differs first."
)


def shown(rows: Sequence[Row]) -> bool:
    """Whether anything is published for the problem of these rows."""
    return any(row.published is not None for row in rows)


def legend(board: Leaderboard) -> str:
    """The words below all tables."""
    beside = any(shown(table.rows) for table in board.tables)
    return f"{figures.LEGEND} {LEGEND}" if beside else figures.LEGEND


def cell(row: Row) -> str:
    """`98.4 % (.936) vgg16` (the net where it is another one), or the word for why no number may stand here."""
    fit = row.published
    if fit is None or fit.comparable in SILENT:
        return figures.NONE
    if not fit.found:
        return fit.comparable
    net = fit.found[0].copycat_net
    return _ratio(fit.found[0]) + ("" if net in row.copycat else f" {net}")


def line(table: Table) -> str | None:
    """What was published for the table's problem, with its source; None when nothing was."""
    numbers = table.published
    if not numbers:
        return None
    first = numbers[0]
    targets = dict.fromkeys(figures.share(each.target) for each in numbers if each.target is not None)
    parts = [f"target {' and '.join(targets)}"] if targets else []
    parts += [
        _regime(regime, list(group), first.copycat_net)
        for regime, group in groupby(numbers, key=lambda each: each.regime)
    ]
    places = "; ".join(dict.fromkeys(each.table for each in numbers))
    nets = f"{first.target_net} copied by {first.copycat_net}"
    return f"published on {_whose(table)}: {'; '.join(parts)} ({first.short}, {first.printed}, {nets}, {places})"


def flat(row: Row) -> dict[str, str | float | None]:
    """The columns of a spreadsheet; a published number only where it is comparable."""
    fit = row.published
    first = fit.found[0] if fit and fit.found else None
    return {
        "comparable": fit.comparable if fit else None,
        "published": first.relative if first else None,
        "published_at_least": str(first.at_least).lower() if first else None,
        "published_macro_f1": first.value if first else None,
        "published_target": first.target if first else None,
        "published_budget": first.budget if first else None,
        "published_source": _source(first) if first else None,
    }


def _whose(table: Table) -> str:
    """Says of other images that they are others."""
    kind = next(source.kind for source in sources() if source.name == table.published[0].source)
    images = f"the {_AUTHORS[kind]} own images"
    own = any(
        row.published and row.published.comparable in ("yes", "other start", "other budget") for row in table.rows
    )
    whole = all(row.published and row.published.comparable != "other data" for row in table.rows)
    if own:
        return f"{images} ({'these' if whole else 'which only some rows here have'})"
    return f"{images} (not these)"


def _regime(regime: str, numbers: Sequence[Published], usual: str) -> str:
    """The numbers of one regime; a net that is not the usual one is named."""
    others = [net for net in dict.fromkeys(each.copycat_net for each in numbers) if net != usual]
    of = f" of {', '.join(others)}" if others else ""
    return f"{regime}{of} {', '.join(_at_budget(each) for each in numbers)}"


def _at_budget(number: Published) -> str:
    return f"{_size(number.budget)} {_ratio(number)}" if number.budget else _ratio(number)


def _size(budget: int) -> str:
    return f"{budget / 1e6:.3g}M" if budget >= WHOLE_POOL else figures.whole(budget)


def _ratio(number: Published) -> str:
    """The ratio with the absolute number, where that was published."""
    least = "at least " if number.at_least else ""
    absolute = f" ({figures.share(number.value)})" if number.value is not None else ""
    return f"{least}{100 * number.relative:.1f} %{absolute}"


def _source(number: Published) -> str:
    runs = f", mean of {number.runs} runs" if number.runs > 1 else ""
    return f"{number.source}, {number.table}, {number.target_net} copied by {number.copycat_net}{runs}"
