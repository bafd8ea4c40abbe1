"""How long ledger, leaderboard and plan take at the sizes that they are made for; run with --benchmark-only."""

import sys
from collections import deque
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmark"))

from made_up import cell, digest, record

from benchmark.leaderboard.board import build
from benchmark.leaderboard.screen import as_text
from benchmark.ledger import Ledger
from benchmark.records import pack
from benchmark.suites.plan import Data, Resolved, cells
from benchmark.suites.suite import Suite

RECORDS = 10_000


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 10,000 records: 200 oracles, 10 copycats, 5 seeds."""
    folder = tmp_path_factory.mktemp("ledger")
    (folder / "records").mkdir()
    for number in range(RECORDS):
        seed, copycat, oracle = number % 5, number // 5 % 10, number // 50
        played = record(cell(seed=seed, copycat=f"net{copycat}", oracle=f"oracle{oracle}"), 0.5 + copycat / 25)
        (folder / "records" / f"{played.cell.digest}.json").write_bytes(pack(played))
    return folder


def test_ten_thousand_records_are_read(benchmark: BenchmarkFixture, out: Path) -> None:
    """Goal: below 2 s."""
    assert benchmark.pedantic(lambda: sum(1 for _ in Ledger(out)), rounds=3) == RECORDS


def test_leaderboard_of_ten_thousand_records(benchmark: BenchmarkFixture, out: Path) -> None:
    """Reading, ranking and writing 200 tables as text."""
    text = benchmark.pedantic(lambda: as_text(build(Ledger(out)), 120), rounds=3)
    assert text.count("net9") == 201


def test_plan_of_a_million_cells(benchmark: BenchmarkFixture) -> None:
    """Goal: below 5 s, one cell at a time."""
    problems, oracles = [f"problem{number}" for number in range(10)], [f"oracle{number}" for number in range(10)]
    suite = Suite(
        name="large",
        about="a million cells",
        problems=tuple(problems),
        regimes=("npdd-sl", "npdd-sl+pdd-sl"),
        copycats=tuple(f"net{number}" for number in range(50)),
        budgets=tuple(range(1, 11)),
        seeds=10,
    )
    resolved = Resolved(
        roles={(problem, role): Data(digest(role), 100) for problem in problems for role in ("tdd", "pdd")},
        oracles={problem: {oracle: digest(oracle) for oracle in oracles} for problem in problems},
        pools={(problem, "natural"): Data(digest("pool"), 100) for problem in problems},
        recipes={"paper": digest("paper")},
    )
    last = benchmark.pedantic(lambda: deque(enumerate(cells(suite, resolved), 1), maxlen=1), rounds=2)
    assert last[0][0] == 1_000_000
