"""Intervals: against SciPy, by simulation, and how ranks tie."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmark.influence import of_macro_f1, of_ratio
from benchmark.intervals import Estimate, Interval, estimate, interval, ranks, t_quantile

CLASSES = 7
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


def test_test_images_count_as_much_as_seeds() -> None:
    """Three seeds that agree on every image have no spread; what is left is the binomial error of the test images."""
    right_N = np.arange(400) < 300
    same = np.tile(right_N - 0.75, (3, 1))
    found = interval([0.75] * 3, same)
    assert found.half == pytest.approx(stats.t.ppf(0.975, 399) * (0.75 * 0.25 / 400) ** 0.5)


def test_several_test_sets_add_their_chances() -> None:
    """The mean of two settings on different test sets has a quarter of the sum of both variances."""
    one, other = np.array([[0.5, -0.5] * 50] * 2), np.array([[0.2, -0.2] * 200] * 2)
    found = estimate([0.6, 0.6], one / 2, other / 2)
    assert (found.by_seed, found.images) == (0, 500)
    assert found.by_image == pytest.approx((0.25 / 100 + 0.04 / 400) / 4)


def test_seeds_and_images_keep_their_own_quantiles() -> None:
    """By hand: 3 seeds with a variance of .0004 (t 4.303), 101 images with .0009 (t 1.984), .0001 in both."""
    found = Estimate(0.5, 3, 0.0004, 0.0009, 0.0001, 101)
    few, many = 4.3027**2, 1.98397**2
    assert found.half() == pytest.approx((many * 0.0012 + (few - many) * 0.00035) ** 0.5, rel=1e-4)


def test_probability_is_that_of_a_t_test() -> None:
    """Without test images it is SciPy's one-sample t test; with them it is the level at which 0 leaves the interval."""
    values = [0.02, 0.05, -0.01, 0.03]
    assert estimate(values).probability() == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert estimate([0.1]).probability() is None
    assert estimate([0.0, 0.0]).probability() == 1.0
    assert estimate([0.1, 0.1]).probability() == 0.0
    mixed = Estimate(0.1, 3, 0.0004, 0.0009, 0.0001, 101)
    assert mixed.half(1 - (mixed.probability() or 0)) == pytest.approx(0.1)


def test_a_handful_of_images_proves_no_perfection() -> None:
    """Nothing wrong on 20 images leaves the floor: here one wrong answer of 20."""
    assert interval([1.0] * 3, np.zeros((3, 20)), floor=1 / 20**2).half == pytest.approx(stats.t.ppf(0.975, 19) / 20)


@pytest.mark.parametrize(
    ("images", "seeds", "skill"),
    [(500, 2, 0.3), (5000, 2, 0.3), (500, 3, 0.02), (1000, 3, 0.5), (2000, 3, 0.3), (500, 5, 0.1), (1000, 10, 0.02)],
)
def test_relative_performance_is_covered_as_often_as_said(images: int, seeds: int, skill: float) -> None:
    """Copycats of varying skill on images of varying difficulty, new test images and new seeds each time.

    The true value is the ratio on a million images. 600 trials: the share covered has a standard error of .009. With
    the seeds' spread alone as few as 70 % are covered (the last case).
    """
    rng = np.random.default_rng(images + seeds)
    large = [world(rng, 20_000, 10, skill) for _ in range(50)]
    truth = np.mean([np.mean([macro(t, s) for s in said]) for t, said, _ in large]) / np.mean(
        [macro(t, target) for t, _, target in large]
    )
    covered = seeds_alone = 0
    for _ in range(600):
        values, rows = ratios(*world(rng, images, seeds, skill))
        found, alone = interval(values, rows), interval(values)
        covered += found.low <= truth <= found.high
        seeds_alone += alone.low <= truth <= alone.high
    assert 0.93 <= covered / 600 <= 0.98
    if seeds == 10:
        assert seeds_alone / 600 < 0.85


def world(rng: np.random.Generator, images: int, seeds: int, skill: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, what the copycats of some seeds say, and what the target says; hard images are hard for all of them."""
    truth_N = rng.integers(0, CLASSES, images)
    hard_N, seed_S = rng.normal(0, 1, images), rng.normal(0, skill, (seeds, 1))
    seed_class_SN = rng.normal(0, skill, (seeds, CLASSES))[:, truth_N]
    right_SN = rng.random((seeds, images)) < 1 / (1 + np.exp(-(0.5 + hard_N + seed_S + seed_class_SN)))
    said_SN = np.where(right_SN, truth_N, (truth_N + rng.integers(1, CLASSES, (seeds, images))) % CLASSES)
    target_N = np.where(rng.random(images) < 1 / (1 + np.exp(-(3 + hard_N))), truth_N, (truth_N + 1) % CLASSES)
    return truth_N, said_SN, target_N


def macro(truth_N: np.ndarray, said_N: np.ndarray) -> float:
    """Macro-F1 from the confusion matrix, quicker than scikit-learn's."""
    matrix_CC = np.bincount(truth_N * CLASSES + said_N, minlength=CLASSES**2).reshape(CLASSES, CLASSES)
    return float(np.mean(2 * np.diag(matrix_CC) / (matrix_CC.sum(0) + matrix_CC.sum(1))))


def ratios(truth_N: np.ndarray, said_SN: np.ndarray, target_N: np.ndarray) -> tuple[list[float], np.ndarray]:
    """Relative performance of each seed, and the influence of each test image on it."""
    whole, whole_N = macro(truth_N, target_N), of_macro_f1(truth_N, target_N, CLASSES)
    parts = [(macro(truth_N, said_N), of_macro_f1(truth_N, said_N, CLASSES)) for said_N in said_SN]
    rows = [of_ratio(part, part_N, whole, whole_N) for part, part_N in parts]
    return [part / whole for part, _ in parts], np.stack(rows)
