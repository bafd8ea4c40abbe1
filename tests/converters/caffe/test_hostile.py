"""Hostile Caffe files: a quick part of the fuzz run, in children with limits, and files made to take time or memory."""

import itertools
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fuzz import run
from fuzz_bases import make_bases

INPUTS = 1200
# reads a path under a limit of memory and time, and says what came of it
CHILD = """
import resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
from converters.caffe.reading import read
from converters.conversion import Source, Wishes
from converters.refusals import ConversionRefused
try:
    read(Source(sys.argv[1], Path(sys.argv[1])), Wishes())
    print("read")
except ConversionRefused as refusal:
    print(type(refusal).__name__, refusal)
"""
NET = 'input: "data" input_dim: [1, 1, 8, 8] layer { name: "a" type: "ReLU" bottom: "data" top: "a" }\n'


def read_in_child(path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("\n") == 1
    return done.stdout


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_AS"), reason="limits of memory need POSIX")
def test_mutated_files_are_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    make_bases(tmp_path)
    results = list(run(0, INPUTS, tmp_path))
    assert [result["seed"] for result in results] == list(range(INPUTS))
    counts = Counter(str(result["what"]).partition(":")[0] for result in results)
    assert set(counts) <= {"converted", "refused in reading", "refused in the graph"}, [
        result for result in results if str(result["what"]).startswith(("CRASH", "HANG", "KILLED"))
    ]
    # both ends are reached, so that the mutations are neither harmless nor hopeless
    assert counts["converted"] > INPUTS // 50
    assert counts["refused in reading"] > INPUTS // 50


def deep(folder: Path) -> None:
    (folder / "net.prototxt").write_text("layer { wild {" + "a {" * 500_000, encoding="utf-8")


def one_long_line(folder: Path) -> None:
    (folder / "net.prototxt").write_text("wild: 1 " * 100_000, encoding="utf-8")


def many_layers(folder: Path) -> None:
    layers = (f'layer {{ name: "{at}" type: "ReLU" bottom: "data" top: "data" }}\n' for at in itertools.count())
    (folder / "net.prototxt").write_text(NET + "".join(itertools.islice(layers, 20_000)), encoding="utf-8")
    (folder / "net.caffemodel").write_bytes(b"\xa2\x06\x03\x0a\x01x")


def nested_binary(folder: Path) -> None:
    data = b""
    for _ in range(2000):
        size = len(data)
        head = bytes([0x0A, size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14])
        data = head + data
    size = len(data)
    layer = bytes([0xA2, 0x06, size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14])
    (folder / "net.caffemodel").write_bytes(layer + data)


def endless_description(folder: Path) -> None:
    layer = b"\x42\x00" * 60_000
    head = b"\xa2\x06" + bytes([len(layer) & 0x7F | 0x80, len(layer) >> 7 & 0x7F | 0x80, len(layer) >> 14])
    (folder / "net.caffemodel").write_bytes((head + layer) * 15)


def huge_promises(folder: Path) -> None:
    (folder / "net.prototxt").write_text(
        'input: "data" input_dim: [1, 1, 2147483647, 2147483647]\n'
        'layer { name: "c" type: "Convolution" bottom: "data" top: "c"'
        " convolution_param { num_output: 4294967295 kernel_size: 4294967295 } }",
        encoding="utf-8",
    )
    blob = b"\x3a\x0f\x3a\x0b\x0a\x09" + b"\xff" * 8 + b"\x7f" + b"\x2a\x00"
    (folder / "net.caffemodel").write_bytes(b"\xa2\x06" + bytes([len(blob) + 3]) + b"\x0a\x01c" + blob)


@pytest.mark.parametrize(
    "make",
    [deep, one_long_line, many_layers, nested_binary, endless_description, huge_promises],
    ids=lambda m: m.__name__,
)
def test_files_made_to_take_time_or_memory_take_little_of_either(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path)
    said = read_in_child(tmp_path)
    assert said.startswith(("read", "SourceDamaged", "SourceIncomplete", "UnsupportedLayer"))
