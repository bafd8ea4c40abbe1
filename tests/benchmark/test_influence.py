"""Influence functions: against removing images one by one, and against the bootstrap."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, recall_score

from benchmark import influence

Score = Callable[[np.ndarray, np.ndarray], float]
CLASSES = 5
SCORES: dict[str, tuple[Score, Callable[[np.ndarray, np.ndarray], np.ndarray]]] = {
    "macro-F1": (
        lambda truth_N, said_N: f1_score(truth_N, said_N, labels=np.unique(truth_N), average="macro", zero_division=0),
        lambda truth_N, said_N: influence.of_macro_f1(truth_N, said_N, CLASSES),
    ),
    "mean recall": (
        lambda truth_N, said_N: recall_score(truth_N, said_N, labels=np.unique(truth_N), average="macro"),
        lambda truth_N, said_N: influence.of_mean_recall(truth_N, said_N, CLASSES),
    ),
    "accuracy": (accuracy_score, influence.of_equality),
}


def made(images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth_N = rng.choice(CLASSES, images, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    return truth_N, np.where(rng.random(images) < 0.7, truth_N, rng.integers(0, CLASSES, images))


@pytest.mark.parametrize("name", SCORES)
def test_influence_is_what_leaving_an_image_out_costs(name: str) -> None:
    score, influences = SCORES[name]
    truth_N, said_N = made(2000, 3)
    whole, found_N = score(truth_N, said_N), influences(truth_N, said_N)
    for image in range(0, 2000, 97):
        rest = np.delete(np.arange(2000), image)
        assert 1999 * (whole - score(truth_N[rest], said_N[rest])) == pytest.approx(found_N[image], rel=0.02, abs=0.02)


@pytest.mark.parametrize("name", SCORES)
def test_influences_give_the_spread_of_the_bootstrap(name: str) -> None:
    score, influences = SCORES[name]
    truth_N, said_N = made(1000, 4)
    rng = np.random.default_rng(5)
    again = [score(truth_N[drawn], said_N[drawn]) for drawn in rng.integers(0, 1000, (400, 1000))]
    assert np.sqrt((influences(truth_N, said_N) ** 2).sum()) / 1000 == pytest.approx(np.std(again), rel=0.12)


def test_influences_on_a_ratio_give_the_spread_of_the_bootstrap() -> None:
    (truth_N, part_N), whole_N = made(1000, 6), made(1000, 6)[0].copy()
    whole_N[::20] = (whole_N[::20] + 1) % CLASSES
    score, influences = SCORES["macro-F1"]
    part, whole = score(truth_N, part_N), score(truth_N, whole_N)
    found_N = influence.of_ratio(part, influences(truth_N, part_N), whole, influences(truth_N, whole_N))
    rng = np.random.default_rng(7)
    again = [
        score(truth_N[drawn], part_N[drawn]) / score(truth_N[drawn], whole_N[drawn])
        for drawn in rng.integers(0, 1000, (400, 1000))
    ]
    assert np.sqrt((found_N**2).sum()) / 1000 == pytest.approx(np.std(again), rel=0.12)


@given(st.integers(2, 60), st.integers(0, 10_000))
def test_influences_have_mean_zero(images: int, seed: int) -> None:
    truth_N, said_N = made(images, seed)
    for _, influences in SCORES.values():
        assert influences(truth_N, said_N).mean() == pytest.approx(0, abs=1e-12)


def test_a_class_that_the_test_set_lacks_counts_for_nothing() -> None:
    truth_N, said_N = np.array([0, 0, 1, 1]), np.array([0, 4, 1, 1])
    few, many = (influence.of_macro_f1(truth_N, said_N, classes) for classes in (5, 9))
    assert few.tolist() == many.tolist()
    # by hand: F1 of class 0 is 2/3 with 3 places for 4 images, that of class 1 is 1
    assert few[0] == pytest.approx((4 / 3 / 2) * (2 - 2 / 3 - 2 / 3))
    assert few[1] == pytest.approx(-(4 / 3 / 2) * (2 / 3))
    assert few[2] == pytest.approx(0)
