"""The attack of the papers: natural images, drawn at random."""

import numpy as np

from copycats.ask import Ask, Labels, Pool

CHUNK = 2_048


def random(ask: Ask, pool: Pool, rng: np.random.Generator) -> Labels:
    """Ask images drawn without replacement until the budget or the pool is spent (Correia-Silva et al. 2018).

    One permutation of the whole pool is drawn, whatever the budget, so that with one seed a smaller budget is a
    prefix of a larger one. Asked in chunks: memory stays flat, and an interruption loses one chunk at most.
    """
    order_N = rng.permutation(len(pool))[: ask.left]
    starts = range(0, len(order_N), CHUNK)
    labels = [ask(pool[order_N[start : start + CHUNK]]) for start in starts]
    return np.concatenate(labels) if labels else np.empty(0, np.int64)
