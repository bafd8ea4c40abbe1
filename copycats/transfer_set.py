"""The transfer set: images that were asked, with their stolen labels.

Shape letters: N images, M picks (which of the images train, in which multiplicity), P pool images,
K classes of opinions, C classes.
"""

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from copycats.ask import Images, Labels, Pool
from copycats.refusals import BadTransferSet

DIGESTED_AT_ONCE = 4_096
ALL = np.full(1, -1, np.int64)  # stands for every image once, in order


@dataclass(frozen=True, eq=False)
class Opinions:
    """Unlabelled images, what an elder copycat thinks of each, and how many train beside each labelled image."""

    pool: Pool
    shares_PK: npt.NDArray[np.float16]  # class shares [images of the pool, classes]
    per_label: float


@dataclass(frozen=True, eq=False)
class TransferSet:
    """What was bought: uint8 images [n, h, w, 3] RGB 0..255 and int64 labels [n] in 0..classes-1.

    `picks_M` (int64 [m], default all in order) says which images train; an image may be picked several times or never.
    The images may be a memory map and are never copied. `unlabelled`: the whole pool, without labels;
    `opinions`: what was thought of them. Neither is part of what was bought, nor of the digest. Raises BadTransferSet
    when the parts do not belong together.
    """

    images_NHWC: Images
    labels_N: Labels
    classes: int
    picks_M: npt.NDArray[np.int64] = field(default_factory=lambda: ALL)
    unlabelled: Pool | None = None
    opinions: Opinions | None = None

    def __post_init__(self) -> None:
        if self.picks_M is ALL:
            object.__setattr__(self, "picks_M", np.arange(len(self.labels_N)))
        self._check()

    def _check(self) -> None:
        images, labels, picks = self.images_NHWC, self.labels_N, self.picks_M
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
            raise BadTransferSet(
                f"transfer set: images are {images.dtype} {list(images.shape)}. Give uint8 [n, height, width, 3]."
            )
        if labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer):
            raise BadTransferSet(
                f"transfer set: {len(images)} images, but labels are {labels.dtype} {list(labels.shape)}. "
                f"Give one integer label per image."
            )
        if picks.ndim != 1 or not np.issubdtype(picks.dtype, np.integer):
            raise BadTransferSet(f"transfer set: picks are {picks.dtype} {list(picks.shape)}. Give integers [m].")
        if picks.size and (picks.min() < 0 or picks.max() >= len(images)):
            raise BadTransferSet(
                f"transfer set: picks reach from {picks.min()} to {picks.max()}, but there are {len(images)} images. "
                f"Pick among 0..{len(images) - 1}."
            )
        stolen = labels[picks]
        if stolen.size and (stolen.min() < 0 or stolen.max() >= self.classes):
            raise BadTransferSet(
                f"transfer set: labels reach from {stolen.min()} to {stolen.max()}, with {self.classes} classes. "
                "Give labels that count from 0."
            )

    def __len__(self) -> int:
        """How many picks train."""
        return len(self.picks_M)

    def with_picks(self, picks_M: npt.NDArray[np.int64]) -> "TransferSet":
        """The same images and labels, of which others train."""
        return replace(self, picks_M=picks_M)

    @property
    def stolen_M(self) -> Labels:
        """The labels of the picks, in their order."""
        return self.labels_N[self.picks_M]

    @cached_property
    def counts_C(self) -> npt.NDArray[np.int64]:
        """Picks per class."""
        return np.bincount(self.stolen_M, minlength=self.classes)

    @property
    def entropy(self) -> float:
        """Shannon entropy of the class shares over that of equal shares: 0 (one class) to 1; nan of an empty set."""
        if not len(self):
            return float("nan")
        shares = self.counts_C[self.counts_C > 0] / len(self)
        return float(max(0.0, -(shares * np.log(shares)).sum() / np.log(self.classes))) if self.classes > 1 else 0.0

    @property
    def never_seen(self) -> tuple[int, ...]:
        """Classes without a single pick."""
        return tuple(int(k) for k in np.flatnonzero(self.counts_C == 0))

    @property
    def oddities(self) -> dict[str, str]:
        """What a trainer should say of it: that only one class was ever answered, when that is so."""
        if self.classes - len(self.never_seen) != 1:
            return {}
        return {"classes": "one class only was answered: the copycat learns to say nothing else"}

    @cached_property
    def digest(self) -> str:
        """sha-256 hex of classes, shape, picked pixels and their labels, in the order of the picks."""
        uniques, order_M = np.unique(self.picks_M, return_inverse=True)
        digest = hashlib.sha256(f"{self.classes} {self.images_NHWC.shape[1:]} {len(self)}".encode())
        digest.update(order_M.astype("<i8").tobytes())
        digest.update(self.labels_N[uniques].astype("<i8").tobytes())
        for start in range(0, len(uniques), DIGESTED_AT_ONCE):
            digest.update(self.images_NHWC[uniques[start : start + DIGESTED_AT_ONCE]].tobytes())
        return digest.hexdigest()
