"""TFLite files made here in float and in 8 bits, those of other people, and damaged ones."""

import functools
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from framework_images import MODELS, cifar10, oracle_labels, photographs, scores
from with_tensorflow import refusal_of, tf, with_data, with_tensorflow

from converters.conversion import Conversion, Source, Wishes
from converters.refusals import ConversionRefused, SourceDamaged, SourceIncomplete
from converters.tf_exporter import silently
from converters.tflite.convert import convert

refusal = functools.partial(refusal_of, convert)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<html>not found</html>", "is not a TFLite file"),
        (b"\x1c\x00\x00\x00", "is not a TFLite file"),
    ],
)
def test_what_is_no_tflite_file_is_refused_without_tensorflow(content, said, tmp_path):
    (tmp_path / "net.tflite").write_bytes(content)
    assert said in str(refusal(tmp_path / "net.tflite"))


def weights(*shape: int, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed + sum(shape))
    return (rng.normal(0, 1.5, shape) / np.sqrt(np.prod(shape[:-1]))).astype(np.float32)


def block(x: Any, channels: int, step: int = 1, window: int = 3, *, active: bool = True) -> Any:
    y = tf.nn.conv2d(x, weights(window, window, x.shape[-1], channels), step, "SAME") + weights(channels)
    return tf.nn.relu(y) if active else y


def mean(x: Any) -> Any:
    return tf.reduce_mean(x, [1, 2])


def depthwise(x: Any) -> Any:
    y = tf.nn.depthwise_conv2d(block(x, 8, 2), weights(3, 3, 8, 2) * 3, [1, 1, 1, 1], "SAME") + weights(16)
    return mean(block(tf.nn.relu6(y), 12, window=1))


def residual(x: Any) -> Any:
    x = block(x, 8)
    x = tf.nn.relu(x + block(x, 8, active=False))
    return mean(x + block(x, 8, active=False))


def excited(x: Any) -> Any:
    x = block(x, 8, 2)
    gate = block(tf.reduce_mean(x, [1, 2], keepdims=True), 8, window=1, active=False)
    return mean(block(x * tf.sigmoid(gate), 8))


def hard_swish(x: Any) -> Any:
    y = block(x, 8, 2, active=False)
    return mean(block(y * tf.nn.relu6(y + 3.0) / 6.0, 8))


NETS = {
    "mean": lambda x: mean(block(block(x, 8), 16, 2)),
    "max": lambda x: tf.reshape(tf.nn.max_pool2d(block(x, 4), 2, 2, "SAME"), [-1, 256]),
    "average": lambda x: tf.reshape(tf.nn.avg_pool2d(block(x, 4), 4, 4, "VALID"), [-1, 64]),
    "average-padded": lambda x: tf.reshape(tf.nn.avg_pool2d(block(x, 4), 3, 2, "SAME"), [-1, 256]),
    "depthwise": depthwise,
    "residual": residual,
    "joined": lambda x: mean(block(tf.concat([block(x, 4), block(x, 4, window=5, active=False)], -1), 8, 2)),
    "excited": excited,
    "hard-swish": hard_swish,
    "padded": lambda x: mean(block(tf.pad(block(x, 4), [[0, 0], [1, 2], [1, 2], [0, 0]]), 8)),
    "scaled": lambda x: mean(block(x * (1 / 127.5) - 1.0, 8)),
    "tanh": lambda x: tf.tanh(mean(block(x, 8))),
}


def tflite(name: str, path: Path, kind: str = "float", batch: int | None = None) -> Path:
    """The net with 6 classes behind it, as a TFLite file; pixels 0..255 for "scaled", else 0..1.

    The last matrix and its shift spread what comes out of the net, so that labels differ.
    """
    top = 255.0 if name == "scaled" else 1.0
    features = NETS[name](tf.constant(inputs("float", top))).numpy()
    centred = features - features.mean(axis=0)
    matrix = weights(features.shape[1], 6)
    matrix *= 2 / (centred @ matrix).std()
    shift = -features.mean(axis=0) @ matrix

    def whole(x: Any) -> dict[str, Any]:
        return {"scores": tf.nn.softmax(NETS[name](x) @ matrix + shift)}

    function = tf.function(whole).get_concrete_function(tf.TensorSpec([batch, 16, 16, 3], tf.float32, name="x"))
    with silently():
        maker = tf.lite.TFLiteConverter.from_concrete_functions([function])
        if kind != "float":
            seen = [[image[None]] for image in inputs("float", top)]
            maker.optimizations = [tf.lite.Optimize.DEFAULT]
            maker.representative_dataset = lambda: iter(seen)
            maker.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            maker.inference_input_type = maker.inference_output_type = getattr(tf, kind)
        path.write_bytes(maker.convert())
    return path


def inputs(kind: str, top: float = 1.0) -> np.ndarray:
    """Noise, and plain images between, so that labels differ."""
    rng = np.random.default_rng(3)
    images = rng.uniform(0, 1, (60, 16, 16, 3)) * rng.uniform(0, 1, (60, 1, 1, 3))
    if kind == "float":
        return (images * top).astype(np.float32)
    return (np.rint(images * 255) - (128 if kind == "int8" else 0)).astype(kind)


def converted(path: Path) -> Conversion:
    return convert(Source(str(path), path), Wishes())


@with_tensorflow
@pytest.mark.parametrize("kind", ["float", "int8", "uint8"])
@pytest.mark.parametrize("name", NETS)
def test_a_file_answers_as_the_interpreter_does_and_in_8_bits_to_the_last_bit(name, kind, tmp_path):
    conversion = converted(tflite(name, tmp_path / "net.tflite", kind))
    given = inputs(kind, 255.0 if name == "scaled" else 1.0)
    ours, theirs = scores(conversion.model, given), conversion.reference.scores(given)
    assert ours.dtype == np.float32
    assert ours.shape == theirs.shape == (60, 6)
    assert len(np.unique(theirs, axis=0)) > 5
    assert len(np.unique(theirs.argmax(1))) > 1
    if kind == "float":
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    else:
        same = (ours == theirs).all(axis=1)
        assert same.mean() >= 0.95, f"{(~same).sum()} of 60 rows differ"
        assert np.array_equal(ours.argmax(1), theirs.argmax(1))


@with_tensorflow
def test_the_card_says_what_8_bits_mean(tmp_path):
    spans = {"float": None, "int8": (-128.0, 127.0), "uint8": (0.0, 255.0)}
    for kind, span in spans.items():
        conversion = converted(tflite("mean", tmp_path / f"{kind}.tflite", kind))
        assert conversion.stated.get("range") == span
        assert conversion.stated["layout"] == "nhwc"
        assert (conversion.stated["channels"], conversion.stated["size"]) == (3, (16, 16))
        assert conversion.stated["scores_kind"] == "probability"
    assert converted(tflite("scaled", tmp_path / "own.tflite")).stated["range"] == (0.0, 255.0)


@with_tensorflow
def test_an_oracle_of_8_bits_takes_pixels_as_they_are(tmp_path):
    pixels = np.rint(np.random.default_rng(3).uniform(0, 255, (60, 16, 16, 3))).astype(np.uint8)
    for kind in ("int8", "uint8"):
        conversion = converted(tflite("average", tmp_path / f"{kind}.tflite", kind))
        shifted = (pixels.astype(np.int16) - (128 if kind == "int8" else 0)).astype(kind)
        wanted = conversion.reference.scores(shifted).argmax(1)
        assert np.array_equal(oracle_labels(conversion, {}, pixels), wanted)


@with_tensorflow
def test_a_fixed_batch_of_one_is_served_for_many(tmp_path):
    conversion = converted(tflite("max", tmp_path / "net.tflite", "int8", batch=1))
    pixels = np.rint(np.random.default_rng(3).uniform(0, 255, (60, 16, 16, 3))).astype(np.uint8)
    wanted = conversion.reference.scores((pixels.astype(np.int16) - 128).astype(np.int8)).argmax(1)
    assert np.array_equal(oracle_labels(conversion, {}, pixels), wanted)


@with_tensorflow
def test_class_names_packed_into_a_file_are_read(tmp_path):
    path = tflite("mean", tmp_path / "net.tflite")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "a\nb\nc d\ne\nf\ng\n")
    assert converted(path).stated["classes"] == ("a", "b", "c d", "e", "f", "g")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more.txt", "a\n")
    assert "classes" not in converted(path).stated


@with_tensorflow
def test_nothing_is_said_on_the_screen(tmp_path, capfd):
    path = tflite("mean", tmp_path / "net.tflite", "int8")
    capfd.readouterr()
    converted(path).reference.scores(inputs("int8"))
    assert capfd.readouterr() == ("", "")


@with_tensorflow
def test_truncated_and_mutated_files_are_converted_or_refused_and_nothing_else(tmp_path):
    whole = tflite("residual", tmp_path / "net.tflite", "int8").read_bytes()
    bad = tmp_path / "bad.tflite"
    for part in range(1, 16):
        bad.write_bytes(whole[: len(whole) * part // 16])
        assert type(refusal(bad)) is SourceDamaged
    rng, refused = np.random.default_rng(0), []
    for _ in range(60):
        content = bytearray(whole)
        for at in rng.integers(0, len(content), 6):
            content[at] = rng.integers(0, 256)
        bad.write_bytes(content)
        try:
            converted(bad)
        except ConversionRefused as error:
            refused.append(str(error))
    assert refused
    assert not [said for said in refused if "\n" in said or len(said) > 900]


@with_tensorflow
def test_an_output_that_is_not_there_is_named(tmp_path):
    path = tflite("mean", tmp_path / "net.tflite")
    assert type(refusal(path, output="other")) is SourceIncomplete


REAL = [
    ("keras-resnet8/pretrainedResnet.tflite", {"range": (0, 255)}, cifar10, 0.8719),
    ("keras-resnet8/pretrainedResnet_quant.tflite", {}, cifar10, 0.8697),
    ("tflite-mobilenet-uint8/mobilenet_v1_0.25_128_quant.tflite", {}, photographs, 0.39),
]


@with_data
@with_tensorflow
@pytest.mark.parametrize(("file", "card", "data", "accuracy"), REAL, ids=["float", "int8", "uint8"])
def test_real_files_score_what_they_scored_in_tflite(file, card, data, accuracy):
    images_NHWC, labels_N = data()
    conversion = converted(MODELS / file)
    said_N = oracle_labels(conversion, card, images_NHWC)
    background = 1 if "mobilenet" in file else 0
    assert np.mean(said_N - background == labels_N) == pytest.approx(accuracy, abs=6e-5)
    shift, kind = {"pretrainedResnet.tflite": (0, np.float32), "pretrainedResnet_quant.tflite": (128, np.int8)}.get(
        Path(file).name, (0, np.uint8)
    )
    theirs = conversion.reference.scores((images_NHWC.astype(np.int16) - shift).astype(kind))
    assert np.array_equal(theirs.argmax(1), said_N)


@with_data
@with_tensorflow
def test_the_keras_file_and_its_tflite_give_the_same_labels():
    from converters.keras import convert as keras  # noqa: PLC0415

    images = cifar10()[0][::10].astype(np.float32)
    folder = MODELS / "keras-resnet8"
    file = folder / "pretrainedResnet.h5"
    ours = scores(keras.convert(Source("", file), Wishes()).model, images)
    theirs = scores(converted(folder / "pretrainedResnet.tflite").model, images)
    assert np.array_equal(ours.argmax(1), theirs.argmax(1))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
