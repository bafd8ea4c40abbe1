"""Recipes as files: those of copycats/recipes by name, others by path."""

from pathlib import Path

from benchmark.refusals import UnknownName
from benchmark.strict_toml import read_toml
from copycats.recipe import Recipe

RECIPES = Path(__file__).resolve().parent.parent / "copycats" / "recipes"


def load_recipe(name: str) -> Recipe:
    """A recipe by name, or from a TOML file. Raises UnknownName or BadToml."""
    known = sorted(path.stem for path in RECIPES.glob("*.toml"))
    if name.endswith(".toml"):
        return read_toml(Path(name), Recipe, name=Path(name).stem)
    if name not in known:
        raise UnknownName("recipe", name, known)
    return read_toml(RECIPES / f"{name}.toml", Recipe, name=name)
