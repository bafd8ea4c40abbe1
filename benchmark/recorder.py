"""Makes the record of a cell from what the thief brought, what the meter counted and what the test set says."""

from collections.abc import Iterator, Mapping

from benchmark.arena import Arena
from benchmark.cell import REGIMES, Cell, digest_of
from benchmark.images.stack import Stack
from benchmark.job import Loot, StageLoot
from benchmark.labelling import Labelling
from benchmark.matching import doubts
from benchmark.provenance import Provenance, provenance
from benchmark.records import (
    BillPaid,
    DataUsed,
    Failure,
    Knowledge,
    OracleUsed,
    Record,
    StageCost,
    Status,
    Training,
    TransferUsed,
)
from benchmark.scores import agreement, relative, score
from oracles.server import Ask


def done(cell: Cell, attempt: int, arena: Arena, loot: Loot, doors: Mapping[str, Ask]) -> Record:
    """The record of a cell played to its end: target and copycat scored on the same images by the same code."""
    truth_N, target_N = arena.test(cell).labels_N, arena.target_labels(cell)
    classes = len(arena.problem(cell.problem).classes)
    target, copycat = score(truth_N, target_N, classes), score(truth_N, loot.labels, classes)
    return Record(
        status="done",
        attempt=attempt,
        cell=cell,
        data=tuple(_data(cell, arena)),
        oracle=_oracle(cell, arena),
        transfer_sets=tuple(_transfer(stage) for stage in loot.stages),
        target=target,
        copycat=copycat,
        relative=relative(copycat, target),
        agreement=agreement(target_N, loot.labels),
        labelling=Labelling.of(truth_N, target_N, loot.labels),
        bill=_bill(cell, arena, doors),
        knowledge=_knowledge(cell, loot),
        training=tuple(_training(stage) for stage in loot.stages),
        parameters=loot.parameters,
        stages=tuple(_costs(loot, len(truth_N))),
        provenance=_provenance(arena, loot.threads),
        warnings=(*loot.warnings, *arena.oracle(cell).card.warnings, *_gaps(cell, arena)),
    )


def failed(
    cell: Cell, attempt: int, arena: Arena, status: Status, failure: Failure, doors: Mapping[str, Ask] | None = None
) -> Record:
    """The record of a cell without a result; what was paid is said even so."""
    return Record(
        status=status,
        attempt=attempt,
        cell=cell,
        bill=_bill(cell, arena, doors) if doors else None,
        error=failure,
        provenance=_provenance(arena, 1),
    )


def _data(cell: Cell, arena: Arena) -> Iterator[DataUsed]:
    for role in REGIMES[cell.regime].roles:
        yield _used(cell, arena, role, arena.role(cell.problem, role))  # type: ignore[arg-type]
    if cell.pool:
        yield _used(cell, arena, "pool", arena.pool(cell.problem, cell.pool))


def _used(cell: Cell, arena: Arena, role: str, stack: Stack | None) -> DataUsed:
    assert stack is not None  # noqa: S101 - a cell with missing data is never played
    manifest = stack.manifest
    return DataUsed(
        role=role,  # type: ignore[arg-type]
        source=manifest.source,
        stand_in=manifest.stand_in,
        paper=stack.paper,
        digest=manifest.digest,
        count=manifest.count,
        excluded=0 if role == "tdd" else len(arena.taken_out(cell, stack)),
    )


def _gaps(cell: Cell, arena: Arena) -> Iterator[str]:
    """What is odd about the images that the cell used, such as a class without any, or where they come from."""
    stacks = {role: arena.role(cell.problem, role) for role in REGIMES[cell.regime].roles}  # type: ignore[arg-type]
    for role, stack in stacks.items():
        yield from (f"{role.upper()} {warning}" for warning in (stack.manifest.warnings if stack else ()))
    yield from doubts(arena.problem(cell.problem), stacks)


def _oracle(cell: Cell, arena: Arena) -> OracleUsed:
    card = arena.oracle(cell).card
    return OracleUsed(
        name=cell.oracle,
        digest=arena.oracle(cell).digest,
        card_digest=digest_of(card.model_dump(mode="json")),
        classes=arena.problem(cell.problem).classes,  # of whose order the oracle's are; its card may not name them
        settings=dict(arena.server(cell).settings),
    )


def _transfer(stage: StageLoot) -> TransferUsed:
    return TransferUsed(
        stage=stage.name,
        digest=stage.digest,
        images=stage.images,
        counts_per_class=stage.counts,
        entropy=stage.entropy,
        never_seen=stage.never_seen,
        picks=stage.picks,
    )


def _training(stage: StageLoot) -> Training:
    summary = dict(stage.training)
    return Training(
        stage=stage.name,
        epochs=summary.pop("epochs", 0),
        image_passes=summary.pop("image_passes", 0),
        reused=summary.pop("reused", False),
        decisions={**summary.pop("decisions", {}), **summary},
    )


def _bill(cell: Cell, arena: Arena, doors: Mapping[str, Ask]) -> BillPaid:
    """Asked is what this attempt was charged; computed and paid are what the cell cost in all its attempts."""
    bills, card = [door.bill() for door in doors.values()], arena.oracle(cell).card
    minutes = [bill.minutes for bill in bills if bill.minutes is not None]
    computed = arena.server(cell).computed(cell.digest)
    return BillPaid(
        asked=sum(bill.asked for bill in bills),
        computed=computed,
        cost=float(sum(bill.cost for bill in bills)),
        paid=computed * card.price_per_1000 / 1000,
        price_per_1000=float(card.price_per_1000),
        minutes=float(sum(minutes)) if minutes else None,
    )


def _knowledge(cell: Cell, loot: Loot) -> Knowledge:
    regime = REGIMES[cell.regime]
    labels = "stolen" if regime.ranked else "original" if regime.original else "none"
    return Knowledge(
        pretrained=str(loot.knowledge.get("pretrained") or "none"),
        weights_sha256=loot.knowledge.get("weights_sha256"),
        pdd_images=sum(stage.images for stage in loot.stages if stage.name == "pdd"),
        labels=labels,  # type: ignore[arg-type]
    )


def _costs(loot: Loot, tests: int) -> Iterator[StageCost]:
    for stage in loot.stages:
        yield StageCost(
            stage=f"ask {stage.name}",
            seconds=stage.ask_seconds,
            images_per_second=_rate(stage.images, stage.ask_seconds),
        )
        passes = 0 if stage.training.get("reused") else int(stage.training.get("image_passes", 0))
        rate = _rate(passes, stage.train_seconds)
        yield StageCost(
            stage=f"train {stage.name}", seconds=stage.train_seconds, peak_bytes=loot.peak_bytes, images_per_second=rate
        )
    yield StageCost(stage="score", seconds=loot.predict_seconds, images_per_second=_rate(tests, loot.predict_seconds))


def _rate(images: int, seconds: float) -> float | None:
    return images / seconds if images and seconds > 0 else None


def _provenance(arena: Arena, threads: int) -> Provenance:
    return provenance(arena.device, threads)
