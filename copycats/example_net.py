"""The network of the published PyTorch example of the Copycat authors: its CIFAR-10 oracle and its copycat alike."""

import torch
from torch import nn

from copycats.copycat import Built, Order
from copycats.refusals import UnfitArchitecture

EIGHTH, HALF = 8, 127.5  # three poolings; Normalize(.5, .5) of pixels 0..1, said of pixels 0..255


class Example(nn.Module):
    """Three blocks of two 3x3 convolutions (the first normed) and a pooling, then three linear layers."""

    def __init__(self, order: Order) -> None:
        super().__init__()
        height, width = order.size[0] // EIGHTH, order.size[1] // EIGHTH
        self.body = nn.Sequential(
            *_block(order.channels, 32, 64),
            *(*_block(64, 128, 128), nn.Dropout2d(0.05)),
            *_block(128, 256, 256),
        )
        self.hidden = nn.Sequential(
            *(nn.Dropout(0.1), nn.Linear(256 * height * width, 1024), nn.ReLU(inplace=True)),
            *(nn.Linear(1024, 512), nn.ReLU(inplace=True), nn.Dropout(0.1)),
        )
        self.head = nn.Linear(512, order.classes)

    def forward(self, images_NCHW: torch.Tensor) -> torch.Tensor:
        """Logits [n, classes]."""
        logits: torch.Tensor = self.head(self.hidden(self.body(images_NCHW).flatten(1)))
        return logits


def example_cnn(order: Order) -> Built:
    """The example's CNN with torch's own initial weights; it sees pixels as (x / 255 - .5) / .5.

    Drop-out: .05 of the maps behind the second block, .1 before the first and before the last linear layer. At 32
    pixels the first linear layer has 4,096 inputs, as published; other sizes change that layer. Raises
    UnfitArchitecture below 8 pixels. Source: GitHub jeiks/Stealing_DL_Models, folder Framework.
    """
    if min(order.size) < EIGHTH:
        raise UnfitArchitecture(
            f"example_cnn: three poolings leave nothing of {order.size[0]} x {order.size[1]} pixels. "
            f"Take images of at least {EIGHTH} pixels."
        )
    return Built(Example(order), mean=(HALF,), std=(HALF,))


def _block(width_in: int, width: int, width_out: int) -> tuple[nn.Module, ...]:
    return (
        *(nn.Conv2d(width_in, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)),
        *(nn.Conv2d(width, width_out, 3, padding=1), nn.ReLU(inplace=True)),
        nn.MaxPool2d(2),
    )
