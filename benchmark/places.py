"""Where things lie on this machine: caches, data, oracles, results."""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from benchmark.refusals import Refused

ZOO = Path(__file__).resolve().parent.parent / "oracles" / "zoo"


@dataclass(frozen=True)
class Places:
    """The folders that one invocation works with; all absolute."""

    cache: Path
    data: tuple[Path, ...] = ()
    oracles: tuple[Path, ...] = (ZOO,)
    out: Path = Path("runs")


def find_places(
    data: Iterable[Path | str] = (), oracles: Iterable[Path | str] = (), out: Path | str = "runs"
) -> Places:
    """The folders of one invocation, absolute; oracle folders given come before the zoo. Raises as `find_data`."""
    scanned = tuple(Path(folder).expanduser().resolve() for folder in oracles)
    found = find_data(tuple(Path(folder) for folder in data))
    return Places(find_cache(), found, (*scanned, ZOO), Path(out).expanduser().resolve())


def find_cache() -> Path:
    """The cache folder: $BENCHMARK_CACHE, else the user's cache folder, else (no writable home) a temporary one."""
    chosen = os.environ.get("BENCHMARK_CACHE")
    if chosen:
        return Path(chosen).expanduser().resolve()
    try:
        folder = Path(platformdirs.user_cache_dir("copycat-benchmark", appauthor=False)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return Path(tempfile.gettempdir()).resolve() / f"copycat-benchmark-{_user()}"
    return (
        folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir()).resolve() / f"copycat-benchmark-{_user()}"
    )


def find_data(given: tuple[Path, ...]) -> tuple[Path, ...]:
    """The data folders: those given first, then $BENCHMARK_DATA (a path list). Raises Refused if one is absent."""
    listed = [Path(part) for part in os.environ.get("BENCHMARK_DATA", "").split(os.pathsep) if part]
    folders = tuple(folder.expanduser().resolve() for folder in (*given, *listed))
    for folder in folders:
        if folder.is_file():
            raise Refused(f"{folder}: a file, not a folder of data. Name its folder: --data {folder.parent}")
        if not folder.is_dir():
            raise Refused(f"{folder}: no such folder of data. Check --data and BENCHMARK_DATA.")
    return folders


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"
