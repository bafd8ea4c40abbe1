"""What an axis of a suite may say: names, counts, shares and seeds, checked when read."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from benchmark.cell import BALANCES, REGIMES, Name
from benchmark.refusals import UnknownName

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


def fault(sentence: str) -> PydanticCustomError:
    """An error that a reader of the file understands as it stands."""
    return PydanticCustomError("suite", "{sentence}", {"sentence": sentence})


def share_of(share: str, count: int) -> int:
    """So many of `count` images are a share such as `1/3`: rounded down, and at least one."""
    return max(1, int(Fraction(share) * count))


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _counted(value: object) -> object:
    """`seeds = 3` means 0, 1, 2."""
    if isinstance(value, str):
        raise fault(f"{value!r} is a text; say how many (seeds = 3) or which (seeds = [0, 1, 2]), without quotes")
    return list(range(value)) if isinstance(value, int) and not isinstance(value, bool) else value


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = sorted({str(value) for value in values if values.count(value) > 1})
    if twice:
        raise fault(f"twice in the list: {', '.join(twice)}")
    return values


def _share(value: object) -> str:
    """A share in its shortest form: `0.5`, `"0.5"` and `"2/4"` are all `1/2`."""
    try:
        share = Fraction(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    except (ValueError, ZeroDivisionError):
        share = None
    if share is None or not 0 < share <= 1:
        none = "; for none of the pool name the regime untrained" if share == 0 else ""
        raise fault(f'{value!r} is no share: say a number above 0 and up to 1, or a fraction such as "1/3"{none}')
    return str(share)


def _known(kind: str, known: Iterable[str]) -> AfterValidator:
    def check(values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if value not in known:
                raise fault(str(UnknownName(kind, value, known)).removesuffix("."))
        return values

    return AfterValidator(check)


_Filled = Field(min_length=1)
_Seed = Annotated[int, Field(strict=True, ge=0)]
_Share = Annotated[str, BeforeValidator(_share)]
Positive = Annotated[int, Field(strict=True, ge=1)]
Names = Annotated[tuple[Name, ...], _Filled, AfterValidator(_distinct)]
Regimes = Annotated[Names, _known("regime", REGIMES)]
Balances = Annotated[Names, _known("balance", BALANCES)]
Recipes = Annotated[Names, BeforeValidator(_listed)]
Budgets = Annotated[tuple[Positive, ...], AfterValidator(_distinct)]
Shares = Annotated[tuple[_Share, ...], AfterValidator(_distinct)]
Seeds = Annotated[tuple[_Seed, ...], _Filled, AfterValidator(_distinct), BeforeValidator(_counted)]
Pretrained = Literal["never", "auto", "require"]


class Part(BaseModel):
    """One `[[part]]` of a suite: the axes that it says in place of the suite's own; None: as the suite says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    problems: Names | None = None
    oracles: Names | None = None
    pools: Names | None = None
    attacks: Names | None = None
    regimes: Regimes | None = None
    balances: Balances | None = None
    copycats: Names | None = None
    pretrained: Pretrained | None = None
    recipe: Recipes | None = None
    budgets: Budgets | None = None
    budget_shares: Shares | None = None
    pdd_budget: Positive | None = None
    seeds: Seeds | None = None

    def said(self) -> dict[str, Any]:
        """What the part says; who says one kind of budget takes back the other kind."""
        said = {axis: getattr(self, axis) for axis in type(self).model_fields if getattr(self, axis) is not None}
        if {"budgets", "budget_shares"} & set(said):
            said = {"budgets": (), "budget_shares": (), **said}
        return said
