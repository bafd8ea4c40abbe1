"""The residual nets of He et al. (2016) for CIFAR: three stages of 16, 32 and 64 channels, shortcuts without weights.

Layers are named as the widespread PyTorch version names them (conv1, bn1, layer1.0.conv1, ..., linear), so that its
published weights can be given as a file.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import nn

from copycats.copycat import Built, Order

WIDTHS = (16, 32, 64)


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut of option A: every second place, new channels zero on both sides."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride, self.added = stride, width - width_in

    def forward(self, maps_NCHW: torch.Tensor) -> torch.Tensor:
        """Maps [n, width, h / stride, w / stride]."""
        inner = F.relu(self.bn1(self.conv1(maps_NCHW)), inplace=True)
        inner = self.bn2(self.conv2(inner))
        if self.added or self.stride > 1:
            before = self.added // 2
            maps_NCHW = F.pad(
                maps_NCHW[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.added - before)
            )
        return F.relu(inner + maps_NCHW, inplace=True)


class Residual(nn.Module):
    """A 3x3 convolution, three stages of blocks of which the second and third halve the map, the mean, one layer."""

    def __init__(self, blocks: int, channels: int, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, WIDTHS[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.layer1 = _stage(WIDTHS[0], WIDTHS[0], blocks, 1)
        self.layer2 = _stage(WIDTHS[0], WIDTHS[1], blocks, 2)
        self.layer3 = _stage(WIDTHS[1], WIDTHS[2], blocks, 2)
        self.linear = nn.Linear(WIDTHS[2], classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images_NCHW: torch.Tensor) -> torch.Tensor:
        """Logits [n, classes]."""
        maps_NCHW = F.relu(self.bn1(self.conv1(images_NCHW)), inplace=True)
        maps_NCHW = self.layer3(self.layer2(self.layer1(maps_NCHW)))
        logits: torch.Tensor = self.linear(maps_NCHW.mean((2, 3)))
        return logits


def resnet20(order: Order) -> Built:
    """ResNet-20: three blocks a stage (269,722 weights for 10 classes)."""
    return _built(3, order)


def resnet32(order: Order) -> Built:
    """ResNet-32: five blocks a stage (464,154 weights for 10 classes)."""
    return _built(5, order)


def resnet56(order: Order) -> Built:
    """ResNet-56: nine blocks a stage (853,018 weights for 10 classes)."""
    return _built(9, order)


def _built(blocks: int, order: Order) -> Built:
    return Built(Residual(blocks, order.channels, order.classes), head="linear")


def _stage(width_in: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    return nn.Sequential(Block(width_in, width, stride), *(Block(width, width, 1) for _ in range(blocks - 1)))
