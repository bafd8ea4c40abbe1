"""Tests of contact sheets."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.images.opening import open_stack
from benchmark.images.sheet import contact_sheet
from benchmark.images.sources import NpzSource
from benchmark.images.stack import Stack
from benchmark.places import Places


def stack_of(tmp_path: Path, classes: tuple[str, ...] | None) -> Stack:
    """Five 8 x 8 images of the values 0, 50, 100, 150, 200 with the labels 0 1 0 1 0."""
    images = (np.arange(5, dtype=np.uint8) * 50)[:, None, None].repeat(8, 1).repeat(8, 2)
    np.savez(tmp_path / "s.npz", images=images, labels=np.array([0, 1, 0, 1, 0]))
    places = Places(cache=tmp_path / "cache", data=(tmp_path,))
    return open_stack(
        NpzSource(path="s.npz"), size=(8, 8), colour="rgb", classes=classes, places=places, say=lambda text: None
    )


def test_each_class_has_its_row(tmp_path: Path) -> None:
    """Images stand enlarged, crisp, in the row of their class; the sheet grows with the classes."""
    stack = stack_of(tmp_path, ("no", "yes"))
    sheet = contact_sheet(stack, classes=("no", "yes"), columns=4)
    pixels = np.asarray(sheet.convert("L"))
    assert sheet.mode == "RGB"
    first, second = pixels[24 + 32], pixels[24 + 68 + 32]  # the middles of the two rows
    assert [value for value in (0, 100, 200) if (first == value).sum() >= 64] == [0, 100, 200]
    assert [value for value in (50, 150) if (second == value).sum() == 64] == [50, 150]
    assert (first == 50).sum() == 0


def test_a_pool_is_a_grid(tmp_path: Path) -> None:
    """Five images in lines of three: two lines; rows limit what is shown."""
    stack = stack_of(tmp_path, None)
    assert contact_sheet(stack, columns=3).height - contact_sheet(stack, columns=3, rows=1).height == 68


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    """Fewer classes than labels, and no columns."""
    stack = stack_of(tmp_path, ("no", "yes"))
    with pytest.raises(ValueError, match="labels up to 1 for 1 classes"):
        contact_sheet(stack, classes=("no",))
    with pytest.raises(ValueError, match="columns 0"):
        contact_sheet(stack, columns=0)
