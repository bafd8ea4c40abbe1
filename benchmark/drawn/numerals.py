"""The ten numerals as strokes of a pen, two or three forms each; the frame is about -0.5..0.5 by -1..1, y down."""

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from benchmark.drawn.layers import Floats, Layer, Numbers, column, oval, points, ribbon

Stroke = tuple[tuple[float, float], ...]
Form = tuple[Stroke, ...]


def bow(x: float, y: float, wide: float, high: float, *, turns: tuple[float, float]) -> Stroke:
    """Part of an oval around (x, y), from and to an angle in turns; 0 is to the right, 0.25 down."""
    count = max(6, int(abs(turns[1] - turns[0]) * 20))
    angles = [2 * math.pi * (turns[0] + (turns[1] - turns[0]) * step / count) for step in range(count + 1)]
    return tuple((x + wide * math.cos(angle), y + high * math.sin(angle)) for angle in angles)


def line(*corners: tuple[float, float]) -> Form:
    """Straight strokes from corner to corner."""
    return tuple(itertools.pairwise(corners))


def _turned(form: Form) -> Form:
    return tuple(tuple((-x, -y) for x, y in stroke) for stroke in form)


_ROUND_SIX: Form = (bow(0, 0.4, 0.5, 0.6, turns=(0, 1)), bow(0.45, 0.35, 0.95, 1.4, turns=(0.5, 0.7)))
_STRAIGHT_SIX: Form = (bow(0, 0.42, 0.5, 0.58, turns=(0, 1)), *line((-0.42, 0.15), (0.3, -1)))
_BOWL: Stroke = bow(-0.05, 0.38, 0.55, 0.62, turns=(-0.36, 0.38))

FORMS: tuple[tuple[Form, ...], ...] = (
    ((bow(0, 0, 0.5, 1, turns=(0, 1)),), (bow(0, 0, 0.42, 1, turns=(0, 1)),)),
    (line((-0.35, -0.6), (0.05, -1), (0.05, 1)), line((0, -1), (0, 1)),
     (*line((-0.3, -0.7), (0.02, -1), (0.02, 1)), *line((-0.35, 1), (0.38, 1)))),
    ((bow(0, -0.45, 0.48, 0.55, turns=(0.5, 1.08)), *line((0.43, -0.2), (-0.5, 1), (0.52, 1))),
     (bow(0, -0.48, 0.46, 0.52, turns=(0.55, 1.15)), *line((0.3, -0.05), (-0.48, 0.98), (0.5, 0.98)))),
    ((bow(-0.02, -0.48, 0.45, 0.52, turns=(-0.45, 0.25)), bow(-0.04, 0.46, 0.54, 0.54, turns=(-0.25, 0.45))),
     (*line((-0.45, -1), (0.42, -1), (-0.08, -0.18)), bow(-0.06, 0.4, 0.52, 0.6, turns=(-0.25, 0.42)))),
    (line((0.25, 1), (0.25, -1), (-0.55, 0.42), (0.55, 0.42)),
     (*line((-0.42, -1), (-0.5, 0.25), (0.52, 0.25)), *line((0.22, -0.45), (0.22, 1)))),
    ((*line((0.45, -1), (-0.38, -1), (-0.44, -0.1)), _BOWL),
     (*line((0.42, -0.96), (-0.32, -0.96), (-0.4, -0.05)), bow(-0.08, 0.4, 0.56, 0.58, turns=(-0.33, 0.35)))),
    (_ROUND_SIX, _STRAIGHT_SIX),
    (line((-0.5, -1), (0.5, -1), (-0.12, 1)),
     (*line((-0.48, -1), (0.48, -1), (0.05, 0.1)), *line((0.05, 0.1), (-0.08, 1))),
     (*line((-0.48, -1), (0.5, -1), (-0.15, 1)), *line((-0.28, -0.02), (0.4, -0.02)))),
    ((bow(0, -0.5, 0.4, 0.5, turns=(0, 1)), bow(0, 0.48, 0.5, 0.52, turns=(0, 1))),
     (bow(0, -0.48, 0.45, 0.52, turns=(0, 1)), bow(0, 0.5, 0.48, 0.5, turns=(0, 1)))),
    (_turned(_ROUND_SIX), _turned(_STRAIGHT_SIX)),
)  # fmt: skip
"""For each numeral its forms, for each form its strokes."""


def written(form: Form, fill_N3: Floats, weight: Numbers, shape: tuple[Numbers, Numbers] = (1.0, 1.0),
            at: tuple[Numbers, Numbers] = (0.0, 0.0)) -> list[Layer]:  # fmt: skip
    """A form as layers: `shape` scales it across and down, `weight` is the pen's width, `at` where its middle lies."""
    layers = []
    half = np.asarray(weight, dtype=np.float32) / 2
    for stroke in form:
        path = np.asarray(stroke, dtype=np.float32)
        x_NP = column(at[0]) + column(shape[0]) * path[:, 0]
        y_NP = column(at[1]) + column(shape[1]) * path[:, 1]
        layers.append(Layer(ribbon(points(x_NP, y_NP), column(weight)), fill_N3))
        for end in (0, -1):
            cap_NP2 = oval(x_NP[:, end], y_NP[:, end], half, half, corners=8)
            layers.append(Layer(cap_NP2, fill_N3, edged=False))
    return layers


def form_of(numeral: int, choice_N: Floats) -> NDArray[np.int64]:
    """Which of a numeral's forms each image has, int64 [n], from numbers in 0..1."""
    count = len(FORMS[numeral])
    return np.minimum((choice_N * count).astype(np.int64), count - 1)
