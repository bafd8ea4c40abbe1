"""What is painted on traffic signs: arrows, vehicles, people, numbers; a plate's frame is -1..1, y down.

A mark is a function of its colour (0..255, [n, 3]) that gives layers. Pictograms are simplified: at 32 pixels a bicycle
is two rings and a bar. Written words (slow, stop, give way) are rows of bars, since no letter of them could be read.
"""

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from benchmark.drawn.layers import Floats, Layer, box, corners, oval, points, ribbon
from benchmark.drawn.numerals import FORMS, written

Mark = Callable[[Floats], list[Layer]]
Points = Sequence[tuple[float, float]]


def path(at: Points, fill_N3: Floats, width: float) -> Layer:
    """A line through these points."""
    x, y = np.asarray(at, np.float32).T
    return Layer(ribbon(points(x[None], y[None]), width), fill_N3)


def shape(at: Points, fill_N3: Floats) -> Layer:
    """A closed polygon with these corners."""
    return Layer(corners(*at), fill_N3)


def arrow(*at: tuple[float, float], width: float = 0.2, head: float = 0.34) -> Mark:
    """An arrow along these points; its head is at the last one."""

    def mark(fill_N3: Floats) -> list[Layer]:
        tip, before = np.array(at[-1]), np.array(at[-2])
        ahead = (tip - before) / np.linalg.norm(tip - before)
        across = np.array([-ahead[1], ahead[0]])
        base = tip - ahead * head
        head_points = [tuple(tip), tuple(base + across * head * 0.75), tuple(base - across * head * 0.75)]
        shaft = [*at[:-1], tuple(base + ahead * 0.05)]
        pieces = [path((start, end), fill_N3, width) for start, end in itertools.pairwise(shaft)]
        joints = [Layer(oval(x, y, width / 2, width / 2, corners=8), fill_N3) for x, y in shaft[1:-1]]
        return [*pieces, *joints, shape(head_points, fill_N3)]

    return mark


def number(value: int) -> Mark:
    """A speed in km/h, one or two numerals."""

    def mark(fill_N3: Floats) -> list[Layer]:
        digits = [int(digit) for digit in str(value)]
        middles = (0.0,) if len(digits) == 1 else (-0.3, 0.3)
        size = (0.5, 0.46) if len(digits) == 1 else (0.44, 0.42)
        rows = [
            written(FORMS[digit][0], fill_N3, 0.17, size, (x, 0.0)) for digit, x in zip(digits, middles, strict=True)
        ]
        return [layer for row in rows for layer in row]

    return mark


def motor_car(fill_N3: Floats) -> list[Layer]:
    """A car from the front: cabin, body, two wheels, two lamps left open."""
    gap_N3 = 255 - fill_N3
    return [
        shape(((-0.3, -0.4), (0.3, -0.4), (0.42, -0.05), (-0.42, -0.05)), fill_N3),
        shape(((-0.22, -0.3), (0.22, -0.3), (0.28, -0.1), (-0.28, -0.1)), gap_N3),
        Layer(box(-0.5, -0.05, 0.5, 0.28), fill_N3),
        *(Layer(box(x - 0.09, 0.28, x + 0.09, 0.45), fill_N3) for x in (-0.35, 0.35)),
        *(Layer(oval(x, 0.1, 0.08, 0.08, corners=8), gap_N3) for x in (-0.32, 0.32)),
    ]


def bicycle(fill_N3: Floats) -> list[Layer]:
    """Two wheels, a frame, a handlebar and a saddle."""
    ring = [(np.cos(turn), np.sin(turn)) for turn in np.linspace(0, 2 * np.pi, 15)]
    wheels = [path([(x + 0.27 * a, 0.2 + 0.27 * b) for a, b in ring], fill_N3, 0.1) for x in (-0.38, 0.38)]
    frame = path(((-0.38, 0.2), (-0.12, -0.2), (0.28, -0.2), (0.0, 0.2), (-0.38, 0.2)), fill_N3, 0.09)
    bar = path(((0.38, 0.2), (0.24, -0.38), (0.42, -0.42)), fill_N3, 0.1)
    return [*wheels, frame, bar, path(((-0.25, -0.3), (-0.02, -0.3)), fill_N3, 0.1)]


def horn(fill_N3: Floats) -> list[Layer]:
    """A signal horn: a bell that widens to the right, a tube and a ball."""
    return [
        shape(((-0.15, -0.08), (0.5, -0.35), (0.5, 0.35), (-0.15, 0.08)), fill_N3),
        path(((-0.15, 0.0), (-0.4, 0.0)), fill_N3, 0.14),
        Layer(oval(-0.45, 0.0, 0.16, 0.2, corners=10), fill_N3),
    ]


def person(at: tuple[float, float], high: float) -> Mark:
    """Somebody who walks; `at` is the hip, `high` the length from hip to head."""

    def mark(fill_N3: Floats) -> list[Layer]:
        def limb(*line: tuple[float, float]) -> Layer:
            return path([(at[0] + high * x, at[1] + high * y) for x, y in line], fill_N3, 0.24 * high)

        head = Layer(oval(at[0] + 0.1 * high, at[1] - 1.05 * high, 0.2 * high, 0.22 * high, corners=10), fill_N3)
        body = limb((0.0, 0.05), (0.06, -0.75))
        legs = [limb((0, 0), (0.35, 0.4), (0.3, 0.95)), limb((0, 0), (-0.18, 0.5), (-0.5, 0.9))]
        return [head, body, *legs, limb((0.05, -0.65), (0.4, -0.3)), limb((0.05, -0.65), (-0.32, -0.25))]

    return mark


def together(*marks: Mark) -> Mark:
    """Several marks on one plate."""
    return lambda fill_N3: [layer for mark in marks for layer in mark(fill_N3)]


def exclamation(fill_N3: Floats) -> list[Layer]:
    """A bar over a point."""
    bar = shape(((-0.12, -0.42), (0.12, -0.42), (0.06, 0.2), (-0.06, 0.2)), fill_N3)
    return [bar, Layer(oval(0, 0.38, 0.11, 0.11, corners=10), fill_N3)]


def bars(*boxes: tuple[float, float, float, float]) -> Mark:
    """Boxes (left, top, right, bottom): junctions, and words that cannot be read at this size."""
    return lambda fill_N3: [Layer(box(*sides), fill_N3) for sides in boxes]
