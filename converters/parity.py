"""Parity: do a converted model and its source give the same labels, and if not, where do they part."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

# a copy of a classifier that differs in more than one label of a thousand is another classifier
ENOUGH = 0.999
# relative to the largest value of a tensor: float32 rounding over some hundred layers stays below
CLOSE = 1e-3


@dataclass(frozen=True)
class Agreement:
    """How two models answered the same images.

    `labels`: share of equal labels. `largest`: largest absolute difference of a score, None where they have no scores
    of one shape; `relative`: the same over the largest absolute score of the source. `distinct`: how many different
    labels the source gave. `broken`: images for which one of them gives scores that are not numbers and the other none
    such; they count as another label.
    """

    images: int
    labels: float
    largest: float | None
    relative: float | None
    distinct: int
    broken: int = 0

    @property
    def enough(self) -> bool:
        """Whether this is the same classifier."""
        return self.labels >= ENOUGH


def compare(labels_N: np.ndarray, scores_NC: np.ndarray | None, source_NC: np.ndarray) -> Agreement:
    """The labels int64 [n] and scores [n, k] of a model beside its source's scores [n, k], or labels [n].

    A source's label is its arg max, ties to the lowest index.
    """
    if source_NC.ndim == 1:
        return Agreement(len(labels_N), float(np.mean(labels_N == source_NC)), None, None, len(np.unique(source_NC)))
    if source_NC.shape[1] == 1:  # one score for two classes
        source_NC = np.concatenate([1 - source_NC, source_NC], axis=1)
    theirs_N = source_NC.argmax(axis=1)
    equal_N, distinct = labels_N == theirs_N, len(np.unique(theirs_N))
    if scores_NC is None or scores_NC.shape != source_NC.shape:
        return Agreement(len(labels_N), float(equal_N.mean()), None, None, distinct)
    wide, ours = source_NC.astype(np.float64), scores_NC.astype(np.float64)
    finite_N, sound_N = np.isfinite(wide).all(axis=1), np.isfinite(ours).all(axis=1)
    equal_N = np.where(finite_N, equal_N, True) & (finite_N == sound_N)
    both_N = finite_N & sound_N
    largest = float(np.abs(ours[both_N] - wide[both_N]).max(initial=0.0))
    size = float(np.abs(wide[both_N]).max(initial=0.0)) or 1.0
    broken = int((finite_N != sound_N).sum())
    return Agreement(len(labels_N), float(equal_N.mean()), largest, largest / size, distinct, broken)


def first_difference(
    layers: Iterable[tuple[str, np.ndarray]], run: Callable[[list[str]], dict[str, np.ndarray]]
) -> str | None:
    """The first tensor, in the source's order, in which the converted model differs; None when none does.

    `layers`: (tensor of the converted model, value in the source). `run`: the converted model's values of these
    tensors, those left out that it does not have. A tensor of another shape differs.
    """
    values = dict(layers)
    ours = run(list(values)) if values else {}
    for name, theirs in values.items():
        if name in ours and not _alike(ours[name], theirs):
            return name
    return None


def _alike(ours: np.ndarray, theirs: np.ndarray) -> bool:
    if ours.size != theirs.size:
        return False
    flat, other = ours.astype(np.float64).ravel(), theirs.astype(np.float64).ravel()
    size = float(np.abs(other[np.isfinite(other)]).max(initial=0.0)) or 1.0
    return bool(np.allclose(flat, other, rtol=0, atol=CLOSE * size, equal_nan=True))
