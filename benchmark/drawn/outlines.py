"""Families of drawn natural images with outlines: dead leaves, things and strokes.

Each family is a function of (chance, size) that gives float32 [n, size, size, 3], 0..1. Dead leaves, opaque shapes that
hide each other with radii distributed as r**-3, share their statistics with photographs (Lee, Mumford, Huang 2001).
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmark.drawn.chance import Chance, Floats
from benchmark.drawn.fields import blend, field, grid, halve, palette
from benchmark.drawn.textures import clouds, gradients

LEAVES = 44  # most in an image
CORNERS = 10
STROKES = 16  # most in an image


def leaves(chance: Chance, size: int) -> Floats:
    """Opaque shapes over each other all over the image, radii distributed as r**-3."""
    return _painted(chance, _leaf_map(_corners(chance, 2 * size), _counts(chance, 5), 2 * size), size)


def things(chance: Chance, size: int) -> Floats:
    """One to three bodies before a ground or a horizon: shapes heaped about a middle, often mirror-symmetric.

    Half of the things in photographs look alike from left and right; leaf 2k + 1 is then leaf 2k mirrored.
    """
    fine = 2 * size
    corners = _corners(chance, fine)
    bodies = np.arange(LEAVES) // 2 % 3 % (1 + (chance.uniform("bodies") ** 2 * 3).astype(np.int64))[:, None]
    middles = chance.uniforms("middles", 6, 0.2, 0.8).reshape(-1, 3, 1, 2)
    middle = np.take_along_axis(middles, bodies[..., None, None], axis=1) * fine
    spread = np.stack([chance.uniform("wide", 0.03, 0.3), chance.uniform("high", 0.03, 0.25)], axis=-1) * fine
    heaped = chance.normals("heap", 2 * LEAVES).reshape(-1, LEAVES, 1, 2) * spread[:, None, None]
    own = corners - corners.mean(axis=2, keepdims=True) + heaped
    mirrored = chance.happens("mirrored", 0.5)
    own[mirrored, 1::2] = own[mirrored, ::2] * np.array([-1, 1], np.float32)
    owner = _leaf_map(np.asarray(own + middle, np.float32), _counts(chance, 3), fine)
    pair = owner - (1 - owner % 2) * (owner > 0)  # the mirror image of a leaf has its colour and grain
    owner = np.where(mirrored[:, None, None], pair, owner).astype(np.uint8)
    body = halve((owner > 0).astype(np.float32))
    ground = gradients(chance.under("plain"), size)
    uneven = chance.happens("uneven", 0.35)
    ground[uneven] = clouds(chance.of(uneven).under("rough"), size)
    return blend(ground, _painted(chance, owner, size), body)


def _painted(chance: Chance, owner: NDArray[np.uint8], size: int) -> Floats:
    """The map's leaves in their colours, each with its own slope of light and depth of grain."""
    colours = palette(chance, "colours", LEAVES + 1)
    row = np.arange(len(chance))[:, None, None]
    across, down = grid(2 * size)
    slopes = chance.normals("slopes", 2 * (LEAVES + 1)).reshape(-1, LEAVES + 1, 2)
    slopes = slopes * chance.uniform("shading", 0.0, 0.2)[:, None, None]
    light = slopes[row, owner, 0] * across + slopes[row, owner, 1] * down
    grain = field(chance, "grain", size, chance.uniform("slope", 0.4, 1.4)).repeat(2, 1).repeat(2, 2)
    depth = chance.uniforms("grains", LEAVES + 1) ** 2 * chance.uniform("grained", 0.0, 0.25)[:, None]
    return halve(colours[row, owner] + (light + grain * depth[row, owner])[..., None])


def _counts(chance: Chance, fewest: int) -> list[int]:
    """How many leaves each image has, evenly in the logarithm."""
    return [int(count) for count in np.exp(chance.uniform("count", math.log(fewest), math.log(LEAVES)))]


def _corners(chance: Chance, size: int) -> Floats:
    """The corners of the leaves in pixels, anywhere in the image, float32 [n, LEAVES, CORNERS, 2]."""
    least, most = np.exp(chance.uniform("least", math.log(0.06), math.log(0.5)))[:, None], 1.1
    unit = chance.uniforms("radius", LEAVES)
    # the inverse of the distribution function of the r**-3 law
    radius = size / 2 * least / np.sqrt(1.0 - unit * (1.0 - (least / most) ** 2))
    middle = chance.uniforms("middle", 2 * LEAVES, -0.1, 1.1).reshape(-1, LEAVES, 1, 2) * size
    return np.asarray(_outlines(chance) * radius[..., None, None] + middle, np.float32)


def _leaf_map(corners: Floats, counts: list[int], size: int) -> NDArray[np.uint8]:
    """Which leaf is seen at each pixel: uint8 [n, size, size], 0 the ground."""
    owner = np.empty((len(corners), size, size), np.uint8)
    for i, shapes in enumerate(corners.reshape(len(corners), LEAVES, 2 * CORNERS).tolist()):
        canvas = Image.new("L", (size, size))
        pen = ImageDraw.Draw(canvas)
        for leaf in range(counts[i]):
            pen.polygon(shapes[leaf], fill=leaf + 1)
        owner[i] = np.asarray(canvas)
    return owner


def _outlines(chance: Chance) -> Floats:
    """Corners round the origin, [n, LEAVES, CORNERS, 2]: round, oval, angular or jagged, by image and leaf."""
    shape = (len(chance), LEAVES, 1)
    step = np.arange(CORNERS, dtype=np.float32) * np.float32(2 * math.pi / CORNERS)
    sides = np.where(chance.uniforms("angular", LEAVES) < chance.uniform("angularity")[:, None], 4, CORNERS)[..., None]
    step = np.floor(step * sides / (2 * math.pi) + 1e-3) * (2 * math.pi / sides)
    wave = chance.uniforms("jag", LEAVES * CORNERS, -1, 1).reshape(len(chance), LEAVES, CORNERS)
    reach = 1.0 + wave * (sides == CORNERS) * chance.uniforms("jagged", LEAVES, 0.0, 0.45).reshape(shape)
    squash = np.exp(-np.abs(chance.normals("squash", LEAVES)).reshape(shape) * 0.7)
    upright = chance.happens("upright", 0.5)  # as most things stand or lie
    order = np.where(upright, 0.0, chance.uniform("order"))
    turn = (chance.uniforms("turn", LEAVES, 0, 2 * math.pi) * order[:, None]).reshape(shape)
    step = step + (sides == 4) * (math.pi / 4)
    x, y = np.cos(step) * reach, np.sin(step) * reach * squash
    return np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=-1).astype(
        np.float32
    )


def strokes(chance: Chance, size: int) -> Floats:
    """Few or many curved lines of one or several widths: twigs, cracks, wires, hair, on even or uneven ground."""
    fine = 2 * size
    mask = np.empty((len(chance), fine, fine), np.uint8)
    paths = _paths(chance, fine)
    count = (1 + chance.uniform("count") ** 1.5 * (STROKES - 1)).astype(int)
    widths = (fine * np.exp(chance.uniform("width", math.log(0.02), math.log(0.2))))[:, None] * np.exp(
        chance.normals("widths", STROKES) * 0.35
    )
    closed = chance.uniforms("closed", STROKES) < chance.uniform("rounds")[:, None] * 0.4
    tones = chance.uniforms("tones", STROKES, 120, 255)
    for i, lines in enumerate(paths.reshape(len(chance), STROKES, -1).tolist()):
        canvas = Image.new("L", (fine, fine))
        pen = ImageDraw.Draw(canvas)
        for line in range(count[i]):
            points = lines[line] + lines[line][:4] if closed[i, line] else lines[line]
            pen.line(points, fill=int(tones[i, line]), width=max(1, round(float(widths[i, line]))), joint="curve")
        mask[i] = np.asarray(canvas)
    share = np.asarray(halve(mask.astype(np.float32)) / 255, np.float32)
    ground = gradients(chance.under("plain"), size)
    uneven = chance.happens("uneven", 0.4)
    ground[uneven] = clouds(chance.of(uneven).under("rough"), size)
    # lines are told from their ground by lightness more than by hue
    ink = palette(chance, "ink", 1)[:, 0]
    dark = ground.mean(axis=(1, 2, 3)) < 0.5
    light = np.where(dark, chance.uniform("light", 0.6, 1.0), chance.uniform("dark", 0.0, 0.35))
    ink = np.asarray(ink * 0.3 + light[:, None] * 0.7, np.float32)
    return blend(ground, np.broadcast_to(ink[:, None, None], ground.shape), share)


def _paths(chance: Chance, size: int) -> Floats:
    """Points of smooth random walks, [n, STROKES, 7, 2] in pixels."""
    steps = 7
    start = chance.uniforms("start", 2 * STROKES, -0.05, 1.05).reshape(-1, STROKES, 1, 2)
    heading = (
        chance.uniforms("heading", STROKES, 0, 2 * math.pi) * chance.uniform("disorder")[:, None]
        + chance.uniform("main", 0, 7)[:, None]
    )
    curl = chance.normals("curl", STROKES) * chance.uniform("curliness", 0.0, 1.2)[:, None]
    jitter = (
        chance.normals("jitter", STROKES * steps).reshape(-1, STROKES, steps)
        * chance.uniform("jitters", 0.0, 0.7)[:, None, None]
    )
    course = heading[..., None] + curl[..., None] * np.arange(steps) + jitter
    length = np.exp(chance.uniforms("length", STROKES, math.log(0.05), math.log(0.3)))[..., None]
    walk = np.cumsum(np.stack([np.cos(course), np.sin(course)], axis=-1) * length[..., None], axis=2)
    return np.asarray((start + walk) * size, np.float32)
