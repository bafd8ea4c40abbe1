"""Opening files of strangers: everything that reads or runs them happens in a throw-away process within limits."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from oracles import refusals
from oracles.card import Card, Digest, DroppedCard, Finding, Text, printable
from oracles.intake import Seen, digest, place, read_mean_image, see
from oracles.refusals import OracleCrashed, OracleRefused, TooBig, TooSlow

# file names inside the folder that the two processes share; the child's own copies are in quarantine_child.py
_RESULT, _SEALED, _MEAN_IMAGE = "result.json", "sealed.onnx", "mean_image.npy"
_RESULT_BYTES = 16 << 20
# how much longer than the child's own time the parent waits for the process that watches the child
_PATIENCE_SECONDS = 15
_START = "import sys; sys.path.append({root!r}); from oracles.quarantine_child import main; main()"


@dataclass(frozen=True)
class Limits:
    """What one trial may take: bytes of the file, seconds of wall clock, bytes of memory beside eight copies of it."""

    file_bytes: int = 2_000_000_000
    seconds: float = 60.0
    memory_bytes: int = 4 << 30


class Inspection(BaseModel):
    """What is known of an inspected file; `sealed_sha256` is the identity of the oracle file that it became."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Text
    sha256: Digest
    bytes: int
    producer: Text
    opset: int
    findings: tuple[Finding, ...]
    warnings: tuple[Text, ...]
    card: Card
    sealed_sha256: Digest


def inspect(
    path: Path, card: DroppedCard | None = None, *, out: Path | None = None, limits: Limits | None = None
) -> Inspection:
    """Examine and seal one file in a throw-away process; the oracle file goes to `out`, whole or not at all.

    Raises OracleRefused: one sentence that begins with the file's name. For many files use Quarantine, which starts
    the process once.
    """
    with Quarantine(limits) as quarantine:
        return quarantine.inspect(path, card, out=out)


class Quarantine:
    """A warm process that forks one child per file, so that inspecting many does not pay for the imports each time."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> "Quarantine":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def inspect(self, path: Path, card: DroppedCard | None = None, *, out: Path | None = None) -> Inspection:
        """As the function inspect."""
        shown = printable(path.name, 100)
        try:
            with tempfile.TemporaryDirectory(prefix="oracle-") as work:
                return self._inspect(path, card or DroppedCard(), out, Path(work))
        except OracleRefused as refusal:
            raise type(refusal)(f"{shown}: {refusal}") from refusal

    def close(self) -> None:
        """End the process; it is started again when it is needed."""
        with self._lock:
            self._stop()

    def _inspect(self, path: Path, card: DroppedCard, out: Path | None, work: Path) -> Inspection:
        seen = see(path, self.limits.file_bytes)
        if card.mean_image is not None:
            np.save(work / _MEAN_IMAGE, read_mean_image(path.parent, card.mean_image), allow_pickle=False)
        order = {
            "path": str(seen.path),
            "name": printable(path.name, 200),
            "sha256": seen.sha256,
            "card": card.model_dump(mode="json", exclude_none=True),
            "work": str(work),
            "seconds": self.limits.seconds,
            "memory_bytes": self.limits.memory_bytes,
        }
        with self._lock:
            end = self._send(order)
        inspection = self._verdict(work, end, seen, printable(path.name, 200))
        if digest(work / _SEALED) != inspection.sealed_sha256:
            raise OracleCrashed("the sealed file is not the one that was tried; inspect it again")
        if out is not None:
            with (work / _SEALED).open("rb") as sealed:
                place(sealed, out)
        return inspection

    def _verdict(self, work: Path, end: dict[str, Any], seen: Seen, name: str) -> Inspection:
        """The child's result, or what its end says where it left none."""
        try:
            with (work / _RESULT).open("rb") as file:
                result = json.loads(file.read(_RESULT_BYTES))
            if "refusal" in result:
                raise _refusal(str(result["refusal"]), str(result["message"]))
            card = Card.model_validate(result.pop("card"))
            return Inspection(
                file=name, sha256=seen.sha256, bytes=seen.bytes, warnings=card.warnings, card=card, **result
            )
        except FileNotFoundError:
            raise self._died(end) from None
        except (ValueError, TypeError, KeyError) as error:  # pydantic's ValidationError is a ValueError
            raise OracleCrashed("the trial left no readable result; inspect the file again") from error

    def _died(self, end: dict[str, Any]) -> OracleRefused:
        number = int(end.get("signal", 0))
        if end.get("late") or number == signal.SIGXCPU:
            return TooSlow(
                f"the trial did not end within {self.limits.seconds:g} s; remove an endless loop, or allow it more time"
            )
        if number == signal.SIGKILL:
            return TooBig("the system ended the trial, as it does when memory runs out; make the model smaller")
        name = signal.Signals(number).name if number in set(signal.Signals) else f"code {number}"
        return OracleCrashed(f"the model crashed the process in which it was tried ({name}); export it again")

    def _send(self, order: dict[str, Any]) -> dict[str, Any]:
        """Hand the order over and wait for how the child ended; a process that fails to answer is replaced."""
        process = self._started()
        stdin, stdout = _pipes(process)
        line = b""
        try:
            stdin.write(json.dumps(order).encode() + b"\n")
            stdin.flush()
            ready, _, _ = select.select([stdout], [], [], self.limits.seconds + _PATIENCE_SECONDS)
            line = stdout.readline() if ready else b""
            return dict(json.loads(line)) if line else {"signal": 0, "late": not ready}
        except (BrokenPipeError, ValueError):
            return {"signal": 0, "late": False}
        finally:
            if not line:
                self._stop()

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and self._process.poll() is not None:
            self._stop()
        if self._process is None:
            root = str(Path(__file__).resolve().parent.parent)
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, no shell
                [sys.executable, "-I", "-c", _START.format(root=root)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd="/",
                env=_environment(),
                start_new_session=True,
            )
        return self._process

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in _pipes(process):
            with contextlib.suppress(OSError):
                pipe.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _refusal(name: str, message: str) -> OracleRefused:
    """The refusal that the child named; a name that is none becomes the root of the tree."""
    kind = getattr(refusals, name, OracleRefused)
    known = isinstance(kind, type) and issubclass(kind, OracleRefused)
    return (kind if known else OracleRefused)(printable(message, 1000))


def _environment() -> dict[str, str]:
    """Nothing of ours but where programs and libraries are: no tokens, no proxies. One thread: the process forks."""
    kept = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if key in os.environ}
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**kept, **single, "LC_ALL": "C.UTF-8", "CUDA_VISIBLE_DEVICES": "", "HOME": "/nonexistent"}


def _pipes(process: "subprocess.Popen[bytes]") -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the quarantine process was started without pipes")
    return process.stdin, process.stdout
