"""Mean files: a mean image or a mean per channel, from a .binaryproto (or .mean) or from numpy's .npy."""

import math
from pathlib import Path

import numpy as np

from converters.caffe.blobs import mapped, read_blob
from converters.caffe.wire import Walk
from converters.refusals import SourceDamaged

SUFFIXES = (".binaryproto", ".mean", ".npy")
_NPY = b"\x93NUMPY"
_SIDE_LIMIT = 16_384
_VALUES_LIMIT = 1 << 28


def read_mean(path: Path) -> np.ndarray:
    """A mean image, float32 [c, h, w] with 1 or 3 channels, in 0..255; [c, 1, 1] where the file has one mean each.

    A binaryproto is one BlobProto of 1 x c x h x w; numpy files hold [c, h, w], [h, w, c], [h, w] or [c], whatever
    pycaffe's scripts saved. Raises SourceDamaged.
    """
    view = mapped(path)
    mean = _from_npy(path) if view[: len(_NPY)] == _NPY else read_blob(Walk(path.name), view, "the mean image")
    return _shaped(mean, path)


def _from_npy(path: Path) -> np.ndarray:
    """The array of a numpy file, mapped, so that a header cannot promise what is not there; no pickles."""
    try:
        array: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, TypeError, SyntaxError, OverflowError, MemoryError) as error:
        raise SourceDamaged(f"{path.name}: is not a readable numpy file ({str(error).splitlines()[0]}).") from error
    if array.dtype.kind not in "fiu":
        raise SourceDamaged(f"{path.name}: holds {array.dtype} and not numbers.")
    return array


def _shaped(mean: np.ndarray, path: Path) -> np.ndarray:
    sides = tuple(mean.shape)
    while len(sides) > 3 and sides[0] == 1:
        sides = sides[1:]
    if len(sides) == 1:
        sides = (*sides, 1, 1)
    if len(sides) == 2:
        sides = (1, *sides)
    if len(sides) != 3 or max(sides) > _SIDE_LIMIT or not 0 < math.prod(sides) <= _VALUES_LIMIT:
        raise SourceDamaged(f"{path.name}: has the shape {tuple(mean.shape)[:8]}, which is no mean image.")
    image = np.asarray(mean).reshape(sides)
    if sides[0] not in {1, 3} and sides[2] in {1, 3}:
        image = image.transpose(2, 0, 1)
    if image.shape[0] not in {1, 3}:
        raise SourceDamaged(f"{path.name}: has {image.shape[0]} channels; a mean image has 1 or 3.")
    image = np.ascontiguousarray(image, np.float32)
    if not np.isfinite(image).all():
        raise SourceDamaged(f"{path.name}: holds values that are not numbers.")
    return image
