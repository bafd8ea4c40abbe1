"""Means over seeds with 95 % intervals that count both chances, seeds and test images; ranks that tie."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import fsum, sqrt

import numpy as np

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over n seeds; half is half the width of its 95 % interval, None for one seed (which has no spread)."""

    mean: float
    half: float | None
    n: int

    @property
    def low(self) -> float:
        """The lower end; the mean itself for one seed."""
        return self.mean - (self.half or 0.0)

    @property
    def high(self) -> float:
        """The upper end; the mean itself for one seed."""
        return self.mean + (self.half or 0.0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over n seeds, and the variances that chance gives it (`by_seed` is None for one seed).

    `by_seed`: s² / n; `by_image`: that of the seeds' mean over test images; `shared`: what both contain.
    """

    mean: float
    n: int
    by_seed: float | None
    by_image: float = 0.0
    shared: float = 0.0
    images: int = 0

    def half(self, level: float = LEVEL) -> float | None:
        """Half the width: the root of z² · (by_image + by_seed - shared) + (t² - z²) · (by_seed - shared / 2).

        t has n - 1 degrees of freedom, z those of the images. The second term is what few seeds cost (as in the MOVER
        construction, Zou and Donner 2008); the shared part is known from the images and costs less. Half of it is a
        compromise found by simulation (decision 008): to take off nothing covers up to 99.7 %, to take off all as few
        as 92 % (with two seeds 85 %, so there nothing is taken off), and pooled degrees of freedom (Welch and
        Satterthwaite) 87 to 93 % where two or three seeds decide.
        """
        if self.by_seed is None:
            return None
        seeds = t_quantile(self.n - 1, level) ** 2
        images = t_quantile(self.images - 1, level) ** 2 if self.images > 1 else seeds
        total = self.by_image + max(self.by_seed - self.shared, 0.0)
        known = self.shared / 2 if self.n > 2 else 0.0
        return sqrt(images * total + max(seeds - images, 0.0) * max(self.by_seed - known, 0.0))

    def interval(self) -> Interval:
        """The mean with its 95 % interval."""
        return Interval(self.mean, self.half(), self.n)

    def probability(self) -> float | None:
        """How probable a mean at least so far from 0 is where the true one is 0, two-sided; None for one seed.

        It is the level at which 0 leaves the interval.
        """
        if self.by_seed is None:
            return None
        if self.half() == 0:
            return 1.0 if self.mean == 0 else 0.0
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            inside = abs(self.mean) <= (self.half(1 - middle) or 0.0)
            low, high = (middle, high) if inside else (low, middle)
        return high


def interval(values: Sequence[float], *influences_SN: np.ndarray, floor: float = 0.0) -> Interval:
    """The mean of values (one per seed) and its 95 % interval; see `estimate`."""
    return estimate(values, *influences_SN, floor=floor).interval()


def estimate(values: Sequence[float], *influences_SN: np.ndarray, floor: float = 0.0) -> Estimate:
    """The mean of values (one per seed), and how far chance may have moved it.

    Seeds (images drawn, initial weights, order) and test images are crossed: every seed is scored on the same images.
    So the variance is taken from both sides, as in two-way clustering (Cameron, Gelbach and Miller 2011, Robust
    inference with multiway clustering): that over test images of the seeds' mean influence (`benchmark.influence`),
    plus that of the mean over seeds, less what both contain, the part of seed and image together.

    Each of `influences_SN` is one test set: float [seeds, images]. Without any, the seeds alone are counted. `floor` is
    the least variance that the images are taken to give. It assumes independent seeds and images and a roughly normal
    mean; classes with a handful of test images strain it. Raises ValueError for no values.
    """
    if not len(values):
        raise ValueError("no values: a mean over nothing is a hole, not a number")
    n = len(values)
    mean = fsum(values) / n
    if n == 1:
        return Estimate(mean, n, None)
    by_seed = fsum((value - mean) ** 2 for value in values) / (n - 1) / n
    if not influences_SN:
        return Estimate(mean, n, by_seed)
    parts = [_over_images(matrix_SN) for matrix_SN in influences_SN]
    by_image, shared = fsum(part for part, _ in parts), fsum(part for _, part in parts)
    return Estimate(mean, n, by_seed, max(by_image, floor), shared, sum(matrix.shape[1] for matrix in influences_SN))


def _over_images(influences_SN: np.ndarray) -> tuple[float, float]:
    """The variance of the mean score over test images, and how much of it is of seed and image together."""
    seeds, images = influences_SN.shape
    by_image = float(np.square(influences_SN.mean(axis=0, dtype=np.float64)).sum()) / images**2
    shared = float(influences_SN.var(axis=0, ddof=1, dtype=np.float64).sum()) / images**2 / seeds
    return by_image, shared


@cache
def t_quantile(freedom: float, level: float = LEVEL) -> float:
    """The two-sided quantile of Student's t with that many degrees of freedom: beyond ± it lie 1 - level."""
    from scipy.special import stdtrit  # noqa: PLC0415 - 0.3 s to import

    return float(stdtrit(freedom, (1 + level) / 2))


def ranks(intervals: Sequence[Interval]) -> list[str]:
    """A rank for each: 1 + how many others lie wholly above it; "2=" when another one has the same rank.

    Rows with one seed have no interval, so only equal means tie: read such ranks as an order, not as a finding.
    """
    lows = sorted(item.low for item in intervals)
    numbers = [1 + sum(low > item.high for low in lows) for item in intervals]
    return [f"{number}=" if numbers.count(number) > 1 else str(number) for number in numbers]
