"""Trains a target on a problem's ODD and seals it as an oracle file; the test set only measures it at the end."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict

from benchmark.images.stack import Stack, without
from benchmark.places import ZOO, Places
from benchmark.problems import Problem, load_problem, open_role
from benchmark.recipes import load_recipe
from benchmark.scores import score
from benchmark.strict_toml import read_toml
from converters.pytorch import export
from copycats import architectures
from copycats.copycat import Copycat
from copycats.training import predict, train
from copycats.transfer_set import TransferSet
from oracles.card import Card, DroppedCard, Measured, Parity
from oracles.contract import INPUT, LABELS, SCORES, read_card
from oracles.runtime import open_session
from oracles.seal import CardExtras, restate, seal, to_bytes, write

BATCH = 64


class Target(BaseModel):
    """How a target is made: its problem, network, recipe and seed, and what it costs to ask it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    problem: str
    arch: str
    recipe: str = "target"
    seed: int = 0
    price_per_1000: float = 0.0
    requests_per_minute: float | None = None
    licence: str = "Apache-2.0"


class ZooFile(BaseModel):
    """The targets that come with the benchmark, by the name of their oracle file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    targets: dict[str, Target]


@dataclass(frozen=True)
class Trained:
    """An oracle file that was written, and its scores on the problem's TDD."""

    file: Path
    card: Card


def train_target(target: Target, file: Path, places: Places, say: Callable[[str], None]) -> Trained:
    """Train on ODD, export, seal, compare with the network, measure on TDD, write `file`.

    The same target, data and thread count give the same file. Raises DataMissing, UnknownArchitecture, Refused.
    """
    problem, recipe = load_problem(target.problem), load_recipe(target.recipe)
    odd, tdd = open_role(problem, "odd", places, say), open_role(problem, "tdd", places, say)
    rest = without(odd, tdd)
    rng = np.random.Generator(np.random.PCG64(target.seed))
    copycat = architectures.build(
        target.arch, classes=len(problem.classes), size=problem.size, channels=_channels(problem), seed=target.seed
    )
    learnt = TransferSet(odd.images_NHWC[rest.positions_M], odd.labels_N[rest.positions_M], len(problem.classes))
    training = train(copycat, learnt, recipe.for_problem(mirror=problem.mirror), rng, say=say)
    story = {
        "architecture": target.arch,
        "recipe": recipe.model_dump(mode="json"),
        "seed": target.seed,
        "odd": odd.manifest.source,
        "odd_digest": odd.manifest.digest,
        "odd_images": len(rest.positions_M),
        "taken_out": rest.taken_out,
        "epochs": training.epochs,
    }
    model = seal(
        export(copycat, size=problem.size), _dropped(target, problem), file.stem, extra=CardExtras(training=story)
    )
    parity, served_N = _compare(to_bytes(model), copycat, tdd)
    model = restate(model, parity=parity, measured=(_measured(served_N, problem, tdd),))
    write(model, file)
    return Trained(file, read_card(model))


def _compare(oracle_file: bytes, copycat: Copycat, tdd: Stack) -> tuple[Parity, np.ndarray]:
    """The oracle file beside the network that it came from, on the test images; and the labels that it gives them."""
    session = open_session(oracle_file, device="cpu")
    batches = [tdd.images_NHWC[start : start + BATCH] for start in range(0, len(tdd), BATCH)]
    answers = [session.run([LABELS, SCORES], {INPUT: np.ascontiguousarray(batch_NHWC)}) for batch_NHWC in batches]
    served_N, scores_NC = (np.concatenate(parts) for parts in zip(*answers, strict=True))
    with torch.inference_mode():
        logits_NC = np.concatenate(
            [copycat(torch.from_numpy(np.array(b)).permute(0, 3, 1, 2)).numpy() for b in batches]
        )
    parity = Parity(
        images=len(served_N),
        label_agreement=float(np.mean(served_N == predict(copycat, tdd.images_NHWC))),
        largest_difference=float(np.abs(scores_NC - logits_NC).max()),
        runtime="PyTorch",
        version=str(torch.__version__),
    )
    return parity, served_N


def _measured(served_N: np.ndarray, problem: Problem, tdd: Stack) -> Measured:
    scores = score(tdd.labels_N, served_N, len(problem.classes))
    return Measured(
        problem=problem.name,
        source=tdd.manifest.source,
        digest=tdd.manifest.digest,
        images=scores.images,
        macro_f1=scores.macro_f1,
        accuracy=scores.accuracy,
        mean_recall=scores.mean_recall,
    )


def zoo_targets() -> dict[str, Target]:
    """The targets of the shipped zoo, by name."""
    return read_toml(ZOO / "zoo.toml", ZooFile).targets


def _dropped(target: Target, problem: Problem) -> DroppedCard:
    return DroppedCard(
        problem=problem.name,
        classes=problem.classes,
        layout="nchw",
        order="rgb",
        range=(0, 255),
        framework="PyTorch",
        licence=target.licence,
        price_per_1000=target.price_per_1000,
        requests_per_minute=target.requests_per_minute,
    )


def _channels(problem: Problem) -> int:
    return 1 if problem.colour == "grey" else 3
