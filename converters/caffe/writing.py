"""The way out: plain sequential PyTorch nets as Caffe files, a prototxt for deployment and a caffemodel."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from converters.caffe.chain import layers_of
from converters.caffe.net import Transform
from converters.caffe.saving import save_caffemodel, save_prototxt


@dataclass(frozen=True)
class Written:
    """The two files of a net."""

    prototxt: Path
    caffemodel: Path


def write(
    modules: nn.Module | Sequence[nn.Module],
    stem: Path,
    *,
    size: tuple[int, int],
    channels: int = 3,
    transform: Transform | None = None,
    legacy: bool = False,
) -> Written:
    """Write modules in a row, nested Sequentials among them, as STEM.prototxt and STEM.caffemodel.

    For images [n, channels, height, width]; a net that is no Sequential is passed as the list of what it does, such as
    `[*net.body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), net.head]`. `transform`: what was done to the pixels in
    training, which the caffemodel then says as Caffe's own do. `legacy`: V1 layers, which have fewer types. The modules
    come back as they were. Raises UnsupportedLayer, which names the module.
    """
    shape = (1, channels, *size)
    layers = layers_of(modules, shape)
    files = Written(stem.with_name(f"{stem.name}.prototxt"), stem.with_name(f"{stem.name}.caffemodel"))
    save_prototxt(files.prototxt, stem.name, shape, layers, legacy=legacy)
    save_caffemodel(files.caffemodel, stem.name, layers, transform=transform, legacy=legacy)
    return files
