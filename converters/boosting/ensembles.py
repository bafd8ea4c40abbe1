"""Sums of decision trees as an ONNX graph, exactly: thresholds are compared as the source compares them.

Written here because the exporter at hand answers wrongly without a word: onnxmltools 1.16 with XGBoost 3.2 and LightGBM
4.7 gives a random-forest booster's trees to the wrong classes (9 to 17 % of labels right), refuses DART, takes
linear trees and `zero_as_missing` for plain ones, and rounds LightGBM's double thresholds to the nearest float32, which
may be the pixel's own value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from converters.refusals import SourceDamaged

INPUT, OUTPUT = "features", "scores"
OPSETS = {"": 20, "ai.onnx.ml": 3}
IR_VERSION = 10
NODES_LIMIT = 20_000_000

Link = Literal["softmax", "sigmoid", "none"]


@dataclass(frozen=True)
class Tree:
    """A binary tree in arrays [nodes]: node 0 is the root, `left` is -1 at leaves, whose answer is in `value`.

    `feature`, `left`, `right`: int64. `threshold`, `value`: float32.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray


@dataclass(frozen=True)
class Ensemble:
    """Trees whose answers are added up per class, from `base` float32 [k] on, and turned into scores by `link`.

    `classes`: to which of the k sums each tree belongs. `inclusive`: a feature goes left at <= its threshold, else at
    < only. With one sum for two classes, the scores are [1 - p, p] (sigmoid) or [-sum, sum] (none).
    """

    features: int
    trees: Sequence[Tree]
    classes: Sequence[int]
    base: np.ndarray
    link: Link
    inclusive: bool

    @property
    def count(self) -> int:
        """How many classes the scores are for."""
        return max(2, len(self.base))


def not_above(thresholds: np.ndarray) -> np.ndarray:
    """float64 -> the largest float32 that is not above it, so that x <= t holds for the same float32 x."""
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)


def sound(tree: Tree, features: int, name: str) -> Tree:
    """The tree with only the nodes that are reached from its root, in their order; raises SourceDamaged.

    Refused: arrays of different lengths, children or features that do not exist, a node with two parents.
    """
    count = len(tree.left)
    if not count or any(len(a) != count for a in (tree.feature, tree.threshold, tree.right, tree.value)):
        raise SourceDamaged(f"{name} has a tree whose lists differ in length; get the file again")
    branch = tree.left >= 0
    children = np.concatenate([tree.left[branch], tree.right[branch]])
    if (children <= 0).any() or (children >= count).any() or not _within(tree.feature[branch], features):
        raise SourceDamaged(f"{name} has a tree with a child or a feature that does not exist; get the file again")
    seen = np.zeros(count, bool)
    level = np.zeros(1, np.int64)
    while len(level):
        if seen[level].any() or len(np.unique(level)) != len(level):
            raise SourceDamaged(f"{name} has a tree in which a node has two parents; get the file again")
        seen[level] = True
        inner = level[branch[level]]
        level = np.concatenate([tree.left[inner], tree.right[inner]])
    new = np.cumsum(seen) - 1
    left, right = (np.where(branch, new[side], -1)[seen] for side in (tree.left, tree.right))
    return Tree(tree.feature[seen], tree.threshold[seen], left, right, tree.value[seen])


def _within(numbers: np.ndarray, limit: int) -> bool:
    return bool((numbers >= 0).all() and (numbers < limit).all())


def to_onnx(ensemble: Ensemble, producer: str) -> onnx.ModelProto:
    """`features` float32 [n, f] -> `scores` float32 [n, k], n free, in one TreeEnsembleRegressor and its link."""
    count = len(ensemble.base)
    nodes = [
        helper.make_node(
            "TreeEnsembleRegressor", [INPUT], ["sums"], "trees", domain="ai.onnx.ml", **_attributes(ensemble)
        ),
        *_linked(ensemble.link, count),
    ]
    one = numpy_helper.from_array(np.ones(1, np.float32), "one")
    graph = helper.make_graph(
        nodes,
        "trees",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", ensemble.features])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", ensemble.count])],
        [one] if count == 1 and ensemble.link == "sigmoid" else [],
    )
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name=producer)


def _attributes(ensemble: Ensemble) -> dict[str, object]:
    trees = ensemble.trees
    if sum(len(tree.left) for tree in trees) > NODES_LIMIT:
        raise SourceDamaged(f"the trees have more than {NODES_LIMIT} nodes; train a smaller ensemble")
    sizes = [len(tree.left) for tree in trees]
    places = np.concatenate([np.arange(size) for size in sizes])
    numbers = np.repeat(np.arange(len(trees)), sizes)
    groups = np.repeat(np.asarray(ensemble.classes, np.int64), sizes)
    feature, threshold, left, right, value = (
        np.concatenate([getattr(tree, key) for tree in trees])
        for key in ("feature", "threshold", "left", "right", "value")
    )
    leaf = left < 0
    test = "BRANCH_LEQ" if ensemble.inclusive else "BRANCH_LT"
    return {
        "n_targets": len(ensemble.base),
        "base_values": ensemble.base.astype(np.float32).tolist(),
        "aggregate_function": "SUM",
        "nodes_treeids": numbers.tolist(),
        "nodes_nodeids": places.tolist(),
        "nodes_featureids": np.where(leaf, 0, feature).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", test).tolist(),
        "nodes_values": np.where(leaf, np.float32(0), threshold).tolist(),
        "nodes_truenodeids": np.where(leaf, 0, left).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, right).tolist(),
        "target_treeids": numbers[leaf].tolist(),
        "target_nodeids": places[leaf].tolist(),
        "target_ids": groups[leaf].tolist(),
        "target_weights": value[leaf].tolist(),
    }


def _linked(link: Link, count: int) -> list[onnx.NodeProto]:
    if count == 1 and link == "sigmoid":
        return [
            helper.make_node("Sigmoid", ["sums"], ["second"]),
            helper.make_node("Sub", ["one", "second"], ["first"]),
            helper.make_node("Concat", ["first", "second"], [OUTPUT], axis=1),
        ]
    if count == 1:
        return [
            helper.make_node("Neg", ["sums"], ["first"]),
            helper.make_node("Concat", ["first", "sums"], [OUTPUT], axis=1),
        ]
    if link == "softmax":
        return [helper.make_node("Softmax", ["sums"], [OUTPUT], axis=1)]
    return [helper.make_node("Sigmoid" if link == "sigmoid" else "Identity", ["sums"], [OUTPUT])]


def linked(sums: np.ndarray, link: Link) -> np.ndarray:
    """Scores [n, k] of sums [n, k] or [n], as the graph turns them, in their own precision."""
    rows = sums.reshape(len(sums), -1)
    if link == "softmax":
        powers = np.exp(rows - rows.max(axis=1, keepdims=True))
        scores: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
        return scores
    if link == "sigmoid":
        share = 1 / (1 + np.exp(-rows))
        return np.concatenate([1 - share, share], axis=1) if rows.shape[1] == 1 else share
    return np.concatenate([-rows, rows], axis=1) if rows.shape[1] == 1 else rows
