"""The fence around an attack while it runs."""

import contextlib
import importlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.fence import put_up
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


def behind_the_fence(action: Callable[[], object], *, fence: bool = True) -> str:
    """What becomes of an action in a child that has put up the fence: the refusal's sentence, or what it got."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if fence:
                put_up()
            answer = f"got {action()!r}"
        except BaseException as error:  # noqa: BLE001 - the child tells and ends
            answer = f"{type(error).__name__}: {error}"
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        answer = told.read()
    os.waitpid(child, 0)
    return answer


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_an_attack_gets_nothing_from_outside(attempt: str, tmp_path: Path) -> None:
    """Files, folders, processes and connections are refused, and nothing has happened."""
    (tmp_path / "secret").write_text("the labels")

    answer = behind_the_fence(lambda: ATTEMPTS[attempt](tmp_path))

    assert answer.startswith("FenceTouched: an attack may not")
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("module", ["oracles.server", "benchmark.arena", "converters.pytorch.convert"])
def test_the_referees_modules_cannot_be_imported_by_name(module: str) -> None:
    """A dynamic import, which no import contract sees, is refused behind the fence."""

    def importing() -> object:
        sys.modules.pop(module, None)
        return importlib.import_module(module)

    # where the folder has not been listed before, Python takes the refusal for an empty folder
    refusals = ("FenceTouched: an attack may not", "ModuleNotFoundError: No module named")
    assert behind_the_fence(importing).startswith(refusals)


def test_libraries_may_still_be_imported() -> None:
    """An attack may use what is installed, also what is imported late."""

    def importing() -> object:
        sys.modules.pop("colorsys", None)
        return importlib.import_module("colorsys").rgb_to_hsv(1, 0, 0)

    assert behind_the_fence(importing) == "got (0.0, 1.0, 1)"


def test_nothing_but_its_own_package_is_opened_to_an_attack(tmp_path: Path) -> None:
    """A package of a project that lies anywhere is read; what lies beside it is not, nor are folders above it."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/__init__.py").write_text("")
    (tmp_path / "mine/weights.txt").write_text("7")
    (tmp_path / "secret").write_text("the labels")

    def fenced(action: Callable[[], object]) -> str:
        def found() -> object:
            put_up(["mine"])
            return action()

        return behind_the_fence(found, fence=False)

    sys.path.append(str(tmp_path))
    importlib.invalidate_caches()
    try:
        assert fenced((tmp_path / "mine/weights.txt").read_text) == "got '7'"
        assert fenced((tmp_path / "secret").read_text).startswith("FenceTouched: an attack may not open 'secret'")
        writing = fenced(lambda: (tmp_path / "mine/new").write_text("x"))
        assert writing.startswith("FenceTouched: an attack may not open 'new'")
    finally:
        sys.path.remove(str(tmp_path))


def test_the_fence_has_no_gate(tmp_path: Path) -> None:
    """Nothing in its module takes it down: neither putting it up again nor reloading nor calling what is there."""
    (tmp_path / "secret").write_text("x")

    def tampering() -> object:
        fence = sys.modules["benchmark.fence"]
        for name in dir(fence):
            thing = getattr(fence, name)
            for arguments in ((), (False,), (None,)):
                with contextlib.suppress(BaseException):
                    thing(*arguments) if callable(thing) else setattr(fence, name, None)
        return (tmp_path / "secret").read_text()

    assert not behind_the_fence(tampering).startswith("got")
