"""The attacks: which images of a pool are asked. One file each, one row in the table below.

An attack is a function `(ask, pool, rng)`: `ask` answers images within a budget (copycats.ask.Ask), `pool` is indexed
by integer arrays (copycats.ask.Pool), `rng` is a numpy generator. What it asked is what the copycat trains on; what
it returns is not used. Third parties register theirs under the entry point group `copycat_benchmark.attacks`.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import numpy as np

from copycats.ask import Ask, Pool
from copycats.attacks.example import both_mistakes, only_pale, only_swapped
from copycats.attacks.random import random as ask_at_random
from copycats.refusals import UnknownAttack

Attack = Callable[[Ask, Pool, np.random.Generator], Any]

GROUP = "copycat_benchmark.attacks"

ATTACKS: dict[str, Attack] = {
    "random": ask_at_random,
    "example": both_mistakes,
    "example-bgr": only_swapped,
    "example-pale": only_pale,
}


def names() -> list[str]:
    """All attacks that can be named, ours first, then third parties'."""
    return [*ATTACKS, *(name for name in entry_points(group=GROUP).names if name not in ATTACKS)]


def ensure_known(name: str) -> None:
    """Raises UnknownAttack for a name that neither we nor a third party have; loads nothing."""
    if name not in names():
        raise UnknownAttack(name, names())


def packages(name: str) -> list[str]:
    """The top-level modules that a third party's attack was installed with; none for ours. Imports none of them."""
    for found in () if name in ATTACKS else entry_points(group=GROUP, name=name):
        listed = found.dist.read_text("top_level.txt") if found.dist else None
        return sorted({found.module.partition(".")[0], *(listed or "").split()})
    return []


def attack(name: str) -> Attack:
    """The attack of this name; ours wins over a third party's of the same name. Raises UnknownAttack."""
    if name in ATTACKS:
        return ATTACKS[name]
    for found in entry_points(group=GROUP, name=name):
        loaded: Attack = found.load()
        return loaded
    raise UnknownAttack(name, names())
