"""Real ONNX files of other people: accepted by the quarantine, and as good as their sources once sealed."""

import gzip
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from oracles.card import DroppedCard
from oracles.quarantine import Quarantine
from oracles.runtime import open_session

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real models is not beside the repository")

UNIT = DroppedCard(range=(0, 1))
# file, card, images, accuracy that the source has (data/README.md)
MODELS = [
    ("onnx/mnist_lenet_torch.onnx", UNIT, "mnist", 0.9813),
    ("onnx/mnist_cntk.onnx", DroppedCard(range=(0, 255)), "mnist", 0.9891),
    ("onnx/mnist_avgpool.onnx", UNIT, "mnist", 0.9795),
    ("onnx/mnist_maxpool.onnx", UNIT, "mnist", 0.9792),
    ("onnx/mnist_flat_mlp.onnx", UNIT, "mnist", 0.9189),
    ("onnx/mnist_14px.onnx", UNIT, "mnist14", 0.9326),
    ("keras-mnist-mlp/mnist.onnx", UNIT, "mnist", 0.9781),
    ("onnx/cifar10_small.onnx", UNIT, "cifar10", 0.6314),
    ("onnx/cifar10_large.onnx", UNIT, "cifar10", 0.7416),
    (
        "onnx/cifar10_wide_kw.onnx",
        DroppedCard(range=(0, 1), mean=(0.485, 0.456, 0.406), std=(0.225,)),
        "cifar10",
        0.6162,
    ),
    ("onnx/gtsrb_simplecnn.onnx", UNIT, "gtsrb", 0.7172),
]
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def mnist(side: int = 28) -> tuple[np.ndarray, np.ndarray]:
    """The test set of MNIST with three equal channels, resized with Pillow, and its labels."""
    pixels = np.frombuffer(gzip.decompress((DATA / "mnist-t10k-images-idx3-ubyte.gz").read_bytes())[16:], np.uint8)
    images = pixels.reshape(-1, 28, 28)
    if side != 28:
        images = np.stack(
            [np.asarray(Image.fromarray(i).resize((side, side), Image.Resampling.BILINEAR)) for i in images]
        )
    labels = np.frombuffer(gzip.decompress((DATA / "mnist-t10k-labels-idx1-ubyte.gz").read_bytes())[8:], np.uint8)
    return np.repeat(images[..., None], 3, axis=3), labels.astype(np.int64)


def zipped(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of a zip with one folder per class."""
    images, labels = [], []
    with zipfile.ZipFile(DATA / name) as archive:
        for member in sorted(archive.namelist()):
            folder = Path(member).parent.name
            if member.endswith("/") or not member.lower().endswith((".png", ".webp")):
                continue
            with Image.open(io.BytesIO(archive.read(member))) as image:
                images.append(np.asarray(image.convert("RGB")))
            labels.append(CIFAR10.index(folder) if folder in CIFAR10 else int(folder))
    return np.stack(images), np.array(labels)


@pytest.fixture(scope="module")
def quarantine() -> Iterator[Quarantine]:
    """One warm process for all files of this module."""
    with Quarantine() as quarantine:
        yield quarantine


@pytest.fixture(scope="module")
def test_sets() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """All images that the models are measured on, decoded once."""
    return {
        "mnist": mnist(),
        "mnist14": mnist(14),
        "cifar10": zipped("cifar10-test.zip"),
        "gtsrb": zipped("gtsrb-test-2150.zip"),
    }


def test_every_real_onnx_file_is_accepted_without_a_card(quarantine: Quarantine, tmp_path: Path) -> None:
    """Each file of the folder becomes an oracle file with a free batch, though most were exported for one image."""
    files = sorted((DATA / "models" / "onnx").glob("*.onnx"))
    assert len(files) >= 10
    for file in files:
        inspection = quarantine.inspect(file, out=tmp_path / file.name)
        assert inspection.card.batch is None, file.name
        assert inspection.card.scores_kind == "logit", file.name


@pytest.mark.parametrize(("file", "card", "data", "accuracy"), MODELS, ids=lambda v: v if isinstance(v, str) else "")
def test_a_sealed_model_scores_what_its_source_scores(
    quarantine: Quarantine, file: str, card: DroppedCard, data: str, accuracy: float, tmp_path: Path, test_sets: dict
) -> None:
    """Accuracy of the oracle file on the whole test set is that of the source in its own framework, within .1 point."""
    quarantine.inspect(DATA / "models" / file, card, out=tmp_path / "sealed.onnx")
    images_NHWC, labels_N = test_sets[data]
    session = open_session(tmp_path / "sealed.onnx", device="cpu")
    said = [session.run(["labels"], {"images": images_NHWC[at : at + 250]})[0] for at in range(0, len(labels_N), 250)]
    assert np.mean(np.concatenate(said) == labels_N) == pytest.approx(accuracy, abs=0.001)
