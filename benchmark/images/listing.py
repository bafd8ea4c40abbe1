"""What a source holds on this machine, before anything is decoded."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict

from benchmark.images.decode import Pixels

Raw = bytes | Pixels | Image.Image


class Skipped(BaseModel):
    """One image, or one folder of images, that is not in a stack, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    why: str


@dataclass(frozen=True)
class Listing:
    """The images of a source in their order; nothing is decoded yet."""

    names: Sequence[str]
    labels_N: NDArray[np.int64]  # -1: unlabelled
    read: Callable[[int], Raw]  # image i as file content, pixels or opened image; thread-safe; raises Unusable
    left_out: tuple[Skipped, ...] = ()
    where: Callable[[int], str] | None = None  # the path of image i on this machine, if each is a file of its own
    strays: tuple[str, ...] = ()  # folders of images that nobody has said to leave out, and that are no class


class Found(Protocol):
    """A source that is on this machine."""

    @property
    def fingerprint(self) -> str:
        """Changes when the source's files change; cheap."""

    def listing(self, classes: tuple[str, ...] | None) -> Listing:
        """Its images; with classes, those of the classes, labelled. Raises Mismatch."""


def fingerprint(stamps: Iterable[tuple[str, int, int]]) -> str:
    """One digest of names, sizes in bytes and modification times in nanoseconds."""
    digest = hashlib.sha256()
    for name, size, changed in stamps:
        digest.update(f"{name}\0{size}\0{changed}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def readable(name: str) -> str:
    """A file's name as text that is valid UTF-8 and moves no cursor; at most 200 characters."""
    text = name.encode("utf-8", "backslashreplace").decode()
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)[:200]
