"""The papers' networks against the sizes that their Caffe files have."""

import pytest
import torch

from copycats.copycat import Order
from copycats.paper_nets import paper_alexnet, paper_vgg16


@pytest.mark.parametrize(
    ("size", "width"), [((224, 224), 25088), ((200, 200), 25088), ((32, 32), 512), ((50, 37), 2048)]
)
def test_vgg16_pools_as_caffe_does(size: tuple[int, int], width: int) -> None:
    """Rounding up keeps fc6 25088 wide at 200 px (200, 100, 50, 25, 13, 7); 50x37 gives 2x2 places."""
    with torch.device("meta"):
        net = paper_vgg16(Order("paper_vgg16", 10, size)).net
        maps = net.convolutions(torch.zeros(1, 3, *size))
    assert net.fc6.in_features == width == maps.numel()


def test_vgg16_has_the_published_number_of_weights() -> None:
    """138,357,544 parameters for 1000 classes at 224 px (Simonyan and Zisserman 2015: 138 million)."""
    with torch.device("meta"):
        net = paper_vgg16(Order("paper_vgg16", 1000, (224, 224))).net
    assert sum(parameter.numel() for parameter in net.parameters()) == 138_357_544


def test_alexnet_has_the_published_number_of_weights() -> None:
    """60,965,224 parameters for 1000 classes at 227 px, groups included (BVLC reference model)."""
    with torch.device("meta"):
        net = paper_alexnet(Order("paper_alexnet", 1000, (227, 227))).net
    assert sum(parameter.numel() for parameter in net.parameters()) == 60_965_224


@pytest.mark.parametrize(("size", "width"), [((227, 227), 9216), ((200, 200), 9216), ((71, 71), 1024)])
def test_alexnet_pools_as_caffe_does(size: tuple[int, int], width: int) -> None:
    """200 px still give the 6x6x256 of 227 px; 71 px are the least that give 2x2."""
    with torch.device("meta"):
        built = paper_alexnet(Order("paper_alexnet", 10, size))
        maps = built.net.convolutions(torch.zeros(1, 3, *size))
    assert built.enlarged_to is None
    assert built.net.fc6.in_features == width == maps.numel()


def test_alexnet_enlarges_small_images_in_proportion() -> None:
    """32x48 become 71x106 (round of 106.5), and it is said."""
    with torch.device("meta"):
        built = paper_alexnet(Order("paper_alexnet", 10, (32, 48)))
    assert built.enlarged_to == (71, 106)
    assert built.notes == ("images enlarged to 71x106 inside the network",)
