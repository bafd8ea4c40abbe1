"""For every example of the registry the files that it names, small and with random weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from google.protobuf import text_format
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from torch import nn

from converters.caffe import messages
from converters.caffe.caffemodel import read_caffemodel
from converters.caffe.writing import Written, write
from converters.keras.model import start
from converters.tf_exporter import silently, tensorflow

SIDE, CLASSES = 12, 4
BUILD = "from torch import nn\ndef build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(432, 4))\n"


def _row() -> nn.Sequential:
    torch.manual_seed(3)
    pooled = nn.Sequential(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(*pooled, nn.Flatten(), nn.Linear(5 * 36, CLASSES), nn.Softmax(1)).eval()


def _caffe(stem: Path) -> Written:
    stem.parent.mkdir(exist_ok=True)
    return write(_row(), stem, size=(SIDE, SIDE))


def _named_apart(folder: Path) -> None:
    _caffe(folder / "net").prototxt.rename(folder / "deploy.prototxt")


def _whole_caffemodel(folder: Path) -> None:
    """A caffemodel that says its input too, as those of Caffe's own do that were saved from a deployed net."""
    files = _caffe(folder / "net")
    net, weights = messages.NetParameter(), messages.NetParameter()
    text_format.Parse(files.prototxt.read_text(), net)
    weights.ParseFromString(files.caffemodel.read_bytes())
    blobs = {layer.name: layer.blobs for layer in weights.layer}
    for layer in net.layer:
        layer.blobs.extend(blobs.get(layer.name, ()))
    files.caffemodel.write_bytes(net.SerializeToString())
    files.prototxt.unlink()


def _caffe_hdf5(folder: Path) -> None:
    h5py = pytest.importorskip("h5py")
    files = _caffe(folder / "net")
    with h5py.File(folder / "net.caffemodel.h5", "w") as file:
        for layer in read_caffemodel(files.caffemodel).layers:
            for at, blob in enumerate(layer.blobs):
                file[f"data/{layer.name}/{at}"] = blob
    files.caffemodel.unlink()


def _caffe_7z(folder: Path) -> None:
    py7zr = pytest.importorskip("py7zr")
    files = _caffe(folder / "vgg")
    with py7zr.SevenZipFile(folder / "vgg.caffemodel.7z", "w") as archive:
        archive.write(files.caffemodel, files.caffemodel.name)
    files.caffemodel.unlink()


def _resnet18(folder: Path) -> None:
    import timm  # noqa: PLC0415 - seconds
    from safetensors.torch import save_model  # noqa: PLC0415

    torch.manual_seed(3)
    save_model(timm.create_model("resnet18"), str(folder / "net.safetensors"))


def _program(folder: Path) -> None:
    batch = torch.export.Dim("batch", min=2)
    program = torch.export.export(_row(), (torch.zeros(4, 3, SIDE, SIDE),), dynamic_shapes=({0: batch},))
    torch.export.save(program, folder / "net.pt2")


def _own_code(folder: Path) -> None:
    (folder / "nets.py").write_text(BUILD)
    space: dict[str, Any] = {}
    exec(BUILD, space)  # noqa: S102 - the few lines above
    torch.save(space["build"]().state_dict(), folder / "net.pth")


def _keras(name: str) -> Callable[[Path], None]:
    def made(folder: Path) -> None:
        keras = start("the examples")
        layers = [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.Flatten()]
        shape = keras.Input((SIDE, SIDE, 3))
        net = keras.Sequential([shape, *layers, keras.layers.Dense(CLASSES, activation="softmax")])
        net.save(folder / name)

    return made


def _estimator() -> LogisticRegression:
    return LogisticRegression(max_iter=30).fit(*load_digits(return_X_y=True))


def _skops(folder: Path) -> None:
    pytest.importorskip("skops.io").dump(_estimator(), folder / "digits.skops")


def _joblib(folder: Path) -> None:
    pytest.importorskip("joblib").dump(_estimator(), folder / "digits.joblib")


def _xgboost(folder: Path) -> None:
    xgboost = pytest.importorskip("xgboost")
    told = {"objective": "multi:softprob", "num_class": 10, "max_depth": 3, "nthread": 1}
    xgboost.train(told, xgboost.DMatrix(*load_digits(return_X_y=True), nthread=1), 5).save_model(folder / "trees.json")


def _lightgbm(folder: Path) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    told = {"objective": "multiclass", "num_class": 10, "verbose": -1, "num_threads": 1}
    lightgbm.train(told, lightgbm.Dataset(*load_digits(return_X_y=True)), 5).save_model(folder / "trees.txt")


def _tensorflow(save: Callable[[Any, Path], None]) -> Callable[[Path], None]:
    def made(folder: Path) -> None:
        tf = tensorflow("the examples")
        with silently():
            save(tf, folder)

    return made


def _scores(tf: Any, pixels: Any) -> Any:
    matrix = np.random.default_rng(3).normal(size=(SIDE * SIDE * 3, CLASSES)).astype(np.float32)
    return tf.nn.softmax(tf.reshape(pixels, [-1, len(matrix)]) @ tf.constant(matrix / 3000))


def _function(tf: Any) -> Any:
    spec = tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32, name="x")
    return tf.function(lambda x: {"scores": _scores(tf, x)}).get_concrete_function(spec)


def _saved_model(tf: Any, folder: Path) -> None:
    tf.saved_model.save(tf.Module(), str(folder / "savedmodel"), signatures={"serving_default": _function(tf)})


def _frozen(tf: Any, folder: Path) -> None:
    with tf.Graph().as_default() as graph:
        tf.identity(_scores(tf, tf.compat.v1.placeholder(tf.float32, [None, SIDE, SIDE, 3], name="x")), name="y")
    (folder / "frozen.pb").write_bytes(graph.as_graph_def().SerializeToString())


def _tflite(tf: Any, folder: Path) -> None:
    maker = tf.lite.TFLiteConverter.from_concrete_functions([_function(tf)])
    (folder / "net.tflite").write_bytes(maker.convert())


def _onnx(folder: Path) -> None:
    program = torch.onnx.export(
        _row(), (torch.zeros(2, 3, SIDE, SIDE),), dynamo=True, dynamic_shapes=({0: "n"},), verbose=False
    )
    onnx.save(program.model_proto, folder / "net.onnx")


MAKERS: dict[str, Callable[[Path], Any]] = {
    "convert lenet/ -o lenet.onnx": lambda folder: _caffe(folder / "lenet" / "lenet"),
    "convert deploy.prototxt --weights net.caffemodel -o net.onnx": _named_apart,
    "convert net.caffemodel -o net.onnx": _whole_caffemodel,
    "convert net.caffemodel.h5 -o net.onnx": _caffe_hdf5,
    "convert vgg.caffemodel.7z -o vgg.onnx": _caffe_7z,
    "convert timm:resnet18 --weights net.safetensors -o net.onnx": _resnet18,
    "convert net.pt2 -o net.onnx": _program,
    "convert nets.py:build --weights net.pth --allow-code -o net.onnx": _own_code,
    "convert net.keras -o net.onnx": _keras("net.keras"),
    "convert net.h5 -o net.onnx": _keras("net.h5"),
    "convert savedmodel/ -o net.onnx": _tensorflow(_saved_model),
    "convert frozen.pb --inputs x:0 --outputs y:0 -o net.onnx": _tensorflow(_frozen),
    "convert net.tflite -o net.onnx": _tensorflow(_tflite),
    "convert digits.skops --range 0 16 -o digits.onnx": _skops,
    "convert digits.joblib --allow-code -o digits.onnx": _joblib,
    "convert trees.json --size 8 8 -o trees.onnx": _xgboost,
    "convert trees.txt --size 8 8 -o trees.onnx": _lightgbm,
    "convert net.onnx -o oracle.onnx": _onnx,
}
