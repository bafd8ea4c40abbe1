"""The thief's process: asks through a line, trains a copycat on the answers, labels the test images at the very end.

Started by `benchmark.worker` as `python -m benchmark.thief FD DEVICE`. Where the system can fork, each cell is played
in a child of its own, so that nothing survives between cells and a death takes down one cell only. This process never
imports the oracles; the attack runs inside the fence.
"""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.fence import fenced
from benchmark.images.cache import open_folder
from benchmark.job import Job, StageJob, StageLoot
from benchmark.wire import Line, LineClosed, Message
from copycats import architectures, attacks, weights
from copycats.balance import balance
from copycats.copycat import Copycat
from copycats.recipe import Recipe
from copycats.refusals import AskRefused, CopycatRefused
from copycats.training import predict, train
from copycats.transfer_set import TransferSet


class Ask:
    """The thief's end of the door: images out, labels back, with what is left of the budget."""

    def __init__(self, line: Line, stage: StageJob, classes: int) -> None:
        self.left = stage.budget
        self.classes = classes
        self._bought: list[tuple[np.ndarray, np.ndarray]] = []

        def buy(images_NHWC: np.ndarray) -> Message:
            line.send({"ask": stage.name}, np.asarray(images_NHWC))
            return line.receive()

        self._buy = buy

    def __call__(self, images_NHWC: np.ndarray) -> np.ndarray:
        """Labels int64 [n] for uint8 [n, h, w, 3]. Raises AskRefused, nothing charged, when not all can be answered."""
        body, labels_N = self._buy(images_NHWC)
        self.left = body["left"]
        if labels_N is None:
            raise AskRefused(body["sentence"])
        self._bought.append((np.array(images_NHWC), labels_N))
        return labels_N.copy()


class Pool:
    """A read-only sequence of images, without names, paths or labels."""

    def __init__(self, images_NHWC: np.ndarray, kept_N: np.ndarray) -> None:

        def pick(indices: Any) -> np.ndarray:
            return np.array(images_NHWC[kept_N[indices]])

        self._pick = pick
        self._count = len(kept_N)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, indices: Any) -> np.ndarray:
        """Copies of the images at `indices` (integers or a slice): uint8 [n, h, w, 3]."""
        return self._pick(indices)


def steal(job: Job, line: Line, device: str) -> None:
    """Play the thief's part of one cell and send the loot."""
    cell = job.cell
    copycat = architectures.build(
        cell.copycat,
        classes=job.classes,
        size=job.size,
        channels=job.channels,
        pretrained=cell.pretrained,
        weights=job.weights,
        seed=int((cell.first_stage() or cell).rng("weights").integers(2**31)),
    )
    stages = [learn(copycat, stage, job, line, device, first=index == 0) for index, stage in enumerate(job.stages)]
    line.send({"trained": cell.digest})
    test = open_folder(Path(line.receive().body["test"]))
    started = time.perf_counter()
    labels_N = predict(copycat, test.images_NHWC, device=device)
    loot = {
        "stages": [stage.model_dump(mode="json") for stage in stages],
        "knowledge": dict(copycat.knowledge),
        "parameters": copycat.parameters_count,
        "predict_seconds": time.perf_counter() - started,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "threads": torch.get_num_threads(),
    }
    line.send({"loot": loot}, labels_N)


def learn(copycat: Copycat, stage: StageJob, job: Job, line: Line, device: str, *, first: bool) -> StageLoot:
    """One stage: get the transfer set, then train on it, or load what the same training gave before."""
    cell = (job.cell.first_stage() or job.cell) if first else job.cell
    say: Callable[[str], None] = lambda text: line.send({"say": text})  # noqa: E731 - one expression, passed on
    started = time.perf_counter()
    bought = _buy_set(stage, job, line) if stage.labels == "stolen" else _own_set(stage, job.classes)
    asked_at = time.perf_counter()
    chosen = balance(bought, cell.balance, cell.rng(f"balance {stage.name}"))
    recipe = Recipe.model_validate(job.recipe).for_problem(mirror=job.mirror)
    kept = _load_kept(stage.start)
    if kept:
        copycat.load_state_dict(kept.state_dict())
        training: dict[str, Any] = {"reused": True}
    else:
        recipe = recipe if first else recipe.for_fine_tuning()
        training = asdict(train(copycat, chosen, recipe, cell.rng(f"training {stage.name}"), device, say))
        if stage.keep:
            weights.save(copycat, stage.keep)
    return StageLoot(
        name=stage.name,
        images=len(bought.labels_N),
        digest=bought.digest,
        counts=tuple(int(count) for count in bought.counts_C),
        entropy=bought.entropy,
        never_seen=tuple(bought.never_seen),
        picks=len(chosen.picks_M),
        training=training,
        ask_seconds=asked_at - started,
        train_seconds=time.perf_counter() - asked_at,
    )


def _buy_set(stage: StageJob, job: Job, line: Line) -> TransferSet:
    images_NHWC = open_folder(stage.folder).images_NHWC  # the labels beside them stay where they are
    ask, pool = Ask(line, stage, job.classes), Pool(images_NHWC, _kept(stage, len(images_NHWC)))
    rng = job.cell.rng("pdd" if stage.name == "pdd" else "attack")
    attacks.ensure_known(job.cell.attack or "random")
    with fenced():
        attacks.attack(job.cell.attack or "random")(ask, pool, rng)
    images, labels = zip(*ask._bought, strict=True) if ask._bought else ((), ())  # noqa: SLF001 - the harness' own log
    if not images:
        return TransferSet(images_NHWC[:0], np.zeros(0, np.int64), job.classes)
    return TransferSet(np.concatenate(images), np.concatenate(labels), job.classes)


def _own_set(stage: StageJob, classes: int) -> TransferSet:
    stack = open_folder(stage.folder)
    kept_N = _kept(stage, len(stack))
    return TransferSet(stack.images_NHWC[kept_N], stack.labels_N[kept_N], classes)


def _kept(stage: StageJob, count: int) -> np.ndarray:
    return np.setdiff1d(np.arange(count), np.array(stage.taken_out, dtype=np.int64))


def _load_kept(path: Path | None) -> Copycat | None:
    """The copycat that the same training gave before, if it was kept whole; if not, training again gives the same."""
    if path is None or not path.exists():
        return None
    try:
        return architectures.reopen(path)
    except CopycatRefused:
        return None


def serve(line: Line, device: str) -> None:
    """Play jobs until the referee hangs up."""
    while True:
        job = Job.model_validate(line.receive().body["job"])
        with contextlib.suppress(CopycatRefused):
            architectures.preload(job.cell.copycat)  # here once, instead of in each child
        if not hasattr(os, "fork") or device == "cuda":
            play_safely(job, line, device)
            continue
        child = os.fork()
        if child == 0:
            _die_with_parent()
            play_safely(job, line, device)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status:
            line.send({"died": f"signal {-status}" if status < 0 else f"exit status {status}"})


def play_safely(job: Job, line: Line, device: str) -> None:
    """Play one job; whatever it raises is said to the referee in one sentence."""
    try:
        steal(job, line, device)
    except LineClosed:
        os._exit(1)
    except Exception as error:  # noqa: BLE001 - one cell's failure is a record, not the end of the suite
        sentence = str(error) if isinstance(error, CopycatRefused) else f"{type(error).__name__}: {error}"
        with contextlib.suppress(LineClosed):
            line.send({"failed": type(error).__name__, "sentence": " ".join(sentence.split())[:500]})


def main() -> None:
    """Serve the line whose file descriptor and device are the arguments."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the referee's to handle
    torch.set_num_threads(1)
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    with contextlib.suppress(LineClosed):
        serve(line, sys.argv[2])


def _die_with_parent() -> None:
    """Linux: a killed referee takes its workers along, also in mid-training."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    main()
