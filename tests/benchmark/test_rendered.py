"""Tests of drawn images: a made-up renderer, split over processes or not."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from small_pool import opened

from benchmark import drawn
from benchmark.images import rendered
from benchmark.images.opening import open_stack
from benchmark.images.sources import BuiltinSource
from benchmark.places import Places
from benchmark.refusals import EnvironmentRefused, UnknownName

RENDERER = '''
"""A renderer whose pixels tell label, place and seed."""
import os
import numpy as np
VERSION = 1
STYLES = ("plain", "dying")
def draw(style, labels_N, seed, size, first=0):
    if style == "dying":
        os._exit(9)
    images = np.zeros((len(labels_N), size, size, 3), np.uint8)
    images[..., 0] = np.asarray(labels_N)[:, None, None]
    images[..., 1] = ((first + np.arange(len(labels_N))) % 251)[:, None, None]
    images[..., 2] = seed
    return images
'''


@pytest.fixture
def renderer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A made-up renderer `fake`, in a module that processes can import too."""
    (tmp_path / "fake_renderer.py").write_text(RENDERER)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(drawn.RENDERERS, "fake", "fake_renderer")
    sys.modules.pop("fake_renderer", None)
    return "fake"


def test_drawn_images_are_labelled_stand_ins(places: Places, renderer: str) -> None:
    """Labels come from benchmark.drawn; the manifest names renderer, style, version, count and seed."""
    source = BuiltinSource(renderer=renderer, style="plain", count=30, seed=7)
    stack = open_stack(source, size=(8, 8), colour="rgb", classes=("a", "b", "c"), places=places, say=lambda text: None)
    np.testing.assert_array_equal(stack.labels_N, drawn.labels(30, 3, 7))
    np.testing.assert_array_equal(stack.images_NHWC[:, 0, 0, 0], stack.labels_N)
    assert (stack.images_NHWC[..., 2] == 7).all()
    assert stack.manifest.source == "builtin fake/plain v1, 30 images, seed 7"
    assert stack.manifest.counts_per_class == (10, 10, 10)
    assert stack.manifest.stand_in
    assert opened(places, source).labels_N.tolist() == [-1] * 30


def test_pieces_drawn_by_processes_are_the_same_images(
    places: Places, renderer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Split over two processes or not: the same pixels in the same order."""
    source = BuiltinSource(renderer=renderer, style="plain", count=40)
    alone = opened(places, source).manifest.digest
    monkeypatch.setattr(rendered, "ALONE", 0)
    monkeypatch.setattr(rendered, "PIECE", 16)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert opened(Places(cache=places.cache / "second"), source).manifest.digest == alone
    with pytest.raises(EnvironmentRefused, match="a drawing process was lost"):
        opened(places, source.model_copy(update={"style": "dying"}))


def test_a_smaller_count_is_a_prefix(places: Places, renderer: str) -> None:
    """`limit` takes the first images."""
    many = opened(places, BuiltinSource(renderer=renderer, style="plain", count=20))
    few = opened(places, BuiltinSource(renderer=renderer, style="plain", count=20, limit=6))
    np.testing.assert_array_equal(few.images_NHWC, many.images_NHWC[:6])


@pytest.mark.parametrize("colour", ["rgb", "grey"])
@pytest.mark.parametrize("size", [(8, 8), (8, 6), (5, 9)])
def test_drawn_images_of_any_size_and_colour(places: Places, renderer: str, size: tuple[int, int], colour: str) -> None:
    """Renderers draw squares in colour; other shapes are fitted, grey has three equal channels."""
    source = BuiltinSource(renderer=renderer, style="plain", count=5, seed=200)
    stack = open_stack(source, size=size, colour=colour, classes=None, places=places, say=lambda text: None)  # type: ignore[arg-type]
    assert stack.images_NHWC.shape == (5, *size, 3)
    assert (stack.images_NHWC[..., 0] == stack.images_NHWC[..., 2]).all() == (colour == "grey")


def test_another_version_of_a_renderer_draws_anew(
    places: Places, renderer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version is part of what the cache goes by."""
    source = BuiltinSource(renderer=renderer, style="plain", count=3)
    opened(places, source)
    monkeypatch.setattr(sys.modules["fake_renderer"], "VERSION", 2)
    assert opened(places, source).manifest.source == "builtin fake/plain v2, 3 images, seed 0"


def test_unknown_renderers_and_styles_are_refused(places: Places, renderer: str) -> None:
    """The nearest name is offered."""
    with pytest.raises(UnknownName, match=r"unknown renderer 'fak'\. Did you mean 'fake'"):
        opened(places, BuiltinSource(renderer="fak", style="plain", count=3))
    with pytest.raises(UnknownName, match=r"unknown style of renderer fake 'plane'\. Did you mean 'plain'"):
        opened(places, BuiltinSource(renderer=renderer, style="plane", count=3))
