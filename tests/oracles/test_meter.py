"""The meter: hand-worked budgets and bills, refusals, and any sequence of charges."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.meter import Bill, Meter
from oracles.refusals import BudgetSpent


def test_counts_down_to_the_last_image_and_refuses_the_one_after() -> None:
    """5000 may be asked, in any portions; the 5001st may not."""
    meter = Meter(5000, "digits")
    meter.charge(4988)
    assert (meter.asked, meter.left) == (4988, 12)
    with pytest.raises(BudgetSpent, match=r"^asked 64, 12 left of 5000 \(oracle digits\)$"):
        meter.charge(64)
    meter.charge(12)
    assert (meter.asked, meter.left) == (5000, 0)
    with pytest.raises(BudgetSpent, match=r"^asked 1, 0 left of 5000 \(oracle digits\)$"):
        meter.charge(1)


def test_a_refused_charge_costs_nothing() -> None:
    """All or nothing: what does not fit is not charged in part."""
    meter = Meter(10)
    with pytest.raises(BudgetSpent, match=r"^asked 11, 10 left of 10$"):
        meter.charge(11)
    assert (meter.asked, meter.left) == (0, 10)


def test_a_budget_of_nothing_allows_nothing_and_asking_nothing_is_free() -> None:
    """The smallest budget and the smallest request."""
    meter = Meter(0)
    meter.charge(0)
    with pytest.raises(BudgetSpent):
        meter.charge(1)


@pytest.mark.parametrize("make", [lambda: Meter(-1), lambda: Meter(3).charge(-1)])
def test_negative_numbers_are_refused(make: object) -> None:
    """A negative charge would give budget back."""
    with pytest.raises(ValueError, match="-1"):
        make()  # type: ignore[operator]


def test_the_bill_of_a_priced_oracle() -> None:
    """22,150 asked at $1.00 per 1000 and 600 a minute, 150 of them computed: $22.15, $0.15 and 36.9 minutes."""
    meter = Meter(30_000)
    meter.charge(22_150)
    meter.pay(150)
    bill = meter.bill(1.0, 600)
    assert bill == Bill(22_150, 150, pytest.approx(22.15), pytest.approx(0.15), pytest.approx(22_150 / 600))
    assert meter.bill(0.0, None) == Bill(22_150, 150, 0.0, 0.0, None)


@given(budget=st.integers(0, 50), charges=st.lists(st.integers(0, 20), max_size=20))
def test_no_sequence_of_charges_exceeds_the_budget_by_one(budget: int, charges: list[int]) -> None:
    """A plain sum, kept beside the meter, agrees with it at every step."""
    meter, spent = Meter(budget), 0
    for count in charges:
        if spent + count <= budget:
            meter.charge(count)
            spent += count
        else:
            with pytest.raises(BudgetSpent):
                meter.charge(count)
        assert (meter.asked, meter.left) == (spent, budget - spent)


def test_threads_share_a_budget_to_the_last_image() -> None:
    """Four threads that take what they can get, get the budget and no more."""
    meter, got = Meter(1000), []

    def take() -> None:
        for _ in range(400):
            try:
                meter.charge(1)
            except BudgetSpent:
                continue
            got.append(1)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), meter.left) == (1000, 0)
