"""The test sets beside the repository, and what an oracle made of a conversion says of them."""

import functools
import gzip
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from PIL import Image

from converters.conversion import Conversion
from oracles.card import DroppedCard
from oracles.runtime import open_session
from oracles.seal import CardExtras, seal_closely

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
MODELS = DATA / "models"
CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FACES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def _opened(data: bytes, side: int | None = None) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        rgb = image.convert("RGB")
        return np.asarray(rgb if side is None else rgb.resize((side, side), Image.Resampling.BILINEAR))


@functools.cache
def mnist() -> tuple[np.ndarray, np.ndarray]:
    """uint8 [10000, 28, 28, 3] with three equal channels, and labels."""
    pixels = np.frombuffer(gzip.decompress((DATA / "mnist-t10k-images-idx3-ubyte.gz").read_bytes())[16:], np.uint8)
    labels = np.frombuffer(gzip.decompress((DATA / "mnist-t10k-labels-idx1-ubyte.gz").read_bytes())[8:], np.uint8)
    return np.repeat(pixels.reshape(-1, 28, 28, 1), 3, axis=3), labels.astype(np.int64)


@functools.cache
def cifar10() -> tuple[np.ndarray, np.ndarray]:
    """uint8 [10000, 32, 32, 3], and labels."""
    with zipfile.ZipFile(DATA / "cifar10-test.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith((".png", ".webp")))
        images = [_opened(archive.read(name)) for name in names]
    return np.stack(images), np.array([CIFAR10.index(Path(name).parent.name) for name in names])


@functools.cache
def faces() -> tuple[np.ndarray, np.ndarray]:
    """uint8 [7178, 64, 64, 3], resized from 48 with Pillow's bilinear filter, and labels in the order of FACES."""
    images, labels = [], []
    with tarfile.open(DATA / "fer2013-test.tar.xz") as archive:
        for member in archive:
            if member.isfile() and member.name.endswith((".jpg", ".jpeg", ".png")):
                file = archive.extractfile(member)
                assert file is not None
                images.append(_opened(file.read(), 64))
                labels.append(FACES.index(Path(member.name).parent.name))
    return np.stack(images), np.array(labels)


@functools.cache
def photographs() -> tuple[np.ndarray, np.ndarray]:
    """uint8 [200, 128, 128, 3] of ImageNet, resized with Pillow's bilinear filter, and their label numbers."""
    with zipfile.ZipFile(DATA / "imagenet-val-200.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.lower().endswith((".jpg", ".jpeg", ".png")))
        images = [_opened(archive.read(name), 128) for name in names]
    return np.stack(images), np.array([int(Path(name).name[:3]) for name in names])


def oracle_labels(conversion: Conversion, card: dict[str, Any], images_NHWC: np.ndarray) -> np.ndarray:
    """Labels of the oracle file of a conversion; `card` overrides what the source states."""
    keys = {**conversion.assumed, **conversion.stated, **card}
    sealed = seal_closely(
        conversion.model, DroppedCard(**keys), "tried", extra=CardExtras(mean_image=conversion.mean_image)
    )
    session = open_session(sealed.model.SerializeToString(), device="cpu")
    step = sealed.card.batch or 250
    said = [
        session.run(["labels"], {"images": images_NHWC[at : at + step]})[0] for at in range(0, len(images_NHWC), step)
    ]
    return np.concatenate(said)


def tensors(model: onnx.ModelProto, names: list[str], inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Values of tensors of a model, its outputs or any on the way."""
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    del shown.graph.output[:]
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = open_session(shown.SerializeToString(), device="cpu")
    return dict(zip(names, session.run(names, {model.graph.input[0].name: inputs}), strict=True))


def scores(model: onnx.ModelProto, inputs: np.ndarray) -> np.ndarray:
    """The one output of a model."""
    name = model.graph.output[0].name
    return tensors(model, [name], inputs)[name]
