"""Nets with several outputs: auxiliary classifiers of a file for training, and outputs that nobody can tell apart."""

from pathlib import Path

import numpy as np
import pytest
from made_nets import images, largest_difference, layer_text, net_of, write_caffemodel
from test_convert import data_layer

from converters.caffe.convert import convert
from converters.caffe.heads import main_head
from converters.conversion import Conversion, Source, Wishes
from converters.refusals import SourceIncomplete
from oracles.runtime import open_session

CONV = "convolution_param { num_output: 3 kernel_size: 3 pad: 1 }"
DATA = {"data": (1, 3, 6, 6), "label": (1,)}
SHAPES = {"stem": [(3, 3, 3, 3), (3,)], "middle": [(3, 3, 3, 3), (3,)], "deep": [(3, 3, 3, 3), (3,)]}


def head(number: int, after: str, classes: int = 4) -> str:
    """A classifier behind a layer, with its loss and the accuracy that is measured beside it."""
    scores = f"loss{number}/classifier"
    text = layer_text(
        "InnerProduct", f"inner_product_param {{ num_output: {classes} }}", name=scores, bottoms=after, tops=scores
    )
    text += layer_text(
        "SoftmaxWithLoss",
        "loss_weight: 0.3",
        name=f"loss{number}/loss",
        bottoms=f"{scores} label",
        tops=f"loss{number}",
    )
    return text + layer_text("Accuracy", name=f"top{number}", bottoms=f"{scores} label", tops=f"top{number}")


def like_googlenet() -> str:
    """Three classifiers at three depths, the main one in the middle of the file."""
    text = layer_text("Convolution", CONV, name="stem", tops="stem")
    text += head(1, "stem")
    text += layer_text("Convolution", CONV, name="middle", bottoms="stem", tops="middle")
    text += layer_text("Convolution", CONV, name="deep", bottoms="middle", tops="deep")
    return text + head(3, "deep") + head(2, "middle")


def trained(folder: Path, text: str) -> Source:
    """A folder with a net for training and random weights."""
    rng = np.random.default_rng(5)
    shapes = {**SHAPES, **{f"loss{number}/classifier": [(4, 3 * 6 * 6), (4,)] for number in (1, 2, 3)}}
    layers = [(name, [rng.normal(size=s).astype(np.float32) / 9 for s in each]) for name, each in shapes.items()]
    (folder / "train_val.prototxt").write_text(data_layer("crop_size: 6") + text)
    write_caffemodel(folder / "net.caffemodel", layers)
    return Source(str(folder), folder)


def test_the_head_behind_most_layers_is_taken_and_the_conversion_says_so(tmp_path):
    made = convert(trained(tmp_path, like_googlenet()), Wishes())
    assert [output.name for output in made.model.graph.output] == ["loss3/loss"]
    assert (
        "output loss3 is assumed, which most layers lead to; the net has the outputs loss1, loss3, loss2" in made.notes
    )
    assert not any("loss1" in tensor.name or "loss2" in tensor.name for tensor in made.model.graph.initializer)
    assert made.stated["scores_kind"] == "probability"
    found, expected = answers(made)
    assert largest_difference(found, expected) <= 1e-5


def test_an_auxiliary_head_can_still_be_wished_for(tmp_path):
    made = convert(trained(tmp_path, like_googlenet()), Wishes(output="loss1"))
    assert [output.name for output in made.model.graph.output] == ["loss1/loss"]
    found, expected = answers(made)
    assert largest_difference(found, expected) <= 1e-5


def answers(made: Conversion) -> tuple[np.ndarray, np.ndarray]:
    inputs = images((4, 3, 6, 6))
    session = open_session(made.model.SerializeToString(), device="cpu")
    return session.run(None, {session.inputs[0].name: inputs})[0], made.reference.scores(inputs)


@pytest.mark.parametrize(
    "text",
    [head(1, "data") + head(2, "data"), head(1, "data", 8) + layer_text("ReLU", tops="x") + head(2, "x", 2)],
    ids=["equally deep", "other classes"],
)
def test_outputs_that_may_each_be_meant_are_refused_by_their_names(text):
    with pytest.raises(SourceIncomplete, match=r"several outputs .* \(loss1, loss2\); name one with --output"):
        main_head(net_of(text, inputs=DATA))


def test_a_head_beside_results_that_nobody_reads_is_the_output():
    loose = layer_text("Convolution", CONV, name="loose", tops="loose")
    loose += layer_text("Convolution", CONV, name="looser", bottoms="loose", tops="looser")
    loose += layer_text("Pooling", "pooling_param { kernel_size: 2 }", name="loosest", bottoms="looser", tops="loosest")
    name, note = main_head(net_of(loose + head(1, "data"), inputs=DATA))
    assert name == "loss1"
    assert note.endswith("the net has the outputs loosest, loss1")


def test_two_losses_on_the_same_scores_are_one_output():
    second = layer_text("HingeLoss", name="hinge", bottoms="loss1/classifier label", tops="hinge")
    assert main_head(net_of(head(1, "data") + second, inputs=DATA))[0] == "loss1"


def test_heads_without_a_loss_are_told_apart_as_well():
    param = "inner_product_param { num_output: 4 }"
    text = layer_text("InnerProduct", param, name="aux", tops="aux")
    text += layer_text("ReLU", name="relu", tops="relu")
    text += layer_text("InnerProduct", param, name="main", bottoms="relu", tops="main")
    assert main_head(net_of(text))[0] == "main"


def test_one_output_needs_no_choice():
    assert main_head(net_of(head(1, "data"), inputs=DATA)) == (None, "")
