"""LightGBM's native text as an ensemble of trees, and the same text without what its own reader would trust blindly.

The format is that of `GBDT::SaveModelToString` and `Tree::ToString` in LightGBM's sources (version v4; v3 alike).
"""

import re
from typing import NamedTuple

import numpy as np

from converters.boosting.ensembles import Ensemble, Link, Tree, not_above, sound
from converters.refusals import SourceDamaged, UnsupportedLayer

OBJECTIVES: dict[str, Link] = {
    "binary": "sigmoid",
    "cross_entropy": "sigmoid",
    "multiclass": "softmax",
    "multiclassova": "sigmoid",
}
_CATEGORICAL, _DEFAULT_LEFT, _ZERO_MISSING = 1, 2, 1
_HEADER = (
    "version", "num_class", "num_tree_per_iteration", "label_index", "max_feature_idx", "objective", "feature_names",
    "feature_infos",
)  # fmt: skip
_TREE = (
    "num_leaves", "num_cat", "split_feature", "split_gain", "threshold", "decision_type", "left_child", "right_child",
    "leaf_value", "leaf_weight", "leaf_count", "internal_value", "internal_weight", "internal_count", "is_linear",
    "shrinkage",
)  # fmt: skip
_OF_LEAVES = ("leaf_weight", "leaf_count")
_OF_SPLITS = ("split_gain", "internal_value", "internal_weight", "internal_count")
_PLAIN = re.compile(r"[\w .:+\-\[\]()<>,/]*")


class Trees(NamedTuple):
    """The ensemble; the text that LightGBM itself may read, and what its raw scores are multiplied with.

    `range`: the least and the largest feature that it was trained on.
    """

    ensemble: Ensemble
    text: str
    steepness: float
    range: tuple[float, float] | None


def read_text(text: str, name: str) -> Trees:
    """The trees in a text that Booster.save_model wrote. Raises SourceDamaged, UnsupportedLayer."""
    try:
        return _ensemble(text, name)
    except (KeyError, ValueError, IndexError, OverflowError, ZeroDivisionError) as error:
        cause = f"{type(error).__name__}: {error}".splitlines()[0][:120]
        raise SourceDamaged(f"{name} is no model that LightGBM's save_model wrote ({cause}); get it again") from None


def _ensemble(text: str, name: str) -> Trees:
    body, ended, _ = text.partition("\nend of trees")
    head, *sections = re.split(r"^Tree=\d+$", body, flags=re.MULTILINE)
    header = _pairs(head, _HEADER)
    if not ended or head.splitlines()[0].strip() != "tree":
        raise ValueError("it does not begin with 'tree' and end with 'end of trees'")
    kind, *options = header["objective"].split() or ["none"]
    if kind not in OBJECTIVES:
        raise UnsupportedLayer(
            f"{name} was trained with {kind[:40]}, which gives no classes; objectives that do are"
            f" {', '.join(OBJECTIVES)}"
        )
    steep = next((float(o.partition(":")[2]) for o in options if o.startswith("sigmoid:")), 1.0)
    features, classes = int(header["max_feature_idx"]) + 1, int(header["num_tree_per_iteration"])
    averaged = "average_output" in head.split()
    if not sections or not 1 <= classes <= len(sections) or len(sections) % classes or features < 1:
        raise ValueError(f"{len(sections)} trees for {classes} classes and {features} features")
    parts = [_pairs(section, _TREE) for section in sections]
    scale = steep / (len(sections) // classes) if averaged else steep
    trees = [_tree(part, scale, features, name) for part in parts]
    groups = [at % classes for at in range(len(trees))]
    ensemble = Ensemble(features, trees, groups, np.zeros(classes, np.float32), OBJECTIVES[kind], inclusive=True)
    return Trees(ensemble, _clean(header, parts, averaged=averaged), scale, _seen(header.get("feature_infos", "")))


def _pairs(section: str, keys: tuple[str, ...]) -> dict[str, str]:
    found = dict(line.split("=", 1) for line in section.splitlines() if "=" in line)
    return {key: value.strip() for key, value in found.items() if key in keys}


def _tree(part: dict[str, str], scale: float, features: int, name: str) -> Tree:
    leaves = int(part["num_leaves"])
    if part.get("is_linear", "0") != "0":
        raise UnsupportedLayer(f"{name} has linear models in its leaves; train it without linear_tree")
    value = _numbers(part["leaf_value"], leaves) * scale
    if leaves == 1:
        none = np.full(1, -1, np.int64)
        return Tree(np.zeros(1, np.int64), np.zeros(1, np.float32), none, none, value.astype(np.float32))
    inner = leaves - 1
    for key, count in {**dict.fromkeys(_OF_LEAVES, leaves), **dict.fromkeys(_OF_SPLITS, inner)}.items():
        _numbers(part.get(key, "0 " * count), count)
    feature, left, right, kinds = (
        _numbers(part[key], inner).astype(np.int64)
        for key in ("split_feature", "left_child", "right_child", "decision_type")
    )
    threshold = _numbers(part["threshold"], inner)
    _refuse_kinds(kinds, threshold, name)
    children = [np.where(side < 0, inner + ~side, side) for side in (left, right)]
    ends = np.full(leaves, -1, np.int64)
    tree = Tree(
        feature=np.concatenate([feature, np.zeros(leaves, np.int64)]),
        threshold=np.concatenate([not_above(threshold), np.zeros(leaves, np.float32)]),
        left=np.concatenate([children[0], ends]),
        right=np.concatenate([children[1], ends]),
        value=np.concatenate([np.zeros(inner), value]).astype(np.float32),
    )
    return sound(tree, features, name)


def _refuse_kinds(kinds: np.ndarray, threshold: np.ndarray, name: str) -> None:
    """Splits on categories; and zeros that count as missing where they would go another way than numbers do."""
    if (kinds & _CATEGORICAL).any():
        raise UnsupportedLayer(
            f"{name} splits on categories, but pixels are numbers; train it without categorical_feature"
        )
    zero = (kinds >> 2 & 3) == _ZERO_MISSING
    if (zero & (((kinds & _DEFAULT_LEFT) != 0) != (threshold >= 0))).any():
        raise UnsupportedLayer(
            f"{name} takes zeros for missing values, but zero is black; train it without zero_as_missing"
        )


def _numbers(text: str, count: int) -> np.ndarray:
    values = np.array(text.split(), np.float64)
    if len(values) != count or not np.isfinite(values).all():
        raise ValueError(f"{len(values)} numbers where {count} belong")
    return values


def _clean(header: dict[str, str], parts: list[dict[str, str]], *, averaged: bool) -> str:
    """The text again from its known lines alone, without `tree_sizes`: offsets that LightGBM does not check."""
    lines = ["tree", *(f"{key}={header[key]}" for key in _HEADER if key in header)]
    lines += ["average_output"] if averaged else []
    for at, part in enumerate(parts):
        lines += ["", f"Tree={at}", *(f"{key}={part[key]}" for key in _TREE if key in part)]
    if not all(_PLAIN.fullmatch(line.partition("=")[2]) for line in lines):
        raise ValueError("a line holds signs that belong in no model")
    return "\n".join([*lines, "", "end of trees", ""])


def _seen(infos: str) -> tuple[float, float] | None:
    """The range of all features, which LightGBM notes per feature as [least:largest]."""
    ends = [found.groups() for found in re.finditer(r"\[([-+.\w]+):([-+.\w]+)\]", infos)]
    low, high = min((float(a) for a, _ in ends), default=0.0), max((float(b) for _, b in ends), default=0.0)
    return (low, high) if low < high and np.isfinite([low, high]).all() else None
