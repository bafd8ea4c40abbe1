"""Images drawn by rule: stand-ins for data sets that may not be shipped.

A renderer is a module with `VERSION: int`, `STYLES: tuple[str, ...]` and

    draw(style, labels_N, seed, size, first=0) -> images_NHWC   (uint8 [n, size, size, 3], RGB, 0..255)

Image i depends on (VERSION, style, seed, first + i, label i) and on nothing else: a prefix of a longer draw is the same
images, and a draw may be cut into pieces (`first` says where a piece starts) and split over processes.
"""

import importlib
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from benchmark.drawn.chance import Chance
from benchmark.refusals import UnknownName

RENDERERS: dict[str, str] = {
    "crosswalks": "benchmark.drawn.crosswalks",
    "digits": "benchmark.drawn.digits",
    "faces": "benchmark.drawn.faces",
    "house_numbers": "benchmark.drawn.house_numbers",
    "natural": "benchmark.drawn.natural",
    "objects": "benchmark.drawn.objects",
    "pedestrians": "benchmark.drawn.pedestrians",
    "signs": "benchmark.drawn.signs",
}


class Renderer(Protocol):
    """What a renderer module offers."""

    VERSION: int
    STYLES: tuple[str, ...]

    def draw(self, style: str, labels_N: NDArray[np.int64], seed: int, size: int, first: int = 0) -> NDArray[np.uint8]:
        """Images of these labels."""


def renderer(name: str) -> Renderer:
    """The renderer of that name, imported when first wanted. Raises UnknownName."""
    if name not in RENDERERS:
        raise UnknownName("renderer", name, RENDERERS)
    return cast("Renderer", importlib.import_module(RENDERERS[name]))


def labels(count: int, classes: int, seed: int) -> NDArray[np.int64]:
    """Balanced, shuffled labels 0..classes-1 (int64 [count]); a smaller count is a prefix of a larger one.

    Every run of `classes` labels holds each class once, in an order of its own. Raises ValueError.
    """
    if count < 0 or classes < 1:
        raise ValueError(f"labels: count {count} and classes {classes}: want at least 0 and 1.")
    rounds = Chance("labels", seed, np.arange(-(-count // classes))).uniforms("order", classes)
    return np.argsort(rounds, axis=1, kind="stable").astype(np.int64).ravel()[:count]
