"""Seven expressions of a face as facial actions, after Ekman and Friesen's Facial Action Coding System (1978)."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmark.drawn.chance import Chance, Floats

EXPRESSIONS = ("neutral", "anger", "disgust", "fear", "happy", "sadness", "surprise")

Row: TypeAlias = tuple[float, ...]

# columns: inner brow up, outer brow up, brows drawn together, eyes opened, lower lid raised, nose wrinkled,
#          mouth corners up, mouth opened, mouth widened, upper lip raised, teeth shown, lips pressed
_ACTIONS = 12
_VARIANTS: dict[str, tuple[Row, ...]] = {
    "neutral": ((0.0,) * _ACTIONS,),
    "anger": (
        (-1.0, 0.3, 1.0, -0.1, 0.4, 0.3, -0.35, 0.0, -0.2, 0.0, 0.0, 1.0),
        (-1.0, 0.3, 1.0, 0.1, 0.4, 0.4, -0.2, 0.5, 0.1, 0.3, 1.0, 0.0),
    ),
    "disgust": (
        (-0.5, -0.3, 0.5, -0.5, 0.7, 1.0, -0.5, 0.06, -0.1, 1.0, 0.2, 0.0),
        (-0.6, -0.2, 0.5, -0.5, 0.7, 1.0, -0.45, 0.3, 0.0, 1.0, 0.5, 0.0),
    ),
    "fear": (
        (0.95, 0.2, 0.7, 0.5, 0.1, 0.0, -0.4, 0.4, 0.3, 0.0, 0.6, 0.0),
        (1.0, 0.2, 0.8, 0.5, 0.1, 0.0, -0.55, 0.16, 0.4, 0.0, 0.8, 0.0),
    ),
    "happy": (
        (0.1, 0.15, 0.0, -0.15, 0.6, 0.0, 1.0, 0.0, 0.25, 0.0, 0.0, 0.0),
        (0.1, 0.15, 0.0, -0.2, 0.7, 0.1, 1.0, 0.45, 0.3, 0.0, 0.9, 0.0),
    ),
    "sadness": (
        (0.85, -0.55, 0.4, -0.35, 0.0, 0.0, -1.0, 0.0, -0.1, 0.0, 0.0, 0.2),
        (0.8, -0.5, 0.3, -0.55, 0.2, 0.0, -0.8, 0.14, -0.05, 0.0, 0.0, 0.0),
    ),
    "surprise": (
        (0.9, 1.0, -0.2, 0.55, 0.0, 0.0, 0.0, 1.0, -0.4, 0.0, 0.0, 0.0),
        (0.9, 1.0, -0.2, 0.55, 0.0, 0.0, 0.05, 0.7, -0.3, 0.1, 0.3, 0.0),
    ),
}


@dataclass(frozen=True)
class Actions:
    """How much of each facial action, [n] each: 0 at rest, 1 full, negative the other way."""

    inner: Floats
    outer: Floats
    together: Floats
    eyes: Floats
    lid: Floats
    wrinkle: Floats
    corners: Floats
    opened: Floats
    wide: Floats
    upper: Floats
    teeth: Floats
    pressed: Floats


def act(chance: Chance, labels_N: NDArray[np.int64], strength: tuple[float, float], unsteady: float) -> Actions:
    """The actions of these expressions, as strong as chance picks from `strength`, each off by about `unsteady`."""
    table = np.array([[rows[0], rows[-1]] for rows in (_VARIANTS[name] for name in EXPRESSIONS)], dtype=np.float32)
    chosen_NA = table[labels_N, chance.happens("variant", 0.5).astype(np.int64)]
    strength_N1 = chance.uniforms("strength", 1, *strength)
    acted_NA = chosen_NA * strength_N1 + chance.normals("off", _ACTIONS) * np.float32(unsteady)
    # a shut mouth stays shut: what is opened by chance would be an expression of its own
    acted_NA[:, 7] = np.where(chosen_NA[:, 7] > 0, np.maximum(acted_NA[:, 7], 0.04), 0)
    acted_NA[:, 10] = np.where(chosen_NA[:, 10] > 0, acted_NA[:, 10], 0)
    return Actions(*acted_NA.T)
