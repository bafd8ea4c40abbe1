"""The sqlite file of an answers store: its tables, and how it is opened and appended to."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np

APPLICATION_ID = 0x434F5043
SCHEMA_VERSION = 1
LABEL = np.dtype("<i4")
_MAGIC = b"SQLite format 3\x00"
_BLOCK_ANSWERS = 10_000


class Line(NamedTuple):
    """A line of the ledger: `account` asked so many images at `at` (Unix seconds), and so many had to be computed."""

    account: str
    asked: int
    computed: int
    at: int


def connect(path: Path) -> sqlite3.Connection:
    """Open a file for writing, made first if need be: a write-ahead log, or a rollback journal where that fails."""
    try:
        return make(path, "WAL")
    except sqlite3.OperationalError:  # some file systems accept the pragma, and fail at the first write
        return make(path, "TRUNCATE")


def make(path: Path, journal: str) -> sqlite3.Connection:
    """Open a file for writing with this journal mode ("WAL" or "TRUNCATE"), and write once to see that it works."""
    # threads take turns under the store's lock
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute(f"PRAGMA journal_mode={journal}")
        db.execute("PRAGMA synchronous=FULL")
        strict = " STRICT" if sqlite3.sqlite_version_info >= (3, 37) else ""
        with transaction(db):  # also the probe that this journal can be written
            db.execute(f"PRAGMA application_id={APPLICATION_ID}")
            db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            db.execute(
                "CREATE TABLE IF NOT EXISTS blocks(block INTEGER PRIMARY KEY, keys BLOB NOT NULL, "
                f"labels BLOB NOT NULL, crc INTEGER NOT NULL){strict}"
            )
            db.execute(
                "CREATE TABLE IF NOT EXISTS ledger(line INTEGER PRIMARY KEY, account TEXT NOT NULL, "
                f"asked INTEGER NOT NULL, computed INTEGER NOT NULL, at INTEGER NOT NULL, crc INTEGER NOT NULL){strict}"
            )
    except BaseException:
        db.close()
        raise
    return db


def append(
    db: sqlite3.Connection, digest: str, keys_M: np.ndarray, labels_M: np.ndarray, lines: Sequence[Line]
) -> None:
    """Insert answers and ledger lines; call it inside a transaction."""
    seed = crc32(digest.encode())
    for start in range(0, len(keys_M), _BLOCK_ANSWERS):
        keys = keys_M[start : start + _BLOCK_ANSWERS].tobytes()
        labels = labels_M[start : start + _BLOCK_ANSWERS].astype(LABEL).tobytes()
        db.execute("INSERT INTO blocks(keys, labels, crc) VALUES (?, ?, ?)", (keys, labels, crc32(keys + labels, seed)))
    for line in lines:
        db.execute(
            "INSERT INTO ledger(account, asked, computed, at, crc) VALUES (?, ?, ?, ?, ?)",
            (*line, line_crc(line, seed)),
        )


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All of it on the disk, or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # sqlite has rolled back by itself after most errors
            db.execute("ROLLBACK")
        raise


def line_crc(line: Line, seed: int) -> int:
    """The checksum of a ledger line; `seed` is that of the oracle's digest."""
    return crc32("\x1f".join(map(str, line)).encode("utf-8", "surrogatepass"), seed)
