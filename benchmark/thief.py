"""The thief's process: asks through a line, trains a copycat on the answers, labels the test images at the very end.

Started by `benchmark.worker` as `python -m benchmark.thief FD DEVICE`. Where the system can fork, each cell is played
in a child of its own, so that nothing survives between cells and a death takes down one cell only. The attack runs in a
child of that child, behind the fence, and is gone before anything is trained: what trains the copycat is what the
referee has seen asked. This process never imports the oracles, and never learns where the test images lie.
"""

import contextlib
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.blame import AttackFailed, blamed
from benchmark.children import FORKS, die_like, die_with_parent, play_safely, report
from benchmark.fence import put_up
from benchmark.images.cache import open_folder, open_images
from benchmark.job import Job, StageJob, StageLoot
from benchmark.wire import Line, LineClosed, Message
from copycats import architectures, attacks, weights
from copycats.balance import balance
from copycats.copycat import Copycat
from copycats.generations import train_generations
from copycats.recipe import Recipe
from copycats.refusals import AskRefused, CopycatRefused
from copycats.training import predict
from copycats.transfer_set import TransferSet


class Ask:
    """The thief's end of the door: images out, labels back, with what is left of the budget."""

    def __init__(self, line: Line, stage: StageJob, classes: int) -> None:
        self.left = stage.budget
        self.classes = classes

        def buy(images_NHWC: np.ndarray) -> Message:
            line.send({"ask": stage.name}, np.asarray(images_NHWC))
            return line.receive()

        self._buy = buy

    def __call__(self, images_NHWC: np.ndarray) -> np.ndarray:
        """Labels int64 [n] for uint8 [n, h, w, 3]. Raises AskRefused, nothing charged, when not all can be answered."""
        if not isinstance(images_NHWC, np.ndarray) or images_NHWC.dtype != np.uint8:
            kind = getattr(images_NHWC, "dtype", type(images_NHWC).__name__)
            raise AskRefused(f"got images of {kind}; wanted a numpy array uint8 [n, h, w, 3], values 0 to 255")
        body, labels_N = self._buy(images_NHWC)
        self.left = body["left"]
        if labels_N is None:
            raise AskRefused(body["sentence"])
        return labels_N


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
    if job.asks_only:
        for stage in job.stages:
            _buy_set(stage, job, line)
        line.send({"asked": job.cell.digest})
        return
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
    labels_N, seconds = label_tests(copycat, line, device)
    loot = {
        "stages": [stage.model_dump(mode="json") for stage in stages],
        "knowledge": dict(copycat.knowledge),
        "parameters": copycat.parameters_count,
        "predict_seconds": seconds,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "threads": torch.get_num_threads(),
        "warnings": [] if FORKS else ["this system cannot fork: the attack ran without a fence"],
    }
    line.send({"loot": loot}, labels_N)


def label_tests(copycat: Copycat, line: Line, device: str) -> tuple[np.ndarray, float]:
    """Labels of the test images, which the referee sends when all doors are closed; and the seconds that it took."""
    line.send({"trained": copycat.order.name})
    labels, seconds, left = [], 0.0, 1
    while left:
        (body, images_NHWC), started = line.receive(), time.perf_counter()
        left = body["left"]
        labels.append(predict(copycat, np.asarray(images_NHWC), device=device))
        seconds += time.perf_counter() - started
    return np.concatenate(labels), seconds


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
        copycat.load_state_dict(kept[0].state_dict())
        training: dict[str, Any] = {**kept[1], "reused": True}
    else:
        recipe = recipe if first else recipe.for_fine_tuning()
        training = asdict(train_generations(copycat, chosen, recipe, cell.rng(f"training {stage.name}"), device, say))
        if stage.keep:
            weights.save(copycat, stage.keep, training)
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
    """Let the attack ask, and take from the referee what was bought."""
    # whose images of the domain are asked is no part of an attack: there are as many as the budget, or a random part
    name = "random" if stage.name == "pdd" else job.cell.attack or "random"
    attacks.ensure_known(name)
    if FORKS:
        _attack_alone(name, stage, job, line)
    else:
        _attack(name, stage, job, line, fence=False)
    line.send({"bought": stage.name})
    images_NHWC, labels_N = line.receive().array, line.receive().array
    bought = TransferSet(np.asarray(images_NHWC), np.asarray(labels_N), job.classes)
    return replace(bought, unlabelled=_pool(stage)) if stage.name == "npdd" else bought


def _attack_alone(name: str, stage: StageJob, job: Job, line: Line) -> None:
    """Run the attack in a child that can say nothing but asks, and that is gone when this returns.

    Raises AttackFailed with what the attack raised; ends this process as the child ended if it died.
    """
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        ours.close()
        line.close()
        own = Line(theirs)
        play_safely(partial(_attack, name, stage, job, own), own)
    theirs.close()
    relay, failure = Line(ours), None
    with contextlib.suppress(LineClosed):
        while failure is None:
            body, images_NHWC = relay.receive()
            if "failed" in body:
                failure = AttackFailed(str(body["failed"]), str(body.get("sentence")))
            else:
                line.send({"ask": stage.name}, images_NHWC)
                relay.send(*line.receive())
    relay.close()
    die_like(os.waitpid(child, 0)[1])
    if failure:
        raise failure


def _attack(name: str, stage: StageJob, job: Job, line: Line, *, fence: bool = True) -> None:
    """Run the attack on the pool."""
    ask, pool = Ask(line, stage, job.classes), _pool(stage)
    rng = job.cell.rng("pdd" if stage.name == "pdd" else "attack")
    with blamed(name):
        if fence:
            put_up(attacks.packages(name))
        attacks.attack(name)(ask, pool, rng)


def _pool(stage: StageJob) -> Pool:
    images_NHWC = open_images(stage.folder)  # without the labels beside them
    return Pool(images_NHWC, _kept(stage, len(images_NHWC)))


def _own_set(stage: StageJob, classes: int) -> TransferSet:
    stack = open_folder(stage.folder)
    kept_N = _kept(stage, len(stack))
    return TransferSet(stack.images_NHWC[kept_N], stack.labels_N[kept_N], classes)


def _kept(stage: StageJob, count: int) -> np.ndarray:
    return np.setdiff1d(np.arange(count), np.array(stage.taken_out, dtype=np.int64))


def _load_kept(path: Path | None) -> tuple[Copycat, dict[str, Any]] | None:
    """The copycat that the same training gave before, and how, if kept whole; if not, training again gives the same."""
    if path is None or not path.exists():
        return None
    try:
        return architectures.reopen(path), weights.read_kept(path).training
    except CopycatRefused:
        return None


def serve(line: Line, device: str) -> None:
    """Play jobs until the referee hangs up."""
    while True:
        job = Job.model_validate(line.receive().body["job"])
        with contextlib.suppress(CopycatRefused):
            architectures.preload(job.cell.copycat)  # here once, instead of in each child
        if not FORKS or device == "cuda":  # CUDA does not survive a fork
            report(partial(steal, job, line, device), line)
            continue
        child = os.fork()
        if child == 0:
            play_safely(partial(steal, job, line, device), line)
        die_like(os.waitpid(child, 0)[1])


def main() -> None:
    """Serve the line whose file descriptor and device are the arguments."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the referee's to handle
    torch.set_num_threads(1)
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    with contextlib.suppress(LineClosed):
        serve(line, sys.argv[2])


if __name__ == "__main__":
    main()
