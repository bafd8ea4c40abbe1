"""Oracles that answer with some of their classes: the same scores, fewer words."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from oracles import contract, seal
from oracles.card import Measured
from oracles.refusals import CardRefused, NoClassAxis
from oracles.restriction import restrict
from oracles.runtime import open_session

Make = Callable[..., Path]


def answers(model: onnx.ModelProto, images_NHWC: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    labels_N, scores_NC = open_session(model, device="cpu").run(["labels", "scores"], {"images": images_NHWC})
    return labels_N, scores_NC


def test_kept_classes_keep_their_scores_in_the_wanted_order(
    tiny_oracle: Make, photographs: Make, tmp_path: Path
) -> None:
    whole, images_NHWC = onnx.load(tiny_oracle(tmp_path)), photographs(50)
    _, scores_NC = answers(whole, images_NHWC)
    made = restrict(whole, ["class 3", "class 0", "class 4"], "some", problem="three")
    labels_N, kept_NC = answers(made, images_NHWC)
    assert np.array_equal(kept_NC, scores_NC[:, [3, 0, 4]])
    assert np.array_equal(labels_N, scores_NC[:, [3, 0, 4]].argmax(axis=1))
    card = contract.read_card(made)
    assert (card.name, card.problem, card.classes) == ("some", "three", ("class 3", "class 0", "class 4"))
    assert "never answers class 1, class 2" in card.notes[-1]


def test_another_order_of_all_classes_is_no_loss(tiny_oracle: Make, photographs: Make, tmp_path: Path) -> None:
    whole, images_NHWC = onnx.load(tiny_oracle(tmp_path)), photographs(50)
    order = [4, 2, 0, 1, 3]
    made = restrict(whole, [f"class {place}" for place in order], "turned")
    assert np.array_equal(np.array(order)[answers(made, images_NHWC)[0]], answers(whole, images_NHWC)[0])
    assert "in another order" in contract.read_card(made).notes[-1]


def test_a_restricted_oracle_can_be_restricted_again(tiny_oracle: Make, photographs: Make, tmp_path: Path) -> None:
    whole, images_NHWC = onnx.load(tiny_oracle(tmp_path)), photographs(20)
    once = restrict(whole, ["class 3", "class 0", "class 4"], "some")
    twice = restrict(once, ["class 4", "class 3"], "fewer")
    assert np.array_equal(answers(twice, images_NHWC)[1], answers(whole, images_NHWC)[1][:, [4, 3]])


def test_what_was_measured_with_other_classes_goes_and_probabilities_are_none_any_more(
    tiny_oracle: Make, tmp_path: Path
) -> None:
    measured = Measured(problem="p", source="s", digest="d", images=3, macro_f1=0.5, accuracy=0.5, mean_recall=0.5)
    whole = seal.restate(onnx.load(tiny_oracle(tmp_path)), measured=(measured,), scores_kind="probability")
    fewer = contract.read_card(restrict(whole, ["class 3", "class 0"], "some"))
    assert (fewer.measured, fewer.scores_kind) == ((), "logit")
    assert fewer.notes[-1].endswith("; its scores do not sum to one")
    turned = restrict(whole, [f"class {place}" for place in (1, 0, 2, 3, 4)], "turned")
    assert contract.read_card(turned).scores_kind == "probability"
    assert "sum to one" not in contract.read_card(turned).notes[-1]


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [
        (["class 1", "frog"], "tiny has no class 'frog'; it has class 0, class 1"),
        (["class 1", "class 1"], "each once"),
        (["class 1"], "name two or more classes"),
    ],
)
def test_classes_that_cannot_be_kept_are_refused(
    tiny_oracle: Make, tmp_path: Path, classes: list[str], sentence: str
) -> None:
    with pytest.raises(CardRefused, match=sentence):
        restrict(onnx.load(tiny_oracle(tmp_path)), classes, "some")


def without_scores(path: Path) -> onnx.ModelProto:
    model = onnx.load(path)
    del model.graph.output[1]
    contract.write_card(model, contract.read_card(model).model_copy(update={"scores_kind": None}))
    return model


def test_labels_without_scores_take_another_order_but_lose_no_class(
    tiny_oracle: Make, photographs: Make, tmp_path: Path
) -> None:
    whole, images_NHWC = without_scores(tiny_oracle(tmp_path)), photographs(50)
    order = [4, 2, 0, 1, 3]
    turned = restrict(whole, [f"class {place}" for place in order], "turned")
    before_N, after_N = (
        open_session(m, device="cpu").run(["labels"], {"images": images_NHWC})[0] for m in (whole, turned)
    )
    assert np.array_equal(np.array(order)[after_N], before_N)
    with pytest.raises(NoClassAxis, match="labels without scores"):
        restrict(whole, ["class 1", "class 2"], "some")
