"""Cats and dogs as layers, two views each; the frame is -1..1, y down, facing right."""

import numpy as np

from benchmark.drawn.animals import Frame, dot, legs, trunk
from benchmark.drawn.chance import Chance
from benchmark.drawn.layers import Floats, Layer, corners, oval, ribbon
from benchmark.drawn.light import colours
from benchmark.drawn.palettes import FURS


def cat_standing(chance: Chance) -> list[Layer]:
    """A cat on its legs: soft low body, round head with two pointed ears, long raised tail."""
    coat = colours(chance, "coat", (*FURS[4:], (205, 130, 60), (90, 85, 85)), 22)
    frame = Frame(chance.uniform("belly", 0.22, 0.28), 0.1, chance.uniform("leg", 0.7, 0.8), 0.13)
    curl, face = chance.uniform("curl", -0.3, 0.15), chance.uniform("head", 0.27, 0.33)
    tail = corners((-0.6, 0.0), (-0.85, -0.2), (-0.88, -0.55), (-0.88 + curl, -0.85))
    stripes = chance.happens("striped", 0.45)
    bands = [
        Layer(ribbon(corners((x, -0.12), (x + 0.03, 0.15)), 0.07), coat * 0.6, stripes, edged=False)
        for x in (-0.4, -0.18, 0.04)
    ]
    return [
        Layer(ribbon(tail, 0.12), coat * 0.85),
        *legs(chance, frame, coat, "leg"),
        *trunk(frame, coat),
        *bands,
        *_cat_head(chance, coat, (0.62, -0.28), face),
    ]


def cat_face(chance: Chance) -> list[Layer]:
    """A cat's head from the front, above its chest."""
    coat = colours(chance, "coat", (*FURS[4:], (205, 130, 60), (90, 85, 85)), 22)
    face = chance.uniform("head", 0.52, 0.6)
    stripes = chance.happens("striped", 0.45)
    bands = [
        Layer(ribbon(corners((x, -0.45), (0.6 * x, -0.2)), 0.06), coat * 0.6, stripes, edged=False)
        for x in (-0.18, 0.0, 0.18)
    ]
    return [Layer(oval(0.0, 0.95, 0.6, 0.7), coat * 0.85), *_cat_head(chance, coat, (0.0, 0.0), face), *bands]


def _cat_head(chance: Chance, coat: Floats, middle: tuple[float, float], face: Floats) -> list[Layer]:
    x, y = middle
    layers = []
    for side in (-1.0, 1.0):
        ear = corners(
            (x + side * 0.95 * face, y - 0.3 * face),
            (x + side * 0.85 * face, y - 1.55 * face),
            (x + side * 0.15 * face, y - 0.85 * face),
        )
        inner = corners(
            (x + side * 0.8 * face, y - 0.6 * face),
            (x + side * 0.76 * face, y - 1.25 * face),
            (x + side * 0.4 * face, y - 0.8 * face),
        )
        layers += [Layer(ear, coat), Layer(inner, coat * 0.5 + np.array([90, 55, 55], np.float32), edged=False)]
    layers.append(Layer(oval(x, y, face * 1.05, face * 0.9, corners=16), coat))
    iris = colours(chance, "iris", ((150, 190, 70), (220, 180, 50), (110, 170, 200)), 20)
    for side in (-1.0, 1.0):
        layers += [
            Layer(oval(x + side * 0.42 * face, y - 0.1 * face, 0.24 * face, 0.2 * face, corners=8), iris, edged=False),
            Layer(
                oval(x + side * 0.42 * face, y - 0.1 * face, 0.08 * face, 0.2 * face, corners=6),
                dot(chance, 10),
                edged=False,
            ),
        ]
        for drop in (0.25, 0.45):
            hairs = ribbon(
                corners((x + side * 0.3 * face, y + 0.38 * face), (x + side * 1.45 * face, y + drop * face)), 0.03
            )
            layers.append(Layer(hairs, dot(chance, 230), chance.happens("whiskers", 0.7), edged=False))
    nose = corners((x - 0.13 * face, y + 0.22 * face), (x + 0.13 * face, y + 0.22 * face), (x, y + 0.4 * face))
    return [*layers, Layer(nose, colours(chance, "nose", ((200, 120, 120), (60, 45, 45)), 15), edged=False)]


def dog_standing(chance: Chance) -> list[Layer]:
    """A dog on its legs: sturdy body, head with a long muzzle, hanging ear, short raised tail."""
    coat = colours(chance, "coat", FURS, 22)
    frame = Frame(
        chance.uniform("belly", 0.22, 0.3), 0.05, chance.uniform("leg", 0.68, 0.85), chance.uniform("thick", 0.13, 0.18)
    )
    muzzle, ear = chance.uniform("muzzle", 0.26, 0.4), chance.uniform("ear", 0.26, 0.42)
    wag = chance.uniform("wag", -0.5, -0.2)
    patch = colours(chance, "patch", FURS, 22)
    return [
        Layer(ribbon(corners((-0.58, -0.1), (-0.78, 0.3 * wag - 0.15), (-0.9, wag - 0.1)), 0.11), coat * 0.9),
        *legs(chance, frame, coat, "leg"),
        *trunk(frame, coat),
        Layer(oval(-0.15, -0.02, 0.24, 0.17, corners=10), patch, chance.happens("patched", 0.35), edged=False),
        Layer(corners((0.3, -0.1), (0.5, -0.55), (0.78, -0.4), (0.6, 0.12)), coat),
        Layer(corners((0.62, -0.46), (0.7 + muzzle, -0.34), (0.7 + muzzle, -0.2), (0.62, -0.16)), coat),
        Layer(oval(0.6, -0.42, 0.24, 0.22, corners=14), coat),
        Layer(oval(0.7 + muzzle, -0.31, 0.055, 0.05, corners=8), dot(chance, 15), edged=False),
        Layer(oval(0.67, -0.47, 0.04, 0.04, corners=6), dot(chance, 10), edged=False),
        Layer(oval(0.46, -0.28, 0.1, ear, tilt=0.25, corners=12), coat * 0.6),
        Layer(
            ribbon(corners((0.42, -0.1), (0.62, 0.02)), 0.07),
            colours(chance, "collar", ((200, 40, 40), (40, 70, 180)), 20),
            chance.happens("collar", 0.4),
            edged=False,
        ),
    ]


def dog_face(chance: Chance) -> list[Layer]:
    """A dog's head from the front: long face, hanging ears, pale muzzle, black nose, often the tongue."""
    coat = colours(chance, "coat", FURS, 22)
    pale = coat + (235 - coat) * chance.uniforms("pale", 1, 0.1, 0.6)
    long = chance.uniform("long", 0.34, 0.52)
    layers = [Layer(oval(0.0, 1.0, 0.62, 0.55), coat * 0.85), Layer(oval(0.0, -0.18, 0.48, 0.5, corners=18), coat)]
    layers += [
        Layer(oval(side * 0.54, 0.02, 0.17, long, tilt=-side * 0.25, corners=14), coat * 0.58) for side in (-1.0, 1.0)
    ]
    layers.append(
        Layer(
            oval(0.0, 0.6, 0.12, 0.2, corners=10),
            colours(chance, "tongue", ((215, 95, 105),), 15),
            chance.happens("tongue", 0.6),
        )
    )
    layers.append(Layer(oval(0.0, 0.3, 0.29, 0.3, corners=16), pale))
    for side in (-1.0, 1.0):
        layers.append(Layer(oval(side * 0.2, -0.22, 0.075, 0.075, corners=8), dot(chance, 12), edged=False))
    mouth = ribbon(corners((-0.16, 0.46), (0.0, 0.4), (0.16, 0.46)), 0.05)
    return [
        *layers,
        Layer(oval(0.0, 0.17, 0.14, 0.1, corners=10), dot(chance, 12), edged=False),
        Layer(mouth, dot(chance, 30), edged=False),
    ]
