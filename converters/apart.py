"""Calls one of our functions in a process of its own: a library given a stranger's file may end it, or never end."""

import importlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters import refusals
from converters.refusals import ConversionRefused, ReaderLost

SECONDS = 30.0
MEMORY = 6 << 30
_BYTES_PER_SECOND = 20e6  # of a slow disk
_ROOT = Path(__file__).resolve().parents[1]
_START = f"import sys; sys.path.append({str(_ROOT)!r}); from converters.apart import main; main()"
_KEPT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "PYTHONPATH", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class Task:
    """What is called: `function`, as "module:name", with texts; it returns what JSON can hold.

    `folder`: the child's working folder, where it may leave files. `name`: what it reads, for refusals. `memory`: the
    bytes that the child may address. `seconds`: how long it may take.
    """

    function: str
    arguments: tuple[str, ...]
    folder: Path
    name: str
    seconds: float
    memory: int = MEMORY


def time_for(path: Path) -> float:
    """Seconds in which any sound file of this size is read."""
    return SECONDS + path.stat().st_size / _BYTES_PER_SECOND


def call(task: Task) -> Any:
    """What the function returned; its refusals are raised here. ReaderLost for a child that died or did not end."""
    command = [sys.executable, "-P", "-c", _START, task.function, str(task.memory), *task.arguments]
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
    try:
        child = subprocess.run(  # noqa: S603 - our own interpreter, no shell
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=task.seconds,
            cwd=task.folder,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise _lost(task, f"its reader was still busy after {task.seconds:.0f} seconds") from error
    try:
        answer = json.loads(child.stdout.rpartition(b"\n")[2])
    except ValueError as error:
        raise _lost(task, f"ended its reader{_signal(child.returncode)}") from error
    if "returned" in answer:
        return answer["returned"]
    kind: type[ConversionRefused] = getattr(refusals, str(answer["kind"]))
    raise kind(answer["said"])


def _lost(task: Task, how: str) -> ReaderLost:
    return ReaderLost(f"{task.name}: {how}; the file is damaged, copy it again.", how)


def _signal(code: int) -> str:
    return f" ({signal.Signals(-code).name})" if code < 0 and -code in set(signal.Signals) else ""


def main() -> None:
    """The child: calls the function argv[1] within argv[2] bytes, and prints what it returns or refuses as JSON."""
    module, _, name = sys.argv[1].partition(":")
    _limit_memory(int(sys.argv[2]))
    try:
        answer = {"returned": getattr(importlib.import_module(module), name)(*sys.argv[3:])}
    except ConversionRefused as refusal:
        answer = {"kind": type(refusal).__name__, "said": str(refusal)}
    # on a line of its own, whatever a library has written before
    sys.stdout.write("\n" + json.dumps(answer))


def _limit_memory(limit: int) -> None:
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
