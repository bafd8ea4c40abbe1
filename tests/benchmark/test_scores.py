"""Scores: a hand-worked example, scikit-learn on plain labels, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_score, recall_score

from benchmark.refusals import EmptyPool, Mismatch
from benchmark.scores import Scores, agreement, relative, score

# three classes, ten images, worked by hand:
#   0: 4 images, 3 found, 1 said to be 1; 1: 4 images, 2 found, 2 said to be 0; 2: 2 images, never said
TRUTH_N = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
SAID_N = np.array([0, 0, 0, 1, 1, 1, 0, 0, 0, 1])


def test_hand_worked_example() -> None:
    """Precision 3/6 and 2/4, recall 3/4 and 2/4, F1 3/5 and 1/2; the class never said has 0."""
    scores = score(TRUTH_N, SAID_N, 3)
    assert scores.images == 10
    assert scores.precision_per_class == pytest.approx((3 / 6, 2 / 4, 0))
    assert scores.recall_per_class == pytest.approx((3 / 4, 2 / 4, 0))
    assert scores.f1_per_class == pytest.approx((3 / 5, 1 / 2, 0))
    assert scores.macro_f1 == pytest.approx((3 / 5 + 1 / 2) / 3)
    assert scores.accuracy == pytest.approx(5 / 10)
    assert scores.mean_recall == pytest.approx((3 / 4 + 2 / 4) / 3)
    assert scores.confusion_CC().tolist() == [[3, 1, 0], [2, 2, 0], [1, 1, 0]]


def test_one_class_answers_of_the_papers() -> None:
    """A net that says class 0 to all 10,000 MNIST test images scores the 2021 paper's 0.017851."""
    counts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    truth_N = np.repeat(np.arange(10), counts)
    assert score(truth_N, np.zeros_like(truth_N), 10).macro_f1 == pytest.approx(0.017851, abs=5e-7)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60), st.integers(0, 2**32 - 1))
def test_agrees_with_scikit_learn_on_plain_labels(pairs: list[tuple[int, int]], seed: int) -> None:
    """Feeding the confusion matrix gives what feeding every label gives, in any order of the images."""
    pairs = [*pairs, *((label, 4 - label) for label in range(5))]  # every class occurs
    truth_N, said_N = np.array(pairs).T
    scores = score(truth_N, said_N, 5)
    assert scores.macro_f1 == pytest.approx(f1_score(truth_N, said_N, average="macro", zero_division=0))
    assert scores.accuracy == pytest.approx(accuracy_score(truth_N, said_N))
    assert scores.mean_recall == pytest.approx(recall_score(truth_N, said_N, average="macro", zero_division=0))
    precision = precision_score(truth_N, said_N, average=None, zero_division=0)
    assert scores.precision_per_class == pytest.approx(tuple(precision))
    assert np.array_equal(scores.confusion_CC(), confusion_matrix(truth_N, said_N))
    order = np.random.default_rng(seed).permutation(len(truth_N))
    assert score(truth_N[order], said_N[order], 5) == scores


def test_classes_without_a_test_image_are_no_zero() -> None:
    """Means are over the classes that the test set has, the same for every classifier; the others have no figure."""
    scores = score(np.array([0, 0, 3, 3]), np.array([0, 1, 3, 3]), 5)
    assert scores.f1_per_class == (pytest.approx(2 / 3), None, None, 1.0, None)
    assert scores.macro_f1 == pytest.approx((2 / 3 + 1) / 2)
    assert Scores.model_validate_json(scores.model_dump_json()) == scores


@pytest.mark.parametrize(
    ("truth", "said", "refusal", "sentence"),
    [
        ([], [], EmptyPool, "no image"),
        ([1, 1], [0, 1], Mismatch, "all 2 test images are of class 1"),
        ([0, 1], [0], Mismatch, "one label per image"),
        ([0, 1], [0, 3], Mismatch, r"answers with labels 0\.\.3, but 3 classes allow 0\.\.2"),
        ([0, -1], [0, 0], Mismatch, r"truth with labels -1\.\.0"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    truth: list[int], said: list[int], refusal: type[Exception], sentence: str
) -> None:
    """A missing answer is never a zero."""
    with pytest.raises(refusal, match=sentence):
        score(np.array(truth, dtype=np.int64), np.array(said, dtype=np.int64), 3)


def test_relative_performance_and_agreement() -> None:
    """Ratios by each score; agreement counts equal labels, right or wrong."""
    target, copycat = score(TRUTH_N, TRUTH_N, 3), score(TRUTH_N, SAID_N, 3)
    ratio = relative(copycat, target)
    assert (ratio.macro_f1, ratio.accuracy, ratio.mean_recall) == (copycat.macro_f1, 0.5, copycat.mean_recall)
    assert agreement(np.array([0, 1, 2, 2]), np.array([0, 2, 2, 2])) == 0.75


def test_a_ratio_to_zero_is_a_hole() -> None:
    """A target that is always wrong has no relative performance."""
    wrong = score(np.array([0, 1]), np.array([1, 0]), 2)
    assert relative(wrong, wrong).macro_f1 is None


def test_agreement_refuses_what_it_cannot_compare() -> None:
    """Different numbers of labels, or none, are refused."""
    with pytest.raises(Mismatch, match="1 labels of the copycat for 2 of the target"):
        agreement(np.array([0, 1]), np.array([0]))
    with pytest.raises(EmptyPool, match="no agreement"):
        agreement(np.array([]), np.array([]))
