"""Mutated Caffe files: `python tests/converters/caffe/fuzz.py 20000` reads so many and counts what came of them.

Only a ConversionRefused may come out. Mutated are small nets made here in every format and, where they are there, real
ones. Each input is one seed: `fuzz.py 1 --from SEED --keep FOLDER` writes it again. Children read under a limit of
memory and of time, so that a crash or a hang is counted and not suffered.
"""

import argparse
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from fuzz_bases import make_bases  # noqa: E402 - found beside this file
from fuzz_child import bases_of, write_input  # noqa: E402

_CHUNK = 500


def run(first: int, count: int, bases_folder: Path) -> Iterator[dict[str, object]]:
    """The outcomes of so many seeds; a child that dies leaves its seed as a crash or a hang, and another goes on."""
    seed, end = first, first + count
    while seed < end:
        chunk = min(_CHUNK, end - seed)
        command = [sys.executable, str(HERE / "fuzz_child.py"), str(seed), str(chunk), str(bases_folder)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        results = [line for line in lines if "seed" in line]
        yield from results
        seed += len(results)
        if done.returncode:
            if not lines:
                raise RuntimeError(done.stderr[-3000:])
            what = "HANG" if done.returncode == -signal.SIGALRM else f"KILLED by {-done.returncode}"
            yield {"seed": seed, "what": f"{what}: {done.stderr[-200:]}", "seconds": 0.0, "grown_kb": 0}
            seed += 1


def main() -> None:
    """Print the figures of a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="write the input of the first seed there and read nothing")
    parser.add_argument("--only", nargs="*", help="the nets to mutate, by their folders' names")
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        bases_folder = Path(name)
        make_bases(bases_folder)
        for base in bases_folder.iterdir() if wishes.only else ():
            if base.name not in wishes.only:
                shutil.rmtree(base)
        if wishes.keep:
            wishes.keep.mkdir(parents=True, exist_ok=True)
            sys.stdout.write(write_input(wishes.first, bases_of(bases_folder), wishes.keep).text + "\n")
            return
        started = time.perf_counter()
        results = list(run(wishes.first, wishes.count, bases_folder))
    bad = report(results, time.perf_counter() - started)
    sys.exit(1 if bad else 0)


def report(results: list[dict[str, object]], seconds: float) -> list[object]:
    """Print the figures; returns the seeds that crashed, hung or were killed."""
    counts = Counter(re.sub(r"\d+", "#", str(result["what"])[:120]) for result in results)
    slowest = max(results, key=lambda result: float(str(result["seconds"])))
    fattest = max(results, key=lambda result: int(str(result["grown_kb"])))
    bad = [result["seed"] for result in results if str(result["what"]).startswith(("CRASH", "HANG", "KILLED"))]
    lines = [f"{number:7,}  {what}" for what, number in counts.most_common()]
    lines += [
        f"{len(results):,} inputs in {seconds:.0f} s",
        f"slowest {slowest['seconds']:.2f} s (seed {slowest['seed']})",
        f"most memory {int(str(fattest['grown_kb'])) >> 10} MB more (seed {fattest['seed']})",
        f"crashed, hung or killed: {bad[:40]}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return bad


if __name__ == "__main__":
    main()
