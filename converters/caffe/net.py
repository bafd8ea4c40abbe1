"""A Caffe net after reading: inputs, layers in order with their weights, and what its data layer does to images."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Layer:
    """One layer of the net, in the words of Caffe's new format.

    `params`: the LayerParameter message (converters.caffe.messages), upgraded; absent fields give Caffe's defaults.
    `blobs`: float32 or float64 arrays with the shapes of the file; a legacy blob (num, channels, height, width) has
    four axes, so who uses a blob reshapes it to what the layer needs and refuses another count of values.
    """

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    params: Any
    blobs: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True)
class Transform:
    """What a data layer does to pixels of 0..255: centre crop, then (pixel - mean) * scale (data_transformer.cpp)."""

    scale: float = 1.0
    crop_size: int = 0
    mean_values: tuple[float, ...] = ()
    mean_file: str = ""
    force_gray: bool = False


@dataclass(frozen=True)
class Net:
    """A net of one phase (TEST): `inputs` maps a name to its shape (n, c, h, w), n as the file says.

    `layers` are in the file's order, phases chosen, data layers replaced by inputs; names of layers may repeat, tops
    may be written in place. `transform`: that of the data layer, where the file has one.
    """

    name: str
    inputs: dict[str, tuple[int, ...]]
    layers: tuple[Layer, ...]
    transform: Transform | None = None
