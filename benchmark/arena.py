"""What the cells of one run share on the referee's side: images, oracles, recipes - opened once, named by digest."""

import shlex
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from benchmark.cell import REGIMES, Cell, digest_of
from benchmark.images.stack import Stack, without
from benchmark.job import Job, StageJob
from benchmark.matching import check_fit, check_training_set, doubts, introduction, none_at_hand, other_kind
from benchmark.places import Places
from benchmark.pools.pool import expected_count, load_pool, open_pool
from benchmark.problems import Problem, load_problem, open_role
from benchmark.provenance import digest_file, find_versions
from benchmark.recipes import load_recipe
from benchmark.refusals import DataMissing, Refused
from benchmark.shelf import Shelf, Shelved
from benchmark.suites.plan import MISSING, NO_ORACLE, Data, Resolved, Role, cells
from benchmark.suites.suite import Suite, renamed
from copycats import architectures, attacks
from copycats.recipe import Recipe
from oracles.runtime import Device
from oracles.server import Ask, Server

Named = TypeVar("Named", Problem, Recipe)
KEPT = "copycats"  # below `out`: copycats that other cells fine-tune, gone when a run has ended


@dataclass
class Arena:
    """Opens what cells name, keeps it open for the run, and hands each thief its job. Used from several threads."""

    suite: Suite
    places: Places
    say: Callable[[str], None]
    device: Device = "auto"
    store: str = "answers"
    _stacks: dict[tuple[str, str], Stack | None] = field(default_factory=dict)
    _problems: dict[str, Problem] = field(default_factory=dict)
    _pools: dict[str, str] = field(default_factory=dict)
    _oracles: dict[str, Shelved] = field(default_factory=dict)
    _servers: dict[str, Server] = field(default_factory=dict)
    _target_labels: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    recipes: dict[str, Recipe] = field(init=False)
    _weights: dict[str, str] = field(init=False)
    _given: dict[str, str] = field(init=False)  # name of a problem -> that name, or the file that the suite says
    _opening: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Read all that the suite names, so that an unknown name is said before anything is computed."""
        self._problems = _by_name("problem", map(self._adapted, self.suite.problems))
        self.recipes = _by_name("recipe", map(load_recipe, self.suite.recipe))
        self._pools = {load_pool(given).name: given for given in self.suite.pools}
        for copycat in self.suite.copycats:
            architectures.ensure_known(copycat)
        for attack in self.suite.attacks:
            attacks.ensure_known(attack)  # its code is loaded in the thief's process only
        self._weights = {copycat: _digest(file) for copycat, file in self.suite.weights.items()}
        self._given = dict(zip(self._problems, self.suite.problems, strict=True))
        self.suite = renamed(self.suite, problems=self._problems, recipe=self.recipes, pools=self._pools)

    @cached_property
    def shelf(self) -> Shelf:
        """The oracles at hand."""
        return Shelf(self.places, self.say)

    def cells(self, problem: str) -> Iterator[Cell]:
        """The suite's cells of one problem; opens (and so decodes, draws or inspects) all that they need.

        Without an oracle they are holes, unless the suite names its oracles, or nothing but an oracle is missing to it.
        """
        found: dict[str, str | None] = {shelved.name: shelved.digest for shelved in self.oracles(problem)}
        others = self.shelf.problems().intersection(self.suite.problems) - {problem}
        if not found and (self.suite.oracles or (not others and self.role(problem, "tdd"))):
            return
        oracles = {problem: found or {NO_ORACLE: None}}
        roles, pools = dict[tuple[str, str], Data](), dict[tuple[str, str], Data]()
        regimes = [REGIMES[name] for name in self.suite.regimes]
        for role in sorted({role for regime in regimes for role in regime.roles}):
            roles[problem, role] = self._data(self.role(problem, role), problem)  # type: ignore[arg-type]
        for doubt in doubts(self.problem(problem), {role: self.role(problem, role) for _, role in roles}):  # type: ignore[arg-type]
            self.say(doubt)
        for pool in self.suite.pools if any(regime.asks_npdd for regime in regimes) else ():
            pools[problem, pool] = self._asked(problem, pool, opened=bool(found))
        recipes = {name: digest_of(recipe.model_dump(mode="json")) for name, recipe in self.recipes.items()}
        resolved = Resolved(roles, oracles, pools, recipes, {problem: self.problem(problem).digest}, self._weights)
        yield from cells(self.suite, resolved)

    def _asked(self, problem: str, pool: str, *, opened: bool) -> Data:
        """A pool as cells name it; without an oracle it is counted, not drawn or decoded for nothing."""
        if not opened:
            return Data(None, expected_count(self._pools[pool], self.places, drawn=self.suite.drawn))
        return self._data(self.pool(problem, pool), problem)

    def _adapted(self, problem: str) -> Problem:
        return load_problem(problem).adapted(self.suite.size, drawn=self.suite.drawn)

    def problem(self, name: str) -> Problem:
        """A problem of the suite."""
        return self._problems[name]

    def look(self, problem: str) -> str:
        """The verb that says what images of a problem are here, with the problem's file where it has one."""
        given, here = Path(self._given[problem]), Path.cwd()
        return f"data status {shlex.quote(str(given.relative_to(here) if given.is_relative_to(here) else given))}"

    def role(self, problem: str, role: Role) -> Stack | None:
        """The images of a role; None (said once) where they are missing, or no ODD of targets for this TDD."""
        if (problem, role) not in self._stacks:
            try:
                stack = open_role(self.problem(problem), role, self.places, self.say)
                if role == "odd":
                    check_training_set(problem, stack, self.role(problem, "tdd"))
                self._stacks[problem, role] = stack
            except DataMissing as missing:
                self.say(str(missing))
                self._stacks[problem, role] = None
        return self._stacks[problem, role]

    def pool(self, problem: str, pool: str) -> Stack | None:
        """The images of a pool at the problem's size and colour; None (said once) where they are missing."""
        loaded = self.problem(problem)
        key = (f"{loaded.size} {loaded.colour}", pool)
        if key not in self._stacks:
            try:
                self._stacks[key] = open_pool(
                    self._pools[pool],
                    size=loaded.size,
                    colour=loaded.colour,
                    places=self.places,
                    say=self.say,
                    drawn=self.suite.drawn,
                )
            except DataMissing as missing:
                self.say(str(missing))
                self._stacks[key] = None
        return self._stacks[key]

    def oracles(self, problem: str) -> list[Shelved]:
        """The suite's oracles of a problem: those it names, else all whose card names the problem.

        Left out are those whose target saw images of another kind, drawn or not, than the TDD.
        Raises Mismatch where classes differ, UnknownName for an oracle that no scanned folder has.
        """
        if self.suite.oracles is None:
            found = self.shelf.of_problem(problem)
        else:
            named = [self.shelf.open(name) for name in self.suite.oracles]
            alone = len(self.suite.problems) == 1
            found = [one for one in named if one.card.problem == problem or (one.card.problem is None and alone)]
        fitting: list[Shelved] = []
        for shelved in found:
            check_fit(shelved, self.problem(problem))
            if why := other_kind(shelved, problem, self.role(problem, "tdd")):
                self.say(why)
                continue
            for remark in introduction(shelved, self.problem(problem)):
                self.say(remark)
            self._oracles[shelved.digest] = shelved
            fitting.append(shelved)
        if not found:
            self.say(none_at_hand(problem, self.shelf))
        return fitting

    def oracle(self, cell: Cell) -> Shelved:
        """The oracle of a cell that `cells` gave and that does not wait for one."""
        return self._oracles[cell.oracle_digest or NO_ORACLE]

    def server(self, cell: Cell) -> Server:
        """The oracle of a cell, served; opened at the first ask."""
        with self._opening:
            oracle = self.oracle(cell)
            if oracle.digest not in self._servers:
                server = Server(oracle.file, self.places.out / self.store, device=self.device)
                for warning in server.warnings:
                    self.say(warning)
                self._servers[oracle.digest] = server
            return self._servers[oracle.digest]

    def doors(self, cell: Cell) -> dict[str, Ask]:
        """A metered session for each set that the cell may ask."""
        budgets = {"npdd": cell.budget, "pdd": cell.pdd_budget}
        return {name: self.server(cell).session(budget, cell.digest) for name, budget in budgets.items() if budget}

    def test(self, cell: Cell) -> Stack:
        """The test set of a cell. It must be there."""
        stack = self.role(cell.problem, "tdd")
        if stack is None:
            raise DataMissing(
                f"problem {cell.problem}: no TDD found. Run: python -m benchmark {self.look(cell.problem)}"
            )
        return stack

    def target_labels(self, cell: Cell) -> np.ndarray:
        """What the target says of the test images, int64 [n]: asked once a run, never charged, never stored."""
        key = (self.oracle(cell).digest, cell.problem)
        with self._opening:
            if key not in self._target_labels:
                self._target_labels[key] = self.server(cell).referee(self.test(cell).images_NHWC)
            return self._target_labels[key]

    def taken_out(self, cell: Cell, stack: Stack) -> np.ndarray:
        """Positions of the images that the test set has too, pixel for pixel."""
        return _shared(stack, self.test(cell))

    def job(self, cell: Cell) -> Job:
        """All that the thief of a cell needs."""
        problem = self.problem(cell.problem)
        return Job(
            cell=cell,
            stages=tuple(self._stages(cell)),
            recipe=self.recipes[cell.recipe].model_dump(mode="json") if cell.recipe else {},
            classes=len(problem.classes),
            size=problem.size,
            channels=1 if problem.colour == "grey" else 3,
            mirror=problem.mirror,
            weights=Path(self.suite.weights[cell.copycat]).absolute() if cell.weights_digest else None,
        )

    def kept_copycat(self, cell: Cell) -> Path:
        """Where the copycat of a first stage lies for the cells that fine-tune it."""
        made_by = f"{self.device}-torch-{dict(find_versions()).get('torch')}"
        return self.places.out / KEPT / f"{cell.digest}-{made_by}.safetensors"

    @property
    def worker_device(self) -> str:
        """Where copycats are trained."""
        return "cuda" if self.device == "cuda" else "cpu"

    def forget_kept_copycats(self) -> None:
        """Remove first stages that were kept for their fine-tuning: all of that is played."""
        shutil.rmtree(self.places.out / KEPT, ignore_errors=True)

    def close(self) -> None:
        """Close the answers stores."""
        for server in self._servers.values():
            server.close()

    def _stages(self, cell: Cell) -> Iterator[StageJob]:
        regime = REGIMES[cell.regime]
        if regime.asks_npdd:
            yield self._stage(cell, "npdd", self.pool(cell.problem, cell.pool or ""), cell.budget)
        if regime.asks_pdd:
            yield self._stage(cell, "pdd", self.role(cell.problem, "pdd"), cell.pdd_budget)
        if regime.original:
            yield self._stage(cell, regime.original, self.role(cell.problem, regime.original), 0)

    def _stage(self, cell: Cell, name: Literal["npdd", "pdd", "odd"], stack: Stack | None, budget: int) -> StageJob:
        if stack is None:
            raise DataMissing(
                f"problem {cell.problem}: {name.upper()} is missing. Run: python -m benchmark {self.look(cell.problem)}"
            )
        first, shared = cell.first_stage(), "npdd-sl+pdd-sl" in self.suite.regimes
        return StageJob(
            name=name,
            folder=stack.folder,
            taken_out=tuple(self.taken_out(cell, stack).tolist()),
            budget=budget,
            labels="stolen" if budget else "original",
            start=self.kept_copycat(first) if first and name == "npdd" else None,
            keep=self.kept_copycat(first or cell) if name == "npdd" and shared else None,
        )

    def _data(self, stack: Stack | None, problem: str) -> Data:
        test = self.role(problem, "tdd")
        if stack is None:
            return MISSING
        taken_out = 0 if test is None or test is stack else len(_shared(stack, test))
        return Data(stack.manifest.digest, stack.manifest.count - taken_out, bool(stack.manifest.counts_per_class))


def _shared(stack: Stack, test: Stack) -> np.ndarray:
    return np.setdiff1d(np.arange(len(stack)), without(stack, test).positions_M)


def _by_name(kind: str, things: Iterable[Named]) -> dict[str, Named]:
    """The things by their names. Raises Refused when two have one."""
    found: dict[str, Named] = {}
    for thing in things:
        if thing.name in found:
            raise Refused(f"{kind} {thing.name!r} is in the suite twice. Rename one of the two files.")
        found[thing.name] = thing
    return found


def _digest(file: str) -> str:
    try:
        return digest_file(Path(file))
    except OSError as error:
        raise Refused(f"weights {file}: cannot be read ({error.strerror}). Check the path in the suite.") from None
