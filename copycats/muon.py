"""Muon (Jordan 2024) for kernels whose length is held: every step turns a kernel by the same share of its length.

The gradient's momentum is a matrix of outputs times inputs. Its singular values are made equal, so that no direction is
left behind, by a few Newton-Schulz steps (the quintic of Jordan's published optimiser). Behind a batch norm only the
direction of a kernel matters, so its length stays what it was at the start (Jordan's CIFAR nets fix it likewise); that
takes the place of weight decay and makes one rate fit all layers.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

QUINTIC = (3.4445, -4.7750, 2.0315)
STEPS = 3
TINY = 1e-7


class Muon(torch.optim.Optimizer):
    """Turns kernels, float [outputs, inputs, ...], by `lr` of their length at each step; Nesterov momentum."""

    def __init__(self, kernels: Iterable[nn.Parameter], lr: float, momentum: float) -> None:
        super().__init__(kernels, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Turn every kernel that has a gradient."""
        del closure
        for group in self.param_groups:
            for kernel in group["params"]:
                if kernel.grad is not None:
                    self._turn(kernel, group["lr"], group["momentum"])

    def _turn(self, kernel: nn.Parameter, rate: float, momentum: float) -> None:
        assert kernel.grad is not None  # noqa: S101 - the caller looked
        state = self.state[kernel]
        if not state:
            state["length"], state["moving"] = kernel.norm(), torch.zeros_like(kernel)
        state["moving"].mul_(momentum).add_(kernel.grad)
        wanted = kernel.grad.add(state["moving"], alpha=momentum)
        turn = orthogonal(wanted.reshape(len(wanted), -1)).reshape(kernel.shape)
        kernel.sub_(turn * (rate * state["length"] / turn.norm().clamp(min=TINY)))
        kernel.mul_(state["length"] / kernel.norm().clamp(min=TINY))


def orthogonal(matrix_OI: torch.Tensor) -> torch.Tensor:
    """The matrix with singular values between about .7 and 1.2 in place of its own; float32 [o, i], 0 stays 0."""
    a, b, c = QUINTIC
    wide: torch.Tensor = matrix_OI if len(matrix_OI) <= matrix_OI.shape[1] else matrix_OI.T
    wide = wide / wide.norm().clamp(min=TINY)
    for _ in range(STEPS):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide if len(matrix_OI) <= matrix_OI.shape[1] else wide.T


def can_turn(parameter: nn.Parameter) -> bool:
    """Whether it is a kernel between more than one input and more than one output, and not empty of weights."""
    return parameter.ndim >= 2 and min(parameter.shape[:2]) > 1 and bool(parameter.detach().any())
