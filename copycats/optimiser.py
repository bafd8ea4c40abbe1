"""One step of learning as a recipe wants it: gradients, their clipping, the rate of the moment, the update."""

import torch
from torch import nn

from copycats.recipe import Recipe, rate_at


class Optimiser:
    """SGD or AdamW with the recipe's rate, counted in steps."""

    def __init__(self, net: nn.Module, recipe: Recipe, steps: int) -> None:
        self._recipe, self._steps, self._done = recipe, steps, 0
        self._parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
        vectors = [p for p in self._parameters if p.ndim <= 1 and recipe.decay == "kernels"]
        kernels = [p for p in self._parameters if p.ndim > 1 or recipe.decay == "all"]
        groups = [
            {"params": kernels, "weight_decay": recipe.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        self._inner: torch.optim.Optimizer
        if recipe.optimiser == "sgd":
            self._inner = torch.optim.SGD(groups, recipe.rate, momentum=recipe.momentum, nesterov=recipe.nesterov)
        else:
            self._inner = torch.optim.AdamW(groups, recipe.rate)

    @property
    def done(self) -> float:
        """The share of its steps that are taken."""
        return self._done / self._steps

    def step(self, loss: torch.Tensor) -> None:
        """Take one step down the loss."""
        for group in self._inner.param_groups:
            group["lr"] = rate_at(self._recipe, self._done, self._steps)
        self._inner.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self._recipe.clip is not None:
            nn.utils.clip_grad_norm_(self._parameters, self._recipe.clip)
        self._inner.step()
        self._done += 1
