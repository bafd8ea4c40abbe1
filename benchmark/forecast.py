"""What a run will ask, cost and take, said before anything is asked."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from benchmark.arena import Arena
from benchmark.cell import Cell
from benchmark.ledger import Ledger
from benchmark.suites.planned import NOTHING
from benchmark.suites.suite import Suite
from benchmark.terms import Silent, Terms, chosen_cells, prepare
from copycats import architectures
from copycats.transfer_set import TransferSet

PROBE_IMAGES = 512


@dataclass(frozen=True)
class Row:
    """The cells of one oracle: how many, how many are done or lack data, and what the open ones ask at most."""

    problem: str
    oracle: str
    cells: int
    done: int
    missing: int  # cells without a record whose data is not on this machine
    asked: int
    price: float
    minutes: float | None


@dataclass(frozen=True)
class Forecast:
    """All rows, and how long the open cells take here; `basis` says what that is taken from."""

    rows: tuple[Row, ...]
    left: tuple[Cell, ...]  # without a record, those that lack data included
    minutes: float
    slots: int
    basis: str
    lacking: tuple[str, ...]  # a sentence for each thing that is not here, with how many cells wait for it

    @property
    def cells(self) -> int:
        """Cells of the suite."""
        return sum(row.cells for row in self.rows)

    @property
    def open(self) -> int:
        """Cells that can be played and have no record."""
        return sum(row.cells - row.done - row.missing for row in self.rows)

    @property
    def asked(self) -> int:
        """Images that the open cells ask at most."""
        return sum(row.asked for row in self.rows)

    @property
    def price(self) -> float:
        """What these images cost at most; answers in the store are not paid for again."""
        return sum(row.price for row in self.rows)


def forecast(suite: str | Suite, options: Mapping[str, Any], say: Callable[[str], None]) -> Forecast:
    """Prepare a run as `benchmark.run` does, and count instead of playing. Asks nothing; may decode or draw images."""
    terms, watch = Terms(**options), Silent()
    with prepare(suite, terms, watch) as (arena, ledger, slots):
        planned = [cell for problem in arena.suite.problems for cell in chosen_cells(arena, problem, terms)]
        done = {cell.digest for cell in planned if cell.digest in ledger}
        left = [cell for cell in planned if cell.digest not in done]
        playable = [cell for cell in left if not cell.missing]
        rates, measured = _rates(playable, arena, ledger, say)
        seconds = sum(_passes(cell, arena) / rates[_kind(cell, arena)] + 0.5 for cell in playable)
        for note in watch.notes:
            say(note)
        basis = "from this folder's records" if measured else "from a short trial of each architecture"
        rows, lacking = tuple(_rows(planned, done, arena)), tuple(_lacking(left, arena))
        if not planned and terms.whole:
            lacking = (f"suite {arena.suite.name}: {NOTHING}",)
        return Forecast(rows, tuple(left), seconds / 60 / slots, slots, basis, lacking)


def _lacking(left: Iterable[Cell], arena: Arena) -> Iterator[str]:
    """One sentence per problem and kind of data that is not here."""
    waiting = Counter((cell.problem, what) for cell in left for what in _names_missing(cell))
    for (problem, what), count in waiting.items():
        look = "oracles list" if what == "an oracle" else arena.look(problem)
        cells = "1 cell" if count == 1 else f"{count} cells"
        yield f"{cells} of problem {problem} cannot be played: {what} is missing; run: python -m benchmark {look}"


def _rows(planned: Iterable[Cell], done: set[str], arena: Arena) -> Iterable[Row]:
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in planned:
        groups.setdefault((cell.problem, cell.oracle), []).append(cell)
    for (problem, oracle), cells in groups.items():
        card = arena.oracle(cells[0]).card if cells[0].oracle_digest else None
        left = [cell for cell in cells if cell.digest not in done]
        asked = sum(cell.budget + cell.pdd_budget for cell in left if not cell.missing)
        yield Row(
            problem,
            oracle,
            len(cells),
            len(cells) - len(left),
            sum(bool(cell.missing) for cell in left),
            asked,
            asked * card.price_per_1000 / 1000 if card else 0.0,
            asked / card.requests_per_minute if card and card.requests_per_minute else None,
        )


def _passes(cell: Cell, arena: Arena) -> int:
    """How many images pass through the copycat in training; a reused first stage is counted once, with its own cell."""
    if cell.recipe is None:
        return 0
    recipe = arena.recipes[cell.recipe]
    if cell.pdd_budget:
        recipe = recipe.for_fine_tuning() if cell.budget else recipe
        images = cell.pdd_budget
    elif cell.budget:
        images = cell.budget
    else:
        stack = arena.role(cell.problem, "odd" if cell.odd_digest else "pdd")
        images = len(stack) if stack else 0
    pool = arena.pool(cell.problem, cell.pool) if cell.pool and cell.budget and not cell.pdd_budget else None
    return recipe.passes_for(images, len(pool) if pool else 0)


def _names_missing(cell: Cell) -> tuple[str, ...]:
    known = {"pool": f"pool {cell.pool}", "oracle": "an oracle"}
    return tuple(known.get(what, f"its {what.upper()}") for what in cell.missing)


Kind = tuple[str, tuple[int, int]]
"""What decides how fast a copycat trains: its architecture and the size (height, width) of the images."""


def _kind(cell: Cell, arena: Arena) -> Kind:
    return cell.copycat, arena.problem(cell.problem).size


def _rates(
    cells: Iterable[Cell], arena: Arena, ledger: Ledger, say: Callable[[str], None]
) -> tuple[dict[Kind, float], bool]:
    """Images per second in training, per kind: the median of earlier records, else of a short trial."""
    sizes = {problem.digest: problem.size for problem in map(arena.problem, arena.suite.problems)}
    earlier: dict[Kind, list[float]] = {}
    for record in ledger:
        size = sizes.get(record.cell.problem_digest or "")
        rates = [cost.images_per_second for cost in record.stages if cost.stage.startswith("train")]
        if size:
            earlier.setdefault((record.cell.copycat, size), []).extend(rate for rate in rates if rate)
    found: dict[Kind, float] = {}
    measured = True
    for cell in cells:
        kind = _kind(cell, arena)
        if kind not in found:
            known = earlier.get(kind)
            measured &= bool(known)
            found[kind] = median(known) if known else _trial(cell, arena, say)
    return found, measured


def _trial(cell: Cell, arena: Arena, say: Callable[[str], None]) -> float:
    """Train on noise for a moment."""
    import torch  # noqa: PLC0415 - only where it is needed

    from copycats.training import train  # noqa: PLC0415

    torch.set_num_threads(1)  # as in the workers
    problem, rng = arena.problem(cell.problem), np.random.default_rng(0)
    height, width = problem.size
    say(f"trying {cell.copycat} at {height} x {width} for a moment")
    noise_NHWC = rng.integers(0, 256, (PROBE_IMAGES, height, width, 3), dtype=np.uint8)
    labels_N = rng.integers(0, len(problem.classes), PROBE_IMAGES)
    channels = 1 if problem.colour == "grey" else 3
    copycat = architectures.build(
        cell.copycat, classes=len(problem.classes), size=problem.size, channels=channels, seed=0
    )
    recipe = next(iter(arena.recipes.values())).model_copy(update={"epochs": 1, "image_passes": None})
    training = train(copycat, TransferSet(noise_NHWC, labels_N, len(problem.classes)), recipe, rng)
    return training.image_passes / max(training.wall_seconds, 1e-6)
