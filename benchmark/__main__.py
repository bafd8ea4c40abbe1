"""`python -m benchmark`: the same as the console command `copycat-benchmark`."""

import sys
from pathlib import Path


def main() -> None:
    """Run the command line and leave with its exit code."""
    _forget_current_folder()
    from benchmark.cli.app import run_command_line  # noqa: PLC0415 - only after sys.path is clean

    sys.exit(run_command_line())


def _forget_current_folder() -> None:
    """`python -m` searches the current folder first: an `onnx.py` lying there would be imported instead of onnx."""
    here, home = Path.cwd(), Path(__file__).resolve().parent.parent
    if here != home and sys.path and Path(sys.path[0] or ".").resolve() == here:
        del sys.path[0]


if __name__ == "__main__":
    main()
