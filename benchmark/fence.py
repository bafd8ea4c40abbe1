"""A fence around an attack while it runs: no file, process, connection or referee's module is in reach.

The attack already runs in a process that holds no oracle, no test set and no record. The fence also closes the doors of
that process (PEP 578 audit hook): opening a file that is neither a library's nor code, listing folders, starting
processes, connecting, importing the referee's packages. It stops accidents and known tricks; against code that is
written to break out of Python, run the benchmark in a container.
"""

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

_REFEREE = ("benchmark", "oracles", "converters")
_CODE = (".py", ".pyc", ".so", ".pyd", ".dist-info/entry_points.txt")
_CLOSED = (
    *("subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.kill", "ctypes.dlopen"),
    *("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown"),
    *("os.chdir", "shutil.", "glob.", "pathlib.", "socket.", "sqlite3.", "urllib.", "http.", "ftplib.", "smtplib."),
)


class FenceTouched(PermissionError):
    """An attack reached for something outside `ask` and the pool."""


@contextmanager
def fenced() -> Iterator[None]:
    """While the block runs, whatever is outside of Python's libraries and memory is refused with FenceTouched."""
    put = _hook()
    put(True)
    try:
        yield
    finally:
        put(False)


@cache
def _hook() -> Callable[[bool], None]:  # noqa: C901 - nested, so that no name leads to the switch
    """Install the audit hook, which can neither be removed nor found by name, and answer its switch."""
    up = False
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    libraries = tuple({os.path.realpath(sysconfig.get_path(name)) + os.sep for name in names})
    code = tuple(os.path.realpath(entry) + os.sep for entry in sys.path if entry)
    hidden = tuple(folder + os.sep for name in _REFEREE for folder in _folders(name))

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if not up:
            return
        if event == "open":
            refuse_place(arguments[0], writes=_writes(arguments[1], arguments[2]))
        elif event in {"os.listdir", "os.scandir", "os.walk"}:
            refuse_folder(arguments[0])
        elif event == "import" and str(arguments[0]).partition(".")[0] in _REFEREE:
            raise FenceTouched(f"an attack may not import {arguments[0]}: it gets ask, pool and rng.")
        elif event.startswith(_CLOSED):
            raise FenceTouched(f"an attack may not reach outside ({event}): it gets ask, pool and rng.")

    def refuse_place(path: object, *, writes: bool) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        place = os.path.realpath(os.fsdecode(path))
        readable = place.startswith(libraries) or place == "/dev/urandom"
        readable = readable or (place.startswith(code) and place.endswith(_CODE))
        if writes or not readable or place.startswith(hidden):
            raise FenceTouched(f"an attack may not open {Path(place).name!r}: it gets ask, pool and rng.")

    def refuse_folder(path: object) -> None:
        # importing looks into the folders of the search path
        place = os.path.realpath(os.fsdecode(path)) + os.sep if isinstance(path, (str, bytes, os.PathLike)) else ""
        if not (place.startswith(libraries) or place in code) or place.startswith(hidden):
            raise FenceTouched(f"an attack may not list {Path(place).name!r}: it gets ask, pool and rng.")

    def put(wanted: bool) -> None:
        nonlocal up
        up = wanted

    sys.addaudithook(watch)
    return put


def _writes(mode: object, flags: object) -> bool:
    wanted = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    return wanted or (isinstance(mode, str) and bool(set(mode) & set("wax+")))


def _folders(package: str) -> list[str]:
    spec = importlib.util.find_spec(package)
    return [os.path.realpath(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
