"""Caffe in plain numpy: every layer written from its description, to hold the converted models against.

Nothing here is shared with the conversion but the net as it was read: layers run in the file's order over blobs with
names, in place where the file says so, as Caffe runs them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from converters.caffe.net import Layer, Net
from converters.caffe.plain import channels, places, spatial, values

Run = Callable[[Layer, Sequence[np.ndarray]], list[np.ndarray]]

PLAIN: dict[str, Run] = {
    "AbsVal": values.absval,
    "ArgMax": values.argmax,
    "BNLL": values.bnll,
    "BatchNorm": channels.batch_norm,
    "Bias": channels.bias,
    "Clip": values.clip,
    "Concat": places.concat,
    "ContrastiveLoss": places.same,
    "Convolution": spatial.convolution,
    "Crop": places.crop,
    "Deconvolution": spatial.deconvolution,
    "Dropout": places.same,
    "ELU": values.elu,
    "Eltwise": values.eltwise,
    "EuclideanLoss": places.same,
    "Exp": values.exp,
    "Flatten": places.flatten,
    "HingeLoss": places.same,
    "InfogainLoss": values.infogain,
    "InnerProduct": spatial.inner_product,
    "LRN": channels.lrn,
    "Log": values.log,
    "MVN": channels.mvn,
    "MultinomialLogisticLoss": places.same,
    "PReLU": values.prelu,
    "Permute": places.permute,
    "Pooling": spatial.pooling,
    "Power": values.power,
    "ReLU": values.relu,
    "Reduction": values.reduction,
    "SPP": spatial.spp,
    "Scale": channels.scale,
    "Sigmoid": values.sigmoid,
    "SigmoidCrossEntropyLoss": values.sigmoid,
    "Silence": places.nothing,
    "Slice": places.slice_,
    "Softmax": values.softmax,
    "SoftmaxWithLoss": values.softmax_with_loss,
    "Split": places.split,
    "Swish": values.swish,
    "TanH": values.tanh,
    "Threshold": values.threshold,
    "Tile": places.tile,
}

# images at once: activations of a large net would fill the memory otherwise
_AT_ONCE = 8


class Plain:
    """A net in plain numpy, as a converters.conversion.Reference.

    `end`: the number of the layer whose top number `top` holds the scores. `tensors`: for each layer by its number,
    what the converted model calls its tops (None: nothing of its own).
    """

    runtime = "numpy"
    version = np.__version__

    def __init__(
        self, net: Net, end: int, top: int = 0, tensors: Mapping[int, Sequence[str | None]] | None = None
    ) -> None:
        self._net, self._end, self._top = net, end, top
        self._tensors = tensors or {}
        self._needed = self._reach(end)

    def scores(self, inputs: np.ndarray) -> np.ndarray:
        """Scores [n, k] for inputs float32 [n, c, h, w] as the model takes them."""
        parts = []
        for start in range(0, len(inputs), _AT_ONCE):
            images = inputs[start : start + _AT_ONCE]
            for number, tops in self._run(images):
                if number == self._end:
                    parts.append(tops[self._top].reshape(len(images), -1))
        return np.concatenate(parts)

    def layers(self, inputs: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """(tensor of the converted model, value here), layer by layer."""
        for number, tops in self._run(inputs):
            for name, value in zip(self._tensors.get(number, ()), tops, strict=False):
                if name is not None:
                    yield name, value

    def _reach(self, end: int) -> list[int]:
        """The layers on the way to the end, found from behind by the names that are still wanted."""
        wanted: set[str] = set()
        found = []
        for number in range(end, -1, -1):
            layer = self._net.layers[number]
            if number == end or wanted.intersection(layer.tops):
                found.append(number)
                wanted.difference_update(layer.tops)
                wanted.update(self._read_by(layer))
        return found[::-1]

    def _read_by(self, layer: Layer) -> Sequence[str]:
        """What a layer reads; a loss is not told the labels."""
        return layer.bottoms[:1] if layer.type.endswith("Loss") else layer.bottoms

    def _run(self, inputs: np.ndarray) -> Iterator[tuple[int, list[np.ndarray]]]:
        read = {name for number in self._needed for name in self._read_by(self._net.layers[number])}
        blobs = {}
        for name, shape in self._net.inputs.items():
            if name in read and len(shape) == 4:
                blobs[name] = _centre(inputs.astype(np.float32), shape[2], shape[3])
        batch = next((shape[0] for name, shape in self._net.inputs.items() if name in read), 1)
        for number in self._needed:
            layer = self._net.layers[number]
            bottoms = [blobs[name] for name in self._read_by(layer)]
            if layer.type == "Reshape":
                tops = places.reshape(layer, bottoms, batch)
            else:
                tops = PLAIN[layer.type](layer, bottoms)
            yield number, tops
            blobs.update(zip(layer.tops, tops, strict=False))


def _centre(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """The centre of larger images, as the data layer cuts it in the TEST phase (Caffe: data_transformer.cpp)."""
    top, left = (images.shape[2] - height) // 2, (images.shape[3] - width) // 2
    return images[:, :, top : top + height, left : left + width]
