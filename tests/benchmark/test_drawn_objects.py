"""Drawn things: deterministic, indifferent to how a draw is cut, and not given away by their scene."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifier

from benchmark.drawn import labels, objects
from benchmark.drawn.chance import Chance
from benchmark.drawn.layers import Layer, Place, box, oval, paint, ribbon
from benchmark.drawn.objects import STYLES, THINGS, draw
from benchmark.drawn.scenes import SCENES, weights
from benchmark.images.sources import BuiltinSource
from benchmark.problems.problem import load_problem
from benchmark.refusals import Mismatch, UnknownName

SIZE = 32


def wanted(count: int, seed: int = 1) -> NDArray[np.int64]:
    """Balanced labels of all classes."""
    return labels(count, len(THINGS), seed)


def features(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Pixels and edges at 16 x 16, mirrored images made equal."""
    grey = images.mean(axis=3)
    grey = (grey + grey[:, :, ::-1]) / 2
    across, down = np.abs(np.diff(grey, axis=1))[:, :, :-1], np.abs(np.diff(grey, axis=2))[:, :-1]
    return np.concatenate([grey.reshape(len(grey), -1), (across + down).reshape(len(grey), -1) * 3], axis=1)


@pytest.mark.parametrize("style", STYLES)
def test_objects_are_coloured_and_the_same_twice(style: str) -> None:
    """Two draws are equal bytes; the channels differ; the images are not flat."""
    images = draw(style, wanted(18), 5, SIZE)
    assert images.shape == (18, SIZE, SIZE, 3)
    assert images.dtype == np.uint8
    assert (images == draw(style, wanted(18), 5, SIZE)).all()
    assert (images[..., 0] != images[..., 2]).any(axis=(1, 2)).all()
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


def test_things_are_told_apart_across_styles() -> None:
    """A linear probe on album things reads snapshots far better than chance (1 in 9)."""
    learned, asked = wanted(600, 1), wanted(270, 2)
    probe = RidgeClassifier(alpha=3e6).fit(features(draw("album", learned, 1, 24)), learned)
    right = probe.predict(features(draw("snapshot", asked, 2, 24))) == asked
    assert right.mean() > 0.25


def test_every_scene_is_possible_for_every_thing() -> None:
    """The scene alone names the right thing in less than a third of the cases, however well it is read."""
    typical = [scenes for _, scenes, _ in THINGS.values()]
    share_CS = weights(typical, objects._LOOKS["album"].typical)
    assert share_CS.min() > 0.05
    assert np.allclose(share_CS.sum(axis=1), 1)
    assert share_CS.max(axis=0).sum() / len(THINGS) < 1 / 3
    assert {scene for scenes in typical for scene in scenes} == set(SCENES)


@pytest.mark.parametrize("name", THINGS)
def test_every_view_keeps_to_its_frame(name: str) -> None:
    """The corners of each view lie within or just beyond -1..1, so that no thing leaves its picture."""
    for view in THINGS[name][0]:
        for layer in view(Chance("frame", 1, np.arange(40))):
            assert np.abs(layer.points_NP2).max() < 1.7
            assert np.isfinite(layer.fill_N3).all()


def test_a_shape_covers_the_area_that_it_has() -> None:
    """A box of half the picture's sides covers a quarter of it, at every angle; an oval pi/4 of its box."""
    angles = np.array([0.0, 0.3, 0.8], np.float32)
    place = Place(np.zeros((3, 2)), np.ones(3), angles, np.ones(3), np.zeros(3))
    grey = np.full((3, 3), 200.0)
    covered = paint([Layer(box(-0.5, -0.5, np.full(3, 0.5), 0.5), grey)], place, 64)[..., 3].mean(axis=(1, 2)) / 255
    assert np.allclose(covered, 0.25, atol=0.01)
    covered = (
        paint([Layer(oval(np.zeros(3), 0, 0.5, 0.5, corners=40), grey)], place, 64)[..., 3].mean(axis=(1, 2)) / 255
    )
    assert np.allclose(covered, np.pi / 16, atol=0.01)


def test_a_ribbon_has_its_width_all_along() -> None:
    """A straight line of length 2 and width .1 becomes a rectangle of area .2."""
    line = np.array([[[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]])
    x, y = ribbon(line, 0.1)[0].T
    area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
    assert area == pytest.approx(0.2)


def test_no_images_are_no_images() -> None:
    """An empty request is answered with an empty array."""
    assert draw("album", wanted(0), 1, SIZE).shape == (0, SIZE, SIZE, 3)


def test_unknown_styles_and_labels_are_refused() -> None:
    """A style or a label that does not exist is named, with what does."""
    with pytest.raises(
        UnknownName,
        match=r"unknown style of objects 'photo'. Did you mean 'snapshot'\? Known: album, clipart, snapshot.",
    ):
        draw("photo", wanted(1), 1, SIZE)
    sentence = r"renderer objects: labels -1 to 3 wanted, 9 classes drawn. Ask for 0 to 8."
    with pytest.raises(Mismatch, match=sentence):
        draw("album", np.array([-1, 3]), 1, SIZE)


def test_the_problem_names_the_things_in_order() -> None:
    """goc9 has the renderer's classes, in its order, and every style exists."""
    problem = load_problem("goc9")
    assert problem.classes == tuple(THINGS)
    assert (problem.size, problem.colour) == ((SIZE, SIZE), "rgb")
    for sources in (problem.odd, problem.tdd, problem.pdd):
        source = sources[-1]
        assert isinstance(source, BuiltinSource)
        assert source.renderer == "objects"
        assert source.style in STYLES
