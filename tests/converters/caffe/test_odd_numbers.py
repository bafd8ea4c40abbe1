"""Layers with numbers that no sane file has: they convert and run, or are refused with a sentence."""

import re

import numpy as np
import pytest
from layer_cases import CASES, Case, blobs_of
from made_nets import images, net_of, run

from converters.caffe.graph import Built, build
from converters.refusals import ConversionRefused

ODD = (
    "-1",
    "0",
    "1",
    "2",
    "3",
    "5",
    "7",
    "0.3",
    "1000000",
    "2147483647",
    "-2147483648",
    "4294967295",
    "1e38",
    "nan",
    "inf",
)
PLACES = re.compile(r"(?<=: )-?[\d.]+")
ROUNDS = 12


def changed(case: Case, rng: np.random.Generator) -> str:
    """The text of a case with one or two of its numbers replaced by odd ones."""
    spans = [match.span() for match in PLACES.finditer(case.layers)]
    text = case.layers
    for start, end in sorted({spans[at] for at in rng.integers(0, len(spans), 2)}, reverse=True):
        text = text[:start] + ODD[rng.integers(len(ODD))] + text[end:]
    return text


def built_or_refused(case: Case, text: str) -> Built | None:
    """The model, or None where it is refused in one line; anything else is an error."""
    try:
        return build(net_of(text, blobs_of(case), {"data": (1, *case.sides)}), output="it")
    except ConversionRefused as refusal:
        said = str(refusal)
    assert said
    assert "\n" not in said
    return None


def small(built: Built) -> bool:
    """Whether no result on the way is too large to be computed in a test."""
    values = (*built.model.graph.value_info, *built.model.graph.output)
    return all(np.prod([side.dim_value for side in v.type.tensor_type.shape.dim[1:]]) < 1e5 for v in values)


@pytest.mark.parametrize("seed", range(4))
def test_layers_with_odd_numbers_run_or_are_refused_with_a_sentence(seed: int) -> None:
    """No other error, and nothing that onnxruntime will not load."""
    rng = np.random.default_rng(seed)
    outcomes = {"ran": 0, "refused": 0}
    for case in [case for case in CASES if PLACES.search(case.layers)]:
        for _ in range(ROUNDS):
            built = built_or_refused(case, changed(case, rng))
            if built is None:
                outcomes["refused"] += 1
            elif small(built):
                assert len(run(built, images((2, *case.sides)))[0]) == 2
                outcomes["ran"] += 1
    assert min(outcomes.values()) > 100
