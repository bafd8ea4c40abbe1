"""What a person sees while a suite runs: a live line on a terminal, plain lines elsewhere."""

import threading
import time
from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmark.cell import Cell
from benchmark.records import Record

errors = Console(stderr=True, highlight=False)
"""Everything but results: progress, notes, refusals."""


def say(text: str) -> None:
    """One line of progress."""
    errors.print(escape(text), style="dim" if errors.is_terminal else "", soft_wrap=not errors.is_terminal)


class Screen:
    """Watches a run (`benchmark.schedule.Watch`); use as a context manager."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._planned = self._before = self._played = 0
        self._words: dict[str, str] = {}
        self.statuses: Counter[str] = Counter()
        self._progress = Progress(
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=errors,
            disable=not errors.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task("preparing", total=None)

    def __enter__(self) -> "Screen":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def planned(self, cells: int, done: int) -> None:
        """So many cells are known by now, and so many of them were done before."""
        with self._lock:
            self._planned, self._before = cells, done
            self._progress.update(self._task, total=cells, completed=self._before + self._played)

    def said(self, cell: Cell, text: str) -> None:
        """Shown on the live line only: a log of every epoch helps nobody."""
        with self._lock:
            self._words[cell.digest] = f"{cell.problem} {cell.copycat} {cell.regime}: {text}"
            self._progress.update(self._task, description=next(reversed(self._words.values()))[: self._room()])

    def ended(self, record: Record) -> None:
        """One line per cell."""
        with self._lock:
            self._played += 1
            self.statuses[record.status] += 1
            self._words.pop(record.cell.digest, None)
            self._progress.update(self._task, completed=self._before + self._played)
            done = self._before + self._played
            errors.print(escape(f"[{done}/{self._planned}] {_line(record)}"), soft_wrap=True, highlight=False)

    def warned(self, text: str) -> None:
        """A note above the live line."""
        with self._lock:
            errors.print(escape(f"note: {text}"), soft_wrap=True)

    def _room(self) -> int:
        return max(20, errors.width - 36)


def _line(record: Record) -> str:
    cell = record.cell
    budget = f" {cell.budget:,}" if cell.budget else ""
    name = f"{cell.problem} {cell.oracle} {cell.copycat} {cell.regime}{budget} seed {cell.seed}"
    return f"{name}: {_result(record)}"


def _result(record: Record) -> str:
    if record.error is not None:
        return f"{record.status}: {record.error.sentence}"
    assert record.copycat is not None  # noqa: S101 - a done record has it
    assert record.relative is not None  # noqa: S101
    share = record.relative.macro_f1
    seconds = sum(stage.seconds for stage in record.stages)
    of_target = f"{share:.1%} of its target" if share is not None else "its target has 0"
    return f"macro-F1 {record.copycat.macro_f1:.3f}, {of_target} ({seconds:.1f} s)"
