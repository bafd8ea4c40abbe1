"""Caffe nets in OpenCV 4, the last that reads them: a second opinion beside plain numpy, where it is installed.

It may end its process (a convolution over three axes divides by zero): converters.caffe.witness asks it in another.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from google.protobuf import text_format

from converters.caffe import messages
from converters.caffe.net import Layer, Net
from converters.caffe.saving import Made, save_caffemodel
from converters.refusals import FrameworkMissing, UnsupportedLayer

_AS_SOFTMAX = "SoftmaxWithLoss"


class OpenCV:
    """A net in OpenCV's dnn module, as a converters.conversion.Reference.

    `end`: the number of the layer whose first top holds the scores. `tensors`: for each layer by its number, what the
    converted model calls its tops. The net is written down as prototxt and caffemodel again, with numbers for names,
    and OpenCV reads that. Raises FrameworkMissing without OpenCV 4, UnsupportedLayer where it cannot read the net.
    """

    runtime = "OpenCV"

    def __init__(self, net: Net, end: int, tensors: Mapping[int, Sequence[str | None]] | None = None) -> None:
        self._cv2 = opencv()
        self.version: str = self._cv2.__version__
        self._tensors = tensors or {}
        self._end = end
        self._numbers, wants = reach(net, end)
        self._size = net.inputs[wants][2:]
        with TemporaryDirectory(prefix="caffe-", ignore_cleanup_errors=True) as folder:
            prototxt, caffemodel = write(net, self._numbers, wants, Path(folder))
            self._net = opened(self._cv2, str(prototxt), str(caffemodel))

    def scores(self, inputs: np.ndarray) -> np.ndarray:
        """Scores [n, k] for inputs float32 [n, c, h, w] as the model takes them."""
        parts = [self._forward(inputs[at : at + 8], [self._end])[0] for at in range(0, len(inputs), 8)]
        return np.concatenate([part.reshape(len(part), -1) for part in parts])

    def layers(self, inputs: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """(tensor of the converted model, value here) for layers with one top, in order."""
        named = [(number, self._tensors.get(number, ())) for number in self._numbers]
        single = [(number, tops[0]) for number, tops in named if len(tops) == 1 and tops[0] is not None]
        values = self._forward(inputs, [number for number, _ in single])
        yield from zip((name for _, name in single if name is not None), values, strict=True)

    def _forward(self, inputs: np.ndarray, numbers: Sequence[int]) -> list[np.ndarray]:
        return run(self._cv2, self._net, centre(inputs, self._size), [str(number) for number in numbers])


def opened(cv2: Any, prototxt: str, caffemodel: str) -> Any:
    """A net of two files. Raises UnsupportedLayer."""
    try:
        net = cv2.dnn.readNetFromCaffe(prototxt, caffemodel)
    except cv2.error as error:
        raise UnsupportedLayer(f"OpenCV {cv2.__version__} cannot read the net ({_words(error)})") from error
    # fused layers would not give their own results
    net.enableFusion(False)
    return net


def run(cv2: Any, net: Any, images: np.ndarray, names: Sequence[str]) -> list[np.ndarray]:
    """The results of layers for images float32 [n, c, h, w]. Raises UnsupportedLayer."""
    net.setInput(np.ascontiguousarray(images, dtype=np.float32))
    try:
        return [np.array(value) for value in net.forward(list(names))]
    except cv2.error as error:
        raise UnsupportedLayer(f"OpenCV {cv2.__version__} cannot run the net ({_words(error)})") from error


def centre(inputs: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """The centre [n, c, height, width] of larger inputs."""
    height, width = size
    top, left = (inputs.shape[2] - height) // 2, (inputs.shape[3] - width) // 2
    return inputs[:, :, top : top + height, left : left + width]


def opencv() -> Any:
    """The module cv2 of OpenCV 4. Raises FrameworkMissing."""
    try:
        import cv2  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise FrameworkMissing('OpenCV is not installed; pip install "copycat-benchmark[caffe]"') from error
    if not hasattr(cv2.dnn, "readNetFromCaffe") or int(cv2.__version__.split(".")[0]) > 4:
        raise FrameworkMissing(
            f'OpenCV {cv2.__version__} no longer reads Caffe\'s files; pip install "copycat-benchmark[caffe]" brings 4'
        )
    return cv2


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def reach(net: Net, end: int) -> tuple[list[int], str]:
    """The layers that lead to the end, in order, and the one input that they read. Raises UnsupportedLayer."""
    wanted: set[str] = set()
    found = []
    for number in range(end, -1, -1):
        layer = net.layers[number]
        if number == end or wanted.intersection(layer.tops):
            found.append(number)
            wanted.difference_update(layer.tops)
            wanted.update(_bottoms(layer))
    inputs = [name for name in net.inputs if name in wanted]
    if len(inputs) != 1:
        raise UnsupportedLayer(f"OpenCV is given nets with one input here, and this one reads {len(inputs)}")
    return found[::-1], inputs[0]


def _bottoms(layer: Layer) -> Sequence[str]:
    return layer.bottoms[:1] if layer.type.endswith("Loss") else layer.bottoms


def write(net: Net, numbers: Sequence[int], data: str, folder: Path) -> tuple[Path, Path]:
    """Prototxt and caffemodel of some layers in a folder, a layer's number as its name."""
    text, made = messages.NetParameter(name="net"), []
    text.input.append("data")
    text.input_shape.add().dim.extend([1, *net.inputs[data][1:]])
    latest = {data: "data"}
    for number in numbers:
        layer = net.layers[number]
        described = text.layer.add()
        described.CopyFrom(layer.params)
        described.name = str(number)
        described.bottom[:] = [latest[name] for name in _bottoms(layer)]
        # OpenCV calls some layers by their first top and others by their name, so both are the number
        described.top[:] = [f"{number}_{at}" if at else str(number) for at in range(len(layer.tops) or 1)]
        latest.update(zip(layer.tops, described.top, strict=False))
        if layer.type == _AS_SOFTMAX:
            described.type = "Softmax"
        if layer.blobs:
            # a blob of no axes would be read as none
            made.append(Made(described, tuple(np.atleast_1d(blob) for blob in layer.blobs)))
    prototxt, caffemodel = folder / "net.prototxt", folder / "net.caffemodel"
    prototxt.write_text(text_format.MessageToString(text), encoding="utf-8")
    save_caffemodel(caffemodel, "net", made)
    return prototxt, caffemodel
