"""Tar shards: images read in place by offset; nothing is extracted, nothing is unpickled, links are not followed."""

import glob
import io
import mmap
import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.images.classes import index_of
from benchmark.images.decode import MAX_BYTES, Unusable
from benchmark.images.listing import Listing, Skipped, fingerprint, readable
from benchmark.images.sources import TarSource
from benchmark.images.unpacking import spill_map
from benchmark.refusals import Mismatch

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm", ".tif", ".tiff"}
_PACKED = {".gz", ".bz2", ".xz", ".tgz", ".tbz2", ".txz"}
Shard = Path | mmap.mmap | bytes
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


class Member(NamedTuple):
    """An image inside a shard: its name, where its bytes lie, and what is said of its class."""

    name: str
    shard: int
    offset: int
    length: int
    said: str | None


def shards(pattern: str) -> list[Path]:
    """The files that a pattern names, sorted; {000..009} counts with the width of its first number."""
    span = _RANGE.search(pattern)
    if span is None:
        paths = [pattern] if os.path.lexists(pattern) else glob.glob(pattern, recursive=True)  # noqa: PTH207 - keeps a name with brackets apart
        return sorted(Path(path) for path in paths if Path(path).is_file())
    first, last = int(span[1]), int(span[2])
    texts = [f"{number:0{len(span[1])}d}" for number in range(first, min(last, first + 99_999) + 1)]
    return [path for text in texts for path in shards(pattern[: span.start()] + text + pattern[span.end() :])]


@dataclass(frozen=True)
class TarFound:
    """Tar shards on this machine."""

    source: TarSource
    paths: tuple[Path, ...]

    @property
    def fingerprint(self) -> str:
        """Changes with the names, sizes and times of the shards."""
        stats = [(path.name, path.stat()) for path in self.paths]
        return fingerprint((name, seen.st_size, seen.st_mtime_ns) for name, seen in stats)

    def listing(self, classes: tuple[str, ...] | None) -> Listing:
        """The images in the order of the shards and their members; with classes, labelled. Raises Mismatch."""
        opened = [_unpacked(path) for path in self.paths]
        left_out: list[Skipped] = []
        members: list[Member] = []
        for number, path in enumerate(self.paths):
            members += _members(opened[number], number, path.name, left_out)
        labels = np.full(len(members), -1, np.int64)
        if classes is not None and members:
            said = [member.said for member in members]
            indices = index_of(
                [word for word in said if word is not None], self.source.classes, classes, self.source.text
            )
            labels = np.array([-1 if word is None else indices.get(word, -1) for word in said], np.int64)
            left_out += [
                Skipped(name=readable(member.name), why="no class of the problem")
                for member, label in zip(members, labels, strict=True)
                if label < 0
            ]
        kept = np.arange(len(labels)) if classes is None else np.flatnonzero(labels >= 0)
        chosen = [members[i] for i in kept]
        return Listing(
            [m.name for m in chosen], labels[kept], lambda index: _read(opened, chosen[index]), tuple(left_out)
        )


def _unpacked(path: Path) -> Shard:
    """The shard itself, or its unpacked bytes."""
    return spill_map(path) if path.suffix in _PACKED else path


def _members(shard: Shard, number: int, name: str, left_out: list[Skipped]) -> list[Member]:
    """The images of one shard, labelled by their .cls files or else by the first folder of their names."""
    found: list[tuple[tarfile.TarInfo, str]] = []
    said: dict[str, str] = {}
    try:
        for info, archive in _walk(shard):
            key, _, suffix = _split(info.name)
            if suffix == ".cls" and info.isreg() and info.size <= 200:
                content = archive.extractfile(info)
                said[key] = "" if content is None else content.read(200).decode("utf-8", "replace").strip()
            elif suffix in SUFFIXES and info.isreg() and not info.issparse() and info.size <= MAX_BYTES:
                found.append((info, key))
            elif suffix in SUFFIXES:
                left_out.append(
                    Skipped(name=readable(info.name), why="a link, a sparse or a too large member of a tar")
                )
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        left_out.append(Skipped(name=readable(name), why=f"damaged after {len(found)} images ({type(error).__name__})"))
    return [
        Member(info.name, number, info.offset_data, info.size, said.get(key, _folder(info.name))) for info, key in found
    ]


def _walk(shard: Shard) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    if isinstance(shard, Path):
        with tarfile.open(shard, "r:") as archive:
            yield from ((info, archive) for info in archive)
    else:
        stream = io.BytesIO() if isinstance(shard, bytes) else shard
        with tarfile.open(fileobj=stream, mode="r:") as archive:
            yield from ((info, archive) for info in archive)


def _split(name: str) -> tuple[str, str, str]:
    """Webdataset's rule: the key runs to the first dot of the last part; (key, dot, last suffix in small letters)."""
    folder, slash, last = name.rpartition("/")
    stem, dot, _ = last.partition(".")
    return folder + slash + stem, dot, Path(last).suffix.lower()


def _folder(name: str) -> str | None:
    parts = [part for part in name.split("/") if part not in {"", "."}]
    return parts[0] if len(parts) > 1 else None


def _read(opened: list[Shard], member: Member) -> bytes:
    shard = opened[member.shard]
    try:
        if isinstance(shard, Path):
            with shard.open("rb") as file:
                file.seek(member.offset)
                content = file.read(member.length)
        else:
            content = shard[member.offset : member.offset + member.length]
    except OSError as error:
        raise Unusable((error.strerror or type(error).__name__).lower()) from None
    if len(content) < member.length:
        raise Unusable(f"truncated: {len(content):,} of {member.length:,} bytes")
    return content


def find_shards(source: TarSource, patterns: list[str]) -> TarFound | None:
    """The shards of the first pattern that names any. Raises Mismatch for an archive that is not a tar."""
    for pattern in patterns:
        paths = shards(pattern)
        if paths:
            odd = next((path for path in paths if path.suffix in {".zip", ".7z", ".rar"}), None)
            if odd is not None:
                raise Mismatch(f"{odd.name}: not a tar. Unpack it and name the folder.")
            return TarFound(source, tuple(paths))
    return None
