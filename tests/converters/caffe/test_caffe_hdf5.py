"""HDF5 caffemodels: as Caffe writes them, and refused where they reach into other files or are bombs."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_files import CONV, DEPLOY, FC, blobs, put, reading

from converters.caffe.hdf5 import read_hdf5
from converters.refusals import FrameworkMissing, SourceDamaged, UnsupportedLayer

h5py = pytest.importorskip("h5py")


def made(tmp_path: Path, fill: Any) -> Path:
    path = tmp_path / "net.caffemodel.h5"
    with h5py.File(path, "w") as file:
        fill(file)
    return path


def whole(file: Any) -> None:
    for name, arrays in blobs().items():
        for at, array in enumerate(arrays):
            file[f"data/{name}/{at}"] = array
    file.create_group("data/prob")


def test_weights_in_hdf5_are_those_in_a_caffemodel(tmp_path: Path) -> None:
    made(tmp_path, whole)
    found = reading(put(tmp_path, {"deploy.prototxt": DEPLOY + CONV + FC}))
    assert [file.name for file in found.files] == ["deploy.prototxt", "net.caffemodel.h5"]
    for layer, name in zip(found.net.layers, ("conv", "fc"), strict=True):
        for array, expected in zip(layer.blobs, blobs()[name], strict=True):
            np.testing.assert_array_equal(array, expected)


def test_hdf5_is_told_by_its_first_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    made(tmp_path, whole).rename(tmp_path / "net.caffemodel")
    assert reading(put(tmp_path, {"deploy.prototxt": DEPLOY + CONV + FC})).net.layers[0].blobs


def test_blobs_that_another_layer_owns_are_left_open(tmp_path: Path) -> None:
    def fill(file: Any) -> None:
        file["data/b/1"] = np.ones(2, np.float32)
        file.create_group("data/c")

    layers = {layer.name: layer.blobs for layer in read_hdf5(made(tmp_path, fill)).layers}
    assert layers["c"] == ()
    assert layers["b"][0] is None
    assert layers["b"][1] is not None


def link_outside(file: Any) -> None:
    file["data/a/0"] = h5py.ExternalLink("/etc/passwd", "/data")


def soft_link(file: Any) -> None:
    file["other"] = np.ones(2, np.float32)
    file["data/a/0"] = h5py.SoftLink("/other")


def external_values(file: Any) -> None:
    file.create_dataset("data/a/0", (4,), np.float32, external=[("/etc/passwd", 0, 16)])


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((4,), np.float32)
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    file.create_virtual_dataset("data/a/0", layout)


def bomb(file: Any) -> None:
    file.create_dataset("data/a/0", (1 << 30,), np.float32, chunks=(1 << 20,), fillvalue=1)


def compressed_bomb(file: Any) -> None:
    file.create_dataset("data/a/0", data=np.zeros(8 << 20, np.float32), chunks=(1 << 20,), compression="gzip")


@pytest.mark.parametrize(
    ("fill", "said"),
    [
        (lambda file: file.create_group("model_weights"), "has no group 'data'"),
        (lambda file: file.__setitem__("data", np.ones(2)), "'data' is not a group"),
        (lambda file: file.__setitem__("data/a", np.ones(2)), "'a' is not a group"),
        (lambda file: file.create_group("data/a/0"), "'0' is not a dataset"),
        (lambda file: file.__setitem__("data/a/kernel", np.ones(2)), 'does not hold its blobs as "0"'),
        (lambda file: file.__setitem__("data/a/100", np.ones(2)), 'does not hold its blobs as "0"'),
        (lambda file: file.__setitem__("data/a/0", h5py.Empty("f")), "has the shape None"),
        (link_outside, "'0' is a link to elsewhere"),
        (soft_link, "'0' is a link to elsewhere"),
        (external_values, "lies in another file"),
        (virtual, "lies in another file"),
        (bomb, "promises far more weights than the file holds"),
        (compressed_bomb, "promises far more weights than the file holds"),
    ],
)
def test_odd_files_are_refused(tmp_path: Path, fill: Any, said: str) -> None:
    with pytest.raises(SourceDamaged, match=said):
        read_hdf5(made(tmp_path, fill))


@pytest.mark.parametrize("array", [np.ones(2, np.int32), np.array([b"ab"]), np.ones(2, np.complex64)])
def test_values_that_are_not_floats_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    with pytest.raises(UnsupportedLayer, match="float32 and float64 are read"):
        read_hdf5(made(tmp_path, lambda file: file.__setitem__("data/a/0", array)))


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    data = made(tmp_path, whole).read_bytes()
    for end in (8, 100, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.caffemodel.h5").write_bytes(data[:end])
        with pytest.raises(SourceDamaged, match="not a readable HDF5 file"):
            read_hdf5(tmp_path / "cut.caffemodel.h5")


def test_without_h5py_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path, whole)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(FrameworkMissing, match=r"pip install \"copycat-benchmark\[caffe\]\""):
        read_hdf5(path)
