"""Three very small networks of plain torch, for images of about 24 to 64 pixels and machines without a GPU."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention
from torch import nn

from copycats.copycat import Built, Order

# channels, kernel, groups, whether it is pooled
ALEXNET = ((16, 5, 1, True), (32, 5, 2, True), (64, 3, 1, False), (64, 3, 2, False), (64, 3, 2, True))


class Pooled(nn.Module):
    """Convolutional body, mean over the last map, one linear layer."""

    def __init__(self, body: Sequence[nn.Module], width: int, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)
        self.head = nn.Linear(width, classes)

    def forward(self, images_NCHW: torch.Tensor) -> torch.Tensor:
        """Logits [n, classes]."""
        logits: torch.Tensor = self.head(self.body(images_NCHW).mean((2, 3)))
        return logits


class Hidden(nn.Module):
    """Convolutional body, one hidden layer over all places of the last map, one linear layer."""

    def __init__(self, body: Sequence[nn.Module], width: int, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)
        self.fc6 = nn.Linear(width, 128)
        self.head = nn.Linear(128, classes)

    def forward(self, images_NCHW: torch.Tensor) -> torch.Tensor:
        """Logits [n, classes]."""
        logits: torch.Tensor = self.head(F.relu(self.fc6(self.body(images_NCHW).flatten(1))))
        return logits


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is projected where shapes differ (He et al. 2016, basic block)."""

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.first = conv_norm(width_in, width, stride)
        self.second = conv_norm(width, width, 1)
        same = stride == 1 and width_in == width
        self.shortcut = nn.Identity() if same else conv_norm(width_in, width, stride, kernel=1)

    def forward(self, maps_NCHW: torch.Tensor) -> torch.Tensor:
        """Maps [n, width, h / stride, w / stride]."""
        inner = self.second(F.relu(self.first(maps_NCHW), inplace=True))
        return F.relu(inner + self.shortcut(maps_NCHW), inplace=True)


def conv_norm(width_in: int, width: int, stride: int, kernel: int = 3, groups: int = 1) -> nn.Sequential:
    """A convolution without bias and its batch norm; the map keeps its size over stride, rounded up."""
    convolution = nn.Conv2d(width_in, width, kernel, stride, kernel // 2, groups=groups, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(width))


def small_vgg(order: Order) -> Built:
    """A plain net after VGG: one 3x3 convolution per scale (16, 32, 64, 128 channels), max pooling between the scales.

    Pooled before it is rectified: the same numbers for a quarter of the work. Pooling before the norm too would be 1.2
    times as fast, but copied two targets 2 points of agreement worse (4,000 labels, one seed).
    """
    body: list[nn.Module] = []
    width_in = order.channels
    for width, pool in ((16, True), (32, True), (64, True), (128, False)):
        body += [conv_norm(width_in, width, 1), nn.MaxPool2d(2) if pool else nn.Identity(), nn.ReLU(inplace=True)]
        width_in = width
    return Built(Pooled(body, width_in, order.classes))


def small_alexnet(order: Order) -> Built:
    """A plain net after AlexNet: kernels 5x5, 5x5, 3x3, 3x3, 3x3, three of them in two groups, overlapping pools, fc6.

    Batch norm stands where AlexNet has LRN, and nothing is dropped out: in a few hundred steps it would learn little.
    """
    body: list[nn.Module] = []
    width_in = order.channels
    for width, kernel, groups, pool in ALEXNET:
        body += [conv_norm(width_in, width, 1, kernel, groups), nn.MaxPool2d(3, 2, 1) if pool else nn.Identity()]
        body.append(nn.ReLU(inplace=True))
        width_in = width
    h, w = (math.ceil(side / 2 ** sum(pool for *_, pool in ALEXNET)) for side in order.size)
    return Built(Hidden(body, width_in * h * w, order.classes))


def small_resnet(order: Order) -> Built:
    """A residual net of four basic blocks (16, 32, 64, 128 channels) behind a 3x3 stem that is max pooled."""
    body: list[nn.Module] = [conv_norm(order.channels, 16, 1), nn.MaxPool2d(2), nn.ReLU(inplace=True)]
    width_in = 16
    for width, stride in ((16, 1), (32, 2), (64, 2), (128, 2)):
        body.append(Residual(width_in, width, stride))
        width_in = width
    return Built(Pooled(body, width_in, order.classes))
