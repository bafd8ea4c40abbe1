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
    """A mean over seeds, its variance, and the degrees of freedom of that variance (None, None for one seed)."""

    mean: float
    variance: float | None
    freedom: float | None
    n: int

    def interval(self) -> Interval:
        """The mean ± t(.975, freedom) · √variance."""
        if self.variance is None or self.freedom is None:
            return Interval(self.mean, None, self.n)
        return Interval(self.mean, t_quantile(self.freedom) * sqrt(self.variance), self.n)


def interval(values: Sequence[float], *influences_SN: np.ndarray) -> Interval:
    """The mean of values (one per seed) and its 95 % interval; see `estimate`."""
    return estimate(values, *influences_SN).interval()


def estimate(values: Sequence[float], *influences_SN: np.ndarray) -> Estimate:
    """The mean of values (one per seed), and how far chance may have moved it.

    Seeds (images drawn, initial weights, order) and test images are crossed: every seed is scored on the same images.
    So the variance is taken from both sides, as in two-way clustering (Cameron, Gelbach and Miller 2011, Robust
    inference with multiway clustering): that of the mean over seeds, s² / n, plus that over test images of the seeds'
    mean influence (`benchmark.influence`), minus what both have counted, the part of seed and image together; never
    less than the larger of the two. The degrees of freedom are Welch's and Satterthwaite's, from n - 1 and N - 1.

    Each of `influences_SN` is one test set: float [seeds, images]. Without any, the seeds alone are counted.
    It assumes independent seeds and images and a roughly normal mean; classes with a handful of test images strain it.
    Raises ValueError for no values.
    """
    if not len(values):
        raise ValueError("no values: a mean over nothing is a hole, not a number")
    n = len(values)
    mean = fsum(values) / n
    if n == 1:
        return Estimate(mean, None, None, n)
    by_seed = fsum((value - mean) ** 2 for value in values) / (n - 1) / n
    parts = [_over_images(matrix_SN) for matrix_SN in influences_SN]
    by_image, shared = fsum(part for part, _ in parts), fsum(part for _, part in parts)
    variance = max(by_seed + by_image - shared, by_seed, by_image)
    images = sum(matrix_SN.shape[1] - 1 for matrix_SN in influences_SN)
    return Estimate(mean, variance, _freedom((by_seed, n - 1), (variance - by_seed, images)), n)


def _over_images(influences_SN: np.ndarray) -> tuple[float, float]:
    """The variance of the mean score over test images, and how much of it is of seed and image together."""
    seeds, images = influences_SN.shape
    by_image = float(np.square(influences_SN.mean(axis=0, dtype=np.float64)).sum()) / images**2
    shared = float(influences_SN.var(axis=0, ddof=1, dtype=np.float64).sum()) / images**2 / seeds
    return by_image, shared


def _freedom(*parts: tuple[float, int]) -> float:
    """Degrees of freedom of a sum of variances, each with its own."""
    total = sum(variance for variance, _ in parts)
    spread = sum(variance**2 / freedom for variance, freedom in parts if freedom)
    return total**2 / spread if spread > 0 else float(min(freedom for _, freedom in parts if freedom))


@cache
def t_quantile(freedom: float) -> float:
    """The .975 quantile of Student's t with that many degrees of freedom (not always a whole number)."""
    from scipy.special import stdtrit  # noqa: PLC0415 - 0.3 s to import

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def t_probability(estimate: Estimate) -> float | None:
    """How probable a mean at least so far from 0 is where the true one is 0 (two-sided); None for one seed."""
    from scipy.special import stdtr  # noqa: PLC0415 - 0.3 s to import

    if estimate.variance is None or estimate.freedom is None:
        return None
    if estimate.variance == 0:
        return 1.0 if estimate.mean == 0 else 0.0
    return float(2 * stdtr(estimate.freedom, -abs(estimate.mean) / sqrt(estimate.variance)))


def ranks(intervals: Sequence[Interval]) -> list[str]:
    """A rank for each: 1 + how many others lie wholly above it; "2=" when another one has the same rank.

    Rows with one seed have no interval, so only equal means tie: read such ranks as an order, not as a finding.
    """
    lows = sorted(item.low for item in intervals)
    numbers = [1 + sum(low > item.high for low in lows) for item in intervals]
    return [f"{number}=" if numbers.count(number) > 1 else str(number) for number in numbers]
