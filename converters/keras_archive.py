"""The files of Keras: an archive (.keras) or HDF5 (.h5), measured before they are opened, and a clean copy to load."""

import io
import json
import math
import shutil
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

from converters.keras_config import parse
from converters.refusals import ConversionRefused, FrameworkMissing, SourceDamaged, SourceIncomplete

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
_OLD_LAYERS, _LAYERS = "_layer_checkpoint_dependencies", "layers"


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
    weights = out.with_name(WEIGHTS)
    try:
        with zipfile.ZipFile(path) as archive:
            held = {entry.filename: entry for entry in archive.infolist()}
            missing = ", ".join(name for name in (CONFIG, WEIGHTS) if name not in held)
            if missing:
                raise SourceIncomplete(f"{path.name}: holds no {missing}; save the whole model with model.save().")
            metadata = _member(archive, METADATA, path.name, _CONFIG_LIMIT) if METADATA in held else b"{}"
            config = parse(_member(archive, CONFIG, path.name, _CONFIG_LIMIT), path.name, _version(metadata))
            room = min(BYTES_LIMIT, max(_SMALL_FILE, _INFLATION_LIMIT * path.stat().st_size))
            with archive.open(WEIGHTS) as source, weights.open("wb") as target:
                _copy(source, target, room, f"{path.name}: {WEIGHTS}")
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise SourceDamaged(f"{path.name}: is not a readable archive ({_cause(error)}); copy it again.") from error
    with _opened(weights, path.name, "r+") as file:
        _measure(file, weights.stat().st_size, path.name)
        if _OLD_LAYERS in file and _LAYERS not in file:  # Keras 2.12 and 2.13
            file.move(_OLD_LAYERS, _LAYERS)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as made:
        made.writestr(CONFIG, json.dumps(config))
        made.writestr(METADATA, metadata)
        made.write(weights, WEIGHTS)
    weights.unlink()
    return out


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
    shutil.copyfile(path, out)
    with _opened(out, path.name, "r+") as file:
        _measure(file, path.stat().st_size, path.name)
        said = file.attrs.get("model_config")
        if said is None:
            raise SourceIncomplete(
                f"{path.name}: holds weights without a model; save the whole model with model.save()."
            )
        if "model_weights" not in file:
            raise SourceIncomplete(f"{path.name}: holds a model without weights; save it with model.save().")
        for key in ("training_config", "optimizer_weights"):
            if key in file.attrs:
                del file.attrs[key]
            if key in file:
                del file[key]
        version = file.attrs.get("keras_version", "")
        version = version.decode("utf-8", "replace") if isinstance(version, bytes) else str(version)
        config = parse(said if isinstance(said, bytes) else str(said), path.name, version)
        del file.attrs["model_config"]
        file.attrs["model_config"] = json.dumps(config)
    return out


class _opened:  # noqa: N801 - used as a function
    """An HDF5 file, whose own errors become refusals."""

    def __init__(self, path: Path, shown: str, mode: str) -> None:
        try:
            import h5py  # noqa: PLC0415 - optional
        except ImportError as error:
            raise FrameworkMissing(
                f'{shown}: h5py is not installed; pip install "copycat-benchmark[keras]".'
            ) from error
        self._shown = shown
        try:
            self._file = h5py.File(path, mode)
        except (OSError, RuntimeError, ValueError) as error:
            raise SourceDamaged(f"{shown}: is not a readable HDF5 file ({_cause(error)}); copy it again.") from error

    def __enter__(self) -> Any:
        return self._file

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self._file.close()
        except (OSError, RuntimeError) as closing:
            error = error or closing
        if error is not None and not isinstance(error, ConversionRefused) and isinstance(error, Exception):
            raise SourceDamaged(f"{self._shown}: is not a readable HDF5 file ({_cause(error)}).") from error


def _measure(file: Any, size: int, shown: str) -> None:
    """Refuse links, datasets that lie elsewhere, and more numbers than a file of `size` bytes can mean."""
    import h5py  # noqa: PLC0415 - optional

    room, count = min(BYTES_LIMIT, max(_SMALL_FILE, _INFLATION_LIMIT * size)), 0
    left = [(file, 0)]
    while left:
        group, depth = left.pop()
        for name in group:
            count += 1
            if count > _OBJECTS_LIMIT or depth > _DEPTH_LIMIT:
                raise SourceDamaged(f"{shown}: holds groups within groups without end; it is refused.")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise SourceDamaged(f"{shown}: {name[:80]!r} is a link to elsewhere, which is not followed.")
            thing = group[name]
            if isinstance(thing, h5py.Group):
                left.append((thing, depth + 1))
            elif isinstance(thing, h5py.Dataset):
                room -= _bytes_of(thing, f"{shown}: {name[:80]!r}")
                if room < 0:
                    raise SourceDamaged(f"{shown}: promises far more weights than the file holds; it is refused.")


def _bytes_of(dataset: Any, what: str) -> int:
    if dataset.external or dataset.is_virtual:
        raise SourceDamaged(f"{what} lies in another file, which is not opened.")
    return math.prod(int(side) for side in dataset.shape or ()) * int(dataset.dtype.itemsize)


def _cause(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
