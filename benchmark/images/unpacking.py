"""Packed files, unpacked in pieces into temporary files that have no name and are gone with the process."""

import bz2
import gzip
import lzma
import mmap
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from benchmark.refusals import EnvironmentRefused, Mismatch

_PIECE = 2**20
_BROKEN = (OSError, EOFError, KeyError, ValueError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, NotImplementedError)


def spill(path: Path, member: str | None = None) -> IO[bytes]:
    """Unpacks a .gz, .bz2 or .xz file, or one member of a zip; the file that comes back stands at its start.

    Memory does not grow with it. Raises Mismatch for a damaged file, EnvironmentRefused on a full disk.
    """
    target = cast("IO[bytes]", tempfile.TemporaryFile())  # noqa: SIM115 - handed to the caller
    try:
        for piece in _pieces(path, member):
            target.write(piece)
        target.seek(0)
    except OSError as error:
        target.close()
        reason = error.strerror or error
        raise EnvironmentRefused(f"{path.name}: cannot be unpacked ({reason}). Free space, or set TMPDIR.") from None
    except Mismatch:
        target.close()
        raise
    return target


def spill_map(path: Path) -> mmap.mmap | bytes:
    """The same as bytes that can be sliced by any thread. Raises as `spill`."""
    with spill(path) as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _pieces(path: Path, member: str | None) -> Iterator[bytes]:
    try:
        with _unpacked(path, member) as stream:
            while piece := stream.read(_PIECE):
                yield piece
    except _BROKEN as error:
        raise Mismatch(f"{path.name}: damaged ({type(error).__name__}). Copy it anew, whole.") from None


@contextmanager
def _unpacked(path: Path, member: str | None) -> Iterator[IO[bytes]]:
    if member is not None:
        with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
            yield stream
    elif path.suffix in {".gz", ".tgz"}:
        with gzip.open(path) as gzipped:
            yield cast("IO[bytes]", gzipped)
    elif path.suffix in {".bz2", ".tbz2"}:
        with bz2.open(path) as bzipped:
            yield cast("IO[bytes]", bzipped)
    else:
        with lzma.open(path) as xzipped:
            yield cast("IO[bytes]", xzipped)
