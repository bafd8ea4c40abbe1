"""Tiny sources of images, made in a folder of a test, and what comes out of them."""

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.images.opening import open_stack
from benchmark.images.sources import Source
from benchmark.images.stack import Stack
from benchmark.places import Places

CLASSES = ("cat", "dog")
SIZE = (4, 4)


def png(value: int) -> bytes:
    """A 4 x 4 grey PNG of one value: the value tells which image it is."""
    stream = io.BytesIO()
    Image.new("L", (4, 4), value).save(stream, "PNG")
    return stream.getvalue()


def put(path: Path, content: bytes) -> Path:
    """Writes a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def opened(source: Source, tmp_path: Path, classes: tuple[str, ...] | None = CLASSES) -> Stack:
    """The source, looked for below tmp_path/data."""
    places = Places(cache=tmp_path / "cache", data=(tmp_path / "data",))
    return open_stack(source, size=SIZE, colour="rgb", classes=classes, places=places, say=lambda text: None)


def seen(stack: Stack) -> list[tuple[int, int]]:
    """(value, label) of each image."""
    return list(zip(stack.images_NHWC[:, 0, 0, 0].tolist(), stack.labels_N.tolist(), strict=True))


def skipped(stack: Stack) -> dict[str, str]:
    """What was skipped, and why."""
    return {one.name: one.why for one in stack.manifest.skipped}


def idx(array: np.ndarray) -> bytes:
    """An array of bytes as an idx file."""
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
