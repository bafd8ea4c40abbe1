"""CIFAR's residual nets against the published counts, and against published weights where they are at hand."""

from pathlib import Path

import pytest
import torch

from copycats import cifar_nets
from copycats.copycat import Order

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "models"
WEIGHTS = SHARED / "torch-resnet20" / "resnet20-12fca82f.th"


@pytest.mark.parametrize(
    ("name", "layers", "millions", "weights"),
    [("resnet20", 20, 0.27, 269_722), ("resnet32", 32, 0.46, 464_154), ("resnet56", 56, 0.85, 853_018)],
)
def test_depth_and_weights_are_those_of_the_papers_table(name: str, layers: int, millions: float, weights: int) -> None:
    net = getattr(cifar_nets, name)(Order(name, 10, (32, 32))).net
    weighing = [layer for layer in net.modules() if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)]

    assert len(weighing) == layers
    assert sum(parameter.numel() for parameter in net.parameters()) == weights
    assert round(weights / 1e6, 2) == millions


def test_a_shortcut_takes_every_second_place_and_has_zeros_around_its_channels() -> None:
    block = cifar_nets.Block(16, 32, 2).eval()
    torch.nn.init.zeros_(block.bn2.weight)  # what is left is the shortcut
    maps = torch.rand(1, 16, 6, 6)

    out = block(maps)

    assert torch.equal(out[:, 8:24], maps[:, :, ::2, ::2])
    assert not out[:, :8].any()
    assert not out[:, 24:].any()


@pytest.mark.skipif(not WEIGHTS.exists(), reason="no shared models beside the repository")
def test_published_weights_fit_name_by_name() -> None:
    state = torch.load(WEIGHTS, map_location="cpu", weights_only=True)["state_dict"]
    net = cifar_nets.resnet20(Order("resnet20", 10, (32, 32))).net

    found = net.load_state_dict({name.removeprefix("module."): tensor for name, tensor in state.items()})

    assert not found.missing_keys
    assert not found.unexpected_keys
