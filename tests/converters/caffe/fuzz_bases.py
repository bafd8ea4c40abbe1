"""Small Caffe nets in every format that is read, made to be mutated."""

import importlib
import importlib.util
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import nn

from converters.caffe.caffemodel import read_caffemodel
from converters.caffe.net import Transform
from converters.caffe.saving import save_mean
from converters.caffe.writing import write

_TRAIN_TEST = """name: "trained"
layer { name: "in" type: "Data" top: "data" top: "label" include { phase: TRAIN } transform_param { mirror: true } }
layer { name: "in" type: "Data" top: "data" top: "label" include: { phase: TEST }
  transform_param { scale: 0.5 mean_file: "far/away/mean.binaryproto" crop_size: 12 } data_param { batch_size: 4 } }
"""
_V0 = """name: "old" input: "data" input_dim: 1 input_dim: 1 input_dim: 12 input_dim: 12
layers { layer { name: "pad1" type: "padding" pad: 1 } bottom: "data" top: "pad1" }
layers { layer { name: "conv1" type: "conv" num_output: 4 kernelsize: 3 } bottom: "pad1" top: "conv1" }
layers { layer { name: "relu1" type: "relu" } bottom: "conv1" top: "conv1" }
layers { layer { name: "pool1" type: "pool" pool: AVE kernelsize: 2 stride: 2 } bottom: "conv1" top: "pool1" }
layers { layer { name: "ip1" type: "innerproduct" num_output: 5 } bottom: "pool1" top: "ip1" }
layers { layer { name: "prob" type: "softmax" } bottom: "ip1" top: "prob" }
"""


def make_bases(folder: Path) -> None:
    """Small nets in every format, each in a folder of its own: text and binary, new, V1 and V0, HDF5, 7z."""
    torch.manual_seed(0)
    body = [nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)]
    tail = [nn.Conv2d(6, 8, 3, groups=2), nn.PReLU(8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)]
    plain = [nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(144, 5), nn.Softmax(1)]
    for name in ("new", "legacy", "trained", "alone", "hdf5", "packed", "v0"):
        (folder / name).mkdir(parents=True)
    new = write([*body, *tail], folder / "new" / "net", size=(12, 12))
    (folder / "new" / "labels.txt").write_text("a\nb\nc\nd\ne\n", encoding="utf-8")
    save_mean(folder / "new" / "mean.binaryproto", np.full((3, 14, 16), 100, np.float32))
    write(plain, folder / "legacy" / "net", size=(12, 12), channels=1, legacy=True)
    shutil.copy(folder / "legacy" / "net.caffemodel", folder / "v0" / "net.caffemodel")
    (folder / "v0" / "net.prototxt").write_text(_V0, encoding="utf-8")
    write(plain, folder / "alone" / "net", size=(12, 12), channels=1, transform=Transform(1.0, 12, (100.0,)))
    (folder / "alone" / "net.prototxt").unlink()
    _train_test(new.prototxt, folder / "trained" / "train_test.prototxt")
    shutil.copy(new.caffemodel, folder / "trained" / "net.caffemodel")
    shutil.copy(folder / "new" / "mean.binaryproto", folder / "trained" / "mean.binaryproto")
    _hdf5(folder / "hdf5", new.prototxt, new.caffemodel)
    _packed(folder / "packed", folder / "new")


def _train_test(deploy: Path, path: Path) -> None:
    layers = deploy.read_text(encoding="utf-8").split("layer {")[2:]
    loss = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip1" bottom: "label" top: "loss" }'
    path.write_text(_TRAIN_TEST + "".join(f"layer {{{layer}" for layer in layers) + loss, encoding="utf-8")


def _hdf5(folder: Path, prototxt: Path, caffemodel: Path) -> None:
    if importlib.util.find_spec("h5py") is None:
        shutil.rmtree(folder)
        return
    h5py = importlib.import_module("h5py")
    shutil.copy(prototxt, folder / "net.prototxt")
    with h5py.File(folder / "net.caffemodel.h5", "w") as file:
        for layer in read_caffemodel(caffemodel).layers:
            group = file.create_group(f"data/{layer.name}")
            for at, blob in enumerate(layer.blobs):
                group.create_dataset(str(at), data=blob)


def _packed(folder: Path, source: Path) -> None:
    if importlib.util.find_spec("py7zr") is None:
        shutil.rmtree(folder)
        return
    py7zr = importlib.import_module("py7zr")
    with py7zr.SevenZipFile(folder / "net.7z", "w") as archive:
        for path in sorted(source.iterdir()):
            archive.write(path, path.name)
