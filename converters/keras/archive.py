"""The files of Keras: an archive (.keras) or HDF5 (.h5), measured before they are opened, and a clean copy to load."""

import contextlib
import io
import json
import math
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from converters.apart import Task, call, time_for
from converters.keras.config import parse
from converters.refusals import FrameworkMissing, SourceDamaged, SourceIncomplete

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# an ONNX file holds less than that
BYTES_LIMIT = 2 << 30
_CONFIG_LIMIT = 32 << 20
_OBJECTS_LIMIT = 100_000
_DEPTH_LIMIT = 64
# Keras writes its weights uncompressed; a file that promises far more than it holds is a bomb
_INFLATION_LIMIT = 16
_SMALL_FILE = 1 << 20
_CHUNK = 1 << 20
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_WEIGHTS_GROUP = "model_weights"
_OLD_LAYERS, _LAYERS = "_layer_checkpoint_dependencies", "layers"


def copied(path: Path, folder: Path) -> Path:
    """As `clean_copy`, whatever the file does to its reader: in a process of its own. Raises the same refusals."""
    arguments = (str(path), str(folder))
    task = Task("converters.keras.archive:copy_for_parent", arguments, folder, path.name, time_for(path))
    return folder / Path(str(call(task))).name


def copy_for_parent(path: str, folder: str) -> str:
    """The child's part of `copied`: the name of the copy."""
    return clean_copy(Path(path), Path(folder)).name


def clean_copy(path: Path, folder: Path) -> Path:
    """A copy of a Keras file in `folder` that Keras 3 can be given: known layers only, weights that lie in the file.

    An archive keeps its config, metadata and weights, nothing else; what Keras 2 wrote is put into Keras 3's words.
    Raises SourceDamaged, SourceIncomplete, RunsCode, UnsupportedLayer, FrameworkMissing.
    """
    if path.stat().st_size > BYTES_LIMIT:
        raise SourceDamaged(f"{path.name}: has {path.stat().st_size:,} bytes; more than {BYTES_LIMIT:,} are not read.")
    with path.open("rb") as file:
        head = file.read(len(_SIGNATURE))
    if head == _SIGNATURE:
        return _clean_hdf5(path, folder / "model.h5")
    if zipfile.is_zipfile(path):
        return _clean_archive(path, folder / "model.keras")
    what = "a Git LFS pointer: fetch it with git lfs pull" if head.startswith(b"version ") else "copy it again"
    raise SourceDamaged(f"{path.name}: is neither an HDF5 file nor a zip archive, or its end is missing; {what}.")


def _clean_archive(path: Path, out: Path) -> Path:
    packed, weights = out.with_name("packed.h5"), out.with_name(WEIGHTS)
    try:
        with zipfile.ZipFile(path) as archive:
            held = {entry.filename: entry for entry in archive.infolist()}
            missing = ", ".join(name for name in (CONFIG, WEIGHTS) if name not in held)
            if missing:
                raise SourceIncomplete(f"{path.name}: holds no {missing}; save the whole model with model.save().")
            metadata = _member(archive, METADATA, path.name, _CONFIG_LIMIT) if METADATA in held else b"{}"
            config = parse(_member(archive, CONFIG, path.name, _CONFIG_LIMIT), path.name, _version(metadata))
            with archive.open(WEIGHTS) as source, packed.open("wb") as target:
                _copy(source, target, _room(path), f"{path.name}: {WEIGHTS}")
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise SourceDamaged(f"{path.name}: is not a readable archive ({_cause(error)}); copy it again.") from error
    with _hdf5(packed, path.name) as (source_file, new):
        copier = _Copier(path.name, _room(packed))
        old = _OLD_LAYERS in source_file and _LAYERS not in source_file  # Keras 2.12 and 2.13
        with new(weights) as target_file:
            copier.copy(source_file, target_file, {_OLD_LAYERS: _LAYERS} if old else {})
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as made:
        made.writestr(CONFIG, json.dumps(config))
        made.writestr(METADATA, metadata)
        made.write(weights, WEIGHTS)
    packed.unlink()
    weights.unlink()
    return out


def _room(path: Path) -> int:
    """How many bytes a file may unpack to."""
    return min(BYTES_LIMIT, max(_SMALL_FILE, _INFLATION_LIMIT * path.stat().st_size))


def _version(metadata: bytes) -> str:
    said = json.loads(metadata)
    return str(said.get("keras_version", "")) if isinstance(said, dict) else ""


def _member(archive: zipfile.ZipFile, name: str, shown: str, limit: int) -> bytes:
    data = io.BytesIO()
    with archive.open(name) as source:
        _copy(source, data, limit, f"{shown}: {name}")
    return data.getvalue()


def _copy(source: Any, target: BinaryIO, room: int, what: str) -> None:
    """Copy at most `room` bytes, whatever the archive says of the size."""
    while piece := source.read(_CHUNK):
        room -= len(piece)
        if room < 0:
            raise SourceDamaged(f"{what} unpacks to far more than the file holds; it is refused.")
        target.write(piece)


def _clean_hdf5(path: Path, out: Path) -> Path:
    with _hdf5(path, path.name) as (file, new):
        said, version = file.attrs.get("model_config"), file.attrs.get("keras_version", "")
        if said is None:
            raise SourceIncomplete(
                f"{path.name}: holds weights without a model; save the whole model with model.save()."
            )
        if _WEIGHTS_GROUP not in file:
            raise SourceIncomplete(f"{path.name}: holds a model without weights; save it with model.save().")
        version = version.decode("utf-8", "replace") if isinstance(version, bytes) else str(version)
        config = parse(said if isinstance(said, bytes) else str(said), path.name, version)
        with new(out) as target:
            target.attrs["model_config"] = json.dumps(config)
            target.attrs["keras_version"] = version
            _Copier(path.name, _room(path)).copy(file, target, only=_WEIGHTS_GROUP)
    return out


@contextlib.contextmanager
def _hdf5(path: Path, shown: str) -> Iterator[tuple[Any, Callable[[Path], Any]]]:
    """An HDF5 file to read, and what makes a new one; the errors of HDF5 become refusals.

    A damaged file is never written to: HDF5 can end the process on that.
    """
    try:
        import h5py  # noqa: PLC0415 - optional
    except ImportError as error:
        raise FrameworkMissing(f'{shown}: h5py is not installed; pip install "copycat-benchmark[keras]".') from error
    try:
        with h5py.File(path, "r") as file:
            yield file, lambda out: h5py.File(out, "w")
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise SourceDamaged(f"{shown}: is not a readable HDF5 file ({_cause(error)}); copy it again.") from error


class _Copier:
    """Copies groups, datasets and their attributes; refuses links, datasets that lie elsewhere, and bombs."""

    def __init__(self, shown: str, room: int) -> None:
        self._shown, self._room, self._count = shown, room, 0

    def copy(
        self, source: Any, target: Any, names: Mapping[str, str] | None = None, *, only: str = "", depth: int = 0
    ) -> None:
        """Copy what a group holds, some of it under new names, or only one member. Raises SourceDamaged."""
        import h5py  # noqa: PLC0415 - optional

        for name in [only] if only else list(source):
            self._count += 1
            if self._count > _OBJECTS_LIMIT or depth > _DEPTH_LIMIT:
                raise SourceDamaged(f"{self._shown}: holds groups within groups without end; it is refused.")
            if not isinstance(source.get(name, getlink=True), h5py.HardLink):
                raise SourceDamaged(f"{self._shown}: {name[:80]!r} is a link to elsewhere, which is not followed.")
            thing, new = source[name], (names or {}).get(name, name)
            if isinstance(thing, h5py.Group):
                made = target.create_group(new)
                self.copy(thing, made, depth=depth + 1)
            elif isinstance(thing, h5py.Dataset):
                made = target.create_dataset(new, data=self._numbers(thing, name))
            else:
                continue
            for key, value in thing.attrs.items():
                made.attrs[key] = value

    def _numbers(self, dataset: Any, name: str) -> Any:
        if dataset.external or dataset.is_virtual:
            raise SourceDamaged(f"{self._shown}: {name[:80]!r} lies in another file, which is not opened.")
        self._room -= math.prod(int(side) for side in dataset.shape or ()) * int(dataset.dtype.itemsize)
        if self._room < 0:
            raise SourceDamaged(f"{self._shown}: promises far more weights than the file holds; it is refused.")
        return dataset[()]


def _cause(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
