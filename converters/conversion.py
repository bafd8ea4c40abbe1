"""What a converter is given and what it gives back: a source and wishes in, a `Conversion` out."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnx


@dataclass(frozen=True)
class Source:
    """What the user named: `text` as it was typed, and `path` (absolute, resolved) where it is a file or a folder."""

    text: str
    path: Path | None = None


@dataclass(frozen=True)
class Wishes:
    """What the user says beyond the source; what means nothing to a framework is refused by its row in the registry.

    `weights`: the file of the weights, or the folder, for a source that names only an architecture. `mean`: a mean file
    in the framework's own format. `mean_said`: the user gives the mean in numbers, so no file is looked for. `output`:
    the class scores among several outputs. `inputs`, `outputs`: tensor names of a graph that does not say them. `size`:
    [height, width] for networks that take any. `image_channels`: 1 or 3, for networks that take either. `classes`: how
    many, for a named architecture. `allow_code`: the user knows that opening this source runs code that it brings.
    """

    weights: Path | None = None
    mean: Path | None = None
    mean_said: bool = False
    output: str | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    image_channels: int | None = None
    classes: int | None = None
    allow_code: bool = False


class Reference(Protocol):
    """The source framework itself, ready to answer: `runtime` and `version` are named in the card."""

    @property
    def runtime(self) -> str:
        """The name of what runs the source, as "PyTorch"."""

    @property
    def version(self) -> str:
        """Its version."""

    def scores(self, inputs: np.ndarray) -> np.ndarray:
        """Scores [n, k] for inputs exactly as the converted model takes them (its dtype, its axes, n free)."""

    def layers(self, inputs: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """(tensor of the converted model, value in the source) in order of computation; nothing where unknown."""


@dataclass(frozen=True)
class Statement:
    """What a witness says: `scores_NC` [m, k] for the first m images, or None and in `remark` why there are none."""

    version: str = ""
    scores_NC: np.ndarray | None = None
    remark: str = ""


class Witness(Protocol):
    """Another runtime beside the source's own, which may be missing, refuse the source, be slow or crash."""

    @property
    def runtime(self) -> str:
        """The name of what answers, as "OpenCV"."""

    def answer(self, batches: Iterable[np.ndarray], seconds: float) -> Statement:
        """Its scores for inputs as the converted model takes them, as many as it answers within the time."""


@dataclass(frozen=True)
class Conversion:
    """A classifier of another framework as ONNX, and all that its files say about it.

    `model`: the source's graph, one image input as the source has it, n free. `stated` holds keys and values of an
    oracle's card (oracles.card.DroppedCard: classes, layout, channels, order, size, range, scale, mean, std, output,
    scores_kind) that the files say; `assumed` those that only the framework's custom suggests. `mean_image`: float32
    [h, w, c] or [c, h, w], 0..255, in the model's channel order. `files`: every file that was read, in order.
    `advice`: for a key that no file says, what to tell a user who does not say it either.
    `lent`: large weights that `model` refers to instead of holding them, by an external initializer's `location`.
    `reference`: the source framework on the same weights, or None, and then `unverified` says why and the way out.
    `witnesses`: further runtimes that can be asked for the same scores.
    """

    model: onnx.ModelProto
    framework: str
    files: tuple[Path, ...]
    stated: Mapping[str, Any] = field(default_factory=dict)
    assumed: Mapping[str, Any] = field(default_factory=dict)
    mean_image: np.ndarray | None = None
    lent: Mapping[str, np.ndarray] = field(default_factory=dict)
    reference: Reference | None = None
    unverified: str = ""
    witnesses: tuple[Witness, ...] = ()
    notes: tuple[str, ...] = ()
    advice: Mapping[str, str] = field(default_factory=dict)


Converter = Callable[[Source, Wishes], Conversion]
