"""Random fields and colours of many images at once: 1/f noise, natural palettes, blends, warps, blur."""

import functools

import numpy as np

from benchmark.drawn.chance import Chance, Floats

LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@functools.cache
def grid(size: int) -> tuple[Floats, Floats]:
    """Across and down coordinates of the pixels, float32 [size, size] each, -1..1 from edge to edge."""
    line = ((np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / size) - np.float32(1)).astype(
        np.float32
    )
    across, down = np.meshgrid(line, line)
    return across, down


def field(chance: Chance, name: str, size: int, slope: Floats, stretch: Floats | None = None) -> Floats:
    """Noise whose amplitude falls as 1/f**slope ([n]); mean 0, deviation 1; float32 [n, size, size].

    `stretch` [n] above 1 draws the noise out along one axis, as in wood, water and sand. Twice the area is made and
    cut, so that opposite edges do not match.
    """
    wide = size + size // 2
    wide += wide % 2
    white = chance.normals(name, wide * wide).reshape(-1, wide, wide)
    down = np.fft.fftfreq(wide).astype(np.float32)[:, None]
    across = np.fft.rfftfreq(wide).astype(np.float32)[None, :]
    pulled = np.ones(len(chance), np.float32) if stretch is None else stretch
    power = down**2 * pulled[:, None, None] ** 2 + across**2 / pulled[:, None, None] ** 2
    power[:, 0, 0] = 1.0
    amplitude = power ** (-slope[:, None, None] / 2)
    amplitude[:, 0, 0] = 0.0
    made = np.fft.irfft2(np.fft.rfft2(white) * amplitude, s=(wide, wide))[:, :size, :size].astype(np.float32)
    made -= made.mean(axis=(1, 2), keepdims=True)
    return np.asarray(made / (made.std(axis=(1, 2), keepdims=True) + np.float32(1e-6)), np.float32)


def soft_step(values: Floats, width: Floats | float) -> Floats:
    """0 well below zero, 1 well above, a ramp of that width between."""
    return np.clip(values / np.maximum(width, 1e-3) + 0.5, 0.0, 1.0).astype(np.float32)


def palette(chance: Chance, name: str, count: int) -> Floats:
    """`count` colours that belong together, float32 [n, count, 3], 0..1: one light, few hues, mostly low saturation."""
    part = chance.under(name)
    # photographs are mostly earth and skin (orange), sky and water (blue), leaves (yellow-green); often two
    common = np.array([0.07, 0.10, 0.25, 0.57], np.float32)[(part.uniforms("kinds", 2) * 4).astype(np.int64)]
    common = common + part.normals("near", 2) * np.float32(0.035)
    pair = np.where(part.happens("common hues", 0.75)[:, None], common, part.uniforms("pair", 2))
    second = part.uniforms("second", count) < part.uniform("mixed", 0.0, 0.6)[:, None]
    hues = np.where(second, pair[:, 1:], pair[:, :1])
    hues = hues + part.normals("hues", count) * part.uniform("spread", 0.01, 0.12)[:, None]
    saturation = part.uniform("saturation", 0.0, 0.9)[:, None] ** 1.3 * part.uniforms("saturations", count, 0.2, 1.2)
    middle = part.uniform("value", 0.2, 0.8)[:, None]
    value = np.clip(middle + part.normals("values", count) * part.uniform("contrast", 0.08, 0.5)[:, None], 0.02, 1.0)
    return from_hue(hues, np.clip(saturation, 0.0, 1.0), value)


def from_hue(hue: Floats, saturation: Floats, value: Floats) -> Floats:
    """Colours [..., 3] of hue (wraps at 1), saturation and value (0..1), each [...]."""
    offsets = np.array([5.0, 3.0, 1.0], np.float32)
    k = (offsets + hue[..., None] * 6.0) % 6.0
    ramp = np.clip(np.minimum(k, 4.0 - k), 0.0, 1.0)
    return np.asarray(value[..., None] * (1.0 - saturation[..., None] * ramp), np.float32)


def blend(under: Floats, over: Floats, mask: Floats) -> Floats:
    """`over` where the mask [n, h, w] is 1, `under` where it is 0."""
    return np.asarray(under + (over - under) * mask[..., None], np.float32)


def between(colours: Floats, share: Floats) -> Floats:
    """From colour 0 to colour 1 of [n, >=2, 3] by share [n, h, w] (0..1, beyond it clips)."""
    first, second = colours[:, 0], colours[:, 1]
    return np.asarray(
        first[:, None, None] + (second - first)[:, None, None] * np.clip(share, 0.0, 1.0)[..., None], np.float32
    )


def sample(image: Floats, across: Floats, down: Floats) -> Floats:
    """The image [n, h, h, c] read at places [n, h, h] in pixels, bilinear, mirrored at the edges."""
    size = image.shape[1]
    x, y = _reflect(across, size - 1), _reflect(down, size - 1)
    left, top = np.minimum(x.astype(np.int32), size - 2), np.minimum(y.astype(np.int32), size - 2)
    dx, dy = (x - left)[..., None], (y - top)[..., None]
    row = np.arange(len(image))[:, None, None]
    upper = image[row, top, left] * (1 - dx) + image[row, top, left + 1] * dx
    lower = image[row, top + 1, left] * (1 - dx) + image[row, top + 1, left + 1] * dx
    return np.asarray(upper * (1 - dy) + lower * dy, np.float32)


def _reflect(places: Floats, last: int) -> Floats:
    return np.asarray(last - np.abs(np.mod(places, 2 * last) - last), np.float32)


def blur(image: Floats) -> Floats:
    """One pass of the 1-2-1 filter over height and width; [n, h, w, ...]."""
    for axis in (1, 2):
        ahead, behind = np.roll(image, -1, axis), np.roll(image, 1, axis)
        edge: list[slice | int] = [slice(None)] * image.ndim
        edge[axis] = -1
        ahead[tuple(edge)] = image[tuple(edge)]
        edge[axis] = 0
        behind[tuple(edge)] = image[tuple(edge)]
        image = ((image * 2 + ahead + behind) / 4).astype(np.float32)
    return image


def halve(image: Floats) -> Floats:
    """Means of 2 x 2 pixels; [n, 2h, 2w, ...] to [n, h, w, ...]."""
    return ((image[:, ::2, ::2] + image[:, 1::2, ::2] + image[:, ::2, 1::2] + image[:, 1::2, 1::2]) / 4).astype(
        np.float32
    )
