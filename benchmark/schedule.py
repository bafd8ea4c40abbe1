"""Which cells run where: one slot per worker process, cells taken in order, a dead worker costs only its own cell."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from benchmark.cell import Cell
from benchmark.records import Record
from benchmark.worker import Worker, WorkerDied

PATIENCE_SECONDS = 10.0
ATTEMPTS = 2
"""How often a cell whose worker dies is played, the last time alone; `play` then gives the record of a crash."""


class Watch(Protocol):
    """Who is told how a run goes; called from several threads."""

    def planned(self, cells: int, done: int) -> None:
        """So many cells are known by now, and so many of them were done before."""

    def said(self, cell: Cell, text: str) -> None:
        """A cell that is being played says something."""

    def ended(self, record: Record) -> None:
        """A cell has its record."""

    def warned(self, text: str) -> None:
        """Something went another way than planned."""


Play = Callable[[Cell, Worker, int], Record]


class Schedule:
    """Plays cells side by side; `add` while it runs, then `finish`, or `stop` at any moment."""

    def __init__(self, play: Play, keep: Callable[[Record], None], workers: Sequence[Worker]) -> None:
        self._play, self._keep, self._workers = play, keep, workers
        self._state = threading.Condition()
        self._waiting: list[Cell] = []
        self._running: set[str] = set()
        self._aside: list[Cell] = []
        self._closed = False
        self._failure: BaseException | None = None
        self._threads = [threading.Thread(target=self._serve, args=(worker,), daemon=True) for worker in self._workers]
        for thread in self._threads:
            thread.start()

    def add(self, cells: Iterable[Cell]) -> None:
        """Queue cells behind those that wait. Raises what ended a slot, if one has ended."""
        with self._state:
            if self._failure:
                raise self._failure
            self._waiting.extend(cells)
            self._state.notify_all()

    def finish(self) -> None:
        """Wait until everything is played; then play each cell whose worker died once more, alone.

        Raises what ended a slot (a full disk, a damaged store): records kept so far stay.
        """
        with self._state:
            self._closed = True
            self._state.notify_all()
        for thread in self._threads:
            while thread.is_alive():  # a join without an end would not let Ctrl-C through on every system
                thread.join(0.2)
        if self._failure:
            raise self._failure
        while self._aside:
            self._keep(self._once_more(self._aside.pop(0)))

    def stop(self) -> None:
        """End all workers at once; what they played is lost, what was recorded and bought is kept."""
        with self._state:
            self._closed = True
            self._waiting.clear()
            self._state.notify_all()
        for worker in self._workers:
            worker.kill()
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _serve(self, worker: Worker) -> None:
        try:
            while (cell := self._take()) is not None:
                self._play_first(cell, worker)
        except BaseException as failure:  # noqa: BLE001 - handed to the thread that waits
            self._fail(failure)
        finally:
            worker.close()

    def _play_first(self, cell: Cell, worker: Worker) -> None:
        try:
            record = self._play(cell, worker, 1)
        except WorkerDied:
            with self._state:
                self._aside.append(cell)
        else:
            self._keep(record)
        finally:
            with self._state:
                self._running.discard(cell.digest)
                self._state.notify_all()

    def _once_more(self, cell: Cell) -> Record:
        worker = self._workers[0].another()
        try:
            return self._play(cell, worker, ATTEMPTS)
        finally:
            worker.close()

    def _take(self) -> Cell | None:
        """The first waiting cell whose first stage is not being played right now; None when all is done."""
        with self._state:
            while not self._failure:
                for position, cell in enumerate(self._waiting):
                    if not self._blocked(cell):
                        self._running.add(cell.digest)
                        return self._waiting.pop(position)
                if self._closed and not self._waiting:
                    return None
                self._state.wait()
            return None

    def _blocked(self, cell: Cell) -> bool:
        """Whether the copycat that this cell fine-tunes is being trained: waiting is cheaper than training it twice."""
        first = cell.first_stage()
        return first is not None and first.digest in self._running

    def _fail(self, failure: BaseException) -> None:
        with self._state:
            self._failure = self._failure or failure
            self._waiting.clear()
            self._state.notify_all()
        for worker in self._workers:
            worker.kill()
