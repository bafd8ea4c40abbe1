"""The ways of balancing against cases worked by hand, and what holds for all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copycats.balance import BALANCES, balance
from copycats.refusals import UnknownBalance
from copycats.transfer_set import TransferSet

# class 0 nine times, class 1 four times, class 3 once, class 2 never
BY_HAND = np.repeat([0, 1, 3], [9, 4, 1])


def balanced(labels: np.ndarray, how: str, seed: int = 0, classes: int = 4) -> TransferSet:
    """A transfer set of tiny images with these labels, balanced."""
    pixels = np.zeros((len(labels), 1, 1, 3), np.uint8)
    return balance(TransferSet(pixels, labels.astype(np.int64), classes), how, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("how", "counts"),
    [
        ("none", [9, 4, 0, 1]),
        ("downsample", [1, 1, 0, 1]),
        ("replicate", [4, 4, 0, 4]),  # 14 // 3
        ("sqrt", [7, 5, 0, 2]),  # 14 * (3, 2, 1) / 6 = 7, 4.67, 2.33
    ],
)
def test_counts_by_hand(how: str, counts: list[int]) -> None:
    """Each way gives the class counts that paper and pencil give."""
    assert balanced(BY_HAND, how).counts_C.tolist() == counts


def test_replicate_repeats_then_cuts_as_the_paper_does() -> None:
    """A frequent class loses images, none doubled; three images wanted seven times are drawn from three copies each."""
    found = balanced(np.repeat([0, 1], [11, 3]), "replicate", classes=2)
    kept, repeated = found.picks_M[:7], found.picks_M[7:]
    assert len(set(kept.tolist())) == 7
    assert np.bincount(repeated - 11, minlength=3).max() <= 3
    assert len(repeated) == 7


def test_sqrt_repeats_evenly() -> None:
    """Within a class no image occurs two times more than another."""
    found = balanced(np.repeat([0, 1], [100, 3]), "sqrt", classes=2)
    times = np.bincount(found.picks_M, minlength=103)[100:]
    assert found.counts_C.tolist() == [88, 15]  # 103 * (10, 1.732) / 11.732 = 87.79, 15.21
    assert times.tolist() == [5, 5, 5]


@pytest.mark.parametrize("how", BALANCES)
@given(labels=st.lists(st.integers(0, 5), min_size=1, max_size=80), seed=st.integers(0, 9))
def test_holds_for_every_balance(how: str, labels: list[int], seed: int) -> None:
    """No class appears or vanishes, none grows the set, labels stay with their images, and the same seed repeats."""
    given_labels = np.array(labels)
    found, again = (balanced(given_labels, how, seed, classes=6) for _ in range(2))
    before = np.bincount(given_labels, minlength=6)
    assert 0 < len(found) <= len(labels)
    assert np.array_equal(found.counts_C > 0, before > 0)
    assert np.array_equal(found.stolen_M, given_labels[found.picks_M])
    assert np.array_equal(found.picks_M, again.picks_M)
    if how == "sqrt":
        assert len(found) == len(labels)
    if how in ("downsample", "replicate"):
        assert len(set(found.counts_C[found.counts_C > 0].tolist())) == 1


@pytest.mark.parametrize("how", BALANCES)
def test_leaves_an_empty_set_alone_and_shares_the_images(how: str) -> None:
    """Nothing to balance is no error; images are never copied."""
    assert len(balanced(np.arange(0), how)) == 0
    whole = TransferSet(np.zeros((3, 1, 1, 3), np.uint8), np.array([0, 0, 1]), 2)
    assert balance(whole, how, np.random.default_rng(0)).images_NHWC is whole.images_NHWC


def test_unknown_balance_names_the_nearest() -> None:
    """A mistyped balance is refused with the nearest name."""
    with pytest.raises(UnknownBalance, match=r"unknown balance 'downsampl'\. Did you mean 'downsample'\?"):
        balanced(BY_HAND, "downsampl")
