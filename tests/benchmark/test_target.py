"""A target is trained on ODD, sealed, compared with its network and measured on TDD."""

from pathlib import Path

import pytest
import tiny_world

from benchmark.places import Places
from benchmark.problems import load_problem, open_role
from benchmark.refusals import DataMissing
from benchmark.scores import score
from benchmark.target import Target, train_target, zoo_targets
from oracles.server import Server


def test_a_trained_target_is_an_oracle_file_that_scores_what_its_card_says(tmp_path: Path) -> None:
    """Twice gives the same bytes; the served labels give the card's figures; the recipe and data are on the card."""
    world = tiny_world.build(tmp_path)
    places, file = Places(tmp_path / "cache"), tmp_path / "made.onnx"
    target = Target(
        problem=str(world.folder / "colours.toml"),
        arch="small_vgg",
        recipe=str(world.folder / "brief.toml"),
        price_per_1000=3,
    )

    trained = train_target(target, file, places, lambda _: None)
    first = file.read_bytes()
    train_target(target, file, places, lambda _: None)

    assert file.read_bytes() == first
    assert str(tmp_path).encode() not in first
    tdd = open_role(load_problem(target.problem), "tdd", places, lambda _: None)
    with Server(file, tmp_path / "answers") as server:
        scores = score(tdd.labels_N, server.referee(tdd.images_NHWC), 3)
    card = trained.card
    assert card.measured[0].macro_f1 == pytest.approx(scores.macro_f1)
    assert card.measured[0].digest == tdd.manifest.digest
    assert card.parity is not None
    assert card.parity.label_agreement == 1
    assert card.parity.largest_difference <= 1e-4
    assert card.price_per_1000 == 3
    assert card.licence is None  # nobody has said one
    assert card.training is not None
    assert card.training["odd_images"] == 30
    assert card.training["recipe"]["name"] == "brief"


def test_a_problem_without_a_training_set_cannot_have_a_target(tmp_path: Path) -> None:
    """It is said what is missing, before anything is trained."""
    world = tiny_world.build(tmp_path)
    (world.folder / "odd.npz").unlink()

    with pytest.raises(DataMissing, match="ODD"):
        train_target(
            Target(problem=str(world.folder / "colours.toml"), arch="small_vgg"),
            tmp_path / "x.onnx",
            Places(tmp_path / "cache"),
            print,
        )
    assert not (tmp_path / "x.onnx").exists()


def test_only_our_own_targets_come_under_our_licence() -> None:
    """Those of the zoo; another target has the licence that its maker says, if any."""
    assert {target.licence for target in zoo_targets().values()} == {"Apache-2.0"}
    assert Target(problem="dig10", arch="small_vgg").licence is None
    assert Target(problem="dig10", arch="small_vgg", licence="mine").licence == "mine"
