"""What the thieves refuse.

CopycatRefused            exit code 3: the input cannot be used
├── UnknownArchitecture   exit code 2: no such network (the nearest names are given)
├── UnknownAttack         exit code 2: no such attack
├── UnknownBalance        exit code 2: no such way of balancing
├── BadTransferSet        exit code 3: images, labels and picks that do not belong together
├── EmptyTransferSet      exit code 3: not a single stolen label to learn from
├── AskRefused            exit code 3: an ask that the oracle's side refused, charging nothing
├── UnfitArchitecture     exit code 3: a network that cannot take images of this size
├── WeightsRefused        exit code 3: initial weights that are not to be had or do not fit
└── LossNotFinite         exit code 3: a training that ran away
"""

import difflib
from collections.abc import Iterable


class CopycatRefused(Exception):
    """An input, name or set of weights that the thieves cannot work with; the message is one sentence."""

    exit_code = 3


class UnknownThing(CopycatRefused):
    """A name that no table knows; says the nearest ones, and all that are known when they are few."""

    exit_code = 2
    kind = "name"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        choices = sorted(known)
        near = difflib.get_close_matches(name, choices, n=3, cutoff=0.5)
        hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
        shown = ", ".join(choices) if len(choices) <= 20 else f"{len(choices)} names"
        super().__init__(f"unknown {self.kind} {name!r}. {hint}Known: {shown or 'none'}.")


class UnknownArchitecture(UnknownThing):
    """A network that is neither ours, nor timm's, nor a third party's."""

    kind = "architecture"


class UnknownAttack(UnknownThing):
    """An attack that is neither ours nor a third party's."""

    kind = "attack"


class UnknownBalance(UnknownThing):
    """A way of balancing that does not exist."""

    kind = "balance"


class BadTransferSet(CopycatRefused):
    """Images, labels and picks that do not belong together."""


class EmptyTransferSet(CopycatRefused):
    """Not a single stolen label to learn from."""


class AskRefused(CopycatRefused):
    """An ask that the oracle's side refused, such as more images than the budget has left; nothing was charged."""


class UnfitArchitecture(CopycatRefused):
    """A network that cannot take images of this size, even enlarged."""


class WeightsRefused(CopycatRefused):
    """Initial weights that are not to be had, or that do not fit the network."""


class LossNotFinite(CopycatRefused):
    """A training whose loss became infinite or not a number."""

    def __init__(self, name: str, epoch: int, epochs: int, rate: float) -> None:
        super().__init__(
            f"{name}: loss not finite at epoch {epoch} of {epochs} (learning rate {rate:g}). "
            "Lower the rate or set clip in the recipe."
        )
