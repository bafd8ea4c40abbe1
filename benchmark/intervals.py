"""Means over seeds with their 95 % intervals, and ranks that tie where intervals overlap."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import fsum, sqrt

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over n seeds; half is half the width of its 95 % t interval, None for one seed (which has no spread)."""

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


def interval(values: Sequence[float]) -> Interval:
    """The mean of values (one per seed) and Student's t interval around it: mean ± t(.975, n-1) · s / √n.

    It assumes that seeds are independent and their results roughly normal; it covers the chance of the seeds (drawn
    images, initial weights, order), not that of another test set. Raises ValueError for no values.
    """
    if not values:
        raise ValueError("no values: a mean over nothing is a hole, not a number")
    n = len(values)
    mean = fsum(values) / n
    if n == 1:
        return Interval(mean, None, n)
    deviation = sqrt(fsum((value - mean) ** 2 for value in values) / (n - 1))
    return Interval(mean, t_quantile(n - 1) * deviation / sqrt(n), n)


@cache
def t_quantile(freedom: int) -> float:
    """The .975 quantile of Student's t with that many degrees of freedom."""
    from scipy.special import stdtrit  # noqa: PLC0415 - 0.3 s to import

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def ranks(intervals: Sequence[Interval]) -> list[str]:
    """A rank for each: 1 + how many others lie wholly above it; "2=" when another one has the same rank.

    Rows with one seed have no interval, so only equal means tie: read such ranks as an order, not as a finding.
    """
    lows = sorted(item.low for item in intervals)
    numbers = [1 + sum(low > item.high for low in lows) for item in intervals]
    return [f"{number}=" if numbers.count(number) > 1 else str(number) for number in numbers]
