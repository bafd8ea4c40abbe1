"""One step of learning as a recipe wants it: gradients, their clipping, the rate of the moment, the update."""

import torch
from torch import nn

from copycats.copycat import Copycat
from copycats.muon import Muon, can_turn
from copycats.recipe import Recipe, rate_at


class Optimiser:
    """SGD, AdamW or Muon with the recipe's rate, counted in steps.

    With Muon the vectors, the answering layer and kernels that it cannot turn are left to SGD at the same rate.
    """

    def __init__(self, copycat: Copycat, recipe: Recipe, steps: int) -> None:
        self._recipe, self._steps, self._done = recipe, steps, 0
        named = [(name, parameter) for name, parameter in copycat.named_parameters() if parameter.requires_grad]
        self._parameters = [parameter for _, parameter in named]
        self._parts: list[torch.optim.Optimizer] = []
        left = self._parameters
        if recipe.optimiser == "muon":
            head = f"net.{copycat.head}."
            turned = [parameter for name, parameter in named if not name.startswith(head) and can_turn(parameter)]
            if turned:
                self._parts.append(Muon(turned, recipe.rate, recipe.turning_momentum))
            left = [parameter for parameter in left if not any(parameter is other for other in turned)]
        self._parts.append(_plain(left, recipe))

    def step(self, loss: torch.Tensor) -> None:
        """Take one step down the loss."""
        for part in self._parts:
            for group in part.param_groups:
                group["lr"] = rate_at(self._recipe, self._done, self._steps)
            part.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self._recipe.clip is not None:
            nn.utils.clip_grad_norm_(self._parameters, self._recipe.clip)
        for part in self._parts:
            part.step()
        self._done += 1


def _plain(parameters: list[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """SGD or AdamW on these parameters, with the recipe's decay on those that are to decay."""
    vectors = [p for p in parameters if p.ndim <= 1 and recipe.decay == "kernels"]
    kernels = [p for p in parameters if p.ndim > 1 or recipe.decay == "all"]
    groups = [
        {"params": kernels, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(groups, recipe.rate)
    return torch.optim.SGD(groups, recipe.rate, momentum=recipe.momentum, nesterov=recipe.nesterov)
