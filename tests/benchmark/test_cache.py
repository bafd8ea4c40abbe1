"""Tests of the cache of decoded stacks: damage, lost processes, full and forbidden disks."""

import errno
import os
import random
import resource
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_pool import COUNT, in_child, kept, opened, refusal

from benchmark.images import cache, opening
from benchmark.places import Places
from benchmark.refusals import EnvironmentRefused


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 0x10
    path.write_bytes(bytes(content))


def _cut(path: Path, share: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])


@pytest.mark.parametrize("name", ["images.uint8", "labels.npy", "digests.npy", "manifest.json"])
@pytest.mark.parametrize("harm", ["gone", "empty", "half", "longer", "zeroed", "start", "end"])
def test_damaged_caches_are_set_aside_and_redone(places: Places, name: str, harm: str) -> None:
    """Each file lost, cut, grown, zeroed or with one flipped bit: it is said, and the same stack comes back."""
    first = opened(places).manifest
    path = kept(places) / name
    harms: dict[str, Callable[[], object]] = {
        "gone": path.unlink,
        "empty": lambda: path.write_bytes(b""),
        "half": lambda: _cut(path, 0.5),
        "longer": lambda: path.write_bytes(path.read_bytes() + b"}}"),
        "zeroed": lambda: path.write_bytes(bytes(path.stat().st_size)),
        "start": lambda: _flip(path, 3),
        "end": lambda: _flip(path, -9),
    }
    harms[harm]()
    said: list[str] = []
    assert opened(places, said=said).manifest == first
    if not (harm == "longer" and name.endswith(".npy")):  # what follows an array in its file is not read
        assert any("set aside and decoded anew" in text for text in said)
        assert len(list((places.cache / "images").glob("*.damaged"))) == 1


def test_a_large_stack_is_checked_at_evenly_spread_places(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit the first and the last image are still among those that are checked."""
    first = opened(places).manifest
    monkeypatch.setattr(cache, "CHECKED", 3 * 8 * 8 * 3)
    assert cache.spread(COUNT, 3).tolist() == [0, 29, 59]
    _flip(kept(places) / "images.uint8", -1)
    said: list[str] = []
    assert opened(places, said=said).manifest == first
    assert "the pixels of image 59 have changed" in said[0]


def test_kill_9_at_any_moment_leaves_nothing_half_done(places: Places, tmp_path: Path) -> None:
    """Twenty decoding processes are killed at random moments; then the stack is that of an undisturbed one."""
    undisturbed = opened(Places(cache=tmp_path / "other", data=places.data)).manifest
    rng = random.Random(0)
    for _ in range(20):
        pid = in_child(lambda: opened(places))
        time.sleep(rng.uniform(0, 0.03))  # the moment of the kill, not a wait for something
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        for folder in places.cache.glob("images/*"):
            if folder.is_dir() and "." not in folder.name:
                shutil.rmtree(folder)  # this one was quicker than the kill: the next starts from its leftovers alone
    assert opened(places).manifest == undisturbed
    assert not list((places.cache / "images").glob("*.tmp-*"))


def test_leftovers_of_a_dead_process_are_removed(places: Places) -> None:
    """A temporary folder beside the place goes when the stack is made."""
    opened(places)
    folder = kept(places)
    folder.rename(folder.with_name(f"{folder.name}.tmp-999999"))
    opened(places)
    assert not list(folder.parent.glob("*.tmp-*"))


def test_processes_at_once_decode_once(places: Places, tmp_path: Path) -> None:
    """Of four processes that open one pool one decodes; the others wait and read."""
    log = tmp_path / "log"
    log.mkdir()

    def work() -> None:
        said: list[str] = []
        opened(places, said=said)
        (log / str(os.getpid())).write_text("\n".join(said))

    children = [in_child(work) for _ in range(4)]
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
    assert sum("decoding" in path.read_text() for path in log.iterdir()) == 1


def test_a_file_size_limit_is_a_sentence(places: Places) -> None:
    """With RLIMIT_FSIZE the kernel refuses to write on: EnvironmentRefused, and nothing half-written is left."""

    def work() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
        with pytest.raises(EnvironmentRefused, match=r"cache cannot be written \(File too large\)"):
            opened(places)

    assert os.waitpid(in_child(work), 0)[1] == 0
    assert [path.suffix for path in (places.cache / "images").iterdir()] == [".lock"]
    assert len(opened(places)) == COUNT


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES])
@pytest.mark.parametrize("where", ["folder", "pixels", "fsync", "manifest", "rename"])
def test_no_place_to_write_is_a_sentence(
    places: Places, monkeypatch: pytest.MonkeyPatch, number: int, where: str
) -> None:
    """Full, over quota, read-only, broken or forbidden at every step of writing: one sentence with the way out."""
    with monkeypatch.context() as patch:
        match where:
            case "folder":
                patch.setattr(Path, "mkdir", refusal(number))
            case "pixels":
                patch.setattr(cache.Writer, "add", refusal(number))
            case "fsync":
                patch.setattr(cache.os, "fsync", refusal(number))
            case "manifest":
                patch.setattr(opening, "finish", refusal(number))
            case _:
                patch.setattr(Path, "rename", refusal(number))
        with pytest.raises(EnvironmentRefused, match="Free space, or set BENCHMARK_CACHE") as caught:
            opened(places)
    assert os.strerror(number) in str(caught.value)
    assert caught.value.exit_code == 4
    assert len(opened(places)) == COUNT


def test_a_cache_that_is_a_file_is_a_sentence(places: Places) -> None:
    """The cache's name is taken by a file."""
    places.cache.write_text("")
    with pytest.raises(EnvironmentRefused, match="cache cannot be written"):
        opened(places)


def test_a_stack_that_reads_back_otherwise_is_a_sentence(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that loses what was written is named as the fault."""
    monkeypatch.setattr(cache, "_load", lambda folder: None)
    with pytest.raises(EnvironmentRefused, match="reads back otherwise"):
        opened(places)
