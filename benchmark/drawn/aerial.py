"""A pen for places seen from above, in metres: draws a map of materials and one of shadows; and cars, trees, roofs."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image, ImageDraw

MATERIALS = (
    "grass", "soil", "asphalt", "pavement", "paint", "yellow", "tiles", "felt", "metal", "tree", "leaf",
    "car white", "car black", "car red", "car blue", "glass", "concrete",
)  # fmt: skip
NUMBER = {name: i for i, name in enumerate(MATERIALS)}


class Dice:
    """One image's random numbers, taken one after the other; begins again when they are used up."""

    def __init__(self, numbers: list[float]) -> None:
        self._numbers = numbers
        self._next = 0

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        number = self._numbers[self._next % len(self._numbers)]
        self._next += 1
        return low + (high - low) * number

    def happens(self, share: float) -> bool:
        """True for that share of throws."""
        return self.between(0.0, 1.0) < share

    def pick(self, *choices: str) -> str:
        """One of the choices, equally likely."""
        return choices[int(self.between(0, len(choices)))]


class Frame(NamedTuple):
    """Where a thing lies: its middle in metres from the image's middle, and the direction of its x axis."""

    x: float
    y: float
    angle: float


@dataclass(frozen=True)
class Ground:
    """The two canvases of an image, their scale and where shadows fall (metres per metre of height)."""

    materials: Image.Image
    shadows: Image.Image
    pixels_per_metre: float
    sun: tuple[float, float]

    def area(self, frame: Frame, x: tuple[float, float], y: tuple[float, float], material: str) -> None:
        """A rectangle flat on the ground, x along and y across the frame."""
        corners = [(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])]
        self.patch(frame, corners, material)

    def patch(self, frame: Frame, corners: list[tuple[float, float]], material: str) -> None:
        """A polygon flat on the ground."""
        ImageDraw.Draw(self.materials).polygon(self._pixels(frame, corners), fill=NUMBER[material])

    def block(self, frame: Frame, corners: list[tuple[float, float]], height: float, material: str) -> None:
        """A polygon that stands out by some metres and throws a shadow."""
        pen, top = ImageDraw.Draw(self.shadows), self._pixels(frame, corners)
        reach = height * self.pixels_per_metre
        dx, dy = self.sun[0] * reach, self.sun[1] * reach
        for step in (0.33, 0.66, 1.0):
            pen.polygon([(px + dx * step, py + dy * step) for px, py in top], fill=255)
        pen.polygon(top, fill=0)
        ImageDraw.Draw(self.materials).polygon(top, fill=NUMBER[material])

    def _pixels(self, frame: Frame, corners: list[tuple[float, float]]) -> list[tuple[float, float]]:
        cos, sin = math.cos(frame.angle), math.sin(frame.angle)
        scale, middle = self.pixels_per_metre, self.materials.width / 2
        return [
            (middle + scale * (frame.x + x * cos - y * sin), middle + scale * (frame.y + x * sin + y * cos))
            for x, y in corners
        ]


def car(ground: Ground, frame: Frame, dice: Dice) -> None:
    """A car of some four metres along the frame, with its windows."""
    length, width = dice.between(1.9, 2.5), dice.between(0.8, 1.0)
    body = [
        (-length, -width),
        (length * 0.9, -width),
        (length, -width * 0.6),
        (length, width * 0.6),
        (length * 0.9, width),
        (-length, width),
    ]
    ground.block(
        frame, body, 1.2, dice.pick("car white", "car white", "car black", "car black", "metal", "car red", "car blue")
    )
    front = dice.between(0.25, 0.4) * length
    ground.area(frame, (front, front + 0.6), (-width * 0.8, width * 0.8), "glass")
    ground.area(frame, (-length * 0.75, -length * 0.6), (-width * 0.75, width * 0.75), "glass")


def tree(ground: Ground, frame: Frame, radius: float, dice: Dice) -> None:
    """A crown with a lighter side."""
    corners = []
    for step in range(9):
        reach, angle = radius * dice.between(0.75, 1.15), step * 2 * math.pi / 9
        corners.append((reach * math.cos(angle), reach * math.sin(angle)))
    ground.block(frame, corners, radius * 1.3, "tree")
    shift = dice.between(-0.25, 0.25) * radius
    ground.patch(frame, [(0.55 * x + shift, 0.55 * y - shift) for x, y in corners], "leaf")


def house(ground: Ground, frame: Frame, half: tuple[float, float], dice: Dice) -> None:
    """A roof: flat, gabled in two tones, or ribbed like a hall or a greenhouse."""
    x, y = half
    kind = dice.pick("flat", "gable", "gable", "ribs")
    material = dice.pick("tiles", "felt", "metal", "concrete")
    ground.block(frame, [(-x, -y), (x, -y), (x, y), (-x, y)], dice.between(2.5, 6.0), material)
    if kind == "gable":
        ground.area(frame, (-x, x), (0, y), "felt" if material == "tiles" else "tiles")
    elif kind == "ribs":
        step = dice.between(0.9, 2.2)
        thin, rib = dice.between(0.12, 0.3), dice.pick("felt", "metal", "concrete")
        for k in range(int(2 * x / step)):
            ground.area(frame, (-x + k * step, -x + k * step + thin), (-y, y), rib)
    else:
        for _ in range(3):
            at_x, at_y = dice.between(-x, x * 0.8), dice.between(-y, y * 0.8)
            ground.area(
                frame,
                (at_x, at_x + dice.between(0.6, 1.6)),
                (at_y, at_y + dice.between(0.6, 1.6)),
                dice.pick("metal", "felt", "glass"),
            )
