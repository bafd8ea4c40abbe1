"""The two networks of the papers in Caffe's layout: VGG16 (2018, 2021) and AlexNet (2021).

Caffe rounds up when it pools, so that images of 200 pixels still give VGG's fc6 a 7x7 map. New layers start as
Caffe's msra filler would (the papers always started from given weights; xavier, their filler for new layers, hardly
trains 16 layers from nothing), the answering layer as xavier, biases 0.
"""

import math
from collections.abc import Callable

import torch
from torch import nn

from copycats.copycat import Built, Order, Size

VGG16 = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
ALEXNET_LEAST = 71  # pixels: below, pool5 has less than 2x2 places left


class Classic(nn.Module):
    """Convolutions, then fc6, fc7 and fc8 with drop-out, named as Caffe names them."""

    def __init__(self, convolutions: nn.Sequential, width: int, classes: int) -> None:
        super().__init__()
        self.convolutions = convolutions
        self.fc6 = nn.Linear(width, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, classes)
        self.dropout = nn.Dropout(0.5)
        self.apply(_fill)
        nn.init.xavier_uniform_(self.fc8.weight)

    def forward(self, images_NCHW: torch.Tensor) -> torch.Tensor:
        """Logits [n, classes]."""
        seen = self.convolutions(images_NCHW).flatten(1)
        seen = self.dropout(torch.relu(self.fc6(seen)))
        seen = self.dropout(torch.relu(self.fc7(seen)))
        logits: torch.Tensor = self.fc8(seen)
        return logits


def paper_vgg16(order: Order) -> Built:
    """VGG16 without batch norm; 200 to 224 pixels give the 25088 inputs of fc6, 32 pixels give 512."""
    layers: list[nn.Module] = []
    width_in = order.channels
    for stage in VGG16:
        for width in stage:
            layers += [nn.Conv2d(width_in, width, 3, padding=1), nn.ReLU(inplace=True)]
            width_in = width
        layers.append(nn.MaxPool2d(2, 2, ceil_mode=True))
    h, w = (_repeat(5, lambda side: math.ceil(side / 2), side) for side in order.size)
    return Built(Classic(nn.Sequential(*layers), width_in * h * w, order.classes), head="fc8")


def paper_alexnet(order: Order) -> Built:
    """AlexNet as BVLC's Caffe has it: two groups in conv2, conv4 and conv5, LRN behind pool1 and pool2's convolutions.

    LRN (size 5, alpha 1e-4, beta .75) comes before the pooling, as in the papers' files. Images below 71 pixels are
    enlarged, for conv1 and the poolings leave nothing of them.
    """
    enlarged = _at_least(order.size, ALEXNET_LEAST)
    norm: Callable[[], nn.Module] = lambda: nn.LocalResponseNorm(5, 1e-4, 0.75)  # noqa: E731 - a short name for one line
    pool: Callable[[], nn.Module] = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)  # noqa: E731
    rectify: Callable[[], nn.Module] = lambda: nn.ReLU(inplace=True)  # noqa: E731
    layers = nn.Sequential(
        *(nn.Conv2d(order.channels, 96, 11, stride=4), rectify(), norm(), pool()),
        *(nn.Conv2d(96, 256, 5, padding=2, groups=2), rectify(), norm(), pool()),
        *(nn.Conv2d(256, 384, 3, padding=1), rectify()),
        *(nn.Conv2d(384, 384, 3, padding=1, groups=2), rectify()),
        *(nn.Conv2d(384, 256, 3, padding=1, groups=2), rectify(), pool()),
    )
    h, w = (
        _repeat(3, lambda side: math.ceil((side - 3) / 2) + 1, (side - 11) // 4 + 1) for side in enlarged or order.size
    )
    notes = (f"images enlarged to {enlarged[0]}x{enlarged[1]} inside the network",) if enlarged else ()
    return Built(Classic(layers, 256 * h * w, order.classes), head="fc8", enlarged_to=enlarged, notes=notes)


def _fill(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _at_least(size: Size, least: int) -> Size | None:
    """The size enlarged in proportion until its short side has `least` pixels; None where it already has."""
    short = min(size)
    return None if short >= least else (round(size[0] * least / short), round(size[1] * least / short))


def _repeat(times: int, change: Callable[[int], int], side: int) -> int:
    for _ in range(times):
        side = change(side)
    return side
