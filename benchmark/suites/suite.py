"""A suite: the axes of an experiment in a TOML file, checked when read."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from benchmark.cell import BALANCES, REGIMES, Name, digest_of
from benchmark.refusals import BadToml, UnknownName
from benchmark.strict_toml import key_of, read_toml, said_wrong

FOLDER = Path(__file__).resolve().parent

AXES = {
    "problem": "problems",
    "oracle": "oracles",
    "pool": "pools",
    "attack": "attacks",
    "regime": "regimes",
    "balance": "balances",
    "copycat": "copycats",
    "recipe": "recipe",
    "budget": "budgets",
    "seed": "seeds",
}
"""The word for one value of an axis (as in `--only copycat=vgg16`) and the suite's key."""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _counted(value: object) -> object:
    """`seeds = 3` means 0, 1, 2."""
    if isinstance(value, str):
        raise _fault(f"{value!r} is a text; say how many (seeds = 3) or which (seeds = [0, 1, 2]), without quotes")
    return list(range(value)) if isinstance(value, int) and not isinstance(value, bool) else value


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = sorted({str(value) for value in values if values.count(value) > 1})
    if twice:
        raise _fault(f"twice in the list: {', '.join(twice)}")
    return values


def _known(kind: str, known: Iterable[str]) -> AfterValidator:
    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if value not in known:
                raise _fault(str(UnknownName(kind, value, known)).removesuffix("."))
        return values

    return AfterValidator(check)


def _fault(sentence: str) -> PydanticCustomError:
    return PydanticCustomError("suite", "{sentence}", {"sentence": sentence})


_Filled = Field(min_length=1)
_Positive = Annotated[int, Field(strict=True, ge=1)]
_Seed = Annotated[int, Field(strict=True, ge=0)]
Names = Annotated[tuple[Name, ...], _Filled, AfterValidator(_distinct)]


class Suite(BaseModel):
    """The axes of an experiment; its cells are their product (`plan.cells`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    version: Annotated[int, Field(strict=True, ge=1)] = 1
    about: Name
    problems: Names
    oracles: Names | None = None  # None: every oracle found whose card names the problem
    pools: Names = ("natural",)
    attacks: Names = ("random",)
    regimes: Annotated[Names, _known("regime", REGIMES)]
    balances: Annotated[Names, _known("balance", BALANCES)] = ("none",)
    copycats: Names
    pretrained: Literal["never", "auto", "require"] = "never"
    weights: dict[str, str] = {}  # copycat -> file of initial weights (.safetensors, else a state dict)
    recipe: Annotated[Names, BeforeValidator(_listed)] = ("paper",)
    budgets: Annotated[tuple[_Positive, ...], AfterValidator(_distinct)] = ()
    pdd_budget: _Positive | None = None  # None: all images of the PDD
    seeds: Annotated[tuple[_Seed, ...], _Filled, AfterValidator(_distinct), BeforeValidator(_counted)]

    @model_validator(mode="after")
    def _has_budgets(self) -> Self:
        asking = [name for name in self.regimes if REGIMES[name].asks_npdd]
        if asking and not self.budgets:
            raise _fault(f"regime {asking[0]} asks images of a pool, but there are no budgets")
        return self

    @property
    def digest(self) -> str:
        """sha-256 of what the suite says, whatever its file looks like."""
        return digest_of(self.model_dump(mode="json"))


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

    axes = {axis: tuple(map(found, getattr(suite, axis))) for axis in ("problems", "pools", "recipe")}
    unknown = sorted(set(suite.weights) - set(suite.copycats))
    if unknown:
        raise UnknownName("copycat under weights", unknown[0], suite.copycats)
    return changed(suite, **axes, weights={copycat: found(file) for copycat, file in suite.weights.items()})


def narrow(suite: Suite, only: Sequence[str] = (), *, oracles: Iterable[str] | None = None) -> Suite:
    """The suite with some axes cut down, from filters such as `problem=digits10` or `copycat=vgg16,copycat=alexnet`.

    Values of one axis add up; axes cut each other. Where the suite leaves its oracles open, `oracles` names those that
    are there; without it any name passes, to be refused by who opens it.
    Raises UnknownName for an axis or a value that the suite does not have.
    """
    wanted: dict[str, list[str]] = {}
    for part in (part for text in only for part in text.split(",")):
        axis, equals, value = (piece.strip() for piece in part.partition("="))
        if axis not in AXES or not equals:
            raise UnknownName("axis", axis, AXES)
        known = _values(suite, axis, oracles)
        if known is not None and value not in known:
            raise UnknownName(axis, value, known)
        wanted.setdefault(axis, []).append(value)
    return changed(suite, **{AXES[axis]: _typed(suite, axis, values) for axis, values in wanted.items()})


def changed(suite: Suite, **axes: object) -> Suite:
    """The suite with other values on some axes, such as `budgets=(500,)` or `seeds=2`; None leaves an axis as it is.

    Raises BadToml for a value that a suite's file could not say either.
    """
    said = {key: value for key, value in axes.items() if value is not None}
    try:
        return Suite.model_validate({**suite.model_dump(), **said})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadToml(f"suite {suite.name}: {key_of(first['loc'])}{said_wrong(first)}. Give other values.") from None


def _values(suite: Suite, axis: str, oracles: Iterable[str] | None) -> tuple[str, ...] | None:
    values = getattr(suite, AXES[axis])
    found = oracles if values is None else values
    return None if found is None else tuple(str(value) for value in found)


def _typed(suite: Suite, axis: str, wanted: Sequence[str]) -> list[object]:
    """The wanted values as the suite has them (numbers as numbers), in the suite's order and once."""
    values = getattr(suite, AXES[axis])
    return list(dict.fromkeys(wanted)) if values is None else [value for value in values if str(value) in wanted]
