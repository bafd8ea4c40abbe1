"""A worker: the process in which thieves play, as the referee sees it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from benchmark.job import Job, Loot
from benchmark.wire import Line, LineClosed, Message
from oracles.refusals import BudgetSpent, WrongImages
from oracles.server import Ask


class WorkerDied(Exception):
    """The process that played a cell is gone; the message says how it ended."""


class CellFailed(Exception):
    """The thief could not finish its cell; the message is the refusal's sentence."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


class Worker:
    """A process of one thread that plays one cell at a time; started on first use, started again after its death."""

    def __init__(self, device: str = "cpu") -> None:
        self._device = device
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Line | None = None

    def steal(self, job: Job, doors: Mapping[str, Ask], test_folder: Path, say: Callable[[str], None]) -> Loot:
        """Let the thief play `job`; its asks go through `doors` (by stage), closed before it is told of test images.

        Raises CellFailed with the thief's sentence, WorkerDied if the process ends.
        """
        line = self._open_line()
        try:
            line.send({"job": job.model_dump(mode="json")})
            return self._converse(line, dict(doors), test_folder, say)
        except LineClosed:
            raise WorkerDied(self._end()) from None
        except CellFailed:
            raise
        except BaseException:  # the conversation is broken off in its middle: the next cell needs a fresh process
            self.close()
            raise

    def kill(self) -> None:
        """End the process at once; a conversation in another thread gets WorkerDied."""
        if self._process and self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End the process and hang up."""
        self.kill()
        self._end()

    def _converse(self, line: Line, doors: dict[str, Ask], test_folder: Path, say: Callable[[str], None]) -> Loot:
        while True:
            body, array = line.receive()
            match next(iter(body)):
                case "ask":
                    line.send(*_answer(doors, body["ask"], array))
                case "say":
                    say(str(body["say"])[:200])
                case "trained":
                    doors.clear()
                    line.send({"test": str(test_folder)})
                case "loot":
                    return Loot.model_validate({**body["loot"], "labels": array})
                case "failed":
                    raise CellFailed(body["failed"], body["sentence"])
                case "died":
                    raise WorkerDied(body["died"])
                case other:
                    raise LineClosed(f"the thief said {other!r}")

    def _open_line(self) -> Line:
        if self._line is None or self._process is None or self._process.poll() is not None:
            self._end()
            ours, theirs = socket.socketpair()
            # one thread each: side by side, single-threaded processes do not wait for each other (docs/LOG.md)
            threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS", "NUMEXPR")}
            command = [sys.executable, "-P", "-m", "benchmark.thief", str(theirs.fileno()), self._device]
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                pass_fds=[theirs.fileno()],
                env={**os.environ, **threads},
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            theirs.close()
            self._line = Line(ours)
        return self._line

    def _end(self) -> str:
        """Hang up, end the process and say how it ended."""
        if self._line:
            self._line.close()
        self._line = None
        if self._process is None:
            return "the worker never started"
        self.kill()
        status = self._process.wait()
        self._process = None
        return f"signal {-status}" if status < 0 else f"exit status {status}"


def _answer(doors: Mapping[str, Ask], stage: str, images_NHWC: np.ndarray | None) -> Message:
    """What the oracle's side says to one ask: labels, or a refusal in the thief's reach."""
    door = doors.get(stage)
    if door is None:
        return Message({"refused": "DoorClosed", "sentence": f"there is no door {stage!r} for this cell", "left": 0})
    if images_NHWC is None:
        return Message({"refused": "WrongImages", "sentence": "no images were sent", "left": door.left})
    try:
        labels_N = door(images_NHWC)
    except (BudgetSpent, WrongImages) as refusal:
        return Message({"refused": type(refusal).__name__, "sentence": str(refusal), "left": door.left})
    return Message({"left": door.left}, labels_N)
