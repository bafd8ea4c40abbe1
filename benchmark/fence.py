"""A fence around an attack while it runs: no file, process, connection or referee's module is in reach.

The attack already runs in a process that holds no oracle, no test set and no record. The fence also closes the doors of
that process (PEP 578 audit hook): opening a file outside the installed libraries, listing folders, starting processes,
connecting, importing the referee's packages. It stops accidents and known tricks; against code that is written to break
out of Python, run the benchmark in a container.
"""

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_REFEREE = ("benchmark", "oracles", "converters")
_CLOSED = (
    *("subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.kill", "ctypes.dlopen"),
    *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown"),
    *("os.chdir", "shutil.", "glob.", "pathlib.", "socket.", "sqlite3.", "urllib.", "http.", "ftplib.", "smtplib."),
)

_up = False
_installed = False
_libraries: tuple[str, ...] = ()
_hidden: tuple[str, ...] = ()


class FenceTouched(PermissionError):
    """An attack reached for something outside `ask` and the pool."""


@contextmanager
def fenced() -> Iterator[None]:
    """While the block runs, whatever is outside of Python's libraries and memory is refused with FenceTouched."""
    global _up, _installed, _libraries, _hidden  # noqa: PLW0603 - an audit hook can neither be removed nor parametrised
    if not _installed:
        paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
        _libraries = tuple(os.path.realpath(path) + os.sep for path in paths if path)
        _hidden = tuple(folder + os.sep for name in _REFEREE for folder in _folders(name))
        sys.addaudithook(_watch)
        _installed = True
    _up = True
    try:
        yield
    finally:
        _up = False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if not _up:
        return
    if event == "open":
        _watch_place(arguments[0], _writes(arguments[1], arguments[2]))
    elif event in {"os.listdir", "os.scandir", "os.walk"}:
        _watch_place(arguments[0], writes=False)  # importing looks into the libraries' folders
    elif event == "import" and str(arguments[0]).partition(".")[0] in _REFEREE:
        raise FenceTouched(f"an attack may not import {arguments[0]}: it gets ask, pool and rng.")
    elif event.startswith(_CLOSED):
        raise FenceTouched(f"an attack may not reach outside ({event}): it gets ask, pool and rng.")


def _watch_place(path: object, writes: bool) -> None:
    if not isinstance(path, (str, bytes, os.PathLike)):
        return
    place = os.path.realpath(os.fsdecode(path))
    inside = (place + os.sep).startswith(_libraries) or place == "/dev/urandom"
    if writes or not inside or (place + os.sep).startswith(_hidden):
        raise FenceTouched(f"an attack may not open {Path(place).name!r}: it gets ask, pool and rng.")


def _writes(mode: object, flags: object) -> bool:
    wanted = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return wanted or (isinstance(mode, str) and bool(set(mode) & set("wax+")))


def _folders(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    return [os.path.realpath(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
