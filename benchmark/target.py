"""Trains a target on a problem's ODD and seals it as an oracle file; the test set only measures it at the end."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from benchmark.conversion import seal_conversion
from benchmark.images.stack import Stack, without
from benchmark.making import Framework, Made, Task, make
from benchmark.places import ZOO, Places
from benchmark.problems import Problem, load_problem, open_role
from benchmark.proof import Images, Trial, answers, judged, measure, run_parity
from benchmark.strict_toml import read_toml
from copycats.transfer_set import TransferSet
from oracles import contract
from oracles.card import Card, DroppedCard
from oracles.runtime import open_session
from oracles.seal import Sealed, write


class Target(BaseModel):
    """How a target is made: its problem, framework, network, recipe and seed, and what it costs to ask it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    problem: str
    arch: str
    framework: Framework = "PyTorch"
    recipe: str = "target"
    seed: int = 0
    price_per_1000: float = 0.0
    requests_per_minute: float | None = None
    licence: str | None = None


class Ours(Target):
    """A target that comes with the benchmark, under its licence."""

    licence: str | None = "Apache-2.0"


class ZooFile(BaseModel):
    """The targets that come with the benchmark, by the name of their oracle file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    targets: dict[str, Ours]


@dataclass(frozen=True)
class Trained:
    """An oracle file that was written, and its scores on the problem's TDD."""

    file: Path
    card: Card


def train_target(
    target: Target, file: Path, places: Places, say: Callable[[str], None], *, drawn: bool = False
) -> Trained:
    """Train on ODD, convert, seal, compare with the network, measure on TDD, write `file`.

    With `drawn`, on the problem's drawn images even where others are on this machine. The same target, data and thread
    count give the same file. Raises DataMissing, UnknownArchitecture, Refused, and ParityFailed for an oracle that is
    not what was trained.
    """
    problem = load_problem(target.problem)
    problem = problem.drawn() if drawn else problem
    odd, tdd = open_role(problem, "odd", places, say), open_role(problem, "tdd", places, say)
    rest = without(odd, tdd)
    learnt = TransferSet(odd.images_NHWC[rest.positions_M], odd.labels_N[rest.positions_M], len(problem.classes))
    story = {
        "odd": odd.manifest.source,
        "odd_digest": odd.manifest.digest,
        "odd_images": len(rest.positions_M),
        "taken_out": rest.taken_out,
    }
    with tempfile.TemporaryDirectory() as folder:
        task = Task(problem, learnt, target.arch, target.recipe, target.seed, Path(folder))
        made = make(target.framework, task, say)
        dropped = _dropped(target, problem, made)
        sealed = seal_conversion(made.conversion, dropped, file.stem, training={**made.story, **story})
        card = _proved(sealed, made, tdd)
        contract.write_card(sealed.model, card)
        write(sealed.model, file, sealed.lent)
    return Trained(file, card)


def _proved(sealed: Sealed, made: Made, tdd: Stack) -> Card:
    """The card with the oracle's agreement with what was trained, and its scores, on every test image."""
    card = sealed.card
    session = open_session(sealed.model, device="cpu", lent=sealed.lent)
    images_NHWC = np.asarray(tdd.images_NHWC)
    updates: dict[str, object] = {}
    if made.conversion.reference is not None:
        trial = Trial(session, card, made.conversion.reference, made.conversion.model, lent=made.conversion.lent)
        parity, agreement = run_parity(trial, Images(images_NHWC, tdd.manifest.source))
        updates["parity"] = judged(parity, agreement, accept=False)
    served_N, _ = answers(session, images_NHWC, card.batch)
    updates["measured"] = (measure(served_N, card.problem or "", len(card.classes), tdd),)
    return Card.model_validate({**card.model_dump(), **updates})


def zoo_targets() -> dict[str, Target]:
    """The targets of the shipped zoo, by name."""
    return dict(read_toml(ZOO / "zoo.toml", ZooFile).targets)


def _dropped(target: Target, problem: Problem, made: Made) -> DroppedCard:
    return DroppedCard.model_validate(
        {
            "problem": problem.name,
            "classes": problem.classes,
            "licence": target.licence,
            "price_per_1000": target.price_per_1000,
            "requests_per_minute": target.requests_per_minute,
            **made.keys,
        }
    )
