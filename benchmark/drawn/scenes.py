"""Places that things stand in: sky, sea, road, meadow, wood, snow, room; whole batches at once.

Shapes: N images, H = W pixels. A scene is likely for some things and possible for all of them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.drawn.chance import Chance, Floats
from benchmark.drawn.light import clouds, colours, texture
from benchmark.drawn.palettes import Colour

SCENES = ("sky", "sea", "road", "meadow", "wood", "snow", "room")
_UPPER: tuple[tuple[Colour, ...], ...] = (
    ((110, 160, 215), (170, 195, 220), (190, 190, 195), (235, 190, 150)),
    ((130, 170, 215), (185, 200, 215), (240, 200, 160)),
    ((150, 165, 180), (110, 100, 95), (140, 175, 210), (160, 140, 120)),
    ((140, 180, 220), (60, 95, 55), (195, 205, 210)),
    ((45, 70, 40), (80, 95, 60), (100, 85, 60)),
    ((200, 210, 220), (150, 160, 175), (90, 100, 100)),
    ((205, 190, 165), (150, 125, 110), (170, 185, 180), (110, 100, 120)),
)
_LOWER: tuple[tuple[Colour, ...], ...] = (
    ((150, 185, 220), (200, 205, 212), (120, 140, 160)),
    ((35, 75, 110), (60, 110, 120), (90, 110, 125)),
    ((95, 95, 98), (130, 128, 124), (70, 70, 74)),
    ((85, 130, 55), (120, 140, 70), (150, 140, 85)),
    ((80, 70, 45), (60, 85, 45), (110, 90, 60)),
    ((230, 235, 242), (210, 216, 226)),
    ((140, 100, 65), (120, 110, 105), (165, 140, 110), (90, 60, 55)),
)


def choose(chance: Chance, likely_NS: Floats) -> NDArray[np.int64]:
    """A scene per image, int64 [n], by weights [n, s]."""
    edges = np.cumsum(likely_NS, axis=1)
    passed_N = (chance.uniforms("scene", 1) * edges[:, -1:] >= edges).sum(axis=1)
    return np.asarray(np.minimum(passed_N, len(SCENES) - 1), np.int64)


def landscape(chance: Chance, scene_N: NDArray[np.int64], size: int, rough: float) -> Floats:
    """Scenes with a horizon and textures of strength `rough`: [n, h, w, 3] of 0..255."""
    count = len(chance)
    upper, lower = np.zeros((count, 2, 3), np.float32), np.zeros((count, 2, 3), np.float32)
    for number in range(len(SCENES)):
        here = np.flatnonzero(scene_N == number)
        own = chance.of(here)
        for tone in range(2):
            upper[here, tone] = colours(own, f"upper {tone}", _UPPER[number], 25)
            lower[here, tone] = colours(own, f"lower {tone}", _LOWER[number], 25)
    horizon = np.where(scene_N == 0, chance.uniform("sky end", 0.6, 1.6), chance.uniform("horizon", -0.35, 0.55))
    line = np.linspace(-1, 1, size, dtype=np.float32)
    slant = chance.uniform("slant", -0.15, 0.15)[:, None, None] * line
    rolling = (clouds(chance.under("hills"), size, 5) - 0.5) * chance.uniform("hills", 0, 0.4)[:, None, None]
    below = np.clip((line[:, None] + slant + rolling - horizon[:, None, None]) * (size / 4) + 0.5, 0, 1)
    above = _ground(chance.under("above"), upper, size, rough)
    ground = _ground(chance.under("below"), lower, size, rough)
    return np.asarray(above + (ground - above) * below[..., None], np.float32)


def _ground(chance: Chance, tones_N23: Floats, size: int, rough: float) -> Floats:
    """Two tones mixed by height and texture."""
    rise = np.linspace(0, 1, size, dtype=np.float32)[:, None]
    mixed = rise * 0.6 + (texture(chance, size) - 0.2) * rough
    share = np.clip(mixed, 0, 1)[..., None]
    return np.asarray(tones_N23[:, 0, None, None] * (1 - share) + tones_N23[:, 1, None, None] * share, np.float32)


def weights(typical: Sequence[Sequence[str]], bias: float) -> Floats:
    """Per class the weights of the scenes [c, s]: even, and `bias` of the whole on its typical ones."""
    table = np.full((len(typical), len(SCENES)), (1 - bias) / len(SCENES), np.float32)
    for row, scenes in zip(table, typical, strict=True):
        for scene in scenes:
            row[SCENES.index(scene)] += bias / len(scenes)
    return table
