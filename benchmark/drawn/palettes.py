"""Colours that drawn things come in: RGB, 0..255."""

from typing import TypeAlias

Colour: TypeAlias = tuple[int, int, int]

PAINTS: tuple[Colour, ...] = (
    (200, 30, 35), (30, 70, 170), (235, 235, 235), (35, 35, 40), (150, 155, 160), (225, 180, 40), (40, 120, 70),
    (120, 40, 45), (60, 150, 190),
)  # fmt: skip
GLASS: tuple[Colour, ...] = (
    (60, 80, 100), (40, 45, 55), (140, 170, 190),
)  # fmt: skip
TYRES: tuple[Colour, ...] = (
    (25, 25, 28), (45, 42, 40),
)  # fmt: skip
METAL: tuple[Colour, ...] = (
    (150, 155, 165), (90, 95, 105), (205, 208, 212),
)  # fmt: skip
FURS: tuple[Colour, ...] = (
    (120, 80, 50), (165, 120, 75), (60, 45, 38), (200, 165, 120), (40, 38, 38), (225, 220, 212),
    (140, 135, 130), (195, 125, 65),
)  # fmt: skip
BIRDS: tuple[Colour, ...] = (
    (60, 55, 60), (120, 90, 65), (190, 50, 40), (60, 110, 180), (235, 235, 232), (220, 180, 60),
    (110, 130, 100), (130, 130, 135),
)  # fmt: skip
BEAKS: tuple[Colour, ...] = (
    (230, 160, 40), (60, 55, 50), (200, 90, 50),
)  # fmt: skip
