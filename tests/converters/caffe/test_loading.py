"""Weights come to layers by name: what is missing, too many or of another shape is refused by the layer's name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.caffe import messages
from converters.caffe.caffemodel import SourceLayer, Weights
from converters.caffe.prototxt import parse
from converters.caffe.weights import blobs_for
from converters.refusals import ConversionRefused, SourceDamaged, SourceIncomplete


def layers_of(text: str) -> list[Any]:
    net = messages.NetParameter()
    assert parse(text, net, "net.prototxt") == ()
    return list(net.layer)


def ones(*sides: int) -> np.ndarray:
    return np.ones(sides, np.float32)


def load(text: str, held: Sequence[tuple[str, Sequence[np.ndarray | None]]]) -> list[tuple[np.ndarray, ...]]:
    weights = Weights(Path("net.caffemodel"), tuple(SourceLayer(name, tuple(blobs)) for name, blobs in held))
    return blobs_for(layers_of(text), weights, "net.prototxt")


def ip(name: str, more: str = "") -> str:
    return f'layer {{ name: "{name}" type: "InnerProduct" inner_product_param {{ num_output: 2 }} {more} }}\n'


def test_weights_go_by_name_and_strangers_are_ignored() -> None:
    found = load(ip("b") + ip("a"), [("a", [ones(2, 3), ones(2)]), ("z", [ones(9)]), ("b", [2 * ones(2, 5), ones(2)])])
    assert [blobs[0].shape for blobs in found] == [(2, 5), (2, 3)]
    assert found[0][0][0, 0] == 2


def test_a_layer_that_needs_weights_and_has_none_is_refused_by_name() -> None:
    with pytest.raises(SourceIncomplete, match=r"no weights for layer 'b' \(InnerProduct\)"):
        load(ip("a") + ip("b"), [("a", [ones(2, 3), ones(2)])])


@pytest.mark.parametrize(
    ("param", "shapes"),
    [
        ('type: "Convolution" convolution_param { num_output: 2 }', [(2, 3, 3, 3), (2,)]),
        ('type: "Convolution" convolution_param { num_output: 2 bias_term: false }', [(2, 3, 3, 3)]),
        ('type: "Convolution" convolution_param { num_output: 2 }', [(2, 3, 3, 3), (1, 1, 1, 2)]),
        ('type: "Deconvolution" convolution_param { num_output: 4 group: 2 }', [(6, 2, 3, 3), (4,)]),
        ('type: "InnerProduct" inner_product_param { num_output: 2 }', [(1, 1, 2, 7), (1, 1, 1, 2)]),
        ('type: "InnerProduct" inner_product_param { num_output: 2 transpose: true }', [(7, 2), (2,)]),
        ('type: "BatchNorm"', [(3,), (3,), (1,)]),
        ('type: "BatchNorm" batch_norm_param { scale_bias: true }', [(3,), (3,), (1,), (3,), (3,)]),
        ('type: "Scale" bottom: "x"', [(3,)]),
        ('type: "Scale" bottom: "x" scale_param { bias_term: true }', [(3,), (3,)]),
        ('type: "Scale" bottom: "x" bottom: "y" scale_param { bias_term: true }', [(3,)]),
        ('type: "Scale" bottom: "x" bottom: "y"', []),
        ('type: "Bias" bottom: "x"', [(3,)]),
        ('type: "Bias" bottom: "x" bottom: "y"', []),
        ('type: "PReLU"', [(3,)]),
        ('type: "ReLU"', []),
        ('type: "Custom"', [(1,), (2,), (3,), (4,)]),
        ('type: "Custom"', []),
    ],
)
def test_each_type_has_its_blobs_and_not_one_more_or_less(param: str, shapes: list[tuple[int, ...]]) -> None:
    text = f'layer {{ name: "x" {param} }}'
    blobs = [ones(*sides) for sides in shapes]
    assert [blob.shape for blob in load(text, [("x", blobs)])[0]] == shapes
    if "Custom" in param:
        return  # nobody knows how many a stranger has
    with pytest.raises(SourceDamaged, match=f"holds {len(shapes) + 1} blobs for layer 'x'"):
        load(text, [("x", [*blobs, ones(2)])])
    if blobs:
        with pytest.raises(ConversionRefused, match="layer 'x'"):
            load(text, [("x", blobs[:-1])])


@pytest.mark.parametrize(
    ("param", "shapes"),
    [
        ('type: "Convolution" convolution_param { num_output: 3 }', [(2, 3, 3, 3), (3,)]),
        ('type: "Convolution" convolution_param { num_output: 3 }', [(3, 2, 3, 3), (2,)]),
        ('type: "InnerProduct" inner_product_param { num_output: 3 }', [(2, 3), (3,)]),
        ('type: "InnerProduct" inner_product_param { num_output: 3 transpose: true }', [(3, 2), (3,)]),
        ('type: "Deconvolution" convolution_param { num_output: 3 }', [(3, 2, 3, 3), (3,)]),
    ],
)
def test_weights_made_for_other_outputs_are_refused(param: str, shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(SourceDamaged, match=r"layer 'x' .* has 3 outputs, but weights of .*another net"):
        load(f'layer {{ name: "x" {param} }}', [("x", [ones(*sides) for sides in shapes])])


def test_of_several_layers_of_one_name_in_the_file_the_last_counts() -> None:
    # Caffe copies each of them into the net's first layer of that name, one after the other
    found = load(ip("a"), [("a", [ones(2, 3), ones(2)]), ("a", [5 * ones(2, 3), ones(2)]), ("a", [])])
    assert found[0][0][0, 0] == 5


def test_several_layers_of_one_name_in_the_net_take_those_of_the_file_in_order() -> None:
    held = [("a", [ones(2, 3), ones(2)]), ("a", [5 * ones(2, 3), ones(2)])]
    relu = 'layer { name: "a" type: "ReLU" }\n'
    first, _, second = load(ip("a") + relu + ip("a"), held)
    assert (first[0][0, 0], second[0][0, 0]) == (1, 5)
    with pytest.raises(SourceDamaged, match="has 1 layers named 'a', but 2 of the net want weights"):
        load(ip("a") + ip("a"), held[:1])


def test_blobs_that_share_a_name_are_one_blob() -> None:
    shared = 'param { name: "w" } param { name: "b" }'
    owner = ("a", [ones(2, 3), 3 * ones(2)])
    for missing in ([], [("b", [])], [("b", [None, None])]):
        found = load(ip("a", shared) + ip("b", shared), [owner, *missing])
        assert found[1][0] is found[0][0]
        assert found[1][1] is found[0][1]
    own = load(ip("a", shared) + ip("b", 'param { name: "w" }'), [owner, ("b", [None, 7 * ones(2)])])
    assert own[1][0] is own[0][0]
    assert own[1][1][0] == 7


def test_blobs_in_the_prototxt_itself_count() -> None:
    text = ip("a", "blobs { shape { dim: [2, 1] } data: [1, 2] } blobs { shape { dim: 2 } data: [3, 4] }")
    layers = layers_of(text)
    found = blobs_for(layers, None, "net.prototxt")
    np.testing.assert_array_equal(found[0][0], [[1], [2]])
    np.testing.assert_array_equal(found[0][1], [3, 4])
    assert not layers[0].blobs


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8", ">f8"])
def test_blobs_come_as_float32_or_float64_of_this_machine(dtype: str) -> None:
    blobs = [np.array([[1.5], [2.5]], dtype), np.ones(2, dtype)]
    weights = load(ip("a"), [("a", blobs)])[0][0]
    assert weights.dtype == (np.float64 if "8" in dtype else np.float32)
    np.testing.assert_array_equal(weights, [[1.5], [2.5]])


def test_layers_without_weights_need_no_file() -> None:
    text = "".join(f'layer {{ name: "{kind}" type: "{kind}" }}\n' for kind in ("ReLU", "Pooling", "Softmax", "Dropout"))
    assert blobs_for(layers_of(text), None, "net.prototxt") == [()] * 4
