"""What a transfer set counts, digests and refuses."""

import math

import numpy as np
import pytest

from copycats.refusals import BadTransferSet
from copycats.transfer_set import TransferSet


def images(count: int) -> np.ndarray:
    """Different images of 2x2 pixels."""
    return np.random.default_rng(0).integers(0, 256, (count, 2, 2, 3)).astype(np.uint8)


def test_counts_entropy_and_never_seen_by_hand() -> None:
    """Two classes of two and one image among four: entropy is that of shares 2/3 and 1/3 over ln 4."""
    found = TransferSet(images(3), np.array([2, 0, 2]), classes=4)
    assert found.counts_C.tolist() == [1, 0, 2, 0]
    assert found.entropy == pytest.approx((math.log(3) - 2 / 3 * math.log(2)) / math.log(4))
    assert found.never_seen == (1, 3)


def test_entropy_at_its_ends() -> None:
    """Equal shares give 1, one class gives 0, an empty set no number."""
    assert TransferSet(images(4), np.arange(4), classes=4).entropy == pytest.approx(1)
    assert TransferSet(images(4), np.zeros(4, np.int64), classes=4).entropy == 0
    assert math.isnan(TransferSet(images(0), np.arange(0), classes=4).entropy)


def test_digest_depends_on_what_trains_and_on_nothing_else() -> None:
    """Another label, pixel, order or class count changes the digest; images that are not picked do not."""
    pixels, labels = images(4), np.array([0, 1, 0, 1])
    base = TransferSet(pixels, labels, 2, np.array([0, 1, 1])).digest
    brighter = pixels.copy()
    brighter[1] ^= 1
    untouched = pixels.copy()
    untouched[3] ^= 1
    assert TransferSet(pixels.copy(), labels, 2, np.array([0, 1, 1])).digest == base
    assert TransferSet(untouched, labels, 2, np.array([0, 1, 1])).digest == base
    assert TransferSet(brighter, labels, 2, np.array([0, 1, 1])).digest != base
    assert TransferSet(pixels, 1 - labels, 2, np.array([0, 1, 1])).digest != base
    assert TransferSet(pixels, labels, 2, np.array([1, 0, 1])).digest != base
    assert TransferSet(pixels, labels, 3, np.array([0, 1, 1])).digest != base


def test_takes_a_whole_pool_of_which_some_were_asked() -> None:
    """Images without label (-1) are allowed as long as they are not picked."""
    found = TransferSet(images(4), np.array([-1, 1, -1, 0]), 2, np.array([1, 3]))
    assert found.stolen_M.tolist() == [1, 0]
    assert len(found) == 2


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ((images(2).astype(np.float32), np.arange(2), 2), r"images are float32 \[2, 2, 2, 3\]\. Give uint8"),
        ((images(2)[..., :1], np.arange(2), 2), r"images are uint8 \[2, 2, 2, 1\]\. Give uint8"),
        ((images(2), np.arange(3), 3), r"2 images, but labels are int64 \[3\]\. Give one"),
        ((images(2), np.zeros(2), 3), r"2 images, but labels are float64 \[2\]\. Give one"),
        ((images(2), np.array([0, 5]), 3), r"labels reach from 0 to 5, with 3 classes\. Give labels that"),
        ((images(2), np.array([0, -1]), 3), r"labels reach from -1 to 0, with 3 classes"),
        (
            (images(2), np.arange(2), 2, np.array([0, 2])),
            r"picks reach from 0 to 2, but there are 2 images\. Pick among",
        ),
        ((images(2), np.arange(2), 2, np.array([0.5])), r"picks are float64 \[1\]\. Give integers"),
    ],
)
def test_refuses_parts_that_do_not_belong_together(parts: tuple[np.ndarray, ...], sentence: str) -> None:
    """Wrong types, shapes and ranges are named with their values."""
    with pytest.raises(BadTransferSet, match=sentence):
        TransferSet(*parts)
