"""Keras files that nobody should open: refused in one sentence, before Keras sees them and without Keras."""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.keras.archive import clean_copy, copied
from converters.keras.config import parse
from converters.refusals import ConversionRefused, RunsCode, SourceDamaged, SourceIncomplete, UnsupportedLayer

h5py = pytest.importorskip("h5py")


def layer(kind: str, **config: Any) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": kind, "config": {"name": kind.lower(), **config}}


def model(*layers: dict[str, Any]) -> dict[str, Any]:
    first = layer("InputLayer", batch_shape=[None, 8, 8, 3])
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "net", "layers": [first, *layers]}}


def as_hdf5(path: Path, config: Any, weights: np.ndarray | None = None) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
        file.attrs["keras_version"] = "3.15.1"
        group = file.create_group("model_weights/dense/dense")
        group.create_dataset("kernel", data=np.zeros((4, 4), np.float32) if weights is None else weights)
    return path


def as_archive(path: Path, config: Any, weights: bytes = b"") -> Path:
    if not weights:
        made = path.with_suffix(".weights")
        with h5py.File(made, "w") as file:
            file.create_dataset("layers/dense/vars/0", data=np.zeros((4, 4), np.float32))
        weights = made.read_bytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("model.weights.h5", weights)
    return path


def refusal(path: Path, folder: Path) -> ConversionRefused:
    copy = folder / "copy"
    copy.mkdir(exist_ok=True)
    with pytest.raises(ConversionRefused) as caught:
        clean_copy(path, copy)
    assert str(caught.value).startswith(path.name)
    assert "\n" not in str(caught.value)
    return caught.value


DENSE = layer("Dense", units=4, activation="softmax")
STRANGERS = [
    (layer("Lambda", function=["aGVsbG8=", None, None]), RunsCode, "Lambda"),
    (layer("Dense", units=4, activation={"class_name": "__lambda__", "config": {"value": "x"}}), RunsCode, "Lambda"),
    (layer("TFOpLambda", function="io.write_file"), RunsCode, "TFOpLambda"),
    ({"class_name": "SlicingOpLambda", "config": {"name": "cut"}}, RunsCode, "'cut'"),
    (layer("TFSMLayer", filepath="elsewhere"), UnsupportedLayer, "TFSMLayer"),
    (layer("TorchModuleWrapper", module="gASVGgAAAA"), UnsupportedLayer, "TorchModuleWrapper"),
    (layer("StringLookup", vocabulary="/etc/passwd"), UnsupportedLayer, "StringLookup"),
    ({"module": "my.own", "class_name": "Dense", "config": {"name": "a"}}, UnsupportedLayer, "Dense"),
    ({"module": "keras.utils", "class_name": "get_file", "config": {}}, UnsupportedLayer, "get_file"),
    ({"module": "os", "class_name": "system", "config": {}}, UnsupportedLayer, "system"),
    ({"class_name": "Swin", "registered_name": "mine>Swin", "config": {}}, UnsupportedLayer, "Swin"),
    (layer("Dense", activation={"class_name": "function", "config": "my_relu"}), UnsupportedLayer, "my_relu"),
    (layer("TimeDistributed", layer=layer("Lambda")), RunsCode, "Lambda"),
]


@pytest.mark.parametrize(("stranger", "kind", "said"), STRANGERS, ids=lambda v: v if isinstance(v, str) else "")
@pytest.mark.parametrize("made", [as_hdf5, as_archive])
def test_code_and_custom_objects_are_refused_by_name(made, stranger, kind, said, tmp_path):
    caught = refusal(made(tmp_path / "net.bin", model(stranger, DENSE)), tmp_path)
    assert type(caught) is kind
    assert said in str(caught)


def test_what_belongs_to_training_is_left_out(tmp_path):
    config = model(DENSE)
    config["compile_config"] = {"loss": {"module": "my.own", "class_name": "Loss", "config": {}}}
    copy = tmp_path / "copy"
    copy.mkdir()
    clean = clean_copy(as_archive(tmp_path / "net.keras", config), copy)
    with zipfile.ZipFile(clean) as archive:
        assert sorted(archive.namelist()) == ["config.json", "metadata.json", "model.weights.h5"]
        assert "compile_config" not in json.loads(archive.read("config.json"))


def test_nothing_of_an_archive_lands_outside_of_the_copy(tmp_path):
    path = as_archive(tmp_path / "net.keras", model(DENSE))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../outside.txt", "here")
        archive.writestr("/outside.txt", "here")
    copy = tmp_path / "deep" / "copy"
    copy.mkdir(parents=True)
    clean_copy(path, copy)
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["model.keras", "net.keras", "net.weights"]


@pytest.mark.parametrize("made", [as_hdf5, as_archive])
def test_a_truncated_file_is_refused(made, tmp_path):
    whole = made(tmp_path / "net.bin", model(DENSE), *(() if made is as_archive else (np.ones((64, 64), np.float32),)))
    data = whole.read_bytes()
    for part in range(16):
        (tmp_path / "cut.bin").write_bytes(data[: len(data) * part // 16])
        assert type(refusal(tmp_path / "cut.bin", tmp_path)) is SourceDamaged


def test_a_pointer_says_how_to_get_the_file(tmp_path):
    (tmp_path / "net.h5").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    assert "git lfs pull" in str(refusal(tmp_path / "net.h5", tmp_path))


def test_an_archive_that_swells_is_refused(tmp_path):
    path = as_archive(tmp_path / "net.keras", model(DENSE), bytes(64 << 20))
    assert path.stat().st_size < 1 << 20
    assert "unpacks to far more" in str(refusal(path, tmp_path))


def test_a_dataset_that_promises_more_than_the_file_holds_is_refused(tmp_path):
    path = as_hdf5(tmp_path / "net.h5", model(DENSE))
    with h5py.File(path, "a") as file:
        file.create_dataset("model_weights/huge", shape=(1 << 40,), chunks=(1 << 20,), dtype="f4")
    assert "promises far more" in str(refusal(path, tmp_path))


def leading_out(file: Any, how: str, other: Path) -> None:
    group = file["model_weights"]
    if how == "external link":
        group["away"] = h5py.ExternalLink(str(other), "/secret")
    elif how == "soft link":
        group["away"] = h5py.SoftLink("/model_weights")
    elif how == "external dataset":
        group.create_dataset("away", shape=(4,), dtype="u1", external=[(str(other), 0, 4)])
    elif how == "virtual dataset":
        layout = h5py.VirtualLayout(shape=(4,), dtype="u1")
        layout[:] = h5py.VirtualSource(str(other), "secret", shape=(4,))
        group.create_virtual_dataset("away", layout)
    else:
        group["dense"]["again"] = group


@pytest.mark.parametrize("how", ["external link", "soft link", "external dataset", "virtual dataset", "endless groups"])
@pytest.mark.parametrize("archived", [False, True])
def test_weights_that_lie_elsewhere_are_not_read(how, archived, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other.create_dataset("secret", data=np.arange(4, dtype=np.uint8))
    path = as_hdf5(tmp_path / "net.h5", model(DENSE))
    with h5py.File(path, "a") as file:
        leading_out(file, how, tmp_path / "other.h5")
    if archived:
        path = as_archive(tmp_path / "net.keras", model(DENSE), path.read_bytes())
    assert type(refusal(path, tmp_path)) is SourceDamaged


@pytest.mark.parametrize(
    "config",
    [
        "[" * 100_000,
        "{}",
        "null",
        "not json",
        '{"class_name": "Sequential"}',
        '{"class_name": "Sequential", "config": 3}',
        '{"class_name": "Sequential", "config": {"layers": [1, 2]}}',
        '{"class_name": "Sequential", "config": {"layers": [{"class_name": ["Dense"], "config": {}}]}}',
        '{"class_name": "MyModel", "config": {}}',
        json.dumps(model(*([DENSE] * 60_000))),
        '{"class_name": "Sequential", "config": {"layers": ' + "[" * 900 + "]" * 900 + "}}",
    ],
    ids=range(11),
)
def test_a_malformed_config_is_refused_in_a_sentence(config):
    with pytest.raises((SourceDamaged, UnsupportedLayer)) as caught:
        parse(config, "net.h5", "3.0")
    assert str(caught.value).startswith("net.h5: ")
    assert len(str(caught.value)) < 400


def test_a_file_without_model_or_weights_says_so(tmp_path):
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.create_dataset("dense/kernel", data=np.zeros(3))
    assert "weights without a model" in str(refusal(tmp_path / "weights.h5", tmp_path))
    with h5py.File(tmp_path / "config.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(model(DENSE))
    assert type(refusal(tmp_path / "config.h5", tmp_path)) is SourceIncomplete
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(model(DENSE)))
    assert "model.weights.h5" in str(refusal(tmp_path / "net.keras", tmp_path))


def test_keras_2_and_its_hard_sigmoid_is_refused_and_that_of_keras_3_is_not():
    config = json.dumps(model(layer("Activation", activation="hard_sigmoid")))
    with pytest.raises(UnsupportedLayer, match="hard_sigmoid"):
        parse(config, "net.h5", "2.15.0")
    assert parse(config, "net.h5", "3.15.1")["class_name"] == "Sequential"


def test_names_with_slashes_are_mended_wherever_they_are_used():
    chain = [
        {"class_name": "InputLayer", "name": "in/put", "config": {"name": "in/put"}, "inbound_nodes": []},
        {"class_name": "Dense", "name": "a/b", "config": {"name": "a/b"}, "inbound_nodes": [[["in/put", 0, 0, {}]]]},
        {"class_name": "Model", "name": "m", "config": {"name": "m"}, "inbound_nodes": [[["a/b", 0, 0, {}]]]},
        {"class_name": "Add", "name": "c", "config": {"name": "c"}, "inbound_nodes": [[["m", 1, 0], ["m", 2, 0]]]},
    ]
    config = {"layers": chain, "input_layers": [["in/put", 0, 0]], "output_layers": [["c", 0, 0]]}
    mended = parse(json.dumps({"class_name": "Functional", "config": config}), "net.h5", "2.4.0")["config"]
    assert [entry["config"]["name"] for entry in mended["layers"]] == ["in__put", "a__b", "m", "c"]
    assert mended["layers"][1]["inbound_nodes"] == [[["in__put", 0, 0, {}]]]
    assert mended["layers"][3]["inbound_nodes"] == [[["m", 0, 0], ["m", 1, 0]]]
    assert mended["input_layers"] == [["in__put", 0, 0]]


def test_a_process_of_its_own_copies_and_hands_back_refusals(tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    assert copied(as_archive(tmp_path / "net.keras", model(DENSE)), copy) == copy / "model.keras"
    assert copied(as_hdf5(tmp_path / "net.h5", model(DENSE)), copy) == copy / "model.h5"
    with pytest.raises(RunsCode, match=r"^code\.h5: holds a Lambda"):
        copied(as_hdf5(tmp_path / "code.h5", model(layer("Lambda"))), copy)
