"""Tests of the redrawn handwritten digits and of their division into roles."""

import importlib.util

import numpy as np
import pytest

from benchmark.drawn import digits, labels
from benchmark.drawn.digits import STYLES, TDD_EACH, draw, originals_of
from benchmark.problems import load_problem
from benchmark.refusals import DataMissing


@pytest.mark.parametrize("style", STYLES)
def test_same_call_same_images(style: str) -> None:
    """Drawing twice gives the same grey uint8 images, and another seed others."""
    wanted = labels(20, 10, 0)

    first, again, other = draw(style, wanted, 5, 32), draw(style, wanted, 5, 32), draw(style, wanted, 6, 32)

    assert first.shape == (20, 32, 32, 3)
    assert first.dtype == np.uint8
    assert (first[..., 0] == first[..., 2]).all()
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_pieces_are_the_whole() -> None:
    """A draw cut into pieces, or its prefix, holds the images of the whole draw."""
    wanted = labels(digits.CHUNK + 50, 10, 3)
    whole = draw("tdd", wanted, 1, 28)

    assert np.array_equal(whole[:37], draw("tdd", wanted[:37], 1, 28))
    assert np.array_equal(whole[113:], draw("tdd", wanted[113:], 1, 28, first=113))


def test_no_original_in_two_roles() -> None:
    """The originals of the three roles are disjoint for every seed, and together they are all 1,797."""
    shown = {style: set(originals_of(style, labels(500, 10, seed), seed)) for seed, style in enumerate(STYLES)}
    many = {style: set(originals_of(style, labels(500 if style == "tdd" else 1000, 10, 7), 7)) for style in STYLES}

    for first, second in (("odd", "tdd"), ("odd", "pdd"), ("tdd", "pdd")):
        assert not (shown[first] | many[first]) & (shown[second] | many[second])
    assert len(set.union(*many.values())) == 1797


def test_test_set_shows_each_original_once() -> None:
    """The 500 images of the test set are 500 originals of the right class, none twice."""
    wanted = labels(500, 10, 1)
    rows = originals_of("tdd", wanted, 1)

    assert len(set(rows.tolist())) == 500
    assert np.array_equal(digits._read()[1][rows], wanted)


def test_originals_are_those_of_scikit_learn() -> None:
    """The file that is read holds what scikit-learn's own loader gives."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - seconds to import

    theirs = load_digits()

    assert np.array_equal(digits._read()[0] * 16, theirs.images)
    assert np.array_equal(digits._read()[1], theirs.target)


def test_styles_differ() -> None:
    """PDD has dark ink on light ground in about a quarter of its images, ODD and TDD nowhere."""
    wanted = labels(200, 10, 0)
    light = {style: (draw(style, wanted, 1, 32)[:, :3].mean(axis=(1, 2, 3)) > 140).mean() for style in STYLES}

    assert light["odd"] == light["tdd"] == 0
    assert 0.15 < light["pdd"] < 0.35


def test_what_cannot_be_drawn_is_refused() -> None:
    """The sentences name the style, the labels or the count and what there is."""
    with pytest.raises(ValueError, match="no style 'chalk'; choose one of odd, tdd, pdd"):
        draw("chalk", np.zeros(1, np.int64), 0, 32)
    with pytest.raises(ValueError, match="labels 0 to 9, not 0 to 10"):
        draw("odd", np.array([0, 10]), 0, 32)
    with pytest.raises(ValueError, match=f"501 images of style tdd asked, {10 * TDD_EACH} originals are held out"):
        draw("tdd", labels(501, 10, 0), 0, 32)
    with pytest.raises(ValueError, match="repeat a class within a run of ten"):
        draw("tdd", np.array([3, 3]), 0, 32)


def test_missing_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the file of originals the sentence says from where it comes."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(digits, "_read", digits._read.__wrapped__)

    with pytest.raises(DataMissing, match=r"digits\.csv\.gz is not in the installed scikit-learn"):
        draw("odd", np.zeros(1, np.int64), 0, 32)


def test_problem_fits_the_originals() -> None:
    """dig10 names the classes in order and asks for no more test images than there are originals."""
    problem = load_problem("dig10")
    test = problem.tdd[-1]  # after MNIST's own

    assert problem.classes == ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    assert test.kind == "builtin"
    assert test.count <= 10 * TDD_EACH
