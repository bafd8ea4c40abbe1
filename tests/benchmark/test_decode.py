"""Tests of the decoding of one image file: an odd file gives stated pixels or a reason, nothing else."""

import contextlib
import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmark.images.decode import MAX_PIXELS, Unusable, bombs_are_errors, decode, decoder, fit_array

RED, HALF_RED = (255, 0, 0), (255, 0, 0, 128)


def coded(image: Image.Image, form: str, **options: object) -> bytes:
    """The image as the bytes of a file."""
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def noise(height: int = 12, width: int = 16) -> Image.Image:
    """A colour image in which every pixel differs."""
    return Image.fromarray(np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8))


def png_head(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds nearly nothing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0" * 4096)), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def upside(image: Image.Image, turn: int) -> bytes:
    """A lossless file whose EXIF says how to turn it."""
    exif = Image.Exif()
    exif[0x0112] = turn
    return coded(image, "PNG", exif=exif)


def grey16(value: int) -> bytes:
    """A 16-bit grey PNG of one value."""
    return coded(Image.fromarray(np.full((4, 4), value, np.uint16)), "PNG")


def animated() -> bytes:
    """A GIF whose first frame is red and whose second is blue."""
    return coded(Image.new("RGB", (4, 4), RED), "GIF", save_all=True, append_images=[Image.new("RGB", (4, 4), "blue")])


def palette(transparent: bool) -> bytes:
    """A PNG with a palette, red, or see-through."""
    image = Image.new("P", (4, 4), 0)
    image.putpalette([255, 0, 0, 0, 0, 0])
    return coded(image, "PNG", **({"transparency": 0} if transparent else {}))


ONE_COLOUR: dict[str, tuple[Callable[[], bytes], tuple[int, int, int]]] = {
    "rgb png": (lambda: coded(Image.new("RGB", (4, 4), RED), "PNG"), RED),
    "rgb jpeg": (lambda: coded(Image.new("RGB", (8, 8), (128, 128, 128)), "JPEG"), (128, 128, 128)),
    "lossless webp": (lambda: coded(Image.new("RGB", (4, 4), RED), "WEBP", lossless=True), RED),
    "bmp": (lambda: coded(Image.new("RGB", (4, 4), RED), "BMP"), RED),
    "ppm": (lambda: coded(Image.new("RGB", (4, 4), RED), "PPM"), RED),
    "pgm": (lambda: coded(Image.new("L", (4, 4), 77), "PPM"), (77, 77, 77)),
    "tiff": (lambda: coded(Image.new("RGB", (4, 4), RED), "TIFF"), RED),
    "gif, first frame": (animated, RED),
    "grey": (lambda: coded(Image.new("L", (4, 4), 77), "PNG"), (77, 77, 77)),
    "one bit": (lambda: coded(Image.new("1", (4, 4), 1), "PNG"), (255, 255, 255)),
    "half transparent on white": (lambda: coded(Image.new("RGBA", (4, 4), HALF_RED), "PNG"), (255, 127, 127)),
    "wholly transparent is white": (lambda: coded(Image.new("RGBA", (4, 4), (9, 9, 9, 0)), "PNG"), (255, 255, 255)),
    "grey with alpha": (lambda: coded(Image.new("LA", (4, 4), (0, 0)), "PNG"), (255, 255, 255)),
    "palette": (lambda: palette(transparent=False), RED),
    "palette with a transparent colour": (lambda: palette(transparent=True), (255, 255, 255)),
    "cmyk jpeg, no ink": (lambda: coded(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "JPEG"), (255, 255, 255)),
    "cmyk tiff, all black": (lambda: coded(Image.new("CMYK", (4, 4), (0, 0, 0, 255)), "TIFF"), (0, 0, 0)),
    "16 bit white": (lambda: grey16(65535), (255, 255, 255)),
    "16 bit middle": (lambda: grey16(32768), (128, 128, 128)),
    "16 bit black": (lambda: grey16(0), (0, 0, 0)),
    "16 bit just above black": (lambda: grey16(129), (1, 1, 1)),
    "one pixel": (lambda: coded(Image.new("RGB", (1, 1), RED), "PNG"), RED),
    "very flat": (lambda: coded(Image.new("RGB", (3000, 1), RED), "PNG"), RED),
}

BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty file"),
    "a text": (lambda: b"hello, I am no image\n" * 20, "not an image"),
    "html": (lambda: b"<!DOCTYPE html><html></html>", "not an image"),
    "an LFS pointer": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "not an image"),
    "svg": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not an image"),
    "postscript is not run": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "not an image"),
    "zip": (lambda: b"PK\x03\x04" + b"\0" * 60, "not an image"),
    "7z": (lambda: b"7z\xbc\xaf\x27\x1c" + b"\0" * 60, "not an image"),
    "pickle": (lambda: b"\x80\x04cos\nsystem\n(S'true'\ntR.", "not an image"),
    "zeros": (lambda: b"\0" * 500, "not an image"),
    "ico, a format that is not allowed": (lambda: coded(Image.new("RGB", (16, 16)), "ICO"), "not an image"),
    "tga, a format that is not allowed": (lambda: coded(Image.new("RGB", (16, 16)), "TGA"), "not an image"),
    "truncated jpeg": (lambda: coded(noise(64, 64), "JPEG")[:900], "damaged"),
    "truncated png": (lambda: coded(noise(64, 64), "PNG")[:4000], "damaged"),
    "truncated webp": (lambda: coded(noise(64, 64), "WEBP", lossless=True)[:2000], "damaged|not an image"),
    "truncated gif": (lambda: coded(noise(64, 64), "GIF")[:900], "damaged"),
    "truncated bmp": (lambda: coded(noise(64, 64), "BMP")[:900], "damaged"),
    "truncated ppm": (lambda: coded(noise(64, 64), "PPM")[:900], "damaged"),
    "truncated tiff": (lambda: coded(noise(64, 64), "TIFF")[:900], "damaged|not an image"),
    "magic only, jpeg": (lambda: b"\xff\xd8\xff\xe0", "damaged|not an image"),
    "magic only, png": (lambda: b"\x89PNG\r\n\x1a\n", "damaged|not an image"),
    "png with a wrong checksum": (
        lambda: coded(noise(), "PNG").replace(b"IDAT", b"IDAT\x01", 1),
        "damaged|not an image",
    ),
    "png of 0 x 0": (lambda: png_head(0, 0), "0 x 0|damaged|not an image"),
    "png of 0 x 9": (lambda: png_head(0, 9), "0 x 9|damaged|not an image"),
    "ppm of 0 x 4": (lambda: b"P6\n0 4\n255\n", "0 x 4|damaged|not an image"),
    "bomb, a little too large": (lambda: png_head(8200, 8200), "more than"),
    "bomb, where Pillow warns": (lambda: png_head(11000, 11000), "more than"),
    "bomb, where Pillow raises": (lambda: png_head(60000, 60000), "more than"),
    "bomb, as large as can be said": (lambda: png_head(2**31 - 1, 2**31 - 1), "more than"),
    "bomb that is real: 80 kB, 81 MB": (lambda: coded(Image.new("L", (9000, 9000)), "PNG"), "more than"),
    "bomb, bmp": (lambda: coded(Image.new("1", (9000, 9000)), "BMP"), "more than"),
    "float tiff": (lambda: coded(Image.fromarray(np.ones((4, 4), np.float32)), "TIFF"), "floating point"),
    "32 bit tiff beyond 16 bits": (
        lambda: coded(Image.fromarray(np.full((4, 4), 70000, np.int32)), "TIFF"),
        "integer pixels from 70000",
    ),
}


@pytest.mark.parametrize("name", ONE_COLOUR)
def test_odd_but_whole_images_give_the_stated_pixels(name: str) -> None:
    """Modes, alpha, depth and frames follow the rules at the head of decode.py."""
    make, colour = ONE_COLOUR[name]
    pixels = decode(make(), (5, 6), "rgb")
    assert pixels.shape == (5, 6, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels.astype(int) - colour).max() <= 1  # rounding within Pillow's own conversions


@pytest.mark.parametrize("name", BAD)
def test_a_bad_image_is_a_reason(name: str) -> None:
    """Nothing but Unusable comes out, with the cause in words."""
    make, reason = BAD[name]
    with bombs_are_errors(), pytest.raises(Unusable, match=reason):
        decode(make(), (8, 8), "rgb")


def test_a_lossless_image_of_the_right_size_is_untouched() -> None:
    """PNG and WebP of the wanted size come back pixel by pixel, in the order R, G, B."""
    image = noise()
    for content in (coded(image, "PNG"), coded(image, "WEBP", lossless=True)):
        np.testing.assert_array_equal(decode(content, (12, 16), "rgb"), np.asarray(image))


def test_resizing_is_pillows_bilinear() -> None:
    """The stated filter, against Pillow called by hand."""
    want = np.asarray(noise().resize((7, 5), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(decode(coded(noise(), "PNG"), (5, 7), "rgb"), want)


@pytest.mark.parametrize(("turn", "want"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_exif_turns_the_image_upright(turn: int, want: int) -> None:
    """EXIF orientations 1, 3, 6, 8 are quarter turns (counted against the clock)."""
    image = noise(8, 8)
    np.testing.assert_array_equal(decode(upside(image, turn), (8, 8), "rgb"), np.rot90(np.asarray(image), want))


def test_a_broken_exif_does_not_cost_the_image() -> None:
    """Garbage where the EXIF should be: the pixels are taken as they are stored."""
    for junk in (b"Exif\0\0", b"Exif\0\0garbage!!", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"):
        content = coded(noise(), "PNG", exif=junk)
        np.testing.assert_array_equal(decode(content, (12, 16), "rgb"), np.asarray(noise()))


def test_grey_is_luma_in_three_equal_channels() -> None:
    """ITU-R 601-2: L = (299 R + 587 G + 114 B) / 1000."""
    pixels = decode(coded(noise(), "PNG"), (12, 16), "grey")
    luma = np.asarray(noise(), float) @ [0.299, 0.587, 0.114]
    assert (pixels[..., 0] == pixels[..., 1]).all()
    assert (pixels[..., 0] == pixels[..., 2]).all()
    assert np.abs(pixels[..., 0] - luma).max() < 1


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (6, 5, 3)])
def test_arrays_that_fit_are_untouched(shape: tuple[int, ...]) -> None:
    """Arrays [h,w], [h,w,1] and [h,w,3] of the wanted size keep their values."""
    array = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    want = array if len(shape) == 3 and shape[2] == 3 else np.repeat(array.reshape(6, 5, 1), 3, 2)
    np.testing.assert_array_equal(fit_array(array, (6, 5), "rgb"), want)


def test_colour_arrays_become_grey_for_a_grey_problem() -> None:
    """A colour array of the right size is still turned to luma."""
    pixels = fit_array(np.asarray(noise()), (12, 16), "grey")
    np.testing.assert_array_equal(pixels, decode(coded(noise(), "PNG"), (12, 16), "grey"))


def test_large_images_within_the_limit_are_decoded() -> None:
    """Five million pixels go through the gate for large images."""
    content = coded(Image.new("L", (2500, 2000), 9), "PNG")
    assert MAX_PIXELS > 2500 * 2000
    assert (decode(content, (4, 4), "rgb") == 9).all()


def test_the_decoder_says_its_versions() -> None:
    """Decoder and version are part of the data's identity."""
    assert decoder().startswith("Pillow ")
    assert "libjpeg" in decoder()


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6),
    st.integers(0, 10**6),
)
def test_no_flipped_or_cut_byte_raises_anything_but_a_reason(form: str, flips: list[tuple[int, int]], cut: int) -> None:
    """Random damage gives pixels of the right shape or Unusable."""
    content = bytearray(coded(noise(), form))
    for place, value in flips:
        content[place % len(content)] = value
    content = content[: max(1, cut % (2 * len(content)))]
    with bombs_are_errors(), contextlib.suppress(Unusable):
        assert decode(bytes(content), (8, 8), "rgb").shape == (8, 8, 3)
