"""Recipes as files: found by name, and no two under one name."""

from pathlib import Path

import pytest

from benchmark.recipes import RECIPES, load_recipe
from benchmark.refusals import BadToml, UnknownName


def test_a_copy_that_keeps_the_name_is_refused(tmp_path: Path) -> None:
    """A leaderboard must not show another recipe as `paper`, whether the copy keeps the name inside or outside."""
    text = (RECIPES / "paper.toml").read_text()
    mine, paper = tmp_path / "mine.toml", tmp_path / "paper.toml"
    mine.write_text(text)
    with pytest.raises(BadToml, match=r'mine.toml:1: name is "paper", but the file is called "mine"'):
        load_recipe(str(mine))
    paper.write_text(text.replace("rate = 0.01", "rate = 0.02"))
    with pytest.raises(BadToml, match=r"paper.toml: recipe 'paper' comes with the benchmark and says otherwise"):
        load_recipe(str(paper))


def test_recipes_by_name_and_by_file(tmp_path: Path) -> None:
    """A copy with a name of its own is a recipe; an equal one may keep its name; an unknown name has a nearest one."""
    text = (RECIPES / "paper.toml").read_text()
    mine, paper = tmp_path / "mine.toml", tmp_path / "paper.toml"
    mine.write_text(text.replace('name = "paper"\n', ""))
    paper.write_text(text)
    assert load_recipe(str(mine)) == load_recipe("paper").model_copy(update={"name": "mine"})
    assert load_recipe(str(paper)) == load_recipe("paper")
    with pytest.raises(UnknownName, match=r"unknown recipe 'papr'. Did you mean 'paper'"):
        load_recipe("papr")


def test_strong_recipes_differ_in_their_passes_alone() -> None:
    """What is compared between them is compute; and against plain, at strong's passes, how it is spent."""
    longer = {"name": "strong_400k", "version": 1, "image_passes": 400_000}
    strong, more, plain = (load_recipe(name) for name in ("strong", "strong_400k", "plain"))
    assert more == strong.model_copy(update={**longer, "about": more.about})
    assert (plain.image_passes, plain.batch, plain.crop, plain.flip, plain.smoothing) == (
        strong.image_passes,
        strong.batch,
        strong.crop,
        strong.flip,
        strong.smoothing,
    )
