"""A layer's learned blobs in the shape that the layer needs, and refusals where the file holds something else."""

import math
from collections.abc import Sequence

import numpy as np

from converters.caffe.net import Layer
from converters.caffe.nodes import called
from converters.refusals import SourceDamaged, SourceIncomplete


def blob(layer: Layer, at: int, shape: Sequence[int], what: str) -> np.ndarray:
    """Blob number `at` as float32 of that shape, without a copy where the file holds float32.

    Legacy blobs have four axes, (1, 1, 1, N) for N biases, so only the count of values must fit. Raises
    SourceIncomplete where the blob is not there, SourceDamaged where it holds another count.
    """
    needed = math.prod(shape)
    if at >= len(layer.blobs):
        raise SourceIncomplete(
            f"{called(layer)} has no {what} in the file of weights; give the .caffemodel that"
            " belongs to this prototxt (layers are matched by name)"
        )
    found = layer.blobs[at]
    if found.size != needed:
        listed = " x ".join(str(side) for side in shape) or "1"
        raise SourceDamaged(
            f"{called(layer)}: its {what} hold {found.size:,} values, but {listed} are needed;"
            " prototxt, input size and weights must belong together"
        )
    return found.reshape(tuple(shape)).astype(np.float32, copy=False)


def refuse_more_blobs(layer: Layer, most: int) -> None:
    """Raise SourceDamaged for a layer with more blobs than its parameters allow: its weights mean something else."""
    if len(layer.blobs) > most:
        raise SourceDamaged(
            f"{called(layer)} has {len(layer.blobs)} blobs of weights, but its parameters need"
            f" {most}; prototxt and weights must belong together"
        )
