"""Tests of the drawn aerial images with and without a crossing."""

import numpy as np
import pytest

from benchmark.drawn import labels
from benchmark.drawn.crosswalks import CHUNK, STYLES, draw
from benchmark.problems import load_problem


@pytest.mark.parametrize("style", STYLES)
def test_same_call_same_images(style: str) -> None:
    """Drawing twice gives the same uint8 images, and another seed others."""
    wanted = labels(12, 2, 0)

    first, again, other = draw(style, wanted, 5, 24), draw(style, wanted, 5, 24), draw(style, wanted, 6, 24)

    assert first.shape == (12, 24, 24, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_pieces_are_the_whole() -> None:
    """A draw cut into pieces, or its prefix, holds the images of the whole draw."""
    wanted = labels(CHUNK + 40, 2, 0)
    whole = draw("summer", wanted, 1, 16)

    assert np.array_equal(whole[:23], draw("summer", wanted[:23], 1, 16))
    assert np.array_equal(whole[77:], draw("summer", wanted[77:], 1, 16, first=77))


def test_styles_and_labels_change_every_image() -> None:
    """The same number in another style, or with the other label, is another image."""
    none, zebra = np.zeros(8, np.int64), np.ones(8, np.int64)
    drawn = [draw("summer", zebra, 1, 24), *(draw(style, none, 1, 24) for style in STYLES)]

    for position, images in enumerate(drawn):
        for others in drawn[:position]:
            assert (images != others).any(axis=(1, 2, 3)).all()


def test_crossings_carry_more_paint() -> None:
    """Images with a crossing have more strong edges on the mean than those without."""
    images = draw("summer", np.repeat([0, 1], 100), 3, 32).astype(np.float64).mean(axis=3)
    edges = np.abs(np.diff(images, axis=1)).mean(axis=(1, 2)) + np.abs(np.diff(images, axis=2)).mean(axis=(1, 2))

    assert edges[100:].mean() > 1.2 * edges[:100].mean()


def test_unknown_style_and_label_are_refused() -> None:
    """The sentences name the style or the labels and what there is."""
    with pytest.raises(ValueError, match="no style 'autumn'; choose one of summer, spring, winter"):
        draw("autumn", np.zeros(1, np.int64), 0, 32)
    with pytest.raises(ValueError, match="labels 0 and 1, not 0 to 2"):
        draw("summer", np.array([0, 2]), 0, 32)


def test_problem_names_these_styles() -> None:
    """scc2 draws its three roles in the three styles."""
    problem = load_problem("scc2")

    assert problem.classes == ("no-crosswalk", "crosswalk")
    drawn = [source for source in (*problem.odd, *problem.tdd, *problem.pdd) if source.kind == "builtin"]
    assert [source.style for source in drawn] == list(STYLES)
