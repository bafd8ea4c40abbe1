"""What the leaderboard takes of a record: figures and sentences, without matrices and per-class scores."""

from dataclasses import dataclass

import numpy as np

from benchmark.cell import Cell
from benchmark.measures import Measured, measured
from benchmark.records import DataUsed, Record, Status

NAME_DIGITS = 8
"""Digits of a cell's digest that name its record on a leaderboard."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A transfer set in figures."""

    stage: str
    entropy: float
    never_seen: tuple[int, ...]
    classes: tuple[str, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """The results of a done record."""

    target_macro_f1: float
    measures: dict[str, Measured]
    silent: tuple[int, ...]  # classes of the test set that the copycat never says
    images: int
    asked: int
    cost: float
    image_passes: int | None  # of all stages; None where an older record does not say those of a reused copycat
    pretrained: str


@dataclass(frozen=True, slots=True)
class Played:
    """A record in short."""

    cell: Cell
    digest: str  # of the cell
    status: Status
    figures: Figures | None
    why: str | None
    tdd_source: str | None
    pool_source: str | None
    stand_ins: tuple[str, ...]
    classes: tuple[str, ...]
    transfer_sets: tuple[Asked, ...]
    warnings: tuple[str, ...]
    made_with: str  # what besides the cell may move a number
    data: tuple[DataUsed, ...] = ()

    @property
    def name(self) -> str:
        """The first digits of the cell's digest."""
        return self.digest[:NAME_DIGITS]


def take(record: Record) -> Played:
    """The record in short."""
    classes = record.oracle.classes if record.oracle else ()
    return Played(
        cell=record.cell,
        digest=record.cell.digest,
        status=record.status,
        figures=_figures(record),
        why=record.error.sentence if record.error else None,
        tdd_source=next((data.source for data in record.data if data.role == "tdd"), None),
        pool_source=next((data.source for data in record.data if data.role == "pool"), None),
        stand_ins=tuple(f"{data.role}: {data.source}" for data in record.data if data.stand_in),
        classes=classes,
        transfer_sets=tuple(
            Asked(used.stage, used.entropy, used.never_seen, classes, used.counts_per_class)
            for used in record.transfer_sets
        ),
        warnings=record.warnings,
        made_with=_made_with(record),
        data=record.data,
    )


def _made_with(record: Record) -> str:
    precisions = {
        str(training.decisions["precision"]) for training in record.training if "precision" in training.decisions
    }
    torch = record.provenance.versions.get("torch", "unknown")
    return ", ".join([record.provenance.device, *sorted(precisions), f"torch {torch}"])


def _figures(record: Record) -> Figures | None:
    if not (record.target and record.copycat and record.relative and record.bill and record.knowledge):
        return None
    assert record.labelling is not None  # noqa: S101 - every done record has one
    matrix_CC = record.copycat.confusion_CC()
    return Figures(
        target_macro_f1=record.target.macro_f1,
        measures=measured(record.target, record.copycat, record.relative, record.labelling),
        silent=tuple(np.flatnonzero((matrix_CC.sum(axis=1) > 0) & (matrix_CC.sum(axis=0) == 0)).tolist()),
        images=record.copycat.images,
        asked=record.bill.asked,
        cost=record.bill.cost,
        image_passes=_image_passes(record),
        pretrained=record.knowledge.pretrained,
    )


def _image_passes(record: Record) -> int | None:
    unsaid = any(stage.reused and not stage.image_passes for stage in record.training)
    return None if unsaid else sum(stage.image_passes for stage in record.training)
