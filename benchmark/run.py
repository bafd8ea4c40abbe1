"""The page: how one cell is played, and how a suite is run.

The module itself is callable, so that `benchmark.run("paper")` works although it shares its name with the function.
"""

import sys
import types
from typing import Any

from benchmark import recorder
from benchmark.arena import Arena
from benchmark.cell import Cell
from benchmark.ledger import Ledger
from benchmark.records import Failure, Record, Status
from benchmark.refusals import Refused
from benchmark.schedule import ATTEMPTS, Schedule, Watch
from benchmark.suites.planned import keep_plan
from benchmark.suites.suite import Suite
from benchmark.terms import Silent, Terms, chosen_cells, prepare
from benchmark.worker import CellFailed, Worker, WorkerDied
from oracles.refusals import OracleRefused
from oracles.server import Ask


def play(cell: Cell, worker: Worker, attempt: int, arena: Arena, watch: Watch) -> Record:
    """Steal one oracle once: buy labels within the budget, train a copycat on them, score it beside its target.

    The thief works in the worker's process; oracle, meter, truth and scores stay in this one.
    Raises WorkerDied when that process ends for the first time, and what the machine refuses (a full disk); all else
    becomes a record.
    """
    if cell.missing:
        where = "oracles list" if cell.missing == ("oracle",) else arena.look(cell.problem)
        sentence = f"{', '.join(cell.missing)} missing; run: python -m benchmark {where}"
        return recorder.failed(cell, attempt, arena, "data missing", Failure(kind="DataMissing", sentence=sentence))
    doors: dict[str, Ask] = {}
    status: Status = "failed"
    try:
        doors = arena.doors(cell)
        loot = worker.steal(arena.job(cell), doors, arena.test(cell).images_NHWC, lambda text: watch.said(cell, text))
        return recorder.done(cell, attempt, arena, loot, doors)
    except WorkerDied as death:
        if attempt < ATTEMPTS:
            raise
        status, failure = "crashed", Failure(kind="WorkerDied", sentence=str(death))
    except CellFailed as failed:
        failure = Failure(kind=failed.kind, sentence=str(failed))
    except (OracleRefused, Refused) as refusal:
        if refusal.exit_code == 4:
            raise
        failure = Failure(kind=type(refusal).__name__, sentence=str(refusal))
    return recorder.failed(cell, attempt, arena, status, failure, doors)


def run(suite: str | Suite, *, watch: Watch | None = None, **options: Any) -> list[Record]:
    """Play every cell of a suite that the ledger does not hold yet; all records of the suite, in its order.

    `suite` is a name, the path of a TOML file or a Suite; `options` are those of `benchmark.terms.Terms` (budgets,
    seeds, only, data, oracles, pool, out, workers, device, shard, timeout). Running it again continues where it was
    stopped.
    """
    terms, watch = Terms(**options), watch or Silent()
    with prepare(suite, terms, watch) as (arena, ledger, slots):
        schedule = Schedule(
            lambda cell, worker, attempt: play(cell, worker, attempt, arena, watch),
            lambda record: watch.ended(ledger.append(record)),
            [Worker(arena.worker_device, arena.places.out / "workers.log", terms.timeout) for _ in range(slots)],
        )
        try:
            planned = queue(arena, ledger, schedule, terms, watch)
            schedule.finish()
        finally:
            schedule.stop()
        arena.forget_kept_copycats()
        return [record for record in map(ledger.find, (cell.digest for cell in planned)) if record]


def queue(arena: Arena, ledger: Ledger, schedule: Schedule, terms: Terms, watch: Watch) -> list[Cell]:
    """Problem by problem, so that the first cells are played while the next problem is still being drawn or decoded.

    When a problem is refused, what is queued already is played before that is told.
    """
    planned: list[Cell] = []
    done = 0
    try:
        for problem in arena.suite.problems:
            found = chosen_cells(arena, problem, terms)
            missing = [cell for cell in found if cell.digest not in ledger]
            planned, done = planned + found, done + len(found) - len(missing)
            watch.planned(len(planned), done)
            schedule.add(missing)
    except (OracleRefused, Refused):
        schedule.finish()
        raise
    if terms.cell and not planned:
        raise Refused(
            f"suite {arena.suite.name}: no cell's digest begins with {terms.cell!r}. "
            "See: python -m benchmark run --dry-run --format csv"
        )
    keep_plan(arena.suite, planned, terms.whole, arena.places.out)
    return planned


class _Page(types.ModuleType):
    def __call__(self, suite: str | Suite, **options: Any) -> list[Record]:
        return run(suite, **options)


sys.modules[__name__].__class__ = _Page
