"""Proof that an oracle file is its source: both answer the same images, and the card says how they compare."""

import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx

from benchmark.images.opening import open_stack
from benchmark.images.sources import BuiltinSource
from benchmark.images.stack import Stack
from benchmark.places import Places
from benchmark.provenance import digest_file
from benchmark.refusals import Refused
from benchmark.scores import score
from converters.conversion import Reference, Statement
from converters.conversion import Witness as Asked
from converters.parity import ENOUGH, Agreement, compare, first_difference
from converters.refusals import ParityFailed
from oracles.card import Card, Measured, Parity, Witness
from oracles.contract import INPUT, LABELS, SCORES
from oracles.lent import Lent
from oracles.plain import prepare
from oracles.refusals import OracleRefused
from oracles.rewrite import prune, set_outputs
from oracles.runtime import Session, open_session
from oracles.server import resized

BATCH = 32
IMAGES = 1_000
SECONDS = 60.0
PATIENCE = 5.0  # seconds without a word
FEW_IMAGES = 100
LARGE = 1e-2  # of the largest score
REFERENCE_BYTES = 4 << 30
_SIDE = 64  # the natural images are drawn at this side and resized


@dataclass(frozen=True)
class Images:
    """Images for a parity run, uint8 RGB [n, h, w, 3] of the oracle's size, and where they come from."""

    images_NHWC: np.ndarray
    source: str


def natural_images(size: tuple[int, int], count: int, places: Places, say: Callable[[str], None]) -> Images:
    """Drawn images with natural statistics: they need no data set, and reach every part of a classifier."""
    source = BuiltinSource(renderer="natural", style="mixed", count=count, stand_in=False)
    stack = open_stack(source, size=(_SIDE, _SIDE), colour="rgb", classes=None, places=places, say=say)
    return Images(resized(np.asarray(stack.images_NHWC), size), source.text)


def mixed_images(tdd: Stack | None, natural: Images, size: tuple[int, int], count: int) -> Images:
    """Half of the test set's images, evenly spaced, and the natural ones; only these where there is no test set."""
    if tdd is None:
        return natural
    picks = np.linspace(0, len(tdd) - 1, min(len(tdd), count // 2), dtype=np.int64)
    images_NHWC = resized(np.asarray(tdd.images_NHWC[picks]), size)
    rest_NHWC = natural.images_NHWC[: count - len(picks)]
    return Images(np.concatenate([images_NHWC, rest_NHWC]), f"{tdd.manifest.source} ({len(picks)}), {natural.source}")


def answers(session: Session, images_NHWC: np.ndarray, batch: int | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Labels int64 [n] of an oracle file's session, and its scores float32 [n, k] where it has them."""
    wanted = [LABELS, SCORES][: len(session.outputs)]
    step, parts = batch or BATCH, []
    for start in range(0, len(images_NHWC), step):
        piece = images_NHWC[start : start + step]
        short = step - len(piece) if batch else 0
        padded = np.concatenate([piece, np.zeros((short, *piece.shape[1:]), np.uint8)]) if short else piece
        given = session.run(wanted, {INPUT: np.ascontiguousarray(padded)})
        parts.append([array[: len(piece)] for array in given])
    whole = [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
    return whole[0], whole[1] if len(whole) > 1 else None


@dataclass(frozen=True)
class Trial:
    """What a parity run needs: the oracle's session and card, its source, and the mean image that both take off."""

    session: Session
    card: Card
    reference: Reference
    model: onnx.ModelProto
    mean_image: np.ndarray | None = None
    lent: Lent = field(default_factory=dict)
    witnesses: tuple[Asked, ...] = ()

    def prepared(self, images_NHWC: np.ndarray) -> np.ndarray:
        """The source's input for these images."""
        how = self.card.preprocessing
        return prepare(images_NHWC, how, _sides(self.model, self.card), self.mean_image)


def run_parity(
    trial: Trial, images: Images, seconds: float = SECONDS, say: Callable[[str], None] = lambda _: None
) -> tuple[Parity, Agreement]:
    """Both answer the images, batch by batch, until all are done or the time is over (at least one batch is).

    `say` hears every few seconds how far it is.
    """
    began = said = time.monotonic()
    done = 0
    parts: list[np.ndarray] = []
    while done < len(images.images_NHWC) and (not parts or time.monotonic() - began < seconds):
        piece = images.images_NHWC[done : done + BATCH]
        parts.append(trial.reference.scores(trial.prepared(piece)))
        done += len(piece)
        if time.monotonic() - said >= PATIENCE:
            said = time.monotonic()
            say(f"parity run: {done:,} of {len(images.images_NHWC):,} images")
    shown_NHWC = images.images_NHWC[:done]
    labels_N, scores_NC = answers(trial.session, shown_NHWC, trial.card.batch)
    agreement = compare(labels_N, scores_NC, np.concatenate(parts))
    apart = not agreement.enough or (agreement.relative or 0) > 1e-3
    parity = Parity(
        images=agreement.images,
        images_from=images.source,
        label_agreement=agreement.labels,
        largest_difference=agreement.largest,
        first_difference=_first_difference(trial, shown_NHWC[:4]) if apart else None,
        runtime=trial.reference.runtime,
        version=trial.reference.version,
        witnesses=tuple(_heard(trial, witness, shown_NHWC, (labels_N, scores_NC)) for witness in trial.witnesses),
    )
    return parity, agreement


def _heard(trial: Trial, asked: Asked, images_NHWC: np.ndarray, ours: tuple[np.ndarray, np.ndarray | None]) -> Witness:
    """What a witness says of the same images, beside our labels and scores."""
    pieces = (images_NHWC[at : at + BATCH] for at in range(0, len(images_NHWC), BATCH))
    said: Statement = asked.answer((trial.prepared(piece) for piece in pieces), SECONDS)
    if said.scores_NC is None:
        return Witness(runtime=asked.runtime, version=said.version, remark=said.remark)
    labels_N, scores_NC = ours
    count = len(said.scores_NC)
    agreement = compare(labels_N[:count], None if scores_NC is None else scores_NC[:count], said.scores_NC)
    return Witness(
        runtime=asked.runtime,
        version=said.version,
        images=count,
        label_agreement=agreement.labels,
        largest_difference=agreement.largest,
        remark=said.remark,
    )


def compare_with_file(session: Session, card: Card, file: Path) -> tuple[Parity, Agreement]:
    """The oracle beside answers that the source gave elsewhere: an .npz with `images` and `scores` or `labels`.

    images uint8 RGB [n, h, w, 3] of the oracle's size; scores [n, k] or whole labels [n]. Raises Refused.
    """
    arrays = _arrays(file)
    held = ", ".join(f"{key} {array.dtype} {list(array.shape)}" for key, array in arrays.items())
    images_NHWC = arrays.get("images", np.empty(0))
    wanted = arrays.get("scores", arrays.get("labels", np.empty(0)))
    height, width = card.preprocessing.size
    shaped = wanted.shape == (len(images_NHWC), len(card.classes)) and wanted.dtype.kind in "fiu"
    shaped |= wanted.shape == (len(images_NHWC),) and wanted.dtype.kind in "iu"
    if images_NHWC.dtype != np.uint8 or images_NHWC.shape[1:] != (height, width, 3) or not shaped or not wanted.size:
        raise Refused(
            f"{file.name}: holds {held or 'nothing'}; wanted images uint8 [n, {height}, {width}, 3] and, for each,"
            f" scores [n, {len(card.classes)}] or whole labels [n]."
        )
    labels_N, scores_NC = answers(session, images_NHWC, card.batch)
    agreement = compare(labels_N, scores_NC, wanted)
    parity = Parity(
        images=agreement.images,
        images_from=file.name,
        label_agreement=agreement.labels,
        largest_difference=agreement.largest,
        runtime="reference file",
        version=f"{file.name} {digest_file(file)[:16]}",
    )
    return parity, agreement


def cautions(agreement: Agreement) -> tuple[str, ...]:
    """What a reader of a passed parity run must know of how little it may prove."""
    said = []
    if agreement.images < FEW_IMAGES:
        said.append(f"the parity run showed {agreement.images} images only; {FEW_IMAGES} or more would prove more")
    if agreement.distinct < 2:
        said.append("the source gave every image of the parity run the same label, so that equal labels prove little")
    if agreement.relative is not None and agreement.relative > LARGE:
        said.append(f"labels agree, but scores differ by up to {agreement.relative:.1%} of the largest")
    return tuple(said)


def judged(parity: Parity, agreement: Agreement, *, accept: bool) -> Parity:
    """The parity for a card; raises ParityFailed when it is not enough and nobody accepts it."""
    others = [w for w in parity.witnesses if w.label_agreement is not None and w.label_agreement < ENOUGH]
    if agreement.enough and not others:
        return parity
    if accept:
        return parity.model_copy(update={"accepted": True})
    if agreement.enough:
        raise ParityFailed(
            f"the oracle is its source ({parity}), but a witness answers otherwise: {others[0]}; at least {ENOUGH:.1%}"
            " must agree. Either may have misread the source; --accept takes the oracle as it is"
        )
    own = parity.runtime != "reference file"  # then oracle and source read the same card, and that is not the cause
    cause = "The conversion of that tensor is at fault" if own else "Check order, range, mean and size"
    raise ParityFailed(
        f"the oracle is not its source: {parity}; at least {ENOUGH:.1%} must agree. {cause}; --accept takes it as it is"
    )


def measure(served_N: np.ndarray, problem: str, classes: int, tdd: Stack) -> Measured:
    """The scores of an oracle's labels int64 [n] for the images of a problem's TDD, as its card keeps them."""
    scores = score(tdd.labels_N, served_N, classes)
    return Measured(
        problem=problem,
        source=tdd.manifest.source,
        digest=tdd.manifest.digest,
        images=scores.images,
        macro_f1=scores.macro_f1,
        accuracy=scores.accuracy,
        mean_recall=scores.mean_recall,
    )


def _arrays(file: Path) -> dict[str, np.ndarray]:
    """The arrays of a reference file that are of use; never more of them than REFERENCE_BYTES."""
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > REFERENCE_BYTES:
            raise Refused(f"{file.name}: has {size:,} bytes; at most {REFERENCE_BYTES:,} are read. Take fewer images.")
        with np.load(file, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files if key in ("images", "scores", "labels")}
    except (OSError, ValueError, EOFError, TypeError, KeyError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        reason = type(error).__name__ if isinstance(error, ValueError) else error
        raise Refused(f"{file}: cannot be read as .npz ({reason}). Save it with numpy.savez.") from None


def _sides(model: onnx.ModelProto, card: Card) -> tuple[int, ...]:
    """The axes after the first of the source's image input."""
    how = card.preprocessing
    height, width = how.size
    if how.layout == "nchw":
        return (how.channels, height, width)
    if how.layout == "nhwc":
        return (height, width, how.channels)
    if how.layout == "nhw":
        return (height, width)
    dims = _image_input(model).type.tensor_type.shape.dim
    return tuple(dim.dim_value or height * width * how.channels for dim in dims[1:])


def _image_input(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    weights = {tensor.name for tensor in model.graph.initializer}
    return next(entry for entry in model.graph.input if entry.name not in weights)


def _first_difference(trial: Trial, images_NHWC: np.ndarray) -> str | None:
    """Where source and converted model part, for a source that can be looked into."""
    inputs = trial.prepared(images_NHWC)
    made = {name for node in trial.model.graph.node for name in node.output if name}

    def run(names: list[str]) -> dict[str, np.ndarray]:
        known = [name for name in names if name in made]
        if not known:
            return {}
        exposed = onnx.ModelProto()
        exposed.CopyFrom(trial.model)
        set_outputs(exposed, known)
        prune(exposed, known)
        session = open_session(exposed, device="cpu", lent=trial.lent)
        return dict(zip(known, session.run(known, {_image_input(trial.model).name: inputs}), strict=True))

    try:
        return first_difference(trial.reference.layers(inputs), run)
    except OracleRefused:  # a model that cannot be looked into still gets its verdict
        return None
