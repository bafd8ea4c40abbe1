"""A child of the fuzz run: makes mutated Caffe files by number, reads them, and prints what came of each."""

import json
import random
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from converters.caffe import hdf5, weights
from converters.caffe.graph import build
from converters.caffe.reading import read
from converters.conversion import Source, Wishes
from converters.refusals import ConversionRefused

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "models"
MEMORY_LIMIT = 4 << 30
SECONDS_LIMIT = 20
_LARGE = 1 << 20
_TOKEN = re.compile(rb"[A-Za-z_]\w*|-?[\d.]+|\"[^\"]*\"|[{}:\[\]]")
_ODD = (b"0", b"-1", b"1", b"2147483647", b"4294967295", b"1e38", b"nan", b"99999", b"TEST", b"MAX", b'""', b'"data"')


def mutate(data: bytes, other: bytes, rng: random.Random, text: bool) -> bytes:
    """Some changes to a file: to its tokens if it is text, else to its bytes; now and then a piece of another file."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        change = rng.choice(_TEXT_CHANGES if text and rng.random() < 0.8 else _BYTE_CHANGES)
        data = change(data, other, rng)
    return data


def _swap_token(data: bytes, other: bytes, rng: random.Random) -> bytes:
    tokens = list(_TOKEN.finditer(data))
    if not tokens:
        return other
    token = rng.choice(tokens)
    new = rng.choice(_ODD) if rng.random() < 0.5 else rng.choice(tokens)[0]
    return data[: token.start()] + new + data[token.end() :]


def _repeat_lines(data: bytes, other: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    start = rng.randrange(len(lines))
    piece = lines[start : start + rng.randrange(1, 12)]
    at = rng.randrange(len(lines))
    return b"\n".join([*lines[:at], *piece * rng.choice((1, 1, 2, 50)), *lines[at:]])


def _drop_lines(data: bytes, other: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    start = rng.randrange(len(lines))
    return b"\n".join(lines[:start] + lines[start + rng.randrange(1, 12) :])


def _flip(data: bytes, other: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 32))):
        if changed:
            changed[_place(changed, rng)] = rng.choice((0, 0xFF, 0x7F, 0x80, rng.randrange(256)))
    return bytes(changed)


def _cut(data: bytes, other: bytes, rng: random.Random) -> bytes:
    return data[: _place(data, rng)]


def _remove(data: bytes, other: bytes, rng: random.Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + rng.choice((1, 2, 7, 100, 5000)) :]


def _double(data: bytes, other: bytes, rng: random.Random) -> bytes:
    at, length = _place(data, rng), rng.choice((1, 4, 64, 3000))
    return data[:at] + data[at : at + length] * rng.choice((2, 3, 100)) + data[at + length :]


def _splice(data: bytes, other: bytes, rng: random.Random) -> bytes:
    at, there = _place(data, rng), _place(other, rng)
    return data[:at] + other[there : there + rng.choice((3, 40, 2000))] + data[at:]


def _grow_varint(data: bytes, other: bytes, rng: random.Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.choice((b"\xff" * 9 + b"\x01", b"\xff\xff\xff\x7f", b"\x80" * 12, b"\x0a")) + data[at + 1 :]


def _place(data: bytes | bytearray, rng: random.Random) -> int:
    """A place in the file, most often near its beginning or near a message's, where lengths and names are."""
    size = max(1, len(data))
    return rng.randrange(min(size, rng.choice((64, 600, size, size))))


_Change = Callable[[bytes, bytes, random.Random], bytes]
_TEXT_CHANGES: tuple[_Change, ...] = (_swap_token, _swap_token, _swap_token, _repeat_lines, _drop_lines)
_BYTE_CHANGES: tuple[_Change, ...] = (_flip, _flip, _cut, _remove, _double, _splice, _grow_varint)


def bases_of(folder: Path) -> list[list[tuple[str, bytes]]]:
    """The files of each base, real ones of a size that thousands can be made of among them."""
    made = sorted(folder.iterdir())
    real = sorted(SHARED.glob("caffe-*")) if SHARED.is_dir() and len(made) > 2 else []
    bases = []
    for base in [*made, *real]:
        files = [(path.name, path.read_bytes()) for path in sorted(base.iterdir())]
        if sum(len(data) for _, data in files) < 4 * _LARGE:
            bases.append(files)
    return bases


def write_input(seed: int, bases: list[list[tuple[str, bytes]]], folder: Path) -> Source:
    """The input of a seed, as a folder or as one of its files."""
    rng = random.Random(seed)
    odds = [1 if sum(len(data) for _, data in base) > _LARGE // 2 else 8 for base in bases]
    files = rng.choices(bases, odds)[0]
    victims = {name for name, _ in files if rng.random() < 0.3} or {rng.choice(files)[0]}
    other = rng.choice(rng.choice(bases))[1]
    for name, data in files:
        text = name.endswith((".prototxt", ".txt"))
        (folder / name).write_bytes(mutate(data, other, rng, text) if name in victims else data)
    named = [name for name, _ in files if not name.endswith((".binaryproto", ".txt"))]
    chosen = folder if rng.random() < 0.7 else folder / rng.choice(named)
    if chosen.is_dir() and len(files) == 1:
        chosen = folder / files[0][0]
    return Source(str(chosen), chosen)


def outcome(source: Source) -> str:
    """What comes of an input: converted, read but no graph, or the refusal's name; anything else is raised."""
    try:
        reading = read(source, Wishes(size=None))
    except ConversionRefused as refusal:
        _sentence(refusal)
        return f"refused in reading: {type(refusal).__name__}"
    try:
        build(reading.net)
    except ConversionRefused as refusal:
        _sentence(refusal)
        return f"refused in the graph: {type(refusal).__name__}"
    return "converted"


def _sentence(refusal: ConversionRefused) -> None:
    text = str(refusal)
    if not text or "\n" in text or len(text) > 2000:
        raise AssertionError(f"not one sentence: {text[:3000]!r}")


def child(first: int, count: int, bases_folder: Path) -> None:
    """Read inputs and print a line for each, so that the last line tells where a child died."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    weights.read_hdf5 = hdf5.read_here  # this is a child already, and one more for each input would take hours
    bases = bases_of(bases_folder)
    for seed in range(first, first + count):
        _say({"begun": seed})
        with tempfile.TemporaryDirectory() as name:
            source = write_input(seed, bases, Path(name))
            before = _peak_kb(forget=True)
            signal.alarm(SECONDS_LIMIT)
            started = time.perf_counter()
            try:
                what = outcome(source)
            except Exception as error:  # noqa: BLE001 - this is what is looked for
                what = f"CRASH: {type(error).__name__}: {str(error)[:200]}"
            seconds = time.perf_counter() - started
            signal.alarm(0)
            grown = _peak_kb() - before
        _say({"seed": seed, "what": what, "seconds": seconds, "grown_kb": grown})


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _peak_kb(*, forget: bool = False) -> int:
    """The most memory that was resident at once, in KB (Linux); from now on, if the past is to be forgotten."""
    try:
        if forget:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+)", status)
    return int(found[1]) if found else 0


if __name__ == "__main__":
    child(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
