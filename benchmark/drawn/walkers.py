"""People on foot as layers, from the front, from behind and from the side; the frame is half a body high, y down."""

from collections.abc import Sequence

import numpy as np

from benchmark.drawn.chance import Chance
from benchmark.drawn.layers import Floats, Layer, Numbers, box, column, corners, oval, ribbon
from benchmark.drawn.light import colours
from benchmark.drawn.palettes import Colour

_CLOTHES: tuple[Colour, ...] = (
    (22, 22, 24), (42, 42, 46), (75, 75, 78), (150, 150, 152), (195, 195, 195), (230, 230, 226),
)  # fmt: skip
_SKINS: tuple[Colour, ...] = ((205, 205, 205), (170, 170, 170), (120, 120, 120), (85, 85, 85))
HIP, SHOULDER, HEAD = 0.0, -0.58, -0.82


def across(chance: Chance) -> list[Layer]:
    """Somebody who crosses: legs apart, arms swinging, seen from the side."""
    coat, trousers, skin = _tones(chance)
    stride, swing = chance.uniform("stride", 0.05, 0.42), chance.uniform("swing", -0.3, 0.3)
    thick, lean = chance.uniform("thick", 0.15, 0.22), chance.uniform("lean", -0.02, 0.08)
    legs = [_leg(way * stride, trousers * tone, thick) for way, tone in ((-1.0, 0.8), (1.0, 1.0))]
    body = _body(chance, coat, (thick * 0.95, thick * 1.15), lean)
    reach = ((lean, SHOULDER + 0.06), (lean + swing * 0.6, -0.28), (lean + swing, -0.02))
    arm = _limb(reach, coat * 0.85, thick * 0.5)
    return [legs[0], _bag(chance, lean - thick, 0.0), legs[1], *body, arm, *_head(chance, skin, lean + 0.02)]


def along(chance: Chance) -> list[Layer]:
    """Somebody who comes or goes: legs close together, both arms beside the body."""
    coat, trousers, skin = _tones(chance)
    wide, gap = chance.uniform("wide", 0.19, 0.27), chance.uniform("gap", 0.04, 0.12)
    thick = wide * 0.72
    high = chance.uniform("step", 0.0, 0.16)
    steps = ((-gap, high, 0.85), (gap, 0.0, 1.0))
    legs = [Layer(_trouser(x, thick, 0.98 - up), trousers * tone) for x, up, tone in steps]
    body = _body(chance, coat, (wide, wide * 0.85), 0.0)
    spread = chance.uniform("elbows", 0.02, 0.12)
    arms = []
    for way in (-1.0, 1.0):
        elbow, hand = (way * (wide + spread), -0.28), (way * (wide + spread * 0.6), 0.02)
        arms.append(_limb(((way * wide, SHOULDER + 0.06), elbow, hand), coat * 0.88, wide * 0.36))
    return [*legs, *arms, *body, _bag(chance, wide + 0.06, 0.1), *_head(chance, skin, 0.0)]


def _tones(chance: Chance) -> tuple[Floats, Floats, Floats]:
    return (
        colours(chance, "coat", _CLOTHES, 22),
        colours(chance, "trousers", _CLOTHES[:4], 18),
        colours(chance, "skin", _SKINS, 18),
    )


def _leg(ahead: Numbers, tone: Floats, thick: Numbers) -> Layer:
    """Hip, knee, foot; the knee bends a little forwards."""
    return _limb(((0.0, HIP - 0.05), (np.asarray(ahead) * 0.5 + 0.03, 0.46), (ahead, 0.95)), tone, thick)


def _trouser(x: Floats, thick: Floats, end: Numbers) -> Floats:
    top = HIP - 0.05
    return corners((x - thick / 2, top), (x + thick / 2, top), (x + thick / 3, end), (x - thick / 3, end))


def _limb(line: Sequence[tuple[Numbers, Numbers]], tone: Floats, thick: Numbers) -> Layer:
    return Layer(ribbon(corners(*line), column(thick)), tone)


def _body(chance: Chance, tone: Floats, wide: tuple[Numbers, Numbers], lean: Numbers) -> list[Layer]:
    """A jacket to the hip, or a coat or skirt to the knee; `wide` at shoulders and hem, in halves."""
    hem = np.where(chance.happens("coat", 0.35), chance.uniform("long", 0.2, 0.5), chance.uniform("short", -0.02, 0.1))
    flare = 1 + (hem > 0.15) * chance.uniform("flare", 0.0, 0.5)
    top, low = np.asarray(wide[0]), np.asarray(wide[1]) * flare
    jacket = corners(
        (lean - top, SHOULDER + 0.07), (lean - top * 0.6, SHOULDER - 0.04), (lean + top * 0.6, SHOULDER - 0.04),
        (lean + top, SHOULDER + 0.07), (low, hem), (-low, hem),
    )  # fmt: skip
    return [Layer(jacket, tone)]


def _head(chance: Chance, skin: Floats, x: Numbers) -> list[Layer]:
    wide, high = chance.uniform("face", 0.085, 0.11), chance.uniform("face high", 0.125, 0.155)
    hair = colours(chance, "hair", _CLOTHES[:5], 20)
    away = chance.happens("seen from behind", 0.4)
    neck = Layer(box(x - wide * 0.5, HEAD, x + wide * 0.5, SHOULDER), skin * 0.85)
    face = Layer(oval(x, HEAD, wide, high, corners=12), np.where(away[:, None], hair, skin))
    cap = oval(x, HEAD - high * 0.45, wide * 1.05, high * chance.uniform("hair high", 0.5, 0.75), corners=12)
    hat = box(x - wide * 1.5, HEAD - high * 0.55, x + wide * 1.5, HEAD - high * 0.35)
    return [neck, face, Layer(cap, hair), Layer(hat, hair * 0.8, chance.happens("hat", 0.12))]


def _bag(chance: Chance, x: Numbers, y: Numbers) -> Layer:
    wide, high = chance.uniform("bag wide", 0.06, 0.14), chance.uniform("bag high", 0.08, 0.18)
    top = np.asarray(y) - chance.uniform("bag at", 0.0, 0.4)
    shape = box(np.asarray(x) - wide, top - high, np.asarray(x) + wide, top + high)
    return Layer(shape, colours(chance, "bag", _CLOTHES, 20), chance.happens("bag", 0.3))
