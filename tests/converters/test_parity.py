"""Parity: labels and scores of two models beside each other, worked by hand."""

import numpy as np
import pytest

from converters.parity import compare, first_difference

SCORES_NC = np.array([[0.1, 0.9], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]], dtype=np.float32)
LABELS_N = np.array([1, 0, 0, 1])


def test_equal_scores_agree_wholly():
    agreement = compare(LABELS_N, SCORES_NC, SCORES_NC)
    assert (agreement.images, agreement.labels, agreement.largest, agreement.relative) == (4, 1.0, 0.0, 0.0)
    assert agreement.enough


def test_one_other_label_of_four_is_a_quarter_and_not_enough():
    other = SCORES_NC.copy()
    other[2] = [0.2, 0.8]
    agreement = compare(LABELS_N, SCORES_NC, other)
    assert agreement.labels == 0.75
    assert agreement.largest == pytest.approx(0.4)
    assert agreement.relative == pytest.approx(0.4 / 0.9)
    assert not agreement.enough


def test_ties_of_the_source_go_to_the_lowest_index():
    assert compare(np.array([0]), None, np.array([[0.5, 0.5]])).labels == 1.0
    assert compare(np.array([1]), None, np.array([[0.5, 0.5]])).labels == 0.0


def test_a_source_of_labels_is_compared_by_labels_alone():
    agreement = compare(LABELS_N, SCORES_NC, np.array([1, 0, 0, 0]))
    assert (agreement.labels, agreement.largest, agreement.relative) == (0.75, None, None)


def test_one_score_stands_for_two_classes():
    agreement = compare(LABELS_N, SCORES_NC, SCORES_NC[:, 1:])
    assert agreement.labels == 1.0
    assert agreement.largest == pytest.approx(0, abs=1e-7)


def test_scores_that_are_no_numbers_on_one_side_only_count_as_another_label():
    ours, theirs = SCORES_NC.copy(), SCORES_NC.copy()
    ours[0] = np.nan
    agreement = compare(LABELS_N, ours, theirs)
    assert (agreement.labels, agreement.broken, agreement.largest) == (0.75, 1, 0.0)
    theirs[0] = np.nan
    assert compare(LABELS_N, ours, theirs).labels == 1.0


def test_how_many_labels_the_source_gave_is_counted():
    assert compare(LABELS_N, SCORES_NC, SCORES_NC).distinct == 2
    assert compare(np.zeros(3, int), None, np.tile([0.9, 0.1], (3, 1))).distinct == 1


def test_the_first_tensor_that_differs_is_named_and_rounding_is_no_difference():
    layers = {"conv1": np.ones((1, 2)), "conv2": np.full((1, 2), 3.0), "fc": np.full((1, 2), 5.0)}
    ours = {"conv1": np.ones((1, 2)) + 1e-5, "conv2": np.full((1, 2), 3.1), "fc": np.full((1, 2), 9.0)}
    assert first_difference(layers.items(), lambda names: {name: ours[name] for name in names}) == "conv2"
    assert first_difference(layers.items(), lambda names: {name: layers[name] for name in names}) is None


def test_a_tensor_of_another_size_differs_and_one_that_is_not_there_is_passed_over():
    layers = {"folded": np.zeros(3), "pool": np.zeros(4)}
    assert first_difference(layers.items(), lambda names: {"pool": np.zeros(5)}) == "pool"
