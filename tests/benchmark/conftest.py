"""Fixtures that several test files share."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_pool import COUNT

from benchmark.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Sixty small images in data/pool, and an empty cache."""
    folder = tmp_path / "data/pool"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).save(folder / f"{number:03d}.png")
    return Places(cache=tmp_path / "cache", data=(tmp_path / "data",))
