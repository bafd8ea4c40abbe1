"""How often 95 % intervals hold the true value in made-up worlds: `python tests/benchmark/coverage_worlds.py [TRIALS]`.

Worlds differ in test images, seeds and how much seeds differ in skill; decision 008 quotes what this prints.
"""

import sys
from itertools import product

import numpy as np
from test_intervals import macro, ratios, world

from benchmark.intervals import interval

IMAGES, SEEDS, SKILLS = (500, 2_000, 10_000), (2, 3, 5, 10), (0.02, 0.05, 0.1, 0.2, 0.5)


def covered(rng: np.random.Generator, images: int, seeds: int, skill: float, trials: int) -> tuple[float, float]:
    """The shares of trials in which the interval, and Student's over seeds alone, hold the value of a large world."""
    large = [world(rng, 10_000, 20, skill) for _ in range(40)]
    copies = np.mean([np.mean([macro(truth_N, said_N) for said_N in said_SN]) for truth_N, said_SN, _ in large])
    true = copies / np.mean([macro(truth_N, target_N) for truth_N, _, target_N in large])
    hits = []
    for _ in range(trials):
        values, rows_SN = ratios(*world(rng, images, seeds, skill))
        hits.append([each.low <= true <= each.high for each in (interval(values, rows_SN), interval(values))])
    ours, alone = np.mean(hits, axis=0)
    return float(ours), float(alone)


def main() -> None:
    """Print every world, and per number of seeds the mean, the lowest and the highest."""
    trials, rng = int(sys.argv[1]) if len(sys.argv) > 1 else 300, np.random.default_rng(3)
    for seeds in SEEDS:
        found = []
        for images, skill in product(IMAGES, SKILLS):
            found.append(covered(rng, images, seeds, skill, trials))
            shares = f"{found[-1][0]:.3f} (seeds alone {found[-1][1]:.3f})"
            print(f"{seeds} seeds, {images} images, skill {skill}: {shares}")  # noqa: T201 - the result
        for name, shares in zip(("ours", "seeds alone"), zip(*found, strict=True), strict=True):
            told = f"mean {np.mean(shares):.3f}, {min(shares):.3f} to {max(shares):.3f}"
            print(f"{seeds} seeds, {name}: {told}")  # noqa: T201 - the result


if __name__ == "__main__":
    main()
