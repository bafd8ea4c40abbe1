"""SavedModels and frozen graphs made here, those of other people, and those that are refused."""

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from framework_images import MODELS, mnist, oracle_labels, scores, tensors
from with_tensorflow import refusal_of, tf, with_data, with_tensorflow

from converters.conversion import Source, Wishes
from converters.refusals import (
    ConversionRefused,
    RunsCode,
    SourceDamaged,
    SourceIncomplete,
    UnsupportedLayer,
)
from converters.tensorflow.convert import convert
from converters.tf_exporter import silently

refusal = functools.partial(refusal_of, convert)


# ---- what needs no TensorFlow to be refused


def test_a_folder_without_a_graph_says_what_is_missing(tmp_path):
    (tmp_path / "variables").mkdir()
    assert "saved_model.pb" in str(refusal(tmp_path))


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"x")
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (folder / "variables" / "variables.data-00000-of-00001").symlink_to(secret)
    assert "cp -rL" in str(refusal(folder))


def test_an_oversized_an_empty_and_a_pointer_file_are_refused(tmp_path):
    for name, content, said in [
        ("empty.pb", b"", "is empty"),
        ("pointer.pb", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ]:
        (tmp_path / name).write_bytes(content)
        assert said in str(refusal(tmp_path / name))
    with (tmp_path / "large.pb").open("wb") as file:
        os.truncate(file.fileno(), 3 << 30)  # a hole, not three gigabytes
    assert "3,221,225,472 bytes" in str(refusal(tmp_path / "large.pb"))


def test_without_tensorflow_the_extra_is_named(tmp_path):
    if tf is not None:
        pytest.skip("tensorflow is installed")
    (tmp_path / "graph.pb").write_bytes(b"anything")
    assert 'pip install "copycat-benchmark[tensorflow]"' in str(refusal(tmp_path / "graph.pb"))


# ---- made here


def weights(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(0, 0.5, shape).astype(np.float32)


def net(x: Any) -> Any:
    pixels = tf.nn.relu(tf.nn.conv2d(x * (1 / 255), weights(3, 3, 3, 4), 2, "SAME"))
    return tf.nn.softmax(tf.reshape(pixels, [-1, 4 * 4 * 4]) @ weights(64, 5))


def images(side: int = 8, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (6, side, side, channels)).astype(np.float32)


def saved_model(folder: Path, batch: int | None = None, **functions: Any) -> Path:
    module = tf.Module()
    spec = tf.TensorSpec([batch, 8, 8, 3], tf.float32, name="pixels")
    signatures = {}
    for name, made in functions.items():
        signatures[name] = tf.function(made).get_concrete_function(spec)
    with silently():
        tf.saved_model.save(module, str(folder), signatures=signatures)
    return folder


def old_graph() -> tuple[Any, Any, Any]:
    """A TensorFlow 1 graph with variables, its session, its input and its scores."""
    graph = tf.Graph()
    with graph.as_default():
        session = tf.compat.v1.Session()
        x = tf.compat.v1.placeholder(tf.float32, [None, 8, 8, 3], name="x")
        variable = tf.compat.v1.get_variable("v", initializer=weights(192, 4), use_resource=False)
        switch = tf.compat.v1.placeholder_with_default(False, [], name="training")
        flat = tf.reshape(tf.cond(switch, lambda: x * 0, lambda: x / 255), [-1, 192])
        y = tf.nn.softmax(flat @ variable, name="y")
        tf.equal(tf.argmax(y, 1), tf.constant(1, tf.int64), name="is_one")
        session.run(tf.compat.v1.global_variables_initializer())
    return session, x, y


@with_tensorflow
def test_a_saved_model_answers_as_in_tensorflow_for_any_number_of_images(tmp_path):
    folder = saved_model(tmp_path / "net", serving_default=lambda pixels: {"probabilities": net(pixels)})
    for named in (folder, folder / "saved_model.pb"):
        conversion = convert(Source(str(named), named), Wishes())
        wanted = net(images()).numpy()
        np.testing.assert_allclose(scores(conversion.model, images()), wanted, atol=1e-6)
        np.testing.assert_allclose(conversion.reference.scores(images()[:2]), wanted[:2], atol=1e-6)
        assert conversion.model.graph.input[0].name == "pixels"
        assert conversion.model.graph.output[0].name == "probabilities"
        assert conversion.stated == {
            "layout": "nhwc",
            "channels": 3,
            "size": (8, 8),
            "scores_kind": "probability",
            "range": (0.0, 255.0),
        }
        assert {file.name for file in conversion.files} >= {"saved_model.pb", "variables.index"}


@with_tensorflow
def test_tensors_that_keep_their_name_keep_their_value(tmp_path):
    folder = saved_model(tmp_path / "net", serving_default=lambda pixels: {"p": net(pixels)})
    conversion = convert(Source(str(folder), folder), Wishes())
    values = dict(conversion.reference.layers(images()))
    assert values
    ours = tensors(conversion.model, list(values), images())
    for name, value in values.items():
        np.testing.assert_allclose(ours[name], value, rtol=1e-4, atol=1e-4, err_msg=name)


@with_tensorflow
def test_the_serving_signature_is_taken_and_others_by_their_output(tmp_path):
    folder = saved_model(
        tmp_path / "net",
        serving_default=lambda pixels: {"p": net(pixels)},
        features=lambda pixels: {"f": tf.reduce_mean(pixels, [1, 2])},
    )
    assert convert(Source("", folder), Wishes()).model.graph.output[0].name == "p"
    assert convert(Source("", folder), Wishes(output="f")).model.graph.output[0].name == "f"
    assert convert(Source("", folder), Wishes(outputs=("f",))).model.graph.output[0].name == "f"
    assert "exactly one" in str(refusal(folder, output="g"))
    two = saved_model(tmp_path / "two", a=lambda p: {"p": net(p)}, b=lambda p: {"q": net(p)})
    assert "a (p); b (q)" in str(refusal(two))
    both = saved_model(tmp_path / "both", serving_default=lambda p: {"p": net(p), "mean": tf.reduce_mean(p, [1, 2])})
    assert "mean, p" in str(refusal(both))
    assert convert(Source("", both), Wishes(output="mean")).model.graph.output[0].name == "mean"


@with_tensorflow
def test_a_saved_model_of_tensorflow_1_and_its_frozen_graph_are_read(tmp_path):
    session, x, y = old_graph()
    with silently(), session.graph.as_default(), session.as_default():
        tf.compat.v1.saved_model.simple_save(session, str(tmp_path / "old"), {"x": x}, {"y": y})
        frozen = tf.compat.v1.graph_util.convert_variables_to_constants(session, session.graph_def, ["y", "is_one"])
        wanted = session.run(y, {x: images()})
    (tmp_path / "frozen.pb").write_bytes(frozen.SerializeToString())
    (tmp_path / "variables.pb").write_bytes(session.graph_def.SerializeToString())
    for name, wishes in [
        ("old", Wishes()),
        ("frozen.pb", Wishes()),
        ("frozen.pb", Wishes(inputs=("x:0",), outputs=("y:0",))),
        ("frozen.pb", Wishes(inputs=("x",), output="y")),
    ]:
        conversion = convert(Source(name, tmp_path / name), wishes)
        np.testing.assert_allclose(scores(conversion.model, images()), wanted, atol=1e-6)
        np.testing.assert_allclose(conversion.reference.scores(images()), wanted, atol=1e-6)
        assert conversion.stated["scores_kind"] == "probability"
    assert "z:0" in str(refusal(tmp_path / "frozen.pb", outputs=("z:0",)))
    assert "freeze the graph first" in str(refusal(tmp_path / "variables.pb"))


@with_tensorflow
def test_a_graph_that_does_not_say_where_its_ends_are_is_refused_with_their_names(tmp_path):
    graph = tf.Graph()
    with graph.as_default():
        a = tf.compat.v1.placeholder(tf.float32, [None, 4], name="left")
        b = tf.compat.v1.placeholder(tf.float32, [None, 4], name="right")
        tf.nn.softmax(a + b, name="one")
        tf.nn.softmax(a - b, name="two")
    (tmp_path / "net.pb").write_bytes(graph.as_graph_def().SerializeToString())
    assert "one, two" in str(refusal(tmp_path / "net.pb"))
    assert "left, right" in str(refusal(tmp_path / "net.pb", outputs=("one:0",)))


@with_tensorflow
def test_graphs_that_reach_out_are_refused_and_leave_no_trace(tmp_path):
    def writing(pixels: Any) -> dict[str, Any]:
        tf.io.write_file(str(tmp_path / "written"), "x")
        return {"p": net(pixels)}

    def calling(pixels: Any) -> dict[str, Any]:
        return {"p": tf.numpy_function(lambda p: p, [pixels], tf.float32)}

    for name, function, operator in [("writing", writing, "WriteFile"), ("calling", calling, "PyFunc")]:
        caught = refusal(saved_model(tmp_path / name, serving_default=function))
        assert type(caught) is RunsCode
        assert operator in str(caught)
    graph = tf.Graph()
    with graph.as_default():
        tf.io.decode_raw(tf.io.read_file("/etc/hostname"), tf.uint8, name="read")
    (tmp_path / "net.pb").write_bytes(graph.as_graph_def().SerializeToString())
    assert type(refusal(tmp_path / "net.pb")) is RunsCode
    assert not (tmp_path / "written").exists()


@with_tensorflow
def test_assets_that_leave_the_folder_are_refused(tmp_path):
    folder = saved_model(tmp_path / "net", serving_default=lambda pixels: {"p": net(pixels)})
    from tensorflow.core.protobuf import saved_model_pb2  # noqa: PLC0415

    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    for name in ("../../outside", "/etc/passwd"):
        del model.meta_graphs[0].asset_file_def[:]
        model.meta_graphs[0].asset_file_def.add(filename=name)
        (folder / "saved_model.pb").write_bytes(model.SerializeToString())
        assert "leaves the folder" in str(refusal(folder))


@with_tensorflow
def test_operators_without_a_conversion_are_named(tmp_path):
    folder = saved_model(tmp_path / "net", serving_default=lambda pixels: {"p": tf.linalg.svd(pixels)[0]})
    caught = refusal(folder)
    assert type(caught) is UnsupportedLayer
    assert "Svd" in str(caught)


@with_tensorflow
def test_truncated_and_mutated_files_end_in_a_sentence(tmp_path):
    folder = saved_model(tmp_path / "net", serving_default=lambda pixels: {"p": net(pixels)})
    whole = (folder / "saved_model.pb").read_bytes()
    for part in range(8):
        (folder / "saved_model.pb").write_bytes(whole[: len(whole) * part // 8])
        assert type(refusal(folder)) in (SourceDamaged, SourceIncomplete, UnsupportedLayer)
    (folder / "saved_model.pb").write_bytes(whole)
    values = folder / "variables" / "variables.index"
    values.write_bytes(values.read_bytes()[:-20])
    assert type(refusal(folder)) is SourceDamaged


@with_tensorflow
def test_mutated_graphs_are_converted_or_refused_and_nothing_else(tmp_path):
    session, _, _ = old_graph()
    with silently(), session.graph.as_default():
        frozen = tf.compat.v1.graph_util.convert_variables_to_constants(session, session.graph_def, ["y"])
    whole, rng, refused = frozen.SerializeToString(), np.random.default_rng(0), []
    for _ in range(30):
        bad = bytearray(whole)
        for at in rng.integers(0, len(bad), 4):
            bad[at] = rng.integers(0, 256)
        (tmp_path / "bad.pb").write_bytes(bad)
        try:
            convert(Source("bad.pb", tmp_path / "bad.pb"), Wishes())
        except ConversionRefused as error:
            refused.append(str(error))
    assert refused
    assert not [said for said in refused if "\n" in said or len(said) > 900]


@with_tensorflow
def test_nothing_is_said_on_the_screen(tmp_path, capfd):
    folder = saved_model(tmp_path / "net", serving_default=lambda pixels: {"p": net(pixels)})
    capfd.readouterr()
    convert(Source("", folder), Wishes()).reference.scores(images())
    assert capfd.readouterr() == ("", "")


# ---- those of other people

REAL = [
    ("keras-mnist-mlp/savedmodel", Wishes(), 0.9781),
    ("tf1-frozen-mnist/mnist.pb", Wishes(inputs=("x:0",), outputs=("y:0",)), 0.9830),
    ("tf1-frozen-mnist/mnist.pb", Wishes(), 0.9830),
]


@with_data
@with_tensorflow
@pytest.mark.parametrize(("file", "wishes", "accuracy"), REAL, ids=["saved-model", "frozen", "frozen-found"])
def test_real_models_score_what_they_scored_in_tensorflow(file, wishes, accuracy):
    images_NHWC, labels_N = mnist()
    conversion = convert(Source(file, MODELS / file), wishes)
    said_N = oracle_labels(conversion, {"range": (0, 1)}, images_NHWC)
    assert np.mean(said_N == labels_N) == pytest.approx(accuracy, abs=6e-5)
    flat = "frozen" in file
    inputs = (images_NHWC[..., 0].astype(np.float32) / 255).reshape(-1, *((784,) if flat else (28, 28)))
    theirs = conversion.reference.scores(inputs)
    np.testing.assert_allclose(scores(conversion.model, inputs), theirs, atol=1e-5)
    assert np.array_equal(theirs.argmax(1), said_N)


@with_data
@with_tensorflow
def test_the_same_net_in_three_formats_gives_the_same_labels():
    import onnx  # noqa: PLC0415

    from converters.keras import convert as keras  # noqa: PLC0415

    inputs = mnist()[0][..., 0].astype(np.float32) / 255
    folder = MODELS / "keras-mnist-mlp"
    models = [
        convert(Source("", folder / "savedmodel"), Wishes()).model,
        keras.convert(Source("", folder / "mnist.h5"), Wishes()).model,
        onnx.load(folder / "mnist.onnx"),
    ]
    first, *others = (scores(model, inputs) for model in models)
    for other in others:
        assert np.array_equal(first.argmax(1), other.argmax(1))
        np.testing.assert_allclose(first, other, atol=1e-5)
