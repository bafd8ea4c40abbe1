"""What a list file is, told from its first line, and how long it is, from a pass over it that keeps nothing."""

from dataclasses import dataclass
from pathlib import Path

from benchmark.images.lists import parse, raw_lines


@dataclass(frozen=True)
class Head:
    """The first line of a list file: its columns (1 path, 2 path and label, more: path and scores) and its path."""

    columns: int
    first: str


def look_at(path: Path) -> Head | None:
    """The head of a list; None where the list is not there. Raises Mismatch for what is no list."""
    if not path.is_file():
        return None
    first = next((raw for raw in raw_lines(path) if raw.strip()), b"")
    return Head(*_columns(first.decode("utf-8", "surrogateescape")))


def count_lines(path: Path) -> int:
    """How many images a list names; it is unpacked line by line. Raises Mismatch for what is no list."""
    return sum(1 for raw in raw_lines(path) if raw.strip())


def _columns(text: str) -> tuple[int, str]:
    line = parse(text)
    if line is None:
        return 0, ""
    return (1 if line.said is None else 1 + len(text.strip().removeprefix(line.path).split())), line.path
