"""Families of drawn natural images without outlines: clouds, waves, blobs, gradients, fractals, facets; and a warp.

Each family is a function of (chance, size) that gives float32 [n, size, size, 3], 0..1. Photographs have amplitude
spectra that fall about as 1/f (Field 1987), and so have most of these.
"""

import math

import numpy as np

from benchmark.drawn.chance import Chance, Floats
from benchmark.drawn.fields import between, blend, field, from_hue, grid, palette, sample, soft_step


def clouds(chance: Chance, size: int) -> Floats:
    """1/f noise through two or three colours; sometimes stretched, folded to ridges or cut to patches."""
    slope = chance.uniform("slope", 0.9, 2.0)
    stretch = np.where(chance.happens("stretched", 0.35), chance.uniform("stretch", 1.0, 3.5), 1.0).astype(np.float32)
    turned = chance.happens("turned", 0.5)
    made = field(chance, "noise", size, slope, stretch)
    made[turned] = made[turned].transpose(0, 2, 1)
    ridged = chance.happens("ridged", 0.25)
    made[ridged] = 1.2 - 2.0 * np.abs(made[ridged])
    patchy = chance.happens("patchy", 0.3)
    cut = soft_step(
        made - chance.uniform("level", -0.8, 0.8)[:, None, None], chance.uniform("softness", 0.1, 0.8)[:, None, None]
    )
    share = np.where(patchy[:, None, None], cut, made * 0.28 + 0.5)
    colours = palette(chance, "colours", 3)
    image = between(colours, share)
    second = field(chance.under("second"), "noise", size, slope)
    return blend(image, np.broadcast_to(colours[:, 2, None, None], image.shape), soft_step(second - 0.6, 1.5) * 0.8)


def waves(chance: Chance, size: int) -> Floats:
    """Stripes, rings or checks, all over or within bounds: fur, ripples, weave, shells, fences, blinds, tiles."""
    across, down = grid(size)
    angle, bend = (
        chance.uniform("angle", 0, math.pi),
        field(chance, "bend", size, np.full(len(chance), 1.8, np.float32)),
    )
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    x, y = across * cos + down * sin, down * cos - across * sin
    centre = chance.uniforms("centre", 2, -1.5, 1.5)
    ring = np.hypot(across - centre[:, :1, None], down - centre[:, 1:, None])
    course = np.where(chance.happens("rings", 0.2)[:, None, None], ring, x)
    rate = np.exp(chance.uniform("rate", math.log(2.0), math.log(0.9 * size)))[:, None, None]
    unevenness = (chance.uniform("unevenness", 0.0, 1.0) ** 2 * 0.2)[:, None, None]
    wave = np.sin(rate * (course + bend * unevenness) + chance.uniform("phase", 0, 7)[:, None, None])
    other = np.sin(rate * chance.uniform("ratio", 0.3, 1.2)[:, None, None] * (y + 0.1 * bend))
    wave = np.where(chance.happens("crossed", 0.25)[:, None, None], wave * other, wave)
    share = soft_step(
        wave - chance.uniform("duty", -0.5, 0.5)[:, None, None], chance.uniform("edge", 0.1, 2.0)[:, None, None]
    )
    # beyond its bounds, a band or an oval, the pattern ends and a ground of its own begins
    reach = chance.uniforms("reach", 2, 0.25, 1.3)
    x, y = x - centre[:, :1, None] * 0.3, y - centre[:, 1:, None] * 0.3
    band = np.minimum(
        reach[:, :1, None] - np.abs(y), 1.3 - np.abs(x) * chance.uniform("ended", 0.0, 2.0)[:, None, None]
    )
    oval = 0.6 * (1 - np.hypot(x / reach[:, :1, None], y / reach[:, 1:, None]))
    inside = soft_step(np.where(chance.happens("oval", 0.3)[:, None, None], oval, band), 0.08)
    inside = np.maximum(inside, chance.happens("everywhere", 0.4)[:, None, None])
    colours = palette(chance, "colours", 2)
    ground = gradients(chance.under("ground"), size)
    alike = chance.happens("alike", 0.5)  # the ground has the colour of the gaps
    ground[alike] = ground[alike] * 0.15 + colours[alike, 0][:, None, None] * 0.85
    return blend(ground, between(colours, share), inside)


def blobs(chance: Chance, size: int) -> Floats:
    """Soft or sharp spots of all sizes on a sloping ground, light on dark or dark on light."""
    count = 9
    across, _ = grid(size)
    line = across[0]
    width = np.exp(chance.uniforms("width", count, math.log(0.05), math.log(0.8)))
    place, height = chance.uniforms("across", count, -1.1, 1.1), chance.uniforms("down", count, -1.1, 1.1)
    squash = np.exp(chance.normals("squash", count) * 0.3)
    present = chance.uniforms("present", count) < chance.uniform("share", 0.1, 1.0)[:, None]
    sign = np.where(chance.uniforms("sign", count) < chance.uniform("mixed", 0.6, 1.0)[:, None], 1.0, -1.0)
    x = np.exp(-0.5 * ((line - place[..., None]) / (width * squash)[..., None]) ** 2)
    y = np.exp(-0.5 * ((line - height[..., None]) / (width / squash)[..., None]) ** 2)
    total = np.einsum("nky,nkx->nyx", y * (present * sign)[..., None], x).astype(np.float32)
    sharp = soft_step(total - 0.4, chance.uniform("softness", 0.05, 0.5)[:, None, None])
    share = np.where(chance.happens("sharp", 0.5)[:, None, None], sharp, np.clip(total, 0.0, 1.0))
    ground = gradients(chance.under("ground"), size)
    return blend(ground, np.broadcast_to(palette(chance, "colours", 1)[:, :, None], ground.shape), share)


def gradients(chance: Chance, size: int) -> Floats:
    """A smooth slope of colour, sometimes with a horizon: sky, walls, tables."""
    across, down = grid(size)
    # light mostly comes from above
    upright, lean = chance.happens("upright", 0.7), chance.normals("lean", 1)[:, 0]
    angle = np.where(upright, math.pi / 2 + 0.25 * lean, chance.uniform("angle", -math.pi, math.pi))
    course = across * np.cos(angle)[:, None, None] + down * np.sin(angle)[:, None, None]
    colours = palette(chance, "colours", 3)
    dark = colours[:, 0].sum(axis=1) < colours[:, 1].sum(axis=1)
    swapped = dark & chance.happens("lit", 0.75)
    colours[swapped, :2] = colours[swapped, 1::-1]
    image = between(colours, course * chance.uniform("steepness", 0.05, 0.6)[:, None, None] + 0.5)
    tilt = chance.normals("tilt", 1)[:, :, None] * 0.15
    skyline = (
        field(chance, "skyline", size, np.full(len(chance), 1.5, np.float32))[:, :1]
        * chance.uniform("rough", 0.0, 0.12)[:, None, None]
    )
    below = soft_step(down + tilt * across + skyline - chance.uniform("horizon", -0.6, 0.6)[:, None, None], 0.06)
    land = np.broadcast_to(colours[:, 2, None, None], image.shape) * (0.8 + 0.3 * down[None, ..., None])
    return blend(image, land.astype(np.float32), below * chance.happens("land", 0.5)[:, None, None])


def fractals(chance: Chance, size: int) -> Floats:
    """Julia sets at random places and scales: shores, ferns, lightning."""
    across, down = grid(size)
    turn = chance.uniform("turn", -math.pi, math.pi)
    zoom = np.exp(chance.uniform("zoom", math.log(0.25), math.log(1.5)))
    centre = chance.uniforms("centre", 2, -0.7, 0.7)
    z = (zoom * np.exp(1j * turn))[:, None, None] * (across + 1j * down) + (centre[:, 0] + 1j * centre[:, 1])[
        :, None, None
    ]
    z = z.astype(np.complex64)
    phase = chance.uniform("phase", -math.pi, math.pi)
    # just outside the main cardioid of the Mandelbrot set, where the Julia sets are finely branched
    c = (1.04 * (0.5 * np.exp(1j * phase) - 0.25 * np.exp(2j * phase))).astype(np.complex64)[:, None, None]
    depth = np.zeros(z.shape, np.float32)
    for _ in range(18):
        z = z * z + c
        size_squared = z.real**2 + z.imag**2
        inside = size_squared < 16
        depth += inside
        z = np.where(inside, z, np.complex64(4.0))
    share = np.abs(np.mod(depth / 18 * chance.uniform("turns", 0.8, 3.0)[:, None, None], 2.0) - 1.0)
    return between(palette(chance, "colours", 2), share)


def facets(chance: Chance, size: int) -> Floats:
    """Coloured arcs of hue over a warped plane: petals, soap, glazes; the strongly coloured share of the pool."""
    noise = field(chance, "noise", size, chance.uniform("slope", 1.2, 2.0))
    other = field(chance.under("other"), "noise", size, chance.uniform("slope2", 1.0, 2.0))
    hue = chance.uniform("hue")[:, None, None] + noise * chance.uniform("range", 0.02, 0.2)[:, None, None]
    value = np.clip(0.55 + other * chance.uniform("depth", 0.1, 0.35)[:, None, None], 0.0, 1.0)
    saturation = np.clip(chance.uniform("saturation", 0.2, 0.9)[:, None, None] - 0.15 * other, 0.0, 1.0)
    return from_hue(hue, saturation, value)


def warp(image: Floats, chance: Chance) -> Floats:
    """The image bent along 1/f fields by some pixels."""
    size = image.shape[1]
    slope = np.full(len(chance), 1.8, np.float32)
    reach = chance.uniform("reach", 0.02, 0.14)[:, None, None] * size
    across, down = grid(size)
    x = (across + 1) * (size / 2) - 0.5 + field(chance.under("x"), "bend", size, slope) * reach
    y = (down + 1) * (size / 2) - 0.5 + field(chance.under("y"), "bend", size, slope) * reach
    return sample(image, x, y)
