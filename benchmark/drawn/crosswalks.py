"""Aerial photographs with and without a zebra crossing, drawn: classes no-crosswalk (0) and crosswalk (1).

Three styles stand for three flights: "summer" and "spring" (another season and camera, otherwise alike), and "winter"
(low sun, haze, coarse and pale). Image i depends on (VERSION, style, seed, first + i, label i) only.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.drawn.aerial import MATERIALS, NUMBER, Dice, Ground
from benchmark.drawn.chance import Chance, Floats
from benchmark.drawn.fields import blur, field, grid
from benchmark.drawn.streets import land, parking, street

VERSION = 1
SUPER = 3  # the maps are drawn this many times finer
CHUNK = 128  # images drawn at once; changes no pixel
THROWS = 223  # random numbers of an image's scene

# of MATERIALS, in their order: mean colour (0..1), deviation of its lightness from image to image, depth of texture
COLOURS: Floats = np.array(
    [
        (0.34, 0.42, 0.22), (0.52, 0.44, 0.33), (0.36, 0.36, 0.37), (0.60, 0.58, 0.55),
        (0.90, 0.90, 0.88), (0.86, 0.70, 0.28),
        (0.58, 0.33, 0.26), (0.42, 0.41, 0.42), (0.72, 0.73, 0.75), (0.17, 0.26, 0.13), (0.27, 0.37, 0.18),
        (0.92, 0.92, 0.93), (0.12, 0.12, 0.14), (0.62, 0.13, 0.12), (0.18, 0.27, 0.50),
        (0.16, 0.19, 0.23), (0.66, 0.65, 0.62),
    ],
    np.float32,
)  # fmt: skip
VARIATION: Floats = np.array([8, 8, 6, 7, 4, 5, 9, 9, 9, 6, 7, 3, 4, 8, 8, 4, 7], np.float32) / np.float32(100)
GRAIN: Floats = np.array([5, 5, 2.5, 3, 3, 3, 4, 3, 3, 8, 8, 1, 1, 1, 1, 1, 3], np.float32) / np.float32(100)


@dataclass(frozen=True)
class Flight:
    """Season, sun and camera of a style; ranges are (low, high)."""

    view: tuple[float, float] = (10.0, 16.0)  # metres of the image's side
    green: tuple[float, float, float] = (1.0, 1.0, 1.0)  # factors on the colours of plants
    cover: tuple[float, float, float] | None = None  # what lies on unpaved ground, such as snow
    wear: tuple[float, float] = (-2.6, -0.6)  # paint is gone where a field of deviation 1 lies below
    sun: tuple[float, float] = (0.2, 0.8)  # metres of shadow per metre of height
    haze: tuple[float, float] = (0.0, 0.12)
    light: tuple[float, float] = (0.75, 1.15)
    cast: tuple[float, float, float] = (1.0, 1.0, 1.0)
    soft: float = 0.3  # share of images blurred once more
    noise: float = 0.03


FLIGHTS = {
    "summer": Flight(),
    "spring": Flight(
        view=(10.5, 17.0), green=(1.12, 1.05, 0.85), sun=(0.4, 1.1), haze=(0.0, 0.16),
        cast=(1.04, 1.0, 0.95), soft=0.45, noise=0.04,
    ),
    "winter": Flight(
        view=(11.0, 19.0), green=(1.25, 0.95, 1.05), cover=(0.80, 0.82, 0.86), wear=(-2.2, -0.2),
        sun=(0.8, 2.0), haze=(0.1, 0.35), light=(0.6, 1.05), cast=(0.93, 1.0, 1.09), soft=0.8, noise=0.06,
    ),
}  # fmt: skip
STYLES = tuple(FLIGHTS)


def draw(style: str, labels_N: NDArray[np.int64], seed: int, size: int, first: int = 0) -> NDArray[np.uint8]:
    """Images of those labels (0 or 1): uint8 [n, size, size, 3], RGB, 0..255; `first` is the number of the first image.

    Raises ValueError for an unknown style or label.
    """
    if style not in FLIGHTS:
        raise ValueError(f"crosswalks has no style {style!r}; choose one of {', '.join(STYLES)}.")
    if len(labels_N) and not 0 <= labels_N.min() <= labels_N.max() <= 1:
        raise ValueError(f"crosswalks has the labels 0 and 1, not {labels_N.min()} to {labels_N.max()}.")
    images = np.empty((len(labels_N), size, size, 3), np.uint8)
    for start in range(0, len(images), CHUNK):
        indices = np.arange(start, min(start + CHUNK, len(images)))
        chance = Chance(f"crosswalks/{VERSION}/{style}", seed, first + indices)
        maps = _maps(FLIGHTS[style], labels_N[indices], chance, size * SUPER)
        images[start : start + len(indices)] = _photograph(FLIGHTS[style], maps, chance, size)
    return images


Maps = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def _maps(flight: Flight, labels_N: NDArray[np.int64], chance: Chance, fine: int) -> Maps:
    """Materials and shadows, uint8 [n, fine, fine] each."""
    throws = chance.uniforms("scene", THROWS).tolist()
    view, reach = chance.uniform("view", *flight.view), chance.uniform("sun", *flight.sun)
    azimuth = chance.uniform("azimuth", 0, 2 * math.pi)
    kind = chance.uniform("kind")
    materials = np.empty((len(labels_N), fine, fine), np.uint8)
    shadows = np.empty_like(materials)
    for i, label in enumerate(labels_N):
        dice, metres = Dice(throws[i]), float(view[i])
        start = NUMBER[dice.pick("grass", "grass", "soil", "pavement", "concrete")]
        canvas, shade = Image.new("L", (fine, fine), start), Image.new("L", (fine, fine))
        sun = (float(reach[i] * np.cos(azimuth[i])), float(reach[i] * np.sin(azimuth[i])))
        ground = Ground(canvas, shade, fine / metres, sun)
        if label == 1 or kind[i] < 0.5:
            street(ground, metres, bool(label == 1), dice)
        elif kind[i] < 0.75:
            parking(ground, metres, dice)
        else:
            land(ground, metres, dice)
        materials[i], shadows[i] = np.asarray(canvas), np.asarray(shade)
    return materials, shadows


def _photograph(flight: Flight, maps: Maps, chance: Chance, size: int) -> NDArray[np.uint8]:
    """Colour, grain, worn paint, shadows, then camera: haze, light, blur, noise."""
    materials, shadows = maps
    row = np.arange(len(chance))[:, None, None]
    worn = (
        field(chance, "wear", size, np.full(len(chance), 0.8, np.float32))
        < chance.uniform("worn", *flight.wear)[:, None, None]
    )
    paint = (materials == NUMBER["paint"]) | (materials == NUMBER["yellow"])
    materials = np.where(paint & worn.repeat(SUPER, 1).repeat(SUPER, 2), NUMBER["asphalt"], materials)
    image = _shrink(_colours(flight, chance)[row, materials])
    texture = field(chance, "texture", size, chance.uniform("roughness", 0.5, 1.1))
    rough = image + (texture * _shrink(GRAIN[materials]))[..., None]
    shade = _shrink(shadows.astype(np.float32)) / 255 * chance.uniform("shade", 0.35, 0.6)[:, None, None]
    lit = 1 - shade[..., None] * np.array([1.0, 0.97, 0.9], np.float32)  # shadows are bluish
    return _expose(flight, np.asarray(rough * lit, np.float32), chance)


def _colours(flight: Flight, chance: Chance) -> Floats:
    """Each image's colours of the materials, float32 [n, materials, 3]."""
    count = len(MATERIALS)
    light = chance.normals("lightness", count)[..., None] * VARIATION[:, None]
    hue = chance.normals("hue", 3 * count).reshape(-1, count, 3) * VARIATION[:, None] * 0.35
    colours = COLOURS + light + hue
    for name in ("grass", "tree", "leaf"):
        colours[:, NUMBER[name]] *= np.array(flight.green, np.float32)
    if flight.cover is not None:
        for name in ("grass", "soil", "pavement", "tiles", "felt"):
            share = chance.uniform(f"cover {name}", -0.2, 0.7).clip(0)[:, None]
            colours[:, NUMBER[name]] += share * (np.array(flight.cover, np.float32) - colours[:, NUMBER[name]])
    return np.asarray(np.clip(colours, 0.02, 1.0), np.float32)


def _expose(flight: Flight, image: Floats, chance: Chance) -> NDArray[np.uint8]:
    size = image.shape[1]
    across, down = grid(size)
    tilt = chance.normals("tilt", 2) * 0.05
    light = chance.uniform("light", *flight.light)[:, None, None] * (
        1 + tilt[:, :1, None] * across + tilt[:, 1:, None] * down
    )
    cast = np.array(flight.cast, np.float32) * (1 + chance.normals("cast", 3) * 0.03)
    image = image * light[..., None] * cast[:, None, None]
    haze = chance.uniform("haze", *flight.haze)[:, None, None, None]
    image = image + haze * (np.float32(0.75) - image)
    soft = chance.happens("soft", flight.soft)
    image[soft] = blur(image[soft])
    noise = (
        chance.normals("noise", size * size).reshape(-1, size, size)
        * chance.uniform("grain", 0, flight.noise)[:, None, None]
    )
    return (np.clip(image + noise[..., None], 0, 1) * 255 + 0.5).astype(np.uint8)


def _shrink(image: Floats) -> Floats:
    """Means of SUPER x SUPER pixels; [n, SUPER h, SUPER w, ...] to [n, h, w, ...]."""
    total = sum(image[:, i::SUPER, j::SUPER] for i in range(SUPER) for j in range(SUPER))
    return np.asarray(total / np.float32(SUPER * SUPER), np.float32)
