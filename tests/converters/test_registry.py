"""The table of frameworks: recognising a source, and sentences for those that nobody reads."""

import importlib.metadata
import importlib.util
import re
from pathlib import Path

import pytest

from converters import registry
from converters.conversion import Source, Wishes
from converters.formats import OPTIONS, Format, Framework
from converters.refusals import FrameworkMissing, OptionUnheard, SourceIncomplete, UnknownFormat
from converters.registry import find, recognise, table

FILES = {
    "net.prototxt": "Caffe",
    "net.caffemodel": "Caffe",
    "net.caffemodel.h5": "Caffe",
    "net.caffemodel.7z": "Caffe",
    "net.pt2": "PyTorch",
    "net.pth": "PyTorch",
    "net.safetensors": "PyTorch",
    "net.keras": "Keras",
    "net.h5": "Keras",
    "net.hdf5": "Keras",
    "net.pb": "TensorFlow",
    "net.tflite": "TFLite",
    "net.skops": "scikit-learn",
    "net.joblib": "scikit-learn",
    "trees.json": "XGBoost",
    "trees.ubj": "XGBoost",
    "net.onnx": "ONNX",
}


@pytest.mark.parametrize(("name", "framework"), FILES.items())
def test_a_file_is_recognised_by_its_name(tmp_path, name, framework):
    (tmp_path / name).write_bytes(b"anything")
    row, source = recognise(find(str(tmp_path / name)))
    assert row.name == framework
    assert source.path == (tmp_path / name).resolve()


def test_a_text_of_lightgbm_is_told_from_other_texts_by_its_first_word(tmp_path):
    (tmp_path / "a.txt").write_text("tree\nversion=v4\n")
    (tmp_path / "b.txt").write_text("labels\n")
    assert recognise(find(str(tmp_path / "a.txt")))[0].name == "LightGBM"
    with pytest.raises(UnknownFormat, match=r"b\.txt: no converter reads this; known are "):
        recognise(find(str(tmp_path / "b.txt")))


def test_folders_of_caffe_and_tensorflow_are_recognised_by_what_they_hold(tmp_path):
    for name, file, framework in (("a", "deploy.prototxt", "Caffe"), ("b", "saved_model.pb", "TensorFlow")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).touch()
        assert recognise(find(str(tmp_path / name)))[0].name == framework


def test_a_folder_with_one_model_is_that_model_and_one_with_several_is_refused_by_their_names(tmp_path):
    (tmp_path / "notes.md").touch()
    (tmp_path / "net.keras").touch()
    row, source = recognise(find(str(tmp_path)))
    assert (row.name, source.path.name) == ("Keras", "net.keras")
    (tmp_path / "net.tflite").touch()
    with pytest.raises(UnknownFormat, match=r"holds 2 models \(net\.keras, net\.tflite\); name one of them"):
        recognise(find(str(tmp_path)))


def test_names_and_own_code_need_no_file():
    assert recognise(find("timm:resnet18"))[0].name == "PyTorch"
    assert recognise(find("nets.py:build"))[0].name == "PyTorch"


def test_a_path_that_is_not_there_is_answered_with_its_nearest_neighbour(tmp_path):
    (tmp_path / "digits.keras").touch()
    with pytest.raises(SourceIncomplete, match=r"no such file or folder; is it digits\.keras\?"):
        find(str(tmp_path / "digit.keras"))


@pytest.mark.parametrize("row", table(), ids=lambda row: row.name)
def test_every_row_names_a_module_that_is_there_and_an_example_for_each_format(row):
    assert importlib.util.find_spec(row.module) is not None
    assert all(entry.about and entry.example for entry in row.formats)
    assert bool(row.needs) == bool(row.extra)


def test_what_is_not_installed_is_said_with_what_installs_it():
    row = Framework("Dream", "converters.dream", (), ("no_such_module",), "dream")
    with pytest.raises(
        FrameworkMissing, match=r'not installed here: no_such_module; pip install "copycat-benchmark\[dream'
    ):
        row.converter()


def test_an_installed_package_can_bring_a_framework_and_a_broken_one_is_left_out(tmp_path, monkeypatch):
    class Entry:
        def __init__(self, row: object) -> None:
            self.row = row

        def load(self) -> object:
            if self.row is None:
                raise ImportError("broken")
            return self.row

    row = Framework(
        "Dream", "converters.dream", (Format("dreams", lambda s: s.text.endswith(".zzz"), "convert a.zzz"),)
    )
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [Entry(None), Entry(row), Entry("no row")])
    assert [each.name for each in table() if each not in registry.FRAMEWORKS] == ["ONNX", "Dream"]
    assert recognise(Source("a.zzz", Path(tmp_path / "a.zzz")))[0] is row


@pytest.mark.parametrize("row", [*registry.FRAMEWORKS, registry.ONNX], ids=lambda row: row.name)
def test_a_format_hears_the_options_of_its_own_example(row):
    for entry in row.formats:
        assert set(entry.honours) <= set(OPTIONS)
        said = {wish for wish, option in OPTIONS.items() if option in entry.example.split()}
        assert said <= set(entry.honours)


@pytest.mark.parametrize(
    ("name", "wish", "said"),
    [
        (
            "net.caffemodel",
            {"inputs": ("x:0",)},
            r"--inputs means nothing to Caffe \(caffemodel with its net inside; of",
        ),
        ("net.keras", {"outputs": ("y",)}, "--outputs means nothing to Keras .* it hears --output\\)"),
        ("net.pt2", {"weights": Path("net.pth")}, r"--weights means nothing to PyTorch \(exported program"),
        ("net.skops", {"allow_code": True}, r"--allow-code means nothing to scikit-learn \(skops; .* hears none\)"),
        ("trees.json", {"output": "label"}, "--output means nothing to XGBoost .*; leave it out$"),
        ("net.onnx", {"weights": Path("net.bin")}, "--weights means nothing to ONNX"),
    ],
)
def test_an_option_that_means_nothing_to_a_framework_is_refused(tmp_path, name, wish, said):
    (tmp_path / name).touch()
    row, source = recognise(find(str(tmp_path / name)))
    row.refuse_unheard(source, Wishes())
    with pytest.raises(OptionUnheard, match=said):
        row.refuse_unheard(source, Wishes(**wish))


def test_what_a_format_hears_is_not_refused_and_a_row_that_does_not_say_hears_all(tmp_path):
    (tmp_path / "net.joblib").touch()
    row, source = recognise(find(str(tmp_path / "net.joblib")))
    row.refuse_unheard(source, Wishes(allow_code=True, size=(8, 8), image_channels=1))
    dream = Framework("Dream", "converters.dream", (Format("dreams", lambda s: True, "convert a.zzz"),))
    dream.refuse_unheard(source, Wishes(inputs=("x",), output="y", allow_code=True, weights=Path("w")))


def test_what_is_not_read_is_answered_with_the_formats_of_each_framework(tmp_path):
    (tmp_path / "b.doc").write_text("words")
    with pytest.raises(UnknownFormat) as refusal:
        recognise(find(str(tmp_path / "b.doc")))
    assert "TFLite: float, int8 or uint8; " in str(refusal.value)
    assert "Keras: Keras 3 archive, Keras 2 or 3 HDF5; " in str(refusal.value)


def test_tensorflow_is_advised_into_an_environment_of_its_own_with_files_that_are_there():
    command = next(row for row in table() if row.name == "TensorFlow").install()
    assert command.startswith('in an environment of its own: pip install "copycat-benchmark[tensorflow]" -c ')
    files = re.findall(r"-c (\S+)", command)
    assert files
    assert all((Path(__file__).parents[2] / file).is_file() for file in files)
