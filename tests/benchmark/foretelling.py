"""How well few labels of a class foretell a poor copy: `python tests/benchmark/foretelling.py OUT SUITE [OUT SUITE]`.

Reads the records of suites that were played (regime NPDD-SL); docs/protocol.md quotes what this prints.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from benchmark.leaderboard.board import FEW_LABELS
from benchmark.ledger import Ledger
from benchmark.suites.planned import read_plan


def main() -> None:
    """Print how many settings are warned of, how their copies fare, and the rank correlations."""
    rows: dict[tuple[object, ...], list[tuple[float, float, float]]] = defaultdict(list)
    for out, suite in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        plan, ledger = read_plan(Path(out), suite), Ledger(Path(out), only_read=True)
        for record in filter(None, (ledger.find(cell.digest) for cell in plan.cells if cell.regime == "npdd-sl")):
            if record.relative and record.relative.macro_f1 is not None:
                used = record.transfer_sets[0]
                setting = tuple(value for name, value in record.cell if name != "seed")
                rows[setting].append((min(used.counts_per_class), used.entropy, record.relative.macro_f1))
    means = np.array([np.mean(seeds, axis=0) for seeds in rows.values()])
    rarest, entropy, relative = means.T
    for name, chosen in (("with a class of few labels", rarest < FEW_LABELS), ("others", rarest >= FEW_LABELS)):
        below = [f"{int((relative[chosen] < share).sum())} below {share}" for share in (0.4, 0.5)]
        print(f"{int(chosen.sum())} settings {name}: {', '.join(below)} of the target")  # noqa: T201 - the result
    ranks = [spearmanr(each, relative).statistic for each in (rarest, entropy)]
    print(f"rank correlation of the rarest class {ranks[0]:.2f}, of the entropy {ranks[1]:.2f}")  # noqa: T201


if __name__ == "__main__":
    main()
