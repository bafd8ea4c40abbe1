"""Archives (.7z) of Caffe files, as the papers' authors publish theirs: unpacked into a folder of our own, bounded."""

import re
import shutil
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, BinaryIO, Self

from converters.refusals import ConversionRefused, FrameworkMissing, SourceDamaged

SIGNATURE = b"7z\xbc\xaf\x27\x1c"
WANTED = (".prototxt", ".caffemodel", ".h5", ".hdf5", ".binaryproto", ".mean", ".npy", ".txt")
_FILES_LIMIT = 1000
_BYTES_LIMIT = 8 << 30
# weights hardly compress, pruned ones perhaps tenfold
_INFLATION_LIMIT = 100
_SMALL = 64 << 20
_RESERVE = 256 << 20
_NAME_LIMIT = 200


class Archives:
    """Archives that are unpacked while a `with` block lasts; arrays mapped from their files stay valid after it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._origins: dict[Path, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def unpack(self, path: Path) -> tuple[Path, ...]:
        """The Caffe files of an archive, each under its last name in a temporary folder.

        Links, and files of other kinds, stay packed. No name of the archive chooses where a file lies; no more is
        written than was announced, nor more than a hundred times the archive, 8 GB, or what the disk has left. Raises
        SourceDamaged, FrameworkMissing.
        """
        temporary = TemporaryDirectory(prefix="caffe-", ignore_cleanup_errors=True)
        folder = Path(self._stack.enter_context(temporary))
        self._origins[folder] = path
        room = shutil.disk_usage(folder).free - _RESERVE
        limit = min(_BYTES_LIMIT, room, max(_SMALL, _INFLATION_LIMIT * path.stat().st_size))
        return _extract(path, folder, max(0, limit))

    def origin(self, path: Path) -> Path:
        """The archive that a file came out of, or the file itself."""
        return self._origins.get(path.parent, path)


def is_archive(path: Path) -> bool:
    """Whether a file begins as 7z archives do."""
    try:
        with path.open("rb") as file:
            return file.read(len(SIGNATURE)) == SIGNATURE
    except OSError:
        return False


class _File:
    """A file that is being unpacked, as py7zr writes one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO = path.open("wb")

    def write(self, data: bytes) -> int:
        return self._file.write(data)

    def read(self, size: int | None = None) -> bytes:  # noqa: ARG002 - nobody reads while unpacking
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence) if not self._file.closed else offset

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()

    def size(self) -> int:
        return self.path.stat().st_size

    def close(self) -> None:
        self._file.close()


class _Folder:
    """Where py7zr gets its files: the last part of each name, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.files: list[_File] = []

    def create(self, filename: str) -> _File:
        self.files.append(_File(self._folder / _last(filename)))
        return self.files[-1]


def _extract(path: Path, folder: Path, limit: int) -> tuple[Path, ...]:
    try:
        import py7zr  # noqa: PLC0415 - optional
    except ImportError as error:
        raise FrameworkMissing(
            f'{path.name}: py7zr is not installed; unpack it by hand, or pip install "copycat-benchmark[caffe]".'
        ) from error
    factory = _Folder(folder)
    try:
        # a file that is already open is unpacked in this thread
        with path.open("rb") as file, py7zr.SevenZipFile(file, "r", max_extract_size=limit) as archive:
            names = _names(path, archive, limit)
            archive.extract(targets=names, factory=factory)
    except ConversionRefused:
        raise
    except Exception as error:  # py7zr raises struct's, lzma's, index and its own errors on damaged archives
        cause = (str(error) or type(error).__name__).splitlines()[0]
        raise SourceDamaged(f"{path.name}: cannot be unpacked ({cause[:200]}).") from error
    finally:
        for written in factory.files:
            written.close()
    return tuple(sorted(written.path for written in factory.files))


def _names(path: Path, archive: Any, limit: int) -> list[str]:
    """The names of the files that are wanted. Raises SourceDamaged."""
    if archive.needs_password():
        raise SourceDamaged(f"{path.name}: is encrypted; unpack it by hand and pass the folder.")
    members = archive.list()
    if len(members) > _FILES_LIMIT:
        raise SourceDamaged(f"{path.name}: holds {len(members)} files; unpack it by hand and pass the folder.")
    wanted = [m for m in members if m.is_file and not m.is_symlink and m.filename.lower().endswith(WANTED)]
    if not wanted:
        raise SourceDamaged(f"{path.name}: holds no Caffe files ({', '.join(WANTED)}).")
    announced = sum(max(0, m.uncompressed) for m in wanted)
    if announced > limit:
        raise SourceDamaged(f"{path.name}: would take {announced:,} bytes unpacked, more than the {limit:,} allowed.")
    if len({_last(m.filename).lower() for m in wanted}) < len(wanted):
        raise SourceDamaged(f"{path.name}: holds files of one name in several folders; unpack it and pass one folder.")
    return [m.filename for m in wanted]


def _last(name: str) -> str:
    """The last part of a path, of letters that any file system takes."""
    last = PurePosixPath(name.replace("\\", "/")).name[-_NAME_LIMIT:]
    return re.sub(r"[^\w.\-+ ]", "_", last)
