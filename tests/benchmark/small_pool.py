"""A small pool with an empty cache, and ways to open, kill and refuse it."""

import os
from collections.abc import Callable
from pathlib import Path

from benchmark.images.opening import open_stack
from benchmark.images.sources import FolderSource, Source
from benchmark.images.stack import Stack
from benchmark.places import Places

COUNT = 60


def opened(places: Places, source: Source | None = None, said: list[str] | None = None) -> Stack:
    """The pool at 8 x 8 pixels."""
    say = (said if said is not None else []).append
    source = source or FolderSource(path="pool")
    return open_stack(source, size=(8, 8), colour="rgb", classes=None, places=places, say=say)


def kept(places: Places) -> Path:
    """The one folder in the cache."""
    return next(path for path in (places.cache / "images").iterdir() if path.is_dir() and "." not in path.name)


def in_child(work: Callable[[], None]) -> int:
    """Runs `work` in a forked process; its pid."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - the child must never run the parent's tests
            os._exit(1)
        os._exit(0)
    return pid


def refusal(number: int) -> Callable[..., None]:
    """A function that raises that OSError, to be put in the place of another."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return refuse
