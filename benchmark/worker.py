"""A worker: the process in which thieves play, as the referee sees it."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from benchmark.job import Job, Loot
from benchmark.wire import Line, LineClosed, Message
from oracles.card import printable
from oracles.recall import Recall
from oracles.refusals import BudgetSpent, WrongImages
from oracles.server import Ask

PIECE_BYTES = 64 * 2**20
Door = Ask | Recall
Bought = tuple[np.ndarray, np.ndarray]  # images uint8 [n, h, w, 3] and their labels int64 [n]


class WorkerDied(Exception):
    """The process that played a cell is gone; the message says how it ended."""


class CellFailed(Exception):
    """The thief could not finish its cell; the message is the refusal's sentence."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class Worker:
    """A process of one thread that plays one cell at a time; started on first use, started again after its death."""

    def __init__(self, device: str = "cpu", log: Path | None = None, limit: float | None = None) -> None:
        self._device, self._log, self._limit = device, log, limit  # limit: seconds for one cell
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Line | None = None
        self._closed = False
        self._starting = threading.Lock()

    def steal(self, job: Job, doors: Mapping[str, Ask], tests_NHWC: np.ndarray, say: Callable[[str], None]) -> Loot:
        """Let the thief play `job`; its asks go through `doors` (by stage), closed before it gets the test images.

        Raises CellFailed with the thief's sentence or when its time is over, WorkerDied if the process ends or says
        what cannot be understood.
        """
        loot = self._play(job, Counter(doors), tests_NHWC, say)
        if loot is None:
            raise CellFailed("LootRefused", "the thief ended without a report")
        return loot

    def ask(self, job: Job, doors: Mapping[str, Door]) -> dict[str, Bought]:
        """Let the attack of `job` ask again, and train nothing: what it bought, by stage. Raises as `steal`."""
        counter = Counter(doors, keep=True)
        blank_NHWC = np.zeros((0, *job.size, 3), np.uint8)
        self._play(job.model_copy(update={"asks_only": True}), counter, blank_NHWC, lambda _: None)
        return counter.kept

    def _play(self, job: Job, counter: "Counter", tests_NHWC: np.ndarray, say: Callable[[str], None]) -> Loot | None:
        over, alarm = threading.Event(), None
        try:
            line = self._open_line()
            alarm = self._start_alarm(over)
            line.send({"job": job.model_dump(mode="json")})
            return self._converse(line, counter, tests_NHWC, say)
        except LineClosed as closed:
            end = self._end(str(closed))
            if over.is_set():
                raise CellFailed("TimeOver", _too_long(self._limit)) from None
            raise WorkerDied(end) from None
        except CellFailed:
            if self._device == "cuda":  # an error of the device stays with its process
                self._end("")
            raise
        except BaseException:  # the conversation is broken off in its middle: the next cell needs a fresh process
            self._end("")
            raise
        finally:
            if alarm:
                alarm.cancel()

    def another(self) -> "Worker":
        """A worker of the same kind, not started yet."""
        return Worker(self._device, self._log, self._limit)

    def kill(self) -> None:
        """End the process at once and start none again; a conversation in another thread gets WorkerDied."""
        with self._starting:
            self._closed = True
            process = self._process
        _end_at_once(process)

    def close(self) -> None:
        """End the process and hang up."""
        self.kill()
        self._end("")

    def _start_alarm(self, over: threading.Event) -> threading.Timer | None:
        """A clock that ends the process when the cell's time is over, and says so in `over`; None without a limit."""
        if self._limit is None:
            return None
        process = self._process

        def ring() -> None:
            over.set()
            _end_at_once(process)

        alarm = threading.Timer(min(self._limit, threading.TIMEOUT_MAX), ring)
        alarm.daemon = True
        alarm.start()
        return alarm

    def _converse(
        self, line: Line, counter: "Counter", tests_NHWC: np.ndarray, say: Callable[[str], None]
    ) -> Loot | None:
        while True:
            body, array = line.receive()
            match next(iter(body)):
                case "ask":
                    line.send(*counter.answer(str(body["ask"]), array))
                case "say":
                    say(printable(str(body["say"]), 200))
                case "bought":
                    images_NHWC, labels_N = counter.hand_over(str(body["bought"]), tests_NHWC.shape[1:])
                    line.send({"images": len(images_NHWC)}, images_NHWC)
                    line.send({"labels": len(labels_N)}, labels_N)
                case "trained":
                    counter.close()
                    _send_tests(line, tests_NHWC)
                case "asked":
                    return None
                case "loot":
                    return _loot(body["loot"], array)
                case "failed":
                    raise CellFailed(printable(str(body["failed"]), 60), printable(str(body.get("sentence")), 500))
                case other:
                    raise LineClosed(f"the thief said {other!r}")

    def _open_line(self) -> Line:
        with self._starting:
            if self._closed:
                raise LineClosed("the run is being stopped")
            if self._line is None or self._process is None or self._process.poll() is not None:
                self._hang_up()
                ours, theirs = socket.socketpair()
                self._process = self._start(theirs.fileno())
                theirs.close()
                self._line = Line(ours)
            return self._line

    def _start(self, handle: int) -> "subprocess.Popen[bytes]":
        # one thread each: side by side, single-threaded processes do not wait for each other
        threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR")}
        command = [sys.executable, "-P", "-m", "benchmark.thief", str(handle), self._device]
        with self._log.open("ab") if self._log else open(os.devnull, "wb") as log:  # noqa: PTH123 - a device, not a path
            return subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                pass_fds=[handle],
                env={**os.environ, **threads},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _hang_up(self) -> None:
        if self._line:
            self._line.close()
        self._line = None

    def _end(self, why: str) -> str:
        """Hang up, end the process and say how it ended."""
        self._hang_up()
        process, self._process = self._process, None
        if process is None:
            return why or "the worker never started"
        with suppress(subprocess.TimeoutExpired):  # a dying process says how, if it is given a moment
            process.wait(timeout=1)
        if process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"it was ended: {why}"
        status = process.returncode
        return f"signal {-status}" if status < 0 else f"exit status {status}"


class Counter:
    """The referee's side of the doors: answers, and keeps what was bought, so that no thief's word is needed."""

    def __init__(self, doors: Mapping[str, Door], *, keep: bool = False) -> None:
        self._doors = dict(doors)
        self._bought: dict[str, list[Bought]] = {}
        self._keep, self.kept = keep, dict[str, Bought]()  # what was handed over, for who wants more than the thief

    def answer(self, stage: str, images_NHWC: np.ndarray | None) -> Message:
        """What the oracle's side says to one ask: labels, or a refusal that charges nothing."""
        door = self._doors.get(stage)
        if door is None or images_NHWC is None:
            what = "no images were sent" if door else f"there is no open door {stage[:20]!r} for this cell"
            return Message({"refused": "WrongImages", "sentence": what, "left": door.left if door else 0})
        try:
            labels_N = door(images_NHWC)
        except (BudgetSpent, WrongImages) as refusal:
            return Message({"refused": type(refusal).__name__, "sentence": str(refusal), "left": door.left})
        self._bought.setdefault(stage, []).append((images_NHWC, labels_N))
        return Message({"left": door.left}, labels_N)

    def hand_over(self, stage: str, shape: tuple[int, ...]) -> Bought:
        """All images of a stage that were asked, uint8 [n, h, w, 3], with their labels; the stage's door closes."""
        self._doors.pop(stage, None)
        bought = self._bought.pop(stage, [])
        sizes = {images_NHWC.shape[1:] for images_NHWC, _ in bought}
        if len(sizes) > 1:
            raise CellFailed("WrongImages", f"the attack asked images of several sizes: {sorted(sizes)}")
        images = [images_NHWC for images_NHWC, _ in bought] or [np.zeros((0, *shape), np.uint8)]
        labels = [labels_N for _, labels_N in bought] or [np.zeros(0, np.int64)]
        whole = np.concatenate(images), np.concatenate(labels)
        if self._keep:
            self.kept[stage] = whole
        return whole

    def close(self) -> None:
        """Close every door."""
        self._doors.clear()


def _end_at_once(process: "subprocess.Popen[bytes] | None") -> None:
    if process and process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _too_long(limit: float | None) -> str:
    return f"not done after {limit:g} seconds: give it more (--timeout), or take a cheaper copycat or recipe"


def _send_tests(line: Line, tests_NHWC: np.ndarray) -> None:
    """The test images' pixels, in pieces; neither their labels nor where they lie."""
    piece = max(1, PIECE_BYTES // max(1, int(np.prod(tests_NHWC.shape[1:]))))
    for start in range(0, len(tests_NHWC), piece):
        images_NHWC = tests_NHWC[start : start + piece]
        line.send({"left": len(tests_NHWC) - start - len(images_NHWC)}, images_NHWC)


def _loot(said: object, labels_N: np.ndarray | None) -> Loot:
    try:
        return Loot.model_validate({**dict(said), "labels": labels_N})  # type: ignore[call-overload]
    except (ValueError, TypeError) as error:
        raise CellFailed(
            "LootRefused", printable(f"the thief's report is not what was asked for: {error}", 300)
        ) from None
