"""The quarantine: every hostile, broken or odd file ends in a verdict, and never in a dead or hanging parent."""

import gzip
import hashlib
import os
import re
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest
from foreign_models import CLASSES, images, linear, weights
from hostile_models import BOMBS, LIARS, ODD, PLACES, external, mutations, with_tensor

from oracles import contract, refusals, seal
from oracles.card import DroppedCard
from oracles.quarantine import Inspection, Limits, Quarantine, inspect
from oracles.refusals import OracleRefused
from oracles.runtime import open_session

LIMITS = Limits(seconds=4.0, memory_bytes=1 << 30)
SECRET = np.frombuffer(b"SECRETSECRETSECRETSE", dtype=np.float32)


@pytest.fixture(scope="module")
def quarantine() -> Iterator[Quarantine]:
    """One warm process for all files of this module."""
    with Quarantine(LIMITS) as quarantine:
        yield quarantine


def save(model: onnx.ModelProto | bytes, path: Path) -> Path:
    """Write a model, or bytes that claim to be one, and return the path."""
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    return path


def verdict(quarantine: Quarantine, path: Path, card: DroppedCard | None = None) -> Inspection | OracleRefused:
    """An inspection or a refusal in one printable line; anything else fails the test."""
    out = path.parent / "out.onnx"
    out.unlink(missing_ok=True)
    try:
        inspection = quarantine.inspect(path, card, out=out)
    except OracleRefused as refusal:
        told = refusal
    else:
        contract.verify(onnx.load(out))
        return inspection
    assert str(told).isprintable(), told
    assert len(str(told)) < 1200
    assert not out.exists(), "a refused model left an oracle file"
    return told


def refuse(quarantine: Quarantine, path: Path, kind: type[OracleRefused], words: str) -> None:
    """The file is refused with this kind of refusal, in these words."""
    with pytest.raises(kind, match=words):
        quarantine.inspect(path, out=path.parent / "out.onnx")


def test_a_good_model_becomes_an_oracle_file(quarantine: Quarantine, tmp_path: Path) -> None:
    """The oracle file answers as the source does; the inspection tells what was found, declared and assumed."""
    path = save(linear(), tmp_path / "good.onnx")
    inspection = quarantine.inspect(
        path, DroppedCard(range=(0, 1), problem="p", price_per_1000=2), out=tmp_path / "o.onnx"
    )
    assert (inspection.file, inspection.opset, inspection.producer) == ("good.onnx", 17, "test")
    assert inspection.bytes == path.stat().st_size
    assert inspection.card.files[0].sha256 == inspection.sha256
    assert (inspection.card.name, inspection.card.problem, inspection.card.price_per_1000) == ("good", "p", 2.0)
    how = {finding.what: finding.how for finding in inspection.findings}
    assert (how["layout"], how["range"], how["order"]) == ("found", "declared", "assumed")
    x = images(5, 8, 8)
    labels, scores = open_session(tmp_path / "o.onnx", device="cpu").run(["labels", "scores"], {"images": x})
    want = x.transpose(0, 3, 1, 2).reshape(5, -1) / 255 @ weights(192)
    np.testing.assert_allclose(scores, want, atol=1e-4)
    np.testing.assert_array_equal(labels, want.argmax(axis=1))


def test_an_oracle_file_is_kept_byte_for_byte(quarantine: Quarantine, tmp_path: Path) -> None:
    """A file that is sealed already is verified and copied; a card beside it may change the price, not the pixels."""
    seal.write(seal.seal(linear(), name="mine"), tmp_path / "mine.onnx")
    card = DroppedCard(price_per_1000=3, requests_per_minute=60, licence="MIT")
    inspection = quarantine.inspect(tmp_path / "mine.onnx", card, out=tmp_path / "o.onnx")
    assert (tmp_path / "o.onnx").read_bytes() == (tmp_path / "mine.onnx").read_bytes()
    assert inspection.sealed_sha256 == inspection.sha256
    assert (inspection.card.price_per_1000, inspection.card.licence) == (3.0, "MIT")
    with pytest.raises(
        refusals.CardRefused, match=r"mine.onnx: the file is sealed .* so range cannot be set beside it"
    ):
        quarantine.inspect(tmp_path / "mine.onnx", DroppedCard(range=(0, 1)))


def test_an_oracle_file_that_breaks_the_contract_is_refused(quarantine: Quarantine, tmp_path: Path) -> None:
    """A damaged card, another output type, or labels that are not the arg max are found out."""
    sealed = seal.seal(linear(), name="mine")
    for key, words in (("card", "its card"), ("labels", "its outputs are"), ("argmax", "not the arg max")):
        broken = onnx.ModelProto()
        broken.CopyFrom(sealed)
        if key == "card":
            broken.metadata_props[0].value = '{"schema_version": 1}'
        elif key == "labels":
            del broken.graph.output[0]
        else:
            broken.graph.node[-1].op_type = "ArgMin"
        refuse(quarantine, save(broken, tmp_path / "b.onnx"), OracleRefused, words)
    sealed.metadata_props[0].value = '{"schema_version": 2}'
    refuse(
        quarantine, save(sealed, tmp_path / "b.onnx"), refusals.NotAnOracleFile, "schema version 2; .* reads version 1"
    )


def test_the_function_inspect_needs_no_warm_process(tmp_path: Path) -> None:
    """inspect(path) alone starts and ends a process of its own."""
    assert inspect(save(linear(), tmp_path / "a.onnx"), limits=LIMITS).card.name == "a"


@pytest.mark.parametrize("shard", range(4))
def test_mutated_files_get_a_verdict(quarantine: Quarantine, tmp_path: Path, shard: int) -> None:
    """Two hundred damaged models: each accepted or refused, none hangs, none kills the parent."""
    path = tmp_path / "m.onnx"
    told = [verdict(quarantine, save(data, path)) for data in mutations(50, seed=shard)]
    assert len(told) == 50


def test_truncated_files_say_so(quarantine: Quarantine, tmp_path: Path) -> None:
    """A model cut at every 1/32 of its length is called cut off, or whatever its first bytes still look like."""
    data = linear().SerializeToString()
    for part in range(1, 32):
        told = verdict(quarantine, save(data[: len(data) * part // 32], tmp_path / "t.onnx"))
        assert isinstance(told, refusals.Truncated), (part, told)
        assert "cut off" in str(told) or "holds no graph" in str(told)


JUNK: list[tuple[str, bytes, type, str]] = [
    ("empty", b"", refusals.NotOnnx, "file is empty"),
    ("lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", refusals.LfsPointer, "git lfs pull"),
    ("html", b"<!DOCTYPE html><html>", refusals.NotOnnx, "HTML page; download the file itself"),
    ("html after a blank", b"\n <HTML>", refusals.NotOnnx, "HTML page"),
    ("xml", b"<?xml version='1.0'?>", refusals.NotOnnx, "HTML page"),
    ("json", b'{"error": "rate limit"}', refusals.NotOnnx, "JSON text"),
    ("gzip", gzip.compress(b"x"), refusals.NotOnnx, "gzip"),
    ("bzip2", b"BZh91AY", refusals.NotOnnx, "bzip2"),
    ("xz", b"\xfd7zXZ\0", refusals.NotOnnx, "xz"),
    ("zstd", b"(\xb5/\xfd\0", refusals.NotOnnx, "zstd"),
    ("7z", b"7z\xbc\xaf\x27\x1c", refusals.NotOnnx, "7z"),
    ("torch zip", b"PK\x03\x04archive/data.pkl", refusals.NotOnnx, "TorchScript"),
    ("hdf5", b"\x89HDF\r\n\x1a\n", refusals.NotOnnx, "Keras"),
    ("png", b"\x89PNG\r\n\x1a\n", refusals.NotOnnx, "PNG"),
    ("jpeg", b"\xff\xd8\xff\xe0", refusals.NotOnnx, "JPEG"),
    ("pdf", b"%PDF-1.7", refusals.NotOnnx, "PDF"),
    ("npy", b"\x93NUMPY\x01\x00", refusals.NotOnnx, "numpy array"),
    *((f"pickle {n}", bytes([0x80, n]) + b"cos\nsystem\n", refusals.NotOnnx, "a pickle") for n in (2, 3, 4, 5)),
    ("elf", b"\x7fELF\x02", refusals.NotOnnx, "a program"),
    ("tflite", b"\x1c\0\0\0TFL3", refusals.NotOnnx, "TFLite"),
    ("ort", b"\x1c\0\0\0ORTM", refusals.NotOnnx, "onnxruntime's own format"),
    ("prototxt", b'name: "LeNet"\nlayer {', refusals.NotOnnx, "Caffe"),
    ("zeros", bytes(10_000), refusals.NotOnnx, "nothing but zeros"),
    ("text", b"hello, world\n" * 40, refusals.NotOnnx, "no ONNX model"),
    ("one byte", b"\x08", refusals.OracleRefused, "damaged|cut off"),
    ("a varint without end", b"\x08" + b"\xff" * 40, refusals.OracleRefused, "damaged|cut off"),
    *(
        (f"random {n}", np.random.default_rng(n).bytes(3000), refusals.OracleRefused, "damaged|cut off")
        for n in range(12)
    ),
]


@pytest.mark.parametrize(("data", "kind", "words"), [j[1:] for j in JUNK], ids=[j[0] for j in JUNK])
def test_junk_is_called_what_it_is(quarantine: Quarantine, tmp_path: Path, data: bytes, kind: type, words: str) -> None:
    """A file that is no ONNX model is refused with what it is instead."""
    refuse(quarantine, save(data, tmp_path / "junk.onnx"), kind, words)


def test_things_that_are_no_files_are_refused(quarantine: Quarantine, tmp_path: Path) -> None:
    """Folders, pipes, sockets, devices, dead links and missing files are refused before anything is read from them."""
    (tmp_path / "folder.onnx").mkdir()
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "dead.onnx").symlink_to(tmp_path / "nowhere")
    (tmp_path / "round.onnx").symlink_to(tmp_path / "round.onnx")
    (tmp_path / "zero.onnx").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.onnx"))
        for name, words in (
            ("folder.onnx", "a folder, not a file"),
            ("pipe.onnx", "no regular file"),
            ("dead.onnx", "cannot be opened"),
            ("round.onnx", "no regular file|cannot be opened"),
            ("zero.onnx", "no regular file"),
            ("s.onnx", "no regular file"),
            ("missing.onnx", "cannot be opened"),
        ):
            refuse(quarantine, tmp_path / name, refusals.FileRefused, f"{name}: .*({words})")


def test_a_file_above_the_limit_is_refused_unread(tmp_path: Path) -> None:
    """A sparse file of 3 GB is refused by its size."""
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(3_000_000_000)
    with Quarantine(LIMITS) as quarantine:
        refuse(quarantine, path, refusals.TooBig, "3,000,000,000 bytes; at most")


def test_a_linked_model_is_followed_to_its_own_folder(quarantine: Quarantine, tmp_path: Path) -> None:
    """A symlink to a model with external data beside the real file works, as in the caches of model hubs."""
    real = tmp_path / "real"
    real.mkdir()
    (real / "w.bin").write_bytes(np.arange(CLASSES, dtype=np.float32).tobytes())
    save(with_tensor("initializer", external("w.bin")), real / "m.onnx")
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "link.onnx").symlink_to(real / "m.onnx")
    inspection = quarantine.inspect(tmp_path / "zoo" / "link.onnx", out=tmp_path / "zoo" / "out.onnx")
    assert [file.name for file in inspection.card.files] == ["link.onnx", "w.bin"]
    assert inspection.card.name == "link"


def attacks(folder: Path, outside: Path) -> dict[str, onnx.TensorProto]:
    """External data that lie where they must not, or lie about themselves; the secret is in `outside`."""
    secret = outside / "secret.bin"
    (folder / "link.bin").symlink_to(secret)
    (folder / "linked").symlink_to(outside)
    os.link(secret, folder / "hard.bin")
    os.mkfifo(folder / "pipe.bin")
    (folder / "own.bin").write_bytes(SECRET.tobytes())
    twice = external("own.bin")
    twice.external_data.add(key="location", value="../outside/secret.bin")
    return {
        "dots": external("../outside/secret.bin"),
        "inner dots": external("linked/../../outside/secret.bin"),
        "absolute": external(str(secret)),
        "symlink": external("link.bin"),
        "linked folder": external("linked/secret.bin"),
        "hard link": external("hard.bin"),
        "pipe": external("pipe.bin"),
        "device": external("/dev/zero"),
        "environment": external("/proc/self/environ"),
        "relative to proc": external("../../../../../../proc/self/environ"),
        "folder": external("."),
        "empty": external(""),
        "missing": external("nowhere.bin"),
        "zero byte": external("own.bin\0.png"),
        "negative offset": external("own.bin", offset="-4"),
        "huge offset": external("own.bin", offset=str(1 << 62)),
        "huge length": external("own.bin", length=str(1 << 62)),
        "wrong length": external("own.bin", length="4"),
        "letters": external("own.bin", offset="0x10"),
        "negative side": external("own.bin", dims=(-1,)),
        "many numbers": external("own.bin", dims=(1 << 20, 1 << 20)),
        "two locations": twice,
        "memory address": external("*/_ORT_MEM_ADDR_/*", offset="1024"),
    }


@pytest.mark.parametrize("place", PLACES)
def test_external_data_never_leave_their_folder(quarantine: Quarantine, tmp_path: Path, place: str) -> None:
    """Twenty-three ways to reach for another file, at five places in a model: all refused, no byte of it is told."""
    folder, outside = tmp_path / "zoo", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (outside / "secret.bin").write_bytes(SECRET.tobytes())
    for name, tensor in attacks(folder, outside).items():
        told = verdict(quarantine, save(with_tensor(place, tensor), folder / "m.onnx"))
        assert isinstance(told, (refusals.ExternalDataRefused, refusals.TooBig)), (place, name, told)
        assert "SECRET" not in str(told)


@pytest.mark.parametrize("place", PLACES)
def test_external_data_beside_the_model_are_pulled_in(quarantine: Quarantine, tmp_path: Path, place: str) -> None:
    """A regular file in the model's folder, wherever in the model it is named, ends inside the one oracle file."""
    (tmp_path / "w.bin").write_bytes(b"...." + np.arange(CLASSES, dtype=np.float32).tobytes())
    path = save(with_tensor(place, external("w.bin", offset="4", length="20")), tmp_path / "m.onnx")
    inspection = quarantine.inspect(path, out=tmp_path / "out.onnx")
    assert [file.name for file in inspection.card.files] == ["m.onnx", "w.bin"]
    (tmp_path / "w.bin").unlink()
    x = images(2, 8, 8)
    (scores,) = open_session((tmp_path / "out.onnx").read_bytes(), device="cpu").run(["scores"], {"images": x})
    want = x.transpose(0, 3, 1, 2).reshape(2, -1) / 255 @ weights(192) + np.arange(CLASSES)
    np.testing.assert_allclose(scores, want, atol=1e-4)


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_end_within_their_limits(quarantine: Quarantine, tmp_path: Path, name: str) -> None:
    """A model that wants all the time or memory gets a verdict, and the next one is examined as if nothing was."""
    told = verdict(quarantine, save(BOMBS[name](), tmp_path / "bomb.onnx"))
    harmless = ("thirty Ifs deep", "twenty thousand nodes")
    if name not in harmless:
        assert isinstance(told, (refusals.LimitExceeded, refusals.ModelRefused)), told
    if name == "endless loop":
        assert isinstance(told, refusals.TooSlow)
        assert "did not end within 4 s; remove an endless loop" in str(told)
    assert isinstance(verdict(quarantine, save(linear(), tmp_path / "good.onnx")), Inspection)


@pytest.mark.parametrize("name", ODD)
def test_odd_models_get_the_right_verdict(quarantine: Quarantine, tmp_path: Path, name: str) -> None:
    """What onnxruntime runs is accepted, also where onnx's checker aborts; the rest is refused for the right reason."""
    make, kind, words = ODD[name]
    told = verdict(quarantine, save(make(), tmp_path / "odd.onnx"))
    if kind is None:
        assert isinstance(told, Inspection), told
    elif kind == "":
        assert isinstance(told, OracleRefused), told
    else:
        assert type(told).__name__ == kind, told
        assert re.search(words, str(told)), told


@pytest.mark.parametrize("name", LIARS)
def test_liars_are_refused_or_warned_of(quarantine: Quarantine, tmp_path: Path, name: str) -> None:
    """Useless, random or batch-dependent scores are refused or stand in the warnings."""
    make, words = LIARS[name]
    told = verdict(quarantine, save(make(), tmp_path / "liar.onnx"))
    text = " ".join(told.warnings) if isinstance(told, Inspection) else str(told)
    if words.startswith("!"):
        assert isinstance(told, Inspection), told
    assert re.search(words.lstrip("!"), text), text


NAMES = [
    "with space",
    "new\nline",
    "\x1b[31mred",
    "[red]x[/red]",
    "<script>alert(1)</script>",
    "=cmd()",
    "a" * 240,
    "ünïcödé",
    "\u202egnp",
    "-rf",
    "'; drop table",
    "..",
    "%s%n",
    "a\tb",
    "`id`",
    "$(id)",
    "\u200b",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_of_files_stay_names(quarantine: Quarantine, tmp_path: Path, name: str) -> None:
    """No file name moves the cursor or breaks a line in an inspection, a card or a refusal."""
    path = tmp_path / f"{name.replace('/', '∕')}.onnx"
    told = verdict(quarantine, save(linear(), path))
    assert isinstance(told, Inspection)
    assert all(text.isprintable() for text in (told.file, told.card.name, told.card.files[0].name))
    told = verdict(quarantine, save(b"junk", path))
    assert isinstance(told, OracleRefused)


def test_names_that_are_no_text_and_names_inside_the_model(quarantine: Quarantine, tmp_path: Path) -> None:
    """Bytes that are not UTF-8, and ANSI codes in operators, outputs and producers, are cleaned as well."""
    raw = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.onnx"))
    assert isinstance(verdict(quarantine, save(linear(), raw)), Inspection)
    evil = linear(outputs=[("logits", onnx.TensorProto.FLOAT, ["n", CLASSES])])
    evil.producer_name = "\x1b]0;owned\x07\n"
    evil.graph.input[0].name = "x"
    told = verdict(quarantine, save(evil, tmp_path / "e.onnx"))
    assert isinstance(told, Inspection)
    assert told.producer.isprintable()
    evil.graph.node[-1].op_type, evil.graph.node[-1].domain = "\x1b[2J", "\n\n[bold]"
    assert isinstance(verdict(quarantine, save(evil, tmp_path / "e.onnx")), refusals.UnknownOperators)


def test_the_same_name_with_new_content_is_another_oracle(quarantine: Quarantine, tmp_path: Path) -> None:
    """Identity is the sha-256 of the file, not its name; case twins are two files."""
    first = quarantine.inspect(save(linear(classes=5), tmp_path / "a.onnx"))
    second = quarantine.inspect(save(linear(classes=6), tmp_path / "a.onnx"))
    assert first.sealed_sha256 != second.sealed_sha256
    assert quarantine.inspect(save(linear(), tmp_path / "A.onnx")).card.name == "A"


def test_a_file_swapped_under_our_hands_is_never_mixed(quarantine: Quarantine, tmp_path: Path) -> None:
    """While two models change places fifty times, each verdict is about one of them whole, or says that it changed."""
    datas = {hashlib.sha256(d).hexdigest(): (d, k) for k in (5, 6) for d in (linear(classes=k).SerializeToString(),)}
    path, stop = tmp_path / "m.onnx", threading.Event()
    pieces = [data for data, _ in datas.values()]
    save(pieces[0], path)

    def swap() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            save(pieces[turn % 2], tmp_path / "next").replace(path)
            os.sched_yield()

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        told = [verdict(quarantine, path) for _ in range(50)]
    finally:
        stop.set()
        swapper.join()
    for each in told:
        if isinstance(each, Inspection):
            assert datas[each.sha256][1] == len(each.card.classes)
        else:
            assert "changed while it was read" in str(each)


def kill_the_trial(quarantine: Quarantine, number: int) -> None:
    """Wait for the child that examines a file, and send it a signal."""
    process = None
    while process is None or not process.children():
        process = psutil.Process(quarantine._process.pid) if quarantine._process else None
        os.sched_yield()
    process.children()[0].send_signal(number)


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (signal.SIGSEGV, refusals.OracleCrashed, "crashed the process .*SIGSEGV"),
        (signal.SIGABRT, refusals.OracleCrashed, "crashed the process .*SIGABRT"),
        (signal.SIGKILL, refusals.TooBig, "when memory runs out"),
    ],
)
def test_a_killed_trial_is_a_verdict_on_that_file_only(tmp_path: Path, number: int, kind: type, words: str) -> None:
    """A trial that dies says by which signal; the same process examines the next file."""
    with Quarantine(Limits(seconds=30)) as quarantine:
        assert isinstance(verdict(quarantine, save(linear(), tmp_path / "good.onnx")), Inspection)
        keeper = quarantine._process
        killer = threading.Thread(target=kill_the_trial, args=(quarantine, number))
        killer.start()
        refuse(quarantine, save(BOMBS["endless loop"](), tmp_path / "loop.onnx"), kind, words)
        killer.join()
        assert isinstance(verdict(quarantine, tmp_path / "good.onnx"), Inspection)
        assert quarantine._process is keeper


def test_nothing_survives_a_killed_parent(tmp_path: Path) -> None:
    """When our own process is killed in the middle of an endless model, the watching process and the trial end too."""
    path = save(BOMBS["endless loop"](), tmp_path / "loop.onnx")
    code = "import sys; from pathlib import Path; from oracles.quarantine import inspect; inspect(Path(sys.argv[1]))"
    parent = psutil.Popen([sys.executable, "-c", code, str(path)])
    family: list[psutil.Process] = []
    while len(family) < 2:  # the watching process and the trial
        assert parent.is_running()
        assert parent.poll() is None
        family = parent.children(recursive=True)
        os.sched_yield()
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


def test_a_killed_keeper_is_replaced(tmp_path: Path) -> None:
    """When the watching process itself dies, the next inspection starts another."""
    with Quarantine(LIMITS) as quarantine:
        path = save(linear(), tmp_path / "good.onnx")
        assert isinstance(verdict(quarantine, path), Inspection)
        assert quarantine._process is not None
        quarantine._process.kill()
        quarantine._process.wait()
        assert isinstance(verdict(quarantine, path), Inspection)


def test_the_trial_sees_nothing_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens in the environment and modules in the current folder do not reach the throw-away process."""
    monkeypatch.setenv("SECRET_TOKEN", "abc")
    (tmp_path / "onnx.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    with Quarantine(LIMITS) as quarantine:
        assert isinstance(verdict(quarantine, save(linear(), tmp_path / "good.onnx")), Inspection)
        assert quarantine._process is not None
        environment = psutil.Process(quarantine._process.pid).environ()
    assert "SECRET_TOKEN" not in environment


def test_no_temporary_files_are_left(quarantine: Quarantine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After verdicts of every kind the temporary folder is as empty as before."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    for model in (linear(), linear(classes=1), b"junk"):
        verdict(quarantine, save(model, tmp_path / "m.onnx"))
    assert list(folder.iterdir()) == []


MEANS = [
    ("no.npy", None, "cannot be opened"),
    ("../m.npy", None, "must be the name of a file beside the card"),
    ("text.npy", b"hello", "cannot be read"),
    ("object.npy", "object", "cannot be read"),
    ("short.npy", "short", "cannot be read"),
    ("two.npz", "two", "cannot be read"),
    ("shape.npy", "shape", r"mean_image is float32 \[7, 8, 3\]"),
]


@pytest.mark.parametrize(("name", "what", "words"), MEANS, ids=[m[0] for m in MEANS])
def test_a_bad_mean_image_is_refused(
    quarantine: Quarantine, tmp_path: Path, name: str, what: object, words: str
) -> None:
    """A mean image that is missing, elsewhere, a pickle, cut off or of another size is a fault of the card."""
    path, file = save(linear(), tmp_path / "m.onnx"), tmp_path / Path(name).name
    if isinstance(what, bytes):
        file.write_bytes(what)
    elif what == "object":
        np.save(file, np.array([{}], dtype=object), allow_pickle=True)
    elif what == "short":
        np.save(file, np.zeros((8, 8, 3)))
        file.write_bytes(file.read_bytes()[:200])
    elif what == "two":
        np.savez(file, a=np.zeros(3), b=np.zeros(3))
    elif what == "shape":
        np.save(file, np.zeros((7, 8, 3)))
    with pytest.raises(refusals.CardRefused, match=words):
        quarantine.inspect(path, DroppedCard(mean_image=name))


def test_a_mean_image_beside_the_card_is_used(quarantine: Quarantine, tmp_path: Path) -> None:
    """An .npy and an .npz give the same oracle, which subtracts it from pixels 0..255."""
    mean = np.random.default_rng(0).uniform(0, 255, (3, 8, 8))
    np.save(tmp_path / "m.npy", mean)
    np.savez(tmp_path / "m.npz", mean)
    path = save(linear(), tmp_path / "a.onnx")
    digests = {
        quarantine.inspect(path, DroppedCard(mean_image=n), out=tmp_path / "o.onnx").sealed_sha256
        for n in ("m.npy", "m.npz")
    }
    assert len(digests) == 1
    x = images(2, 8, 8)
    (scores,) = open_session(tmp_path / "o.onnx", device="cpu").run(["scores"], {"images": x})
    want = (x.transpose(0, 3, 1, 2) - mean).reshape(2, -1) @ weights(192)
    np.testing.assert_allclose(scores, want, rtol=1e-4, atol=0.1)


def test_the_output_is_written_whole_or_not_at_all(quarantine: Quarantine, tmp_path: Path) -> None:
    """An inspection that fails leaves the earlier oracle file as it was."""
    out = tmp_path / "o.onnx"
    quarantine.inspect(save(linear(), tmp_path / "a.onnx"), out=out)
    before = out.read_bytes()
    with pytest.raises(OracleRefused):
        quarantine.inspect(save(linear(classes=1), tmp_path / "a.onnx"), out=out)
    assert out.read_bytes() == before
    shutil.rmtree(tmp_path)
