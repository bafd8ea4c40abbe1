"""From the bytes of one image file to uint8 pixels of the wanted size; what is chosen on the way is stated here.

    formats        JPEG, PNG, WebP, GIF, BMP, PPM/PGM/PBM, TIFF; told by content, never by the file's name
    animated       the first frame
    EXIF           turned upright; a broken EXIF is taken for none
    alpha          composited on white
    16 bits        grey: v/257, rounded; colour: the high byte
    CMYK, YCbCr    to RGB as Pillow does it, without colour profiles
    grey problems  luma of ITU-R 601-2, before the resize; written to three equal channels
    resize         Pillow bilinear (antialiased when shrinking), the aspect is not kept; none when the size already fits
    JPEG           decoded whole: the quicker `draft` mode gives other pixels

Another choice is another FORMAT in opening.py.
"""

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, ImageOps, features

from benchmark.images.sources import Colour

Pixels = NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "PPM", "TIFF")
RESIZE = (
    "Pillow bilinear, antialiased, aspect not kept; none where the size fits; alpha on white, EXIF upright, first frame"
)
MAX_PIXELS = 2**26  # 67 million; below Pillow's own limit, so that this sentence comes first
MAX_BYTES = 2**28  # of one image file
_LARGE = (
    2**22
)  # from 4 million pixels on, only two images are decoded at a time: memory stays small with any number of threads
_few = threading.Semaphore(2)


class Unusable(Exception):
    """An image that cannot be used, and why; never the end of a pool."""


def decoder() -> str:
    """The decoder and its versions: decoders differ in pixels, so this is part of the data's identity."""
    jpeg = features.version("libjpeg_turbo") or features.version("jpg") or "unknown"
    return f"Pillow {PIL.__version__}, libjpeg {jpeg}, libwebp {features.version('webp') or 'none'}"


@contextmanager
def bombs_are_errors() -> Iterator[None]:
    """Pillow's decompression bomb warning is an error inside this block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of odd metadata, once per file; what matters raises
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def decode(content: bytes, size: tuple[int, int], colour: Colour) -> Pixels:
    """The pixels of an image file: uint8 [h, w, 3], RGB 0..255, of `size` (height, width).

    Raises Unusable with the reason for anything that is not a whole image of an allowed format and of bearable size.
    """
    if not content:
        raise Unusable("empty file")
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            return fit(image, size, colour)
    except Unusable:
        raise
    except PIL.UnidentifiedImageError:
        raise Unusable(f"not an image of a known format (known: {', '.join(FORMATS)})") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unusable(f"more than {MAX_PIXELS:,} pixels") from None
    except Exception as error:  # noqa: BLE001 - broken files make Pillow's readers raise nearly anything
        raise Unusable(f"damaged ({_reason(error)})") from None


def fit(image: Image.Image, size: tuple[int, int], colour: Colour) -> Pixels:
    """An opened image as uint8 [h, w, 3] of `size`, by the rules at the head of this file. Raises Unusable."""
    pixels = image.width * image.height
    if pixels == 0:
        raise Unusable(f"{image.width} x {image.height} pixels")
    if pixels > MAX_PIXELS:
        raise Unusable(f"{image.width} x {image.height} pixels, more than {MAX_PIXELS:,}")
    with _few if pixels > _LARGE else nullcontext():
        image.load()
        plain = _eight_bit(_upright(image)).convert("RGB" if colour == "rgb" else "L")
        if plain.size != (size[1], size[0]):
            plain = plain.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    return three_channels(np.asarray(plain, dtype=np.uint8))


def fit_array(pixels: Pixels, size: tuple[int, int], colour: Colour) -> Pixels:
    """The same for an array, uint8 [h, w], [h, w, 1] or [h, w, 3]; an array that fits already is not touched."""
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.shape[:2] == size and (pixels.ndim == 2 or colour == "rgb"):
        return three_channels(pixels)
    return fit(Image.fromarray(np.ascontiguousarray(pixels)), size, colour)


def three_channels(pixels: Pixels) -> Pixels:
    """Grey [h, w] as three equal channels [h, w, 3]; colour as it is."""
    return np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF says; as it is stored when the EXIF is missing or broken, which is common in the wild."""
    try:
        return ImageOps.exif_transpose(image) if image.getexif() else image
    except Exception:  # noqa: BLE001 - a broken EXIF raises nearly anything, and the pixels are whole
        return image


def _eight_bit(image: Image.Image) -> Image.Image:
    """The image in a mode of 8 bits per channel, without alpha."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise Unusable(f"integer pixels from {values.min()} to {values.max()}, want 0 to 65535")
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if image.mode == "F":
        raise Unusable("floating point pixels: their range is not stated")
    if image.has_transparency_data or image.mode in {"La", "RGBa"}:
        coloured = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    return image


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:120]}" if text else type(error).__name__
