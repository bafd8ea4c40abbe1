"""Birds, deer and horses as layers, and the trunk and legs of any animal; the frame is -1..1, y down, facing right."""

from dataclasses import dataclass

import numpy as np

from benchmark.drawn.chance import Chance
from benchmark.drawn.layers import Floats, Layer, Numbers, corners, oval, ribbon
from benchmark.drawn.light import colours
from benchmark.drawn.palettes import BEAKS, BIRDS, FURS


def dot(chance: Chance, value: float) -> Floats:
    """One grey tone for all images, [n, 3]."""
    return np.full((len(chance), 3), value, np.float32)


@dataclass(frozen=True)
class Frame:
    """Proportions of a four-legged body; numbers or [n]."""

    belly: Numbers  # half height of the trunk
    back: Numbers  # y of the trunk's middle
    leg: Numbers  # y of the feet
    thick: Numbers  # width of a leg


def legs(chance: Chance, frame: Frame, coat: Floats, name: str) -> list[Layer]:
    """Four legs in a stride; the far pair darker."""
    layers = []
    for number, x in enumerate((-0.42, 0.46, -0.55, 0.36)):
        stride = chance.uniform(f"{name} {number}", -0.16, 0.16)
        top, foot = frame.back + 0.05, frame.leg
        line = corners((x, top), (x + 0.3 * stride, (top + foot) / 2), (x + stride, foot))
        width = np.asarray(frame.thick, np.float32).reshape(-1, 1) * np.array([1.5, 1.0, 0.9], np.float32)
        layers.append(Layer(ribbon(line, width), coat * (0.68 if number < 2 else 0.92)))
    return layers


def trunk(frame: Frame, coat: Floats) -> list[Layer]:
    """The body between the legs, chest to the right."""
    y, high = frame.back, frame.belly
    upper = ((-0.66, -0.4), (-0.5, -1.0), (-0.1, -0.85), (0.4, -1.0), (0.62, -0.4))
    lower = ((0.6, 0.6), (0.35, 1.0), (-0.2, 0.85), (-0.5, 0.9), (-0.66, 0.4))
    return [Layer(corners(*((x, y + share * high) for x, share in (*upper, *lower))), coat)]


def bird_perched(chance: Chance) -> list[Layer]:
    """A bird on its legs: leaning oval body, round head, beak, wing, tail."""
    coat, breast = colours(chance, "coat", BIRDS, 25), colours(chance, "breast", BIRDS, 25)
    tilt, beak = chance.uniform("tilt", -0.75, -0.2), chance.uniform("beak", 0.16, 0.34)
    head, tail = chance.uniform("head", 0.2, 0.26), chance.uniform("tail", 0.05, 0.4)
    leg = colours(chance, "leg", BEAKS, 20)
    legs = [
        Layer(ribbon(corners((x, 0.35), (x + 0.04, 0.86), (x + 0.16, 0.88)), 0.05), leg, edged=False)
        for x in (-0.12, 0.1)
    ]
    return [
        *legs,
        Layer(corners((-0.3, 0.02), (-0.95, tail), (-0.92, tail + 0.2), (-0.3, 0.32)), coat * 0.7),
        Layer(oval(-0.02, 0.12, 0.52, 0.34, tilt=tilt, corners=18), coat),
        Layer(
            oval(0.14, 0.2, 0.32, 0.22, tilt=tilt - 0.3, corners=12),
            breast,
            chance.happens("two tones", 0.6),
            edged=False,
        ),
        Layer(corners((0.55, -0.5), (0.6 + beak, -0.4), (0.55, -0.33)), colours(chance, "beak", BEAKS, 20)),
        Layer(oval(0.42, -0.42, head, head, corners=14), coat),
        Layer(corners((-0.62, 0.18), (-0.1, -0.14), (0.2, 0.02), (0.05, 0.26), (-0.3, 0.3)), coat * 0.62),
        Layer(oval(0.48, -0.46, 0.045, 0.045, corners=6), dot(chance, 10), edged=False),
    ]


def bird_flying(chance: Chance) -> list[Layer]:
    """A bird in the air: slender body, two bent wings, fan tail."""
    coat = colours(chance, "coat", BIRDS, 25)
    lift, reach = chance.uniform("lift", 0.3, 0.8), chance.uniform("reach", 0.6, 0.95)
    near, far = coat * 0.8, coat * 0.6
    return [
        Layer(
            corners(
                (0.28, -0.05),
                (0.3, -0.5 * lift),
                (0.3 - reach * 0.5, -1.15 * lift),
                (-0.05, -0.45 * lift),
                (-0.12, 0.0),
            ),
            far,
        ),
        Layer(corners((-0.4, -0.04), (-0.95, -0.16), (-0.98, 0.2), (-0.4, 0.12)), coat * 0.7),
        Layer(oval(0.0, 0.04, 0.55, 0.17, corners=16), coat),
        Layer(corners((0.64, -0.12), (0.92, -0.02), (0.64, 0.06)), colours(chance, "beak", BEAKS, 20)),
        Layer(oval(0.55, -0.05, 0.16, 0.15, corners=12), coat),
        Layer(
            corners((0.3, 0.02), (0.1, -0.62 * lift), (-reach, -1.1 * lift), (-0.35, -0.35 * lift), (-0.25, 0.06)), near
        ),
        Layer(oval(0.6, -0.09, 0.035, 0.035, corners=6), dot(chance, 10), edged=False),
    ]


def deer_standing(chance: Chance) -> list[Layer]:
    """A deer on thin legs: slim body, upright neck, small head, antlers on most, white tail."""
    coat = colours(chance, "coat", ((150, 95, 55), (175, 125, 75), (120, 85, 60), (190, 120, 70)), 20)
    frame = Frame(chance.uniform("belly", 0.18, 0.23), 0.12, chance.uniform("leg", 0.86, 0.96), 0.075)
    top = chance.uniform("head", -0.52, -0.36)
    horn = colours(chance, "horn", ((90, 65, 45), (150, 125, 95), (60, 45, 35)), 15)
    stag = chance.happens("stag", 0.8)
    spread = chance.uniform("spread", 0.22, 0.36)
    layers = []
    for side in (-1.0, 1.0):
        base, tip = 0.6 + 0.05 * side, 0.56 + side * spread
        beam = corners((base, top - 0.1), (0.55 + 0.8 * side * spread, top - 0.28), (tip, top - 0.5))
        tine = corners((0.58 + 0.55 * side * spread, top - 0.24), (0.66 + 0.35 * side * spread, top - 0.46))
        layers += [
            Layer(ribbon(beam, 0.07), horn, stag, edged=False),
            Layer(ribbon(tine, 0.06), horn, stag, edged=False),
        ]
    spots = [
        Layer(oval(x, y, 0.04, 0.04, corners=6), coat + 60, chance.happens("spotted", 0.4), edged=False)
        for x, y in ((-0.4, 0.02), (-0.2, 0.1), (0.0, 0.0), (0.2, 0.08))
    ]
    return [
        *layers,
        Layer(oval(-0.66, 0.05, 0.09, 0.13, tilt=0.4, corners=8), dot(chance, 235)),
        *legs(chance, frame, coat, "leg"),
        *trunk(frame, coat),
        *spots,
        Layer(oval(0.44, top + 0.06, 0.15, 0.06, tilt=0.3, corners=8), coat * 0.75),
        Layer(corners((0.3, 0.0), (0.48, top), (0.66, top + 0.08), (0.62, 0.18)), coat),
        Layer(
            corners((0.46, top - 0.1), (0.7, top - 0.1), (0.95, top + 0.1), (0.9, top + 0.18), (0.5, top + 0.14)), coat
        ),
        Layer(oval(0.92, top + 0.13, 0.045, 0.045, corners=6), dot(chance, 20), edged=False),
        Layer(oval(0.68, top - 0.01, 0.035, 0.035, corners=6), dot(chance, 10), edged=False),
    ]


def horse_standing(chance: Chance) -> list[Layer]:
    """A horse: heavy body, strong arched neck with a mane, long head, long hanging tail."""
    coat = colours(chance, "coat", FURS, 22)
    mane = colours(chance, "mane", ((40, 30, 25), (25, 25, 25), (220, 205, 170), (110, 75, 45)), 15)
    frame = Frame(
        chance.uniform("belly", 0.24, 0.31), 0.06, chance.uniform("leg", 0.84, 0.94), chance.uniform("thick", 0.1, 0.13)
    )
    top = chance.uniform("head", -0.72, -0.5)
    sway, droop = chance.uniform("sway", -0.98, -0.8), chance.uniform("droop", 0.28, 0.42)
    head = corners(
        (0.5, top - 0.02), (0.68, top - 0.06), (0.98, top + droop), (0.9, top + droop + 0.12), (0.62, top + 0.26)
    )
    return [
        Layer(
            corners((-0.58, -0.16), (-0.8, -0.06), (sway, 0.3), (sway + 0.04, 0.62), (-0.72, 0.3), (-0.6, 0.06)), mane
        ),
        *legs(chance, frame, coat, "leg"),
        *trunk(frame, coat),
        Layer(corners((0.18, -0.14), (0.32, -0.4), (0.48, top), (0.7, top + 0.18), (0.62, 0.2)), coat),
        Layer(head, coat),
        Layer(corners((0.52, top), (0.56, top - 0.2), (0.66, top)), coat * 0.85),
        Layer(
            corners((0.12, -0.16), (0.28, -0.46), (0.46, top - 0.06), (0.58, top - 0.08), (0.46, -0.3), (0.3, -0.08)),
            mane,
        ),
        Layer(oval(0.7, top + 0.1, 0.035, 0.035, corners=6), dot(chance, 10), edged=False),
    ]
