"""The running average of a copycat's weights: steadier than the weights of any one step, and a teacher of itself.

Exponential moving average, as in mean teachers (Tarvainen and Valpola 2017): each step keeps a share of the average,
less in the first steps, so that the fresh weights are soon forgotten.
"""

import copy

import torch

from copycats.copycat import Copycat


class Average:
    """A twin of a copycat whose weights and batch norm statistics follow it; with `keep` 0 there is none."""

    def __init__(self, copycat: Copycat, keep: float) -> None:
        self._copycat, self._keep, self._steps = copycat, keep, 0
        self._twin = copy.deepcopy(copycat).eval().requires_grad_(False) if keep else None

    @property
    def twin(self) -> Copycat:
        """The average as a network in eval mode; the copycat itself where nothing is averaged."""
        return self._twin or self._copycat

    @torch.no_grad()
    def follow(self) -> None:
        """Take in the weights after a step: the first count for much, later ones for 1 - keep."""
        if self._twin is None:
            return
        keep = min(self._keep, (1 + self._steps) / (10 + self._steps))
        self._steps += 1
        for mean, now in zip(self._twin.state_dict().values(), self._copycat.state_dict().values(), strict=True):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - keep)
            else:
                mean.copy_(now)

    def hand_over(self) -> None:
        """Give the copycat the averaged weights."""
        if self._twin is not None:
            self._copycat.load_state_dict(self._twin.state_dict())
