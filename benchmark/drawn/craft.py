"""Airplanes and ships as layers, two views each; the frame is -1..1, y down, heading right."""

import numpy as np

from benchmark.drawn.chance import Chance
from benchmark.drawn.layers import Layer, box, corners, oval, ribbon
from benchmark.drawn.light import colours
from benchmark.drawn.palettes import GLASS, METAL, PAINTS


def airplane_side(chance: Chance) -> list[Layer]:
    """An airliner or small plane from the side: hull, fin, wing, engine, windows."""
    body = colours(chance, "body", ((235, 236, 238), (200, 205, 210), (230, 225, 215), *PAINTS[:3]), 20)
    accent, shade = colours(chance, "accent", PAINTS, 30), body * 0.72
    high = chance.uniform("girth", 0.11, 0.18)
    fin = chance.uniform("fin", 0.42, 0.62)
    sweep = chance.uniform("sweep", -0.35, -0.05)
    span = chance.uniform("span", 0.3, 0.5)
    hull = corners(
        (-0.98, -0.5 * high),
        (-0.6, -high),
        (0.6, -high),
        (0.85, -0.6 * high),
        (0.98, 0.1),
        (0.8, 0.9 * high),
        (0.5, high),
        (-0.5, high),
        (-0.8, 0.4 * high),
    )
    stripe = box(-0.7, -0.35 * high, 0.72, 0.05 * high)
    return [
        Layer(corners((-0.05, -high * 0.5), (0.25, -high * 0.5), (0.0 + sweep, -span), (-0.15 + sweep, -span)), shade),
        Layer(corners((-0.95, -0.3 * high), (-0.98, -fin), (-0.82, -fin), (-0.55, -0.8 * high)), accent),
        Layer(hull, body),
        Layer(stripe, colours(chance, "windows", GLASS, 20), edged=False),
        Layer(corners((-0.9, 0.0), (-0.68, 0.0), (-0.92, 0.22), (-1.05, 0.22)), shade),
        Layer(
            corners((-0.08, 0.3 * high), (0.3, 0.3 * high), (-0.05 + sweep, span), (-0.22 + sweep, span)), shade * 0.9
        ),
        Layer(
            oval(0.12 + 0.4 * sweep, 0.5 * span + 0.08, 0.14, 0.07, corners=10),
            shade * 0.75,
            chance.happens("engine", 0.7),
        ),
        Layer(
            corners((0.78, -0.5 * high), (0.88, -0.35 * high), (0.86, -0.1 * high), (0.76, -0.1 * high)),
            colours(chance, "cockpit", GLASS, 20),
            edged=False,
        ),
    ]


def airplane_above(chance: Chance) -> list[Layer]:
    """A plane from above or below: narrow hull, two swept wings, tail plane."""
    body = colours(chance, "body", (*METAL, (120, 130, 110), (235, 236, 238)), 25)
    wing = body * chance.uniforms("wing tone", 1, 0.72, 1.0)
    span, back = chance.uniform("span", 0.72, 1.0), chance.uniform("back", 0.1, 0.55)
    chord, girth = chance.uniform("chord", 0.24, 0.4), chance.uniform("girth", 0.09, 0.14)
    layers = []
    for side in (-1.0, 1.0):
        root = corners(
            (0.22, 0.0), (0.22 - chord, 0.0), (0.1 - chord * 0.6 - back, side * span), (0.16 - back, side * span)
        )
        tail = corners((-0.62, 0.0), (-0.85, 0.0), (-0.98, side * span * 0.42), (-0.86, side * span * 0.42))
        engine = oval(0.14 - back * 0.45, side * span * 0.42, 0.15, 0.055, corners=8)
        layers += [Layer(root, wing), Layer(tail, wing), Layer(engine, body * 0.55, chance.happens("engines", 0.6))]
    hull = corners(
        (-1.0, 0.0),
        (-0.8, -0.6 * girth),
        (0.6, -girth),
        (0.86, -0.7 * girth),
        (1.0, 0.0),
        (0.86, 0.7 * girth),
        (0.6, girth),
        (-0.8, 0.6 * girth),
    )
    fin = ribbon(corners((-1.0, 0.0), (-0.66, 0.0)), 0.06)
    return [
        *layers,
        Layer(hull, body),
        Layer(fin, body * 0.6, edged=False),
        Layer(oval(0.76, 0.0, 0.08, 0.06, corners=8), body * 0.35, edged=False),
    ]


def ship_cargo(chance: Chance) -> list[Layer]:
    """A freighter, ferry or warship from the side: long hull, white decks, funnel, boxes or masts."""
    hull = colours(
        chance, "hull", ((40, 45, 60), (130, 40, 35), (235, 235, 235), (110, 118, 125), (30, 80, 130), (50, 90, 70)), 20
    )
    deck = colours(chance, "deck", ((240, 240, 238), (205, 208, 210), (225, 215, 190)), 12)
    top, stern = chance.uniform("board", -0.02, 0.12), chance.uniform("stern", -0.75, -0.35)
    high = chance.uniform("house", 0.24, 0.5)
    body = corners((-0.96, top), (0.72, top), (0.99, top - 0.1), (0.78, 0.38), (-0.86, 0.38))
    house = box(stern - 0.18, top - high, stern + 0.24, top)
    funnel = box(stern - 0.06, top - high - 0.22, stern + 0.1, top - high + 0.02)
    layers = [
        Layer(
            ribbon(corners((0.45, top), (0.45, top - 0.55)), 0.045),
            hull * 0.6,
            chance.happens("mast", 0.5),
            edged=False,
        )
    ]
    for number in range(3):
        left = stern + 0.3 + 0.28 * number
        stack = box(left, top - chance.uniform(f"stack {number}", 0.1, 0.34), left + 0.25, top)
        layers.append(Layer(stack, colours(chance, f"load {number}", PAINTS, 30), chance.happens("loaded", 0.6)))
    return [
        *layers,
        Layer(funnel, colours(chance, "funnel", PAINTS, 25)),
        Layer(house, deck),
        Layer(box(stern - 0.13, top - high + 0.07, stern + 0.19, top - high + 0.14), deck * 0.35, edged=False),
        Layer(box(stern - 0.13, top - 0.14, stern + 0.19, top - 0.08), deck * 0.4, edged=False),
        Layer(body, hull),
        Layer(
            corners((-0.9, 0.26), (0.83, 0.26), (0.78, 0.38), (-0.86, 0.38)),
            hull * np.array([0.9, 0.55, 0.5], np.float32),
            edged=False,
        ),
    ]


def ship_sail(chance: Chance) -> list[Layer]:
    """A sailing boat: small hull, mast, two sails."""
    hull = colours(chance, "hull", ((240, 238, 230), (110, 70, 45), (40, 60, 100), (150, 40, 40)), 20)
    sail = colours(chance, "sail", ((245, 245, 240), (230, 215, 180), (190, 60, 50)), 12)
    mast, high = chance.uniform("mast", -0.1, 0.15), chance.uniform("height", -0.98, -0.8)
    boom = chance.uniform("boom", 0.5, 0.72)
    return [
        Layer(ribbon(corners((mast, 0.4), (mast, high)), 0.05), hull * 0.5, edged=False),
        Layer(corners((mast - 0.04, high + 0.03), (mast - 0.04, 0.22), (mast - boom, 0.22)), sail),
        Layer(
            corners((mast + 0.05, high + 0.12), (mast + 0.05, 0.22), (mast + boom * 0.85, 0.24)),
            sail * 0.9,
            chance.happens("jib", 0.8),
        ),
        Layer(corners((-0.78, 0.32), (0.85, 0.28), (0.6, 0.62), (-0.6, 0.62)), hull),
    ]
