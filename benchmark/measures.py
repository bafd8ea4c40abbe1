"""The measures of one cell, each with the influence that every test image has on it, from its labels alone."""

from dataclasses import dataclass, field

import numpy as np

from benchmark import influence
from benchmark.intervals import Estimate, estimate
from benchmark.labelling import Labelling
from benchmark.scores import Relative, Scores

MEASURES = ("relative", "macro_f1", "mean_recall", "accuracy", "agreement")
"""`relative`: macro-F1 over the target's; `accuracy` is the papers' "micro average"."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure of one cell: its value, the influence of each test image, float32 [n], and a least variance.

    Where hardly an image is wrong, influences are all near 0 and a handful of images would seem to prove perfection. So
    the images are taken to vary a score by at least what one wrong answer in every class would change.
    """

    value: float
    influence_N: np.ndarray = field(compare=False, repr=False)
    floor: float = field(default=0.0, compare=False)


def measured(target: Scores, copycat: Scores, relative: Relative, labelling: Labelling) -> dict[str, Measured]:
    """Every measure by its name; `relative` is absent where the target's macro-F1 is 0."""
    truth_N, target_N, copycat_N = labelling.arrays()
    classes = len(copycat.f1_per_class)
    macro_N = influence.of_macro_f1(truth_N, copycat_N, classes)
    found = {
        "macro_f1": (copycat.macro_f1, macro_N),
        "mean_recall": (copycat.mean_recall, influence.of_mean_recall(truth_N, copycat_N, classes)),
        "accuracy": (copycat.accuracy, influence.of_equality(truth_N, copycat_N)),
        "agreement": (float((target_N == copycat_N).mean()), influence.of_equality(target_N, copycat_N)),
    }
    if relative.macro_f1 is not None:
        whole_N = influence.of_macro_f1(truth_N, target_N, classes)
        ratio_N = influence.of_ratio(copycat.macro_f1, macro_N, target.macro_f1, whole_N)
        found["relative"] = (relative.macro_f1, ratio_N)
    images_C = np.bincount(truth_N)
    images_C = images_C[images_C > 0]
    by_class = float((1 / (len(images_C) * images_C) ** 2).sum())
    least = {"macro_f1": by_class, "mean_recall": by_class, "relative": by_class / (target.macro_f1 or 1) ** 2}
    return {
        name: Measured(value, values_N.astype(np.float32), least.get(name, 1 / len(truth_N) ** 2))
        for name, (value, values_N) in found.items()
    }


def over_seeds(seeds: list[Measured]) -> Estimate:
    """The mean of one measure over seeds that were scored on the same test images."""
    floor = min(each.floor for each in seeds)
    return estimate([each.value for each in seeds], np.stack([each.influence_N for each in seeds]), floor=floor)


def difference(one: Measured, other: Measured) -> Measured:
    """How much more `one` has than `other`, both of the same test images; equal answers differ by nothing for sure."""
    return Measured(one.value - other.value, one.influence_N - other.influence_N)


def over_settings(settings: dict[str, list[list[Measured]]]) -> Estimate:
    """The mean over settings of the means over seeds: test set -> its settings, each with the same seeds in order.

    Settings of one test set move together when its images change; different test sets are independent.
    """
    count = sum(len(found) for found in settings.values())
    seeds = range(len(next(iter(settings.values()))[0]))
    values = [
        sum(sorted(setting[seed].value for found in settings.values() for setting in found)) / count for seed in seeds
    ]
    blocks = [
        np.stack([np.sum([setting[seed].influence_N for setting in found], axis=0) / count for seed in seeds])
        for found in settings.values()
    ]
    floor = sum(setting[0].floor for found in settings.values() for setting in found) / count**2
    return estimate(values, *blocks, floor=floor)
