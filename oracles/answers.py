"""The answers store of one oracle: every label ever got, by image, in one sqlite file that survives a kill.

File `<sha-256 of the oracle file>.sqlite`, one writer at a time (a lock file beside it). Two append-only tables:

    blocks  the keys of some images (keys.py) and their labels, packed, with a crc; a row per commit
    ledger  who asked how many images, and how many of them were computed then; a line has its own crc

An answer and the ledger line that pays for it are one transaction, and the sum of `computed` over the ledger is the
number of answers: a lost block or line shows. Each crc starts from the oracle's digest, so a file under a wrong name
shows too. What sqlite cannot see is a flipped bit in the write-ahead log that a killed process has left: sqlite then
drops the log's tail, and those answers are asked again; no wrong answer comes of it.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import filelock
import numpy as np

from oracles import answers_file, salvage
from oracles.answers_file import Line
from oracles.keys import Index
from oracles.refusals import OracleUnsteady, StoreRefused
from oracles.salvage import Contents


class Totals(NamedTuple):
    """What an account has asked, and for how many of these images it has paid, over the life of the store."""

    asked: int
    computed: int


class Verdict(NamedTuple):
    """What `verify` found in an answers file; it is sound when `faults` is empty."""

    answers: int
    blocks: int
    faults: tuple[str, ...]


class Answers:
    """The open store of the oracle with this digest; made, repaired or continued in `folder`.

    Raises StoreRefused where the folder cannot be written or another process holds the file. A damaged file is set
    aside, what its checksums still vouch for is kept, and `warnings` says so. Threads may share a store.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self.path = folder / f"{digest}.sqlite"
        self.warnings: list[str] = []
        self._digest = digest
        self._mutex = threading.RLock()
        self._pending: dict[str, int] = {}
        self._lock = _hold(self.path)
        try:
            self._db, contents = self._open()
        except BaseException:
            self._lock.release()
            raise
        self._index = Index()
        if len(contents.keys):
            self._index.add(contents.keys, contents.labels)
        self._totals: dict[str, Totals] = {}
        for line in contents.ledger:
            self._count(line.account, line.asked, line.computed)

    def __len__(self) -> int:
        return len(self._index)

    def find(self, keys_N: np.ndarray) -> np.ndarray:
        """The stored labels of these keys, int64 [n]; -1 where there is none."""
        return self._index.find(keys_N)

    def note(self, account: str, asked: int) -> None:
        """Put `asked` images on the account; written with the next commit, or on closing, since nothing is paid."""
        with self._mutex:
            self._pending[account] = self._pending.get(account, 0) + asked

    def add(self, keys_M: np.ndarray, labels_M: np.ndarray, account: str) -> None:
        """Store new answers, paid by `account`; when this returns, they are on the disk.

        The first answer stands: a key that is stored already must come with the stored label, or OracleUnsteady is
        raised and nothing is written. A disk that refuses raises StoreRefused, and nothing is half written.
        """
        if len(np.unique(keys_M)) != len(keys_M):
            raise ValueError(f"{len(keys_M)} answers, but only {len(np.unique(keys_M))} different images")
        with self._mutex:
            if not self._lock.is_locked:
                raise StoreRefused(f"{self.path}: the answers store is closed; open the oracle again")
            known_M = self._index.find(keys_M)
            self._refuse_other(known_M, labels_M)
            new_M = known_M < 0
            keys, labels = keys_M[new_M], labels_M[new_M]
            lines = self._take_lines(account, len(keys))
            with self._transaction():
                answers_file.append(self._db, self._digest, keys, labels, lines)
            self._pending.clear()
            for line in lines:
                self._count(line.account, line.asked, line.computed)
            if len(keys):
                self._index.add(keys, labels)

    def totals(self) -> dict[str, Totals]:
        """What every account has asked and paid so far, this process included."""
        with self._mutex:
            totals = dict(self._totals)
            for account, asked in self._pending.items():
                before = totals.get(account, Totals(0, 0))
                totals[account] = Totals(before.asked + asked, before.computed)
            return totals

    def close(self) -> None:
        """Write what is pending, fold the write-ahead log into the file, close it and let go of the lock."""
        with self._mutex:
            if not self._lock.is_locked:
                return
            try:
                if self._pending:
                    self.add(np.empty(0, dtype="S16"), np.empty(0, dtype=np.int64), "")
            finally:
                with suppress(sqlite3.Error):  # what is committed stays in the log, and the next opening reads it
                    self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._db.close()
                self._lock.release()

    def _open(self) -> tuple[sqlite3.Connection, Contents]:
        try:
            contents = salvage.read(self.path, self._digest)
            if contents.faults:
                self.warnings.append(salvage.set_aside(self.path, self._digest, contents))
                contents = salvage.read(self.path, self._digest)
            return answers_file.connect(self.path), contents
        except (sqlite3.Error, OSError) as error:
            raise _refused(self.path, error) from error

    def _refuse_other(self, known_M: np.ndarray, labels_M: np.ndarray) -> None:
        other = np.flatnonzero((known_M >= 0) & (known_M != labels_M))
        if len(other):
            raise OracleUnsteady(
                f"oracle {self._digest[:12]} gave {len(other)} of {len(labels_M)} images another label than before "
                f"(first: {known_M[other[0]]}, now {labels_M[other[0]]}); the stored answers stand"
            )

    def _take_lines(self, account: str, computed: int) -> list[Line]:
        """The pending ledger lines; the account that pays comes last, so that its line is the commit's."""
        now = int(time.time())
        lines = [Line(who, asked, 0, now) for who, asked in self._pending.items() if who != account]
        if computed or account in self._pending:
            lines.append(Line(account, self._pending.get(account, 0), computed, now))
        return lines

    def _count(self, account: str, asked: int, computed: int) -> None:
        before = self._totals.get(account, Totals(0, 0))
        self._totals[account] = Totals(before.asked + asked, before.computed + computed)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with answers_file.transaction(self._db):
                yield
        except sqlite3.Error as error:
            raise _refused(self.path, error) from error


def verify(path: Path) -> Verdict:
    """Check every block and line of an answers file that nobody has open; changes nothing that is stored."""
    lock = _hold(path)
    try:
        if not path.exists():
            raise StoreRefused(f"{path}: there is no such answers store")
        contents = salvage.read(path, path.stem)
    except (sqlite3.Error, OSError) as error:
        raise _refused(path, error) from error
    finally:
        lock.release()
    return Verdict(len(contents.keys), contents.blocks, contents.faults)


def read_index(path: Path) -> Index:
    """What a file that nobody has open answers, read under its lock and left as it is; its sound part where damaged."""
    lock = _hold(path)
    try:
        contents = salvage.read(path, path.stem)
    except (sqlite3.Error, OSError) as error:
        raise _refused(path, error) from error
    finally:
        lock.release()
    index = Index()
    if len(contents.keys):
        index.add(contents.keys, contents.labels)
    return index


def _hold(path: Path) -> filelock.BaseFileLock:
    """The lock of this answers file, held; the system lets go of it when the process dies."""
    lock = filelock.FileLock(path.with_suffix(".lock"), timeout=0, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except filelock.Timeout as error:
        raise StoreRefused(
            f"{path}: already open elsewhere, and an answers store has one writer; "
            "wait for that run, or name another folder"
        ) from error
    except OSError as error:
        raise _refused(path, error) from error
    return lock


def _refused(path: Path, error: Exception) -> StoreRefused:
    return StoreRefused(
        f"{path}: the answers store cannot be written or read ({error}); nothing acknowledged is lost: "
        "make room or name another folder, and run again"
    )
