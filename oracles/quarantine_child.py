"""The throw-away process: clean itself, it forks one child per file that reads, runs and seals it within limits."""

import contextlib
import ctypes
import hashlib
import json
import os
import resource
import select
import signal
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from oracles import contract, trial
from oracles.card import Card, DroppedCard, Finding, SourceFile, printable
from oracles.diagnosis import in_words, unparsable
from oracles.external import BYTES_LIMIT, pull_in, refuse_external
from oracles.refusals import (
    CardRefused,
    FileRefused,
    ModelRefused,
    NotAnOracleFile,
    OracleFailed,
    OracleRefused,
    TooBig,
)
from oracles.rewrite import DEFAULT_DOMAINS
from oracles.runtime import open_session
from oracles.seal import CardExtras, seal_closely, to_bytes
from oracles.upgrade import upgraded

RESULT = "result.json"
SEALED = "sealed.onnx"
MEAN_IMAGE = "mean_image.npy"
RESULT_BYTES = 16 << 20
_MESSAGE_LENGTH = 900
# what a dropped card may say of a file that is sealed already
OVERRIDES = ("price_per_1000", "requests_per_minute", "licence")
_PR_SET_PDEATHSIG = 1


class Order(NamedTuple):
    """One file to examine: where it is, what the parent saw of it, its card, and the limits."""

    path: str
    name: str
    sha256: str
    card: dict[str, Any]
    work: str
    seconds: float
    memory_bytes: int


def main() -> None:
    """Serve orders, one JSON line each, until the parent closes the pipe."""
    os.umask(0o077)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_play(Order(**json.loads(line)))) + "\n")
        sys.stdout.flush()


def _play(order: Order) -> dict[str, int | bool]:
    """Fork a child for the order and wait for its end, or for the time to be over: then its process group is killed."""
    alive, held = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(alive)
        _examine_and_exit(order)
    os.close(held)
    watch = select.poll()
    watch.register(alive, select.POLLIN)
    watch.register(sys.stdin.fileno(), 0)  # only its end is reported: then the parent is gone
    ended = watch.poll(order.seconds * 1000)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if alive not in [fd for fd, _ in ended]:
            os.kill(child, signal.SIGKILL)
        os.killpg(child, signal.SIGKILL)
    os.close(alive)
    if any(fd == sys.stdin.fileno() for fd, _ in ended):
        os._exit(1)
    _, status = os.waitpid(child, 0)
    return {"signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, "late": not ended}


def _examine_and_exit(order: Order) -> None:
    """In the child: shut everything off, examine, leave the result, and never come back."""
    try:
        _shut_off(order)
        result = _examine(order)
    except OracleRefused as refusal:
        result = _refusal(in_words(refusal) if isinstance(refusal, OracleFailed) else refusal)
    except MemoryError:
        result = _refusal(
            TooBig("reading or running it needs more memory than the trial allows; make the model smaller")
        )
    except BaseException as error:  # noqa: BLE001 - whatever a foreign file provokes is a verdict on it
        result = _refusal(ModelRefused(f"it cannot be examined ({type(error).__name__}: {error}); export it again"))
    try:
        text = json.dumps(result)
        Path(order.work, f"{RESULT}.part").write_text(text if len(text) <= RESULT_BYTES else "{}", encoding="utf-8")
        Path(order.work, f"{RESULT}.part").rename(Path(order.work, RESULT))
    finally:
        os._exit(0)


def _refusal(refusal: OracleRefused) -> dict[str, Any]:
    return {"refusal": type(refusal).__name__, "message": printable(str(refusal), _MESSAGE_LENGTH)}


def _shut_off(order: Order) -> None:
    os.setsid()
    with contextlib.suppress(OSError, AttributeError):  # Linux: die with the process that forked us
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    empty = Path(order.work, "cwd")
    empty.mkdir()
    os.chdir(empty)
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    cpu = int(order.seconds) + 2
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 31, 1 << 31))
    _limit_memory(order.memory_bytes)


def _limit_memory(size: int) -> None:
    """So much address space on top of what the imports have taken."""
    taken = 0
    with contextlib.suppress(OSError, ValueError):
        taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + size, resource.RLIM_INFINITY))


def _examine(order: Order) -> dict[str, Any]:
    path = Path(order.path)
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != order.sha256:
        raise FileRefused("the file changed while it was read; try again when its copy is complete")
    card = DroppedCard.model_validate(order.card)
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError:
        raise unparsable(data) from None
    about = {
        "producer": printable(f"{model.producer_name} {model.producer_version}", 100),
        "opset": next((int(o.version) for o in model.opset_import if o.domain in DEFAULT_DOMAINS), 0),
    }
    _limit_memory(order.memory_bytes + 8 * len(data))
    if contract.claims(model):
        made, findings = _check_sealed(model, data, card)
    else:
        file = SourceFile(name=order.name, sha256=digest, bytes=len(data))
        del data  # models may have gigabytes
        made, findings, data = _seal(model, card, order, file)
    Path(order.work, SEALED).write_bytes(data)
    return {
        **about,
        "card": made.model_dump(mode="json"),
        "findings": [finding.model_dump(mode="json") for finding in findings],
        "sealed_sha256": hashlib.sha256(data).hexdigest(),
    }


class _Made(NamedTuple):
    """An oracle file: its card, how things on it came to be known, its bytes."""

    card: Card
    findings: tuple[Finding, ...]
    data: bytes


def _seal(model: onnx.ModelProto, card: DroppedCard, order: Order, file: SourceFile) -> _Made:
    beside = pull_in(model, Path(order.path).parent)
    size = model.ByteSize()
    if size > BYTES_LIMIT:
        raise TooBig(f"the model has {size:,} bytes; an oracle file holds at most {BYTES_LIMIT:,}")
    _limit_memory(order.memory_bytes + 8 * size)
    model, warnings = upgraded(model)
    mean = Path(order.work, MEAN_IMAGE)
    extra = CardExtras(mean_image=np.load(mean, allow_pickle=False) if mean.exists() else None, warnings=warnings)
    sealed = seal_closely(model, card, Path(order.name).stem, files=(file, *beside), extra=extra)
    return _Made(sealed.card, sealed.findings, to_bytes(sealed.model))


def _check_sealed(model: onnx.ModelProto, data: bytes, card: DroppedCard) -> tuple[Card, tuple[Finding, ...]]:
    """A file that is sealed already: contract and first runs; the bytes stay as they are."""
    refuse_external(model)
    contract.verify(model)
    told = [key for key in card.said() if key not in OVERRIDES]
    if told:
        raise CardRefused(
            f"the file is sealed and holds its own card, so {', '.join(told)} cannot be set beside it;"
            f" only {', '.join(OVERRIDES)} can"
        )
    made = contract.read_card(model)
    images_NHWC = trial.probe_images(*made.preprocessing.size)
    labels_N, _ = trial.run_sealed(open_session(data, device="cpu"), images_NHWC, made.batch)
    if labels_N.min() < 0 or labels_N.max() >= len(made.classes):
        raise NotAnOracleFile(
            f"it answers class {labels_N.max()}, but its card names {len(made.classes)}; seal it again"
        )
    made = made.model_copy(update={key: getattr(card, key) for key in card.said()})
    height, width = made.preprocessing.size
    found = {
        "file": "sealed already, kept byte for byte",
        "size": f"{height} x {width}",
        "scores": made.scores_kind or "none",
        "classes": str(len(made.classes)),
        "batch": "free" if made.batch is None else str(made.batch),
    }
    rows = [Finding(what=what, value=value, how="found") for what, value in found.items()]
    rows += [Finding(what=key, value=str(getattr(card, key)), how="declared") for key in card.said()]
    return made, tuple(rows)


if __name__ == "__main__":
    main()
