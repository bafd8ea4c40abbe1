"""A fence around an attack while it runs: no file, process, connection or referee's module is in reach.

The attack already runs in a process that holds no oracle, no test set and no record. The fence also closes the doors of
that process (PEP 578 audit hook): opening a file that is neither a library's nor code, listing folders, starting
processes, connecting, importing the referee's packages. It has no gate: it is put up in a process that plays the attack
and ends with it. It stops accidents and known tricks; against code that is written to break out of Python, run the
benchmark in a container.
"""

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable
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


def put_up(own: Iterable[str] = ()) -> None:
    """From now on, in this process, what is outside of Python's libraries and memory is refused with FenceTouched.

    `own`: the attack's own packages, which may lie anywhere (`pip install -e`) and are read as an installed library is.
    """
    # bound here: what the hook looks up in modules could be replaced there
    realpath, fsdecode, separator = os.path.realpath, os.fsdecode, os.sep
    referee, closed, code_endings, writes = _REFEREE, _CLOSED, _CODE, _writes
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    mine = [place for name in own for place in _folders(name)]
    files = tuple(place for place in mine if os.path.isfile(place))  # noqa: PTH113 - beside its kin
    libraries = tuple({os.path.realpath(sysconfig.get_path(name)) + os.sep for name in names})
    libraries += tuple(place + os.sep for place in mine if place not in files)
    code = tuple(os.path.realpath(entry) + os.sep for entry in sys.path if entry)
    hidden = tuple(folder + os.sep for name in _REFEREE for folder in _folders(name))

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            refuse_place(arguments[0], write=writes(arguments[1], arguments[2]))
        elif event in {"os.listdir", "os.scandir", "os.walk"}:
            refuse_folder(arguments[0])
        elif event == "import" and str(arguments[0]).partition(".")[0] in referee:
            raise FenceTouched(f"an attack may not import {arguments[0]}: it gets ask, pool and rng.")
        elif event.startswith(closed):
            raise FenceTouched(f"an attack may not reach outside ({event}): it gets ask, pool and rng.")

    def refuse_place(path: object, *, write: bool) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return
        place = realpath(fsdecode(path))
        readable = place.startswith(libraries) or place in files or place == "/dev/urandom"
        readable = readable or (place.startswith(code) and place.endswith(code_endings))
        if write or not readable or place.startswith(hidden):
            raise FenceTouched(f"an attack may not open {Path(place).name!r}: it gets ask, pool and rng.")

    def refuse_folder(path: object) -> None:
        # importing looks into the folders of the search path
        place = realpath(fsdecode(path)) + separator if isinstance(path, (str, bytes, os.PathLike)) else ""
        if not (place.startswith(libraries) or place in code) or place.startswith(hidden):
            raise FenceTouched(f"an attack may not list {Path(place).name!r}: it gets ask, pool and rng.")

    sys.addaudithook(watch)


_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def _writes(mode: object, flags: object, writing: int = _WRITING) -> bool:
    wanted = isinstance(flags, int) and bool(flags & writing)
    return wanted or (isinstance(mode, str) and bool(set(mode) & set("wax+")))


def _folders(package: str) -> list[str]:
    """Where a package lies, or the file of a module that is none; nothing is imported to find out."""
    spec = importlib.util.find_spec(package)
    places = spec.submodule_search_locations or [spec.origin or ""] if spec else []
    return [os.path.realpath(place) for place in places if place]
