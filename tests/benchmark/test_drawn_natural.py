"""Tests of the builtin pool of natural images."""

import ast
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from benchmark.drawn import natural, photographs
from benchmark.drawn.chance import Chance
from benchmark.drawn.natural import CHUNK, STYLES, draw
from benchmark.refusals import DataMissing

MODULES = {"natural", "photographs", "textures", "outlines", "fields", "chance"}  # all that the pool is made of


def _blank(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.zeros(count, np.int64)


@pytest.mark.parametrize("style", STYLES)
def test_same_call_same_images(style: str) -> None:
    """Drawing twice gives the same uint8 images, and another seed others; labels are not looked at."""
    first, again, other = (
        draw(style, _blank(40), 5, 24),
        draw(style, _blank(40) + 3, 5, 24),
        draw(style, _blank(40), 6, 24),
    )

    assert first.shape == (40, 24, 24, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("size", [9, 32, 49])
def test_pieces_are_the_whole(size: int) -> None:
    """A draw cut into pieces, or its prefix, holds the images of the whole draw, at even and odd sizes."""
    whole = draw("mixed", _blank(CHUNK + 50), 1, size)

    assert np.array_equal(whole[:37], draw("mixed", _blank(37), 1, size))
    assert np.array_equal(whole[113:], draw("mixed", _blank(CHUNK + 50 - 113), 1, size, first=113))


@pytest.mark.parametrize("style", STYLES)
def test_spectrum_falls_as_in_photographs(style: str) -> None:
    """The mean amplitude spectrum falls about as 1/f (photographs: exponents .8 to 1.5, Tolhurst et al. 1992)."""
    grey = draw(style, _blank(300), 2, 48).astype(np.float64).mean(axis=3)
    window = np.outer(np.hanning(48), np.hanning(48))
    centred = (grey - grey.mean(axis=(1, 2), keepdims=True)) * window
    amplitude = np.abs(np.fft.fft2(centred)).mean(axis=0)
    radius = np.hypot(np.fft.fftfreq(48)[:, None], np.fft.fftfreq(48)[None, :]) * 48
    rings = [amplitude[(radius >= low) & (radius < low + 1)].mean() for low in range(2, 22)]

    slope = np.polyfit(np.log(np.arange(2, 22) + 0.5), np.log(rings), 1)[0]

    assert -1.6 < slope < -0.7


def test_images_are_diverse() -> None:
    """Lightness, contrast and colour vary widely, and some images are grey."""
    images = draw("mixed", _blank(400), 3, 32).astype(np.float64)
    lightness, contrast = images.mean(axis=(1, 2, 3)), images.std(axis=(1, 2, 3))
    colour = np.ptp(images, axis=3).mean(axis=(1, 2))

    assert lightness.std() > 35
    assert np.quantile(contrast, 0.9) > 2 * np.quantile(contrast, 0.1)
    assert 0.08 < (colour < 1).mean() < 0.4
    assert np.quantile(colour, 0.9) > 50
    assert len(np.unique(images.reshape(400, -1), axis=0)) == 400


def test_pool_holds_nothing_of_the_problems() -> None:
    """The modules of the pool import no renderer of a problem, directly or through one another."""
    folder = Path(natural.__file__).parent
    seen, waiting = set(), ["natural"]
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("benchmark.drawn."):
                waiting += {str(node.module).removeprefix("benchmark.drawn.")} - seen

    assert seen == MODULES


def test_missing_photograph_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A photograph that a package lacks is named, with the way out."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(photographs, "_pyramids", photographs._pyramids.__wrapped__)

    with pytest.raises(DataMissing, match=r"astronaut\.png is not in the installed skimage.*'drawn'"):
        photographs.crops(Chance("test", 0, np.arange(1)), 32)


def test_unknown_style_and_size_are_refused() -> None:
    """The sentences name the style or size and what there is."""
    with pytest.raises(ValueError, match="no style 'wild'; choose one of mixed, drawn, photographs"):
        draw("wild", _blank(1), 0, 32)
    with pytest.raises(ValueError, match="cannot draw 4 pixels; choose 8 or more"):
        draw("mixed", _blank(1), 0, 4)
