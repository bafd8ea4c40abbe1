"""What stands behind a drawn subject, and what light and camera do to it; whole batches at once.

Shapes: N images, H = W pixels, C channels (1 grey or 3 RGB). Pictures are float32 of 0..255.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.drawn.chance import Chance, Floats
from benchmark.drawn.layers import Layer, oval
from benchmark.drawn.palettes import Colour


@dataclass(frozen=True)
class Camera:
    """How strong light and camera faults of a style are; each a largest value, drawn per image up to it."""

    contrast: float = 0.2  # share of the contrast gained or lost
    brightness: float = 20.0  # grey levels up or down
    slope: float = 0.3  # light falling off from one side to the other
    shadow: float = 0.2  # depth of large soft shadows
    tint: float = 0.0  # share by which the light is coloured
    blur: float = 0.5  # 0 sharp, 1 a mean over 3 x 3 pixels
    noise: float = 8.0  # standard deviation in grey levels


def pick(chance: Chance, name: str, weights: Sequence[float]) -> NDArray[np.int64]:
    """An index into the weights per image, int64 [n], as often as its weight says."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    found_N = np.searchsorted(edges / edges[-1], chance.uniform(name), side="right")
    return np.minimum(found_N, len(edges) - 1).astype(np.int64)


def colours(chance: Chance, name: str, palette: Sequence[Colour], spread: float) -> Floats:
    """Colours [n, 3] from a palette, each made lighter or darker by up to `spread`, and half of that per channel."""
    chosen_N3 = np.asarray(palette, dtype=np.float32)[pick(chance, f"{name}/which", [1.0] * len(palette))]
    lighter_N1 = chance.uniforms(f"{name}/light", 1, -spread, spread)
    moved_N3 = chosen_N3 + lighter_N1 + chance.uniforms(f"{name}/hue", 3, -spread / 2, spread / 2)
    return moved_N3.clip(0, 255)


def clouds(chance: Chance, size: int, cells: int) -> Floats:
    """Smooth random fields [n, h, w] in 0..1: a random grid of cells x cells, drawn out between its points."""
    return _stretch(chance.uniforms(f"clouds {cells}", cells * cells).reshape(-1, cells, cells), size)


def texture(chance: Chance, size: int) -> Floats:
    """Random fields [n, h, w] in about 0..1, from plain over cloudy and grainy to striped and with hard edges."""
    coarse = clouds(chance, size, 3) * 0.5 + clouds(chance, size, 6) * 0.3 + clouds(chance, size, 12) * 0.2
    angle, pace = chance.uniform("stripe angle", 0, np.pi), chance.uniform("stripe pace", 2, 14)
    across = np.linspace(-1, 1, size, dtype=np.float32)
    way = (np.cos(angle) * pace)[:, None, None] * across + (np.sin(angle) * pace)[:, None, None] * across[:, None]
    stripes = 0.5 + 0.5 * np.sin(way + 6 * coarse)
    hard = np.clip((coarse - 0.5) * 8 + 0.5, 0, 1)
    kind_N = pick(chance, "texture kind", [0.3, 0.4, 0.15, 0.15])[:, None, None]
    kinds = [0.5 + 0.3 * (coarse - 0.5), coarse, 0.5 * stripes + 0.5 * coarse, hard]
    return np.choose(kind_N, kinds).astype(np.float32)


def backdrop(chance: Chance, size: int, palette: Sequence[Colour], strength: float) -> Floats:
    """Textured walls between two colours of the palette: [n, h, w, 3]; strength 0 is plain."""
    first_N3, second_N3 = colours(chance, "wall", palette, 30), colours(chance, "wall second", palette, 30)
    share_NHW = 0.5 + (texture(chance, size) - 0.5) * strength * 2
    apart_N3: Floats = second_N3 - first_N3
    wall_NHW3: Floats = first_N3[:, None, None] + apart_N3[:, None, None] * share_NHW.clip(0, 1)[..., None]
    return wall_NHW3


def clutter(chance: Chance, palette: Sequence[Colour], count: int, share: float) -> list[Layer]:
    """Up to `count` boxes and ovals anywhere in the picture, in a frame of -1..1, each shown with this share."""
    layers = []
    for number in range(count):
        own = chance.under(f"clutter {number}")
        corners = (4, 3, 12)[number % 3]
        x, y = own.uniform("x", -1.1, 1.1), own.uniform("y", -1.1, 1.1)
        wide, high = own.uniform("wide", 0.08, 0.7), own.uniform("high", 0.08, 0.7)
        shape = oval(x, y, wide, high, tilt=own.uniform("tilt", 0, np.pi), corners=corners)
        layers.append(Layer(shape, colours(own, "colour", palette, 50), own.happens("shown", share)))
    return layers


def over(painted_NHWD: NDArray[np.uint8], behind_NHWC: Floats) -> Floats:
    """Painted shapes, coverage last, in front of what is behind them: [n, h, w, c]."""
    bare_NHW1 = 1 - painted_NHWD[..., -1:].astype(np.float32) / np.float32(255)
    return np.asarray(painted_NHWD[..., :-1] + behind_NHWC * bare_NHW1, np.float32)


def photograph(chance: Chance, picture_NHWC: Floats, camera: Camera) -> Floats:
    """The picture under an uneven light, through a lens that blurs and a sensor that adds noise; still unrounded."""
    count, size, _, channels = picture_NHWC.shape
    tint_N3 = 1 + chance.uniforms("tint", 3, -camera.tint, camera.tint)[:, :channels]
    light_NHWC = _light(chance, size, camera)[..., None] * tint_N3[:, None, None]
    gain = 1 + chance.uniform("contrast", -camera.contrast, camera.contrast)
    lift = chance.uniform("brightness", -camera.brightness, camera.brightness)
    lit = (picture_NHWC * light_NHWC - 128) * gain[:, None, None, None] + (128 + lift)[:, None, None, None]
    lit = _soften(lit, chance.uniform("blur", 0, camera.blur))
    grain = chance.normals("grain", size * size * channels).reshape(count, size, size, channels)
    lit += grain * chance.uniform("noise", camera.noise * 0.2, camera.noise)[:, None, None, None]
    return lit


def whole(picture_NHWC: Floats) -> NDArray[np.uint8]:
    """The picture as uint8 [n, h, w, 3]; one channel becomes three equal ones."""
    rounded = np.clip(np.rint(picture_NHWC), 0, 255).astype(np.uint8)
    return np.broadcast_to(rounded, (*rounded.shape[:3], 3)).copy() if rounded.shape[3] == 1 else rounded


def _light(chance: Chance, size: int, camera: Camera) -> Floats:
    angle = chance.uniform("light from", 0, 2 * np.pi)
    slope = chance.uniform("slope", 0, camera.slope)
    across = np.linspace(-1, 1, size, dtype=np.float32)
    fall = (np.cos(angle) * slope)[:, None, None] * across + (np.sin(angle) * slope)[:, None, None] * across[:, None]
    depth = chance.uniform("shadow", 0, camera.shadow)[:, None, None]
    return np.asarray(1 + fall - depth * clouds(chance.under("shadow"), size, 4), np.float32)


def _soften(picture_NHWC: Floats, share_N: Floats) -> Floats:
    """Each picture mixed with its mean over 3 x 3 pixels."""
    padded = np.pad(picture_NHWC, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    rows = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3
    means = (rows[:, :, :-2] + rows[:, :, 1:-1] + rows[:, :, 2:]) / 3
    return np.asarray(picture_NHWC + (means - picture_NHWC) * share_N[:, None, None, None], np.float32)


def _stretch(grid_NGG: Floats, size: int) -> Floats:
    """Grids drawn out to size x size by linear interpolation."""
    cells = grid_NGG.shape[1]
    place = np.linspace(0, cells - 1, size, dtype=np.float32)[:, None] - np.arange(cells, dtype=np.float32)
    weights_HG = np.maximum(0, 1 - np.abs(place))
    return np.asarray(weights_HG @ grid_NGG @ weights_HG.T, np.float32)
