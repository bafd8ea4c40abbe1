"""One cell: a frozen combination of everything that decides a result, with its digest and its random generators."""

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(min_length=1)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32,64}$")]

BALANCES = ("none", "downsample", "replicate", "sqrt")
"""How classes of a transfer set may be evened out (see copycats.balance)."""

PRETRAINED = ("never", "auto", "require")
"""Whether a copycat starts from published weights: no; if this machine has them; only with them."""


@dataclass(frozen=True)
class Regime:
    """Which sets train the copycat, and so what the attacker has."""

    name: str
    about: str
    knows: str  # what the attacker holds, in words for the leaderboard
    trains: bool = True
    asks_npdd: bool = False
    asks_pdd: bool = False
    original: Literal["pdd", "odd"] | None = None  # the role whose original labels train the copycat

    @property
    def ranked(self) -> bool:
        """Whether it is an attack; the others (untrained, original labels) are baselines without a rank."""
        return self.asks_npdd or self.asks_pdd

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles whose images it needs, the test set included."""
        return ("tdd", *(("pdd",) if self.asks_pdd else ()), *((self.original,) if self.original else ()))


REGIMES: dict[str, Regime] = {
    regime.name: regime
    for regime in (
        Regime("untrained", "fresh weights, scored as they are", "nothing", trains=False),
        Regime("npdd-sl", "natural images with stolen labels", "natural images", asks_npdd=True),
        Regime(
            "npdd-sl+pdd-sl",
            "natural images with stolen labels, then fine-tuned on images of the domain with stolen labels",
            "natural images and images of the domain",
            asks_npdd=True,
            asks_pdd=True,
        ),
        Regime("pdd-sl", "images of the domain with stolen labels", "images of the domain", asks_pdd=True),
        Regime(
            "pdd-ol", "images of the domain with their original labels", "labelled images of the domain", original="pdd"
        ),
        Regime("odd-ol", "the target's own training set with its labels", "the target's training set", original="odd"),
    )
}
"""Cheap ones first; the order is the one in which a suite plays them (npdd-sl before what fine-tunes it)."""


def canonical(value: object) -> bytes:
    """`value` as JSON with sorted keys, no white space and ASCII only: equal values give equal bytes everywhere.

    Raises ValueError for a NaN or an infinity, which JSON does not have.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def digest_of(value: object) -> str:
    """sha-256 (hex) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value)).hexdigest()


class Cell(BaseModel):
    """One combination that is played once; `None` and 0 stand where its regime leaves an axis unused.

    A digest is also None where its data is missing on this machine; such a cell can be recorded, not played.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: Literal[1] = 1  # raised when attacks, architectures or training come to give other numbers
    problem: Name
    problem_digest: Digest | None = None  # of classes, size, colour, symmetry and version
    tdd_digest: Digest | None
    pdd_digest: Digest | None = None
    odd_digest: Digest | None = None
    oracle: Name
    oracle_digest: Digest | None  # None: no oracle of the problem is at hand
    attack: Name | None = None
    pool: Name | None = None
    pool_digest: Digest | None = None
    regime: Literal["untrained", "npdd-sl", "npdd-sl+pdd-sl", "pdd-sl", "pdd-ol", "odd-ol"]
    balance: Literal["none", "downsample", "replicate", "sqrt"] = "none"
    copycat: Name
    pretrained: Literal["never", "auto", "require"] = "never"
    weights_digest: Digest | None = None
    recipe: Name | None = None
    recipe_digest: Digest | None = None
    budget: Annotated[int, Field(ge=0, description="images of the pool that may be asked")] = 0
    pdd_budget: Annotated[int, Field(ge=0, description="images of the PDD that may be asked")] = 0
    seed: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _fits_its_regime(self) -> Self:
        regime = REGIMES[self.regime]
        if regime.asks_npdd != (self.pool is not None) or regime.asks_npdd != (self.attack is not None):
            raise ValueError(f"regime {self.regime} {'needs' if regime.asks_npdd else 'has no'} pool and attack")
        if regime.asks_npdd != (self.budget > 0):
            raise ValueError(f"regime {self.regime} and a budget of {self.budget} do not fit each other")
        if self.pdd_budget and not regime.asks_pdd:
            raise ValueError(f"regime {self.regime} and a PDD budget of {self.pdd_budget} do not fit each other")
        if regime.trains != (self.recipe is not None):
            raise ValueError(f"regime {self.regime} {'needs a' if regime.trains else 'has no'} recipe")
        return self

    @property
    def digest(self) -> str:
        """sha-256 (hex) of the canonical JSON of all fields: the cell's name everywhere."""
        return digest_of({name: getattr(self, name) for name in type(self).model_fields})

    def rng(self, purpose: str) -> np.random.Generator:
        """A fresh generator for one purpose; the same cell and purpose always give the same numbers.

        Two purposes derive from less than the whole cell, so that cells that differ elsewhere ask the same images:
        "attack" from (pool digest, seed) and "pdd" from (PDD digest, seed). Budgets are therefore nested prefixes;
        oracles, copycats, recipes and regimes are compared on paired transfer sets, and attacks on the same chance.
        Every other purpose ("weights", "balance", "training", ...) derives from the cell's digest.
        """
        if purpose == "attack":
            # every attack draws as `random` does: two that draw alike and ask otherwise ask about the same images
            origin: list[object] = [purpose, "random", self.pool_digest, self.seed]
        elif purpose == "pdd":
            origin = [purpose, self.pdd_digest, self.seed]
        else:
            origin = [purpose, self.digest]
        # PCG64 by name: what default_rng means may change between versions of NumPy
        return np.random.Generator(np.random.PCG64(int(digest_of(origin), 16)))

    def first_stage(self) -> "Cell | None":
        """The npdd-sl cell whose copycat this one fine-tunes, or None where nothing is fine-tuned."""
        regime = REGIMES[self.regime]
        if not (regime.asks_npdd and regime.asks_pdd):
            return None
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return Cell(**{**fields, "regime": "npdd-sl", "pdd_digest": None, "pdd_budget": 0})

    @property
    def missing(self) -> tuple[str, ...]:
        """What this cell needs and this machine does not have: "oracle", role names and "pool"."""
        needed = [(what, getattr(self, f"{what}_digest")) for what in ("oracle", *REGIMES[self.regime].roles)]
        if self.pool is not None and self.oracle_digest is not None:  # without an oracle no pool is opened
            needed.append(("pool", self.pool_digest))
        return tuple(what for what, digest in needed if digest is None)
