"""Drawn faces: deterministic, indifferent to how a draw is cut, and telling their expressions apart."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifier

from benchmark.drawn import RENDERERS, labels, renderer
from benchmark.drawn.expressions import EXPRESSIONS
from benchmark.drawn.faces import STYLES, draw
from benchmark.images.sources import BuiltinSource
from benchmark.problems.problem import load_problem
from benchmark.refusals import Mismatch, UnknownName

SIZE = 48


def wanted(count: int, seed: int = 1) -> NDArray[np.int64]:
    """Balanced labels of all classes."""
    return labels(count, len(EXPRESSIONS), seed)


def test_labels_are_balanced_and_a_smaller_count_is_a_prefix() -> None:
    """Each class comes equally often, in no fixed order, and 50 labels are the first of 700."""
    many = labels(700, 7, 3)
    assert np.bincount(many).tolist() == [100] * 7
    assert labels(50, 7, 3).tolist() == many[:50].tolist()
    assert many[:7].tolist() != many[7:14].tolist()
    assert labels(0, 7, 3).shape == (0,)
    assert labels(700, 7, 4).tolist() != many.tolist()


def test_impossible_labels_are_refused() -> None:
    """No classes, or fewer than no images, are refused with the numbers."""
    with pytest.raises(ValueError, match=r"labels: count 5 and classes 0"):
        labels(5, 0, 1)
    with pytest.raises(ValueError, match=r"labels: count -1 and classes 7"):
        labels(-1, 7, 1)


def test_an_unknown_renderer_is_named_with_the_nearest() -> None:
    """A slip in a renderer's name is answered with what was probably meant."""
    with pytest.raises(UnknownName, match=r"unknown renderer 'facess'. Did you mean 'faces'\? Known: crosswalks, "):
        renderer("facess")
    assert renderer("faces").STYLES == STYLES
    assert list(RENDERERS) == sorted(RENDERERS)


@pytest.mark.parametrize("style", STYLES)
def test_faces_are_grey_and_the_same_twice(style: str) -> None:
    """Two draws are equal bytes; the three channels are equal; the images are not flat."""
    images = draw(style, wanted(14), 5, SIZE)
    assert images.shape == (14, SIZE, SIZE, 3)
    assert images.dtype == np.uint8
    assert (images == draw(style, wanted(14), 5, SIZE)).all()
    assert (images[..., 0] == images[..., 1]).all()
    assert (images[..., 0] == images[..., 2]).all()
    assert images.std(axis=(1, 2, 3)).min() > 5


@pytest.mark.parametrize("style", STYLES)
def test_a_prefix_and_pieces_are_the_same_images(style: str) -> None:
    """Images do not depend on what is drawn beside them, also across the renderer's own batches."""
    asked = wanted(264)
    images = draw(style, asked, 5, 24)
    pieces = [draw(style, asked[start:end], 5, 24, first=start) for start, end in ((0, 11), (11, 30), (245, 264))]
    assert (images[:30] == np.concatenate(pieces[:2])).all()
    assert (images[245:] == pieces[2]).all()


def test_styles_seeds_and_places_differ() -> None:
    """No image comes twice: not in another style, with another seed, or at another place."""
    asked = np.zeros(20, np.int64)
    draws = [draw(style, asked, seed, SIZE) for style in STYLES for seed in (1, 2)]
    digests = {image.tobytes() for images in draws for image in images}
    assert len(digests) == 20 * len(STYLES) * 2


def test_the_same_sitter_makes_another_face() -> None:
    """At one place only the label differs: the images differ, but only where the face is."""
    calm, happy = (draw("studio", np.array([label]), 5, SIZE)[0].astype(int) for label in (0, 4))
    changed = np.abs(calm - happy).max(axis=2) > 20
    assert changed.any()
    assert changed.mean() < 0.3
    assert not changed[:4].any()


def test_expressions_are_told_apart_across_styles() -> None:
    """A linear probe on studio faces reads street faces far better than chance (1 in 7)."""
    learned, asked = wanted(500, 1), wanted(210, 2)
    probe = RidgeClassifier(alpha=3e5).fit(draw("studio", learned, 1, 24)[..., 0].reshape(500, -1), learned)
    right = probe.predict(draw("street", asked, 2, 24)[..., 0].reshape(210, -1)) == asked
    assert right.mean() > 0.3


@pytest.mark.parametrize("size", [8, 24, 96])
def test_other_sizes_are_drawn(size: int) -> None:
    """Faces come in any size, from a few pixels on."""
    assert draw("comic", wanted(3), 1, size).shape == (3, size, size, 3)


def test_no_images_are_no_images() -> None:
    """An empty request is answered with an empty array."""
    assert draw("studio", wanted(0), 1, SIZE).shape == (0, SIZE, SIZE, 3)


def test_unknown_styles_and_labels_are_refused() -> None:
    """A style or a label that does not exist is named, with what does."""
    with pytest.raises(UnknownName, match=r"unknown style of faces 'studo'. Did you mean 'studio'\? Known: agency, "):
        draw("studo", wanted(1), 1, SIZE)
    sentence = r"renderer faces: labels 0 to 7 wanted, 7 classes drawn. Ask for 0 to 6."
    with pytest.raises(Mismatch, match=sentence):
        draw("studio", np.array([0, 7]), 1, SIZE)


@pytest.mark.parametrize("name", ["fer7", "msapi7"])
def test_the_problems_name_the_expressions_in_order(name: str) -> None:
    """fer7 and msapi7 have the renderer's classes, in its order, and every style exists."""
    problem = load_problem(name)
    assert problem.classes == EXPRESSIONS
    assert problem.colour == "grey"
    for sources in (problem.odd, problem.tdd, problem.pdd):
        source = sources[-1]
        assert isinstance(source, BuiltinSource)
        assert source.renderer == "faces"
        assert source.style in STYLES
