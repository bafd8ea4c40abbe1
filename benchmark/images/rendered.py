"""Drawn images: a builtin source, rendered in pieces by the processors of this machine."""

import importlib
import multiprocessing
import os
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark import drawn
from benchmark.images.decode import Pixels, fit_array
from benchmark.images.sources import BuiltinSource, Colour
from benchmark.refusals import EnvironmentRefused, UnknownName

PIECE = 256  # images that are drawn at a time
ALONE = 1024  # up to so many, starting processes costs more than it saves


class Piece(NamedTuple):
    """A run of images to draw: everything that a process needs to know."""

    module: str
    style: str
    labels_N: NDArray[np.int64]
    seed: int
    size: tuple[int, int]
    colour: Colour
    first: int


def module_of(source: BuiltinSource) -> str:
    """The module that draws this source. Raises UnknownName for a renderer or a style that does not exist."""
    if source.renderer not in drawn.RENDERERS:
        raise UnknownName("renderer", source.renderer, drawn.RENDERERS)
    module = drawn.RENDERERS[source.renderer]
    styles: tuple[str, ...] = importlib.import_module(module).STYLES
    if source.style not in styles:
        raise UnknownName(f"style of renderer {source.renderer}", source.style, styles)
    return module


def version_of(source: BuiltinSource) -> int:
    """The renderer's version: another one draws other images."""
    return int(importlib.import_module(module_of(source)).VERSION)


def drawn_labels(source: BuiltinSource, classes: int | None) -> NDArray[np.int64]:
    """The labels that are drawn, int64 [count]; zeros for a pool, whose renderer takes no heed of them."""
    count = source.count if source.limit is None else min(source.count, source.limit)
    return np.zeros(count, np.int64) if classes is None else drawn.labels(count, classes, source.seed)


def draw_all(
    source: BuiltinSource, labels_N: NDArray[np.int64], size: tuple[int, int], colour: Colour
) -> Generator[Pixels, None, None]:
    """The images in pieces, in order: uint8 [n, h, w, 3]. Raises EnvironmentRefused when a process is lost."""
    module = module_of(source)
    pieces = [
        Piece(module, source.style, labels_N[first : first + PIECE], source.seed, size, colour, first)
        for first in range(0, len(labels_N), PIECE)
    ]
    workers = min(os.cpu_count() or 1, len(pieces))
    if len(labels_N) <= ALONE or workers == 1:
        yield from map(draw_piece, pieces)
        return
    try:
        with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            yield from pool.map(draw_piece, pieces)
    except BrokenProcessPool:
        raise EnvironmentRefused(f"{source.text}: a drawing process was lost (out of memory?). Run it again.") from None


def draw_piece(piece: Piece) -> Pixels:
    """One run of images, drawn square and fitted to the size by the rules of decode.py where that is not square."""
    height, width = piece.size
    side = max(height, width)
    images = importlib.import_module(piece.module).draw(
        piece.style, piece.labels_N, piece.seed, side, first=piece.first
    )
    if images.shape != (len(piece.labels_N), side, side, 3) or images.dtype != np.uint8:
        raise ValueError(f"{piece.module}: drew {images.dtype} {list(images.shape)}")
    if height == width and piece.colour == "rgb":
        return np.asarray(images)
    if height == width:
        return np.stack(
            [np.repeat(np.asarray(Image.fromarray(image).convert("L"))[:, :, None], 3, 2) for image in images]
        )
    return np.stack([fit_array(image, piece.size, piece.colour) for image in images])
