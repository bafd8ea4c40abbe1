"""The answers store: what it keeps, what it refuses, and what damage, full disks and other processes do to it."""

import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles import answers_file, salvage
from oracles.answers import Answers, Totals, verify
from oracles.keys import KEY, Index, keys_of
from oracles.refusals import AnswersDamaged, OracleUnsteady, StoreRefused

DIGEST = "ab" * 32


def keys(start: int, stop: int) -> np.ndarray:
    """Made-up keys, the same for the same numbers."""
    return np.array([blake2b(b"%d" % number, digest_size=16).digest() for number in range(start, stop)], dtype=KEY)


def filled(folder: Path, blocks: int = 20, each: int = 50) -> Path:
    """A store of some blocks, closed; the label of number i is i % 7."""
    store = Answers(folder, DIGEST)
    for block in range(blocks):
        store.note("me", each)
        numbers = np.arange(block * each, (block + 1) * each)
        store.add(keys(numbers[0], numbers[-1] + 1), numbers % 7, "me")
    store.close()
    return store.path


def fill(store: Answers, first: int) -> None:
    """Add a thousand answers at a time, until something stops it."""
    for start in range(first, 100_000, 1000):
        store.add(keys(start, start + 1000), np.arange(start, start + 1000), "me")


def test_keeps_answers_over_closing_and_opening(tmp_path: Path) -> None:
    """What was added is found again by another store on the same file; what was not, is -1."""
    path = filled(tmp_path, blocks=3, each=50)
    store = Answers(tmp_path, DIGEST)
    np.testing.assert_array_equal(store.find(keys(140, 160)), [i % 7 if i < 150 else -1 for i in range(140, 160)])
    assert (len(store), store.warnings, store.totals()) == (150, [], {"me": Totals(150, 150)})
    store.close()
    assert verify(path) == (150, 3, ())
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"{DIGEST}.lock", f"{DIGEST}.sqlite"]


def test_the_ledger_says_who_asked_and_who_paid(tmp_path: Path) -> None:
    """Only the first to ask an image pays; images asked without a commit are written on closing."""
    with closing(Answers(tmp_path, DIGEST)) as store:
        store.note("first", 10)
        store.add(keys(0, 10), np.zeros(10, dtype=np.int64), "first")
        store.note("second", 12)
        store.add(keys(10, 12), np.zeros(2, dtype=np.int64), "second")
        store.note("third", 7)
        expected = {"first": Totals(10, 10), "second": Totals(12, 2), "third": Totals(7, 0)}
        assert store.totals() == expected
    with closing(Answers(tmp_path, DIGEST)) as store:
        assert store.totals() == expected


def test_the_first_answer_stands(tmp_path: Path) -> None:
    """Another label for a stored image is refused by name and number, and not even the new images with it are kept."""
    with closing(Answers(tmp_path, DIGEST)) as store:
        store.add(keys(0, 3), np.array([1, 2, 3]), "me")
        with pytest.raises(
            OracleUnsteady, match=r"^oracle abababababab gave 1 of 2 images another label .*first: 3, now 4"
        ):
            store.add(keys(2, 4), np.array([4, 0]), "me")
        np.testing.assert_array_equal(store.find(keys(0, 4)), [1, 2, 3, -1])
        store.add(keys(2, 4), np.array([3, 0]), "me")
        np.testing.assert_array_equal(store.find(keys(0, 4)), [1, 2, 3, 0])
        assert store.totals()["me"].computed == 4


def test_the_same_image_twice_in_one_block_is_the_callers_mistake(tmp_path: Path) -> None:
    """It would be paid twice."""
    with closing(Answers(tmp_path, DIGEST)) as store, pytest.raises(ValueError, match="2 answers, but only 1"):
        store.add(np.concatenate([keys(0, 1), keys(0, 1)]), np.array([1, 1]), "me")


def test_large_additions_are_split_into_blocks(tmp_path: Path) -> None:
    """25,000 answers at once are three rows and one ledger line, in one transaction."""
    with closing(Answers(tmp_path, DIGEST)) as store:
        store.add(keys(0, 25_000), np.arange(25_000), "me")
    assert verify(store.path) == (25_000, 3, ())
    with closing(Answers(tmp_path, DIGEST)) as store:
        np.testing.assert_array_equal(store.find(keys(24_990, 25_000)), np.arange(24_990, 25_000))


@given(st.lists(st.sets(st.integers(0, 300), max_size=40), max_size=12), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_the_index_is_a_dictionary(additions: list[set[int]], rng: random.Random) -> None:
    """Against Python's dict, after any additions in any order."""
    index, truth = Index(), {}
    for numbers in additions:
        new = [number for number in numbers if number not in truth]
        rng.shuffle(new)
        truth.update({number: number * 3 % 11 for number in new})
        if new:
            index.add(np.concatenate([keys(n, n + 1) for n in new]), np.array([truth[n] for n in new]))
    np.testing.assert_array_equal(index.find(keys(0, 301)), [truth.get(number, -1) for number in range(301)])
    assert len(index) == len(truth)


def test_keys_that_end_in_zeros_are_told_apart() -> None:
    """Byte strings of numpy hide trailing zeros; the comparison must not."""
    pair = np.array([b"a" * 15 + b"\0", b"a" * 14 + b"\0\0", b"\0" * 16], dtype=KEY)
    index = Index()
    index.add(pair[:1], np.array([1]))
    np.testing.assert_array_equal(index.find(pair), [1, -1, -1])


def test_the_key_is_the_shape_and_the_pixels() -> None:
    """The digest as hashlib gives it, whatever the strides; another shape of the same bytes is another image."""
    images = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    expected = blake2b(images[3].tobytes(), digest_size=16, person=np.array([4, 6, 3], "<u4").tobytes()).digest()
    found = keys_of(images)
    assert found[3:4].tobytes() == expected
    np.testing.assert_array_equal(keys_of(images[::-1])[::-1], found)
    np.testing.assert_array_equal(keys_of(np.asfortranarray(images)), found)
    assert not np.isin(keys_of(images.reshape(5, 6, 4, 3)), found).any()
    assert len(np.unique(found)) == 5
    assert keys_of(images[:0]).shape == (0,)


def test_two_stores_on_one_file(tmp_path: Path) -> None:
    """The second is refused with a sentence while the first is open, and welcome afterwards."""
    first = Answers(tmp_path, DIGEST)
    with pytest.raises(StoreRefused, match="already open elsewhere, and an answers store has one writer") as caught:
        Answers(tmp_path, DIGEST)
    assert caught.value.exit_code == 4
    with pytest.raises(StoreRefused, match="already open"):
        verify(first.path)
    first.close()
    first.close()
    Answers(tmp_path, DIGEST).close()


def test_two_processes_on_one_file(tmp_path: Path) -> None:
    """The same from another process; and a process that is killed lets go."""
    program = (
        "import sys; from pathlib import Path; from oracles.answers import Answers; "
        "store = Answers(Path(sys.argv[1]), sys.argv[2]); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), DIGEST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        with pytest.raises(StoreRefused, match="already open elsewhere"):
            Answers(tmp_path, DIGEST)
        child.kill()
    Answers(tmp_path, DIGEST).close()


def test_a_closed_store_takes_nothing(tmp_path: Path) -> None:
    """Asked after closing, it refuses rather than losing the answer."""
    store = Answers(tmp_path, DIGEST)
    store.close()
    with pytest.raises(StoreRefused, match="closed"):
        store.add(keys(0, 1), np.array([1]), "me")


def test_a_full_disk(tmp_path: Path) -> None:
    """A refusal with exit code 4; what was acknowledged stays, the rest was never said; with room, it goes on."""
    store = Answers(tmp_path, DIGEST)
    store.add(keys(0, 100), np.arange(100), "me")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = 100
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    try:
        with pytest.raises(StoreRefused, match="nothing acknowledged is lost: make room") as caught:
            fill(store, kept)
        kept = len(store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.exit_code == 4
    assert kept > 5000
    np.testing.assert_array_equal(store.find(keys(kept - 100, kept + 1)), [*range(kept - 100, kept), -1])
    store.add(keys(kept, kept + 10), np.zeros(10, dtype=np.int64), "me")
    store.close()
    assert verify(store.path)[::2] == (kept + 10, ())


def test_whatever_statement_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The n-th statement of a short life fails, n = 1, 2, ...: what was acknowledged is there, the file is sound."""
    error, real = sqlite3.OperationalError("disk I/O error"), sqlite3.connect
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    for n in range(1, 100):
        filled(tmp_path / str(n), blocks=1, each=10)
        statements, told = iter(range(1, 1000)), 10

        class Failing(sqlite3.Connection):
            def execute(self, *said: Any) -> sqlite3.Cursor:
                if next(statements) == n:  # noqa: B023 (the class lives as long as the loop's turn)
                    raise error
                return super().execute(*said)

        monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: real(*args, factory=Failing, **more))
        with suppress(StoreRefused), closing(Answers(tmp_path / str(n), DIGEST)) as store:
            for start in (10, 20, 30):
                store.note("me", 10)
                store.add(keys(start, start + 10), np.arange(10), "me")
                told = start + 10
        monkeypatch.setattr(sqlite3, "connect", real)
        with closing(Answers(tmp_path / str(n), DIGEST)) as store:
            assert (len(store), store.warnings, store.totals()["me"].computed) == (told, [], told), n
        if next(statements) <= n:
            break
    assert 25 < n < 99


def test_a_full_disk_from_the_start(tmp_path: Path) -> None:
    """Not even the tables fit: a refusal, and the folder can be used when there is room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(StoreRefused, match="cannot be written"):
            Answers(tmp_path, DIGEST)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    filled(tmp_path, blocks=1)


def test_a_tiny_file_system(tmp_path: Path) -> None:
    """The same with a real ENOSPC, where this process may mount a file system of 1 MB."""
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "x", str(tmp_path)], check=False).returncode
    ):
        pytest.skip("no file system may be mounted here")
    try:
        store = Answers(tmp_path, DIGEST)
        with pytest.raises(StoreRefused, match="full"):
            fill(store, 0)
        kept = len(store)
        store.close()
        assert verify(store.path)[::2] == (kept, ())
        assert kept > 5000
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_read_only_folder() -> None:
    """A refusal that names the file, for a user whom the folder's rights bind (root is not bound by them)."""
    program = (
        "import os, sys; from pathlib import Path; from oracles.answers import Answers, StoreRefused\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: Answers(Path(sys.argv[1]), sys.argv[2])\n"
        "except StoreRefused as refused: print(refused)"
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o555)
        done = subprocess.run(
            [sys.executable, "-c", program, folder, DIGEST], capture_output=True, text=True, check=True
        )
        Path(folder).chmod(0o755)
    assert done.stdout.startswith(f"{folder}/{DIGEST}.sqlite: the answers store cannot be written")
    assert "Permission denied" in done.stdout


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """A refusal, not a traceback."""
    (tmp_path / "answers").write_text("")
    with pytest.raises(StoreRefused, match="cannot be written"):
        Answers(tmp_path / "answers", DIGEST)


def test_a_file_system_without_write_ahead_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where WAL's probe write fails, a rollback journal serves."""
    real = answers_file.make

    def make(path: Path, journal: str) -> sqlite3.Connection:
        if journal == "WAL":
            raise sqlite3.OperationalError("disk I/O error")
        return real(path, journal)

    monkeypatch.setattr(answers_file, "make", make)
    store = Answers(tmp_path, DIGEST)
    store.add(keys(0, 10), np.arange(10), "me")
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("truncate",)
    store.close()
    assert verify(store.path) == (10, 1, ())


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    """Application id, version, and a write-ahead log with full syncing."""
    store = Answers(tmp_path, DIGEST)
    pragmas = ["application_id", "user_version", "journal_mode", "synchronous", "locking_mode"]
    found = [store._db.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]
    assert found == [answers_file.APPLICATION_ID, 1, "wal", 2, "exclusive"]
    store.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: bytes(len(content)),
        lambda content: b"<html>not found</html>" * 100,
        lambda content: content[: len(content) // 2],
        lambda content: content[:50],
        lambda content: content[:8192] + bytes(4096) + content[12_288:],
    ],
    ids=["empty", "zeros", "html", "half", "header", "a page of zeros"],
)
def test_damage_is_told_and_set_aside(tmp_path: Path, damage: object) -> None:
    """The old file is kept under another name, a sentence says so, every answer left is right, and work goes on."""
    path = filled(tmp_path)
    content = damage(path.read_bytes())  # type: ignore[operator]
    path.write_bytes(content)
    store = Answers(tmp_path, DIGEST)
    if content:  # an empty file is what a process leaves that died before its first write
        assert len(store.warnings) == 1
        assert f"kept as {DIGEST}.damaged-1.sqlite" in store.warnings[0]
        assert path.with_suffix(".damaged-1.sqlite").stat().st_size == len(content)
    found = store.find(keys(0, 1000))
    assert set(np.flatnonzero(found >= 0)) <= set(np.flatnonzero(found == np.arange(1000) % 7))
    assert (found >= 0).sum() == len(store)
    missing = np.flatnonzero(found < 0)
    store.add(keys(0, 1000)[missing], missing % 7, "me")
    store.close()
    assert verify(path)[::2] == (1000, ())


def test_blocks_with_a_right_checksum_are_kept(tmp_path: Path) -> None:
    """One changed label costs its block of 50, and no other."""
    path = filled(tmp_path)
    with closing(sqlite3.connect(path)) as db:
        labels = bytearray(db.execute("SELECT labels FROM blocks WHERE block = 4").fetchone()[0])
        labels[8] ^= 1
        db.execute("UPDATE blocks SET labels = ? WHERE block = 4", (bytes(labels),))
        db.commit()
    assert verify(path).faults[0] == "block 4 does not match its checksum"
    with closing(Answers(tmp_path, DIGEST)) as store:
        assert "(block 4 does not match its checksum)" in store.warnings[0]
        assert "950 answers with a right checksum carried over" in store.warnings[0]
        np.testing.assert_array_equal(store.find(keys(150, 201)), [*[-1] * 50, 200 % 7])
        assert sum(total.computed for total in store.totals().values()) == 950
    with closing(Answers(tmp_path, DIGEST)) as store:
        assert (store.warnings, len(store)) == ([], 950)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("DELETE FROM blocks WHERE block = 3", "block 3 is missing"),
        ("DELETE FROM blocks WHERE block = 20", "the ledger counts 1000 answers, the blocks hold 950"),
        ("UPDATE ledger SET asked = 1 WHERE line = 2", "ledger line 2 does not match its checksum"),
        ("DELETE FROM ledger WHERE line = 20", "the ledger counts 950 answers, the blocks hold 1000"),
        ("INSERT INTO blocks SELECT 21, keys, labels, crc FROM blocks WHERE block = 1", "50 images are answered twice"),
        ("DROP TABLE ledger", "no such table: ledger"),
        ("PRAGMA application_id = 7", "application 0x7 version 1"),
    ],
)
def test_every_kind_of_tampering_shows(tmp_path: Path, change: str, fault: str) -> None:
    """Missing, changed, doubled: each has its words, and opening mends the file."""
    path = filled(tmp_path)
    with closing(sqlite3.connect(path)) as db:
        db.execute(change)
        db.commit()
    assert any(fault in said for said in verify(path).faults)
    Answers(tmp_path, DIGEST).close()
    assert verify(path).faults == ()


def test_a_file_under_another_oracles_name(tmp_path: Path) -> None:
    """Its answers are not taken for this oracle's."""
    filled(tmp_path).rename(tmp_path / f"{'cd' * 32}.sqlite")
    with closing(Answers(tmp_path, "cd" * 32)) as store:
        assert len(store) == 0
        assert "block 1 does not match its checksum" in store.warnings[0]


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """Neither read nor set aside."""
    path = filled(tmp_path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 2")
    before = path.read_bytes()
    with pytest.raises(AnswersDamaged, match="version 2, and this program reads up to 1; update the program"):
        Answers(tmp_path, DIGEST)
    assert path.read_bytes() == before


def test_verify_of_what_is_not_there(tmp_path: Path) -> None:
    """A refusal that names the path."""
    with pytest.raises(StoreRefused, match="there is no such answers store"):
        verify(tmp_path / f"{DIGEST}.sqlite")


def test_400_flipped_bits_are_detected_or_harmless(tmp_path: Path) -> None:
    """After a flip anywhere in the file, no wrong label is vouched for, and what is missing is announced."""
    path = filled(tmp_path, blocks=12, each=60)
    content, rng, detected = path.read_bytes(), np.random.default_rng(5), 0
    truth = dict(zip(keys(0, 720).tolist(), (np.arange(720) % 7).tolist(), strict=True))
    for place in [*rng.choice(len(content), 300, replace=False), *rng.choice(4096, 100, replace=False)]:
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        try:
            found = salvage.read(path, DIGEST)
        except AnswersDamaged:  # the flip made a newer version of it
            detected += 1
            continue
        assert all(truth[key] == label for key, label in zip(found.keys.tolist(), found.labels.tolist(), strict=True))
        assert found.faults or len(found.keys) == 720, place
        detected += bool(found.faults)
    assert detected > 100


def test_flipped_bits_are_mended_on_opening(tmp_path: Path) -> None:
    """The same through the front door, 25 times: opened, completed, sound again."""
    path = filled(tmp_path / "good", blocks=12, each=60)
    content, rng = path.read_bytes(), np.random.default_rng(6)
    for number, place in enumerate(rng.choice(np.arange(100, len(content)), 25, replace=False)):
        folder = tmp_path / str(number)
        folder.mkdir()
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        (folder / path.name).write_bytes(flipped)
        with closing(Answers(folder, DIGEST)) as store:
            missing = np.flatnonzero(store.find(keys(0, 720)) < 0)
            assert store.warnings or not len(missing)
            store.add(keys(0, 720)[missing], missing % 7, "me")
            np.testing.assert_array_equal(store.find(keys(0, 720)), np.arange(720) % 7)
        assert verify(folder / path.name)[::2] == (720, ())
