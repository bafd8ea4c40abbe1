"""Real Caffe nets of other people: as accurate, once sealed, as Caffe's files are in OpenCV (shared data/README.md)."""

import gzip
import io
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_nets import largest_difference
from PIL import Image

from converters.caffe.convert import convert
from converters.conversion import Conversion, Source, Wishes
from oracles.card import DroppedCard
from oracles.runtime import Session, open_session
from oracles.seal import CardExtras, seal, to_bytes

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real models is not beside the repository")

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# folder, what a user adds to what the files say, test set, accuracy that the source has in OpenCV
MODELS: list[tuple[str, dict[str, Any], str, float]] = [
    ("caffe-lenet-v1", {}, "mnist", 0.9905),
    ("caffe-lenet", {}, "mnist", 0.9914),
    ("caffe-cifar10-quick-v1", {"order": "rgb"}, "cifar10", 0.7491),
    ("caffe-cifar10-quick", {"order": "rgb"}, "cifar10", 0.7547),
    ("caffe-cifar10-quick-h5", {"order": "rgb"}, "cifar10", 0.7543),
    ("caffe-squeezenet", {"mean": (104, 117, 123)}, "imagenet", 0.59),
]


@cache
def mnist() -> tuple[np.ndarray, np.ndarray]:
    """The test set of MNIST with three equal channels, and its labels."""
    images = gzip.decompress((DATA / "mnist-t10k-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((DATA / "mnist-t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    pixels = np.frombuffer(images, np.uint8).reshape(-1, 28, 28, 1)
    return np.repeat(pixels, 3, axis=3), np.frombuffer(labels, np.uint8).astype(np.int64)


@cache
def zipped(name: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of a zip, its folders or the numbers before its file names being the classes, resized with Pillow."""
    images, labels = [], []
    with zipfile.ZipFile(DATA / name) as archive:
        for member in sorted(archive.namelist()):
            path = Path(member)
            if path.suffix.lower() not in (".png", ".webp", ".jpeg", ".jpg"):
                continue
            with Image.open(io.BytesIO(archive.read(member))) as image:
                pixels = image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
            images.append(np.asarray(pixels))
            folder = path.parent.name
            labels.append(CIFAR10.index(folder) if folder in CIFAR10 else int(path.name.split("_")[0]))
    return np.stack(images), np.array(labels)


def images_of(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 RGB and labels."""
    if name == "mnist":
        return mnist()
    return zipped("cifar10-test.zip", 32) if name == "cifar10" else zipped("imagenet-val-200.zip", 227)


def converted(folder: str) -> Conversion:
    """A folder of models, converted without a word from the user."""
    path = DATA / "models" / folder
    return convert(Source(str(path), path), Wishes())


def sealed(conversion: Conversion, more: dict[str, Any]) -> Session:
    """The oracle of a conversion, its card made of what the files state and assume, and what a user adds."""
    card = DroppedCard.model_validate({**conversion.assumed, **conversion.stated, **more})
    extra = CardExtras(mean_image=conversion.mean_image)
    return open_session(to_bytes(seal(conversion.model, card, "real", extra=extra)), device="cpu")


@pytest.mark.parametrize(("folder", "more", "name", "accuracy"), MODELS, ids=[row[0] for row in MODELS])
def test_a_real_net_scores_what_its_source_scores(
    folder: str, more: dict[str, Any], name: str, accuracy: float
) -> None:
    """Accuracy on the whole test set, within .1 point."""
    oracle = sealed(converted(folder), more)
    images_NHWC, labels_N = images_of(name)
    said = [oracle.run(["labels"], {"images": images_NHWC[at : at + 250]})[0] for at in range(0, len(labels_N), 250)]

    assert np.mean(np.concatenate(said) == labels_N) == pytest.approx(accuracy, abs=0.001)


@pytest.mark.parametrize(("folder", "more", "name", "accuracy"), MODELS, ids=[row[0] for row in MODELS])
def test_a_real_net_gives_the_scores_of_plain_numpy(
    folder: str, more: dict[str, Any], name: str, accuracy: float
) -> None:
    """On the first images of the test set, as the model takes them, every result on the way too."""
    conversion = converted(folder)
    images_NHWC, _ = images_of(name)
    channels = conversion.stated["channels"]
    inputs = images_NHWC[:6, :, :, :channels].transpose(0, 3, 1, 2).astype(np.float32)
    inputs = inputs * conversion.stated.get("scale", 1) - (0 if channels == 1 else 110)
    session = open_session(conversion.model.SerializeToString(), device="cpu")
    found = session.run(None, {session.inputs[0].name: inputs})[0].reshape(6, -1)

    assert conversion.reference is not None
    expected = conversion.reference.scores(inputs)
    assert largest_difference(found, expected) <= 1e-4
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
    assert len(list(conversion.reference.layers(inputs))) == sum(
        ":" not in node.name for node in conversion.model.graph.node
    )


def test_what_the_files_say_of_images_is_stated_and_the_rest_assumed() -> None:
    """Scale from the saved net or the train_test file beside it; the order of channels from nobody."""
    lenet, cifar, squeezenet = (converted(f"caffe-{name}") for name in ("lenet", "cifar10-quick-v1", "squeezenet"))

    assert lenet.stated == {
        "layout": "nchw",
        "channels": 1,
        "size": (28, 28),
        "scale": 0.00390625,
        "scores_kind": "probability",
    }
    assert lenet.assumed == {}
    assert cifar.mean_image is not None
    assert cifar.mean_image.shape == (3, 32, 32)
    assert cifar.stated["range"] == (0.0, 255.0)
    assert cifar.assumed == {"order": "bgr"}
    assert squeezenet.assumed == {"order": "bgr", "range": (0.0, 255.0)}
    assert squeezenet.stated["scores_kind"] == "logit"
    assert "scale 1 and mean 0 are assumed" in squeezenet.advice["range"]
    assert "--channels rgb" in cifar.advice["order"]


@pytest.mark.parametrize(
    ("folder", "prototxt", "caffemodel"),
    [
        ("caffe-lenet-v1", "lenet", "lenet_iter_10000"),
        ("caffe-lenet", "lenet", "lenet_iter_10000"),
        ("caffe-cifar10-quick-v1", "cifar10_quick", "cifar10_quick_iter_5000"),
        ("caffe-cifar10-quick", "cifar10_quick", "cifar10_quick_iter_5000"),
        ("caffe-squeezenet", "SqueezeNet_deploy", "decompressed_SqueezeNet"),
    ],
)
def test_a_real_net_gives_the_scores_of_opencv_on_the_files_themselves(
    folder: str, prototxt: str, caffemodel: str
) -> None:
    """Read by OpenCV's own reader, legacy formats too."""
    cv2 = pytest.importorskip("cv2")
    place = DATA / "models" / folder
    other = cv2.dnn.readNetFromCaffe(str(place / f"{prototxt}.prototxt"), str(place / f"{caffemodel}.caffemodel"))
    conversion = converted(folder)
    height, width = conversion.stated["size"]
    inputs = np.random.default_rng(0).uniform(-100, 150, (8, conversion.stated["channels"], height, width))
    inputs = (inputs * conversion.stated.get("scale", 1)).astype(np.float32)
    other.setInput(inputs)
    expected = other.forward().reshape(8, -1)
    session = open_session(conversion.model.SerializeToString(), device="cpu")
    found = session.run(None, {session.inputs[0].name: inputs})[0].reshape(8, -1)

    assert largest_difference(found, expected) <= 1e-4
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
