"""What a classifier's labels are worth on a test set, computed alike for target and copycat.

Counting is done here; every figure comes from scikit-learn, fed with the confusion matrix as weights (1.2 s to import,
so only when the first test set is scored). Shape letters: N images, C classes.
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from benchmark.refusals import EmptyPool, Mismatch

Share = Annotated[float, Field(ge=0, le=1)]


class Scores(BaseModel):
    """Scores of one classifier on one test set.

    macro_f1 (the papers' "macro average") and mean_recall are means over the classes that the test set has, so the
    same classes for target and copycat; a class that is never predicted has F1 0. Classes that the test set lacks
    have None in the per-class figures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    images: Annotated[int, Field(ge=1)]
    macro_f1: Share
    accuracy: Share
    mean_recall: Share
    f1_per_class: tuple[Share | None, ...]
    precision_per_class: tuple[Share | None, ...]
    recall_per_class: tuple[Share | None, ...]
    confusion: Annotated[
        tuple[tuple[int, int, int], ...], Field(description="the non-zero entries: true class, said class, images")
    ]

    def confusion_CC(self) -> np.ndarray:
        """The confusion matrix, int64 [C, C]: true class in rows, said class in columns."""
        matrix_CC = np.zeros((len(self.f1_per_class),) * 2, dtype=np.int64)
        for truth, said, images in self.confusion:
            matrix_CC[truth, said] = images
        return matrix_CC


class Relative(BaseModel):
    """The copycat's scores over the target's, by each score; None where the target's is 0."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    macro_f1: Annotated[float, Field(ge=0)] | None
    accuracy: Annotated[float, Field(ge=0)] | None
    mean_recall: Annotated[float, Field(ge=0)] | None


def score(truth_N: np.ndarray, said_N: np.ndarray, classes: int) -> Scores:
    """Scores of the labels `said_N` where `truth_N` is right; both integer [N], 0..classes-1.

    Raises EmptyPool without an image, Mismatch for a test set of one class or for labels that do not fit.
    """
    confusion_CC = count(truth_N, said_N, classes)
    present = np.flatnonzero(confusion_CC.sum(axis=1))
    if len(present) < 2:
        raise Mismatch(
            f"all {len(truth_N)} test images are of class {present[0]}; scores need two classes. "
            "Add images of the other classes."
        )
    from sklearn.metrics import precision_recall_fscore_support  # noqa: PLC0415 - 1.2 s

    true, said = np.nonzero(confusion_CC)
    weights = confusion_CC[true, said]
    precision, recall, f1, _ = precision_recall_fscore_support(
        true, said, labels=present, sample_weight=weights, average=None, zero_division=0.0
    )
    return Scores(
        images=int(weights.sum()),
        macro_f1=float(f1.mean()),
        accuracy=float(np.trace(confusion_CC) / weights.sum()),
        mean_recall=float(recall.mean()),
        f1_per_class=_spread(f1, present, classes),
        precision_per_class=_spread(precision, present, classes),
        recall_per_class=_spread(recall, present, classes),
        confusion=tuple(zip(true.tolist(), said.tolist(), weights.tolist(), strict=True)),
    )


def count(truth_N: np.ndarray, said_N: np.ndarray, classes: int) -> np.ndarray:
    """The confusion matrix, int64 [C, C]: true class in rows, said class in columns; refuses as `score` does."""
    if truth_N.shape != said_N.shape or truth_N.ndim != 1:
        raise Mismatch(
            f"labels of shape {said_N.shape} for a truth of shape {truth_N.shape}. Give one label per image."
        )
    if len(truth_N) == 0:
        raise EmptyPool("the test set has no image; nothing can be scored. Add images to the TDD.")
    for what, labels_N in (("truth", truth_N), ("answers", said_N)):
        lowest, highest = int(labels_N.min()), int(labels_N.max())
        if lowest < 0 or highest >= classes:
            raise Mismatch(
                f"{what} with labels {lowest}..{highest}, but {classes} classes allow 0..{classes - 1}. "
                "Check the class list of problem and oracle."
            )
    pairs_N = truth_N.astype(np.int64) * classes + said_N.astype(np.int64)
    return np.bincount(pairs_N, minlength=classes * classes).reshape(classes, classes)


def relative(copycat: Scores, target: Scores) -> Relative:
    """How much of the target's performance the copycat has."""
    return Relative(
        macro_f1=_ratio(copycat.macro_f1, target.macro_f1),
        accuracy=_ratio(copycat.accuracy, target.accuracy),
        mean_recall=_ratio(copycat.mean_recall, target.mean_recall),
    )


def agreement(target_N: np.ndarray, copycat_N: np.ndarray) -> float:
    """The share of images on which target and copycat say the same; both integer [N].

    Raises Mismatch when they label different numbers of images, EmptyPool for none.
    """
    if target_N.shape != copycat_N.shape:
        raise Mismatch(
            f"{len(copycat_N)} labels of the copycat for {len(target_N)} of the target. Label the same images."
        )
    if len(target_N) == 0:
        raise EmptyPool("no image was labelled; there is no agreement. Add images to the TDD.")
    return float(np.mean(target_N == copycat_N))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _spread(figures: np.ndarray, present: np.ndarray, classes: int) -> tuple[float | None, ...]:
    spread: list[float | None] = [None] * classes
    for label, figure in zip(present.tolist(), figures.tolist(), strict=True):
        spread[label] = figure
    return tuple(spread)
