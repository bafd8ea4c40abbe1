"""Made-up cells and records, complete and deterministic, for the tests of records, ledger and leaderboard."""

import hashlib
from functools import cache
from typing import Any

import numpy as np

from benchmark.cell import REGIMES, Cell
from benchmark.labelling import Labelling
from benchmark.provenance import Provenance
from benchmark.records import (
    BillPaid,
    DataUsed,
    Failure,
    Knowledge,
    OracleUsed,
    Record,
    StageCost,
    Training,
    TransferUsed,
)
from benchmark.scores import Relative, Scores, agreement, relative, score

CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def digest(text: str) -> str:
    """A sha-256 that stands for a file."""
    return hashlib.sha256(text.encode()).hexdigest()


def cell(regime: str = "npdd-sl", **other: Any) -> Cell:
    """A cell of the regime; `other` changes fields."""
    table = REGIMES[regime]
    fields: dict[str, Any] = {
        "problem": "digits10",
        "tdd_digest": digest("tdd"),
        "oracle": "lenet",
        "oracle_digest": digest(other.get("oracle", "lenet")),
        "regime": regime,
        "copycat": "resnet18",
        "seed": 0,
    }
    if table.trains:
        fields |= {"recipe": "paper", "recipe_digest": digest("paper")}
    if table.asks_npdd:
        fields |= {"attack": "random", "pool": "natural", "pool_digest": digest("natural"), "budget": 1000}
    if table.asks_pdd:
        fields |= {"pdd_digest": digest("pdd"), "pdd_budget": 200}
    if table.original:
        fields[f"{table.original}_digest"] = digest(table.original)
    return Cell(**{**fields, **other})


def labels(share: float, seed: int = 0, images: int = 500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Truth, a target that is right on 95 % of the images, and a copycat that is right on `share` of them."""
    rng = np.random.default_rng(seed)
    truth_N = np.arange(images) % 10
    wrong_N = (truth_N + rng.integers(1, 10, images)) % 10
    target_N = np.where(np.arange(images) < images * 0.95, truth_N, (truth_N + 1) % 10)
    copycat_N = np.where(rng.random(images) < share, truth_N, wrong_N)
    return truth_N, target_N, copycat_N


def scores(share: float, seed: int = 0, images: int = 500) -> tuple[Scores, Scores, float]:
    """Scores of the target and of the copycat of `labels`, and their agreement."""
    truth_N, target_N, copycat_N = labels(share, seed, images)
    return score(truth_N, target_N, 10), score(truth_N, copycat_N, 10), agreement(target_N, copycat_N)


@cache
def _scored(share: float, seed: int) -> tuple[Scores, Scores, float, Relative, Labelling]:
    target, copycat, agreed = scores(share, seed)
    return target, copycat, agreed, relative(copycat, target), Labelling.of(*labels(share, seed))


def data_used(of: Cell, *, stand_in: bool = True) -> tuple[DataUsed, ...]:
    """Data sources that fit the cell."""
    roles = [
        DataUsed(role=role, source=f"builtin digits/{role} v1", stand_in=stand_in, digest=digest(role), count=500)
        for role in REGIMES[of.regime].roles
    ]
    if of.pool:
        roles.append(
            DataUsed(
                role="pool", source="folder natural", stand_in=False, digest=digest("pool"), count=40_000, excluded=3
            )
        )
    return tuple(roles)


def transfer_used(stage: str, images: int, never_seen: tuple[int, ...] = ()) -> TransferUsed:
    """A transfer set of that size in which some classes never occur."""
    counts = tuple(0 if label in never_seen else images // (10 - len(never_seen)) for label in range(10))
    return TransferUsed(
        stage=stage,
        digest=digest(f"{stage}{images}"),
        images=images,
        counts_per_class=counts,
        entropy=round(1 - 0.08 * len(never_seen), 2),
        never_seen=never_seen,
        picks=images,
    )


def provenance() -> Provenance:
    """A provenance that does not depend on the machine."""
    return Provenance(
        versions={"numpy": "2.4", "torch": "2.15"},
        python="CPython 3.11.7",
        platform="Linux",
        machine="x86_64, some processor, 2 cores",
        device="cpu",
        threads=1,
        commit=None,
        dirty=None,
    )


def record(of: Cell, share: float = 0.9, *, never_seen: tuple[int, ...] = (), stand_in: bool = True) -> Record:
    """A done record of the cell."""
    table = REGIMES[of.regime]
    target, copycat, agreed, ratio, labelling = _scored(share, of.seed)
    asked = of.budget + of.pdd_budget
    stages = [stage for stage, used in (("npdd", table.asks_npdd), ("pdd", table.asks_pdd)) if used]
    labels = "stolen" if stages else "original" if table.original else "none"
    return Record(
        status="done",
        cell=of,
        data=data_used(of, stand_in=stand_in),
        oracle=OracleUsed(
            name=of.oracle,
            digest=of.oracle_digest,
            card_digest=digest("card"),
            classes=CLASSES,
            settings={"threads": 1},
        ),
        transfer_sets=tuple(
            transfer_used(stage, of.budget if stage == "npdd" else of.pdd_budget, never_seen if stage == "npdd" else ())
            for stage in stages
        ),
        target=target,
        copycat=copycat,
        relative=ratio,
        agreement=agreed,
        labelling=labelling,
        bill=BillPaid(asked=asked, computed=asked // 2, cost=asked / 1000, paid=asked / 2000, price_per_1000=1.0),
        knowledge=Knowledge(
            pretrained="none" if of.pretrained == "never" else "a1_in1k", pdd_images=of.pdd_budget, labels=labels
        ),
        training=tuple(Training(stage=stage, epochs=5, image_passes=5 * asked) for stage in stages),
        parameters=11_000_000,
        stages=(StageCost(stage="score", seconds=0.5, peak_bytes=10**9),),
        provenance=provenance(),
    )


def failed(of: Cell, sentence: str, *, status: str = "failed", kind: str = "LossNotFinite") -> Record:
    """A record of a cell that gave nothing."""
    return Record(
        status=status, cell=of, data=data_used(of), error=Failure(kind=kind, sentence=sentence), provenance=provenance()
    )
