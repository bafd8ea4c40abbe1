"""A suite multiplied out: its cells, in the order in which they are best played."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

from benchmark.cell import REGIMES, Cell, Regime
from benchmark.refusals import PoolTooSmall, Refused, UnknownName
from benchmark.suites.axes import share_of
from benchmark.suites.suite import Suite

Role = Literal["tdd", "pdd", "odd"]
ROLES: tuple[Role, ...] = ("tdd", "pdd", "odd")


@dataclass(frozen=True)
class Data:
    """What was found of a role or a pool: its digest (None where it is missing) and how many images it has."""

    digest: str | None
    count: int = 0
    labelled: bool = True


MISSING = Data(None)
NO_ORACLE = "none at hand"  # what cells say that wait for an oracle


@dataclass(frozen=True)
class Resolved:
    """What the names of a suite stand for on this machine."""

    roles: Mapping[tuple[str, str], Data]  # (problem, role); absent = missing
    oracles: Mapping[str, Mapping[str, str | None]]  # problem -> oracle -> digest, in the order of the tables
    pools: Mapping[tuple[str, str], Data]  # (problem, pool): a pool is decoded at the problem's size; absent = missing
    recipes: Mapping[str, str]  # recipe -> digest
    problems: Mapping[str, str] = field(default_factory=dict)  # problem -> digest of what its file says of the images
    weights: Mapping[str, str] = field(
        default_factory=dict
    )  # copycat -> digest of the pretrained weights it starts from


UNKNOWN_COUNT = 1_000_000
"""How many images a pool of unknown size is taken to have: its cells cannot be played, but each share needs its own."""


def cells(suite: Suite, resolved: Resolved) -> Iterator[Cell]:
    """Every cell once; axes that a regime does not use are not multiplied.

    Order: problem by problem, oracle by oracle, small budgets first, the seeds of a row together, and npdd-sl before
    the cell that fine-tunes its copycat; so whole rows of a leaderboard come early. Shares become numbers of images.
    Raises PoolTooSmall when a budget is larger than a pool that is there, UnknownName for a recipe without a digest.
    """
    flat = suite.flat()
    for name in suite.problems:
        parts = [_Problem(part, resolved, name) for part in flat if name in part.problems]
        for part in parts:
            part.refuse_large_budgets()
        for oracle, digest in resolved.oracles.get(name, {}).items():
            attacking = parts if not suite.part else [part for part in parts if part.attacks(oracle)]
            about = {"problem": name, "problem_digest": resolved.problems.get(name)}
            fixed = {**about, "oracle": oracle, "oracle_digest": digest}
            found = (Cell.model_validate({**fixed, **row}) for row in _ordered(suite, attacking))
            yield from dict.fromkeys(found) if suite.part or suite.budget_shares else found


def _ordered(suite: Suite, parts: Sequence["_Problem"]) -> Iterator[dict[str, Any]]:
    """The rows of all parts with each of their seeds."""
    rows = [(row, part.suite.seeds) for part in parts for row in part.rows()]
    smallest = min((row["budget"] for row, _ in rows if "budget" in row), default=0)
    regimes = list(REGIMES)

    def place(row: Mapping[str, Any]) -> tuple[int, ...]:
        if row["recipe"] is None:
            return (0,)
        if "budget" not in row:  # knows neither pool nor budget: once, around the smallest budget
            return (1, smallest, 1)
        thief = (
            suite.copycats.index(row["copycat"]),
            suite.pools.index(row["pool"]),
            suite.attacks.index(row["attack"]),
        )
        return (1, row["budget"], 0, *thief, regimes.index(row["regime"]))

    for row, seeds in sorted(rows, key=lambda found: place(found[0])):
        for seed in seeds:
            yield {**row, "seed": seed}


@dataclass(frozen=True)
class _Problem:
    """One problem of a suite without parts, on this machine."""

    suite: Suite
    resolved: Resolved
    name: str

    def attacks(self, oracle: str) -> bool:
        """Whether it is one of the suite's oracles."""
        return self.suite.oracles is None or oracle in (*self.suite.oracles, NO_ORACLE)

    def refuse_large_budgets(self) -> None:
        regimes = [REGIMES[name] for name in self.suite.regimes]
        asked: list[tuple[str, Data, int]] = []
        if any(regime.asks_npdd for regime in regimes):
            asked += [(f"pool {pool}", self.pool(pool), max(self._budgets(pool))) for pool in self.suite.pools]
        if self.suite.pdd_budget and any(regime.asks_pdd for regime in regimes):
            asked += [("the PDD", self.role("pdd"), self.suite.pdd_budget)]
        for what, data, budget in asked:
            if data.digest is not None and budget > data.count:
                raise PoolTooSmall(
                    f"suite {self.suite.name} asks {budget:,} images, but {what} of problem {self.name} has "
                    f"{data.count:,}. Lower the budget, or add images."
                )

    def role(self, role: Role) -> Data:
        return self.resolved.roles.get((self.name, role), MISSING)

    def pool(self, pool: str) -> Data:
        return self.resolved.pools.get((self.name, pool), MISSING)

    def rows(self) -> Iterator[dict[str, Any]]:
        """All axes but oracle and seed; what a regime does not use is not multiplied."""
        suite = self.suite
        regimes = [regime for name, regime in REGIMES.items() if name in suite.regimes]
        asking = [regime for regime in regimes if regime.asks_npdd]
        for copycat, pool, attack, regime in product(suite.copycats, suite.pools, suite.attacks, asking):
            for budget in self._budgets(pool):
                spent = {"pool": pool, "pool_digest": self.pool(pool).digest, "attack": attack, "budget": budget}
                yield from self._trained(copycat, regime, spent)
        yield from self._free([regime for regime in regimes if not regime.asks_npdd])

    def _budgets(self, pool: str) -> list[int]:
        """Numbers of images: as said, or shares of the pool at hand."""
        data = self.pool(pool)
        count = data.count if data.count or data.digest else UNKNOWN_COUNT
        return [*self.suite.budgets, *(share_of(share, count) for share in self.suite.budget_shares)]

    def _free(self, regimes: Iterable[Regime]) -> Iterator[dict[str, Any]]:
        for copycat, regime in product(self.suite.copycats, regimes):
            yield from self._trained(copycat, regime, {})

    def _trained(self, copycat: str, regime: Regime, spent: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The rows of one copycat and regime: one per recipe and balance that the regime uses."""
        suite = self.suite
        given = {
            "regime": regime.name,
            "copycat": copycat,
            "pretrained": suite.pretrained,
            "weights_digest": self.resolved.weights.get(copycat),
            **{f"{role}_digest": self._digest(role, regime) for role in ROLES if role in regime.roles},
            **spent,
        }
        if regime.asks_pdd:
            given["pdd_budget"] = suite.pdd_budget or self.role("pdd").count
        recipes = suite.recipe if regime.trains else (None,)
        balances = suite.balances if regime.ranked else ("none",)  # original labels are used as they are
        for recipe, balance in product(recipes, balances):
            yield {**given, "recipe": recipe, "recipe_digest": self._recipe_digest(recipe), "balance": balance}

    def _digest(self, role: Role, regime: Regime) -> str | None:
        """None, as for missing images, also where a regime trains on classes that nobody told."""
        data = self.role(role)
        return data.digest if data.labelled or regime.original != role else None

    def _recipe_digest(self, recipe: str | None) -> str | None:
        if recipe is not None and recipe not in self.resolved.recipes:
            raise UnknownName("recipe", recipe, self.resolved.recipes)
        return None if recipe is None else self.resolved.recipes[recipe]


def shard(planned: Iterable[Cell], number: int, of: int) -> Iterator[Cell]:
    """The cells of shard `number` (1..of); a cell's digest decides, so every machine splits a suite alike.

    A cell that fine-tunes goes where its first stage goes. Raises Refused for a shard that is not in 1..of.
    """
    if not 1 <= number <= of:
        raise Refused(f"shard {number}/{of}: there is no such part. Give I/N with I from 1 to N.")
    return (cell for cell in planned if int((cell.first_stage() or cell).digest[:16], 16) % of == number - 1)
