"""What every architecture must obey: shapes, small inputs, seeded weights, refusals."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from huggingface_hub import constants

from copycats import timm_nets
from copycats.architectures import OURS, build, ensure_known, names
from copycats.refusals import UnfitArchitecture, UnknownArchitecture, WeightsRefused

SMALL = ["small_vgg", "small_alexnet", "small_resnet", "small_fasternet"]
OF_TIMM = ["resnet18", "vit_tiny_patch16_224", "mobilenetv3_small_100", "convnext_atto", "efficientnet_b0"]


def pictures(size: tuple[int, int], count: int = 2) -> torch.Tensor:
    """Grey noise with three equal channels, uint8 [n, 3, h, w]."""
    grey = np.random.default_rng(0).integers(0, 256, (count, 1, *size)).astype(np.uint8)
    return torch.from_numpy(grey.repeat(3, 1))


@pytest.mark.parametrize("name", [*OURS, *OF_TIMM])
@pytest.mark.parametrize(("size", "channels"), [((32, 32), 3), ((28, 28), 1)])
def test_takes_small_images_and_answers_logits(name: str, size: tuple[int, int], channels: int) -> None:
    """uint8 and float images of 28 and 32 px give the same finite logits, one row per image, and gradients."""
    copycat = build(name, classes=7, size=size, channels=channels, seed=1).eval()
    logits = copycat(pictures(size))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()
    assert torch.equal(logits, copycat(pictures(size).float()))
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in copycat.parameters())
    assert copycat.parameters_count == sum(parameter.numel() for parameter in copycat.parameters())
    assert copycat.knowledge["pretrained"] == "none"


@pytest.mark.parametrize(
    "name", ["small_vgg", "small_alexnet", "resnet18", "mobilenetv3_small_100", "convnext_atto", "efficientnet_b0"]
)
@pytest.mark.parametrize("size", [(32, 32), (28, 28), (48, 64)])
def test_convolutional_nets_keep_places_to_look_at(name: str, size: tuple[int, int]) -> None:
    """The last map of a small image has at least 3x3 places, so that convolution still means something there."""
    copycat = build(name, classes=3, size=size).eval()
    maps: list[torch.Size] = []
    look = lambda _layer, given, made: maps.append(made.shape[-2:]) if min(given[0].shape[-2:]) > 1 else None  # noqa: E731
    for layer in copycat.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(look)
    copycat(pictures(size))
    assert min(maps[-1]) >= 3


def test_resnet_has_the_usual_small_image_stem() -> None:
    """At 32 px a fresh ResNet starts with a 3x3 convolution of stride 1 and no pooling, and says so."""
    copycat = build("resnet18", classes=3, size=(32, 32))
    assert copycat.net.conv1.kernel_size == (3, 3)
    assert copycat.net.conv1.stride == (1, 1)
    assert isinstance(copycat.net.maxpool, torch.nn.Identity)
    assert copycat.knowledge["notes"] == ["stride taken out: conv1", "stride taken out: maxpool"]


def test_nets_for_large_images_stay_as_they_are() -> None:
    """At 96 px nothing needs to be done to a ResNet."""
    copycat = build("resnet18", classes=3, size=(96, 96))
    assert copycat.net.conv1.stride == (2, 2)
    assert copycat.knowledge["notes"] == []


def test_transformers_get_smaller_patches() -> None:
    """A vision transformer made for 224 px cuts 32 px into 8x8 patches, and says so."""
    copycat = build("vit_tiny_patch16_224", classes=3, size=(32, 32))
    assert copycat.net.patch_embed.grid_size == (8, 8)
    assert copycat.knowledge["notes"] == ["built for img_size (32, 32), patch_size 4"]


def test_a_net_of_fixed_size_gets_enlarged_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing else works the images are enlarged inside the network; where that fails it is refused."""
    sizes: list[tuple[int, int]] = []
    monkeypatch.setattr(timm_nets, "runs", lambda _net, order: sizes.append(order.size) or order.size == (224, 224))
    copycat = build("resnet18", classes=3, size=(32, 32))
    assert sizes == [(32, 32), (224, 224)]
    assert copycat.enlarged_to == (224, 224)
    assert copycat.knowledge["notes"] == ["images enlarged to 224x224 inside the network"]
    assert copycat.eval()(pictures((32, 32))).shape == (2, 3)
    monkeypatch.setattr(timm_nets, "runs", lambda _net, _order: False)
    with pytest.raises(UnfitArchitecture, match=r"^resnet18: cannot take images of 32x32, neither .* Name another"):
        build("resnet18", classes=3, size=(32, 32))


@pytest.mark.parametrize("name", [*SMALL, "mobilenetv3_small_100"])
def test_initial_weights_depend_on_the_seed_alone(name: str) -> None:
    """The same seed gives the same weights whatever was drawn before; the global generator is left as it was."""
    torch.rand(3)
    before = torch.get_rng_state()
    first = build(name, classes=3, size=(32, 32), seed=5).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    second = build(name, classes=3, size=(32, 32), seed=5).state_dict()
    other = build(name, classes=3, size=(32, 32), seed=6).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_normalisation_sits_inside() -> None:
    """What reaches the network is (pixel - mean) / spread of one channel when the order says one."""
    copycat = build("small_vgg", classes=3, size=(8, 8), channels=1)
    seen: list[torch.Tensor] = []
    copycat.net.register_forward_pre_hook(lambda _net, given: seen.append(given[0]))
    images = pictures((8, 8))
    copycat(images)
    assert torch.allclose(seen[0], (images[:, :1].float() - 115) / 60)


def test_names_include_ours_and_timm() -> None:
    """Names are found by shell pattern in all sources."""
    assert names("small_*") == SMALL
    assert "resnet18" in names("resnet1*")


@pytest.mark.parametrize("name", ["small_vgg", "resnet18", "vit_tiny_patch16_224.augreg_in21k"])
def test_known_names_pass(name: str) -> None:
    """Ours, timm's, and timm's with a tag of weights."""
    ensure_known(name)


@pytest.mark.parametrize("name", ["resnet18.no_such_tag", "hf-hub:someone/something", "Resnet 18"])
def test_names_of_nothing_are_refused(name: str) -> None:
    """A tag that does not exist, and a name that would be fetched from elsewhere, are no architectures."""
    with pytest.raises(UnknownArchitecture):
        ensure_known(name)


def test_unknown_architecture_names_the_nearest() -> None:
    """A mistyped architecture is refused with near names and exit code 2."""
    with pytest.raises(
        UnknownArchitecture, match=r"^unknown architecture 'smal_resnet'\. Did you mean .*'small_resnet'"
    ) as caught:
        build("smal_resnet", classes=3, size=(8, 8))
    assert caught.value.exit_code == 2


def test_small_nets_need_neither_timm_nor_torchvision() -> None:
    """Looking a name up imports no torch; building a small net imports no timm and no torchvision."""
    program = (
        "import sys; from copycats.architectures import build, ensure_known; ensure_known('small_vgg'); "
        "ensure_known('resnet18'); assert 'torch' not in sys.modules; build('small_vgg', classes=2, size=(8, 8)); "
        "assert not {'timm', 'torchvision', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


def test_weights_that_nobody_publishes() -> None:
    """Required weights of a net without any are refused; automatic ones fall back to random, and say so."""
    with pytest.raises(
        WeightsRefused, match=r"^small_vgg: nobody publishes weights for it\. Say pretrained = never, or give"
    ):
        build("small_vgg", classes=3, size=(8, 8), pretrained="require")
    copycat = build("small_vgg", classes=3, size=(8, 8), pretrained="auto", seed=2)
    assert copycat.knowledge["pretrained"] == "none"
    assert copycat.knowledge["notes"][0].startswith("started from random weights: small_vgg: nobody publishes")


def test_weights_out_of_reach(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without network, required weights are refused with a way out, automatic ones fall back to those of "never"."""

    def no_answer(_ask: object) -> bool:
        return False

    monkeypatch.setattr(timm_nets, "_answers", no_answer)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        WeightsRefused, match=r"^resnet18: its weights are not to be had \(.*\)\. Connect the machine, give"
    ):
        build("resnet18", classes=3, size=(32, 32), pretrained="require")
    assert constants.HF_HUB_OFFLINE is False
    fallen, never = (build("resnet18", classes=3, size=(32, 32), pretrained=how, seed=2) for how in ("auto", "never"))
    assert fallen.knowledge["pretrained"] == "none"
    assert "started from random weights: resnet18: its weights are not to be had" in fallen.knowledge["notes"][-1]
    assert all(torch.equal(a, b) for a, b in zip(fallen.parameters(), never.parameters(), strict=True))


def test_weights_that_timm_has_not() -> None:
    """A net that timm knows without weights cannot be required with them."""
    with pytest.raises(WeightsRefused, match=r"^resnet200: timm has no weights for it\. Say pretrained = never"):
        build("resnet200", classes=3, size=(32, 32), pretrained="require")


def test_weights_within_reach_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that can be had are used with their own kernels and normalisation, and the knowledge names them."""
    made = timm.create_model

    def fetched(name: str, pretrained: bool = False, **options: object) -> torch.nn.Module:
        net = made(name, **options)
        if pretrained:
            torch.nn.init.constant_(net.conv1.weight, 0.25)
        return net

    monkeypatch.setattr(timm_nets, "_answers", lambda _ask: True)
    monkeypatch.setattr(timm, "create_model", fetched)
    copycat = build("resnet18", classes=3, size=(32, 32), pretrained="require")
    assert copycat.knowledge["pretrained"] == "resnet18.a1_in1k"
    assert copycat.net.conv1.weight.shape == (64, 3, 7, 7)
    assert copycat.net.conv1.stride == (1, 1)
    assert (copycat.net.conv1.weight == 0.25).all()
    assert copycat.mean.flatten().tolist() == pytest.approx([255 * value for value in (0.485, 0.456, 0.406)])
