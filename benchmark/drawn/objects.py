"""Nine kinds of things in scenes, drawn: stand-ins for the object data sets of the 2018 Copycat paper (GOC)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.drawn import animals, cars, craft, pets, scenes
from benchmark.drawn.batches import batches, check
from benchmark.drawn.chance import Chance
from benchmark.drawn.layers import Ink, Layer, Place, paint
from benchmark.drawn.light import Camera, clutter, over, photograph, pick, whole

VERSION = 1

View = Callable[[Chance], list[Layer]]

# name: views, typical scenes, largest turn in radians
THINGS: dict[str, tuple[tuple[View, ...], tuple[str, ...], float]] = {
    "airplane": ((craft.airplane_side, craft.airplane_above), ("sky", "road"), 0.5),
    "automobile": ((cars.automobile_side, cars.automobile_front), ("road",), 0.1),
    "bird": ((animals.bird_perched, animals.bird_flying), ("sky", "wood", "meadow"), 0.3),
    "cat": ((pets.cat_standing, pets.cat_face), ("room", "meadow"), 0.15),
    "deer": ((animals.deer_standing,), ("wood", "meadow", "snow"), 0.1),
    "dog": ((pets.dog_standing, pets.dog_face), ("meadow", "room", "snow"), 0.15),
    "horse": ((animals.horse_standing,), ("meadow", "road"), 0.1),
    "ship": ((craft.ship_cargo, craft.ship_sail), ("sea",), 0.1),
    "truck": ((cars.truck_box, cars.truck_tipper), ("road", "snow"), 0.1),
}
_STUFF = ((60, 90, 50), (120, 100, 80), (180, 180, 178), (70, 75, 90), (170, 110, 70), (220, 215, 200))


@dataclass(frozen=True)
class Look:
    """What sets a style apart."""

    camera: Camera
    scale: tuple[float, float] = (0.66, 0.92)
    shift: float = 0.12
    turn: float = 1.0  # share of the largest turn
    typical: float = 0.35  # share of scenes that are typical of the thing
    rough: float = 0.6  # strength of textures
    clutter: float = 0.25  # share shown of the things behind
    line: float = 0.0  # width of outlines; 0 none


_LOOKS: dict[str, Look] = {
    "album": Look(Camera(contrast=0.25, noise=9, blur=0.6, tint=0.1), rough=0.8, clutter=0.4),
    "snapshot": Look(
        Camera(contrast=0.3, brightness=30, slope=0.35, shadow=0.3, tint=0.14, blur=0.8, noise=12),
        scale=(0.6, 0.94), shift=0.14, turn=1.15, typical=0.3, rough=0.9, clutter=0.4,
    ),
    "clipart": Look(
        Camera(contrast=0.2, brightness=20, slope=0.15, shadow=0.1, tint=0.2, blur=0.4, noise=6),
        scale=(0.56, 0.96), shift=0.16, turn=1.4, typical=0.1, rough=0.5, clutter=0.3, line=0.06,
    ),
}  # fmt: skip
STYLES: tuple[str, ...] = tuple(_LOOKS)


def draw(style: str, labels_N: NDArray[np.int64], seed: int, size: int, first: int = 0) -> NDArray[np.uint8]:
    """Coloured pictures of THINGS[label]: uint8 [n, size, size, 3], RGB, 0..255.

    Image i depends on (VERSION, style, seed, first + i, label i) only. Raises UnknownName for a style, Mismatch for
    a label.
    """
    check("objects", style, STYLES, labels_N, len(THINGS))
    out_NHWC = np.empty((len(labels_N), size, size, 3), np.uint8)
    for part, chance in batches(f"objects {VERSION} {style}", seed, len(labels_N), first):
        out_NHWC[part] = _batch(_LOOKS[style], chance, labels_N[part], size)
    return out_NHWC


def _batch(look: Look, chance: Chance, labels_N: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    likely_CS = scenes.weights([typical for _, typical, _ in THINGS.values()], look.typical)
    ground = scenes.landscape(chance, scenes.choose(chance, likely_CS[labels_N]), size, look.rough)
    behind = paint(clutter(chance, _STUFF, 4, look.clutter), Place.everywhere(len(chance)), size)
    things = np.zeros((len(chance), size, size, 4), np.uint8)
    for label, (views, _, turn) in enumerate(THINGS.values()):
        here = np.flatnonzero(labels_N == label)
        view_M = pick(chance.of(here), "view", [1.0] * len(views))
        for number, view in enumerate(views):
            chosen = here[view_M == number]
            if len(chosen):
                own = chance.of(chosen)
                things[chosen] = paint(
                    view(own.under(view.__name__)), _stand(look, own, turn), size, Ink.black(len(own), look.line)
                )
    return whole(photograph(chance, over(things, over(behind, ground)), look.camera))


def _stand(look: Look, chance: Chance, turn: float) -> Place:
    return Place(
        centre_N2=chance.uniforms("shift", 2, -look.shift, look.shift),
        scale_N=chance.uniform("scale", *look.scale),
        angle_N=chance.uniform("turn", -turn * look.turn, turn * look.turn),
        mirror_N=np.where(chance.happens("mirror", 0.5), np.float32(-1), np.float32(1)),
        lean_N=chance.uniform("lean", -0.12, 0.12),
    )
