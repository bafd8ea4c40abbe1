"""Copies a Keras file in a process of its own: on a damaged file the library of HDF5 may end it, or never end."""

import json
import os
import subprocess
import sys
from pathlib import Path

from converters import refusals
from converters.keras.archive import BYTES_LIMIT, clean_copy
from converters.refusals import ConversionRefused, SourceDamaged

SECONDS = 30.0
_BYTES_PER_SECOND = 20e6  # of a slow disk
_ROOT = Path(__file__).resolve().parents[2]
_START = f"import sys; sys.path.append({str(_ROOT)!r}); from converters.keras.child import main; main()"
_ANSWER_LIMIT = 64 << 10
_KEPT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "PYTHONPATH")


def copied(path: Path, folder: Path) -> Path:
    """As converters.keras.archive.clean_copy, whatever the file does to its reader. Raises the same refusals."""
    command = [sys.executable, "-P", "-c", _START, str(path), str(folder)]
    environment = {key: os.environ[key] for key in _KEPT if key in os.environ}
    seconds = SECONDS + path.stat().st_size / _BYTES_PER_SECOND
    try:
        child = subprocess.run(  # noqa: S603 - our own interpreter, no shell
            command, capture_output=True, check=False, timeout=seconds, cwd=folder, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise SourceDamaged(
            f"{path.name}: its reader was still busy after {seconds:.0f} seconds; the file is damaged, copy it again."
        ) from error
    try:
        answer = json.loads(child.stdout[:_ANSWER_LIMIT])
    except ValueError as error:
        raise SourceDamaged(f"{path.name}: ended its reader; the file is damaged, copy it again.") from error
    if "copy" in answer:
        return folder / Path(str(answer["copy"])).name
    kind: type[ConversionRefused] = getattr(refusals, str(answer["kind"]))
    raise kind(answer["said"])


def main() -> None:
    """The child: copies argv[1] into the folder argv[2] and prints the copy's name, or the refusal, as JSON."""
    _limit_memory()
    try:
        answer = {"copy": clean_copy(Path(sys.argv[1]), Path(sys.argv[2])).name}
    except ConversionRefused as refusal:
        answer = {"kind": type(refusal).__name__, "said": str(refusal)}
    sys.stdout.write(json.dumps(answer))


def _limit_memory() -> None:
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (3 * BYTES_LIMIT, 3 * BYTES_LIMIT))
