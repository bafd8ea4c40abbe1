"""Faces with seven expressions, drawn: stand-ins for the face data sets of the 2018 Copycat paper (FER)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmark.drawn.batches import batches, check
from benchmark.drawn.chance import Chance
from benchmark.drawn.expressions import EXPRESSIONS, act
from benchmark.drawn.face_parts import portrait, seat
from benchmark.drawn.layers import Ink, Place, paint
from benchmark.drawn.light import Camera, backdrop, clutter, over, photograph, pick, whole

VERSION = 2

_WALLS = ((40, 40, 40), (90, 90, 90), (140, 140, 140), (190, 190, 190), (230, 230, 230))


@dataclass(frozen=True)
class Look:
    """What sets a style apart."""

    camera: Camera
    strength: tuple[float, float] = (1.1, 1.6)  # of the expressions
    unsteady: float = 0.06  # how far each facial action is off
    groomed: float = 0.5  # share of sitters without beard, glasses, long hair, age
    scale: tuple[float, float] = (0.95, 1.15)
    shift: float = 0.05
    turn: float = 0.06  # radians
    walls: float = 0.5  # strength of the backdrop's texture
    clutter: float = 0.3  # share shown of the things behind
    line: float = 0.0  # width of outlines; 0 none
    flat: float = 0.0  # how far the skin goes towards paper white


_LOOKS: dict[str, Look] = {
    "studio": Look(Camera()),
    "street": Look(
        Camera(contrast=0.35, brightness=30, slope=0.45, shadow=0.45, blur=0.9, noise=14),
        groomed=0.2, scale=(0.9, 1.15), shift=0.06, turn=0.08, walls=0.9, clutter=0.7,
    ),
    "office": Look(
        Camera(contrast=0.3, brightness=25, slope=0.3, shadow=0.3, blur=0.7, noise=10),
        strength=(1.0, 1.6), unsteady=0.08, groomed=0.35, scale=(0.88, 1.15), shift=0.07, turn=0.08,
        walls=0.7, clutter=0.5,
    ),
    "comic": Look(
        Camera(contrast=0.1, brightness=10, slope=0.05, shadow=0.05, blur=0.2, noise=4),
        strength=(0.9, 1.6), unsteady=0.1, groomed=0.4, scale=(0.8, 1.15), shift=0.08, turn=0.12,
        walls=0.3, clutter=0.3, line=0.05, flat=0.75,
    ),
}  # fmt: skip
_MIXES: dict[str, tuple[str, ...]] = {"agency": ("office", "office", "street")}
STYLES: tuple[str, ...] = (*_LOOKS, *_MIXES)


def draw(style: str, labels_N: NDArray[np.int64], seed: int, size: int, first: int = 0) -> NDArray[np.uint8]:
    """Grey faces with the expressions EXPRESSIONS[label]: uint8 [n, size, size, 3], three equal channels.

    Image i depends on (VERSION, style, seed, first + i, label i) only. Raises UnknownName for a style, Mismatch for
    a label.
    """
    check("faces", style, STYLES, labels_N, len(EXPRESSIONS))
    out_NHWC = np.empty((len(labels_N), size, size, 3), np.uint8)
    for part, chance in batches(f"faces {VERSION} {style}", seed, len(labels_N), first):
        parts: Sequence[str] = _MIXES.get(style, (style,))
        chosen_N = pick(chance, "part of the mix", [1.0] * len(parts))
        for number, name in enumerate(parts):
            here = np.flatnonzero(chosen_N == number)
            if len(here):
                out_NHWC[part.start + here] = _batch(_LOOKS[name], chance.of(here), labels_N[part][here], size)
    return out_NHWC


def _batch(look: Look, chance: Chance, labels_N: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    sitter, acts = seat(chance, look.groomed), act(chance, labels_N, look.strength, look.unsteady)
    sitter = replace(sitter, skin=sitter.skin + (235 - sitter.skin) * np.float32(look.flat))
    behind = clutter(chance, _WALLS, 5, look.clutter)
    scene = paint(behind, Place.everywhere(len(chance)), size)[..., [0, 3]]
    subject = paint(portrait(chance, sitter, acts), _stand(look, chance), size, Ink.black(len(chance), look.line))[
        ..., [0, 3]
    ]
    wall = backdrop(chance, size, _WALLS, look.walls)[..., :1]
    picture = over(subject, over(scene, wall))
    return whole(photograph(chance, picture, look.camera))


def _stand(look: Look, chance: Chance) -> Place:
    centre_N2 = chance.uniforms("shift", 2, -look.shift, look.shift) + np.array([0, 0.04], np.float32)
    return Place(
        centre_N2=centre_N2,
        scale_N=chance.uniform("scale", *look.scale),
        angle_N=chance.normals("turn", 1)[:, 0] * np.float32(look.turn),
        mirror_N=np.where(chance.happens("mirror", 0.5), np.float32(-1), np.float32(1)),
        lean_N=chance.uniform("lean", -0.08, 0.08),
    )
