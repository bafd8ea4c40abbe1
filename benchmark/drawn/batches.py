"""What a renderer is asked for: checked, and cut into batches that fit in memory."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.drawn.chance import Chance
from benchmark.refusals import Mismatch, UnknownName

BATCH = 256  # images in memory at once; changes no pixel


def check(renderer: str, style: str, styles: Sequence[str], labels_N: NDArray[np.int64], classes: int) -> None:
    """Refuse a style that the renderer lacks (UnknownName) and a label beyond its classes (Mismatch)."""
    if style not in styles:
        raise UnknownName(f"style of {renderer}", style, styles)
    if len(labels_N) and not (labels_N.min() >= 0 and labels_N.max() < classes):
        raise Mismatch(
            f"renderer {renderer}: labels {labels_N.min()} to {labels_N.max()} wanted, {classes} classes drawn. "
            f"Ask for 0 to {classes - 1}."
        )


def batches(key: str, seed: int, count: int, first: int) -> Iterator[tuple[slice, Chance]]:
    """Each batch's place in the result, and the random numbers of its images (`first` is the first image's number)."""
    for start in range(0, count, BATCH):
        part = slice(start, min(start + BATCH, count))
        yield part, Chance(key, seed, np.arange(first + part.start, first + part.stop))
