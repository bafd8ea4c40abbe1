"""Recipes as data: what they compute and what they refuse, and the two that come along."""

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

import copycats
from copycats.recipe import Recipe, rate_at

FILES = sorted((Path(copycats.__file__).parent / "recipes").glob("*.toml"))
PLAIN = {"name": "t", "optimiser": "sgd", "rate": 1.0, "schedule": "constant", "batch": 4}


def recipe(**changes: object) -> Recipe:
    """A recipe with these keys changed."""
    return Recipe.model_validate(PLAIN | {"epochs": 1} | changes)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file_is_a_recipe_of_its_name(path: Path) -> None:
    """Every recipe that comes along is complete, says what it is about, and can be fine-tuned with."""
    found = Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    assert found.name == path.stem
    assert found.about
    assert found.for_fine_tuning().rate < found.rate


def test_paper_is_what_the_solvers_say() -> None:
    """SGD, momentum .9, weight decay 5e-4, five epochs of batches of 32, images as they are."""
    text = next(path for path in FILES if path.stem == "paper").read_text(encoding="utf-8")
    found = Recipe.model_validate(tomllib.loads(text))
    assert (found.optimiser, found.momentum, found.weight_decay, found.batch) == ("sgd", 0.9, 0.0005, 32)
    assert (found.epochs, found.schedule, found.decay) == (5, "thirds", "all")
    assert (found.crop, found.flip, found.smoothing, found.cutout) == (0, False, 0.0, 0)


def test_rates_by_hand() -> None:
    """Thirds fall by tens; one-cycle climbs to its height and falls to almost nothing; cosine is half-way at half."""
    assert [rate_at(recipe(schedule="thirds"), step, 6) for step in range(6)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )
    cycle = [rate_at(recipe(schedule="one-cycle", rise=0.2), step, 10) for step in range(10)]
    assert cycle == pytest.approx([1 / 3, 2 / 3, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8])
    assert rate_at(recipe(schedule="cosine"), 5, 10) == pytest.approx(0.5)
    assert {rate_at(recipe(), step, 7) for step in range(7)} == {1.0}


def test_milestones_count_epochs_and_belong_to_their_schedule() -> None:
    """After two and three of five epochs the rate is multiplied by gamma; fine-tuning may say its own."""
    steps = {"schedule": "milestones", "epochs": 5, "milestones": [2, 3], "gamma": 0.5}
    assert [rate_at(recipe(**steps), step, 10) for step in range(10)] == [1, 1, 1, 1, 0.5, 0.5] + 4 * [0.25]
    own = {"rate": 0.1, "epochs": 4, "milestones": [1], "gamma": 0.3}
    assert [rate_at(recipe(**steps, fine_tuning=own).for_fine_tuning(), step, 4) for step in range(4)] == pytest.approx(
        [0.1, 0.03, 0.03, 0.03]
    )
    for wrong in ({"milestones": [1]}, {"schedule": "milestones", "epochs": None, "image_passes": 10}):
        with pytest.raises(ValidationError, match="milestones"):
            recipe(**wrong)


def test_epochs_follow_from_image_passes_within_limits() -> None:
    """As many epochs as the passes pay for, never fewer or more than the recipe allows."""
    found = recipe(epochs=None, image_passes=1000, fewest_epochs=2, most_epochs=20)
    assert [found.epochs_for(images) for images in (1, 100, 300, 10_000)] == [20, 10, 3, 2]
    assert recipe(epochs=7).epochs_for(10_000) == 7


def test_fine_tuning_changes_what_it_says() -> None:
    """The second stage takes its own rate and length, else a tenth of the rate and the same length."""
    assert recipe(epochs=4).for_fine_tuning().model_dump(include={"rate", "epochs"}) == {"rate": 0.1, "epochs": 4}
    second = recipe(fine_tuning={"rate": 0.5, "image_passes": 90}).for_fine_tuning()
    assert (second.rate, second.epochs, second.image_passes) == (0.5, None, 90)


def test_mirror_only_where_the_problem_allows() -> None:
    """A problem whose mirror images are other classes switches flipping off, and never on."""
    assert recipe(flip=True).for_problem(mirror=False).flip is False
    assert recipe(flip=True).for_problem(mirror=True).flip is True
    assert recipe(flip=False).for_problem(mirror=True).flip is False


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"colour": 1}, "Extra inputs"),
        ({"image_passes": 5}, "either epochs or image_passes"),
        ({"epochs": None}, "either epochs or image_passes"),
        ({"fewest_epochs": 9, "most_epochs": 3}, "fewest_epochs is more than most_epochs"),
        ({"rate": 0}, "greater than 0"),
        ({"batch": 1}, "greater than or equal to 2"),
        ({"momentum": 1.0}, "less than 1"),
        ({"schedule": "steps"}, "'thirds', 'milestones', 'one-cycle', 'cosine' or 'constant'"),
    ],
)
def test_refuses_what_makes_no_sense(changes: dict[str, object], sentence: str) -> None:
    """Unknown keys, two lengths or none, and numbers out of range are refused."""
    with pytest.raises(ValidationError, match=sentence):
        recipe(**changes)
