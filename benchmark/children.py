"""A thief's child processes: one plays a part to its end, tells its failure, and leaves nothing behind."""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from benchmark.blame import AttackFailed
from benchmark.wire import Line, LineClosed
from copycats.refusals import CopycatRefused

FORKS, REPORTED = hasattr(os, "fork"), 3  # REPORTED: exit status of a child that failed and said so


def play_safely(part: Callable[[], None], line: Line) -> NoReturn:
    """Play a part in this child and end it; exit status 3 after a failure that was reported."""
    die_with_parent()
    os._exit(0 if report(part, line) else REPORTED)


def report(part: Callable[[], None], line: Line) -> bool:
    """Play a part; whatever it raises is said to the referee in one sentence, and False is answered."""
    try:
        part()
    except LineClosed:
        os._exit(1)
    except BaseException as error:  # noqa: BLE001 - one cell's failure is a record, not the end of the suite
        kind = getattr(error, "kind_of_failure", type(error).__name__)
        sentence = str(error) if isinstance(error, CopycatRefused | AttackFailed) else f"{kind}: {error}"
        with contextlib.suppress(LineClosed):
            line.send({"failed": kind, "sentence": " ".join(sentence.split())[:500]})
        return False
    return True


def die_like(status: int) -> None:
    """Go on after a child that ended well or whose failure was told; else end as it ended.

    A dead child may have left half a message on the line: only a new process with a new line is sure to be understood.
    """
    ended = os.waitstatus_to_exitcode(status)
    if ended < 0:
        os.kill(os.getpid(), -ended)
    if ended not in {0, REPORTED}:
        os._exit(ended)


def die_with_parent() -> None:
    """Linux: a killed referee takes its workers along, also in mid-training."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
