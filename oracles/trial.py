"""First runs of a foreign model on probe images: its scores one by one, and how a sealed file compares."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from onnx import ModelProto

from oracles import outputs
from oracles.card import DroppedCard, Preprocessing
from oracles.contract import INPUT, LABELS, SCORES
from oracles.lent import NOTHING, Lent
from oracles.outputs import Candidate, Chosen
from oracles.preprocessing import Shape, alone
from oracles.refusals import ModelRefused
from oracles.rewrite import prune, set_outputs
from oracles.runtime import Session, open_session

PROBES = 6
Comparison = Literal["same", "unlike"]


def probe_images(height: int, width: int, count: int = PROBES) -> np.ndarray:
    """Images uint8 [count, h, w, 3] that every trial uses: noise, flat grey, ramps, soft blobs and strokes."""
    rng = np.random.default_rng(20_261_121)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    rows, columns = rows / max(height - 1, 1), columns / max(width - 1, 1)
    noise = rng.integers(0, 256, (height, width, 3))
    flat = np.full((height, width, 3), 128)
    ramp = np.stack([255 * rows, 255 * columns, 255 * (1 - rows)], axis=2)
    blob = 255 * np.exp(-((rows - 0.5) ** 2 + (columns - 0.4) ** 2) / 0.03)[..., None].repeat(3, axis=2)
    stroke = 255 * ((np.abs(columns - 0.5) < 0.08) & (np.abs(rows - 0.5) < 0.35))[..., None].repeat(3, axis=2)
    mixed = 0.5 * noise + 0.5 * blob[..., ::-1]
    stack = np.stack([noise, stroke, ramp, blob, mixed, flat])
    return np.resize(np.clip(stack, 0, 255).astype(np.uint8), (count, height, width, 3))


@dataclass(frozen=True)
class Trial:
    """A source model in a session, its preprocessing in another, and what they gave for the probe images."""

    operators: frozenset[str]
    input: str
    batch: int | None
    candidates: tuple[Candidate, ...]
    session: Session
    images_NHWC: np.ndarray
    prepared_N: np.ndarray
    values: tuple[np.ndarray | None, ...]
    chosen: Chosen
    lent: Lent = field(default_factory=dict)

    def at_once(self, start: int, count: int) -> np.ndarray | None:
        """What the chosen tensor gives for some probe images in one batch; None where the shape is another one."""
        tensor = self.chosen.candidate.tensor
        (array,) = self.session.run([tensor], {self.input: self.prepared_N[start : start + count]})
        return _read(self.chosen.candidate, array, count)

    def repeats(self) -> bool:
        """Whether a second run gives the first one's numbers for the first two probe images."""
        again = one_by_one(self.session, self.input, (self.chosen.candidate,), self.prepared_N[:2], self.batch)[0]
        before = self.chosen.labels_N if self.chosen.scores_NC is None else self.chosen.scores_NC
        return again is not None and np.array_equal(again, before[:2], equal_nan=again.dtype.kind == "f")


def start(
    source: ModelProto,
    view: tuple[str, int | None, Shape],
    how: Preprocessing,
    card: DroppedCard,
    mean: np.ndarray | None,
    lent: Lent = NOTHING,
) -> Trial:
    """Run the source on the probe images, one by one (or in its fixed batch), and choose its class scores.

    `view`: the input's name, fixed batch and shape. Raises what onnxruntime says (OracleFailed) and outputs.choose.
    """
    name, batch, shape = view
    found = outputs.candidates(source)
    exposed = ModelProto()
    exposed.CopyFrom(source)
    tensors = [candidate.tensor for candidate in found]
    set_outputs(exposed, tensors)
    prune(exposed, tensors)
    session = open_session(exposed, device="cpu", lent=lent)
    operators = frozenset(node.op_type for node in exposed.graph.node)
    del exposed  # models may have gigabytes
    images_NHWC = probe_images(*how.size)
    preparation = open_session(alone(how, shape, source, mean).SerializeToString(), device="cpu")
    (prepared_N,) = preparation.run(None, {INPUT: images_NHWC})
    values = one_by_one(session, name, found, prepared_N, batch)
    chosen = outputs.choose(found, values, card)
    return Trial(operators, name, batch, found, session, images_NHWC, prepared_N, tuple(values), chosen, lent)


def one_by_one(
    session: Session, name: str, found: Sequence[Candidate], prepared_N: np.ndarray, batch: int | None
) -> list[np.ndarray | None]:
    """Scores [n, k] or labels [n] of each candidate: one image a run, or `batch` with the last one repeated."""
    step = batch or 1
    parts: list[list[np.ndarray | None]] = [[] for _ in found]
    for at in range(0, len(prepared_N), step):
        piece = prepared_N[at : at + step]
        padded = np.concatenate([piece, np.repeat(piece[-1:], step - len(piece), axis=0)])
        arrays = session.run([candidate.tensor for candidate in found], {name: padded})
        for part, candidate, array in zip(parts, found, arrays, strict=True):
            rows = _read(candidate, array, step)
            part.append(None if rows is None else rows[: len(piece)])
    return [_joined(part) for part in parts]


def _read(candidate: Candidate, array: object, count: int) -> np.ndarray | None:
    return outputs.as_rows(array, count) if candidate.kind == "scores" else outputs.as_labels(array, count)


def _joined(parts: Sequence[np.ndarray | None]) -> np.ndarray | None:
    arrays = [part for part in parts if part is not None]
    same = len(arrays) == len(parts) and len({array.shape[1:] for array in arrays}) == 1
    return np.concatenate(arrays) if same else None


def run_sealed(session: Session, images_NHWC: np.ndarray, batch: int | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Labels [n] and scores [n, k] (None without) of an oracle file, in batches of 3, 2 and 1, or its fixed batch.

    Raises ModelRefused when labels are not the arg max of the scores, ties to the lowest, or shapes are wrong.
    """
    labels: list[np.ndarray] = []
    scores: list[np.ndarray] = []
    at, steps = 0, [batch] if batch else [3, 2, 1]
    wanted = [output.name for output in session.outputs]
    while at < len(images_NHWC):
        step = steps[min(len(labels), len(steps) - 1)]
        piece = images_NHWC[at : at + step]
        at += step
        padded = np.concatenate([piece, np.repeat(piece[-1:], step - len(piece), axis=0)]) if batch else piece
        given = dict(zip(wanted, session.run(wanted, {INPUT: padded}), strict=True))
        labels.append(_checked(given, len(padded))[: len(piece)])
        if SCORES in given:
            scores.append(given[SCORES][: len(piece)])
    return np.concatenate(labels), np.concatenate(scores) if scores else None


def _checked(given: dict[str, np.ndarray], count: int) -> np.ndarray:
    labels = given[LABELS]
    if labels.shape != (count,) or labels.dtype != np.int64:
        raise ModelRefused(
            f"{count} images gave labels {labels.dtype} {list(labels.shape)}; its batch axis is not free"
        )
    scores = given.get(SCORES)
    if scores is not None:
        if scores.ndim != 2 or len(scores) != count or scores.dtype != np.float32:
            raise ModelRefused(
                f"{count} images gave scores {scores.dtype} {list(scores.shape)}; its batch axis is not free"
            )
        sound = ~np.isnan(scores).any(axis=1)
        if not np.array_equal(labels[sound], scores[sound].argmax(axis=1)):
            raise ModelRefused("its labels are not the arg max of its scores, ties to the lowest; seal it again")
    return labels


def alike(sealed: np.ndarray | None, labels_N: np.ndarray, chosen: Chosen) -> bool:
    """Whether sealed scores and labels are the source's, to within the rounding of another batch size."""
    if chosen.scores_NC is None or sealed is None:
        return np.array_equal(labels_N, chosen.labels_N)
    want = chosen.scores_NC
    if sealed.shape != want.shape:
        return False
    finite = want[np.isfinite(want)]
    size = float(np.abs(finite).max()) if finite.size else 1.0
    if not np.allclose(sealed, want, rtol=1e-3, atol=1e-4 * size, equal_nan=True):
        return False
    ordered = np.sort(want, axis=1)
    with np.errstate(invalid="ignore"):
        clear = (ordered[:, -1] - ordered[:, -2]) > 1e-3 * size
    return np.array_equal(labels_N[clear], chosen.labels_N[clear])
