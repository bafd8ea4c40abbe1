"""How much each test image moves a score: the empirical influence functions of the scores (delta method).

A score of a test set is a smooth function of shares of images. To first order, drawing another test set of N images
changes it by the mean of N independent draws from its influence values; so their mean square over N is the variance
that the choice of the test images gives the score (Hampel 1974, The influence curve and its role in robust
estimation). Each function answers float64 [N] with mean 0, in the units of its score. Letters: N images, C classes.
"""

import numpy as np


def of_macro_f1(truth_N: np.ndarray, said_N: np.ndarray, classes: int) -> np.ndarray:
    """Of macro-F1 over the classes that the test set has.

    With F1 = 2 both / (true + said), an image moves that of class c by (2 [both are c] - F1 ([truth is c] + [said is
    c])) / (share true + share said); averaged over the classes present.
    """
    true_C, said_C, both_C = _counts(truth_N, said_N, classes)
    present_C = true_C > 0
    total_C = np.where(present_C, true_C + said_C, 1.0)
    f1_C = np.where(present_C, 2 * both_C / total_C, 0.0)
    weight_C = np.where(present_C, len(truth_N) / total_C / present_C.sum(), 0.0)
    loss_C = weight_C * f1_C
    moved_N: np.ndarray = np.where(truth_N == said_N, 2 * weight_C[truth_N], 0.0) - loss_C[truth_N] - loss_C[said_N]
    return moved_N


def of_mean_recall(truth_N: np.ndarray, said_N: np.ndarray, classes: int) -> np.ndarray:
    """Of the mean of the recalls of the classes that the test set has."""
    true_C, _, both_C = _counts(truth_N, said_N, classes)
    present_C = true_C > 0
    recall_C = both_C / np.where(present_C, true_C, 1.0)
    weight_C = np.where(present_C, len(truth_N) / np.where(present_C, true_C, 1.0) / present_C.sum(), 0.0)
    moved_N: np.ndarray = weight_C[truth_N] * ((truth_N == said_N) - recall_C[truth_N])
    return moved_N


def of_equality(one_N: np.ndarray, other_N: np.ndarray) -> np.ndarray:
    """Of the share of images on which two labellings are equal: accuracy, agreement."""
    equal_N = (one_N == other_N).astype(np.float64)
    moved_N: np.ndarray = equal_N - equal_N.mean()
    return moved_N


def of_ratio(part: float, part_N: np.ndarray, whole: float, whole_N: np.ndarray) -> np.ndarray:
    """Of a ratio of two scores of one test set (`whole` is not 0), from the influences on each."""
    return (part_N - part / whole * whole_N) / whole


def _counts(truth_N: np.ndarray, said_N: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How often each class is true, is said, and is both: float64 [C] each."""
    counts = (truth_N, said_N, truth_N[truth_N == said_N])
    true_C, said_C, both_C = (np.bincount(labels, minlength=classes).astype(np.float64) for labels in counts)
    return true_C, said_C, both_C
