"""Ways to make stolen classes more equal before training.

A table of functions from labels to positions; images are shared, only the picks change. Letters: M labels in, C
classes. Only classes that occur are balanced: a class that the oracle never answered cannot be made up.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from copycats.ask import Labels
from copycats.refusals import UnknownBalance
from copycats.transfer_set import TransferSet

Positions = npt.NDArray[np.int64]


def balance(transfer_set: TransferSet, how: str, rng: np.random.Generator) -> TransferSet:
    """The transfer set with other picks, as the function `how` of BALANCES chooses them. Raises UnknownBalance."""
    if how not in BALANCES:
        raise UnknownBalance(how, BALANCES)
    if not len(transfer_set):
        return transfer_set
    return transfer_set.with_picks(transfer_set.picks_M[BALANCES[how](transfer_set.stolen_M, rng)])


def as_stolen(labels_M: Labels, rng: np.random.Generator) -> Positions:
    """All as they came."""
    del rng
    return np.arange(len(labels_M))


def downsample(labels_M: Labels, rng: np.random.Generator) -> Positions:
    """Every class that occurs cut down to the smallest that occurs (2018 paper's scripts)."""
    members = _members(labels_M)
    fewest = min(len(places) for places in members)
    return np.concatenate([rng.permutation(places)[:fewest] for places in members])


def replicate(labels_M: Labels, rng: np.random.Generator) -> Positions:
    """The 2021 paper: the same total n, so n // classes for each class that occurs.

    Each image is repeated ceil(n // classes / its class's count) times; that list is shuffled and cut. Rare classes are
    replicated, frequent ones thinned.
    """
    members = _members(labels_M)
    wanted = len(labels_M) // len(members)
    repeated = [np.repeat(places, -(-wanted // len(places))) for places in members]
    return np.concatenate([rng.permutation(places)[:wanted] for places in repeated])


def square_root(labels_M: Labels, rng: np.random.Generator) -> Positions:
    """The same total, class shares in proportion to the square root of their counts: half-way to equal.

    Rounded by largest remainder. Within a class every image occurs equally often, give or take one.
    """
    members = _members(labels_M)
    roots = np.sqrt([len(places) for places in members])
    exact = len(labels_M) * roots / roots.sum()
    wanted = np.floor(exact).astype(np.int64)
    missing = len(labels_M) - int(wanted.sum())
    wanted[np.argsort(wanted - exact, kind="stable")[:missing]] += 1
    return np.concatenate([_even(places, int(n), rng) for places, n in zip(members, wanted, strict=True)])


def _members(labels_M: Labels) -> list[Positions]:
    """The positions of each class that occurs, lowest class first."""
    return [np.flatnonzero(labels_M == label) for label in np.unique(labels_M)]


def _even(places: Positions, wanted: int, rng: np.random.Generator) -> Positions:
    """So many of the places, each as often as the others, give or take one."""
    return np.concatenate([np.tile(places, wanted // len(places)), rng.permutation(places)[: wanted % len(places)]])


BALANCES: dict[str, Callable[[Labels, np.random.Generator], Positions]] = {
    "none": as_stolen,
    "downsample": downsample,
    "replicate": replicate,
    "sqrt": square_root,
}
