"""Changes a batch of images at random, all at once and on the device that holds it.

Shape letters: N images of the batch, H height, W width, C colour channels. All randomness comes from a numpy
generator on the CPU, so that the same images come out on every device.
"""

import numpy as np
import torch

from copycats.recipe import Recipe

GREY = 127


def augment(images_NHWC: torch.Tensor, recipe: Recipe, rng: np.random.Generator) -> torch.Tensor:
    """The batch as the recipe wants it seen: shifted, mirrored, cut out, brighter or darker.

    uint8 [n, h, w, c] in; uint8 (float32 0..255 when brightness or contrast change) of the same shape out. The input is
    left as it is.
    """
    if recipe.crop or recipe.flip:
        images_NHWC = shift_and_mirror(images_NHWC, recipe.crop, recipe.flip, rng)
    if recipe.cutout:
        images_NHWC = cut_out(images_NHWC, recipe.cutout, rng)
    if recipe.brightness or recipe.contrast:
        images_NHWC = relight(images_NHWC, recipe.brightness, recipe.contrast, rng)
    return images_NHWC


def shift_and_mirror(images_NHWC: torch.Tensor, crop: int, flip: bool, rng: np.random.Generator) -> torch.Tensor:
    """Each image moved by up to `crop` pixels both ways, the border filled by reflection; half of them mirrored.

    The same as reflection padding by `crop`, a random crop of the old size and a horizontal flip, in one gather.
    """
    n, h, w, _ = images_NHWC.shape
    down_N, right_N = rng.integers(-crop, crop + 1, size=(2, n))
    rows_NH = _reflect(np.arange(h) + down_N[:, None], h)
    columns_NW = _reflect(np.arange(w) + right_N[:, None], w)
    if flip:
        columns_NW = np.where(rng.random(n)[:, None] < 0.5, columns_NW[:, ::-1], columns_NW)
    places_NHW = (np.arange(n)[:, None, None] * h + rows_NH[:, :, None]) * w + columns_NW[:, None, :]
    places = torch.from_numpy(places_NHW.reshape(-1)).to(images_NHWC.device)
    return images_NHWC.reshape(n * h * w, -1).index_select(0, places).view(images_NHWC.shape)


def cut_out(images_NHWC: torch.Tensor, side: int, rng: np.random.Generator) -> torch.Tensor:
    """Each image with a grey square of `side` pixels, centred anywhere, cut at the border (DeVries and Taylor 2017)."""
    n, h, w, _ = images_NHWC.shape
    top_N, left_N = rng.integers(0, h, n) - side // 2, rng.integers(0, w, n) - side // 2
    rows_NH = (np.arange(h) >= top_N[:, None]) & (np.arange(h) < top_N[:, None] + side)
    columns_NW = (np.arange(w) >= left_N[:, None]) & (np.arange(w) < left_N[:, None] + side)
    hole_NHW1 = torch.from_numpy((rows_NH[:, :, None] & columns_NW[:, None, :])[..., None])
    return images_NHWC.masked_fill(hole_NHW1.to(images_NHWC.device), GREY)


def relight(images_NHWC: torch.Tensor, brightness: float, contrast: float, rng: np.random.Generator) -> torch.Tensor:
    """Each image stretched around grey by 1 ± contrast and shifted by ± brightness x 255; float32, held in 0..255."""
    n = len(images_NHWC)
    stretch_N = rng.uniform(1 - contrast, 1 + contrast, n).astype(np.float32)
    shift_N = rng.uniform(-brightness, brightness, n).astype(np.float32) * 255
    device = images_NHWC.device
    stretch = torch.from_numpy(stretch_N).to(device)[:, None, None, None]
    shift = torch.from_numpy(shift_N).to(device)[:, None, None, None]
    return ((images_NHWC.float() - GREY) * stretch + GREY + shift).clamp_(0, 255)


def _reflect(places: np.ndarray, length: int) -> np.ndarray:
    """Places beyond the border as reflection padding counts them: -1 is 1, length is length - 2."""
    if length == 1:
        return np.zeros_like(places)
    reflected: np.ndarray = (length - 1) - np.abs((length - 1) - np.abs(places) % (2 * (length - 1)))
    return reflected
