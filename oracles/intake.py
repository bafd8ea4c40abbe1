"""Files as the parent process meets them: looked at, hashed and placed, never parsed."""

import contextlib
import hashlib
import io
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from oracles.card import printable
from oracles.diagnosis import HEAD_BYTES, refuse_head
from oracles.refusals import CardRefused, FileRefused, TooBig

_MEAN_IMAGE_BYTES = 64 << 20
_PIECE_BYTES = 1 << 20


class Seen(NamedTuple):
    """What was seen of a file: its real path, sha-256 and size."""

    path: Path
    sha256: str
    bytes: int


def see(path: Path, limit: int) -> Seen:
    """Look at a model's file and hash it; raises FileRefused, NotOnnx, LfsPointer, TooBig.

    A link to a file is followed once and for all: what is returned is the real path.
    """
    real = Path(os.path.realpath(path))
    digest = hashlib.sha256()
    with contextlib.closing(_regular(real)) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise TooBig(f"the file has {size:,} bytes; at most {limit:,} are taken")
        head = file.read(HEAD_BYTES)
        refuse_head(head, size)
        digest.update(head)
        count = len(head)
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            count += len(piece)
            if count > size:
                break
    if count != size:
        raise FileRefused("the file changed while it was read; try again when its copy is complete")
    return Seen(real, digest.hexdigest(), size)


def _regular(path: Path) -> io.BufferedReader:
    """Open a regular file; a pipe or device is refused before anything is read from it."""
    try:
        state = path.lstat()
        if stat.S_ISDIR(state.st_mode):
            raise FileRefused("a folder, not a file; name the .onnx file inside")
        if not stat.S_ISREG(state.st_mode):
            raise FileRefused("no regular file but a pipe, socket, device or dead link; copy the model there")
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = printable(getattr(error, "strerror", None) or str(error), 120)
        raise FileRefused(f"the file cannot be opened ({reason}); check its name and rights") from error
    file = os.fdopen(handle, "rb")
    if not stat.S_ISREG(os.fstat(handle).st_mode):  # it was swapped in between
        file.close()
        raise FileRefused("no regular file; copy the model there")
    return file


def read_mean_image(folder: Path, name: str) -> np.ndarray:
    """The array of an .npy, or the only one of an .npz, beside the card; raises CardRefused."""
    shown = printable(name, 100)
    if not name or Path(name).name != name or name in (".", ".."):
        raise CardRefused(f"mean_image is {shown!r}; it must be the name of a file beside the card")
    try:
        with contextlib.closing(_regular(Path(os.path.realpath(folder / name)))) as file:
            data = file.read(_MEAN_IMAGE_BYTES + 1)
        if len(data) > _MEAN_IMAGE_BYTES:
            raise CardRefused(f"mean_image {shown!r} has more than {_MEAN_IMAGE_BYTES:,} bytes; it cannot be one image")
        array = _array(data)
    except FileRefused as refusal:
        raise CardRefused(f"mean_image {shown!r}: {refusal}") from refusal
    except (ValueError, OSError, EOFError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        why = printable(str(error), 120)
        raise CardRefused(f"mean_image {shown!r} cannot be read ({why}); save it with numpy.save") from error
    if array.dtype.kind not in "fui" or array.ndim not in (2, 3):
        raise CardRefused(f"mean_image {shown!r} is {array.dtype} {list(array.shape)}; an image has numbers [h, w, c]")
    return array.astype(np.float32)


def _array(data: bytes) -> np.ndarray:
    if data[:4] != b"PK\x03\x04":
        return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if len(members) != 1 or members[0].file_size > _MEAN_IMAGE_BYTES:
            raise ValueError(f"an .npz with {len(members)} arrays or a very large one; one image is needed")
        return np.asarray(np.load(io.BytesIO(archive.read(members[0])), allow_pickle=False))


def digest(path: Path) -> str:
    """The sha-256 of a file; raises FileRefused where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FileRefused(f"the sealed file cannot be read ({error.strerror}); try again") from error


def place(source: IO[bytes], target: Path) -> None:
    """Copy a file to its place, whole or not at all."""
    with placing(target) as file:
        shutil.copyfileobj(source, file, _PIECE_BYTES)


@contextlib.contextmanager
def placing(target: Path) -> Iterator[IO[bytes]]:
    """An open file beside its place; under its name, complete and on disk, when the block ends without an error."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".placing-", delete=False) as file:
        part = Path(file.name)
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            part.chmod(0o644)
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
