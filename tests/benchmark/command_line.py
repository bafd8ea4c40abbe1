"""Starting the command line as a person or a script does: a process of its own, in the folder of a tiny world."""

import os
import subprocess
import sys
from typing import Any

import tiny_world


def start(world: tiny_world.World, *arguments: str, columns: int = 80, **options: Any) -> subprocess.Popen[str]:
    """Start a verb in the world's folder, with the world's cache and without a terminal."""
    cache = {"BENCHMARK_CACHE": str(world.folder / "cache"), "COLUMNS": str(columns)}
    return subprocess.Popen(
        [sys.executable, "-m", "benchmark", *arguments],
        **{"cwd": world.folder, "env": {**os.environ, **cache}, "text": True, **options},
    )


def benchmark(world: tiny_world.World, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a verb to its end and keep what it said."""
    process = start(world, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    said, noted = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, said, noted)
