"""The cache of decoded stacks: one folder each, written beside its place and renamed, so that it is whole or not there.

    <key>/images.uint8    the pixels, n * h * w * 3 bytes
    <key>/labels.npy      int64 [n]
    <key>/digests.npy     V16 [n]
    <key>/manifest.json
    <key>.tmp-<pid>/      being written; a leftover when nobody holds <key>.lock
    <key>.damaged/        found damaged and set aside

Whoever writes holds <key>.lock; whoever reads needs no lock.
"""

import mmap
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import filelock
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from benchmark.images.decode import Pixels
from benchmark.images.stack import Digests, Manifest, Stack, digest_all, digest_each, verify
from benchmark.refusals import EnvironmentRefused, Mismatch

PIXELS, LABELS, DIGESTS, MANIFEST = "images.uint8", "labels.npy", "digests.npy", "manifest.json"
CHECKED = 2**25  # bytes of pixels that are checked against their digests when a stack is opened, evenly spread


class Damaged(Exception):
    """A kept stack that is not what its manifest says, and why."""


class Writer:
    """Writes pixels piece by piece to a file: a full disk is an error here, in a memory map it would be a crash."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / PIXELS).open("wb")
        self._digests: list[Digests] = []

    def add(self, images_NHWC: Pixels) -> None:
        """Appends uint8 [n, h, w, 3]. Raises OSError."""
        self._file.write(images_NHWC.tobytes())
        self._digests.append(digest_each(images_NHWC))

    def digests(self) -> Digests:
        """The digests of all that was added: V16 [n]."""
        return np.concatenate(self._digests) if self._digests else np.zeros(0, "V16")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._file.flush()
                os.fsync(self._file.fileno())


def open_kept(folder: Path, make: Callable[[Path], None], say: Callable[[str], None]) -> Stack:
    """The stack of that folder; when it is not there, `make` writes it into a folder that then gets this name.

    Two processes at once: one makes it, the other waits. Raises EnvironmentRefused when the cache cannot be written.
    """
    kept = _load_or_none(folder)
    if kept is not None:
        return kept
    with _writable(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(f"{folder}.lock")
        with _held(lock, say):
            for leftover in folder.parent.glob(f"{folder.name}.tmp-*"):
                shutil.rmtree(leftover)
            try:
                kept = _load(folder)
            except Damaged as damage:
                say(f"kept images {folder.name[:12]}: {damage}; set aside and decoded anew")
                _set_aside(folder)
            return kept if kept is not None else _make(folder, make)


def open_folder(folder: Path) -> Stack:
    """The labelled stack that lies in that folder (`Stack.folder`), for who learns from original labels.

    Raises EnvironmentRefused when it is not there whole, Mismatch when its images have no labels.
    """
    kept = _load_or_none(folder)
    if kept is None:
        raise EnvironmentRefused(f"{folder}: the kept images are gone or damaged. Run the same command again.")
    if not kept.manifest.counts_per_class:
        raise Mismatch(
            f"{kept.manifest.source}: its labels are no original labels (labelled = false). "
            "Leave out the regime that trains on original labels, or name a list that has them."
        )
    return kept


def open_images(folder: Path) -> Pixels:
    """Only the pixels of the stack in that folder, uint8 [n, h, w, 3], without a name: for who must not see labels.

    Raises EnvironmentRefused when they are not there.
    """
    manifest = kept_manifest(folder)
    if manifest is None:
        raise EnvironmentRefused(f"{folder}: the kept images are gone or damaged. Run the same command again.")
    with (folder / PIXELS).open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(mapped, np.uint8).reshape(manifest.count, *manifest.size, 3)


def finish(folder: Path, labels_N: NDArray[np.int64], digests_N: Digests, manifest: Manifest) -> None:
    """Writes what stands beside the pixels. Raises OSError."""
    for name, array in ((LABELS, labels_N), (DIGESTS, digests_N)):
        with (folder / name).open("wb") as file:
            np.lib.format.write_array(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
    with (folder / MANIFEST).open("w", encoding="utf-8") as text:
        text.write(manifest.model_dump_json(indent=1))
        text.flush()
        os.fsync(text.fileno())


def _make(folder: Path, make: Callable[[Path], None]) -> Stack:
    temporary = folder.with_name(f"{folder.name}.tmp-{os.getpid()}")
    temporary.mkdir()
    try:
        make(temporary)
        temporary.rename(folder)
        _sync(folder.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    stack = _load_or_none(folder)
    if stack is None:
        raise EnvironmentRefused(
            f"{folder.parent}: what was written reads back otherwise. Check the disk, or set BENCHMARK_CACHE."
        )
    return stack


def _load_or_none(folder: Path) -> Stack | None:
    try:
        return _load(folder)
    except Damaged:
        return None


def _load(folder: Path) -> Stack | None:
    """The kept stack, or None when there is none. Raises Damaged."""
    if not folder.exists():
        return None
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
        labels = np.load(folder / LABELS, allow_pickle=False)
        digests = np.load(folder / DIGESTS, allow_pickle=False)
        shape = (manifest.count, *manifest.size, 3)
        if (folder / PIXELS).stat().st_size != int(np.prod(shape, dtype=np.int64)):
            raise Damaged("the file of pixels has another size than the manifest says")
        images = np.memmap(folder / PIXELS, np.uint8, "r", shape=shape)
    except (OSError, ValueError, EOFError, ValidationError) as error:
        raise Damaged(f"cannot be read ({type(error).__name__})") from None
    if (
        labels.dtype != np.int64
        or digests.dtype != np.dtype("V16")
        or not len(labels) == len(digests) == manifest.count
    ):
        raise Damaged("labels and digests do not fit the manifest")
    if digest_all(digests, labels) != manifest.digest:
        raise Damaged("the digest is another one than the manifest says")
    stack = Stack(images, labels, digests, manifest)
    wrong = verify(stack, spread(manifest.count, max(1, CHECKED // max(1, images[0].nbytes))))
    if wrong is not None:
        raise Damaged(f"the pixels of image {wrong} have changed")
    return stack


def spread(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` positions of `count`, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))


def _set_aside(folder: Path) -> None:
    aside = folder.with_name(f"{folder.name}.damaged")
    if aside.exists():
        shutil.rmtree(aside)
    folder.rename(aside)


@contextmanager
def _held(lock: filelock.BaseFileLock, say: Callable[[str], None]) -> Iterator[None]:
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        say("another process is preparing the same images; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    """An OSError inside is the cache's: whatever is wrong with an image was turned into a reason before."""
    try:
        yield
    except OSError as error:
        raise EnvironmentRefused(
            f"{folder}: the cache cannot be written ({error.strerror or error}). "
            "Free space, or set BENCHMARK_CACHE to another folder."
        ) from None


def _sync(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def kept_manifest(folder: Path) -> Manifest | None:
    """The manifest of a kept stack, without opening the stack; None when there is none that can be read."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
