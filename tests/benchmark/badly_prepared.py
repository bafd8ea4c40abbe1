"""What a CIFAR-10 oracle says of badly prepared images: `python tests/benchmark/badly_prepared.py ORACLE.onnx DATA`.

The ways are those of attack `example`; docs/results/replication.md quotes what this prints.
"""

import importlib
import sys
from pathlib import Path

import numpy as np
import onnx
from sklearn.metrics import accuracy_score, f1_score

from benchmark.places import find_places
from benchmark.problems import load_problem, open_role
from benchmark.proof import answers
from oracles.runtime import open_session

AT_ONCE = 64


def main() -> None:
    """Print accuracy, macro-F1 and the answers of each class for images as they are, swapped, pale, and both."""
    oracle, data = map(Path, sys.argv[1:3])
    test = open_role(load_problem("cifar10"), "tdd", find_places([data]), print)
    images_NHWC, truth_N = np.asarray(test.images_NHWC), np.asarray(test.labels_N)
    session = open_session(onnx.load(oracle), device="cpu")
    example = importlib.import_module("copycats.attacks.example")
    ways = {"swapped": example.swapped, "pale": example.pale, "pale and swapped": example.pale_and_swapped}
    for name, change in {"as they are": np.asarray, **ways}.items():
        said_N, _ = answers(session, change(images_NHWC), AT_ONCE)
        scores = accuracy_score(truth_N, said_N), f1_score(truth_N, said_N, average="macro")
        print(f"{name}: accuracy {scores[0]:.3f}, macro-F1 {scores[1]:.3f}, answers {np.bincount(said_N)}")  # noqa: T201


if __name__ == "__main__":
    main()
