"""Answers without an oracle: a session that knows what the answers stores hold; nothing is run, nothing is paid."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from oracles.answers import read_index
from oracles.keys import Index, keys_of
from oracles.meter import Meter
from oracles.refusals import NotStored
from oracles.server import refuse_wrong


class Recall:
    """A session like a server's (`left`, `classes`, labels for images, the same refusals), over stored answers."""

    def __init__(self, indices: Sequence[Index], budget: int, oracle: str, classes: int) -> None:
        self._indices, self._meter, self._oracle = indices, Meter(budget, oracle), oracle
        self.classes = classes

    def __call__(self, images_NHWC: np.ndarray) -> np.ndarray:
        """The stored labels, int64 [n], of uint8 images [n, h, w, 3].

        Raises WrongImages and BudgetSpent as a server does, NotStored for an image that was never answered.
        """
        refuse_wrong(images_NHWC)
        self._meter.charge(len(images_NHWC))
        keys_N = keys_of(images_NHWC)
        labels_N = np.full(len(images_NHWC), -1, np.int64)
        for index in self._indices:
            missing_N = labels_N < 0
            labels_N[missing_N] = index.find(keys_N[missing_N])
        absent = int((labels_N < 0).sum())
        if absent:
            raise NotStored(
                f"oracle {self._oracle}: {absent:,} of {len(images_NHWC):,} images asked have no stored answer. "
                "Name the folder in which the cell was played with --out, or play it again."
            )
        return labels_N

    @property
    def left(self) -> int:
        """How many images may still be asked."""
        return self._meter.left


def stored(files: Sequence[Path]) -> list[Index]:
    """The answers of these files, each read under its lock and left as it is. Raises StoreRefused."""
    return [read_index(path) for path in files]
