"""The ledger: all records of a folder, one write-once file each.

`<cell digest>.json` is a done record; `<cell digest>.attempt-N.json` one that failed, crashed or lacked data. Nothing
is ever overwritten: a failed cell is played again and leaves a further file, and a done record ends the matter.
"""

import contextlib
import os
import re
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

from benchmark.cell import Cell
from benchmark.records import Record, pack, unpack
from benchmark.refusals import EnvironmentRefused, RecordDamaged


class HasCell(Protocol):
    """A record, or what a reader takes of one."""

    @property
    def cell(self) -> Cell:
        """The cell that it is about."""


Read = TypeVar("Read", bound=HasCell)

_NAME = re.compile(r"(?P<digest>[0-9a-f]{64})(?:\.attempt-(?P<attempt>[0-9]+))?\.json")


class Ledger:
    """The records below `<out>/records`.

    A file that cannot be read as a record counts as absent and is said; it is also renamed to `*.damaged`, so that its
    cell is played again, unless `only_read`. Several processes may write to one ledger: they write different cells, or
    the same cell twice, which is harmless.
    """

    def __init__(self, out: Path, say: Callable[[str], None] = lambda _: None, *, only_read: bool = False) -> None:
        self.folder = out / "records"
        self._say = say
        self._only_read = only_read
        self._attempts: defaultdict[str, set[int]] = defaultdict(set)
        self._done: set[str] = set()
        for name in self._names():
            self._note(name)

    def __contains__(self, digest: str) -> bool:
        """Whether a readable done record of this cell is there."""
        done = digest in self._done or self._path(digest).exists()
        return done and self._open(self._path(digest), unpack) is not None

    def __iter__(self) -> Iterator[Record]:
        """The standing record of every cell, in the order of their digests."""
        return self.read(unpack)

    def __len__(self) -> int:
        return len(self._done | self._attempts.keys())

    def read(self, unpacked: Callable[[bytes, str], Read]) -> Iterator[Read]:
        """As iteration, with each file's bytes and name given to `unpacked`, for readers that need only a part."""
        for digest in sorted(self._done | self._attempts.keys()):
            found = self._standing(digest, unpacked)
            if found is not None:
                yield found

    def find(self, digest: str) -> Record | None:
        """The standing record of a cell: its done one, else its last attempt, else None.

        A shortened digest will do when only one cell has it.
        """
        known = [digest]
        if len(digest) < 64:
            known = [name for name in self._done | self._attempts.keys() if name.startswith(digest)]
        return self._standing(known[0], unpack) if len(known) == 1 else None

    def append(self, record: Record) -> Record:
        """Write a record and return it as written: its `attempt` comes after those of this cell that are there.

        Raises EnvironmentRefused when the folder cannot be written; then nothing is visible of the record.
        """
        digest = record.cell.digest
        standing = self.find(digest) if record.status == "data missing" else None
        if standing and standing.status == "data missing":
            return standing  # it is still missing: there is nothing new to keep
        following = max(self._attempts.get(digest, ()), default=0) + 1
        numbered = record.model_copy(update={"attempt": max(record.attempt, following)})
        path = self._path(digest, None if record.status == "done" else numbered.attempt)
        write_once(path, pack(numbered))
        self._note(path.name)
        return numbered

    def _standing(self, digest: str, unpacked: Callable[[bytes, str], Read]) -> Read | None:
        paths = [self._path(digest)]  # looked for, not looked up: another process may have written it since
        paths += [self._path(digest, attempt) for attempt in sorted(self._attempts.get(digest, ()), reverse=True)]
        return next((found for path in paths if (found := self._open(path, unpacked)) is not None), None)

    def _open(self, path: Path, unpacked: Callable[[bytes, str], Read]) -> Read | None:
        """What the file holds; one that cannot be read as a record is set aside and counts as absent."""
        try:
            return _checked(unpacked(path.read_bytes(), path.name), path.name)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EnvironmentRefused(f"{path}: cannot be read ({error.strerror}). Check the folder's rights.") from None
        except RecordDamaged as damage:
            self._set_aside(path, damage)
            return None

    def _set_aside(self, path: Path, damage: RecordDamaged) -> None:
        aside = path.with_name(f"{path.name}.damaged")
        if self._only_read:
            self._say(f"{damage} It counts as not run.")
            return
        try:
            path.replace(aside)
        except OSError as error:
            raise EnvironmentRefused(
                f"{path}: damaged, and cannot be set aside ({error.strerror}). Rename or remove it."
            ) from None
        self._say(f"{damage} Set aside as {aside.name}; its cell will be played again.")
        found = _NAME.fullmatch(path.name)
        if found and found["attempt"] is None:
            self._done.discard(found["digest"])
        elif found:
            self._attempts[found["digest"]].discard(int(found["attempt"]))

    def _path(self, digest: str, attempt: int | None = None) -> Path:
        return self.folder / (f"{digest}.json" if attempt is None else f"{digest}.attempt-{attempt}.json")

    def _names(self) -> list[str]:
        try:
            return [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise EnvironmentRefused(
                f"{self.folder}: cannot be listed ({error.strerror}). Check the folder, or choose another with --out."
            ) from None

    def _note(self, name: str) -> None:
        found = _NAME.fullmatch(name)
        if found and found["attempt"] is None:
            self._done.add(found["digest"])
        elif found:
            self._attempts[found["digest"]].add(int(found["attempt"]))


def _checked(found: Read, name: str) -> Read:
    if not name.startswith(found.cell.digest):
        raise RecordDamaged(f"{name}: holds the record of another cell, {found.cell.digest[:12]}.")
    return found


def write_once(path: Path, content: bytes) -> None:
    """Write a file so that it is there as a whole or not at all, also after a crash or a power cut.

    A temporary file in the same folder, fsync, rename, fsync of the folder. Raises EnvironmentRefused when that fails.
    """
    temporary = path.with_name(f".{path.name[:80]}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_through(temporary, content)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise EnvironmentRefused(
            f"{path}: cannot be written ({error.strerror or error}). Free some space, or change the folder with --out."
        ) from None


def _write_through(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    """So that the new name survives a power cut; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
