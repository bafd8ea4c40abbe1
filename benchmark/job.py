"""What the referee hands to a thief, and what the thief brings back: JSON, checked on both ends."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from benchmark.cell import Cell


class StageJob(BaseModel):
    """One set to learn from: its images, how many may be asked, and whose labels teach."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["npdd", "pdd", "odd"]
    folder: Path
    taken_out: tuple[int, ...] = ()
    budget: int = 0
    labels: Literal["stolen", "original"]
    start: Path | None = None
    keep: Path | None = None


class Job(BaseModel):
    """A cell with all that its thief needs: never a test image, a score or an oracle."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cell: Cell
    stages: tuple[StageJob, ...]
    recipe: dict[str, Any]
    classes: int
    size: tuple[int, int]
    channels: Literal[1, 3]
    mirror: bool
    weights: Path | None = None
    asks_only: bool = False  # the attack plays, and nothing is built or trained


class StageLoot(BaseModel):
    """What one stage gave: the transfer set in figures, and how training went."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["npdd", "pdd", "odd"]
    images: int
    digest: str
    counts: tuple[int, ...]
    entropy: float
    never_seen: tuple[int, ...]
    picks: int
    training: dict[str, Any]
    ask_seconds: float
    train_seconds: float


class Loot(BaseModel):
    """What the thief brings back: the labels that its copycat gives to the test images, and how it got there."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    labels: np.ndarray
    stages: tuple[StageLoot, ...]
    knowledge: dict[str, Any]
    parameters: int
    predict_seconds: float
    peak_bytes: int
    threads: int
    warnings: tuple[str, ...] = ()
