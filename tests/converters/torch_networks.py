"""Networks whose weights lie in files of other people, written again, and small ones made up for tests."""

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """Two convolutions and a shortcut without weights: every second pixel, zero channels before and after."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.stride, self.pad = stride, (after - before) // 2

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The block's answer."""
        grown = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(images)))))
        if self.stride > 1:
            images = functional.pad(images[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return functional.relu(grown + images)


class ResNet20(nn.Module):
    """He et al. 2016, section 4.2, n = 3, shortcut A."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, num_classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Scores of the classes."""
        grown = self.layer3(self.layer2(self.layer1(functional.relu(self.bn1(self.conv1(images))))))
        return self.linear(grown.mean((2, 3)))


class SignNet(nn.Module):
    """Two convolutions without padding and two fully connected layers: 32 pixels and no other size."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 32, 3), nn.Conv2d(32, 64, 3)
        self.fc1, self.fc2 = nn.Linear(2304, 128), nn.Linear(128, 43)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Scores of the signs."""
        grown = functional.max_pool2d(functional.relu(self.conv1(images)), 2)
        grown = functional.max_pool2d(functional.relu(self.conv2(grown)), 2)
        return self.fc2(functional.relu(self.fc1(grown.flatten(1))))


class Small(nn.Module):
    """A convolution, a norm, one activation module called twice, and a head."""

    def __init__(self, classes: int = 4, channels: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 6, 3, padding=1)
        self.bn = nn.BatchNorm2d(6)
        self.again = nn.Conv2d(6, 6, 3, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.fc = nn.Linear(6, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Scores."""
        return self.fc(self.relu(self.again(self.relu(self.bn(self.conv(images))))).mean((2, 3)))


class TwoHeads(Small):
    """Class scores, and features that could be ones."""

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:  # type: ignore[override]
        """Scores and features."""
        features = self.relu(self.conv(images)).mean((2, 3))
        return {"classes": self.fc(features), "features": features}


def made(seed: int = 0) -> Small:
    """A small network with weights, norms and all, from a seed."""
    torch.manual_seed(seed)
    net = Small()
    net.bn.running_mean.uniform_(-1, 1)
    net.bn.running_var.uniform_(0.5, 2)
    return net.eval()


flat = nn.Sequential(nn.Linear(48, 9), nn.ReLU(), nn.Linear(9, 3))
not_a_network = "nothing"
