"""Streets with somebody on foot (0) or without anybody (1), drawn in grey: stand-ins for PED2 (2021 Copycat paper).

Its images are Daimler's cut-outs: a pedestrian fills the picture from top to bottom, and what is no pedestrian was
chosen because it is upright too. So streets without anybody have posts, trees, signs, bins and doors in the middle.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.drawn import walkers
from benchmark.drawn.batches import batches, check
from benchmark.drawn.chance import Chance
from benchmark.drawn.layers import Ink, Layer, Place, box, corners, oval, paint
from benchmark.drawn.light import Camera, backdrop, clutter, colours, over, photograph, pick, whole
from benchmark.drawn.palettes import Colour

VERSION = 1
CLASSES = ("pedestrian", "no_pedestrian")

_GREYS: tuple[Colour, ...] = tuple((grey, grey, grey) for grey in (35, 65, 95, 125, 155, 185, 215))


@dataclass(frozen=True)
class Look:
    """What sets a style apart; ranges are (low, high)."""

    camera: Camera
    scale: tuple[float, float] = (0.8, 1.0)
    shift: tuple[float, float] = (0.16, 0.05)  # across, down
    rough: float = 0.5  # strength of walls and ground
    clutter: float = 0.25  # share shown of the things behind
    cover: float = 0.08  # share of pedestrians behind a car or a wall
    line: float = 0.0  # width of outlines; 0 none


_LOOKS: dict[str, Look] = {
    "day": Look(Camera(contrast=0.25, brightness=25, slope=0.3, shadow=0.3, blur=0.6, noise=8)),
    "dusk": Look(
        Camera(contrast=0.3, brightness=30, slope=0.4, shadow=0.4, blur=0.75, noise=10),
        scale=(0.78, 1.02), shift=(0.18, 0.06), rough=0.6, clutter=0.3, cover=0.12,
    ),
    "sketch": Look(
        Camera(contrast=0.15, brightness=20, slope=0.15, shadow=0.1, blur=0.3, noise=6),
        scale=(0.68, 1.02), shift=(0.25, 0.1), rough=0.4, clutter=0.3, cover=0.05, line=0.045,
    ),
}  # fmt: skip
STYLES: tuple[str, ...] = tuple(_LOOKS)


def draw(style: str, labels_N: NDArray[np.int64], seed: int, size: int, first: int = 0) -> NDArray[np.uint8]:
    """Grey street scenes of CLASSES[label]: uint8 [n, size, size, 3], three equal channels.

    Image i depends on (VERSION, style, seed, first + i, label i) only. Raises UnknownName for a style, Mismatch for
    a label.
    """
    check("pedestrians", style, STYLES, labels_N, len(CLASSES))
    out_NHWC = np.empty((len(labels_N), size, size, 3), np.uint8)
    for part, chance in batches(f"pedestrians {VERSION} {style}", seed, len(labels_N), first):
        out_NHWC[part] = _batch(_LOOKS[style], chance, labels_N[part], size)
    return out_NHWC


def _batch(look: Look, chance: Chance, labels_N: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    count = len(chance)
    wall = backdrop(chance, size, _GREYS, look.rough)[..., :1]
    things = [*_street(chance), *clutter(chance, _GREYS, 5, look.clutter)]
    picture = over(paint(things, Place.everywhere(count), size)[..., [0, 3]], wall)
    place, subject = _stand(look, chance), np.zeros((count, size, size, 4), np.uint8)
    somebody_N = labels_N == CLASSES.index("pedestrian")
    kind_N = np.where(somebody_N, pick(chance, "view", [1, 1]), 2 + pick(chance, "kind", [1.0] * len(_UPRIGHT)))
    for kind, parts in enumerate((walkers.across, walkers.along, *_UPRIGHT)):
        here = np.flatnonzero(kind_N == kind)
        if len(here):
            own = chance.of(here)
            subject[here] = paint(
                parts(own.under(f"subject {kind}")), place.of(here), size, Ink.black(len(own), look.line)
            )
    picture = over(subject[..., [0, 3]], picture)
    front = paint([_cover(chance, look.cover)], Place.everywhere(count), size)[..., [0, 3]]
    return whole(photograph(chance, over(front, picture), look.camera))


def _stand(look: Look, chance: Chance) -> Place:
    across, down = look.shift
    centre = [chance.uniform("across", -across, across), chance.uniform("down", -down, down) + 0.02]
    return Place(
        centre_N2=np.stack(centre, axis=1),
        scale_N=chance.uniform("scale", *look.scale),
        angle_N=chance.normals("turn", 1)[:, 0] * np.float32(0.04),
        mirror_N=np.where(chance.happens("mirror", 0.5), np.float32(-1), np.float32(1)),
        lean_N=chance.uniform("lean", -0.05, 0.05),
    )


def _street(chance: Chance) -> list[Layer]:
    """Pavement below, a kerb, perhaps a house with windows and a parked car behind."""
    horizon = chance.uniform("horizon", -0.1, 0.75)
    ground, kerb = colours(chance, "ground", _GREYS[1:6], 20), chance.uniform("kerb", 0.02, 0.08)
    layers = [
        Layer(box(-2, horizon, 2, 2), ground),
        Layer(box(-2, horizon, 2, horizon + kerb), ground * 1.2, chance.happens("kerb", 0.5)),
    ]
    glass = colours(chance, "glass", _GREYS, 20)
    first, pace = chance.uniform("first", -1.1, -0.5), chance.uniform("pace", 0.5, 0.9)
    sill = chance.uniform("sill", -0.5, 0.2)
    for window in range(4):
        left = first + window * pace
        layers.append(Layer(box(left, sill - 0.45, left + pace * 0.45, sill), glass, chance.happens("house", 0.3)))
    x, roof = chance.uniform("car at", -1.2, 1.2), horizon - 0.55
    parked = corners(
        (x - 0.8, horizon), (x - 0.75, horizon - 0.3), (x - 0.4, roof), (x + 0.4, roof), (x + 0.75, horizon - 0.25),
        (x + 0.8, horizon),
    )  # fmt: skip
    return [*layers, Layer(parked, colours(chance, "car", _GREYS, 20), chance.happens("parked", 0.3))]


def _cover(chance: Chance, share: float) -> Layer:
    """A car's bonnet or a low wall before the legs, in the streets with nobody too."""
    top = chance.uniform("cover top", 0.55, 0.85)
    slant = chance.uniform("cover slant", -0.15, 0.15)
    tone = colours(chance, "cover tone", _GREYS, 20)
    return Layer(corners((-2, top - slant), (2, top + slant), (2, 2), (-2, 2)), tone, chance.happens("covered", share))


def _post(chance: Chance) -> list[Layer]:
    """A lamp post or the post of a sign, with what it carries."""
    tone = colours(chance, "post", _GREYS, 20)
    wide, top = chance.uniform("wide", 0.035, 0.1), chance.uniform("top", -0.95, -0.5)
    plate = colours(chance, "plate", _GREYS, 30)
    size = chance.uniform("plate size", 0.1, 0.26)
    round_N = chance.happens("round", 0.5)
    return [
        Layer(box(-wide, top, wide, 1.0), tone),
        Layer(oval(0, top, size, size, corners=14), plate, round_N),
        Layer(box(-size, top - size * 0.8, size, top + size), plate, ~round_N & chance.happens("square", 0.7)),
        Layer(oval(0, top, size * 0.6, size * 0.6, corners=14), plate * 0.6, round_N),
    ]


def _tree(chance: Chance) -> list[Layer]:
    """A trunk and its crown."""
    tone = colours(chance, "bark", _GREYS[:4], 20)
    wide, fork = chance.uniform("wide", 0.07, 0.18), chance.uniform("fork", -0.6, 0.0)
    trunk = corners((-wide, 1.0), (-wide * 0.6, fork), (wide * 0.6, fork), (wide * 1.1, 1.0))
    leaves = colours(chance, "leaves", _GREYS[:5], 20)
    crowned, layers = chance.happens("crown", 0.6), [Layer(trunk, tone)]
    for k in range(3):
        x, y = chance.uniform(f"x {k}", -0.35, 0.35), fork - chance.uniform(f"y {k}", 0.0, 0.5)
        layers.append(Layer(oval(x, y, 0.34, 0.3, corners=9), leaves * (0.85 + 0.1 * k), crowned))
    return layers


def _bin(chance: Chance) -> list[Layer]:
    """A bin, a parking meter or a pump: a thick body, a thinner foot, a lid or a dial."""
    tone, wide = colours(chance, "tone", _GREYS, 20), chance.uniform("wide", 0.12, 0.3)
    top, foot = chance.uniform("top", -0.7, -0.1), chance.uniform("foot", 0.3, 0.95)
    return [
        Layer(box(-wide * 0.3, foot, wide * 0.3, 1.0), tone * 0.8),
        Layer(box(-wide, top, wide, foot), tone),
        Layer(box(-wide * 1.1, top - 0.1, wide * 1.1, top + 0.02), tone * 1.2, chance.happens("lid", 0.6)),
        Layer(oval(0, top - 0.12, wide * 0.7, wide * 0.8, corners=12), tone * 0.9, chance.happens("dial", 0.2)),
    ]


def _door(chance: Chance) -> list[Layer]:
    """A door or a gap between houses, with panes."""
    tone, wide = colours(chance, "tone", _GREYS, 25), chance.uniform("wide", 0.18, 0.4)
    top = chance.uniform("top", -0.95, -0.5)
    pane = box(-wide * 0.6, top + 0.12, wide * 0.6, chance.uniform("pane", -0.3, 0.3))
    return [
        Layer(box(-wide * 1.15, top - 0.06, wide * 1.15, 1.0), tone * 0.7, chance.happens("frame", 0.5)),
        Layer(box(-wide, top, wide, 1.0), tone),
        Layer(pane, tone * chance.uniforms("pane tone", 1, 0.5, 1.4), chance.happens("glazed", 0.7)),
    ]


def _nothing(chance: Chance) -> list[Layer]:
    return [Layer(box(0, 0, 0.01, 0.01), np.zeros((len(chance), 3), np.float32), np.zeros(len(chance), np.bool_))]


_UPRIGHT = (_post, _tree, _bin, _door, _nothing)
