"""Records and their ledger: what is written is read, what is damaged is found, a failed write leaves nothing."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import cell, failed, labels, record
from pydantic import ValidationError

from benchmark import records as records_module
from benchmark.labelling import Labelling
from benchmark.ledger import Ledger, write_once
from benchmark.records import json_schema, pack, unpack
from benchmark.refusals import EnvironmentRefused, RecordDamaged

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "docs" / "schemas" / "record.json"

PACKED = pack(record(cell(seed=3)))


@pytest.fixture
def said() -> list[str]:
    """What a ledger said."""
    return []


@pytest.fixture
def ledger(tmp_path: Path, said: list[str]) -> Ledger:
    """An empty ledger."""
    return Ledger(tmp_path, said.append)


@pytest.mark.parametrize("regime", ["untrained", "npdd-sl", "npdd-sl+pdd-sl", "pdd-sl", "pdd-ol", "odd-ol"])
def test_record_reads_back_as_written(regime: str) -> None:
    """Every regime's record survives its file form, byte for byte."""
    played = record(cell(regime))
    assert unpack(pack(played), "x") == played
    assert pack(unpack(pack(played), "x")) == pack(played)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 8 * len(PACKED) - 1))
def test_every_flipped_bit_is_found(bit: int) -> None:
    """A bit-flipped record is refused by name, wherever the bit is."""
    content = bytearray(PACKED)
    content[bit // 8] ^= 1 << bit % 8
    with pytest.raises(RecordDamaged, match=r"some\.json"):
        unpack(bytes(content), "some.json")


@settings(max_examples=50, deadline=None)
@given(st.integers(0, len(PACKED) - 1))
def test_every_torn_file_is_found(length: int) -> None:
    """A record cut off anywhere is refused, and so is one filled up with zeros."""
    for content in (PACKED[:length], PACKED[:length] + bytes(len(PACKED) - length)):
        with pytest.raises(RecordDamaged, match="torn or changed"):
            unpack(content, "some.json")


def _with(old: str, new: str) -> bytes:
    """A record file whose content was changed and whose digest is right."""
    body = record(cell()).model_dump_json().replace(old, new)
    assert new in body

    class Changed:
        def model_dump_json(self) -> str:
            return body

    return pack(Changed())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"schema_version":2', '"schema_version":1', "its schema version is 1, this one reads 2"),
        ('"schema_version":2', '"schema_version":null', "its schema version is None"),
        ('"agreement"', '"harmony"', "harmony: Extra inputs are not permitted"),
        ('"warnings":[],', '"warnings":[]}', "Invalid JSON"),
        ('"status":"done"', '"status":"finished"', "status"),
        ('"attempt":1', '"attempt":1,"colour":"red"', "colour: Extra inputs are not permitted"),
        ('"status":"done"', '"status":"failed"', "needs an error"),
    ],
)
def test_what_this_version_does_not_know_is_refused(old: str, new: str, sentence: str) -> None:
    """Another schema version, an unknown field, a missing one or a contradiction is not read as if it were known."""
    with pytest.raises(RecordDamaged, match=sentence):
        unpack(_with(old, new), "some.json")


def test_a_done_record_has_every_result() -> None:
    """A hole is not a zero: done without scores, or failed with them, is not a record."""
    values = {name: getattr(record(cell()), name) for name in records_module.Record.model_fields}
    with pytest.raises(ValidationError, match="a done record without relative, agreement"):
        records_module.Record(**{**values, "relative": None, "agreement": None})
    with pytest.raises(ValidationError, match="a done record with an error"):
        records_module.Record(**{**values, "error": {"kind": "X", "sentence": "y"}})
    with pytest.raises(ValidationError, match="needs an error and no scores"):
        records_module.Record(**{**values, "status": "crashed"})


def test_published_schema_is_current() -> None:
    """docs/schemas/record.json is what the code says; write `json_schema()` there when it changes."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == json_schema()


def test_ledger_keeps_what_it_is_given(ledger: Ledger, tmp_path: Path) -> None:
    """A done cell is in the ledger, in this process and in the next."""
    written = ledger.append(record(cell()))
    assert written.cell.digest in ledger
    again = Ledger(tmp_path)
    assert written.cell.digest in again
    assert cell(seed=1).digest not in again
    assert list(again) == [written]
    assert again.find(written.cell.digest[:10]) == written
    assert len(again) == 1


def test_ledger_sees_what_another_process_wrote(ledger: Ledger, tmp_path: Path) -> None:
    """Two runs on one folder do not play a cell that the other has done."""
    done = Ledger(tmp_path).append(record(cell()))
    assert done.cell.digest in ledger
    assert ledger.find(done.cell.digest) == done


def test_failed_cells_are_played_again_and_superseded(ledger: Ledger, tmp_path: Path) -> None:
    """Every attempt stays on disk and is counted; the last one stands until one is done."""
    first = ledger.append(failed(cell(), "loss not finite"))
    assert first.cell.digest not in ledger
    second = Ledger(tmp_path).append(failed(cell(), "again", status="crashed"))
    assert [first.attempt, second.attempt] == [1, 2]
    twice = failed(cell(seed=5), "died twice", status="crashed").model_copy(update={"attempt": 2})
    assert Ledger(tmp_path / "other").append(twice).attempt == 2
    assert list(Ledger(tmp_path)) == [second]
    third = Ledger(tmp_path).append(record(cell()))
    assert (third.attempt, list(Ledger(tmp_path))) == (3, [third])
    assert len(list((tmp_path / "records").iterdir())) == 3


def test_damaged_record_is_set_aside_and_said(ledger: Ledger, tmp_path: Path, said: list[str]) -> None:
    """A damaged file is named, kept under another name, and its cell is to be played again."""
    digest = ledger.append(record(cell())).cell.digest
    path = tmp_path / "records" / f"{digest}.json"
    path.write_bytes(path.read_bytes()[:-100])
    assert digest not in ledger
    assert len(said) == 1
    assert "torn or changed" in said[0]
    assert f"Set aside as {digest}.json.damaged; its cell will be played again." in said[0]
    assert [each.name for each in path.parent.iterdir()] == [f"{digest}.json.damaged"]
    assert list(ledger) == []
    assert ledger.append(record(cell())).cell.digest in ledger


def test_readers_change_nothing(ledger: Ledger, tmp_path: Path, said: list[str]) -> None:
    """A ledger that only reads says what it cannot read and leaves it where it is."""
    digest = ledger.append(record(cell())).cell.digest
    path = tmp_path / "records" / f"{digest}.json"
    path.write_bytes(b"{}")
    reader = Ledger(tmp_path, said.append, only_read=True)
    assert list(reader) == []
    assert digest not in reader
    assert "It counts as not run." in said[0]
    assert path.read_bytes() == b"{}"


def test_record_of_another_cell_is_damage(ledger: Ledger, tmp_path: Path, said: list[str]) -> None:
    """A file renamed by hand does not pass for another cell's result."""
    digest = ledger.append(record(cell())).cell.digest
    (tmp_path / "records" / f"{digest}.json").rename(tmp_path / "records" / f"{cell(seed=9).digest}.json")
    assert list(Ledger(tmp_path, said.append)) == []
    assert f"holds the record of another cell, {digest[:12]}" in said[0]


def test_other_files_in_the_folder_are_left_alone(ledger: Ledger, tmp_path: Path) -> None:
    """Notes and leftovers of a killed run are no records."""
    ledger.append(record(cell()))
    for name in ("notes.txt", ".abc.tmp", "x.json"):
        (tmp_path / "records" / name).write_text("hello")
    assert len(list(Ledger(tmp_path))) == 1


def _failing(monkeypatch: pytest.MonkeyPatch, fail_at: int, error: type[OSError], code: int) -> Callable[[], int]:
    """Let the n-th call that changes the disk fail; gives how many were made."""
    made = 0

    def wrapped(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            nonlocal made
            made += 1
            if made == fail_at:
                raise error(code, os.strerror(code))
            return call(*arguments, **named)

        return counted

    for name in ("open", "write", "fsync"):
        monkeypatch.setattr(os, name, wrapped(getattr(os, name)))
    for name in ("mkdir", "replace"):
        monkeypatch.setattr(Path, name, wrapped(getattr(Path, name)))
    return lambda: made


STEPS = 7  # mkdir, open, write, fsync, replace, then open and fsync of the folder


def test_every_failing_step_leaves_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the n-th mkdir, open, write, fsync or rename, for every n: nothing half-written, the next run recovers."""
    played = record(cell())
    for fail_at in range(1, STEPS + 2):
        folder = tmp_path / str(fail_at)
        folder.mkdir()
        ledger = Ledger(folder)
        with monkeypatch.context() as patch:
            made = _failing(patch, fail_at, OSError, 28)
            expected = pytest.raises(
                EnvironmentRefused, match=r"cannot be written .No space left on device.. Free some"
            )
            with expected if fail_at <= STEPS else contextlib.nullcontext():
                ledger.append(played)
            steps = made()
        visible = [path for path in folder.rglob("*") if path.is_file()]
        assert all(unpack(path.read_bytes(), path.name).cell == played.cell for path in visible)
        assert Ledger(folder).append(played).cell.digest in Ledger(folder)
        assert steps == min(fail_at, STEPS)


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that takes only a part is no end of the file."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: write(handle, bytes(content[:7])))
    write_once(tmp_path / "file", bytes(range(100)))
    assert (tmp_path / "file").read_bytes() == bytes(range(100))


def test_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """A file in the place of the folder, as a read-only disk, is the environment's refusal with a way out."""
    (tmp_path / "records").write_text("not a folder")
    with pytest.raises(EnvironmentRefused, match=r"cannot be listed .* choose another with --out"):
        Ledger(tmp_path)
    with pytest.raises(EnvironmentRefused, match=r"cannot be written .*change the folder with --out"):
        write_once(tmp_path / "records" / "file", b"")


def test_file_that_cannot_be_read_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    """A record that the system does not let us read is not taken for damaged."""
    (tmp_path / "records" / f"{cell().digest}.json").mkdir(parents=True)
    with pytest.raises(EnvironmentRefused, match=r"cannot be read .Is a directory"):
        list(Ledger(tmp_path))


def test_damage_that_cannot_be_set_aside_is_refused(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a read-only disk a damaged record stops the run instead of being played over and over."""
    digest = ledger.append(record(cell())).cell.digest
    (tmp_path / "records" / f"{digest}.json").write_bytes(b"")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(PermissionError(30, "Read-only file system")))
    with pytest.raises(EnvironmentRefused, match=r"cannot be set aside .Read-only file system.*Rename or remove it"):
        _ = digest in ledger


def test_scores_and_labels_that_contradict_each_other_are_no_record() -> None:
    """Labels of another run, a class that the scores do not have, another agreement, another number of images."""
    played = record(cell(), 0.9)
    truth_N, target_N, copycat_N = labels(0.9)
    for changed, sentence in (
        ({"labelling": Labelling.of(truth_N, target_N, truth_N)}, "scores of the copycat that are not those"),
        ({"labelling": Labelling.of(truth_N, copycat_N, copycat_N)}, "scores of the target that are not those"),
        ({"labelling": Labelling.of(truth_N, target_N, np.where(copycat_N == 1, 54_000, copycat_N))}, "more classes"),
        ({"labelling": Labelling.of(truth_N[:-1], target_N[:-1], copycat_N[:-1])}, "scores of the target that are not"),
        ({"agreement": 0.1}, "an agreement that is not that of the labels"),
    ):
        told = {name: getattr(played, name) for name in type(played).model_fields} | changed
        with pytest.raises(ValidationError, match=sentence):
            type(played)(**told)
