"""Data sets as torchvision keeps them on disk: CIFAR-10 and MNIST without its help, others through it.

CIFAR's python batches are pickles; only the NumPy and text parts that they are made of are let through.
"""

import os
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.images.arrays import ArrayFound, Labelled, idx_found
from benchmark.images.classes import index_of
from benchmark.images.decode import Unusable
from benchmark.images.listing import Found, Listing, Raw, Skipped, fingerprint
from benchmark.images.sources import TorchvisionSource
from benchmark.refusals import DataMissing, Mismatch, UnknownName

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CIFAR10_TRAIN = [f"data_batch_{number}" for number in range(1, 6)]
_MNIST_LIKE = {"mnist": "MNIST", "fashionmnist": "FashionMNIST", "kmnist": "KMNIST"}
_LET_THROUGH = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class _Numbers(pickle.Unpickler):
    """Unpickles arrays, numbers and texts, and refuses everything else before it is looked up."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _LET_THROUGH:
            raise pickle.UnpicklingError(f"holds {module}.{name}")
        return super().find_class(module.replace("numpy.core.", "numpy._core."), name)


def torchvision_found(source: TorchvisionSource, root: Path) -> Found | None:
    """The data set below a folder, or None. Raises UnknownName for a data set that torchvision does not have."""
    name = source.dataset.lower()
    if name == "cifar10":
        return _cifar10(source, root)
    if name in _MNIST_LIKE:
        raw, part = root / _MNIST_LIKE[name] / "raw", "train" if source.split == "train" else "t10k"
        pair = [either(raw / f"{part}-{what}-ubyte") for what in ("images-idx3", "labels-idx1")]
        return idx_found(source, pair[0], pair[1]) if pair[0] and pair[1] else None
    return _any(source, root)


def either(path: Path) -> Path | None:
    """The file, plain or packed with gzip, whichever is there."""
    bare = path.with_suffix("") if path.suffix == ".gz" else path
    return next((choice for choice in (path, bare, Path(f"{bare}.gz")) if choice.is_file()), None)


def _cifar10(source: TorchvisionSource, root: Path) -> ArrayFound | None:
    stems = _CIFAR10_TRAIN if source.split == "train" else ["test_batch"]
    python = tuple(root / "cifar-10-batches-py" / stem for stem in stems)
    if all(path.is_file() for path in python):
        return ArrayFound(source, python, lambda: _joined([_read_batch(path) for path in python]), CIFAR10)
    binary = tuple(root / "cifar-10-batches-bin" / f"{stem}.bin" for stem in stems)
    if all(path.is_file() for path in binary):
        return ArrayFound(source, binary, lambda: _joined([_read_binary(path) for path in binary]), CIFAR10)
    return None


def _read_batch(path: Path) -> Labelled:
    try:
        with path.open("rb") as file:
            batch = _Numbers(file, encoding="latin1").load()
        rows, labels = np.asarray(batch["data"]), np.asarray(batch["labels"], np.int64)
        return Labelled(_upright(rows), labels)
    except Exception as error:  # noqa: BLE001 - a damaged pickle raises nearly anything
        raise Mismatch(
            f"{path.name}: not a CIFAR-10 batch ({type(error).__name__}: {error}). Copy it anew, whole."
        ) from None


def _read_binary(path: Path) -> Labelled:
    content = np.fromfile(path, np.uint8)
    if not len(content) or len(content) % 3073:
        raise Mismatch(
            f"{path.name}: {len(content):,} bytes, want a multiple of 3,073 (CIFAR-10 binary). Copy it anew, whole."
        )
    rows = content.reshape(-1, 3073)
    return Labelled(_upright(rows[:, 1:]), rows[:, 0].astype(np.int64))


def _upright(rows: NDArray[Any]) -> NDArray[np.uint8]:
    """CIFAR's rows of 1024 red, 1024 green, 1024 blue values as [n, 32, 32, 3]."""
    if rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != 3072:
        raise ValueError(f"rows are {rows.dtype} {list(rows.shape)}")
    return np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


def _joined(parts: list[Labelled]) -> Labelled:
    labels = [part.labels for part in parts if part.labels is not None]
    return Labelled(np.concatenate([part.images for part in parts]), np.concatenate(labels))


@dataclass(frozen=True)
class DatasetFound:
    """An opened data set of torchvision whose items are (image, label)."""

    source: TorchvisionSource
    dataset: Any
    root: Path

    @property
    def fingerprint(self) -> str:
        """Changes with the data set's length and the files beside its root."""
        stats = [(entry.name, entry.stat()) for entry in sorted(os.scandir(self.root), key=lambda entry: entry.name)]
        stamps = [(name, seen.st_size, seen.st_mtime_ns) for name, seen in stats]
        return fingerprint([(repr(type(self.dataset)), len(self.dataset), 0), *stamps])

    def listing(self, classes: tuple[str, ...] | None) -> Listing:
        """The items in order; with classes, those of the classes, labelled. Raises Mismatch."""
        labels, positions, left_out = np.full(len(self.dataset), -1, np.int64), np.arange(len(self.dataset)), []
        if classes is not None:
            said = list(self._said())
            indices = index_of(said, self.source.classes, classes, self.source.text)
            labels = np.array([indices.get(word, -1) for word in said], np.int64)
            lost = sorted(set(said) - set(indices))
            left_out = [
                Skipped(name=f"label {word}", why=f"not a class of the problem ({said.count(word)} images)")
                for word in lost
            ]
            positions = np.flatnonzero(labels >= 0)
        names = [f"image {position}" for position in positions]
        return Listing(names, labels[positions], lambda index: self._read(int(positions[index])), tuple(left_out))

    def _said(self) -> Iterator[str]:
        numbers = next(
            (getattr(self.dataset, name) for name in ("targets", "labels", "_labels") if hasattr(self.dataset, name)),
            None,
        )
        if numbers is None:
            numbers = [self.dataset[index][1] for index in range(len(self.dataset))]
        named = list(getattr(self.dataset, "classes", []))
        return (str(named[int(number)]) if int(number) < len(named) else str(int(number)) for number in numbers)

    def _read(self, index: int) -> Raw:
        try:
            image: Raw = self.dataset[index][0]
        except Exception as error:  # noqa: BLE001 - whatever one item does, it is one image
            raise Unusable(f"damaged ({type(error).__name__})") from None
        return image


def _any(source: TorchvisionSource, root: Path) -> DatasetFound | None:
    if not root.is_dir():
        return None
    try:
        dataset = construct(source, root, download=False)
    except UnknownName:
        raise
    except Exception:  # noqa: BLE001 - torchvision says "not found" with several errors
        return None
    return DatasetFound(source, dataset, root)


def construct(source: TorchvisionSource, root: Path, *, download: bool) -> Any:
    """The object of torchvision's class. Raises UnknownName, and what torchvision raises."""
    import inspect  # noqa: PLC0415

    from torchvision import datasets  # noqa: PLC0415 - takes seconds

    known = {name.lower(): name for name in datasets.__all__}
    if source.dataset.lower() not in known:
        raise UnknownName("torchvision data set", source.dataset, known.values())
    build = getattr(datasets, known[source.dataset.lower()])
    takes = inspect.signature(build).parameters
    if "download" not in takes:
        raise DataMissing(
            f"torchvision {source.dataset}: torchvision cannot fetch it. Put it under a data folder by hand."
        )
    part = {"train": source.split == "train"} if "train" in takes else {"split": source.split}
    return build(str(root), download=download, **part)
