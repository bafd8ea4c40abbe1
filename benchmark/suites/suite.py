"""A suite: the axes of an experiment in a TOML file, checked when read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from benchmark.cell import REGIMES, Name, digest_of
from benchmark.refusals import BadToml, UnknownName
from benchmark.strict_toml import key_of, read_toml, said_wrong
from benchmark.suites.axes import (
    AXES,
    Balances,
    Budgets,
    Names,
    Part,
    Positive,
    Pretrained,
    Recipes,
    Regimes,
    Seeds,
    Shares,
    fault,
)

FOLDER = Path(__file__).resolve().parent
_NEEDED = ("problems", "regimes", "copycats", "seeds")


class Suite(BaseModel):
    """The axes of an experiment; its cells are their product, or, with parts, the union of the parts' products.

    With parts, each part says all its axes once the suite is read, and the suite's own axes hold what any part has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    version: Annotated[int, Field(strict=True, ge=1)] = 1
    about: Name
    size: Annotated[int, Field(strict=True, ge=4, le=1024)] | None = None  # of all images; None: as the problem says
    drawn: Annotated[bool, Field(strict=True)] = True  # whether drawn images may stand in for missing ones
    problems: Names
    oracles: Names | None = None  # None: every oracle found whose card names the problem
    pools: Names = ("natural",)
    attacks: Names = ("random",)
    regimes: Regimes
    balances: Balances = ("none",)
    copycats: Names
    pretrained: Pretrained = "never"
    weights: dict[str, str] = {}  # copycat -> file of initial weights (.safetensors, else a state dict)
    recipe: Recipes = ("paper",)
    budgets: Budgets = ()
    budget_shares: Shares = ()  # of the images of the pool at hand, in place of budgets
    pdd_budget: Positive | None = None  # None: all images of the PDD
    seeds: Seeds
    part: tuple[Part, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _needs_only_parts(cls, values: Any) -> Any:
        """What every part says need not be said by the suite as well."""
        parts = values.get("part") if isinstance(values, dict) else None
        if not isinstance(parts, list | tuple) or not all(isinstance(part, dict) for part in parts) or not parts:
            return values
        every = [key for key in _NEEDED if all(part.get(key) is not None for part in parts)]
        return {**{key: parts[0][key] for key in every}, **values}

    @model_validator(mode="after")
    def _has_budgets(self) -> Self:
        if self.part:
            return self
        if self.budgets and self.budget_shares:
            raise fault("budgets and budget_shares are both said; leave one out")
        asking = [name for name in self.regimes if REGIMES[name].asks_npdd]
        if asking and not (self.budgets or self.budget_shares):
            raise fault(f"regime {asking[0]} asks images of a pool, but there are no budgets")
        return self

    @model_validator(mode="after")
    def _spells_parts_out(self) -> Self:
        if self.part:
            flat = self.flat()
            if len({part.oracles is None for part in flat}) > 1:
                raise fault("some parts name their oracles and others do not; name them in all parts or in none")
            union = {axis: _union(getattr(part, axis) for part in flat) for axis in (*AXES.values(), "budget_shares")}
            spelt = tuple(Part.model_validate(part.model_dump(include=set(Part.model_fields))) for part in flat)
            self.__dict__.update(union, part=spelt)  # frozen for everybody else
        return self

    def flat(self) -> tuple["Suite", ...]:
        """One suite without parts for each part; a suite without parts is its own. Raises ValidationError."""
        return tuple(self._flattened(number, part) for number, part in enumerate(self.part)) or (self,)

    def _flattened(self, number: int, part: Part) -> "Suite":
        try:
            return Suite.model_validate({**self.model_dump(), **part.said(), "part": ()})
        except ValidationError as error:  # each value was right by itself: only what they say together can be wrong
            told = InitErrorDetails(type=fault(error.errors()[0]["msg"]), loc=("part", number), input=part)
            raise ValidationError.from_exception_data("Suite", [told]) from None

    @property
    def digest(self) -> str:
        """sha-256 of what the suite says, whatever its file looks like."""
        later = ("size", "drawn", "budget_shares", "part")  # unsaid they are no part of it: older digests stay
        unused = {key for key in later if getattr(self, key) == type(self).model_fields[key].default}
        return digest_of(self.model_dump(mode="json", exclude=unused))


def names() -> tuple[str, ...]:
    """The suites that come with the benchmark."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load_suite(name_or_path: str | Path) -> Suite:
    """A suite by name, or from a TOML file anywhere.

    Raises UnknownName for a name that no file has, BadToml (file, line, key) for a file that is not a suite.
    """
    given = str(name_or_path)
    if given in names():
        path = FOLDER / f"{given}.toml"
    elif isinstance(name_or_path, Path) or given.endswith(".toml") or "/" in given:
        path = Path(name_or_path)
    else:
        raise UnknownName("suite", given, names())
    return _beside(read_toml(path, Suite, name=path.stem), path.resolve().parent)


def _beside(suite: Suite, folder: Path) -> Suite:
    """The suite with the files that it names looked for beside its own file first."""

    def found(name: str) -> str:
        return str(folder / name) if (folder / name).is_file() else name

    unknown = sorted(set(suite.weights) - set(suite.copycats))
    if unknown:
        raise UnknownName("copycat under weights", unknown[0], suite.copycats)
    weights = {copycat: found(file) for copycat, file in suite.weights.items()}
    axes = {axis: list(map(found, getattr(suite, axis))) for axis in ("problems", "pools", "recipe")}
    return renamed(changed(suite, weights=weights), **axes)


def changed(suite: Suite, **axes: object) -> Suite:
    """The suite with other values on some axes, such as `budgets=(500,)` or `seeds=2`; None leaves an axis as it is.

    A part's own values are changed with the suite's. Raises BadToml for a value that a suite's file could not say.
    """
    said = {key: value for key, value in axes.items() if value is not None}
    if "budgets" in said:
        said = {"budget_shares": (), **said}
    inner = {key: value for key, value in said.items() if key in Part.model_fields}
    parts = [{**part.model_dump(), **inner} for part in suite.part]
    return checked(suite, {**suite.model_dump(), "part": parts, **said})


def renamed(suite: Suite, **axes: Iterable[str]) -> Suite:
    """The suite with other names for all values of some axes, in the suite's order, in its parts as well."""
    new = {axis: tuple(given) for axis, given in axes.items()}
    tables = {axis: dict(zip(getattr(suite, axis), new[axis], strict=True)) for axis in new}
    parts = [
        {**part.model_dump(), **{axis: [tables[axis][old] for old in getattr(part, axis)] for axis in new}}
        for part in suite.part
    ]
    return checked(suite, {**suite.model_dump(), **new, "part": parts})


def checked(suite: Suite, values: dict[str, Any]) -> Suite:
    """A suite of these values, made from another one. Raises BadToml naming that one."""
    try:
        return Suite.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadToml(f"suite {suite.name}: {key_of(first['loc'])}{said_wrong(first)}. Give other values.") from None


def _union(values: Iterable[tuple[Any, ...] | None]) -> tuple[Any, ...] | None:
    """All values of an axis, in the order of the parts; None where parts leave it open."""
    found: dict[Any, None] = {}
    for part in values:
        if part is None:
            return None
        found.update(dict.fromkeys(part))
    return tuple(found)
