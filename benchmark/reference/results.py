"""The model of a published source's TOML file, and its numbers as a flat list."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import isclose
from pathlib import Path
from statistics import fmean
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from benchmark.cell import REGIMES, Name
from benchmark.refusals import UnknownName
from benchmark.strict_toml import read_toml

FOLDER = Path(__file__).resolve().parent

Share = Annotated[float, Field(ge=0, le=1)]
Ratio = Annotated[float, Field(ge=0, le=2)]
Percent = Annotated[float, Field(ge=0, le=200)]
Count = Annotated[int, Field(ge=1)]
Budget = Annotated[int, Field(ge=0)]
Metric = Literal["macro-F1", "micro-F1"]  # micro-F1 is accuracy
RegimeName = Literal["untrained", "npdd-sl", "npdd-sl+pdd-sl", "pdd-sl", "pdd-ol", "odd-ol"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Row(_Part):
    """What a table says of one problem: one entry per budget, absolute, as ratio, or as ratio in percent.

    Several runs at one budget have `target_runs` and `ratio_runs` instead; these need not be in the same order.
    """

    target: Share | None = None
    values: tuple[Share, ...] = ()
    ratios: tuple[Ratio, ...] = ()
    percents: tuple[Percent, ...] = ()
    target_runs: tuple[Share, ...] = ()
    ratio_runs: tuple[Ratio, ...] = ()
    costs: tuple[Annotated[float, Field(ge=0)], ...] = ()  # US$ of the queries
    baseline: Share | None = None  # the same net, trained on the target's own images and labels
    percents_of_baseline: tuple[Percent, ...] = ()


class PrintedTable(_Part):
    """Results of one regime from one place of the source, problem by problem."""

    table: Name
    regime: RegimeName
    metric: Metric = "macro-F1"
    target_net: Name = "vgg16"
    copycat_net: Name = "vgg16"
    budgets: tuple[Budget, ...] = ()  # of the pool; left out: the problem's npdd, or not said
    at_least: bool = False  # the source says only that it is so much or more
    digits: Annotated[int, Field(ge=1, le=9)] = 6  # behind the point, of target and values
    problems: dict[Name, Row] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """As many entries as budgets, and absolute numbers that agree with the ratios beside them."""
        wanted = len(self.budgets) or 1
        for name, row in self.problems.items():
            lists = (row.values, row.ratios, row.percents, row.costs, row.percents_of_baseline)
            if any(each and len(each) != wanted for each in lists):
                raise ValueError(f"{name}: a list has not as many entries as there are budgets ({wanted})")
            if not (row.values or row.ratios or row.percents or row.ratio_runs):
                raise ValueError(f"{name}: no number")
            if row.values and row.target is None:
                raise ValueError(f"{name}: values without the target's")
            self._check(name, row)
        return self

    def _check(self, name: str, row: Row) -> None:
        """A printed ratio is the quotient of the absolute numbers, as far as their digits tell."""
        unit = 0.5 * 10**-self.digits
        pairs = [(row.target, value, ratio, unit) for value, ratio in zip(row.values, row.ratios, strict=False)]
        pairs += [(row.target, value, each / 100, 5e-4) for value, each in zip(row.values, row.percents, strict=False)]
        beside = zip(row.values, row.percents_of_baseline, strict=False)
        pairs += [(row.baseline, value, each / 100, 5e-4) for value, each in beside]
        for whole, value, ratio, rounding in pairs:
            if not whole:
                raise ValueError(f"{name}: a ratio to nothing")
            slack = rounding + unit * (1 + ratio) / whole
            if not isclose(value / whole, ratio, rel_tol=0, abs_tol=slack + 1e-9):
                raise ValueError(f"{name}: {value} of {whole} is {100 * value / whole:.2f} %, not {100 * ratio:.2f} %")


class PrintedProblem(_Part):
    """A problem as the source has it: its name there, and how many images it has in each role."""

    printed: Name
    ours: tuple[Name, ...] = Field(min_length=1)  # problems of this benchmark with the same classes in the same order
    odd: Count | None = None
    tdd: Count
    pdd: Count | None = None
    npdd: Count | None = None  # images of the pool, where every run asks the whole pool
    service: bool = False  # the target was a service that nobody else can play against


class Source(_Part):
    """A paper, a piece of software or a report with published numbers."""

    name: Name
    kind: Literal["paper", "software", "replication"]
    year: int | None = None
    short: Name
    title: Name
    authors: Name
    where: Name
    remarks: tuple[Name, ...] = ()
    problems: dict[Name, PrintedProblem] = Field(min_length=1)
    tables: tuple[PrintedTable, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _known(self) -> Self:
        for table in self.tables:
            unknown = sorted(table.problems.keys() - self.problems.keys())
            if unknown:
                raise ValueError(f"table {table.table!r} has {unknown[0]!r}, which [problems] does not have")
        return self


@dataclass(frozen=True, slots=True)
class Published:
    """One published number, with all that a reader needs to judge it."""

    source: str  # the TOML's name
    short: str
    table: str
    problem: str
    printed: str
    regime: str
    metric: Metric
    target_net: str
    copycat_net: str
    budget: int | None  # images of the pool, 0 where none are asked, None where it is not said
    pdd_budget: int  # images of the PDD that are asked
    value: float | None  # the copycat's, absolute; None where only the ratio is published
    target: float | None
    relative: float
    at_least: bool
    runs: int
    cost: float | None  # US$


def names() -> list[str]:
    """The published sources that come with the benchmark."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_source(name_or_path: str | Path) -> Source:
    """The source of that name, or of that TOML file. Raises UnknownName, and BadToml for what is not one."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in names():
            raise UnknownName("published source", str(name_or_path), names())
        path = FOLDER / f"{name_or_path}.toml"
    return read_toml(path, Source, name=path.stem)


@cache
def sources() -> tuple[Source, ...]:
    """All of them: papers first, then software, then replications, the newest of each first."""
    kinds = ("paper", "software", "replication")
    found = [load_source(name) for name in names()]
    return tuple(sorted(found, key=lambda source: (kinds.index(source.kind), -(source.year or 0), source.name)))


@cache
def published(problem: str | None = None) -> tuple[Published, ...]:
    """All published numbers, or those of one problem here, in the order of the sources and of their tables."""
    return tuple(
        number
        for source in sources()
        for number in _numbers(source)
        if problem is None or problem in source.problems[number.problem].ours
    )


def _numbers(source: Source) -> Iterator[Published]:
    for table in source.tables:
        for problem in table.problems:
            budgets = table.budgets or (_untold(table, source.problems[problem]),)
            for place, budget in enumerate(budgets):
                yield _number(source, table, problem, (place, budget))


def _untold(table: PrintedTable, printed: PrintedProblem) -> int | None:
    """The budget of a table that names none."""
    return printed.npdd if REGIMES[table.regime].asks_npdd else 0


def _number(source: Source, table: PrintedTable, problem: str, at: tuple[int, int | None]) -> Published:
    row, printed, (place, budget) = table.problems[problem], source.problems[problem], at
    return Published(
        source=source.name,
        short=source.short,
        table=table.table,
        problem=problem,
        printed=printed.printed,
        regime=table.regime,
        metric=table.metric,
        target_net=table.target_net,
        copycat_net=table.copycat_net,
        budget=budget,
        pdd_budget=(printed.pdd or 0) if REGIMES[table.regime].asks_pdd else 0,
        value=row.values[place] if row.values else None,
        target=row.target,
        relative=_relative(row, place),
        at_least=table.at_least,
        runs=len(row.ratio_runs) or 1,
        cost=row.costs[place] if row.costs else None,
    )


def _relative(row: Row, place: int) -> float:
    """The ratio as printed with all its digits, else of the absolute numbers, else of the percent, else of the runs."""
    if row.ratios:
        return row.ratios[place]
    if row.values and row.target:
        return row.values[place] / row.target
    return row.percents[place] / 100 if row.percents else fmean(row.ratio_runs)
