"""One thread for torch, as the benchmark's workers have it, and small made-up images."""

import numpy as np
import pytest
import torch

from copycats.transfer_set import TransferSet

torch.set_num_threads(1)


@pytest.fixture
def easy_set() -> TransferSet:
    """96 images of 16 px in three classes that differ in brightness: nobody should fail to learn them."""
    rng = np.random.default_rng(7)
    labels_N = np.arange(96) % 3
    noise = rng.integers(0, 40, (96, 16, 16, 3))
    return TransferSet((noise + labels_N[:, None, None, None] * 90).astype(np.uint8), labels_N, classes=3)
