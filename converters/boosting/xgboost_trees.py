"""XGBoost's native JSON and UBJSON as an ensemble of trees, and a document of the same trees for XGBoost itself.

The format: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html and the schema beside it. XGBoost's
own reader trusts lengths and indices (a mutated file ended its process), so what it gets is written anew from what was
checked.
"""

import json
import math
import re
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from converters.boosting import ubjson
from converters.boosting.ensembles import Ensemble, Link, Tree, sound
from converters.refusals import SourceDamaged, UnsupportedLayer

# in UBJSON a marker follows the brace, for the length of the first key
_JSON = re.compile(rb"\s*\{\s*[\"}]")

# objective -> how sums become scores, and whether base_score is a probability
OBJECTIVES: dict[str, tuple[Link, bool]] = {
    "binary:logistic": ("sigmoid", True),
    "binary:logitraw": ("sigmoid", False),
    "binary:hinge": ("none", False),
    "multi:softprob": ("softmax", False),
    "multi:softmax": ("softmax", False),
}


class Trees(NamedTuple):
    """The ensemble, how many boosting rounds of the file it has (0 for all), and a JSON document for XGBoost."""

    ensemble: Ensemble
    rounds: int
    notes: tuple[str, ...]
    text: bytes


def read_document(data: bytes, name: str) -> Trees:
    """The trees in what Booster.save_model wrote, JSON or UBJSON. Raises SourceDamaged, UnsupportedLayer."""
    try:
        document = json.loads(data) if _JSON.match(data) else ubjson.loads(data)
        return _read(document, name)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        cause = f"{type(error).__name__}: {error}".splitlines()[0][:120]
        raise SourceDamaged(
            f"{name} is no model that XGBoost's save_model wrote ({cause}); save it as .json or .ubj"
        ) from None


def _read(document: dict[str, Any], name: str) -> Trees:
    learner = document["learner"]
    objective = learner["objective"]["name"]
    if objective not in OBJECTIVES:
        raise UnsupportedLayer(
            f"{name} was trained with {str(objective)[:40]}, which gives no classes; objectives that do are"
            f" {', '.join(OBJECTIVES)}"
        )
    link, _ = OBJECTIVES[objective]
    parameters = learner["learner_model_param"]
    features, classes = int(parameters["num_feature"]), max(1, int(parameters["num_class"]))
    model, weights = _booster(learner["gradient_booster"], name)
    plain = [_tree(tree, features, name) for tree in model["trees"]]
    groups = _integers(model["tree_info"]).tolist()
    if len({len(groups), len(plain), len(weights)}) > 1 or not plain or not set(groups) <= set(range(classes)):
        raise SourceDamaged(f"{name} has {len(plain)} trees for {classes} classes that do not fit; get the file again")
    rounds, kept, notes = _stopped(learner, model, len(plain))
    trees = [replace(tree, value=tree.value * np.float32(w)) for tree, w in zip(plain, weights, strict=True)]
    start = np.broadcast_to(np.asarray(_start(parameters, objective), np.float32), (classes,)).copy()
    ensemble = Ensemble(features, trees[:kept], groups[:kept], start, link, inclusive=False)
    text = json.dumps(_written(document, _Checked(features, plain, groups, weights)), allow_nan=False)
    return Trees(ensemble, rounds, notes, text.encode())


def _start(parameters: dict[str, Any], objective: str) -> list[float]:
    """What the sums begin with: `base_score`, one number or (from XGBoost 3.1 on) a list of them."""
    numbers = [float(number) for number in parameters["base_score"].strip("[]").split(",")]
    return [math.log(p / (1 - p)) for p in numbers] if OBJECTIVES[objective][1] else numbers


def _booster(booster: dict[str, Any], name: str) -> tuple[dict[str, Any], list[float]]:
    """The model of trees, and the weight of each."""
    kind = booster["name"]
    if kind == "dart":
        return booster["gbtree"]["model"], [float(weight) for weight in booster["weight_drop"]]
    if kind != "gbtree":
        raise UnsupportedLayer(f"{name} is a booster of kind {str(kind)[:40]}, not of trees; train gbtree or dart")
    return booster["model"], [1.0] * len(booster["model"]["trees"])


def _stopped(learner: dict[str, Any], model: dict[str, Any], count: int) -> tuple[int, int, tuple[str, ...]]:
    """Rounds and trees up to the best, where XGBoost's scikit-learn classes stopped early: they answer with those."""
    attributes, bounds = learner.get("attributes", {}), _bounds(model, count)
    if "best_iteration" not in attributes:
        return 0, count, ()
    best, every = int(attributes["best_iteration"]) + 1, len(bounds) - 1
    if not 0 < best < every:
        return 0, count, ()
    if "scikit_learn" in attributes:
        note = f"the first {best} of {every} rounds, as XGBClassifier answers after stopping early"
        return best, bounds[best], (note,)
    return 0, count, (f"all {every} rounds, as Booster.predict answers; the best on its validation set was {best}",)


def _bounds(model: dict[str, Any], count: int) -> list[int]:
    """Where the trees of each round begin, and the end of all; absent before XGBoost 2.0."""
    bounds: list[int] = _integers(model.get("iteration_indptr", [0, count])).tolist()
    if bounds != sorted(bounds) or not bounds or bounds[0] != 0 or bounds[-1] != count:
        raise ValueError("its rounds do not add up")
    return bounds


def _tree(tree: dict[str, Any], features: int, name: str) -> Tree:
    if int(tree["tree_param"].get("size_leaf_vector", 1)) > 1:
        raise UnsupportedLayer(f"{name} has a vector in each leaf; train it with multi_strategy one_output_per_tree")
    if any(tree.get("split_type", ())) or tree.get("categories_nodes"):
        raise UnsupportedLayer(f"{name} splits on categories, but pixels are numbers; train without enable_categorical")
    left, right, feature = (_integers(tree[key]) for key in ("left_children", "right_children", "split_indices"))
    condition = np.asarray(tree["split_conditions"], np.float32)
    if condition.ndim != 1 or not np.isfinite(condition).all():
        raise SourceDamaged(f"{name} has a threshold or leaf that is no number; get the file again")
    return sound(Tree(feature, condition, left, right, condition), features, name)


class _Checked(NamedTuple):
    """What was read and found sound."""

    features: int
    trees: list[Tree]
    groups: list[int]
    weights: list[float]


def _written(document: dict[str, Any], checked: _Checked) -> dict[str, Any]:
    """The document anew: trees as checked, the rest numbers in their places, and nothing else."""
    learner = document["learner"]
    model = learner["gradient_booster"].get("gbtree", learner["gradient_booster"])["model"]
    bounds = _bounds(model, len(checked.trees))
    parallel = int(model["gbtree_model_param"].get("num_parallel_tree", 1))
    trees: dict[str, Any] = {
        "gbtree_model_param": {"num_parallel_tree": str(parallel), "num_trees": str(len(checked.trees))},
        "iteration_indptr": bounds,
        "tree_info": checked.groups,
        "trees": [_written_tree(at, tree, checked.features) for at, tree in enumerate(checked.trees)],
    }
    booster: dict[str, Any] = {"name": "gbtree", "model": trees}
    if learner["gradient_booster"]["name"] == "dart":
        booster = {"name": "dart", "gbtree": booster, "weight_drop": checked.weights}
    classes = str(int(learner["learner_model_param"]["num_class"]))
    scores = ",".join(str(float(n)) for n in learner["learner_model_param"]["base_score"].strip("[]").split(","))
    several = learner["learner_model_param"]["base_score"].startswith("[")
    return {
        "version": _integers(document["version"]).tolist()[:3],
        "learner": {
            "attributes": {},
            "feature_names": [],
            "feature_types": [],
            "gradient_booster": booster,
            "learner_model_param": {
                "base_score": f"[{scores}]" if several else scores,
                "boost_from_average": "1",
                "num_class": classes,
                "num_feature": str(checked.features),
                "num_target": "1",
            },
            "objective": {
                "name": learner["objective"]["name"],
                "reg_loss_param": {"scale_pos_weight": "1"},
                "softmax_multiclass_param": {"num_class": classes},
            },
        },
    }


def _written_tree(at: int, tree: Tree, features: int) -> dict[str, Any]:
    count = len(tree.left)
    parents = np.full(count, 2**31 - 1, np.int64)
    branch = np.flatnonzero(tree.left >= 0)
    parents[tree.left[branch]] = parents[tree.right[branch]] = branch
    nothing = [0.0] * count
    return {
        "base_weights": nothing,
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": [0] * count,
        "id": at,
        "left_children": tree.left.tolist(),
        "loss_changes": nothing,
        "parents": parents.tolist(),
        "right_children": tree.right.tolist(),
        "split_conditions": tree.threshold.tolist(),
        "split_indices": np.where(tree.left < 0, 0, tree.feature).tolist(),
        "split_type": [0] * count,
        "sum_hessian": nothing,
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(features),
            "num_nodes": str(count),
            "size_leaf_vector": "1",
        },
    }


def _integers(values: Any) -> np.ndarray:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError("a list of whole numbers holds something else")
    return array.astype(np.int64)
