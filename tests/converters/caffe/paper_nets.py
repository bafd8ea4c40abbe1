"""The two networks of the Copycat papers as Caffe files: VGG16 (2018, 2021) and AlexNet (2021), of any width.

Layers, names and order as in the papers' prototxts: VGG16 without batch normalisation, AlexNet in BVLC's layout with
two groups in conv2, conv4 and conv5 and LRN before the pooling; both round up when they pool, drop out in place and end
in a Softmax.
"""

from pathlib import Path

import numpy as np
from made_nets import layer_text, write_caffemodel

VGG = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
Shapes = dict[str, tuple[tuple[int, ...], ...]]


class Writer:
    """Layers as text and the shapes of their blobs, one after the other."""

    def __init__(self, size: int) -> None:
        shape = f"dim: 1 dim: 3 dim: {size} dim: {size}"
        self.text = 'name: "paper"\n'
        self.text += f'layer {{ name: "data" type: "Input" top:"data" input_param {{ shape: {{ {shape} }} }} }}\n'
        self.shapes: Shapes = {}
        self.top, self.channels, self.side = "data", 3, size

    def convolution(self, name: str, count: int, kernel: int, **more: int) -> None:
        """A convolution and its ReLU in place."""
        pad, stride, group = more.get("pad", 0), more.get("stride", 1), more.get("group", 1)
        param = f"num_output: {count} kernel_size: {kernel} pad: {pad} stride: {stride} group: {group}"
        param += ' weight_filler { type: "xavier" }'
        self._add(name, "Convolution", f"convolution_param {{ {param} }}")
        self.shapes[name] = ((count, self.channels // group, kernel, kernel), (count,))
        self.channels, self.side = count, (self.side + 2 * pad - kernel) // stride + 1
        self._in_place(f"relu_{name}", "ReLU")

    def pooling(self, name: str, kernel: int) -> None:
        """A maximum of windows that lie 2 apart, rounded up."""
        self._add(name, "Pooling", f"pooling_param {{ pool: MAX kernel_size: {kernel} stride: 2 }}")
        self.side = -(-(self.side - kernel) // 2) + 1

    def lrn(self, name: str) -> None:
        """Local response normalisation as in AlexNet."""
        self._add(name, "LRN", "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")

    def full(self, name: str, count: int, *, last: bool = False) -> None:
        """An inner product, with ReLU and Dropout in place unless it is the last."""
        self._add(name, "InnerProduct", f"inner_product_param {{ num_output: {count} }}")
        self.shapes[name] = ((count, self.channels * self.side * self.side), (count,))
        self.channels, self.side = count, 1
        if not last:
            self._in_place(f"relu_{name}", "ReLU")
            self._in_place(f"drop_{name}", "Dropout", "dropout_param { dropout_ratio: 0.5 }")

    def softmax(self) -> None:
        """The end of a deployed net, which the papers call "loss"."""
        self._add("loss", "Softmax")

    def _add(self, name: str, kind: str, param: str = "") -> None:
        self.text += layer_text(kind, param, name=name, bottoms=self.top, tops=name)
        self.top = name

    def _in_place(self, name: str, kind: str, param: str = "") -> None:
        self.text += layer_text(kind, param, name=name, bottoms=self.top, tops=self.top)


def vgg16(size: int, classes: int, *, shrink: int = 1) -> Writer:
    """VGG16; `shrink` divides every width."""
    net = Writer(size)
    for stage, widths in enumerate(VGG, 1):
        for at, width in enumerate(widths, 1):
            net.convolution(f"conv{stage}_{at}", width // shrink, 3, pad=1)
        net.pooling(f"pool{stage}", 2)
    _head(net, classes, shrink)
    return net


def alexnet(size: int, classes: int, *, shrink: int = 1) -> Writer:
    """AlexNet; `shrink` divides every width."""
    net = Writer(size)
    net.convolution("conv1", 96 // shrink, 11, stride=4)
    net.lrn("norm1")
    net.pooling("pool1", 3)
    net.convolution("conv2", 256 // shrink, 5, pad=2, group=2)
    net.lrn("norm2")
    net.pooling("pool2", 3)
    net.convolution("conv3", 384 // shrink, 3, pad=1)
    net.convolution("conv4", 384 // shrink, 3, pad=1, group=2)
    net.convolution("conv5", 256 // shrink, 3, pad=1, group=2)
    net.pooling("pool5", 3)
    _head(net, classes, shrink)
    return net


def _head(net: Writer, classes: int, shrink: int) -> None:
    net.full("fc6", 4096 // shrink)
    net.full("fc7", 4096 // shrink)
    net.full("fc8", classes, last=True)
    net.softmax()


def random_blobs(shapes: Shapes, seed: int = 0) -> dict[str, list[np.ndarray]]:
    """Weights as Caffe's msra filler draws them, biases around 0."""
    rng = np.random.default_rng(seed)
    blobs = {}
    for name, (weights, biases) in shapes.items():
        drawn = rng.standard_normal(weights, dtype=np.float32)
        drawn *= np.float32(np.sqrt(2 / np.prod(weights[1:])))
        blobs[name] = [drawn, rng.standard_normal(biases, dtype=np.float32) * np.float32(0.01)]
    return blobs


def write_files(net: Writer, folder: Path, seed: int = 0) -> int:
    """Write deploy.prototxt and net.caffemodel with random weights, layer by layer; returns the weights' bytes."""
    (folder / "deploy.prototxt").write_text(net.text)
    layers = (
        (name, random_blobs({name: shapes}, seed + number)[name])
        for number, (name, shapes) in enumerate(net.shapes.items())
    )
    return write_caffemodel(folder / "net.caffemodel", layers)
