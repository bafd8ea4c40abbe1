"""The thief's network with its eyes: takes images as they are, normalises them itself, answers logits."""

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import nn

Size = tuple[int, int]

# Mean and spread of small natural photographs, for nets that start from random weights.
NATURAL_MEAN, NATURAL_STD = 115.0, 60.0


@dataclass(frozen=True)
class Order:
    """What a network is wanted for: an architecture by name, so many classes, images of this size, 1 or 3 channels."""

    name: str
    classes: int
    size: Size
    channels: int = 3


@dataclass(frozen=True)
class Built:
    """A network fresh from its builder, with what its eyes must do and what it already knows."""

    net: nn.Module
    head: str = "head"  # the name of the layer that answers: the one that depends on the class count
    mean: tuple[float, ...] = (NATURAL_MEAN,)  # per channel, of pixels 0..255
    std: tuple[float, ...] = (NATURAL_STD,)
    enlarged_to: Size | None = None  # the net wants images of this size
    notes: tuple[str, ...] = ()
    knowledge: dict[str, Any] = field(default_factory=dict)


class Copycat(nn.Module):
    """A network that takes RGB images of any dtype, 0..255, [n, 3, h, w], and answers logits [n, classes].

    With `channels` 1 it looks at the first of the three (equal) channels. `knowledge` says what it started from
    (`pretrained`: "none" or a tag of weights) and what was done to fit it to small images (`notes`).
    """

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, order: Order, built: Built) -> None:
        super().__init__()
        self.order = order
        self.net = built.net
        self.head = built.head
        self.enlarged_to = built.enlarged_to
        self.knowledge: dict[str, Any] = {"pretrained": "none", **built.knowledge, "notes": list(built.notes)}
        self.register_buffer("mean", torch.tensor(built.mean).view(1, -1, 1, 1))
        self.register_buffer("spread", torch.tensor(built.std).view(1, -1, 1, 1))

    def forward(self, images_NCHW: torch.Tensor) -> torch.Tensor:
        """Logits float [n, classes] of images uint8 or float 0..255 [n, 3, h, w]."""
        if self.order.channels == 1:
            images_NCHW = images_NCHW[:, :1]
        seen = (images_NCHW.to(torch.float32) - self.mean) / self.spread
        if self.enlarged_to is not None:
            seen = F.interpolate(seen, self.enlarged_to, mode="bilinear", align_corners=False)
        logits: torch.Tensor = self.net(seen)
        return logits

    @property
    def parameters_count(self) -> int:
        """Trainable numbers."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)
