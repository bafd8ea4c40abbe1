"""Names of classes from the text files that lie beside Caffe nets: labels.txt, synset_words.txt and the like."""

import re
from collections.abc import Sequence
from pathlib import Path

_BYTES_LIMIT = 4 << 20
_NAMED = re.compile(r"label|synset|class|categor|names|words", re.IGNORECASE)
_SYNSET = re.compile(r"n\d{8}\s+")
_NUMBER = re.compile(r"(\d+)[\s:,;=]+(?=\S)")


def label_files(paths: Sequence[Path]) -> list[Path]:
    """The files among these whose names say that they list classes, the shortest name first."""
    found = [path for path in paths if path.suffix.lower() == ".txt" and _NAMED.search(path.stem)]
    return sorted(found, key=lambda path: (len(path.name), path.name))


def read_labels(path: Path, classes: int) -> tuple[str, ...]:
    """The names in a file, one a line, if they are as many as the classes; else none.

    WordNet's numbers in front of all names are left out, and so are the lines' own numbers from 0 or 1 on.
    """
    try:
        if path.stat().st_size > _BYTES_LIMIT:
            return ()
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError:
        return ()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) != classes:
        return ()
    if all(_SYNSET.match(line) for line in lines):
        return tuple(_SYNSET.sub("", line, count=1) for line in lines)
    numbers = [int(match[1][:9]) for line in lines if (match := _NUMBER.match(line))]
    if numbers in (list(range(classes)), list(range(1, classes + 1))):
        return tuple(_NUMBER.sub("", line, count=1) for line in lines)
    return tuple(lines)
