"""Reads an answers file back with every doubt, and puts what is sound of a damaged one in its place."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from oracles.answers_file import APPLICATION_ID, LABEL, SCHEMA_VERSION, Line, append, line_crc, make, transaction
from oracles.keys import KEY, KEY_BYTES
from oracles.refusals import AnswersDamaged

_MAGIC = b"SQLite format 3\x00"
# a hole in a damaged table ends the search for further rows when it is wider than this
_REACH = 1_000
# codes that say "this file is not what it should be"; all others are the disk's, the folder's or another process's
_DAMAGE = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_TOOBIG,
}
# what reading a damaged file raises; sqlite quotes its bytes in messages that are then no text
_UNREADABLE = (sqlite3.Error, UnicodeDecodeError)


class Contents(NamedTuple):
    """What the checksums of a file vouch for; `faults` names what they do not."""

    keys: np.ndarray
    labels: np.ndarray
    blocks: int
    ledger: tuple[Line, ...]
    faults: tuple[str, ...]


def read(path: Path, digest: str) -> Contents:
    """Read and check a whole file.

    What is the disk's fault and not the file's stays an sqlite3.Error or OSError; a newer version is AnswersDamaged.
    """
    if not path.exists() or path.stat().st_size == 0:
        return _contents([], [], [])
    faults = _header_faults(path)
    if faults:
        return _contents([], [], faults)
    seed = crc32(digest.encode())
    blocks: list[tuple[np.ndarray, np.ndarray]] = []
    ledger: list[Line] = []
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA locking_mode=EXCLUSIVE")  # so that a log is read without shared memory
            if not _is_new(db):
                _refuse_newer(db, path)
                faults += _structure_faults(db)
                blocks, ledger = _gather(db, seed, faults)
    except _UNREADABLE as error:
        _raise_unless_damage(error)
        faults.append(str(error))
    return _contents(blocks, ledger, faults)


def set_aside(path: Path, digest: str, contents: Contents) -> str:
    """Put a file with the sound contents in the place of a damaged one, which is kept; the sentence that says so.

    A kill at any moment leaves the damaged file or its replacement in place, never neither.
    """
    number = 1
    while (kept := path.with_suffix(f".damaged-{number}.sqlite")).exists():
        number += 1
    shutil.copy2(path, kept)
    for log in ("-wal", "-journal"):  # left in place, sqlite would play it into the new file
        with suppress(FileNotFoundError):
            Path(f"{path}{log}").replace(f"{kept}{log}")
    fresh = path.with_suffix(".fresh")
    fresh.unlink(missing_ok=True)
    with closing(make(fresh, "TRUNCATE")) as db, transaction(db):
        append(db, digest, contents.keys, contents.labels, _balanced(contents))
    fresh.replace(path)
    _sync_folder(path.parent)
    return (
        f"{path.name}: damaged ({contents.faults[0]}); kept as {kept.name}, "
        f"{len(contents.keys):,} answers with a right checksum carried over, the others will be asked again"
    )


def _header_faults(path: Path) -> list[str]:
    with path.open("rb") as file:
        head = file.read(20)
    if head[:16] != _MAGIC:
        return ["not an sqlite file"]
    # a version above 2 would open read-only, and look like a folder's fault
    return [] if len(head) == 20 and set(head[18:20]) <= {1, 2} else ["the header is not sqlite's"]


def _is_new(db: sqlite3.Connection) -> bool:
    """Whether a process died before its first transaction: the journal mode is set, and nothing else."""
    identity = db.execute("PRAGMA application_id").fetchone()[0]
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return (identity, tables) == (0, 0)


def _refuse_newer(db: sqlite3.Connection, path: Path) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise AnswersDamaged(
            f"{path}: an answers store of version {version}, and this program reads up to {SCHEMA_VERSION}; "
            "update the program, or name another folder"
        )


def _structure_faults(db: sqlite3.Connection) -> list[str]:
    faults = []
    identity = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if (identity, version) != (APPLICATION_ID, SCHEMA_VERSION):
        faults.append(f"application {identity:#x} version {version}, not {APPLICATION_ID:#x} version {SCHEMA_VERSION}")
    try:
        check = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except _UNREADABLE as error:
        _raise_unless_damage(error)
        check = str(error)
    return faults if check == "ok" else [*faults, " ".join(str(check).split())]


def _gather(
    db: sqlite3.Connection, seed: int, faults: list[str]
) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[Line]]:
    blocks, ledger = [], []
    for number, keys, labels, crc in _rows(db, "block, keys, labels, crc FROM blocks", "block", faults):
        count = len(labels) // LABEL.itemsize if isinstance(labels, bytes) else -1
        if not isinstance(keys, bytes) or len(keys) != count * KEY_BYTES or crc32(keys + labels, seed) != crc:
            faults.append(f"block {number} does not match its checksum")
            continue
        blocks.append((np.frombuffer(keys, KEY), np.frombuffer(labels, LABEL)))
    for number, *entry, crc in _rows(db, "line, account, asked, computed, at, crc FROM ledger", "line", faults):
        line = Line(*entry)
        if line_crc(line, seed) != crc:
            faults.append(f"ledger line {number} does not match its checksum")
            continue
        ledger.append(line)
    return blocks, ledger


def _rows(db: sqlite3.Connection, what: str, number: str, faults: list[str]) -> Iterator[tuple[Any, ...]]:
    """All rows in order; past an unreadable place, one by one, as far as they can be found."""
    last = 0
    try:
        for row in db.execute(f"SELECT {what} ORDER BY {number}"):
            if row[0] != last + 1:
                faults.append(f"{number} {last + 1} is missing")
            last = row[0]
            yield row
    except _UNREADABLE as error:
        _raise_unless_damage(error)
        faults.append(f"after {number} {last}: {error}")
    else:
        return
    reach = last + _REACH
    while last < reach:
        last += 1
        with suppress(*_UNREADABLE):
            found = db.execute(f"SELECT {what} WHERE {number} = ?", (last,)).fetchone()
            if found is not None:
                reach = last + _REACH
                yield found


def _contents(blocks: list[tuple[np.ndarray, np.ndarray]], ledger: list[Line], faults: list[str]) -> Contents:
    """Put blocks together; an image that was answered twice, and a ledger that counts otherwise, are faults."""
    keys = np.concatenate([np.empty(0, KEY), *(keys for keys, _ in blocks)])
    labels = np.concatenate([np.empty(0, np.int64), *(labels for _, labels in blocks)])
    first = np.sort(np.unique(keys, return_index=True)[1])
    if len(first) != len(keys):
        faults.append(f"{len(keys) - len(first)} images are answered twice")
    counted = sum(line.computed for line in ledger)
    if counted != len(keys):
        faults.append(f"the ledger counts {counted} answers, the blocks hold {len(keys)}")
    return Contents(keys[first], labels[first], len(blocks), tuple(ledger), tuple(faults))


def _balanced(contents: Contents) -> list[Line]:
    """The sound lines, and one that makes their sum the number of answers again."""
    missing = len(contents.keys) - sum(line.computed for line in contents.ledger)
    at = max((line.at for line in contents.ledger), default=0)
    return [*contents.ledger, *([Line("(salvaged)", 0, missing, at)] if missing else [])]


def _raise_unless_damage(error: Exception) -> None:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # errors of decoding carry none
    if code & 0xFF not in _DAMAGE and code != sqlite3.SQLITE_IOERR_SHORT_READ:
        raise error


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
