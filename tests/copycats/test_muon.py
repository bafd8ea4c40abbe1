"""Muon against a singular value decomposition, and which weights it is given."""

import numpy as np
import pytest
import torch

from copycats.architectures import build
from copycats.muon import Muon, can_turn, orthogonal
from copycats.optimiser import Optimiser
from copycats.recipe import Recipe

RECIPE = Recipe(name="t", optimiser="muon", rate=0.1, schedule="constant", batch=4, epochs=1, decay="kernels")


@pytest.mark.parametrize("shape", [(8, 27), (27, 8), (16, 16)])
def test_orthogonal_keeps_the_directions_and_evens_their_strengths(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    left, _ = np.linalg.qr(rng.normal(size=(shape[0], 8)))
    right, _ = np.linalg.qr(rng.normal(size=(shape[1], 8)))
    strengths = np.geomspace(1.0, 0.2, 8)
    matrix = torch.tensor(left * strengths @ right.T, dtype=torch.float32)

    found = left.T @ orthogonal(matrix).numpy() @ right

    assert np.abs(found - np.diag(np.diag(found))).max() < 1e-5
    assert np.diag(found).min() > 0.5
    assert np.diag(found).max() < 1.3


def test_a_step_turns_by_the_rate_and_keeps_the_length() -> None:
    torch.manual_seed(0)
    kernel = torch.nn.Parameter(torch.randn(8, 3, 3, 3) * 5)
    before = kernel.detach().clone()
    optimiser = Muon([kernel], lr=0.1, momentum=0.6)
    kernel.grad = torch.randn_like(kernel)
    kernel.grad -= before * (kernel.grad * before).sum() / before.norm() ** 2  # across the kernel: turns it purely

    optimiser.step()

    assert kernel.norm().item() == pytest.approx(before.norm().item(), rel=1e-5)
    turned = torch.arccos((kernel.detach() * before).sum() / before.norm() ** 2)
    assert turned.item() == pytest.approx(0.1, abs=0.02)
    assert (kernel.grad * (kernel.detach() - before)).sum() < 0


def test_a_kernel_without_gradient_stays_and_a_gradient_of_zero_does_no_harm() -> None:
    still, zero = torch.nn.Parameter(torch.randn(4, 5)), torch.nn.Parameter(torch.randn(4, 5))
    before = still.detach().clone(), zero.detach().clone()
    zero.grad = torch.zeros(4, 5)

    Muon([still, zero], lr=0.1, momentum=0.6).step()

    assert torch.equal(still, before[0])
    assert torch.allclose(zero, before[1])


@pytest.mark.parametrize(
    ("shape", "fits"), [((8, 3, 3, 3), True), ((8, 4), True), ((8,), False), ((8, 1, 3, 3), False), ((1, 8), False)]
)
def test_vectors_and_kernels_of_single_channels_are_not_turned(shape: tuple[int, ...], fits: bool) -> None:
    assert can_turn(torch.nn.Parameter(torch.ones(shape))) is fits
    assert not can_turn(torch.nn.Parameter(torch.zeros(shape)))


@pytest.mark.parametrize("name", ["resnet20", "small_vgg"])
def test_every_weight_has_one_optimiser_and_the_answering_layer_is_not_turned(name: str) -> None:
    copycat = build(name, classes=3, size=(16, 16), seed=1)
    before = {key: value.detach().clone() for key, value in copycat.named_parameters()}
    optimiser = Optimiser(copycat, RECIPE, steps=1)

    optimiser.step(copycat(torch.rand(4, 3, 16, 16) * 255).logsumexp(1).sum())

    lengths = {key: value.norm().item() for key, value in copycat.named_parameters()}
    assert all(not torch.equal(before[key], value) for key, value in copycat.named_parameters())
    held = [key for key, value in before.items() if lengths[key] == pytest.approx(value.norm().item(), rel=1e-5)]
    assert {key for key, value in before.items() if value.ndim == 4} <= set(held)
    assert f"net.{copycat.head}.weight" not in held
