"""A card's preprocessing in plain numpy: what the graph's nodes must do, said a second time, for parity runs."""

import numpy as np
from PIL import Image

from oracles.card import Preprocessing

_WHOLE = {"uint8": np.uint8, "int8": np.int8, "int32": np.int32, "int64": np.int64}
_REAL = {"float32": np.float32, "float64": np.float64, "double": np.float64, "float": np.float32, "float16": np.float16}


def prepare(
    images_NHWC: np.ndarray, how: Preprocessing, sides: tuple[int, ...], mean_image: np.ndarray | None = None
) -> np.ndarray:
    """The source model's input for uint8 RGB images [n, h, w, 3] of the oracle's size, as `Preprocessing` states it.

    `sides`: the input's axes after the first. `mean_image`: float32 [h, w, c]. Calculated in float64 throughout.
    """
    values = _channels(images_NHWC, how).astype(np.float64)
    if mean_image is not None:
        values = values - mean_image.astype(np.float64)
    if how.scale is not None:
        values = values * how.scale
    elif how.range is not None:
        low, high = how.range
        values = values / 255 * (high - low) + low
    if how.mean is not None:
        values = values - np.array(how.mean)
    if how.std is not None:
        values = values / np.array(how.std)
    if how.layout in ("nchw", "flat_nchw"):
        values = values.transpose(0, 3, 1, 2)
    values = values.reshape(len(values), *sides)
    if how.dtype in _WHOLE:
        return np.floor(values + 0.5).astype(_WHOLE[how.dtype])
    return np.ascontiguousarray(values, dtype=_REAL[how.dtype])


def _channels(images_NHWC: np.ndarray, how: Preprocessing) -> np.ndarray:
    if how.channels == 3:
        return images_NHWC[..., ::-1] if how.order == "bgr" else images_NHWC
    grey = [np.asarray(Image.fromarray(image).convert("L")) for image in np.ascontiguousarray(images_NHWC)]
    return np.stack(grey)[..., None]
