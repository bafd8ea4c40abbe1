"""What was published beside a row and below a table: which numbers, never how they look."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from benchmark.cell import REGIMES, Cell
from benchmark.leaderboard.fitting import Fit, find
from benchmark.leaderboard.played import Played
from benchmark.reference import Published, published


def beside(cell: Cell, plays: Iterable[Played]) -> Fit | None:
    """What a row of these records may stand beside; None where nothing is published for its problem.

    All seeds must have used the source's own images: one that did not is what the row says.
    """
    plays = list(plays)
    fits = [find(cell, play.data) for play in plays if play.data] or [find(cell, ())]
    return next((fit for fit in fits if fit is None or fit.comparable != "yes"), fits[0])


def orientation(problem: str, regimes: Iterable[str]) -> tuple[Published, ...]:
    """The macro-F1 numbers of the source that says most of these regimes, one table for each of them.

    Sources that say equally much are taken in their order: papers first, the newest of them first.
    """
    wanted = set(regimes)
    numbers = [each for each in published(problem) if each.metric == "macro-F1" and each.regime in wanted]
    by_source = [list(group) for _, group in groupby(numbers, key=lambda each: each.source)]
    if not by_source:
        return ()
    most = max(by_source, key=lambda group: len({each.regime for each in group}))
    return tuple(each for regime in REGIMES if regime in wanted for each in _first_table(most, regime))


def _first_table(numbers: Sequence[Published], regime: str) -> list[Published]:
    found = [each for each in numbers if each.regime == regime]
    return [each for each in found if (each.table, each.copycat_net) == (found[0].table, found[0].copycat_net)]
