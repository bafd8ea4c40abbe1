"""OpenCV as a witness of a conversion: asked in a process of its own, on the net's own files where it reads them."""

import importlib.util
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from converters.apart import Task, call, time_for
from converters.caffe.net import Net
from converters.caffe.opencv import centre, opencv, opened, reach, run, write
from converters.caffe.sources import TEXTS, read_text
from converters.caffe.wiring import Ref
from converters.conversion import Statement, Wishes
from converters.refusals import ConversionRefused, ReaderLost, SourceDamaged, UnsupportedLayer

_INPUTS, _SCORES = "inputs", "scores.npy"
_MEMORY = 16 << 30
Files = tuple[Path, Path]


def deployed(files: Sequence[Path], wishes: Wishes) -> Files | None:
    """The prototxt and the caffemodel of a net, its text first, if OpenCV may be given them as they are.

    A net for training, rules of phases and a size of the user's are understood by our own reader only.
    """
    binaries = [file for file in files[1:] if file.suffix.lower() == ".caffemodel"]
    said = wishes.size is not None or wishes.image_channels is not None
    if said or len(binaries) != 1 or files[0].suffix.lower() not in TEXTS:
        return None
    text = read_text(files[0])
    if text.is_training or any(layer.include or layer.exclude for layer in text.net.layer):
        return None
    return files[0], binaries[0]


class OpenCVWitness:
    """A net in OpenCV 4, as a converters.conversion.Witness.

    `end`: the result that holds the scores. `files`: prototxt and caffemodel as their author left them. OpenCV reads
    these by itself, so it also bears witness to our reading of them; where it cannot, it is given the net as it was
    read here, written down again.
    """

    runtime = "OpenCV"

    def __init__(self, net: Net, end: Ref, files: Files | None = None) -> None:
        self._net, self._end, self._files = net, end, files

    def answer(self, batches: Iterable[np.ndarray], seconds: float) -> Statement:
        """Scores [m, k] for inputs float32 [n, c, h, w] as the model takes them, one after the other."""
        if importlib.util.find_spec("cv2") is None:
            return Statement(remark='is not installed; pip install "copycat-benchmark[caffe]"')
        if self._end.at:
            return Statement(remark="is not asked for a layer's second top")
        with TemporaryDirectory(prefix="caffe-", ignore_cleanup_errors=True) as name:
            try:
                return self._asked(batches, Path(name), seconds)
            except (ConversionRefused, OSError, ValueError) as refusal:
                return Statement(remark=f"could not answer: {refusal}")

    def _asked(self, batches: Iterable[np.ndarray], folder: Path, seconds: float) -> Statement:
        shape = self._store(batches, folder / _INPUTS)
        failed = ""
        for prototxt, caffemodel, layer, how in self._ways(folder):
            arguments = (str(prototxt), str(caffemodel), layer, ",".join(map(str, shape)), f"{seconds}", str(folder))
            limit = time_for(caffemodel) + 2 * seconds
            task = Task("converters.caffe.witness:answer_for_parent", arguments, folder, "the net", limit, _MEMORY)
            try:
                version = str(call(task))
                return Statement(version, np.load(folder / _SCORES, allow_pickle=False), how + failed)
            except ConversionRefused as refusal:
                failed = f"; {how}: {refusal.how if isinstance(refusal, ReaderLost) else refusal}"
        return Statement(remark=f"could not answer{failed}")

    def _ways(self, folder: Path) -> Iterator[tuple[Path, Path, str, str]]:
        """Prototxt, caffemodel, the layer with the scores, and how that is called; the stronger witness first."""
        name = self._net.layers[self._end.layer].name
        if self._files is not None and [layer.name for layer in self._net.layers].count(name) == 1:
            yield *self._files, name, "reading the files by itself"
        prototxt, caffemodel = write(self._net, *reach(self._net, self._end.layer), folder)
        yield prototxt, caffemodel, str(self._end.layer), "given the net as it was read here"

    def _store(self, batches: Iterable[np.ndarray], file: Path) -> tuple[int, ...]:
        """Leave the inputs for the child; [n, c, h, w] as the net takes them, without the border of larger images."""
        _, wants = reach(self._net, self._end.layer)
        count, sides = 0, tuple(self._net.inputs[wants][1:])
        with file.open("wb") as target:
            for inputs in batches:
                target.write(np.ascontiguousarray(centre(inputs, sides[1:]), dtype=np.float32).data)
                count += len(inputs)
        return count, *sides


def answer_for_parent(prototxt: str, caffemodel: str, layer: str, shape: str, seconds: str, folder: str) -> str:
    """The child's part: scores of the stored inputs, as many as the time allows, into a file; returns the version."""
    cv2 = opencv()
    inputs = np.memmap(Path(folder) / _INPUTS, np.float32, "r", shape=tuple(map(int, shape.split(","))))
    net = opened(cv2, prototxt, caffemodel)
    if layer not in net.getLayerNames():
        raise SourceDamaged(f"it knows no layer {layer[:80]!r}")
    rows = [row.reshape(-1) for row in _rows(cv2, net, inputs, layer, float(seconds))]
    if len({row.size for row in rows}) != 1:
        raise UnsupportedLayer("it gives another number of scores for each image")
    np.save(Path(folder) / _SCORES, np.stack(rows))
    return str(cv2.__version__)


def _rows(cv2: Any, net: Any, inputs: np.ndarray, layer: str, seconds: float) -> Iterator[np.ndarray]:
    began = time.monotonic()
    for at in range(len(inputs)):
        # one image at a time, since OpenCV takes the batch of a Reshape as the file writes it
        yield run(cv2, net, inputs[at : at + 1], [layer])[0]
        if time.monotonic() - began > seconds:
            return
