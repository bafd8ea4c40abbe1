"""Flat shapes of a whole batch: points as arrays, painted one polygon at a time, averaged down to pixels.

Shapes: N images, P points, H = W pixels. A subject has its own frame: x to the right, y down, about -1..1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Floats: TypeAlias = NDArray[np.floating[Any]]
Bools: TypeAlias = NDArray[np.bool_]
Numbers: TypeAlias = Floats | float

FINE = 3  # canvas pixels per pixel: nine levels of coverage at an edge


@dataclass(frozen=True)
class Layer:
    """One polygon per image: points [n, p, 2] in the subject's frame, fill [n, 3] of 0..255, and which images have it.

    `edged` says whether a line drawing gives it an outline; what is a line already has none.
    """

    points_NP2: Floats
    fill_N3: Floats
    shown_N: Bools | None = None
    edged: bool = True


@dataclass(frozen=True)
class Place:
    """Where a subject stands: centre [n, 2] and scale [n] in halves of the picture, angle, mirror (±1) and lean [n]."""

    centre_N2: Floats
    scale_N: Floats
    angle_N: Floats
    mirror_N: Floats
    lean_N: Floats

    @classmethod
    def everywhere(cls, count: int) -> "Place":
        """The frame -1..1 is the whole picture."""
        none_N = np.zeros(count, np.float32)
        return cls(np.zeros((count, 2), np.float32), none_N + 1, none_N, none_N + 1, none_N)

    def of(self, chosen_M: NDArray[np.int64]) -> "Place":
        """The places of the chosen images only."""
        return Place(*(getattr(self, field.name)[chosen_M] for field in fields(self)))

    def put(self, points_NP2: Floats, side: int) -> Floats:
        """Points of the subject's frame as canvas pixels."""
        x_NP = (points_NP2[..., 0] + self.lean_N[:, None] * points_NP2[..., 1]) * self.mirror_N[:, None]
        y_NP = points_NP2[..., 1]
        cosine, sine = np.cos(self.angle_N)[:, None], np.sin(self.angle_N)[:, None]
        scale = self.scale_N[:, None]
        right_NP = self.centre_N2[:, :1] + scale * (cosine * x_NP - sine * y_NP)
        down_NP = self.centre_N2[:, 1:] + scale * (sine * x_NP + cosine * y_NP)
        return (np.stack([right_NP, down_NP], axis=2) + 1) * (side / 2)


@dataclass(frozen=True)
class Ink:
    """Outlines of a line drawing: colour [n, 3] and width [n] in subject units; where the width is 0 there are none."""

    colour_N3: Floats
    width_N: Floats

    @classmethod
    def black(cls, count: int, width: float) -> "Ink | None":
        """Nearly black outlines of one width; None for the width 0."""
        return cls(np.full((count, 3), 20, np.float32), np.full(count, width, np.float32)) if width else None


def paint(layers: Sequence[Layer], place: Place, size: int, ink: Ink | None = None) -> NDArray[np.uint8]:
    """The layers over each other: uint8 [n, size, size, 4], colours times coverage, and coverage (0..255)."""
    side = size * FINE
    count = len(place.scale_N)
    shapes = [(*_shape(layer, place, side), layer.edged and ink is not None) for layer in layers]
    lines = _lines(ink, place, side) if ink is not None else [((0,), 0)] * count
    out = np.zeros((count, size, size, 4), np.uint8)
    for image in range(count):
        # four channels without a meaning of their own: PIL averages them as they are
        canvas = Image.new("CMYK", (side, side))
        pen = ImageDraw.Draw(canvas)
        for corners, fills, shown, edged in shapes:
            if not shown[image]:
                continue
            pen.polygon(corners[image], fill=fills[image])
            if edged and lines[image][1]:
                pen.line([*corners[image], *corners[image][:2]], fill=lines[image][0], width=lines[image][1])
        out[image] = np.asarray(canvas.reduce(FINE))
    return out


def _shape(layer: Layer, place: Place, side: int) -> tuple[list[list[int]], list[tuple[int, ...]], list[bool]]:
    """A layer as plain lists, which PIL reads quicker than arrays."""
    count = len(place.scale_N)
    corners = np.rint(place.put(layer.points_NP2, side)).astype(np.int64).reshape(count, -1).tolist()
    fills = [(*fill, 255) for fill in np.clip(np.rint(layer.fill_N3), 0, 255).astype(np.int64).tolist()]
    shown = [True] * count if layer.shown_N is None else layer.shown_N.tolist()
    return corners, fills, shown


def _lines(ink: Ink, place: Place, side: int) -> list[tuple[tuple[int, ...], int]]:
    widths = np.rint(ink.width_N * place.scale_N * side / 2).astype(np.int64).tolist()
    colours = np.clip(np.rint(ink.colour_N3), 0, 255).astype(np.int64).tolist()
    return [((*colour, 255), width) for colour, width in zip(colours, widths, strict=True)]


def column(value: Numbers) -> Floats:
    """A number, or one per image [n], as [n or 1, 1]."""
    return np.asarray(value, dtype=np.float32).reshape(-1, 1)


def points(x_NP: Floats, y_NP: Floats) -> Floats:
    """Two coordinates, broadcast against each other, as points [n, p, 2]."""
    return np.stack(np.broadcast_arrays(x_NP, y_NP), axis=2)


def corners(*xy: tuple[Numbers, Numbers]) -> Floats:
    """A polygon from its corners, each coordinate a number or one per image: [n, p, 2]."""
    x = np.concatenate(np.broadcast_arrays(*[column(x) for x, _ in xy], *[column(y) for _, y in xy]), axis=1)
    return points(x[:, : len(xy)], x[:, len(xy) :])


def box(left: Numbers, top: Numbers, right: Numbers, bottom: Numbers) -> Floats:
    """An upright rectangle: [n, 4, 2]."""
    return corners((left, top), (right, top), (right, bottom), (left, bottom))


def oval(x: Numbers, y: Numbers, wide: Numbers, high: Numbers, *, tilt: Numbers = 0.0, corners: int = 16) -> Floats:
    """Ovals around (x, y) with half axes `wide` and `high`, turned by `tilt` (radians): [n, corners, 2]."""
    turn_P = np.arange(corners, dtype=np.float32) * np.float32(2 * np.pi / corners)
    a_NP, b_NP = column(wide) * np.cos(turn_P), column(high) * np.sin(turn_P)
    cosine, sine = np.cos(column(tilt)), np.sin(column(tilt))
    return points(column(x) + cosine * a_NP - sine * b_NP, column(y) + sine * a_NP + cosine * b_NP)


def ribbon(line_NP2: Floats, width_NP: Floats | float) -> Floats:
    """A line with thickness (a number, [n, 1] or [n, p]) as a closed polygon [n, 2p, 2]."""
    along_NP2 = np.gradient(line_NP2, axis=1)
    length_NP1 = np.maximum(np.sqrt((along_NP2**2).sum(axis=2, keepdims=True)), 1e-9)
    across_NP2 = np.stack([-along_NP2[..., 1], along_NP2[..., 0]], axis=2) / length_NP1
    half_NP1 = np.broadcast_to(np.asarray(width_NP, dtype=np.float32) / 2, line_NP2.shape[:2])[..., None]
    return np.concatenate([line_NP2 + across_NP2 * half_NP1, (line_NP2 - across_NP2 * half_NP1)[:, ::-1]], axis=1)
