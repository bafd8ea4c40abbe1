"""Intervals: against SciPy, by simulation, and how ranks tie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.intervals import Interval, interval, ranks, t_quantile

SHARES = st.floats(0, 1.5, allow_nan=False)


@given(st.lists(SHARES, min_size=2, max_size=12))
def test_agrees_with_scipy(values: list[float]) -> None:
    """The interval is SciPy's t interval."""
    found = interval(values)
    low, high = (
        stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
        if np.std(values)
        else (found.mean,) * 2
    )
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    assert found.n == len(values)


def test_covers_the_truth_as_often_as_it_says() -> None:
    """Of 4,000 made-up results of three seeds, 95 % of the intervals hold the true mean."""
    draws = np.random.default_rng(5).normal(0.9, 0.02, (4000, 3))
    found = [interval(row) for row in draws.tolist()]
    covered = np.mean([each.low <= 0.9 <= each.high for each in found])
    assert 0.94 <= covered <= 0.96


def test_one_seed_has_no_interval() -> None:
    """One value has no spread to speak of."""
    assert interval([0.5]) == Interval(0.5, None, 1)


def test_no_value_is_refused() -> None:
    """A mean over nothing is not a number."""
    with pytest.raises(ValueError, match="a hole, not a number"):
        interval([])


def test_quantile_of_the_tables() -> None:
    """Student's table: 12.706 for one degree of freedom, 4.303 for two."""
    assert (t_quantile(1), t_quantile(2)) == pytest.approx((12.706, 4.303), abs=5e-4)


def test_ranks_tie_where_intervals_overlap() -> None:
    """Only what lies wholly above counts as better."""
    best, near, far = Interval(0.99, 0.01, 3), Interval(0.975, 0.01, 3), Interval(0.9, 0.02, 3)
    assert ranks([best, near, far]) == ["1=", "1=", "3"]
    assert ranks([far, best]) == ["2", "1"]
    assert ranks([best, Interval(0.96, 0.005, 3), Interval(0.955, 0.005, 3)]) == ["1", "2=", "2="]


def test_ranks_without_intervals_are_an_order() -> None:
    """With one seed only equal means tie."""
    assert ranks([Interval(0.5, None, 1), Interval(0.7, None, 1), Interval(0.5, None, 1)]) == ["2=", "1", "2="]


@given(st.lists(st.builds(Interval, SHARES, st.floats(0, 0.2), st.just(3)), min_size=1, max_size=8), st.randoms())
def test_ranks_do_not_depend_on_order(found: list[Interval], random: object) -> None:
    """A row keeps its rank wherever it stands in the list, and somebody is first."""
    order = list(range(len(found)))
    random.shuffle(order)  # type: ignore[attr-defined]
    before, after = ranks(found), ranks([found[place] for place in order])
    assert [before[place] for place in order] == after
    assert any(rank.startswith("1") for rank in before)
