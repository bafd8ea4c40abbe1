"""The referee: problems, pools, suites, cells, records and leaderboards.

`benchmark.run("paper", out="runs")` plays a suite and returns its records; see `benchmark.run.run`.
"""

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    """`benchmark.run` without an import of its own, and without loading it for those who do not call it."""
    if name == "run":
        return importlib.import_module("benchmark.run")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
