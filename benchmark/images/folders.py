"""Folders of image files, and the reading of one file."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmark.images.classes import index_of
from benchmark.images.decode import MAX_BYTES, Unusable
from benchmark.images.listing import Listing, Skipped, fingerprint, readable
from benchmark.images.sources import FolderSource
from benchmark.refusals import Mismatch


def stamp(path: str) -> tuple[int, int]:
    """Size in bytes and modification time (ns) of a regular file. Raises Unusable for anything else."""
    try:
        seen = os.stat(path)  # noqa: PTH116 - forty thousand Path objects cost more than the stats
    except (OSError, ValueError) as error:
        raise Unusable(_why(error)) from None
    if not stat.S_ISREG(seen.st_mode):
        raise Unusable(
            "a folder, not a file" if stat.S_ISDIR(seen.st_mode) else "a special file (pipe, socket or device)"
        )
    if seen.st_size > MAX_BYTES:
        raise Unusable(f"{seen.st_size:,} bytes, more than {MAX_BYTES:,}")
    return seen.st_size, seen.st_mtime_ns


def read_file(path: str) -> bytes:
    """The content of a regular file. Raises Unusable."""
    size, _ = stamp(path)
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            return file.read(size)  # a buffer of this size is made first: not of the largest size allowed
    except OSError as error:
        raise Unusable(_why(error)) from None


def file_reader(paths: Sequence[str]) -> Callable[[int], bytes]:
    """The function that reads file i of these."""
    return lambda index: read_file(paths[index])


@dataclass(frozen=True)
class FolderFound:
    """A folder on this machine."""

    source: FolderSource
    folder: Path

    @cached_property
    def _walk(self) -> tuple[list[tuple[str, int, int]], list[Skipped]]:
        return walk(self.folder)

    @property
    def fingerprint(self) -> str:
        """Changes with the names, sizes and times of the files."""
        return fingerprint(self._walk[0])

    def listing(self, classes: tuple[str, ...] | None) -> Listing:
        """All files in order of their names; with classes, those below a class's folder. Raises Mismatch."""
        stamps, left_out = self._walk
        names = [name for name, _, _ in stamps]
        if classes is None:
            return self._list(names, np.full(len(names), -1, np.int64), left_out)
        folders = [name.partition("/")[0] if "/" in name else "" for name in names]
        if names and not any(folders):
            raise Mismatch(f"{self.source.text}: holds files, but no folder per class. Make one for each class.")
        indices = index_of(filter(None, folders), self.source.classes, classes, self.source.text) if names else {}
        labels = np.array([indices.get(folder, -1) for folder in folders], np.int64)
        lost = Counter(folder for folder, label in zip(folders, labels, strict=True) if label < 0)
        reasons = [(folder, f"not a class of the problem ({count} files)") for folder, count in sorted(lost.items())]
        left_out = [*left_out, *(Skipped(name=f"{readable(folder)}/", why=why) for folder, why in reasons)]
        kept = np.flatnonzero(labels >= 0)
        # with a mapping, what it does not name is left out on purpose
        strays = () if self.source.classes else tuple(readable(folder) for folder in sorted(lost) if folder)
        return replace(self._list([names[i] for i in kept], labels[kept], left_out), strays=strays)

    def _list(
        self, names: list[str], labels: np.ndarray[tuple[int], np.dtype[np.int64]], left_out: list[Skipped]
    ) -> Listing:
        root = os.fspath(self.folder)

        def where(index: int) -> str:
            return f"{root}/{names[index]}"

        return Listing(names, labels, lambda index: read_file(where(index)), tuple(left_out), where)


def walk(folder: Path) -> tuple[list[tuple[str, int, int]], list[Skipped]]:
    """(name below the folder, bytes, ns) of every regular file, sorted by name, and what was left out.

    Links are followed, each folder is entered once; names that begin with a dot are not looked at.
    """
    stamps: list[tuple[str, int, int]] = []
    left_out: list[Skipped] = []
    entered: set[tuple[int, int]] = set()
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            here = os.stat(folder / below)  # noqa: PTH116 - device and inode tell a loop of links
            if (here.st_dev, here.st_ino) in entered:
                left_out.append(Skipped(name=readable(below), why="a folder that was entered before (a loop of links)"))
                continue
            entered.add((here.st_dev, here.st_ino))
            with os.scandir(folder / below) as entries:
                _look(entries, below, (stamps, left_out, waiting))
        except OSError as error:
            left_out.append(Skipped(name=readable(below) or ".", why=_why(error)))
    return sorted(stamps), left_out


def _look(
    entries: "os._ScandirIterator[str]", below: str, into: tuple[list[tuple[str, int, int]], list[Skipped], list[str]]
) -> None:
    stamps, left_out, waiting = into
    for entry in entries:
        name = below + entry.name
        if entry.name.startswith("."):
            continue
        try:
            if entry.is_dir():
                waiting.append(f"{name}/")
            else:
                stamps.append((name, *stamp(entry.path)))
        except OSError as error:
            left_out.append(Skipped(name=readable(name), why=_why(error)))
        except Unusable as unusable:
            left_out.append(Skipped(name=readable(name), why=str(unusable)))


def _open_without_waiting(path: str, flags: int) -> int:
    """A pipe that took a file's place must not make us wait for its writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _why(error: Exception) -> str:
    """The system's words without the path: folders of this machine stay out of the manifest."""
    return (error.strerror or type(error).__name__).lower() if isinstance(error, OSError) else str(error)
