"""Weights of other people in networks written again: as good as in PyTorch."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from beside_torch import agrees, answers
from PIL import Image

from converters.conversion import Source, Wishes
from converters.pytorch.convert import convert

torch.set_num_threads(1)

NETWORKS = f"{Path(__file__).with_name('torch_networks.py')}"
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real models is not beside the repository")


def pictures(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [n, 32, 32, 3] and labels of a zip with one folder per class, in the order of the folders."""
    with zipfile.ZipFile(DATA / name) as archive:
        members = sorted(member for member in archive.namelist() if member.endswith((".png", ".webp")))
        images = [np.asarray(Image.open(io.BytesIO(archive.read(member))).convert("RGB")) for member in members]
    folders = [Path(member).parent.name for member in members]
    classes = sorted(set(folders))
    return np.stack(images), np.array([classes.index(folder) for folder in folders])


@pytest.mark.parametrize(
    ("name", "weights", "images", "mean", "std", "accuracy"),
    [
        (
            "ResNet20",
            "torch-resnet20/resnet20-12fca82f.th",
            "cifar10-test.zip",
            (0.485, 0.456, 0.406),
            (0.229, 0.224, 0.225),
            0.9173,
        ),
        ("SignNet", "torch-gtsrb/traffic_sign_net.pth", "gtsrb-test-2150.zip", (0.5,) * 3, (0.5,) * 3, 0.8172),
    ],
)
def test_real_weights_score_what_they_scored_in_torch(
    name: str, weights: str, images: str, mean: tuple[float, ...], std: tuple[float, ...], accuracy: float
) -> None:
    """The accuracy of data/README.md on the whole test set; labels as torch gives them; DataParallel's names."""
    conversion = convert(Source(f"{NETWORKS}:{name}"), Wishes(weights=DATA / "models" / weights, allow_code=True))
    images_NHWC, labels_N = pictures(images)
    inputs = ((images_NHWC / np.float32(255) - np.float32(mean)) / np.float32(std)).transpose(0, 3, 1, 2)
    inputs = np.ascontiguousarray(inputs, dtype=np.float32)
    (scores,) = answers(conversion, inputs)
    assert abs(np.mean(scores.argmax(1) == labels_N) - accuracy) <= 5.1e-5
    agrees(conversion, inputs[:40])
    assert conversion.reference is not None
    assert np.array_equal(scores[::7].argmax(1), conversion.reference.scores(inputs[::7]).argmax(1))
