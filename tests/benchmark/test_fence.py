"""The fence around an attack while it runs."""

import importlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.fence import FenceTouched, fenced
from benchmark.places import ZOO

# what a thief would try; each gets a folder with a file in it
ATTEMPTS: dict[str, Callable[[Path], object]] = {
    "read a file": lambda folder: (folder / "secret").read_bytes(),
    "read by descriptor": lambda folder: os.open(folder / "secret", os.O_RDONLY),
    "write a file": lambda folder: (folder / "new").write_text("x"),
    "list a folder": lambda folder: os.listdir(folder),
    "list with pathlib": lambda folder: list(folder.iterdir()),
    "remove a file": lambda folder: (folder / "secret").unlink(),
    "rename a file": lambda folder: (folder / "secret").rename(folder / "other"),
    "start a process": lambda folder: subprocess.run(["true"], check=False),
    "ask a shell": lambda folder: os.system("true"),
    "fork": lambda folder: os.fork() or os._exit(0),
    "connect": lambda folder: socket.create_connection(("127.0.0.1", 9), timeout=0.1),
    "go elsewhere": lambda folder: os.chdir(folder),
    "read the environment of a process": lambda folder: Path("/proc/self/environ").read_bytes(),
    "read an oracle of the zoo": lambda folder: (ZOO / "zoo.toml").read_bytes(),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_an_attack_gets_nothing_from_outside(attempt: str, tmp_path: Path) -> None:
    """Files, folders, processes and connections are refused, and nothing has happened."""
    (tmp_path / "secret").write_text("the labels")

    with pytest.raises(FenceTouched, match="it gets ask, pool and rng"), fenced():
        ATTEMPTS[attempt](tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("module", ["oracles.server", "benchmark.arena", "converters.pytorch"])
def test_the_referees_modules_cannot_be_imported_by_name(module: str) -> None:
    """A dynamic import, which no import contract sees, is refused while the fence is up."""
    kept = {name: sys.modules.pop(name) for name in list(sys.modules) if name == module}
    try:
        with pytest.raises(FenceTouched, match="an attack may not"), fenced():
            importlib.import_module(module)
    finally:
        sys.modules.update(kept)


def test_libraries_may_still_be_imported() -> None:
    """An attack may use what is installed, also what is imported late."""
    sys.modules.pop("colorsys", None)

    with fenced():
        assert importlib.import_module("colorsys").rgb_to_hsv(1, 0, 0) == (0, 1, 1)


def test_the_fence_comes_down_again(tmp_path: Path) -> None:
    """After the attack, also after one that raised, everything works as before."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(ZeroDivisionError), fenced():
        1 / 0  # noqa: B018 - an attack that fails

    assert (tmp_path / "file").read_text() == "x"
