"""The published example's network and recipes, against what its code says."""

import tomllib
from pathlib import Path

import pytest
import torch
from torch import nn

import copycats
from copycats import architectures
from copycats.recipe import Recipe, rate_at
from copycats.refusals import UnfitArchitecture

BY_HAND = (
    (3 * 32 * 9 + 32)
    + 2 * 32
    + (32 * 64 * 9 + 64)
    + (64 * 128 * 9 + 128)
    + 2 * 128
    + (128 * 128 * 9 + 128)
    + (128 * 256 * 9 + 256)
    + 2 * 256
    + (256 * 256 * 9 + 256)
    + (4096 * 1024 + 1024)
    + (1024 * 512 + 512)
    + (512 * 10 + 10)
)


def recipe(name: str) -> Recipe:
    text = (Path(copycats.__file__).parent / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
    return Recipe.model_validate(tomllib.loads(text))


def test_it_has_the_weights_that_its_published_layers_have() -> None:
    copycat = architectures.build("example_cnn", classes=10, size=(32, 32))
    assert copycat.parameters_count == BY_HAND == 5_852_170


def test_its_layers_come_in_the_published_order() -> None:
    net = architectures.build("example_cnn", classes=10, size=(32, 32)).net
    block = ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d"]
    linear = ["Dropout", "Linear", "ReLU", "Linear", "ReLU", "Dropout", "Linear"]
    leaves = [type(module).__name__ for module in net.modules() if not list(module.children())]
    assert leaves == [*block, *block, "Dropout2d", *block, *linear]
    dropped = [module.p for module in net.modules() if isinstance(module, nn.Dropout | nn.Dropout2d)]
    assert dropped == [0.05, 0.1, 0.1]


def test_it_sees_pixels_from_minus_one_to_one() -> None:
    copycat = architectures.build("example_cnn", classes=2, size=(8, 8)).eval()
    seen: list[torch.Tensor] = []
    copycat.net.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    images_NCHW = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 8, 8)
    copycat(images_NCHW)
    torch.testing.assert_close(seen[0][0, :, 0, 0], torch.tensor([-1.0, -0.6, 1.0]))


@pytest.mark.parametrize(
    ("size", "channels", "inputs"), [((32, 32), 3, 4096), ((28, 28), 1, 2304), ((48, 64), 3, 12288)]
)
def test_other_sizes_change_its_first_linear_layer_only(size: tuple[int, int], channels: int, inputs: int) -> None:
    copycat = architectures.build("example_cnn", classes=7, size=size, channels=channels)
    widths = [module.in_features for module in copycat.net.modules() if isinstance(module, nn.Linear)]
    assert widths == [inputs, 1024, 512]
    assert copycat(torch.zeros(2, 3, *size)).shape == (2, 7)


def test_images_that_three_poolings_use_up_are_refused() -> None:
    with pytest.raises(UnfitArchitecture, match=r"leave nothing of 7 x 32 pixels. Take images of at least 8"):
        architectures.build("example_cnn", classes=2, size=(7, 32))


def test_the_examples_recipes_say_what_its_code_says() -> None:
    found = {name: recipe(name) for name in ("example", "example_target")}
    told = {name: (one.optimiser, one.rate, one.momentum, one.batch, one.epochs) for name, one in found.items()}
    assert told == {"example": ("sgd", 1e-4, 0.9, 32, 10), "example_target": ("sgd", 1e-3, 0.9, 4, 20)}
    for one in found.values():
        assert {rate_at(one, step, 10) for step in range(10)} == {one.rate}
        assert (one.weight_decay, one.smoothing, one.clip, one.nesterov) == (0, 0, None, False)
        assert (one.crop, one.flip, one.cutout, one.brightness, one.contrast) == (0, False, 0, 0, 0)


def test_the_mended_recipe_differs_in_its_rate_only_and_scales_the_oracles_linearly() -> None:
    left, mended, oracles = recipe("example"), recipe("example_mended"), recipe("example_target")
    said = {"name", "about", "rate"}
    assert left.model_dump(exclude=said) == mended.model_dump(exclude=said)
    assert mended.rate / mended.batch == pytest.approx(oracles.rate / oracles.batch)
