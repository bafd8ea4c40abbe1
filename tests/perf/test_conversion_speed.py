"""How long the conversion of the papers' nets takes at their full width, and how much memory, in a process of its own.

Run with `pytest tests/perf/test_conversion_speed.py -o addopts= --benchmark-only`; needs some 4 GB of memory.
"""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from converters.caffe.convert import convert
from converters.conversion import Conversion, Source, Wishes
from oracles.runtime import open_session

MADE = Path(__file__).resolve().parents[1] / "converters" / "caffe"
NETS = [("vgg16", 224, 101), ("vgg16", 200, 10), ("alexnet", 224, 101), ("alexnet", 200, 2)]

# the peak of the process itself: getrusage would count what it was forked from
CHILD = """
import json, resource, sys
from pathlib import Path
from converters.caffe.convert import convert
from converters.conversion import Source, Wishes

def peak():
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

folder = Path(sys.argv[1])
before = peak()
convert(Source(str(folder), folder), Wishes())
print(json.dumps({"before": before, "peak": peak()}))
"""


@pytest.fixture(scope="module")
def paper_nets() -> Iterator[ModuleType]:
    """The module that writes the papers' nets, which lies with the tests of the converter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(MADE))
        yield importlib.import_module("paper_nets")


def from_folder(folder: Path) -> Conversion:
    """What is timed."""
    return convert(Source(str(folder), folder), Wishes())


@pytest.mark.parametrize(("name", "size", "classes"), NETS)
def test_converting_a_net_of_the_papers(
    benchmark: BenchmarkFixture, paper_nets: Any, tmp_path: Path, name: str, size: int, classes: int
) -> None:
    """Seconds by pytest-benchmark; the peak memory of a fresh process stays below three times the weights."""
    weights = paper_nets.write_files(getattr(paper_nets, name)(size, classes), tmp_path)
    said = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, check=True)
    memory = json.loads(said.stdout)
    benchmark.extra_info.update({"weights": weights, "peak": memory["peak"], "ratio": memory["peak"] / weights})

    conversion = benchmark.pedantic(from_folder, args=(tmp_path,), rounds=3)

    assert memory["peak"] < 3 * weights
    widths = {weight.name: list(weight.dims) for weight in conversion.model.graph.initializer}
    assert widths["fc6.weight"] == [4096, {"vgg16": 25088, "alexnet": 9216}[name]]


@pytest.mark.parametrize(("name", "size", "classes"), [("vgg16", 224, 101), ("alexnet", 200, 2)])
def test_answering_of_a_net_of_the_papers_in_numpy(
    benchmark: BenchmarkFixture, paper_nets: Any, tmp_path: Path, name: str, size: int, classes: int
) -> None:
    """Seconds for two images in the reference; the converted model gives the same scores."""
    paper_nets.write_files(getattr(paper_nets, name)(size, classes), tmp_path)
    conversion = from_folder(tmp_path)
    inputs = np.random.default_rng(0).normal(0, 50, (2, 3, size, size)).astype(np.float32)
    assert conversion.reference is not None

    expected = benchmark.pedantic(conversion.reference.scores, args=(inputs,), rounds=2)

    found = open_session(conversion.model, device="cpu", lent=conversion.lent).run(None, {"data": inputs})[0]
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()
