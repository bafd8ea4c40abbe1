"""The plan of a run: which cells a leaderboard is about, kept beside the records so that it can be printed again."""

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.cell import Cell
from benchmark.ledger import write_once
from benchmark.refusals import Refused, UnknownName
from benchmark.suites.suite import Suite

FOLDER = "plans"
NOTHING = "no cell to play. Check --only, and: python -m benchmark oracles list"


class Plan(BaseModel):
    """The cells of the last run of a suite, played or not."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    suite: str
    cells: tuple[Cell, ...]


def keep_plan(suite: Suite, cells: Sequence[Cell], whole: bool, out: Path) -> None:
    """Write the plan of a run below `out`; that of a part (a shard, one cell) is not what a leaderboard is about.

    Raises Refused when there is nothing to play.
    """
    if not cells and whole:
        raise Refused(f"suite {suite.name}: {NOTHING}")
    if whole:
        write_once(
            out / FOLDER / f"{suite.name}.json", Plan(suite=suite.name, cells=tuple(cells)).model_dump_json().encode()
        )


def read_plan(out: Path, suite: str | None = None) -> Plan | None:
    """The plan of a suite, or of the last run; None where nothing was ever planned or it cannot be read.

    Raises UnknownName for a suite that was never run there.
    """
    plans = sorted((out / FOLDER).glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    if suite is not None and suite not in {path.stem for path in plans}:
        raise UnknownName("suite in this folder", suite, [path.stem for path in plans])
    chosen = [path for path in plans if suite in {None, path.stem}]
    try:
        return Plan.model_validate(_tuples(json.loads(chosen[-1].read_text()))) if chosen else None
    except (OSError, ValueError, ValidationError):
        return None


def _tuples(values: dict[str, object]) -> dict[str, object]:
    """JSON has lists where the strict model has tuples."""
    cells = values.get("cells")
    return {**values, "cells": tuple(cells)} if isinstance(cells, list) else values
