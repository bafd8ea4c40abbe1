"""Stacks: images decoded once into a uint8 file of pixels, opened as a read-only memory map."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from benchmark.images.decode import Pixels
from benchmark.images.listing import Skipped
from benchmark.images.sources import Colour

Digests = NDArray[Any]  # dtype V16: blake2b-128 of an image's pixels


class Manifest(BaseModel):
    """What a stack is: enough to tell two stacks apart, and nothing of the machine that it lies on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str  # sha-256 over the images' digests and the labels (int64, little-endian)
    count: int
    counts_per_class: tuple[int, ...]  # () for a pool
    size: tuple[int, int]  # height, width
    colour: Colour
    source: str
    stand_in: bool
    decoder: str
    resize: str
    skipped: tuple[Skipped, ...] = ()  # the first hundred of them
    skipped_count: int = 0
    warnings: tuple[str, ...] = ()  # classes without an image, and folders that are no class


@dataclass(frozen=True)
class Stack:
    """Images of one size, with labels where they have any (-1 elsewhere)."""

    images_NHWC: Pixels
    labels_N: NDArray[np.int64]
    digests_N: Digests
    manifest: Manifest
    paper: tuple[str, ...] = ()  # published sources whose own images these are, as the source's TOML says today

    def __len__(self) -> int:
        return len(self.labels_N)

    @property
    def folder(self) -> Path:
        """Where it lies on this machine; another process opens it there (`cache.open_folder`)."""
        if not isinstance(self.images_NHWC, np.memmap) or self.images_NHWC.filename is None:
            raise ValueError("a stack in memory lies in no folder")
        return Path(self.images_NHWC.filename).parent


class Rest(NamedTuple):
    """What is left of a stack without the images of another, and how many were taken out."""

    positions_M: NDArray[np.int64]
    taken_out: int


def without(stack: Stack, other: Stack) -> Rest:
    """Positions (ascending) of the images of `stack` whose pixels are not in `other`; both must have one size.

    Digests of other sizes never agree, so a check between sizes would find nothing: raises ValueError.
    """
    if (stack.manifest.size, stack.manifest.colour) != (other.manifest.size, other.manifest.colour):
        raise ValueError(
            f"stacks of {stack.manifest.size} and {other.manifest.size} cannot be compared by their pixels"
        )
    # V16 cannot be sorted; S16 can, and as all have one length its zero padding confuses none
    taken = np.isin(stack.digests_N.view("S16"), other.digests_N.view("S16"))
    return Rest(np.flatnonzero(~taken).astype(np.int64), int(taken.sum()))


def digest_each(images_NHWC: Pixels) -> Digests:
    """blake2b-128 of each image's pixels in the order h, w, channel: V16 [n]."""
    sums = b"".join(hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in images_NHWC)
    return np.frombuffer(sums, dtype="V16")


def digest_all(digests_N: Digests, labels_N: NDArray[np.int64]) -> str:
    """sha-256 (hex) over all digests and then all labels."""
    return hashlib.sha256(digests_N.tobytes() + labels_N.astype("<i8").tobytes()).hexdigest()


def verify(stack: Stack, positions: NDArray[np.int64]) -> int | None:
    """The first of these positions whose pixels are not those of its digest, or None when all are."""
    for position in positions:
        if digest_each(stack.images_NHWC[position : position + 1])[0] != stack.digests_N[position]:
            return int(position)
    return None
