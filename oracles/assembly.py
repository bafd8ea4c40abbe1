"""The oracle file's graph: preprocessing, the source's nodes, the arg max; and which batch sizes it holds for."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from oracles.card import DroppedCard, Preprocessing
from oracles.contract import INPUT, LABELS, SCORES
from oracles.preprocessing import Shape, prefix
from oracles.refusals import CardRefused, ModelRefused, OracleFailed, OracleRefused
from oracles.rewrite import free_batch, free_prefix, opset, prune, rename, value
from oracles.runtime import open_session
from oracles.trial import Trial, alike, run_sealed

# operators whose answers differ from run to run
_RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}


class Plan(NamedTuple):
    """Everything that the preprocessing in front of a source needs to know."""

    how: Preprocessing
    shape: Shape
    mean_image: np.ndarray | None


class Assembled(NamedTuple):
    """A sealed model without its card, the batch that it is fixed to (None: free), and what to warn of."""

    model: ModelProto
    batch: int | None
    warnings: tuple[str, ...]


def assemble(source: ModelProto, runs: Trial, plan: Plan, batch: int | None) -> ModelProto:
    """The oracle's graph around a source whose inputs and tensors are named as in `runs`; the card is still missing."""
    sealed = ModelProto()
    sealed.CopyFrom(source)
    version = opset(sealed)
    candidate = runs.chosen.candidate
    prune(sealed, [candidate.tensor])
    ours = free_prefix(sealed, "seal/")
    front = prefix(plan.how, plan.shape, version, plan.mean_image, ours)
    new = {name: f"{ours}source_{name}" for name in (INPUT, LABELS, SCORES)}
    new[runs.input] = front.output
    tensor = new.get(candidate.tensor, candidate.tensor)
    rename(sealed.graph, new)
    graph = sealed.graph
    nodes = [*front.nodes, *graph.node, *_ending(tensor, runs, ours)]
    for field in ("node", "input", "output"):
        graph.ClearField(field)
    graph.node.extend(nodes)
    n = batch or "n"
    graph.input.append(value(INPUT, TensorProto.UINT8, (n, *plan.how.size, 3)))
    graph.output.append(value(LABELS, TensorProto.INT64, (n,)))
    if runs.chosen.scores_NC is not None:
        graph.output.append(value(SCORES, TensorProto.FLOAT, (n, runs.chosen.scores_NC.shape[1])))
    graph.name = "oracle"
    sealed.producer_name, sealed.producer_version, sealed.domain, sealed.model_version = "copycat-benchmark", "", "", 0
    return sealed


def _ending(tensor: str, runs: Trial, ours: str) -> Iterator[NodeProto]:
    """From the chosen tensor to scores float32 [n, k] and labels int64 [n]."""
    scores_NC = runs.chosen.scores_NC
    if scores_NC is None:
        flat = numpy_helper.from_array(np.array([-1], dtype=np.int64), f"{ours}one_axis")
        yield helper.make_node("Constant", [], [f"{ours}one_axis"], name=f"{ours}one_axis", value=flat)
        yield helper.make_node("Cast", [tensor], [f"{ours}int64"], name=f"{ours}int64", to=TensorProto.INT64)
        yield helper.make_node("Reshape", [f"{ours}int64", f"{ours}one_axis"], [LABELS], name=f"{ours}labels")
        return
    shape = numpy_helper.from_array(np.array([-1, scores_NC.shape[1]], dtype=np.int64), f"{ours}two_axes")
    yield helper.make_node("Constant", [], [f"{ours}two_axes"], name=f"{ours}two_axes", value=shape)
    yield helper.make_node("Cast", [tensor], [f"{ours}float"], name=f"{ours}float", to=TensorProto.FLOAT)
    yield helper.make_node("Reshape", [f"{ours}float", f"{ours}two_axes"], [SCORES], name=f"{ours}scores")
    yield helper.make_node("ArgMax", [SCORES], [LABELS], name=f"{ours}labels", axis=1, keepdims=0)


def first_that_holds(runs: Trial, source: ModelProto, plan: Plan, card: DroppedCard) -> Assembled:
    """The most useful batch axis for which the sealed graph gives what the source gave: free, else fixed."""
    steady, in_company = runs.repeats(), runs.batch is None and _company_matters(runs)
    runs.session.close()  # the weights of a large model are in memory once at a time
    why = ""
    for variant, batch in _variants(source, runs, card):
        sealed = assemble(variant, runs, plan, batch)
        try:
            session = open_session(sealed, device="cpu", lent=runs.lent)
            labels_N, scores_NC = run_sealed(session, runs.images_NHWC, batch)
        except OracleRefused as refusal:
            why = str(refusal)
            continue
        notes = _notes(runs, batch, steady=steady)
        if not steady or alike(scores_NC, labels_N, runs.chosen):
            return Assembled(sealed, batch, notes)
        if batch is None and variant is source and in_company:
            # the source itself answers otherwise in company: keep it as it is, and say so
            advice = "an image's answer depends on the others in its batch; batch = 1 in the card asks them one by one"
            return Assembled(sealed, batch, (*notes, advice))
        why = "other scores than the source model"
    raise ModelRefused(f"sealed, the model does not give what it gave alone ({why}); export it with a free batch axis")


def _variants(source: ModelProto, runs: Trial, card: DroppedCard) -> Iterator[tuple[ModelProto, int | None]]:
    fixed = runs.batch
    if card.batch is not None:
        if fixed not in (None, card.batch):
            raise CardRefused(f"the card says batch = {card.batch}, but the model takes {fixed} images at once")
        yield source, card.batch
        return
    if fixed is None:
        yield source, None
    yield free_batch(source, fixed or 1), None
    yield source, fixed or 1


def _company_matters(runs: Trial) -> bool:
    """Whether the source gives other numbers for three images at once than one by one, in the right shape."""
    try:
        together = runs.at_once(0, 3)
    except OracleFailed:
        return False
    alone = runs.chosen.labels_N if runs.chosen.scores_NC is None else runs.chosen.scores_NC
    return together is not None and not np.allclose(together, alone[:3], rtol=1e-3, atol=1e-4, equal_nan=True)


def _notes(runs: Trial, batch: int | None, *, steady: bool) -> tuple[str, ...]:
    notes = []
    random = sorted(runs.operators & _RANDOM)
    if not steady:
        notes.append(
            "the same image gives other scores the second time" + (f" ({', '.join(random)})" if random else "")
        )
    elif random:
        notes.append(f"the graph draws random numbers ({', '.join(random)})")
    scores = runs.chosen.scores_NC
    if scores is not None and not np.isfinite(scores).all():
        notes.append(
            f"scores are not finite for {int((~np.isfinite(scores)).any(axis=1).sum())} of {len(scores)} probes"
        )
    if _constant(runs):
        notes.append("every probe image gets the same answer: the range may be wrong, or the model blind")
    if batch is not None:
        notes.append(f"the batch is fixed: {batch} image(s) at a time")
    return tuple(notes)


def _constant(runs: Trial) -> bool:
    scores = runs.chosen.scores_NC
    if scores is None:
        return len(set(runs.chosen.labels_N.tolist())) == 1
    with np.errstate(invalid="ignore"):
        return bool(np.ptp(scores, axis=0).max() <= 1e-6 * max(1.0, float(np.abs(scores).max())))
