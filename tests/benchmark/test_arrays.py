"""Tests of the arrays: NumPy archives and idx files."""

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_sources import idx, opened, put, seen

from benchmark.images.sources import (
    IdxSource,
    NpzSource,
)
from benchmark.refusals import EmptyPool, Mismatch


def test_npz_images_and_labels(tmp_path: Path) -> None:
    """Names of the arrays can be chosen; grey [n,h,w] becomes three channels."""
    images = np.arange(3, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    for save in (np.savez, np.savez_compressed):
        (tmp_path / "data").mkdir(exist_ok=True)
        save(tmp_path / "data/pets.npz", tdd_images=images, tdd_labels=np.array([1, 0, 1]))
        stack = opened(NpzSource(path="pets.npz", images="tdd_images", labels="tdd_labels"), tmp_path)
        assert seen(stack) == [(0, 1), (1, 0), (2, 1)]
        np.testing.assert_array_equal(stack.images_NHWC[..., 0], stack.images_NHWC[..., 2])


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"images": np.zeros((2, 4, 4), np.float32), "labels": np.zeros(2, int)}, "images are float32"),
        ({"images": np.zeros((2, 4, 4, 2), np.uint8), "labels": np.zeros(2, int)}, r"\[2, 4, 4, 2\]"),
        ({"images": np.zeros((2, 4, 4), np.uint8)}, "no labels"),
        ({"images": np.zeros((2, 4, 4), np.uint8), "labels": np.zeros(3, int)}, "3 labels for 2 images"),
        ({"images": np.zeros((2, 4, 4), np.uint8), "labels": np.zeros(2)}, "want whole numbers"),
        ({"images": np.zeros((2, 4, 4), np.uint8), "labels": np.array([0, 2])}, "class ids up to 2"),
        ({"pictures": np.zeros((2, 4, 4), np.uint8)}, "no array 'images' in it .there are: pictures"),
        ({"images": np.array([{}, {}], object), "labels": np.zeros(2, int)}, "holds Python objects"),
    ],
)
def test_npz_of_the_wrong_form_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray], sentence: str) -> None:
    """Type, shape, labels and Python objects are checked before a pixel is used."""
    (tmp_path / "data").mkdir()
    np.savez(tmp_path / "data/pets.npz", **arrays)
    with pytest.raises(Mismatch, match=sentence):
        opened(NpzSource(path="pets.npz"), tmp_path)


def test_a_truncated_npz_is_refused(tmp_path: Path) -> None:
    """A zip without its end is named as such."""
    stream = io.BytesIO()
    np.savez(stream, images=np.zeros((9, 4, 4), np.uint8), labels=np.zeros(9, int))
    put(tmp_path / "data/pets.npz", stream.getvalue()[:-40])
    with pytest.raises(Mismatch, match=r"npz pets.npz: not a NumPy archive"):
        opened(NpzSource(path="pets.npz"), tmp_path)


@pytest.mark.parametrize(("suffix", "pack"), [("", bytes), (".gz", gzip.compress)])
def test_idx_plain_or_packed_whatever_the_toml_says(tmp_path: Path, suffix: str, pack: type[bytes]) -> None:
    """The TOML's .gz also finds the unpacked file, and the other way round."""
    images = np.arange(3, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    put(tmp_path / f"data/m/i-ubyte{suffix}", pack(idx(images)))
    put(tmp_path / f"data/m/l-ubyte{suffix}", pack(idx(np.array([1, 1, 0], np.uint8))))
    for ending in ("", ".gz"):
        source = IdxSource(images=f"m/i-ubyte{ending}", labels=f"m/l-ubyte{ending}")
        assert seen(opened(source, tmp_path)) == [(0, 1), (1, 1), (2, 0)]


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40), st.booleans(), st.booleans())
def test_damaged_idx_files_are_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, headed: bool, packed: bool
) -> None:
    """No bytes behind any head are taken for images unless the sizes agree."""
    tmp_path = tmp_path_factory.mktemp("idx")
    content = b"\0\0\x08\x03" + content if headed else content
    put(tmp_path / "data/i", content)
    if packed:
        (tmp_path / "data/i").rename(tmp_path / "data/i.gz")
    put(tmp_path / "data/l", idx(np.zeros(1, np.uint8)))
    with pytest.raises((Mismatch, EmptyPool)):
        opened(IdxSource(images="i", labels="l"), tmp_path)
