"""Blobs as files hold them: a BlobProto's bytes become an array in the blob's shape, without a copy where possible."""

import math
import mmap
from pathlib import Path

import numpy as np

from converters.caffe.wire import BYTES, FIXED32, FIXED64, VARINT, Field, Walk, signed
from converters.refusals import SourceDamaged, UnsupportedLayer

# Caffe's kMaxBlobAxes
_AXES_LIMIT = 32
_LEGACY_AXES = (1, 2, 3, 4)
_DATA, _SHAPE, _DOUBLE_DATA, _RAW_TYPE, _RAW_DATA = 5, 7, 8, 10, 12
_VALUES = {(_DATA, BYTES), (_DATA, FIXED32), (_DOUBLE_DATA, BYTES), (_DOUBLE_DATA, FIXED64), (_RAW_DATA, BYTES)}
_FLOAT = 1
_RAW_DTYPES = {0: "<f8", _FLOAT: "<f4", 2: "<f2"}
_LFS = b"version https://git-lfs"


def mapped(path: Path) -> memoryview:
    """A file's bytes, mapped and not read; arrays made of them keep the file mapped. Raises SourceDamaged."""
    try:
        with path.open("rb") as file:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except ValueError as error:
        raise SourceDamaged(f"{path.name}: is empty.") from error
    except OSError as error:
        raise SourceDamaged(f"{path.name}: cannot be read ({error.strerror or error}).") from error
    if view[: len(_LFS)] == _LFS:
        raise SourceDamaged(f"{path.name}: is a pointer of Git LFS, not the file; fetch it with git lfs pull.")
    return view


def read_blob(walk: Walk, blob: memoryview, what: str) -> np.ndarray:
    """A BlobProto's values, float64, float32 or float16, in its shape; `what` names the blob in refusals.

    The four legacy axes, if any is set, count before `shape`. `double_data` counts before `data`, and both before the
    raw data of NVIDIA Caffe. Raises SourceDamaged, UnsupportedLayer. Source: Blob::FromProto of BVLC and NVIDIA Caffe.
    """
    legacy: dict[int, int] = {}
    dims: list[int] = []
    values: dict[int, list[Field]] = {_DATA: [], _DOUBLE_DATA: [], _RAW_DATA: []}
    raw_type = -1
    for field in walk.fields(blob):
        if field.number in _LEGACY_AXES and field.kind == VARINT:
            legacy[field.number] = signed(field.value)
        elif field.number == _SHAPE and field.kind == BYTES:
            dims += [dim for part in walk.fields(field.data) if part.number == 1 for dim in walk.integers(part)]
        elif field.number == _RAW_TYPE and field.kind == VARINT:
            raw_type = field.value
        elif (field.number, field.kind) in _VALUES:
            values[field.number].append(field)
    shape = [legacy.get(axis, 0) for axis in _LEGACY_AXES] if legacy else dims
    array = _values(values, raw_type, f"{walk.name}: {what}")
    if len(shape) > _AXES_LIMIT or min(shape, default=1) < 0 or math.prod(shape) != array.size:
        raise SourceDamaged(f"{walk.name}: {what} has {array.size} values for the shape {_shown(shape)}.")
    return array.reshape(shape)


def _values(values: dict[int, list[Field]], raw_type: int, what: str) -> np.ndarray:
    """The values of the kind that counts, flat."""
    if any(len(part.data) for part in values[_DOUBLE_DATA]):
        parts, dtype = values[_DOUBLE_DATA], "<f8"
    elif any(len(part.data) for part in values[_DATA]):
        parts, dtype = values[_DATA], "<f4"
    elif values[_RAW_DATA]:
        parts = values[_RAW_DATA][-1:]
        if raw_type not in _RAW_DTYPES:
            raise UnsupportedLayer(f"{what} holds raw values of type {raw_type}; float16, float and double are read.")
        dtype = _RAW_DTYPES[raw_type]
    else:
        return np.zeros(0, np.float32)
    if any(part.kind == BYTES and len(part.data) % np.dtype(dtype).itemsize for part in parts):
        raise SourceDamaged(f"{what} ends within a number; the file is damaged.")
    arrays = [part.numbers(dtype) for part in parts]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _shown(shape: list[int]) -> str:
    more = ", ..." if len(shape) > _AXES_LIMIT else ""
    return f"({', '.join(map(str, shape[:_AXES_LIMIT]))}{more})"
