"""The meter of one session: counts what is asked and refuses, all or nothing, what the budget does not cover."""

import threading
from typing import NamedTuple

from oracles.refusals import BudgetSpent


class Bill(NamedTuple):
    """What a session has asked, and what that is worth at the oracle's price and pace.

    `asked` images were charged to the session; `computed` of them were run now, the others were known answers.
    `cost` is the price of all that was asked (what an attacker without our store pays), `paid` that of what was
    computed; `minutes` is the time that `asked` takes at the oracle's rate limit, None where there is no limit.
    """

    asked: int
    computed: int
    cost: float
    paid: float
    minutes: float | None


class Meter:
    """Counts up to `budget` images; `oracle` is the name in its refusal. Several threads may share one."""

    __slots__ = ("_asked", "_computed", "_lock", "_oracle", "budget")

    def __init__(self, budget: int, oracle: str = "") -> None:
        if budget < 0:
            raise ValueError(f"a budget of {budget} images; it must be 0 or more")
        self.budget = int(budget)
        self._oracle = oracle
        self._asked = 0
        self._computed = 0
        self._lock = threading.Lock()

    @property
    def asked(self) -> int:
        """How many images have been charged."""
        return self._asked

    @property
    def left(self) -> int:
        """How many images may still be asked."""
        return self.budget - self._asked

    def charge(self, count: int) -> None:
        """Charge `count` images, or raise BudgetSpent and charge none of them."""
        if count < 0:
            raise ValueError(f"{count} images cannot be charged")
        with self._lock:
            if count > self.budget - self._asked:
                whose = f" (oracle {self._oracle})" if self._oracle else ""
                raise BudgetSpent(f"asked {count}, {self.budget - self._asked} left of {self.budget}{whose}")
            self._asked += count

    def pay(self, count: int) -> None:
        """Note that `count` of the images charged had to be computed."""
        with self._lock:
            self._computed += count

    def bill(self, price_per_1000: float, requests_per_minute: float | None) -> Bill:
        """What has been asked so far, and what that is worth at this price and pace."""
        with self._lock:
            asked, computed = self._asked, self._computed
        return Bill(
            asked=asked,
            computed=computed,
            cost=asked * price_per_1000 / 1000,
            paid=computed * price_per_1000 / 1000,
            minutes=None if requests_per_minute is None else asked / requests_per_minute,
        )
