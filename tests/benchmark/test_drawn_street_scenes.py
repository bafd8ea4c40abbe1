"""House numbers, signs and pedestrians, drawn: the same whenever and however they are drawn, and told apart by eye."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifier

from benchmark.drawn import house_numbers, labels, pedestrians, signs
from benchmark.drawn.chance import Chance
from benchmark.drawn.layers import Layer, Place, paint
from benchmark.drawn.numerals import FORMS, form_of, written
from benchmark.images.sources import BuiltinSource
from benchmark.problems.problem import load_problem
from benchmark.refusals import Mismatch, UnknownName

SIZE = 32
CLASSES = {house_numbers: 10, signs: len(signs.SIGNS), pedestrians: 2}
EVERY_STYLE = [(module, style) for module in CLASSES for style in module.STYLES]
PROBLEMS = {"shn10": house_numbers, "sig30": signs, "ped2": pedestrians}


def wanted(module: ModuleType, count: int, seed: int = 1) -> NDArray[np.int64]:
    return labels(count, CLASSES[module], seed)


def edges(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    grey = images.mean(axis=3)
    across, down = np.abs(np.diff(grey, axis=1))[:, :, :-1], np.abs(np.diff(grey, axis=2))[:, :-1]
    return np.concatenate([grey.reshape(len(grey), -1), (across + down).reshape(len(grey), -1) * 3], axis=1)


@pytest.mark.parametrize(("module", "style"), EVERY_STYLE)
def test_two_draws_are_equal_bytes(module: ModuleType, style: str) -> None:
    asked = wanted(module, 24)
    images = module.draw(style, asked, 5, SIZE)

    assert images.shape == (24, SIZE, SIZE, 3)
    assert images.dtype == np.uint8
    assert (images == module.draw(style, asked, 5, SIZE)).all()
    assert np.median(images.std(axis=(1, 2, 3))) > 10


@pytest.mark.parametrize(("module", "style"), EVERY_STYLE)
def test_a_prefix_and_pieces_are_the_same_images(module: ModuleType, style: str) -> None:
    asked = wanted(module, 264)
    images = module.draw(style, asked, 5, 16)
    pieces = [
        module.draw(style, asked[start:end], 5, 16, first=start) for start, end in ((0, 11), (11, 30), (245, 264))
    ]

    assert (images[:30] == np.concatenate(pieces[:2])).all()
    assert (images[245:] == pieces[2]).all()


@pytest.mark.parametrize("module", CLASSES)
def test_styles_seeds_and_places_differ(module: ModuleType) -> None:
    asked = np.zeros(12, np.int64)
    draws = [module.draw(style, asked, seed, SIZE) for style in module.STYLES for seed in (1, 2)]

    assert len({image.tobytes() for images in draws for image in images}) == 12 * len(module.STYLES) * 2


def test_pedestrians_are_grey_and_the_others_coloured() -> None:
    drawn = {module: module.draw(module.STYLES[0], wanted(module, 30), 1, SIZE) for module in CLASSES}

    assert (drawn[pedestrians] == drawn[pedestrians][..., :1]).all()
    for module in (house_numbers, signs):
        assert (drawn[module][..., 0] != drawn[module][..., 2]).any(axis=(1, 2)).all()


@pytest.mark.parametrize(
    ("module", "chance_level", "far_above"),
    [(house_numbers, 0.1, 0.17), (signs, 1 / 30, 0.3), (pedestrians, 0.5, 0.62)],
)
def test_a_linear_probe_reads_another_style_better_than_chance(
    module: ModuleType, chance_level: float, far_above: float
) -> None:
    learnt, asked = wanted(module, 900, 1), wanted(module, 300, 2)
    probe = RidgeClassifier(alpha=3e6).fit(edges(module.draw(module.STYLES[0], learnt, 1, 24)), learnt)
    right = (probe.predict(edges(module.draw(module.STYLES[1], asked, 2, 24))) == asked).mean()

    assert chance_level < far_above < right


def test_numerals_differ_more_from_others_than_from_themselves() -> None:
    shown = [(digit, form) for digit, forms in enumerate(FORMS) for form in forms]
    place, black = Place.everywhere(1), np.zeros((1, 3), np.float32)
    inks = np.stack([paint(written(form, black, 0.3, (0.9, 0.8)), place, 24)[0, ..., 3].ravel() for _, form in shown])
    apart = np.abs(inks[:, None].astype(float) - inks[None]).mean(axis=2)

    digits = np.array([digit for digit, _ in shown])
    alike = digits[:, None] == digits[None]
    assert (apart[~np.eye(len(shown), dtype=np.bool_)] > 1).all()  # no form comes twice
    assert apart[~alike].min() > 15
    assert apart[alike & (apart > 0)].mean() < 0.6 * apart[~alike].mean()


def test_each_form_of_a_numeral_is_chosen_about_as_often() -> None:
    for digit, forms in enumerate(FORMS):
        chosen = form_of(digit, Chance("forms", 1, np.arange(3000)).uniform("form"))
        counts = np.bincount(chosen, minlength=len(forms))
        assert counts.min() > 0.85 * 3000 / len(forms)


def test_a_digit_covers_the_middle_of_its_house_number() -> None:
    bare = house_numbers.Look(
        house_numbers.Camera(0, 0, 0, 0, 0, 0, 0), neighbours=0.0, shade=0.0, plaque=0.0, rough=0.0
    )
    chance = Chance("middle", 1, np.arange(60))
    images = house_numbers._batch(bare, chance, np.full(60, 8), SIZE).astype(float)
    ground = images[:, 0, 0][:, None, None]
    inked = np.abs(images - ground).max(axis=3) > 40

    assert inked[:, 8:24, 10:22].mean() > 2 * inked[:, :, :4].mean()
    assert (inked.any(axis=(1, 2))).mean() > 0.95


def test_a_plate_has_the_colour_of_its_kind() -> None:
    """Middle of a no entry sign red, of an order blue, of a warning yellow, of a limit white."""
    look = signs.Look(signs.Camera(0, 0, 0, 0, 0, 0, 0), shift=0.0, turn=0.0, faded=0.0, clutter=0.0)
    names = list(signs.SIGNS)

    def rim(name: str) -> NDArray[np.float64]:
        label = np.full(20, names.index(name))
        images = signs._batch(look, Chance("plates", 1, np.arange(20)), label, 64).astype(float)
        return np.asarray(np.median(images[:, 38:42, 22:26].reshape(-1, 3), axis=0))

    red, blue, yellow = rim("pne"), rim("i5"), rim("w63")
    assert red[0] > 2 * red[2]
    assert blue[2] > 2 * blue[0]
    assert yellow[0] > 2 * yellow[2]
    assert yellow[1] > 2 * yellow[2]


@pytest.mark.parametrize("view", [pedestrians.walkers.across, pedestrians.walkers.along, *pedestrians._UPRIGHT])
def test_whatever_stands_in_the_street_keeps_to_its_frame(view: Callable[[Chance], list[Layer]]) -> None:
    for layer in view(Chance("frame", 1, np.arange(40))):
        assert np.abs(layer.points_NP2).max() < 1.7
        assert np.isfinite(layer.fill_N3).all()


@pytest.mark.parametrize("module", CLASSES)
def test_no_images_are_no_images_and_unknown_ones_are_refused(module: ModuleType) -> None:
    style = module.STYLES[0]
    assert module.draw(style, np.zeros(0, np.int64), 1, SIZE).shape == (0, SIZE, SIZE, 3)
    with pytest.raises(UnknownName, match=r"unknown style of \w+ 'photo'"):
        module.draw("photo", np.zeros(1, np.int64), 1, SIZE)
    beyond = CLASSES[module]
    with pytest.raises(Mismatch, match=f"labels -1 to {beyond} wanted, {beyond} classes drawn"):
        module.draw(style, np.array([-1, beyond]), 1, SIZE)


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_problem_draws_its_roles_in_three_styles(name: str) -> None:
    problem, module = load_problem(name), PROBLEMS[name]
    last = [problem.sources(role)[-1] for role in ("odd", "tdd", "pdd")]

    assert len(problem.classes) == CLASSES[module]
    assert all(isinstance(source, BuiltinSource) and source.stand_in for source in last)
    assert tuple(source.style for source in last if isinstance(source, BuiltinSource)) == module.STYLES


def test_signs_and_pedestrians_are_drawn_in_the_order_of_their_problems() -> None:
    assert load_problem("sig30").classes == tuple(signs.SIGNS)
    assert load_problem("ped2").classes == pedestrians.CLASSES
