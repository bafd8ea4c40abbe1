"""Arrays of images on disk: NumPy archives and idx files, read through memory maps."""

import os
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from benchmark.images.classes import index_of
from benchmark.images.decode import Pixels
from benchmark.images.listing import Listing, Skipped, fingerprint
from benchmark.images.sources import IdxSource, NpzSource, TorchvisionSource
from benchmark.images.unpacking import spill
from benchmark.refusals import Mismatch


class Labelled(NamedTuple):
    """Images uint8 [n, h, w] or [n, h, w, 3], and labels int64 [n] or None."""

    images: Pixels
    labels: NDArray[np.int64] | None


@dataclass(frozen=True)
class ArrayFound:
    """Arrays on this machine: the files, and how they are opened."""

    source: NpzSource | IdxSource | TorchvisionSource
    files: tuple[Path, ...]
    load: Callable[[], Labelled]
    named: tuple[str, ...] = ()  # what label 0, 1, ... is called, where the data set says so

    @property
    def fingerprint(self) -> str:
        """Changes with the names, sizes and times of the files."""
        stats = [(path.name, path.stat()) for path in self.files]
        return fingerprint((name, seen.st_size, seen.st_mtime_ns) for name, seen in stats)

    def listing(self, classes: tuple[str, ...] | None) -> Listing:
        """The images in order; with classes, those of the classes, labelled. Raises Mismatch."""
        images, numbers = self.load()
        positions, labels, left_out = np.arange(len(images)), np.full(len(images), -1, np.int64), []
        if classes is not None and len(images):
            if numbers is None or len(numbers) != len(images):
                have = "no labels" if numbers is None else f"{len(numbers)} labels for {len(images)} images"
                raise Mismatch(f"{self.source.text}: {have}. A role needs one label per image.")
            words = {int(number): self._word(int(number)) for number in np.unique(numbers)}
            indices = index_of(words.values(), self.source.classes, classes, self.source.text)
            labels = np.array([indices.get(words[int(number)], -1) for number in numbers], np.int64)
            for number, word in words.items():
                if word not in indices:
                    count = int((numbers == number).sum())
                    left_out.append(Skipped(name=f"label {word}", why=f"not a class of the problem ({count} images)"))
            positions = np.flatnonzero(labels >= 0)
        names = [f"image {position}" for position in positions]
        return Listing(names, labels[positions], lambda index: images[positions[index]], tuple(left_out))

    def _word(self, number: int) -> str:
        return self.named[number] if 0 <= number < len(self.named) else str(number)


def npz_found(source: NpzSource, path: Path) -> ArrayFound:
    """A NumPy archive; its members are mapped, never unpickled."""

    def load() -> Labelled:
        names = _members(path)
        if source.images not in names:
            raise Mismatch(
                f"{source.text}: no array {source.images!r} in it (there are: {', '.join(sorted(names)) or 'none'})."
            )
        labels = _npy(path, source.labels) if source.labels in names else None
        if labels is not None and (labels.ndim != 1 or labels.dtype.kind not in "iu"):
            raise Mismatch(
                f"{source.text}: {source.labels!r} is {labels.dtype} {list(labels.shape)}, want whole numbers [n]."
            )
        return Labelled(
            as_images(_npy(path, source.images), source.text), None if labels is None else labels.astype(np.int64)
        )

    return ArrayFound(source, (path,), load)


def as_images(array: NDArray[Any], source: str) -> Pixels:
    """The array itself when it is one of images. Raises Mismatch."""
    fits = array.dtype == np.uint8 and (array.ndim == 3 or (array.ndim == 4 and array.shape[3] in {1, 3}))
    if not fits:
        raise Mismatch(
            f"{source}: images are {array.dtype} {list(array.shape)}, want uint8 [n,h,w], [n,h,w,1] or [n,h,w,3]."
        )
    return array


def _members(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise Mismatch(
            f"npz {path.name}: not a NumPy archive ({type(error).__name__}). Write it with numpy.savez."
        ) from None


def _npy(path: Path, member: str) -> NDArray[Any]:
    """One array of an archive as a read-only memory map over its unpacked bytes (which outlives the closed file)."""
    with spill(path, f"{member}.npy") as file:
        try:
            old = np.lib.format.read_magic(file) == (1, 0)
            read_header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
            shape, columns_first, dtype = read_header(file)
            if dtype.hasobject:  # a memory map of them would be taken for addresses
                raise Mismatch(f"npz {path.name}: array {member!r} holds Python objects. Write plain numbers.")
            if 0 in shape:
                return np.zeros(shape, dtype)
            order: Literal["F", "C"] = "F" if columns_first else "C"
            array: NDArray[Any] = np.memmap(cast("Any", file), dtype, "r", file.tell(), shape, order)
        except (ValueError, TypeError, OverflowError) as error:
            fault = f"array {member!r} cannot be read ({error})"
            raise Mismatch(f"npz {path.name}: {fault}. Write it with numpy.savez.") from None
        return array


def idx_found(source: IdxSource | TorchvisionSource, images: Path, labels: Path) -> ArrayFound:
    """Two idx files, plain or packed."""
    return ArrayFound(source, (images, labels), lambda: Labelled(read_idx(images), read_idx(labels).astype(np.int64)))


def read_idx(path: Path) -> NDArray[np.uint8]:
    """An idx file of unsigned bytes, as a read-only memory map. Raises Mismatch when it is not one, or not whole."""
    with spill(path) if path.suffix in {".gz", ".bz2", ".xz"} else path.open("rb") as file:
        try:
            shape = _idx_shape(file, os.fstat(file.fileno()).st_size)
        except ValueError as error:
            raise Mismatch(f"idx {path.name}: {error}. Copy it anew, whole.") from None
        if 0 in shape:
            return np.zeros(shape, np.uint8)
        return np.memmap(cast("Any", file), np.uint8, "r", 4 + 4 * len(shape), shape)


def _idx_shape(file: IO[bytes], length: int) -> tuple[int, ...]:
    head = file.read(4)
    if len(head) < 4 or head[:3] != b"\0\0\x08" or not 1 <= head[3] <= 4:
        raise ValueError("not an idx file of unsigned bytes")
    sizes = file.read(4 * head[3])
    if len(sizes) < 4 * head[3]:
        raise ValueError("truncated")
    shape = struct.unpack(f">{head[3]}I", sizes)
    told = 4 + 4 * head[3] + int(np.prod([int(side) for side in shape], dtype=object))
    if told != length:
        raise ValueError(f"{length:,} bytes, but its head tells of {told:,}")
    return shape
