"""The compact form of labels: whole, and refused otherwise."""

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark.labelling import Labelling, pack_labels, unpack_labels


@given(st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=300))
def test_what_was_packed_comes_back(labels: list[int]) -> None:
    labels_N = np.array(labels)
    assert unpack_labels(pack_labels(labels_N), len(labels)).tolist() == labels


def test_packed_labels_are_little_endian_two_byte_numbers() -> None:
    assert zlib.decompress(base64.b64decode(pack_labels(np.array([1, 258])))) == b"\x01\x00\x02\x01"


@pytest.mark.parametrize("labels", [[-1], [2**16]])
def test_a_label_that_does_not_fit_is_refused(labels: list[int]) -> None:
    with pytest.raises(ValueError, match="0..65535"):
        pack_labels(np.array(labels))


@pytest.mark.parametrize(
    "text",
    [
        "no base64!",
        base64.b64encode(b"no zlib").decode(),
        pack_labels(np.arange(4)),
        pack_labels(np.arange(6)),
        base64.b64encode(zlib.compress(bytes(10))[:-3]).decode(),
        base64.b64encode(zlib.compress(bytes(50_000_000))).decode(),
    ],
    ids=["base64", "zlib", "fewer", "more", "cut", "bomb"],
)
def test_other_texts_than_those_of_so_many_images_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="packed labels"):
        unpack_labels(text, 5)


def test_a_labelling_holds_three_equally_long_columns() -> None:
    truth_N, target_N, copycat_N = np.array([0, 1, 2]), np.array([0, 1, 1]), np.array([2, 1, 0])
    labelling = Labelling.of(truth_N, target_N, copycat_N)
    assert [column.tolist() for column in labelling.arrays()] == [[0, 1, 2], [0, 1, 1], [2, 1, 0]]
    with pytest.raises(ValidationError, match="those of 3 images"):
        Labelling(images=3, truth=labelling.truth, target=labelling.target, copycat=pack_labels(np.array([1])))
