"""The builtin pool of natural images: crops of packaged photographs, drawn textures, leaves, strokes, and mixtures.

It holds nothing of the builtin problems' renderers. Image i depends on (VERSION, style, seed, first + i) only.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from benchmark.drawn.chance import Chance, Floats
from benchmark.drawn.fields import LUMA, blend, blur, field, grid, soft_step
from benchmark.drawn.outlines import leaves, strokes, things
from benchmark.drawn.photographs import crops
from benchmark.drawn.textures import blobs, clouds, facets, fractals, gradients, warp, waves

VERSION = 1
STYLES = ("mixed", "drawn", "photographs")

Family = Callable[[Chance, int], Floats]
CHUNK = 128  # images drawn at once; changes no pixel
SIMPLE: dict[Family, float] = {
    crops: 0.28, things: 0.2, strokes: 0.17, waves: 0.17, leaves: 0.08,
    clouds: 0.04, blobs: 0.02, fractals: 0.02, gradients: 0.01, facets: 0.01,
}  # fmt: skip
LAYERED = 0.35  # share of images that are two simple ones under a mask
WARPED = 0.15
GREY = 0.12


def draw(style: str, labels_N: NDArray[np.int64], seed: int, size: int, first: int = 0) -> NDArray[np.uint8]:
    """As many images as labels (whose values are not looked at): uint8 [n, size, size, 3], RGB, 0..255.

    `style` is one of STYLES, `size` 8 or more, `first` the number of the first image.
    Raises ValueError for another style or size.
    """
    if style not in STYLES:
        raise ValueError(f"natural has no style {style!r}; choose one of {', '.join(STYLES)}.")
    if size < 8:
        raise ValueError(f"natural cannot draw {size} pixels; choose 8 or more.")
    images = np.empty((len(labels_N), size, size, 3), np.uint8)
    for start in range(0, len(images), CHUNK):
        indices = np.arange(start, min(start + CHUNK, len(images)))
        chance = Chance(f"natural/{VERSION}/{style}", seed, first + indices)
        images[start : start + len(indices)] = _finish(_scene(chance, _shares(style), size), chance.under("finish"))
    return images


def _shares(style: str) -> dict[Family, float]:
    if style == "photographs":
        return {crops: 1.0}
    return {family: share for family, share in SIMPLE.items() if style == "mixed" or family is not crops}


def _scene(chance: Chance, shares: dict[Family, float], size: int) -> Floats:
    image = _simple(chance.under("first"), shares, size)
    chosen = chance.happens("layered", LAYERED)
    if chosen.any():
        part = chance.of(chosen)
        noise = field(part, "mask", size, part.uniform("mask slope", 1.2, 2.2))
        mask = soft_step(
            noise - part.uniform("mask level", -0.6, 0.6)[:, None, None],
            part.uniform("mask edge", 0.05, 2.0)[:, None, None],
        )
        image[chosen] = blend(image[chosen], _simple(part.under("second"), shares, size), mask)
    chosen = chance.happens("warped", WARPED)
    if chosen.any():
        image[chosen] = warp(image[chosen], chance.of(chosen))
    return image


def _simple(chance: Chance, shares: dict[Family, float], size: int) -> Floats:
    """Each image from the one family that its number picks."""
    edges = np.cumsum(list(shares.values()))
    pick = np.searchsorted(edges, chance.uniform("family") * edges[-1], side="right")
    image = np.empty((len(chance), size, size, 3), np.float32)
    for position, family in enumerate(shares):
        chosen = pick == position
        if chosen.any():
            image[chosen] = family(chance.of(chosen).under(family.__name__), size)
    return image


def _finish(image: Floats, chance: Chance) -> NDArray[np.uint8]:
    """What light and camera do: contrast, exposure, colour of light, uneven light, grey film, blur, noise; to uint8."""
    across, down = grid(image.shape[1])
    mean = image.mean(axis=(1, 2, 3), keepdims=True)
    # most cameras stretch what they see to their range, some do not
    stretch = chance.uniform("deviation", 0.12, 0.3)[:, None, None, None] / (
        image.std(axis=(1, 2, 3), keepdims=True) + 0.02
    )
    free = np.exp(0.15 + chance.normals("contrast", 1) * 0.3)[:, :, None, None]
    contrast = np.where(chance.happens("stretched", 0.65)[:, None, None, None], np.clip(stretch, 0.5, 5.0), free)
    exposure = chance.normals("exposure", 1)[:, :, None, None] * 0.1
    image = (image - mean) * contrast + 0.7 * mean + 0.3 * 0.45 + exposure
    tint = 1.0 + chance.normals("tint", 3)[:, None, None] * 0.07
    slope = chance.normals("slope", 2) * 0.1
    light = 1.0 + slope[:, :1, None] * across + (slope[:, 1:, None] - 0.06) * down  # mostly from above
    image = image * tint * light[..., None]
    grey = chance.happens("grey", GREY)
    image[grey] = (image[grey] * LUMA).sum(axis=-1, keepdims=True)
    soft = chance.happens("soft", 0.2)
    image[soft] = blur(image[soft])
    noisy = chance.happens("noisy", 0.4)
    part = chance.of(noisy)
    noise = part.normals("noise", image[0, ..., 0].size).reshape(-1, *image.shape[1:3], 1)
    image[noisy] += noise * part.uniform("noise level", 0.0, 0.05)[:, None, None, None]
    return (np.clip(image, 0.0, 1.0) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
