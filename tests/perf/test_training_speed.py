"""How fast the small nets train, one thread, with all that a recipe does (pytest --benchmark-only tests/perf)."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

import copycats
from copycats.architectures import build
from copycats.recipe import Recipe
from copycats.training import train
from copycats.transfer_set import TransferSet

IMAGES = 1_024
STRONG = Recipe.model_validate(
    tomllib.loads((Path(copycats.__file__).parent / "recipes" / "strong.toml").read_text(encoding="utf-8"))
).model_copy(update={"epochs": 1, "image_passes": None})


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [32, 48])
@pytest.mark.parametrize("name", ["small_vgg", "small_alexnet", "small_resnet", "small_fasternet"])
def test_one_epoch(benchmark: BenchmarkFixture, name: str, side: int, channels: int) -> None:
    """One epoch of 1,024 images with recipe strong; images per second are in extra_info."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    images_NHWC = rng.integers(0, 256, (IMAGES, side, side, 3)).astype(np.uint8)
    transfer_set = TransferSet(images_NHWC, rng.integers(0, 10, IMAGES), 10)
    copycat = build(name, classes=10, size=(side, side), channels=channels)
    benchmark.pedantic(train, (copycat, transfer_set, STRONG, rng), rounds=3, warmup_rounds=1)
    if benchmark.stats:
        benchmark.extra_info["images per second"] = round(IMAGES / benchmark.stats.stats.median)
