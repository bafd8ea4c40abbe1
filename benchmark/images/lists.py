"""List files: a text of lines `path label` or `path`, plain or .bz2, as copycat_framework writes them."""

import bz2
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np

from benchmark.images.classes import index_of
from benchmark.images.decode import Unusable
from benchmark.images.folders import file_reader, stamp
from benchmark.images.listing import Listing, Skipped, fingerprint, readable
from benchmark.images.sources import ListSource
from benchmark.refusals import Mismatch

MAX_TEXT = 2**30  # bytes of a list, unpacked
MAX_LINE = 2**16
_WORD = re.compile(r"[^ \t]+")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")  # one way to read each text: no long search
_FILE_NAME = re.compile(r"\.(jpe?g|png|webp|gif|bmp|p[pgbn]m|tiff?)$", re.IGNORECASE)


class Line(NamedTuple):
    """A path as it is written, and what the line says of the class (None: nothing)."""

    path: str
    said: str | None


def parse(line: str) -> Line | None:
    """One line of a list; None for an empty one. Paths may hold blanks: the label is what follows the last one.

    A last word that ends as image files do is part of the path. Several numbers, one of them not whole, are scores, and
    the class is the largest one's index (the first of several).
    """
    text = line.strip("\r\n\t \ufeff")
    if not text:
        return None
    words = [] if "\n" in text else list(_WORD.finditer(text))
    numbers = _numbers([word[0] for word in words])
    if len(numbers) > 1 and not all(word.lstrip("+-").isdigit() for word in numbers):
        path = text[: words[-len(numbers) - 1].end()]
        return Line(path, str(int(np.argmax([float(word) for word in numbers]))))
    if len(words) > 1 and _is_label(words[-1][0]) and not _ends_in_space(words[-2][0]):
        return Line(text[: words[-2].end()], words[-1][0])
    return Line(text, None)


def _numbers(words: list[str]) -> list[str]:
    """The numbers at the end of a line; the first word, and one that ends in another kind of blank, begin a path."""
    first = len(words)
    while first > 1 and _NUMBER.fullmatch(words[first - 1]):
        first -= 1
    return words[first + 1 :] if first and _ends_in_space(words[first - 1]) else words[first:]


def _ends_in_space(word: str) -> bool:
    return word[-1].isspace()


def _is_label(word: str) -> bool:
    return not any(map(str.isspace, word)) and not _FILE_NAME.search(word)


def read_lines(path: Path) -> list[Line]:
    """All lines of a list file. Raises Mismatch when it is not a text or not whole."""
    lines = (parse(raw.decode("utf-8", "surrogateescape")) for raw in raw_lines(path))
    return [line for line in lines if line is not None]


def raw_lines(path: Path) -> Iterator[bytes]:
    """The lines of a list file as bytes, unpacked while they are read. Raises Mismatch as `read_lines`."""
    try:
        with bz2.open(path, "rb") if path.suffix == ".bz2" else path.open("rb") as file:
            yield from _bounded(cast("IO[bytes]", file))
    except ValueError as error:
        raise Mismatch(f"list {path.name}: not a text ({error}). Write `path label` or `path` on each line.") from None
    except (OSError, EOFError) as error:
        raise Mismatch(f"list {path.name}: cannot be read ({type(error).__name__}). Copy it anew, whole.") from None


def _bounded(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of an open file. Raises ValueError for what no list holds."""
    length = 0
    while raw := file.readline(MAX_LINE):
        length += len(raw)
        if len(raw) == MAX_LINE or length > MAX_TEXT or b"\0" in raw:
            raise ValueError("a zero byte" if b"\0" in raw else f"a line of {len(raw):,} bytes, {length:,} in all")
        yield raw


@dataclass(frozen=True)
class ListFound:
    """A list file on this machine."""

    source: ListSource
    path: Path
    roots: tuple[Path, ...]  # where its paths are looked for, in this order

    @cached_property
    def _entries(self) -> "_Entries":
        return _resolve(read_lines(self.path), self.roots, self.source.strip)

    @property
    def holds_files(self) -> bool:
        """Whether a file that it names is there, or it names none at all."""
        return bool(self._entries.lines) or not self._entries.left_out

    @property
    def absent(self) -> tuple[Skipped, ...]:
        """The lines whose file is not there."""
        return tuple(self._entries.left_out)

    @property
    def fingerprint(self) -> str:
        """Changes with the list and with the names, sizes and times of its files."""
        said = ((f"{line.path}\t{line.said}", 0, 0) for line in self._entries.lines)
        return fingerprint([*self._entries.stamps, *said])

    def listing(self, classes: tuple[str, ...] | None) -> Listing:
        """Its images in the order of the lines; with classes, labelled. Raises Mismatch for a line without a label."""
        entries = self._entries
        left_out, labels = list(entries.left_out), np.full(len(entries.lines), -1, np.int64)
        if classes is not None and entries.lines:
            bare = next((line for line in entries.lines if line.said is None), None)
            if bare is not None:
                raise Mismatch(
                    f"{self.source.text}: {readable(bare.path)} has no label. Write `path label` on each line."
                )
            said = [str(line.said) for line in entries.lines]
            indices = index_of(said, self.source.classes, classes, self.source.text)
            labels = np.array([indices.get(word, -1) for word in said], np.int64)
            left_out += _lost(word for word in said if word not in indices)
        kept = np.arange(len(labels)) if classes is None else np.flatnonzero(labels >= 0)
        paths = [entries.paths[i] for i in kept]
        names = [entries.lines[i].path for i in kept]
        return Listing(names, labels[kept], file_reader(paths), tuple(left_out), paths.__getitem__)


class _Entries(NamedTuple):
    """The lines whose file is there, its path and stamp, and the lines whose file is not."""

    lines: list[Line]
    paths: list[str]
    stamps: list[tuple[str, int, int]]
    left_out: list[Skipped]


def _resolve(lines: Iterable[Line], roots: tuple[Path, ...], strip: tuple[str, ...]) -> _Entries:
    """Each line's file: below the root where the last one was, else below the first root that has it."""
    entries = _Entries([], [], [], [])
    order = [os.fspath(root) for root in roots]  # a million Path objects cost more than the stats
    for line in lines:
        why, wanted = "no such file", _stripped(line.path, strip)
        for root in order[:1] if wanted.startswith(os.sep) else order:
            try:
                path = os.path.join(root, wanted)  # noqa: PTH118
                size, changed = stamp(path)
            except (Unusable, ValueError) as unusable:
                why = str(unusable)
                continue
            entries.lines.append(line)
            entries.paths.append(path)
            entries.stamps.append((line.path, size, changed))
            if root != order[0]:
                order.remove(root)
                order.insert(0, root)
            break
        else:
            entries.left_out.append(Skipped(name=readable(line.path), why=why))
    return entries


def _stripped(path: str, strip: Iterable[str]) -> str:
    """The path without the first of these folders that it begins with."""
    folders = (f"{folder.rstrip('/')}/" for folder in strip)
    folder = next((folder for folder in folders if path.startswith(folder)), "")
    return path.removeprefix(folder).lstrip("/") if folder else path


def _lost(words: Iterable[str]) -> list[Skipped]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return [
        Skipped(name=f"label {readable(word)}", why=f"not a class of the problem ({n} images)")
        for word, n in counts.items()
    ]
