"""The parts of a face as layers, moved by its facial actions; the frame is half a head high, y down."""

from dataclasses import dataclass, replace

import numpy as np

from benchmark.drawn.chance import Chance
from benchmark.drawn.expressions import Actions
from benchmark.drawn.layers import Bools, Floats, Layer, Numbers, column, oval, points, ribbon

SIDES = (-1.0, 1.0)


@dataclass(frozen=True)
class Sitter:
    """Who sits for the picture: tones 0..255 and proportions, [n] each."""

    skin: Floats
    hair: Floats
    dark: Floats
    lips: Floats
    wide: Floats
    jaw: Floats
    apart: Floats
    bushy: Floats
    nose: Floats
    mouth: Floats
    fringe: Floats
    bald: Bools
    long: Bools
    beard: Bools
    moustache: Bools
    glasses: Bools
    old: Bools


def seat(chance: Chance, groomed: float) -> Sitter:
    """Sitters at random; `groomed` 0..1 is the share without beard, glasses, long hair and age."""
    skin = chance.uniform("skin", 110, 225)
    rare = 1 - groomed
    long = chance.happens("long hair", 0.25 + 0.3 * rare)
    return Sitter(
        skin=skin,
        hair=chance.uniform("hair", 15, 150) + np.where(chance.happens("fair", 0.2), 70, 0).astype(np.float32),
        dark=skin * chance.uniform("dark", 0.16, 0.34),
        lips=skin * chance.uniform("lips", 0.5, 0.72),
        wide=chance.uniform("wide", 0.68, 0.84),
        jaw=chance.uniform("jaw", 0.0, 0.3),
        apart=chance.uniform("apart", 0.29, 0.36),
        bushy=chance.uniform("bushy", 0.06, 0.12),
        nose=chance.uniform("nose", 0.16, 0.27),
        mouth=chance.uniform("mouth", 0.46, 0.54),
        fringe=chance.uniform("fringe", -0.78, -0.5),
        bald=chance.happens("bald", 0.12) & ~long,
        long=long,
        beard=chance.happens("beard", 0.35 * rare) & ~long,
        moustache=chance.happens("moustache", 0.25 * rare) & ~long,
        glasses=chance.happens("glasses", 0.4 * rare),
        old=chance.happens("old", 0.5 * rare),
    )


def portrait(chance: Chance, sitter: Sitter, acts: Actions) -> list[Layer]:
    """All layers of heads and shoulders, from back to front."""
    features = [*_nose(sitter, acts), *_eyes(chance, sitter, acts), *_brows(sitter, acts), *_mouth(sitter, acts)]
    return [
        *_bust(chance, sitter),
        *_head(chance, sitter, acts),
        *(replace(layer, edged=False) for layer in features),
        *_hair_and_glasses(chance, sitter),
    ]


def _tone(value: Floats) -> Floats:
    return np.repeat(value[:, None], 3, axis=1)


def _outline(sitter: Sitter, acts: Actions, grown: Numbers = 1.0) -> Floats:
    """The head's edge as 28 points; an open mouth lets the jaw down."""
    turn = np.linspace(0, 2 * np.pi, 28, endpoint=False, dtype=np.float32)
    x, y = np.sin(turn), -np.cos(turn)
    below = np.maximum(y, 0)
    narrow = 1 - (0.34 - column(sitter.jaw)) * below**2
    drop = 0.14 * column(np.maximum(acts.opened, 0)) * below
    return points(column(sitter.wide) * column(grown) * x * narrow, y * column(grown) + drop)


def _bust(chance: Chance, sitter: Sitter) -> list[Layer]:
    clothes = _tone(chance.uniform("clothes", 20, 230))
    long = Layer(oval(0, 0.1, sitter.wide * 1.28, 1.12, corners=20), _tone(sitter.hair), sitter.long)
    neck = oval(0, 1.0, sitter.wide * 0.52, 0.5, corners=10)
    return [
        long,
        Layer(oval(0, 1.85, chance.uniform("shoulders", 1.2, 1.7), 0.75, corners=18), clothes),
        Layer(neck, _tone(sitter.skin * 0.78)),
    ]


def _head(chance: Chance, sitter: Sitter, acts: Actions) -> list[Layer]:
    layers = [Layer(oval(side * sitter.wide, 0.02, 0.11, 0.2, corners=10), _tone(sitter.skin * 0.85)) for side in SIDES]
    lit = _outline(sitter, acts, 0.86)
    lit[..., 0] += chance.uniforms("lit from", 1, -0.09, 0.09)
    layers += [Layer(_outline(sitter, acts), _tone(sitter.skin * 0.86)), Layer(lit, _tone(sitter.skin), edged=False)]
    # a beard follows the jaw and leaves the mouth free
    edge = _outline(sitter, acts)[:, 8:21]
    inner = edge * np.array([0.62, 0.36], np.float32) + np.array([0, 0.16], np.float32)
    beard = np.concatenate([edge, inner[:, ::-1]], axis=1)
    layers.append(Layer(beard, _tone(0.75 * sitter.hair + 0.25 * sitter.skin), sitter.beard, edged=False))
    cheek = np.maximum(acts.corners, 0) * 0.13 + np.maximum(acts.lid, 0) * 0.03
    layers += [
        Layer(
            oval(side * 0.44, 0.2, 0.17, 0.11, corners=10), _tone(sitter.skin * (1 + cheek)), cheek > 0.05, edged=False
        )
        for side in SIDES
    ]
    lines = [
        Layer(
            ribbon(points(column(0.3) * np.linspace(-1, 1, 3), column(y)), 0.03),
            _tone(sitter.skin * 0.76),
            sitter.old,
            edged=False,
        )
        for y in (-0.62, -0.52)
    ]
    return layers + lines


def _nose(sitter: Sitter, acts: Actions) -> list[Layer]:
    shade = _tone(sitter.skin * 0.8)
    tip, flare = sitter.nose - 0.03 * acts.wrinkle, 0.1 + 0.03 * np.maximum(acts.wrinkle, 0)
    bridge = np.linspace(0, 1, 4)
    ridge = points(column(0.04) + 0.04 * bridge, column(0.0) + column(tip) * bridge)
    layers = [Layer(ribbon(ridge, 0.05), shade), Layer(oval(0, tip, flare, 0.045, corners=8), shade)]
    layers += [Layer(oval(side * 0.07, tip + 0.02, 0.035, 0.03, corners=6), _tone(sitter.dark)) for side in SIDES]
    creased, frown = _tone(sitter.skin * 0.5), acts.together > 0.35
    fold = np.maximum(np.maximum(acts.wrinkle, acts.corners), 0)
    for side in SIDES:
        for number in range(2):  # wrinkles across the root of the nose
            high = 0.02 + 0.09 * number
            line = points(side * np.linspace(0.05, 0.2, 3)[None], column(high) - np.linspace(0, 0.1, 3)[None])
            layers.append(Layer(ribbon(line, 0.045), creased, acts.wrinkle > 0.4))
        run = np.linspace(0, 1, 5)
        out = 0.14 + (0.22 + 0.05 * np.maximum(acts.wide, 0))[:, None] * run**1.5
        line = points(side * out, column(tip) - 0.02 + (column(sitter.mouth - tip) + 0.05) * run)
        layers.append(
            Layer(
                ribbon(line, 0.04), _tone(sitter.skin * (0.9 - 0.32 * np.minimum(fold, 1))), (fold > 0.3) | sitter.old
            )
        )
        upright = points(column(side * 0.06), np.linspace(-0.4, -0.22, 3)[None] + column(acts.inner) * -0.03)
        layers.append(Layer(ribbon(upright, 0.04), creased, frown))
    return layers


def _eyes(chance: Chance, sitter: Sitter, acts: Actions) -> list[Layer]:
    layers = []
    across = np.linspace(-1, 1, 7, dtype=np.float32)
    bow = 1 - across**2
    look = chance.uniform("look", -0.04, 0.04)
    for side in SIDES:
        middle, level = side * sitter.apart, -0.12
        up = np.clip(0.1 * (1 + acts.eyes) - 0.02 * np.maximum(acts.lid, 0), 0.025, 0.2)
        down = np.clip(0.075 * (1 + 0.6 * acts.eyes) - 0.055 * acts.lid, 0.0, 0.15)
        # sad lids hang at the outer end
        hang = column(np.clip(-acts.outer, 0, 1)) * 0.05 * (side * across)
        x = column(middle) + 0.165 * across
        above, below = level - column(up) * bow + hang, level + column(down) * bow + hang
        white = np.concatenate([points(x, above), points(x, below)[:, ::-1]], axis=1)
        layers.append(Layer(white, _tone(np.minimum(sitter.skin * 0.35 + 160, 250))))
        iris = oval(middle + look, level, 0.085, 0.085, corners=12)
        spread = np.clip((iris[..., 0] - column(middle)) / 0.165, -1, 1)
        room = 1 - spread**2
        iris[..., 1] = np.clip(iris[..., 1], level - column(up) * room, level + column(down) * room)
        layers.append(Layer(iris, _tone(sitter.dark * 0.6)))
        layers.append(Layer(ribbon(points(x, above), 0.055), _tone(sitter.dark)))
        layers.append(Layer(ribbon(points(x, below), 0.03), _tone(sitter.skin * 0.66)))
    return layers


def _brows(sitter: Sitter, acts: Actions) -> list[Layer]:
    layers = []
    run = np.linspace(0, 1, 5, dtype=np.float32)
    for side in SIDES:
        start = sitter.apart - 0.19 - 0.05 * np.maximum(acts.together, 0)
        x = side * (column(start) + 0.4 * run)
        rise = column(acts.inner) * (1 - run) ** 1.3 + column(acts.outer) * run**1.3
        lifted = column(np.maximum(np.minimum(acts.inner, acts.outer), 0)) * 0.05
        y = -0.34 - 0.13 * rise - (0.05 + lifted) * np.sin(np.pi * run) + 0.05 * run
        width = column(sitter.bushy) * (1 - 0.5 * run)
        layers.append(Layer(ribbon(points(x, y), width), _tone(np.minimum(sitter.hair * 0.8, sitter.skin * 0.55))))
    return layers


def _mouth(sitter: Sitter, acts: Actions) -> list[Layer]:
    across = np.linspace(-1, 1, 9, dtype=np.float32)
    square = column(np.clip(acts.teeth, 0, 1)) * 2 + 2  # teeth shown: a squarer mouth
    bow = 1 - np.abs(across) ** square
    half = column(np.clip(0.3 * (1 + acts.wide), 0.15, 0.45))
    opened, curve = np.maximum(acts.opened, 0), column(acts.corners)
    raised = column(np.maximum(acts.upper, 0)) * 0.09 * np.clip(1.3 - 1.6 * np.abs(across), 0, 1)
    line = column(sitter.mouth) + 0.05 * curve + 0.02 * column(opened) - curve * 0.17 * across**2
    above = line - column(opened) * 0.07 * bow - raised
    below = line + column(opened) * 0.27 * bow + np.maximum(curve, 0) * column(opened) * 0.08 * bow - raised * 0.3
    x = half * across
    thick = 0.075 * (1 - 0.7 * np.clip(acts.pressed, 0, 1))
    lip_above, lip_below = above - column(thick) * bow, below + column(thick) * 1.2 * bow
    lips = np.concatenate([points(x, lip_above), points(x, lip_below)[:, ::-1]], axis=1)
    inside = np.concatenate([points(x, above), points(x, below)[:, ::-1]], axis=1)
    gap = np.minimum(column(np.clip(acts.teeth, 0, 1)) * 0.85, 0.9)
    teeth = np.concatenate([points(0.88 * x, above), points(0.88 * x, above + (below - above) * gap)[:, ::-1]], axis=1)
    dent = points(half * np.linspace(-0.5, 0.5, 3), column(sitter.mouth + 0.17 + 0.27 * opened) + np.zeros(3))
    upper_edge = points(x[:, 1:-1], above[:, 1:-1] - column(thick) * 1.8)
    shut = acts.opened <= 0.01
    return [
        Layer(ribbon(upper_edge, 0.1), _tone(sitter.hair), sitter.moustache),
        Layer(lips, _tone(sitter.lips)),
        Layer(inside, _tone(sitter.dark * 0.5), ~shut),
        Layer(teeth, _tone(np.minimum(sitter.skin * 0.3 + 165, 245)), ~shut & (acts.teeth > 0.12)),
        Layer(ribbon(points(x, line - raised), 0.05), _tone(sitter.dark * 0.8), shut),
        Layer(ribbon(dent, 0.05), _tone(sitter.skin * 0.75), acts.corners < -0.3),
    ]


def _hair_and_glasses(chance: Chance, sitter: Sitter) -> list[Layer]:
    turn = np.linspace(-1.75, 1.75, 13, dtype=np.float32)
    puff = column(chance.uniform("puff", 1.04, 1.18))
    outer = points(column(sitter.wide) * puff * np.sin(turn) * 1.02, -puff * np.cos(turn))
    parting = column(chance.uniform("parting", -0.25, 0.25))
    sway = np.linspace(-1, 1, 13, dtype=np.float32)
    hairline = column(sitter.fringe) + 0.34 * np.abs(sway) ** 3 + parting * sway
    inner = points(column(sitter.wide) * 0.97 * np.sin(turn), np.minimum(hairline + 0.1 * sway**2, 0.2))
    layers = [Layer(np.concatenate([outer, inner[:, ::-1]], axis=1), _tone(sitter.hair), ~sitter.bald)]
    frame = _tone(np.where(chance.happens("dark frame", 0.7), 30, 200).astype(np.float32))
    for side in SIDES:
        ring = oval(side * sitter.apart, -0.1, 0.23, chance.uniform("lens", 0.15, 0.21), corners=14)
        closed = np.concatenate([ring, ring[:, :1]], axis=1)
        layers.append(Layer(ribbon(closed, 0.045), frame, sitter.glasses, edged=False))
    bridge = points(column(sitter.apart - 0.23) * np.linspace(-1, 1, 2), column(-0.12))
    return [*layers, Layer(ribbon(bridge, 0.045), frame, sitter.glasses, edged=False)]
