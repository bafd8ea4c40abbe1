"""A process that labels until it is killed, made by a fork for every line on its input (imports are paid once).

Arguments: an oracle file, an answers folder. It prints `pid N` for every child, then a line for every ask that the
child saw answered (the images' numbers and labels), then `end` when the child is gone.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

from oracles.server import Server

POOL = np.random.default_rng(99).integers(0, 256, (100_000, 4, 4, 3), dtype=np.uint8)


def label(number: int) -> None:
    """Ask random handfuls of the pool for ever, and tell of every answer as soon as it is there."""
    rng = np.random.default_rng(number)
    with Server(Path(sys.argv[1]), Path(sys.argv[2]), device="cpu") as server:
        assert not server.warnings, server.warnings
        ask = server.session(1_000_000, f"child {number}")
        while True:
            picks = rng.integers(0, len(POOL), 24)
            os.write(1, (json.dumps([picks.tolist(), ask(POOL[picks]).tolist()]) + "\n").encode())


if __name__ == "__main__":
    for line in sys.stdin:
        if child := os.fork():
            os.write(1, f"pid {child}\n".encode())
            os.waitpid(child, 0)
            os.write(1, b"end\n")
        else:
            try:
                label(int(line))
            finally:
                os._exit(1)
