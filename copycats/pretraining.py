"""Whether a network starts from weights that others trained: never, where they are to be had, or not otherwise."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch

from copycats import timm_nets
from copycats.copycat import Built, Order
from copycats.refusals import WeightsRefused

Pretrained = Literal["never", "auto", "require"]
Builder = Callable[[Order, Pretrained, bool], Built]


def of_timm(order: Order, pretrained: Pretrained, learnt: bool) -> Built:
    """A network of timm. With "auto" a network without reachable weights starts at random, and `knowledge` says why."""
    if pretrained == "never":
        return timm_nets.build(order, learnt=learnt, fetch=False)
    state = torch.get_rng_state()
    try:
        return timm_nets.build(order, learnt=False, fetch=True)
    except WeightsRefused as refusal:
        if pretrained == "require":
            raise
        torch.set_rng_state(state)  # so that it starts as it would have with "never"
        return _said(timm_nets.build(order, learnt=False, fetch=False), str(refusal))


def without_weights(build: Callable[[Order], Built]) -> Builder:
    """A builder of a network for which nobody publishes weights: "auto" is "never", and says so; "require" refuses."""

    def built(order: Order, pretrained: Pretrained, learnt: bool) -> Built:
        del learnt
        reason = f"{order.name}: nobody publishes weights for it. Say pretrained = never, or give a file of weights."
        if pretrained == "require":
            raise WeightsRefused(reason)
        return _said(build(order), reason) if pretrained == "auto" else build(order)

    return built


def _said(built: Built, why: str) -> Built:
    return replace(built, notes=(*built.notes, f"started from random weights: {why}"))
