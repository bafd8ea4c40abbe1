"""Folders of Caffe files for the tests: prototxts as text, caffemodels as protobuf writes them; and to read them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converters.caffe import messages
from converters.caffe.prototxt import parse
from converters.caffe.reading import Reading, read
from converters.conversion import Source, Wishes

DEPLOY = 'name: "net" input: "data" input_dim: [1, 3, 8, 8]\n'
CONV = """layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 2 kernel_size: 3 } }\n"""
FC = 'layer { name: "fc" type: "InnerProduct" bottom: "conv" top: "fc" inner_product_param { num_output: 4 } }\n'
SOFTMAX = 'layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }\n'
LOSS = """layer { name: "accuracy" type: "Accuracy" bottom: "fc" bottom: "label" top: "accuracy"
  include { phase: TEST } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }\n"""

Blobs = Mapping[str, Sequence[np.ndarray]]


def blobs(channels: int = 3, side: int = 8) -> dict[str, list[np.ndarray]]:
    """Weights for CONV and FC on images of a size."""
    rng = np.random.default_rng(0)
    flat = 2 * (side - 2) ** 2
    shapes: dict[str, list[tuple[int, ...]]] = {"conv": [(2, channels, 3, 3), (2,)], "fc": [(4, flat), (4,)]}
    return {name: [rng.normal(size=sides).astype(np.float32) for sides in each] for name, each in shapes.items()}


def caffemodel(weights: Blobs, layers: str = "") -> bytes:
    """A caffemodel of a net that is described by `layers`, or by nothing but the names of its layers."""
    net = messages.NetParameter()
    parse(layers, net, "inner.prototxt")
    for name in weights:
        if not any(layer.name == name for layer in net.layer):
            net.layer.add(name=name)
    for layer in net.layer:
        for array in weights.get(layer.name, ()):
            layer.blobs.add(shape={"dim": array.shape}, data=array.ravel())
    return bytes(net.SerializeToString())


def mean_file(mean: np.ndarray) -> bytes:
    """A mean image [c, h, w] as a binaryproto."""
    channels, height, width = mean.shape
    blob = messages.BlobProto(num=1, channels=channels, height=height, width=width, data=mean.ravel())
    return bytes(blob.SerializeToString())


def put(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def reading(path: Path, **wishes: Any) -> Reading:
    """What is read when the user names a path."""
    return read(Source(str(path), path), Wishes(**wishes))
