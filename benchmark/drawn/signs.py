"""Thirty Chinese traffic signs on their posts, drawn: stand-ins for the signs of SIG30 (2021 Copycat paper).

Codes are those of TT100K: p.. forbids (pl.. is a speed limit), i.. tells what to do, w.. warns. What each code shows is
taken from public tables of the codes. Two T junctions (w21, w22) have one name there; which way they open is our
choice.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.drawn import scenes, sign_marks
from benchmark.drawn.batches import batches, check
from benchmark.drawn.chance import Chance
from benchmark.drawn.layers import Floats, Ink, Layer, Place, box, corners, oval, paint
from benchmark.drawn.light import Camera, clutter, colours, over, photograph, whole
from benchmark.drawn.palettes import METAL, PAINTS, Colour
from benchmark.drawn.sign_marks import Mark, arrow, bars, number, path, person, together

VERSION = 1

_RED, _BLUE, _YELLOW, _WHITE, _BLACK = (200, 28, 35), (25, 75, 170), (245, 200, 35), (238, 238, 236), (25, 25, 28)

_AHEAD: Mark = arrow((0.0, 0.55), (0.0, -0.55))
_RIGHT: Mark = arrow((-0.25, 0.5), (-0.25, -0.2), (0.5, -0.2))
_LEFT: Mark = arrow((0.25, 0.5), (0.25, -0.2), (-0.5, -0.2))
_BACK: Mark = arrow((0.28, 0.5), (0.28, -0.25), (0.05, -0.42), (-0.22, -0.25), (-0.22, 0.42), width=0.17, head=0.3)
_PASS: Mark = together(
    arrow((0.3, 0.5), (0.3, -0.5), width=0.15, head=0.28),
    arrow((-0.3, 0.5), (-0.3, 0.15), (-0.08, 0.0), (-0.3, -0.15), (-0.3, -0.5), width=0.13, head=0.26),
)
_DOWN_RIGHT: Mark = arrow((-0.42, -0.42), (0.45, 0.45), width=0.22, head=0.42)
_BEND: Mark = arrow((-0.2, 0.45), (-0.2, 0.0), (0.25, 0.0), (0.25, -0.42), width=0.15, head=0.24)
_STOP = bars((-0.55, -0.32, -0.38, 0.4), (-0.2, -0.3, 0.55, -0.16), (-0.12, -0.05, 0.48, 0.08), (0.1, 0.08, 0.24, 0.42))
_SLOW = bars(
    (-0.34, -0.3, -0.22, 0.44), (-0.1, -0.28, 0.36, -0.18), (-0.12, -0.06, 0.38, 0.06), (-0.06, 0.2, 0.34, 0.44)
)
_YIELD = bars((-0.3, -0.38, -0.18, 0.02), (0.08, -0.42, 0.2, 0.0), (0.08, -0.3, 0.38, -0.2), (-0.05, 0.02, 0.36, 0.12))

# in the order of the problem's classes: plate, what is painted on it
SIGNS: dict[str, tuple[str, Mark | None]] = {
    "i10": ("order", _RIGHT), "i2": ("order", sign_marks.bicycle), "i4": ("order", sign_marks.motor_car),
    "i5": ("order", _DOWN_RIGHT), "p10": ("ban", sign_marks.motor_car), "p1": ("ban", _PASS),
    "p11": ("ban", sign_marks.horn), "p14": ("ban", _AHEAD), "p19": ("ban", _RIGHT), "p23": ("ban", _LEFT),
    "p5": ("ban", _BACK), "pg": ("yield", _YIELD), "pl15": ("limit", number(15)), "pl30": ("limit", number(30)),
    "pl40": ("limit", number(40)), "pl5": ("limit", number(5)), "pl50": ("limit", number(50)),
    "pl60": ("limit", number(60)), "pl70": ("limit", number(70)), "pl80": ("limit", number(80)),
    "pn": ("no stopping", None), "pne": ("no entry", None), "ps": ("stop", _STOP),
    "w21": ("warning", bars((-0.14, -0.5, 0.02, 0.5), (0.0, -0.14, 0.4, 0.02))),
    "w22": ("warning", bars((-0.02, -0.5, 0.14, 0.5), (-0.4, -0.14, 0.0, 0.02))),
    "w30": ("warning", _SLOW), "w42": ("warning", _BEND),
    "w55": ("warning", together(person((-0.22, 0.12), 0.42), person((0.2, 0.18), 0.36))),
    "w57": ("warning", person((0.0, 0.05), 0.52)), "w63": ("warning", sign_marks.exclamation),
}  # fmt: skip


@dataclass(frozen=True)
class Look:
    """What sets a style apart; ranges are (low, high)."""

    camera: Camera
    scale: tuple[float, float] = (0.68, 0.92)
    shift: float = 0.08
    turn: float = 0.07  # radians
    faded: float = 0.25  # largest share of its colour that a plate has lost
    rough: float = 0.6  # strength of the scene's textures
    clutter: float = 0.3  # share shown of the things behind
    line: float = 0.0  # width of outlines; 0 none


_LOOKS: dict[str, Look] = {
    "drive": Look(Camera(contrast=0.25, slope=0.3, shadow=0.2, tint=0.08, blur=0.7, noise=9)),
    "rain": Look(
        Camera(contrast=0.4, brightness=35, slope=0.35, shadow=0.35, tint=0.15, blur=1.0, noise=14),
        scale=(0.62, 0.94), shift=0.1, turn=0.09, faded=0.45, rough=0.8, clutter=0.4,
    ),
    "booklet": Look(
        Camera(contrast=0.15, brightness=20, slope=0.1, shadow=0.05, tint=0.12, blur=0.3, noise=5),
        scale=(0.58, 0.96), shift=0.12, turn=0.12, faded=0.35, rough=0.2, clutter=0.15, line=0.05,
    ),
}  # fmt: skip
STYLES: tuple[str, ...] = tuple(_LOOKS)


def draw(style: str, labels_N: NDArray[np.int64], seed: int, size: int, first: int = 0) -> NDArray[np.uint8]:
    """Signs SIGNS[label] before streets: uint8 [n, size, size, 3], RGB, 0..255.

    Image i depends on (VERSION, style, seed, first + i, label i) only. Raises UnknownName for a style, Mismatch for
    a label.
    """
    check("signs", style, STYLES, labels_N, len(SIGNS))
    out_NHWC = np.empty((len(labels_N), size, size, 3), np.uint8)
    for part, chance in batches(f"signs {VERSION} {style}", seed, len(labels_N), first):
        out_NHWC[part] = _batch(_LOOKS[style], chance, labels_N[part], size)
    return out_NHWC


def _batch(look: Look, chance: Chance, labels_N: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    scene_N = (chance.uniform("scene") * len(scenes.SCENES)).astype(np.int64)
    ground = scenes.landscape(chance, scene_N, size, look.rough)
    behind = paint(clutter(chance, PAINTS, 4, look.clutter), Place.everywhere(len(chance)), size)
    place = _stand(look, chance)
    post = paint([Layer(box(-0.1, 0.6, 0.1, 4), colours(chance, "post", METAL, 30))], place, size)
    faced = np.zeros((len(chance), size, size, 4), np.uint8)
    for label, (plate, mark) in enumerate(SIGNS.values()):
        here = np.flatnonzero(labels_N == label)
        if len(here):
            own = chance.of(here)
            layers = _PLATES[plate](own, look.faded, mark)
            faced[here] = paint(layers, place.of(here), size, Ink.black(len(own), look.line))
    return whole(photograph(chance, over(faced, over(post, over(behind, ground))), look.camera))


def _stand(look: Look, chance: Chance) -> Place:
    return Place(
        centre_N2=chance.uniforms("shift", 2, -look.shift, look.shift),
        scale_N=chance.uniform("scale", *look.scale),
        angle_N=chance.normals("turn", 1)[:, 0] * np.float32(look.turn),
        mirror_N=np.ones(len(chance), np.float32),
        lean_N=chance.uniform("lean", -0.1, 0.1),
    )


def _paint_of(chance: Chance, faded: float, colour: Colour) -> Floats:
    """A plate's colour [n, 3]: lighter or darker as all of the plate, some of it gone to grey."""
    tone_N3 = np.asarray(colour, np.float32) * chance.uniforms("tone", 1, 0.85, 1.1)
    gone_N1 = chance.uniforms("faded", 1, 0.0, faded)
    return np.asarray(np.clip(tone_N3 + (165 - tone_N3) * gone_N1, 0, 255), np.float32)


def _ban(chance: Chance, faded: float, mark: Mark | None, *, slash: bool = True) -> list[Layer]:
    red, white, black = (_paint_of(chance, faded, colour) for colour in (_RED, _WHITE, _BLACK))
    layers = [Layer(oval(0, 0, 1, 1, corners=24), red), Layer(oval(0, 0, 0.8, 0.8, corners=24), white)]
    layers += mark(black) if mark else []
    return [*layers, path(((-0.58, -0.58), (0.58, 0.58)), red, 0.14)] if slash else layers


def _limit(chance: Chance, faded: float, mark: Mark | None) -> list[Layer]:
    return _ban(chance, faded, mark, slash=False)


def _order(chance: Chance, faded: float, mark: Mark | None) -> list[Layer]:
    blue, white = _paint_of(chance, faded, _BLUE), _paint_of(chance, faded, _WHITE)
    discs = [Layer(oval(0, 0, 1, 1, corners=24), white), Layer(oval(0, 0, 0.93, 0.93, corners=24), blue)]
    return [*discs, *(mark(white) if mark else [])]


def _warning(chance: Chance, faded: float, mark: Mark | None) -> list[Layer]:
    yellow, black = _paint_of(chance, faded, _YELLOW), _paint_of(chance, faded, _BLACK)
    rims = [_triangle(1.0, yellow), _triangle(0.9, black), _triangle(0.74, yellow)]
    lower = np.array([0, 0.2], np.float32)
    return [*rims, *(Layer(one.points_NP2 * 0.82 + lower, one.fill_N3) for one in (mark(black) if mark else []))]


def _yield(chance: Chance, faded: float, mark: Mark | None) -> list[Layer]:
    red, white, black = (_paint_of(chance, faded, colour) for colour in (_RED, _WHITE, _BLACK))
    return [_triangle(1.0, red, up=False), _triangle(0.68, white, up=False), *(mark(black) if mark else [])]


def _triangle(size: float, fill_N3: Floats, *, up: bool = True) -> Layer:
    """A triangle that stands on a side, or on a corner; its middle is a little below (above) the plate's."""
    way = 1.0 if up else -1.0
    middle = 0.22 * way
    at = [(0.0, -1.12), (1.0, 0.62), (-1.0, 0.62)]
    return Layer(corners(*((size * x, way * size * y + middle) for x, y in at)), fill_N3)


def _stop(chance: Chance, faded: float, mark: Mark | None) -> list[Layer]:
    red, white = _paint_of(chance, faded, _RED), _paint_of(chance, faded, _WHITE)
    discs = ((1.05, white), (0.96, red))
    rims = [Layer(oval(0, 0, size, size, tilt=np.pi / 8, corners=8), fill) for size, fill in discs]
    return [*rims, *(mark(white) if mark else [])]


def _no_entry(chance: Chance, faded: float, _: Mark | None) -> list[Layer]:
    red, white = _paint_of(chance, faded, _RED), _paint_of(chance, faded, _WHITE)
    return [Layer(oval(0, 0, 1, 1, corners=24), red), Layer(box(-0.7, -0.18, 0.7, 0.18), white)]


def _no_stopping(chance: Chance, faded: float, _: Mark | None) -> list[Layer]:
    red, blue = _paint_of(chance, faded, _RED), _paint_of(chance, faded, _BLUE)
    cross = [path(((-0.58, way * -0.58), (0.58, way * 0.58)), red, 0.16) for way in (1.0, -1.0)]
    return [Layer(oval(0, 0, 1, 1, corners=24), red), Layer(oval(0, 0, 0.8, 0.8, corners=24), blue), *cross]


_PLATES: dict[str, Callable[[Chance, float, Mark | None], list[Layer]]] = {
    "ban": _ban, "limit": _limit, "order": _order, "warning": _warning, "yield": _yield, "stop": _stop,
    "no entry": _no_entry, "no stopping": _no_stopping,
}  # fmt: skip
