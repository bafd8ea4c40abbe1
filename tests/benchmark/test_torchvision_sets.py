"""Tests of the data sets that torchvision keeps."""

import gzip
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_sources import idx, opened, put, seen, skipped

from benchmark.images.sources import (
    TorchvisionSource,
)
from benchmark.refusals import DataMissing, Mismatch, UnknownName


def cifar_rows() -> tuple[np.ndarray, list[int]]:
    """Three rows in CIFAR's layout: red 10, green 20, blue 30 in the first."""
    rows = np.zeros((3, 3072), np.uint8)
    rows[0] = np.repeat([10, 20, 30], 1024)
    return rows, [3, 5, 6]


@pytest.mark.parametrize("form", ["python", "binary"])
def test_cifar10_batches_of_both_kinds(tmp_path: Path, form: str) -> None:
    """Cat (3) and dog (5) are found by name, frog (6) is left out, planes become channels."""
    rows, labels = cifar_rows()
    if form == "python":
        content = pickle.dumps({"data": rows, "labels": labels}, protocol=2)
        content = content.replace(b"numpy._core", b"numpy.core")  # as the published files name it
        put(tmp_path / "data/cifar-10-batches-py/test_batch", content)
    else:
        content = b"".join(bytes([label]) + row.tobytes() for label, row in zip(labels, rows, strict=True))
        put(tmp_path / "data/cifar-10-batches-bin/test_batch.bin", content)
    stack = opened(TorchvisionSource(dataset="CIFAR10", split="test"), tmp_path)
    assert stack.images_NHWC[0, 0, 0].tolist() == [10, 20, 30]
    assert stack.labels_N.tolist() == [0, 1]
    assert skipped(stack) == {"label frog": "not a class of the problem (1 images)"}


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("evil",)


def test_a_hostile_cifar_batch_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle that names a function is refused before the function is looked up."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "data/cifar-10-batches-py/test_batch", pickle.dumps({"data": _Evil(), "labels": []}))
    with pytest.raises(Mismatch, match=r"not a CIFAR-10 batch .UnpicklingError: holds posix.mkdir"):
        opened(TorchvisionSource(dataset="cifar10", split="test"), tmp_path)
    assert not (tmp_path / "evil").exists()


def test_a_truncated_binary_batch_is_refused(tmp_path: Path) -> None:
    """A length that is no multiple of a row is named."""
    put(tmp_path / "data/cifar-10-batches-bin/test_batch.bin", b"\0" * 5000)
    with pytest.raises(Mismatch, match="5,000 bytes, want a multiple of 3,073"):
        opened(TorchvisionSource(dataset="cifar10", split="test"), tmp_path)


def test_mnist_as_torchvision_keeps_it(tmp_path: Path) -> None:
    """MNIST/raw/t10k-* below the root, plain or packed."""
    raw = tmp_path / "data/sets/MNIST/raw"
    put(raw / "t10k-images-idx3-ubyte", idx(np.full((2, 4, 4), 9, np.uint8)))
    put(raw / "t10k-labels-idx1-ubyte.gz", gzip.compress(idx(np.array([1, 0], np.uint8))))
    source = TorchvisionSource(dataset="MNIST", split="test", root="sets")
    assert seen(opened(source, tmp_path)) == [(9, 1), (9, 0)]


def test_any_other_class_of_torchvision_by_name(tmp_path: Path) -> None:
    """GTSRB's test set in torchvision's layout is read through torchvision's own class."""
    base = tmp_path / "data/gtsrb"
    for number in (0, 1):
        image = Image.new("RGB", (5, 5), (number, 0, 0))
        (base / "GTSRB/Final_Test/Images").mkdir(parents=True, exist_ok=True)
        image.save(base / f"GTSRB/Final_Test/Images/{number:05d}.ppm")
    put(base / "GT-final_test.csv", b"Filename;ClassId\n00000.ppm;1\n00001.ppm;0\n")
    assert seen(opened(TorchvisionSource(dataset="gtsrb", split="test"), tmp_path)) == [(0, 1), (1, 0)]
    with pytest.raises(DataMissing, match="torchvision gtsrb train: not found"):
        opened(TorchvisionSource(dataset="gtsrb", split="train"), tmp_path)


def test_an_unknown_data_set_is_refused(tmp_path: Path) -> None:
    """The nearest name is offered."""
    (tmp_path / "data").mkdir()
    with pytest.raises(UnknownName, match=r"unknown torchvision data set 'STL11'\. Did you mean 'STL10'"):
        opened(TorchvisionSource(dataset="STL11", split="test"), tmp_path)
