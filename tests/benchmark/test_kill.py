"""kill -9 at random moments, of the whole run and of its workers: nothing paid twice, nothing torn, the same result."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest
import tiny_world
from command_line import start

from benchmark.leaderboard.board import build
from benchmark.leaderboard.screen import as_text
from benchmark.ledger import Ledger
from benchmark.records import Record
from oracles.answers import verify

MOMENTS = 25  # of each kind
LONGEST_WAIT = 4.0  # seconds from the start of a run, which plays its cells between the 2nd and the 10th


def begin(world: tiny_world.World, suite: str, out: str) -> subprocess.Popen[str]:
    """A run in a session of its own."""
    return start(
        world,
        *("run", "--suite", suite, "--oracles", str(world.oracles), "--out", out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def results(folder: Path) -> list[tuple[object, ...]]:
    """What must not depend on what happened on the way; every record file is read, so a torn one fails."""
    said: list[str] = []
    records: list[Record] = sorted(Ledger(folder, said.append), key=lambda record: record.cell.digest)
    assert said == []
    return [
        (r.cell.digest, r.status, r.copycat, r.target, r.transfer_sets, r.bill and r.bill.asked, r.bill and r.bill.cost)
        for r in records
    ]


def board(records: Iterable[Record]) -> str:
    """The leaderboard as it is printed."""
    return as_text(build(records), 120)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tiny_world.World:
    """A tiny world with an undisturbed run in `calm`."""
    world = tiny_world.build(tmp_path_factory.mktemp("killed"))
    assert begin(world, suite(world), "calm").wait() == 0
    return world


def suite(world: tiny_world.World) -> str:
    """Cells of every kind that asks, enough of them to be interrupted often."""
    return world.suite(("untrained", "npdd-sl", "npdd-sl+pdd-sl", "pdd-sl"), (20, 40), seeds=4)


def check(world: tiny_world.World, out: str) -> None:
    """The run in `out` is done, equals the calm one, and its answers were paid once each."""
    assert results(world.folder / out) == results(world.folder / "calm")
    for store in (world.folder / out / "answers").glob("*.sqlite"):
        verdict = verify(store)
        assert verdict.faults == ()
    records = list(Ledger(world.folder / out))
    assert board(records) == board(Ledger(world.folder / "calm"))
    calm = next((world.folder / "calm/answers").glob("*.sqlite"))
    killed = next((world.folder / out / "answers").glob("*.sqlite"))
    assert verify(killed).answers == verify(calm).answers
    # every answer is on the bill of one cell, also those that a killed attempt had bought
    assert sum(record.bill.computed for record in records if record.bill) == verify(killed).answers


def test_a_run_killed_again_and_again_ends_as_an_undisturbed_one(world: tiny_world.World) -> None:
    """kill -9 of the parent: the same command continues, its workers do not outlive it."""
    moments = random.Random(1)
    kills = 0
    while kills < MOMENTS:
        run = begin(world, suite(world), "parent")
        time.sleep(moments.uniform(0.5, LONGEST_WAIT))
        if run.poll() is not None:
            # done before its moment came: the rest of the kills hit fresh runs
            check(world, "parent")
            (world.folder / "parent").rename(world.folder / f"parent-{kills}")
            continue
        workers = psutil.Process(run.pid).children(recursive=True)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        kills += 1
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert not alive
    assert begin(world, suite(world), "parent").wait() == 0
    check(world, "parent")


def test_a_run_whose_workers_are_killed_ends_as_an_undisturbed_one(world: tiny_world.World) -> None:
    """kill -9 of workers at random moments: each costs at most its cell, which the run itself plays again."""
    moments = random.Random(2)
    kills = 0
    rounds = 0
    while kills < MOMENTS:
        rounds += 1
        out = f"workers-{rounds}"
        run = begin(world, suite(world), out)
        while run.poll() is None and kills < MOMENTS:
            time.sleep(moments.uniform(0.2, 1.5))
            thieves = [child for child in _children(run.pid) if _is_thief(child)]
            if thieves:
                moments.choice(thieves).kill()
                kills += 1
        run.wait()
        assert begin(world, suite(world), out).wait() == 0  # a cell that was hit twice is recorded as crashed: again
        check(world, out)


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _is_thief(process: psutil.Process) -> bool:
    try:
        return "benchmark.thief" in " ".join(process.cmdline())
    except psutil.Error:
        return False
