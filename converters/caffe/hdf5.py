"""HDF5 caffemodels (.caffemodel.h5): group "data", a group per layer, datasets "0", "1", ... (Net::ToHDF5)."""

import importlib.util
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from converters.apart import Task, call, time_for
from converters.caffe.blobs import mapped
from converters.caffe.caffemodel import SourceLayer, Weights
from converters.refusals import FrameworkMissing, SourceDamaged, UnsupportedLayer

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_AXES_LIMIT = 32
_VALUES = "values"
_LAYERS_LIMIT = 20_000
# Caffe writes its datasets uncompressed; a file that promises far more than it holds is a bomb
_INFLATION_LIMIT = 16
_SMALL_FILE = 1 << 20


def read_hdf5(path: Path) -> Weights:
    """The layers of an HDF5 caffemodel with their blobs, float32 or float64, in alphabetical order of their names.

    Read by a process of its own, since a damaged file may keep the library of HDF5 busy for ever or end it. Links that
    leave the file are refused. Raises SourceDamaged, UnsupportedLayer, FrameworkMissing.
    """
    if importlib.util.find_spec("h5py") is None:
        raise FrameworkMissing(f'{path.name}: h5py is not installed; pip install "copycat-benchmark[caffe]".')
    with TemporaryDirectory(prefix="caffe-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        task = Task("converters.caffe.hdf5:unpack", (str(path), name), folder, path.name, time_for(path))
        entries = call(task)
        values = mapped(folder / _VALUES) if (folder / _VALUES).stat().st_size else memoryview(b"")
    return Weights(path, tuple(_unpacked(entry, values) for entry in entries))


def unpack(path: str, folder: str) -> list[dict[str, Any]]:
    """The child's part of `read_hdf5`: leaves all values in one file, and says where each layer's lie in it."""
    entries = []
    with (Path(folder) / _VALUES).open("wb") as file:
        for layer in read_here(Path(path)).layers:
            places = []
            for blob in layer.blobs:
                places.append(None if blob is None else (file.tell(), blob.dtype.str, blob.shape))
                file.write(b"" if blob is None else blob.tobytes())
            entries.append({"name": layer.name, "blobs": places})
    return entries


def _unpacked(entry: Mapping[str, Any], values: memoryview) -> SourceLayer:
    blobs = [
        None if place is None else np.frombuffer(values, place[1], math.prod(place[2]), place[0]).reshape(place[2])
        for place in entry["blobs"]
    ]
    return SourceLayer(entry["name"], tuple(blobs))


def read_here(path: Path) -> Weights:
    """As `read_hdf5`, in this process: for a child, or a file that can be trusted."""
    import h5py  # noqa: PLC0415 - optional

    try:
        with h5py.File(path, "r") as file:
            return Weights(path, tuple(_layers(file, path)))
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SourceDamaged(f"{path.name}: is not a readable HDF5 file ({cause}).") from error


def _layers(file: Any, path: Path) -> Iterator[SourceLayer]:
    import h5py  # noqa: PLC0415 - optional

    data = _member(file, "data", h5py.Group, path)
    if len(data) > _LAYERS_LIMIT:
        raise SourceDamaged(f"{path.name}: holds {len(data)} layers; it is damaged.")
    room = max(_SMALL_FILE, _INFLATION_LIMIT * path.stat().st_size)
    for name in data:
        blobs = _blobs(_member(data, name, h5py.Group, path), name, path, room)
        room -= sum(blob.nbytes for blob in blobs if blob is not None)
        yield SourceLayer(name, blobs)


def _blobs(group: Any, layer: str, path: Path, room: int) -> tuple[np.ndarray | None, ...]:
    """The blobs of a layer, None for those that another layer owns; `room`: the bytes that they may take."""
    import h5py  # noqa: PLC0415 - optional

    numbers = {int(name): name for name in group if name.isascii() and name.isdigit() and len(name) <= 2}
    if len(numbers) < len(group):
        raise SourceDamaged(f'{path.name}: layer {layer[:80]!r} does not hold its blobs as "0", "1", and so on.')
    blobs: list[np.ndarray | None] = [None] * (max(numbers, default=-1) + 1)
    for at, name in numbers.items():
        dataset = _member(group, name, h5py.Dataset, path)
        room -= _size(dataset, f"{path.name}: blob {at} of layer {layer[:80]!r}")
        if room < 0:
            raise SourceDamaged(f"{path.name}: promises far more weights than the file holds; it is refused.")
        blobs[at] = np.asarray(dataset[()])
    return tuple(blobs)


def _member(group: Any, name: str, kind: type, path: Path) -> Any:
    """A member of a group that lies in this file. Raises SourceDamaged."""
    import h5py  # noqa: PLC0415 - optional

    link = group.get(name, getlink=True)
    if link is None:
        raise SourceDamaged(f"{path.name}: has no group {name!r}; it is not an HDF5 caffemodel.")
    if not isinstance(link, h5py.HardLink):
        raise SourceDamaged(f"{path.name}: {name!r} is a link to elsewhere, which is not followed.")
    member = group[name]
    if not isinstance(member, kind):
        raise SourceDamaged(f"{path.name}: {name!r} is not a {kind.__name__.lower()}; it is not an HDF5 caffemodel.")
    return member


def _size(dataset: Any, what: str) -> int:
    """The bytes that a dataset of floats takes. Raises SourceDamaged, UnsupportedLayer."""
    if dataset.external or dataset.is_virtual:
        raise SourceDamaged(f"{what} lies in another file, which is not opened.")
    if dataset.dtype.kind != "f" or dataset.dtype.itemsize not in {2, 4, 8}:
        raise UnsupportedLayer(f"{what} holds {dataset.dtype} values; float32 and float64 are read.")
    if dataset.shape is None or len(dataset.shape) > _AXES_LIMIT:
        raise SourceDamaged(f"{what} has the shape {dataset.shape}; the file is damaged.")
    return math.prod(int(side) for side in dataset.shape) * int(dataset.dtype.itemsize)
