"""The door: serves one oracle file label-only, metered, and never computes the same answer twice."""

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

import numpy as np
import onnx
import PIL
from PIL import Image

from oracles import contract
from oracles.answers import Answers
from oracles.card import Card
from oracles.external import refuse_external
from oracles.keys import keys_of
from oracles.meter import Bill, Meter
from oracles.refusals import ExternalDataRefused, NotAnOracleFile, OracleFailed, WrongImages
from oracles.runtime import Device, open_session

# Every image is run in a batch of this size, so that its label does not depend on how many were asked with it.
BATCH = {"CPUExecutionProvider": 16, "CUDAExecutionProvider": 256}
# A block of answers is committed after so much work: what a kill can lose, beside the batch in flight.
_BLOCK_SECONDS = 2.0
_BLOCK_IMAGES = 10_000


class Ask:
    """What an attacker holds: `ask(images_NHWC) -> labels_N`, what is `left` of the budget, and how many `classes`."""

    __slots__ = ("_answer", "_bill", "_meter", "classes")

    def __init__(
        self,
        answer: Callable[[np.ndarray, Meter], np.ndarray],
        bill: Callable[[Meter], Bill],
        meter: Meter,
        classes: int,
    ) -> None:
        self._answer = answer
        self._bill = bill
        self._meter = meter
        self.classes = classes

    def __call__(self, images_NHWC: np.ndarray) -> np.ndarray:
        """The labels, int64 [n], of uint8 images [n, h, w, 3]; every image is charged, also one asked before.

        Raises WrongImages (nothing is charged) and BudgetSpent (nothing is asked).
        """
        refuse_wrong(images_NHWC)
        self._meter.charge(len(images_NHWC))
        return self._answer(images_NHWC, self._meter)

    @property
    def left(self) -> int:
        """How many images may still be asked."""
        return self._meter.left

    def bill(self) -> Bill:
        """What this session has asked so far, and what that is worth."""
        return self._bill(self._meter)


class Server:
    """One oracle file, opened for label-only service, with its answers store in the folder `answers`.

    Threads may share a server and ask through several sessions at once: no image is computed twice. `settings` is
    what a record keeps of the service; `warnings` says what was found on opening. Raises NotAnOracleFile, and what
    the runtime and the store refuse.
    """

    def __init__(self, file: Path, answers: Path, *, device: Device = "auto", threads: int = 1) -> None:
        content = _content(file)
        self.digest = hashlib.sha256(content).hexdigest()
        self.card = _card(content, file)
        self.classes = len(self.card.classes)
        self._session = open_session(content, threads=threads, device=device)
        self.size = self.card.preprocessing.size
        self._batch = self.card.batch or BATCH[self._session.providers[0]]
        self.settings: dict[str, Any] = {
            **self._session.settings,
            "batch": self._batch,
            "resize": f"Pillow {PIL.__version__} bilinear to {self.size[0]}x{self.size[1]}, other sizes only",
        }
        self._turn = threading.RLock()  # one block at a time: it is looked up, computed and committed as one step
        self._store = Answers(answers, self.digest)
        self.warnings: tuple[str, ...] = tuple(self._store.warnings)

    def session(self, budget: int, account: str) -> Ask:
        """A new session of `budget` images, whose answers are put on `account` in the store's ledger."""
        price, pace = self.card.price_per_1000, self.card.requests_per_minute

        def answer(images_NHWC: np.ndarray, meter: Meter) -> np.ndarray:
            return self._answer(images_NHWC, meter, account)

        def bill(meter: Meter) -> Bill:
            return meter.bill(price, pace)

        return Ask(answer, bill, Meter(budget, self.card.name), self.classes)

    def referee(self, images_NHWC: np.ndarray) -> np.ndarray:
        """The labels, int64 [n], of test images: for scoring only, neither metered nor stored."""
        refuse_wrong(images_NHWC)
        labels_N = np.empty(len(images_NHWC), dtype=np.int64)
        for start in range(0, len(images_NHWC), self._batch):
            picks = slice(start, start + self._batch)
            with self._turn:
                labels_N[picks] = self._label(images_NHWC[picks])
        return labels_N

    def computed(self, account: str) -> int:
        """How many answers were ever run, and so paid, for this account: also by attempts that came to nothing."""
        totals = self._store.totals().get(account)
        return totals.computed if totals else 0

    def close(self) -> None:
        """Close the answers store; sessions that are still held are refused from then on."""
        with self._turn:
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, images_NHWC: np.ndarray, meter: Meter, account: str) -> np.ndarray:
        self._store.note(account, len(images_NHWC))
        keys_N = keys_of(images_NHWC)
        labels_N = self._store.find(keys_N)
        missing = np.flatnonzero(labels_N < 0)
        if len(missing):
            # the first of equal images, in the order in which they were asked
            first = missing[np.sort(np.unique(keys_N[missing], return_index=True)[1])]
            done = 0
            while done < len(first):
                done += self._answer_block(images_NHWC, keys_N, first[done : done + _BLOCK_IMAGES], meter, account)
            labels_N[missing] = self._store.find(keys_N[missing])
        return labels_N

    def _answer_block(
        self, images_NHWC: np.ndarray, keys_N: np.ndarray, picks_M: np.ndarray, meter: Meter, account: str
    ) -> int:
        """Compute and commit the first of these images, for about two seconds; how many are done with."""
        with self._turn:
            # another session may have asked some of them since
            todo = picks_M[self._store.find(keys_N[picks_M]) < 0]
            began, done = monotonic(), 0
            labels = []
            while done < len(todo) and monotonic() - began < _BLOCK_SECONDS:
                labels.append(self._label(images_NHWC[todo[done : done + self._batch]]))
                done += len(labels[-1])
            if done:
                self._store.add(keys_N[todo[:done]], np.concatenate(labels), account)
                meter.pay(done)
        return len(picks_M) if done == len(todo) else int(np.flatnonzero(picks_M == todo[done])[0])

    def _label(self, images_NHWC: np.ndarray) -> np.ndarray:
        """Run one batch, filled up with black images to the size that every batch has."""
        batch = resized(images_NHWC, self.size)
        if len(batch) < self._batch:
            batch = np.concatenate([batch, np.zeros((self._batch - len(batch), *batch.shape[1:]), dtype=np.uint8)])
        labels = self._session.run([contract.LABELS], {contract.INPUT: batch})[0]
        if labels.shape != (self._batch,) or labels.min() < 0 or labels.max() >= self.classes:
            raise OracleFailed(
                f"{self.card.name}: {self._batch} images gave labels of shape {list(labels.shape)} "
                f"from {labels.min()} to {labels.max()}; wanted [{self._batch}], 0 to {self.classes - 1}"
            )
        return np.asarray(labels[: len(images_NHWC)], dtype=np.int64)


def refuse_wrong(images_NHWC: np.ndarray) -> None:
    """Raise WrongImages, naming what came and what is wanted, unless it is a uint8 array [n, h, w, 3].

    Strides do not matter: views, reversed or sliced, are read as they are.
    """
    if not isinstance(images_NHWC, np.ndarray):
        raise WrongImages(f"got a {type(images_NHWC).__name__}; wanted a numpy array, uint8 [n, h, w, 3]")
    shape = images_NHWC.shape
    if images_NHWC.dtype != np.uint8:
        raise WrongImages(f"got {images_NHWC.dtype} {list(shape)}; wanted uint8 [n, h, w, 3], values 0 to 255")
    if len(shape) != 4 or shape[3] != 3 or 0 in shape[1:]:
        raise WrongImages(f"got uint8 of shape {list(shape)}; wanted [n, h, w, 3], colour last")


def resized(images_NHWC: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The images at this size (height, width): as they are, or through Pillow's bilinear filter."""
    if images_NHWC.shape[1:3] == size:
        return images_NHWC
    height, width = size
    wanted = [
        np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), Image.Resampling.BILINEAR))
        for image in images_NHWC
    ]
    return np.stack(wanted) if wanted else np.empty((0, height, width, 3), dtype=np.uint8)


def _content(file: Path) -> bytes:
    """The file's bytes, read once, so that what is hashed is what is run."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotAnOracleFile(f"{file}: cannot be read ({error.strerror})") from error


def _card(content: bytes, file: Path) -> Card:
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's DecodeError, which has no typed home
        raise NotAnOracleFile(f"{file}: not an ONNX file; put the model into a scanned folder to seal it") from error
    try:
        contract.verify(model)
        refuse_external(model)  # onnxruntime would read such weights from the current folder
        return contract.read_card(model)
    except (NotAnOracleFile, ExternalDataRefused) as error:
        raise type(error)(f"{file}: {error}") from error
