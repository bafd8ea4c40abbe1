"""Which published numbers a cell may stand beside: the same problem, images, regime, budget and metric, or none.

It fails closed. Images count as a source's own only where the problem's or pool's TOML says so of the place that they
were found in, where they are no stand-in, and where there are as many as the source has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark.cell import REGIMES, Cell
from benchmark.records import DataUsed
from benchmark.reference.results import Metric, PrintedProblem, Published, published, sources

Comparable = Literal["yes", "other target", "other data", "other start", "other budget", "not published", "not played"]


@dataclass(frozen=True, slots=True)
class Fit:
    """The published numbers that fit a cell, or in one word why none does."""

    comparable: Comparable
    found: tuple[Published, ...] = ()


def find(cell: Cell, data: Sequence[DataUsed], metric: Metric = "macro-F1") -> Fit | None:
    """The published numbers that the cell's result may stand beside; None when nothing is published for its problem.

    `data` is what its record says of the images. The word tells the first of these that is not so: the regime is
    published, the target can be had, all images are the source's own, an untrained net has learnt weights as the
    source's have, the budgets are the published ones.
    """
    known = [number for number in published(cell.problem) if number.metric == metric]
    if not known:
        return None
    known = [number for number in known if number.regime == cell.regime]
    if not known:
        return Fit("not published")
    had = [number for number in known if not _printed(number).service]
    if not had:
        return Fit("other target")
    own = [number for number in had if _own(cell, data, number)]
    if not own:
        return Fit("other data" if data else "not played")
    if cell.regime == "untrained" and cell.pretrained == "never" and cell.weights_digest is None:
        return Fit("other start")
    same = [number for number in own if (number.budget, number.pdd_budget) == (cell.budget, cell.pdd_budget)]
    return Fit("yes", _nearest_net_first(same, cell.copycat)) if same else Fit("other budget")


def _printed(number: Published) -> PrintedProblem:
    return next(source for source in sources() if source.name == number.source).problems[number.problem]


def _own(cell: Cell, data: Sequence[DataUsed], number: Published) -> bool:
    """Whether every image that the cell used is the source's own."""
    used = {each.role: each for each in data}
    regime = REGIMES[cell.regime]
    needed = {*regime.roles, *(("pool",) if regime.asks_npdd else ())}
    if needed != used.keys():
        return False
    return all(
        number.source in each.paper and not each.stand_in and _as_many(_printed(number), each) for each in used.values()
    )


def _as_many(printed: PrintedProblem, used: DataUsed) -> bool:
    """Whether the role has the source's number of images; of pools only the budget is known."""
    return used.role == "pool" or used.count == {"odd": printed.odd, "tdd": printed.tdd, "pdd": printed.pdd}[used.role]


def _nearest_net_first(numbers: Sequence[Published], copycat: str) -> tuple[Published, ...]:
    """Copies by the architecture that the cell's copycat has come first, then the order of the sources."""
    return tuple(sorted(numbers, key=lambda number: number.copycat_net not in copycat))
