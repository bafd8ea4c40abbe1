"""The terms of a run: what its caller may choose, and what is made ready from them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from benchmark.arena import Arena
from benchmark.cell import Cell
from benchmark.ledger import Ledger
from benchmark.places import Places, find_places
from benchmark.records import Record
from benchmark.refusals import EnvironmentRefused, Refused
from benchmark.schedule import Watch
from benchmark.suites.narrowing import narrow
from benchmark.suites.plan import shard
from benchmark.suites.suite import Suite, changed, load_suite
from oracles.runtime import Device, gpu_count


@dataclass(frozen=True)
class Terms:
    """What may be chosen for a run besides the suite; the defaults are those of the command line."""

    only: Sequence[str] = ()
    budgets: Sequence[int] | None = None
    seeds: int | None = None
    pool: str | None = None
    data: Sequence[Path | str] = ()
    oracles: Sequence[Path | str] = ()
    out: Path | str = "runs"
    workers: int | None = None
    device: Device = "auto"
    shard: tuple[int, int] | None = None
    cell: str | None = None
    timeout: float | None = None  # seconds after which a cell is ended and recorded as failed

    def __post_init__(self) -> None:
        """Refuse a time in which nothing can be played."""
        if self.timeout is not None and not self.timeout > 0:
            raise Refused(f"timeout is {self.timeout} seconds; more than 0 are needed, or None for no limit.")

    @property
    def part(self) -> str:
        """What tells the lock and the answers store of a part from those of other parts; empty for a whole suite."""
        if self.cell:
            return f"-{self.cell[:12]}"
        return f"-{self.shard[0]}-of-{self.shard[1]}" if self.shard else ""

    @property
    def whole(self) -> bool:
        """Whether all cells of the suite are played."""
        return not self.part

    @property
    def places(self) -> Places:
        """The folders, absolute."""
        return find_places(self.data, self.oracles, self.out)


@dataclass
class Silent:
    """A watch that keeps what it is told and shows nothing."""

    notes: list[str] = field(default_factory=list)

    def planned(self, cells: int, done: int) -> None:
        """Nothing to show."""

    def said(self, cell: Cell, text: str) -> None:
        """Nothing to show."""

    def ended(self, record: Record) -> None:
        """Nothing to show."""

    def warned(self, text: str) -> None:
        """Kept in `notes`."""
        self.notes.append(text)


class Ready(NamedTuple):
    """What a run works with; `slots` workers side by side."""

    arena: Arena
    ledger: Ledger
    slots: int


def chosen_suite(suite: str | Path | Suite, terms: Terms) -> Suite:
    """The suite with what the terms change. Raises UnknownName or BadToml."""
    loaded = suite if isinstance(suite, Suite) else load_suite(suite)
    pools = (terms.pool,) if terms.pool else None
    budgets = tuple(terms.budgets) if terms.budgets else None
    return narrow(changed(loaded, budgets=budgets, seeds=terms.seeds, pools=pools), terms.only)


def chosen_cells(arena: Arena, problem: str, terms: Terms) -> list[Cell]:
    """The suite's cells of a problem that this run is to play: all, one shard's, or those whose digest begins so."""
    found = arena.cells(problem) if terms.shard is None else shard(arena.cells(problem), *terms.shard)
    return [cell for cell in found if terms.cell is None or cell.digest.startswith(terms.cell)]


@contextmanager
def prepare(suite: str | Path | Suite, terms: Terms, watch: Watch) -> Iterator[Ready]:
    """Everything that a run needs, closed again at the end; one run at a time on one `out` (and shard).

    Raises EnvironmentRefused when another run holds the folder or it cannot be written.
    """
    places, part = terms.places, terms.part
    arena = Arena(chosen_suite(suite, terms), places, watch.warned, device_of(terms.device), store=f"answers{part}")
    try:
        places.out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(places.out / f".lock{part}", timeout=0)
        lock.acquire()
    except Timeout:
        raise EnvironmentRefused(
            f"{places.out}: another run is using this folder. Wait for it, or give another --out."
        ) from None
    except OSError as error:
        raise EnvironmentRefused(f"{places.out}: cannot be written ({error.strerror}). Give another --out.") from None
    try:
        yield Ready(arena, Ledger(places.out, watch.warned), slots_of(terms, arena.device))
    finally:
        arena.close()
        lock.release()


def device_of(device: str) -> Device:
    """`auto` made definite: cuda where a GPU is there, else cpu. Raises Refused for another word."""
    if device not in {"auto", "cpu", "cuda"}:
        raise Refused(f"device {device!r} is unknown. Say auto, cpu or cuda.")
    found = "cuda" if gpu_count() else "cpu"
    if device == "cuda" and found == "cpu":
        raise EnvironmentRefused("device cuda: no CUDA device is visible here. Say --device cpu.")
    return found if device == "auto" else device  # type: ignore[return-value]


def slots_of(terms: Terms, device: Device) -> int:
    """How many cells are played side by side: one per processor, two on a GPU, or what the terms say."""
    if terms.workers is not None:
        if terms.workers < 1:
            raise Refused(f"workers is {terms.workers}; at least 1 is needed.")
        return terms.workers
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 2 if device == "cuda" else processors
