"""Crops of the photographs that scikit-image and scikit-learn carry inside their wheels; nothing is ever downloaded.

scikit-image: public domain or CC0; scikit-learn's china.jpg (danielbuechele) and flower.jpg (vultilion): CC BY 2.0.
The files are read with Pillow from the packages' folders, without importing the packages, which takes seconds.
"""

import functools
import importlib.util
import math
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.drawn.chance import Chance, Floats
from benchmark.refusals import DataMissing

SKIMAGE = [
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png",
    "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png",
    "page.png", "retina.jpg", "rocket.jpg", "text.png",
]  # fmt: skip
SKLEARN = ["china.jpg", "flower.jpg"]
# rich scenes are cropped more often than pages and even textures
RICH = {
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "motorcycle_left.png",
    "rocket.jpg",
    "china.jpg",
    "flower.jpg",
    "camera.png",
}
SMALLEST = 16  # pixels of the coarsest level of a pyramid


def crops(chance: Chance, size: int) -> Floats:
    """Squares cut at any place and scale, often mirrored or turned: float32 [n, size, size, 3], 0..1.

    Raises DataMissing when an installed package lacks one of the photographs.
    """
    pyramids = _pyramids()
    which = (chance.uniform("photograph") * len(pyramids)).astype(int)
    scale, across, down = chance.uniform("scale"), chance.uniform("across"), chance.uniform("down")
    free_turn = chance.happens("turned", 0.15)
    angle = np.where(free_turn, chance.uniform("angle", -math.pi, math.pi), chance.uniform("tilt", -0.15, 0.15))
    mirror = np.where(chance.happens("mirror", 0.5), -1.0, 1.0)
    images = np.empty((len(chance), size, size, 3), np.uint8)
    for i in range(len(chance)):
        place = (float(across[i]), float(down[i]))
        crop = _crop(pyramids[which[i]], size, float(scale[i]), place, (float(angle[i]), float(mirror[i])))
        images[i] = np.asarray(crop)
    return images.astype(np.float32) / np.float32(255)


def _crop(
    pyramid: list[Image.Image], size: int, scale: float, place: tuple[float, float], turn: tuple[float, float]
) -> Image.Image:
    """One square; scale 0..1 runs over the sides that fit, place 0..1 over the places, turn is (angle, mirror sign)."""
    width, height = pyramid[0].size
    angle, mirror = turn
    reach = abs(math.cos(angle)) + abs(math.sin(angle))  # the turned square's box over its side
    most = (min(width, height) - 2) / reach
    least = min(0.7 * size, most)
    side = (
        least * (most / least) ** scale**0.7
    )  # sizes of things in photographs are scale-invariant: uniform in the logarithm, or rather larger
    level = min(max(0, int(math.log2(max(side / size, 1.0)) + 0.3)), len(pyramid) - 1)
    half = side * reach / 2
    x = 1 + half + place[0] * max(0.0, width - 2 - 2 * half)
    y = 1 + half + place[1] * max(0.0, height - 2 - 2 * half)
    zoom = 2.0**-level
    step = side / size * zoom
    cos, sin = step * math.cos(angle), step * math.sin(angle)
    middle = size / 2
    a, b, d, e = cos * mirror, -sin, sin * mirror, cos
    corner = (x * zoom - (a + b) * middle, y * zoom - (d + e) * middle)
    return pyramid[level].transform(
        (size, size), Image.Transform.AFFINE, (a, b, corner[0], d, e, corner[1]), Image.Resampling.BILINEAR
    )


@functools.cache
def _pyramids() -> list[list[Image.Image]]:
    """Each photograph at full size, half, quarter and so on; rich ones are listed three times."""
    listed = []
    for package, folder, names in (("skimage", "data", SKIMAGE), ("sklearn", "datasets/images", SKLEARN)):
        for name in names:
            listed += [_pyramid(package, folder, name)] * (3 if name in RICH else 1)
    return listed


def _pyramid(package: str, folder: str, name: str) -> list[Image.Image]:
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin or "").parent / folder / name if spec else Path(name)
    if not path.is_file():
        raise DataMissing(
            f"photograph {name} is not in the installed {package}. Reinstall it, or use the pool's style 'drawn'."
        )
    with Image.open(path) as opened:
        levels = [opened.convert("RGB")]
    while min(levels[-1].size) >= 2 * SMALLEST:
        levels.append(levels[-1].reduce(2))
    return levels
