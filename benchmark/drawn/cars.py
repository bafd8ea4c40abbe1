"""Automobiles and trucks as layers, two views each; the frame is -1..1, y down, heading right."""

import numpy as np

from benchmark.drawn.chance import Chance
from benchmark.drawn.layers import Floats, Layer, Numbers, box, corners, oval, ribbon
from benchmark.drawn.light import colours
from benchmark.drawn.palettes import GLASS, METAL, PAINTS, TYRES


def _wheels(chance: Chance, places: tuple[float, ...], y: Numbers, radius: Numbers) -> list[Layer]:
    tyre, hub = colours(chance, "tyre", TYRES, 15), colours(chance, "hub", METAL, 30)
    layers = []
    for x in places:
        layers += [
            Layer(oval(x, y, radius, radius, corners=14), tyre),
            Layer(oval(x, y, radius * 0.5, radius * 0.5, corners=8), hub),
        ]
    return layers


def automobile_side(chance: Chance) -> list[Layer]:
    """A car from the side: low body, cabin with windows, two wheels."""
    paint, roof = colours(chance, "paint", PAINTS, 25), chance.uniform("roof", -0.52, -0.36)
    front, rear = chance.uniform("front", 0.05, 0.28), chance.uniform("rear", -0.6, -0.38)
    tail = chance.uniform("tail", -0.95, -0.6)
    hood = chance.uniform("hood", -0.08, 0.04)
    radius = chance.uniform("wheel", 0.18, 0.23)
    body = corners(
        (-0.96, -0.02),
        (tail, -0.1),
        (0.45, hood - 0.05),
        (0.9, hood + 0.02),
        (0.98, 0.14),
        (0.96, 0.34),
        (-0.96, 0.34),
        (-0.99, 0.15),
    )
    cabin = corners(
        (tail, -0.06), (rear, roof), (front, roof), (front + 0.3, -0.02), (front + 0.25, 0.05), (tail, 0.05)
    )
    return [
        Layer(oval(0.0, 0.52, 0.95, 0.06), np.full((len(chance), 3), 35, np.float32), edged=False),
        Layer(cabin, paint),
        Layer(body, paint),
        Layer(box(-0.96, 0.24, 0.96, 0.36), paint * 0.65, edged=False),
        *_windows(chance, (tail, rear, front), roof),
        Layer(
            oval(0.92, 0.1, 0.05, 0.05, corners=8),
            colours(chance, "lamp", ((255, 240, 190), (240, 240, 240)), 10),
            edged=False,
        ),
        Layer(
            oval(-0.94, 0.08, 0.04, 0.05, corners=8), colours(chance, "rear lamp", ((190, 20, 20),), 20), edged=False
        ),
        *_wheels(chance, (-0.56, 0.58), 0.36, radius),
    ]


def _windows(chance: Chance, edges: tuple[Floats, Floats, Floats], roof: Floats) -> list[Layer]:
    """Two side windows between the cabin's tail, rear and front edges."""
    glass, (tail, rear, front) = colours(chance, "glass", GLASS, 25), edges
    top, middle = roof + 0.08, (rear + front) / 2
    behind = corners((tail + 0.16, -0.08), (rear + 0.05, top), (middle - 0.03, top), (middle - 0.03, -0.08))
    ahead = corners((middle + 0.03, -0.08), (middle + 0.03, top), (front - 0.03, top), (front + 0.2, -0.08))
    return [Layer(behind, glass), Layer(ahead, glass)]


def automobile_front(chance: Chance) -> list[Layer]:
    """A car from the front: windscreen above a wide hood, lamps, grille, wheels below."""
    paint, glass = colours(chance, "paint", PAINTS, 25), colours(chance, "glass", GLASS, 25)
    wide, roof = chance.uniform("half width", 0.62, 0.8), chance.uniform("roof", -0.66, -0.5)
    lamp = colours(chance, "lamp", ((255, 240, 190), (235, 240, 245)), 10)
    cabin = corners((-0.86 * wide, -0.05), (-0.64 * wide, roof), (0.64 * wide, roof), (0.86 * wide, -0.05))
    screen = corners(
        (-0.74 * wide, -0.08), (-0.57 * wide, roof + 0.09), (0.57 * wide, roof + 0.09), (0.74 * wide, -0.08)
    )
    body = corners((-wide, 0.08), (-0.9 * wide, -0.07), (0.9 * wide, -0.07), (wide, 0.08), (wide, 0.45), (-wide, 0.45))
    layers = [Layer(oval(0.0, 0.62, wide * 1.1, 0.07), np.full((len(chance), 3), 35, np.float32), edged=False)]
    tyre = colours(chance, "tyre", TYRES, 15)
    layers += [Layer(box(side * wide * 0.84 - 0.1, 0.3, side * wide * 0.84 + 0.1, 0.63), tyre) for side in (-1.0, 1.0)]
    layers += [Layer(cabin, paint), Layer(screen, glass), Layer(body, paint)]
    layers += [Layer(oval(side * wide * 0.74, 0.12, 0.13, 0.08, corners=10), lamp) for side in (-1.0, 1.0)]
    grille = box(-0.42 * wide, 0.1, 0.42 * wide, 0.25)
    return [
        *layers,
        Layer(grille, paint * 0.3),
        Layer(box(-0.95 * wide, 0.33, 0.95 * wide, 0.41), paint * 0.55, edged=False),
    ]


def truck_box(chance: Chance) -> list[Layer]:
    """A lorry with a tall box behind its cab, from the side."""
    cab, load = (
        colours(chance, "cab", PAINTS, 25),
        colours(chance, "load", ((235, 235, 232), (200, 190, 170), *PAINTS), 25),
    )
    top, roof = chance.uniform("top", -0.78, -0.55), chance.uniform("roof", -0.42, -0.25)
    front = chance.uniform("front", 0.36, 0.48)
    radius = chance.uniform("wheel", 0.15, 0.19)
    body = corners((front, roof), (0.78, roof), (0.92, 0.0), (0.97, 0.05), (0.97, 0.4), (front, 0.4))
    window = corners((front + 0.1, roof + 0.08), (0.74, roof + 0.08), (0.85, 0.0), (front + 0.1, 0.0))
    return [
        Layer(oval(0.0, 0.56, 0.98, 0.06), np.full((len(chance), 3), 35, np.float32), edged=False),
        Layer(box(-0.96, 0.24, 0.9, 0.38), cab * 0.3),
        Layer(box(-0.98, top, front - 0.05, 0.25), load),
        Layer(box(-0.98, 0.12, front - 0.05, 0.25), load * 0.78, edged=False),
        Layer(body, cab),
        Layer(window, colours(chance, "glass", GLASS, 25)),
        Layer(oval(0.93, 0.22, 0.05, 0.05, corners=8), np.full((len(chance), 3), 245, np.float32), edged=False),
        *_wheels(chance, (-0.74, -0.4, 0.66), 0.4, radius),
    ]


def truck_tipper(chance: Chance) -> list[Layer]:
    """A tipper or pick-up lorry: cab in front, an open slanted bed, often loaded."""
    cab, bed = colours(chance, "cab", PAINTS, 25), colours(chance, "bed", (*METAL, *PAINTS), 25)
    roof, edge = chance.uniform("roof", -0.6, -0.46), chance.uniform("edge", -0.3, -0.14)
    radius = chance.uniform("wheel", 0.17, 0.22)
    body = corners((0.2, roof), (0.62, roof), (0.74, -0.12), (0.97, -0.06), (0.97, 0.4), (0.2, 0.4))
    window = corners((0.32, roof + 0.08), (0.58, roof + 0.08), (0.68, -0.12), (0.32, -0.12))
    heap = oval(-0.4, edge + 0.02, 0.45, chance.uniform("heap", 0.1, 0.28), corners=12)
    return [
        Layer(oval(0.0, 0.6, 0.98, 0.06), np.full((len(chance), 3), 35, np.float32), edged=False),
        Layer(box(-0.92, 0.24, 0.9, 0.4), cab * 0.3),
        Layer(
            heap,
            colours(chance, "earth", ((130, 95, 60), (160, 150, 130), (80, 70, 60)), 20),
            chance.happens("loaded", 0.6),
        ),
        Layer(corners((-0.99, edge), (0.16, edge), (0.08, 0.26), (-0.86, 0.26)), bed),
        Layer(ribbon(corners((-0.97, edge + 0.03), (0.15, edge + 0.03)), 0.07), bed * 0.7, edged=False),
        Layer(body, cab),
        Layer(window, colours(chance, "glass", GLASS, 25)),
        *_wheels(chance, (-0.62, -0.2, 0.62), 0.42, radius),
    ]
