"""Real handwritten digits, zero to nine: scikit-learn's 1,797 images of 8 x 8, each in one role only, redrawn smoothly.

The file (the UCI test set "Optical Recognition of Handwritten Digits", 13 writers) is read without importing
scikit-learn. Its order follows the writers. In each class the first images are ODD's, the next 50 TDD's, the last 40
PDD's: no original is in two roles. Image i of class c shows the class's original number (first + i) // 10, in an order
shuffled by the seed: labels that hold each class once in every run of ten, as `benchmark.drawn.labels` gives them, show
each original once. TDD ends there; ODD and PDD begin again with other shifts, turns and pens. Image i depends on
(VERSION, style, seed, first + i, label i) only.
"""

import functools
import gzip
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.drawn.chance import Chance, Floats
from benchmark.drawn.fields import blur, field, grid, sample
from benchmark.refusals import DataMissing

VERSION = 1
CLASSES = 10
TDD_EACH, PDD_EACH = 50, 40  # originals of each class held out
FINE = 48  # pixels of the smooth enlargement of an original with its margin
CHUNK = 256  # images drawn at once; changes no pixel


@dataclass(frozen=True)
class Hand:
    """How a style renders an original; ranges are (low, high), turns in radians, lengths in half image widths."""

    role: str
    turn: tuple[float, float] = (-0.22, 0.22)
    slant: tuple[float, float] = (-0.12, 0.12)
    zoom: tuple[float, float] = (0.75, 1.1)
    shift: float = 0.13
    threshold: tuple[float, float] = (0.25, 0.55)  # of ink; lower is a broader pen
    edge: tuple[float, float] = (0.35, 0.8)
    ground: tuple[float, float] = (0.0, 0.35)
    ink: tuple[float, float] = (0.52, 1.0)
    grain: float = 0.12
    paper: float = 0.0  # deviation of the paper's 1/f texture
    inverted: float = 0.0  # share of dark ink on light ground


HANDS = {
    "odd": Hand("odd"),
    "tdd": Hand("tdd"),
    "pdd": Hand(
        "pdd",
        slant=(0.1, 0.45),
        threshold=(0.15, 0.3),
        ground=(0.15, 0.4),
        ink=(0.55, 0.9),
        grain=0.1,
        paper=0.06,
        inverted=0.25,
    ),
}
STYLES = tuple(HANDS)


def draw(style: str, labels_N: NDArray[np.int64], seed: int, size: int, first: int = 0) -> NDArray[np.uint8]:
    """Digits of those classes (0..9): uint8 [n, size, size, 3], three equal channels, 0..255.

    Raises ValueError for an unknown style or label, and when style "tdd" would show an original twice.
    """
    originals = originals_of(style, labels_N, seed, first)
    images = np.empty((len(labels_N), size, size, 3), np.uint8)
    for start in range(0, len(images), CHUNK):
        indices = np.arange(start, min(start + CHUNK, len(images)))
        chance = Chance(f"digits/{VERSION}/{style}", seed, first + indices)
        images[start : start + len(indices)] = _render(HANDS[style], originals[indices], chance, size)[..., None]
    return images


def originals_of(style: str, labels_N: NDArray[np.int64], seed: int, first: int = 0) -> NDArray[np.int64]:
    """Which original (row of the file) each image shows, int64 [n]; raises as `draw`."""
    if style not in HANDS:
        raise ValueError(f"digits has no style {style!r}; choose one of {', '.join(STYLES)}.")
    if len(labels_N) and not 0 <= labels_N.min() <= labels_N.max() < CLASSES:
        raise ValueError(f"digits has the labels 0 to 9, not {labels_N.min()} to {labels_N.max()}.")
    if style == "tdd" and first + len(labels_N) > CLASSES * TDD_EACH:
        asked, held = first + len(labels_N), CLASSES * TDD_EACH
        raise ValueError(f"digits: {asked} images of style tdd asked, {held} originals are held out. Ask fewer.")
    turn_N = (first + np.arange(len(labels_N))) // CLASSES
    shown = np.empty(len(labels_N), np.int64)
    for digit in range(CLASSES):
        rows = _rows(HANDS[style].role, digit)
        order = np.argsort(Chance(f"digits/{VERSION}/order/{digit}", seed, rows).uniform("place"), kind="stable")
        places = np.flatnonzero(labels_N == digit)
        shown[places] = rows[order][turn_N[places] % len(rows)]
    if style == "tdd" and len(np.unique(shown)) < len(shown):
        raise ValueError(
            "digits: the labels of style tdd repeat a class within a run of ten; take them from benchmark.drawn.labels."
        )
    return shown


def _rows(role: str, digit: int) -> NDArray[np.int64]:
    """The rows of the file that the role has of that class, in the file's order."""
    rows = np.flatnonzero(_read()[1] == digit)
    first, second = len(rows) - TDD_EACH - PDD_EACH, len(rows) - PDD_EACH
    return {"odd": rows[:first], "tdd": rows[first:second], "pdd": rows[second:]}[role]


def _render(hand: Hand, originals: NDArray[np.int64], chance: Chance, size: int) -> NDArray[np.uint8]:
    """The originals as grey images, uint8 [n, size, size]."""
    x, y = _places(hand, chance, size)
    ink = sample(_enlarged()[originals][..., None], x, y)[..., 0]
    threshold, edge = chance.uniform("threshold", *hand.threshold), chance.uniform("edge", *hand.edge)
    ink = np.clip((ink - threshold[:, None, None]) / edge[:, None, None] + 0.5, 0, 1)
    ground, full = (
        chance.uniform("ground", *hand.ground)[:, None, None],
        chance.uniform("ink", *hand.ink)[:, None, None],
    )
    image = ground + (full - ground) * ink
    if hand.paper:
        roughness = chance.uniform("roughness", 0, 2 * hand.paper)[:, None, None]
        image += field(chance, "paper", size, chance.uniform("fibre", 0.6, 1.4)) * roughness
    inverted = chance.happens("inverted", hand.inverted)
    image[inverted] = 1.0 - image[inverted]
    soft = chance.happens("soft", 0.3)
    image[soft] = blur(image[soft])
    grain = chance.normals("grain", size * size).reshape(image.shape)
    image += grain * chance.uniform("graininess", 0, hand.grain)[:, None, None]
    return np.asarray(np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def _places(hand: Hand, chance: Chance, size: int) -> tuple[Floats, Floats]:
    """Where each pixel lies in the enlarged original: across and down, float32 [n, size, size] each."""
    across, down = grid(size)
    turn, slant = chance.uniform("turn", *hand.turn), chance.uniform("slant", *hand.slant)
    zoom, shift = chance.uniform("zoom", *hand.zoom), chance.uniforms("shift", 2, -hand.shift, hand.shift)
    cos, sin = (np.cos(turn) / zoom)[:, None, None], (np.sin(turn) / zoom)[:, None, None]
    x, y = across - shift[:, :1, None], down - shift[:, 1:, None]
    x, y = x * cos + y * sin, y * cos - x * sin
    pair = np.stack([x + y * slant[:, None, None], y]).astype(np.float32)
    pair = (pair + np.float32(1)) * np.float32(FINE / 2) - np.float32(0.5)
    return pair[0], pair[1]


@functools.cache
def _enlarged() -> Floats:
    """All originals with a margin of two pixels, enlarged smoothly: float32 [1797, FINE, FINE], 0..1 (about)."""
    small = np.pad(_read()[0], ((0, 0), (2, 2), (2, 2)))
    large = np.empty((len(small), FINE, FINE), np.float32)
    for i, pixels in enumerate(small):
        large[i] = np.asarray(Image.fromarray(pixels).resize((FINE, FINE), Image.Resampling.BICUBIC))
    return large


@functools.cache
def _read() -> tuple[Floats, NDArray[np.int64]]:
    """Images float32 [1797, 8, 8], 0..1, and labels int64 [1797], in the file's order."""
    spec = importlib.util.find_spec("sklearn")
    path = Path(spec.origin or "").parent / "datasets" / "data" / "digits.csv.gz" if spec else Path("digits.csv.gz")
    if not path.is_file():
        raise DataMissing("digits.csv.gz is not in the installed scikit-learn. Reinstall scikit-learn.")
    with gzip.open(path, "rt", encoding="ascii") as lines:
        table = np.array([line.split(",") for line in lines], np.float32)
    return (table[:, :64] / np.float32(16)).reshape(-1, 8, 8), table[:, 64].astype(np.int64)
