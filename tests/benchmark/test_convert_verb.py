"""What the options of `convert` and a card together mean: the options win, and a mean is said once."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import tiny_world

import benchmark
from benchmark import conversion
from benchmark.cli.app import run_command_line
from benchmark.order import Order
from oracles.contract import read_card
from oracles.refusals import CardRefused


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """What a command line orders, without anything being converted."""

    def of(*arguments: str, card: str = "") -> Order:
        (tmp_path / "card.toml").write_text(card)
        caught: list[Order] = []

        def catch(ordered: Order, *_: object) -> None:
            caught.append(ordered)
            raise CardRefused("caught")

        monkeypatch.setattr(conversion, "convert_to_oracle", catch)
        command = ["convert", "net.onnx", "-o", "out.onnx", "--card", str(tmp_path / "card.toml"), *arguments]
        assert run_command_line(command) == 3
        return caught[0]

    return of


def test_an_option_is_stronger_than_the_card(order):
    made = order("--range", "0", "1", "--channels", "bgr", card='range = [0, 255]\norder = "rgb"\nprice_per_1000 = 2\n')
    assert (made.card.range, made.card.order, made.card.price_per_1000) == ((0, 1), "bgr", 2)


@pytest.mark.parametrize(
    ("arguments", "card", "mean"),
    [
        (("--scale", "0.017"), "", 1.7),
        ((), "scale = 0.017\n", 1.7),
        (("--range", "0", "1"), "", 100 / 255),
        ((), "range = [-1, 1]\n", 200 / 255 - 1),
        (("--scale", "0.01"), "mean = [5]\n", 1.0),
    ],
)
def test_a_pixel_mean_is_scaled_by_whatever_scales_the_pixels(order, arguments, card, mean):
    assert order("--pixel-mean", "100", *arguments, card=card).card.mean == pytest.approx((mean,))


def test_a_mean_file_takes_the_place_of_every_mean_on_the_card(order, tmp_path):
    np.save(tmp_path / "mean.npy", np.zeros((4, 4, 3)))
    made = order("--mean", str(tmp_path / "mean.npy"), card='mean = [1, 2, 3]\nmean_image = "other.npy"\n')
    assert (made.card.mean, made.card.mean_image) == (None, None)
    assert made.wishes.mean == (tmp_path / "mean.npy").resolve()
    assert not made.wishes.mean_said


def test_numbers_take_the_place_of_a_mean_image_on_the_card(order):
    made = order("--mean", "7", card='mean_image = "other.npy"\n')
    assert (made.card.mean, made.card.mean_image, made.wishes.mean) == ((7.0,), None, None)
    assert made.wishes.mean_said


def test_the_mean_image_of_a_card_lies_beside_it(order, tmp_path):
    assert order(card='mean_image = "m.npy"\n').wishes.mean == tmp_path / "m.npy"


def test_two_means_and_unreadable_classes_are_refused_in_a_sentence(capsys, tmp_path):
    assert run_command_line(["convert", "a.onnx", "-o", "b.onnx", "--mean", "1", "--pixel-mean", "2"]) == 2
    assert "both say the mean" in capsys.readouterr().err
    (tmp_path / "classes.txt").write_bytes("caf\xe9\n".encode("latin-1"))
    assert run_command_line(["convert", "a.onnx", "-o", "b.onnx", "--classes", str(tmp_path / "classes.txt")]) == 3
    assert "cannot be read as text in UTF-8" in capsys.readouterr().err


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A tiny world without an oracle, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    made = tiny_world.build(tmp_path)
    (made.oracles / "tinted.onnx").unlink()
    onnx.save(tiny_world.strongest_colour(), tmp_path / "net.onnx")
    return made


def test_an_oracle_that_is_converted_for_a_problem_file_is_attacked_over_that_file(world, tmp_path):
    command = ["convert", "net.onnx", "-o", "oracles/made.onnx", "--problem", "colours.toml", "--range", "0", "1"]
    assert run_command_line([*command, "--images", "40"]) == 0
    suite = Path(world.suite(("untrained",)))
    suite.write_text(suite.read_text().replace('oracles = ["tinted"]\n', ""))

    (record,) = benchmark.run(str(suite), oracles=[world.oracles], out=tmp_path / "runs", workers=1)

    card = read_card(onnx.load(world.oracles / "made.onnx"))
    assert (card.problem, card.classes, card.measured[0].problem) == ("colours", tiny_world.CLASSES, "colours")
    assert (record.status, record.cell.oracle) == ("done", "made")


def test_a_card_names_the_problem_of_a_file_also_where_inspect_writes_it(world, capsys):
    assert run_command_line(["oracles", "inspect", "net.onnx", "--problem", "colours.toml", "--write-card"]) == 0
    assert 'problem = "colours"' in Path("net.toml").read_text()
    assert run_command_line(["oracles", "inspect", "net.onnx", "--problem", "colour.toml"]) == 3
    assert "colour.toml" in capsys.readouterr().err
