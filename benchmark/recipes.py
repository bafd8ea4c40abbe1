"""Recipes as files: those of copycats/recipes by name, others by path."""

from pathlib import Path

from benchmark.refusals import BadToml, UnknownName
from benchmark.strict_toml import read_toml
from copycats.recipe import Recipe

RECIPES = Path(__file__).resolve().parent.parent / "copycats" / "recipes"


def load_recipe(name: str) -> Recipe:
    """A recipe by name, or from a TOML file, whose name is the file's.

    Raises UnknownName, or BadToml, also for a file that has a name of ours and says something else.
    """
    known = sorted(path.stem for path in RECIPES.glob("*.toml"))
    if name.endswith(".toml"):
        path = Path(name)
        recipe = read_toml(path, Recipe, name=path.stem)
        if path.stem in known and recipe != load_recipe(path.stem):
            raise BadToml(f"{path}: recipe {path.stem!r} comes with the benchmark and says otherwise. Rename the file.")
        return recipe
    if name not in known:
        raise UnknownName("recipe", name, known)
    return read_toml(RECIPES / f"{name}.toml", Recipe, name=name)
