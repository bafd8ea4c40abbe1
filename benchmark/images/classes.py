"""From what a source says of an image (a folder's name, a label, a number) to the problem's class index."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.refusals import Mismatch


def index_of(said: Iterable[str], mapping: Mapping[str, str], classes: Sequence[str], source: str) -> dict[str, int]:
    """Class index of each word that a source uses; a word that is missing in the result is left out of the role.

    With a mapping, only its words count. Without one, a word is a class's name (case, blanks, - and _ and the zeros
    before a number do not matter), or, when no word is a name and all are numbers, a class id.
    Raises Mismatch when nothing fits, or when an id is too large.
    """
    words = sorted(set(said))
    if mapping:
        found = {word: position for word in words if (position := _mapped(word, mapping, classes, source)) is not None}
    else:
        by_name = {_plain(name): position for position, name in enumerate(classes)}
        found = {word: by_name[_plain(word)] for word in words if _plain(word) in by_name}
        if not found and words and all(re.fullmatch(r"[0-9]{1,9}", word) for word in words):
            found = _numbered(words, classes, source)
    if not found:
        raise Mismatch(
            f"{source}: none of its classes ({_few(words)}) is one of the problem's ({_few(classes)}). "
            'Name them in the TOML: classes = { theirs = "ours" }.'
        )
    return found


def _mapped(word: str, mapping: Mapping[str, str], classes: Sequence[str], source: str) -> int | None:
    name = mapping.get(word, mapping.get(_plain(word)))
    if name is None:
        return None
    if name not in classes:
        raise Mismatch(
            f"{source}: maps {word!r} to {name!r}, which is not one of the problem's classes ({_few(classes)})."
        )
    return list(classes).index(name)


def _numbered(words: Sequence[str], classes: Sequence[str], source: str) -> dict[str, int]:
    largest = max(int(word) for word in words)
    if largest >= len(classes):
        raise Mismatch(
            f"{source}: class ids up to {largest}, but the problem has {len(classes)} classes, ids from 0. "
            'Name them in the TOML: classes = { "7" = "ours" }.'
        )
    return {word: int(word) for word in words}


def balanced_pick(labels_N: NDArray[np.int64], limit: int, seed: int) -> NDArray[np.int64]:
    """Positions (ascending, int64) of at most `limit` images: as many of each class as there are, filled up evenly.

    Unlabelled images (-1) count as one class. The same labels, limit and seed give the same pick.
    """
    if limit >= len(labels_N):
        return np.arange(len(labels_N))
    rng = np.random.default_rng([seed, 0x1A6E])
    order = rng.permutation(len(labels_N))
    # an image's turn within its class: first all first ones, then all second ones, and so on
    by_class = order[np.argsort(labels_N[order], kind="stable")]
    _, starts, counts = np.unique(labels_N[by_class], return_index=True, return_counts=True)
    turn = np.arange(len(by_class)) - np.repeat(starts, counts)
    first_turns = np.argsort(turn, kind="stable")[:limit]
    return np.sort(by_class[first_turns]).astype(np.int64)


def gaps(source: str, labels_N: NDArray[np.int64], strays: Sequence[str], classes: Sequence[str]) -> tuple[str, ...]:
    """One sentence for the folders that are no class, one for the classes without an image; a misspelt one is both."""
    present = set(labels_N.tolist())
    empty = [name for position, name in enumerate(classes) if position not in present]
    near = [difflib.get_close_matches(_plain(stray), empty, n=1) for stray in strays]
    meant = [f"{stray!r} (did you mean {match[0]!r}?)" for stray, match in zip(strays, near, strict=True) if match]
    others = [repr(stray) for stray, match in zip(strays, near, strict=True) if not match]
    shown = [*meant, *others][:12]
    more = f" and {len(strays) - 12} more" if len(strays) > 12 else ""
    found = [f"{source}: left out, as not a class of the problem: {', '.join(shown)}{more}"] if strays else []
    return (*found, *([f"{source}: no image of {_few(empty)}"] if empty else []))


def _plain(name: str) -> str:
    plain = re.sub(r"[\s_-]+", "", name).casefold()
    return str(int(plain)) if plain.isascii() and plain.isdigit() and len(plain) < 10 else plain  # folder 07 is class 7


def _few(words: Sequence[str]) -> str:
    shown = ", ".join(repr(word)[1:-1] for word in words[:12])
    return shown + (f" and {len(words) - 12} more" if len(words) > 12 else "")
