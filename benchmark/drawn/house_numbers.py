"""House numbers, zero to nine, drawn: stand-ins for the cropped digits of SVHN (SHN10 of the 2021 Copycat paper).

The digit that the label names stands in the middle; its neighbours are cut by the border, as in the crops of SVHN.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from benchmark.drawn.batches import batches, check
from benchmark.drawn.chance import Chance
from benchmark.drawn.layers import Floats, Layer, Place, box, paint
from benchmark.drawn.light import Camera, backdrop, clutter, colours, over, photograph, whole
from benchmark.drawn.numerals import FORMS, form_of, written
from benchmark.drawn.palettes import Colour

VERSION = 1
CLASSES = 10

_WALLS: tuple[Colour, ...] = (
    (150, 85, 65), (120, 70, 55), (190, 175, 150), (225, 220, 205), (110, 112, 115), (70, 75, 85), (60, 80, 65),
    (95, 65, 45), (160, 150, 140), (45, 60, 100), (35, 35, 38), (205, 190, 120),
)  # fmt: skip
_PAINTS: tuple[Colour, ...] = (
    (240, 240, 235), (25, 25, 28), (215, 180, 90), (170, 172, 178), (120, 85, 45), (150, 35, 35), (30, 50, 110),
    (235, 225, 190), (70, 75, 78),
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """What sets a style apart; ranges are (low, high)."""

    camera: Camera
    contrast: tuple[float, float] = (70, 150)  # grey levels between the digits and what they stand on, at least
    weight: tuple[float, float] = (0.22, 0.42)  # of the pen, in halves of a digit's height
    height: tuple[float, float] = (0.62, 0.86)  # of a digit, in halves of the picture
    shift: float = 0.1
    turn: float = 0.08  # radians
    neighbours: float = 0.6  # share of sides with a neighbour
    plaque: float = 0.35  # share of numbers on a plaque
    shade: float = 0.35  # share of digits that stand off the wall and throw a shadow
    rough: float = 0.5  # strength of the wall's texture
    things: float = 0.1  # share shown of the things around


_LOOKS: dict[str, Look] = {
    "street": Look(Camera(contrast=0.25, tint=0.1, blur=0.7, noise=9)),
    "dusk": Look(
        Camera(contrast=0.4, brightness=35, slope=0.4, shadow=0.35, tint=0.2, blur=1.0, noise=15),
        contrast=(50, 120), height=(0.58, 0.9), shift=0.11, turn=0.1, neighbours=0.7, rough=0.65, things=0.15,
    ),
    "enamel": Look(
        Camera(contrast=0.15, brightness=25, slope=0.5, shadow=0.1, tint=0.06, blur=0.5, noise=6),
        contrast=(90, 170), weight=(0.14, 0.3), height=(0.5, 0.8), shift=0.13, turn=0.14, neighbours=0.35,
        plaque=1.0, shade=0.1, rough=0.3, things=0.2,
    ),
}  # fmt: skip
STYLES: tuple[str, ...] = tuple(_LOOKS)


def draw(style: str, labels_N: NDArray[np.int64], seed: int, size: int, first: int = 0) -> NDArray[np.uint8]:
    """Crops of house numbers around the digit `label`: uint8 [n, size, size, 3], RGB, 0..255.

    Image i depends on (VERSION, style, seed, first + i, label i) only. Raises UnknownName for a style, Mismatch for
    a label.
    """
    check("house_numbers", style, STYLES, labels_N, CLASSES)
    out_NHWC = np.empty((len(labels_N), size, size, 3), np.uint8)
    for part, chance in batches(f"house numbers {VERSION} {style}", seed, len(labels_N), first):
        out_NHWC[part] = _batch(_LOOKS[style], chance, labels_N[part], size)
    return out_NHWC


def _batch(look: Look, chance: Chance, labels_N: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    wall = backdrop(chance, size, _WALLS, look.rough)
    around = paint(clutter(chance, _WALLS, 3, look.things), Place.everywhere(len(chance)), size)
    board_N3, boarded_N = colours(chance, "board", _PAINTS, 25), chance.happens("plaque", look.plaque)
    behind_N3 = np.where(boarded_N[:, None], board_N3, wall.mean(axis=(1, 2)))
    hand, place = _hold(look, chance, behind_N3), _stand(look, chance)
    picture = over(paint(_plaque(chance, board_N3, boarded_N), place, size), over(around, wall))
    every_N = np.ones(len(chance), np.bool_)
    for name, side in (("left", -1.0), ("right", 1.0), ("middle", 0.0)):
        there_N = chance.happens(f"{name} neighbour", look.neighbours) if side else every_N
        other_N = (chance.uniform(f"{name} digit") * CLASSES).astype(np.int64)
        picture = over(_digits(hand, place, (labels_N if not side else other_N, there_N), side, size), picture)
    return whole(photograph(chance, picture, look.camera))


@dataclass(frozen=True)
class _Hand:
    """How the digits of each number are written, [n] or [n, 3] each; lengths in halves of a digit's height."""

    fill_N3: Floats
    weight_N: Floats
    wide_N: Floats
    pace_N: Floats  # from digit to digit
    form_N: Floats
    shaded_N: NDArray[np.bool_]

    def of(self, chosen: NDArray[np.int64]) -> "_Hand":
        return _Hand(*(getattr(self, field.name)[chosen] for field in fields(self)))


def _hold(look: Look, chance: Chance, behind_N3: Floats) -> _Hand:
    wide = chance.uniform("wide", 0.75, 1.15)
    return _Hand(
        fill_N3=_ink(look, chance, behind_N3),
        weight_N=chance.uniform("weight", *look.weight),
        wide_N=wide,
        pace_N=wide * chance.uniform("pace", 1.3, 1.75),
        form_N=chance.uniform("form"),
        shaded_N=chance.happens("shaded", look.shade),
    )


def _ink(look: Look, chance: Chance, behind_N3: Floats) -> Floats:
    """The digits' colour: any paint, moved away from what is behind it until the contrast is enough."""
    paint_N3 = colours(chance, "ink", _PAINTS, 20)
    behind_N, wanted_N = behind_N3.mean(axis=1), chance.uniform("contrast wanted", *look.contrast)
    apart_N = paint_N3.mean(axis=1) - behind_N
    room_N = np.where(apart_N > 0, 250 - behind_N, behind_N - 5)
    upwards_N = np.where(room_N >= wanted_N, apart_N > 0, behind_N < 128)
    lacking_N = np.where(upwards_N, np.maximum(wanted_N - apart_N, 0), -np.maximum(wanted_N + apart_N, 0))
    return np.asarray(np.clip(paint_N3 + lacking_N[:, None], 0, 255), np.float32)


def _stand(look: Look, chance: Chance) -> Place:
    return Place(
        centre_N2=chance.uniforms("shift", 2, -look.shift, look.shift),
        scale_N=chance.uniform("height", *look.height),
        angle_N=chance.normals("turn", 1)[:, 0] * np.float32(look.turn),
        mirror_N=np.ones(len(chance), np.float32),
        lean_N=chance.uniform("lean", -0.22, 0.12),
    )


def _plaque(chance: Chance, board_N3: Floats, shown_N: NDArray[np.bool_]) -> list[Layer]:
    wide, high = chance.uniform("board wide", 1.0, 3.2), chance.uniform("board high", 1.15, 1.6)
    rim_N3 = board_N3 * chance.uniforms("rim", 1, 0.3, 0.8)
    frame = Layer(box(-wide - 0.12, -high - 0.12, wide + 0.12, high + 0.12), rim_N3, shown_N)
    return [frame, Layer(box(-wide, -high, wide, high), board_N3, shown_N)]


def _digits(
    hand: _Hand, place: Place, wanted: tuple[NDArray[np.int64], NDArray[np.bool_]], side: float, size: int
) -> NDArray[np.uint8]:
    """One digit of every number, beside the middle or in it: uint8 [n, size, size, 4], empty where none is wanted."""
    digit_N, there_N = wanted
    painted = np.zeros((len(digit_N), size, size, 4), np.uint8)
    for numeral, forms in enumerate(FORMS):
        form_N = form_of(numeral, hand.form_N)
        for number, form in enumerate(forms):
            here = np.flatnonzero(there_N & (digit_N == numeral) & (form_N == number))
            if len(here):
                own = hand.of(here)
                shape, x = (own.wide_N, 1.0), np.float32(side) * own.pace_N
                shadow = written(form, own.fill_N3 * 0.25, own.weight_N, shape, (x + 0.1, 0.12))
                cast = [replace(layer, shown_N=own.shaded_N) for layer in shadow]
                layers = [*cast, *written(form, own.fill_N3, own.weight_N, shape, (x, 0.0))]
                painted[here] = paint(layers, place.of(here), size)
    return painted
