"""Every layer in onnxruntime against plain numpy and OpenCV, and against numbers worked out by hand."""

import numpy as np
import pytest
from layer_cases import CASES, DIES, Case, blobs_of
from made_nets import check, images, largest_difference, layer_text, net_of, plain_of, run
from onnx import TensorProto, ValueInfoProto, helper

from converters.caffe.graph import build
from converters.caffe.layers import LAYERS, supported
from converters.caffe.opencv import OpenCV
from converters.caffe.plain import PLAIN
from converters.refusals import SourceDamaged, SourceIncomplete, UnsupportedLayer

IDS = [f"{case.layers.rpartition('type: ')[2].split()[0]} {case.shows}" for case in CASES]
every_case = pytest.mark.parametrize("case", CASES, ids=IDS)


@every_case
def test_a_layer_gives_in_onnxruntime_what_it_gives_in_numpy(case: Case) -> None:
    """All results on the way, by their names, in the shapes that the walk has tracked."""
    net = net_of(case.layers, blobs_of(case), {"data": (1, *case.sides)})
    built = build(net, output="it")
    inputs = images((3, *case.sides))
    graph = built.model.graph
    told = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim][1:] for v in (*graph.value_info, *graph.output)}
    expected = dict(plain_of(net, built).layers(inputs))

    assert expected
    assert set(expected) >= {output.name for output in graph.output}
    del graph.output[:]
    graph.output.extend(_free(name) for name in expected)
    for name, found in zip(expected, run(built, inputs, list(expected)), strict=True):
        assert found.shape == expected[name].shape
        assert list(found.shape[1:]) == told[name]
        assert largest_difference(found, expected[name]) <= 1e-5


def _free(name: str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, None)


@every_case
def test_a_layer_gives_in_onnxruntime_what_it_gives_in_opencv(case: Case) -> None:
    """Or OpenCV differs, for a reason that the case names."""
    pytest.importorskip("cv2")
    if case.opencv == DIES:
        pytest.skip("OpenCV divides by 0")
    net = net_of(case.layers, blobs_of(case), {"data": (1, *case.sides)})
    built = build(net, output="it")
    inputs = images((3, *case.sides))
    found = run(built, inputs)[0].reshape(3, -1)
    end = built.outputs[0].layer
    if not case.opencv:
        assert largest_difference(found, OpenCV(net, end, built.results).scores(inputs)) <= 1e-4
        return
    try:
        other = OpenCV(net, end, built.results).scores(inputs)
    except UnsupportedLayer:
        return
    assert other.shape != found.shape or largest_difference(found, other) > 1e-3, "OpenCV no longer differs"


def test_every_layer_type_of_the_table_is_shown_by_a_case() -> None:
    """Losses that are left out are shown by one of them."""
    shown = {word.split('"')[1] for case in CASES for word in case.layers.split("type: ")[1:]}

    assert set(LAYERS) - shown == {"EuclideanLoss", "ContrastiveLoss", "MultinomialLogisticLoss"}
    assert {*PLAIN, "Reshape"} == set(LAYERS)


def test_the_table_for_readers_names_every_type_once() -> None:
    """In alphabetical order, with what is left out."""
    types = [kind for kind, _ in supported()]

    assert types == sorted(types, key=str.lower)
    assert set(types) == {*LAYERS, "Accuracy", "HDF5Output"}


def test_a_stored_factor_of_zero_stands_for_no_statistics() -> None:
    """Mean and variance are then 0, whatever the sums are: x / sqrt(eps)."""
    blobs = [np.array([5.0, 6.0, 7.0]), np.array([8.0, 9.0, 10.0]), np.array([0.0])]
    net = net_of(layer_text("BatchNorm", "batch_norm_param { eps: 0.25 }"), {"it": blobs}, {"data": (1, 3, 2, 2)})
    inputs = images((2, 3, 2, 2))

    np.testing.assert_allclose(run(build(net), inputs)[0], inputs * 2, rtol=1e-6)


def test_statistics_are_divided_by_their_factor() -> None:
    """Sums 4 and 18 with factor 2 are mean 2 and variance 9: (8 - 2) / 3."""
    blobs = [np.array([4.0]), np.array([18.0]), np.array([2.0])]
    net = net_of(layer_text("BatchNorm", "batch_norm_param { eps: 0 }"), {"it": blobs}, {"data": (1, 1, 1, 1)})

    assert run(build(net), np.full((1, 1, 1, 1), 8, np.float32))[0].item() == pytest.approx(2)


def test_of_equal_values_the_last_is_the_largest() -> None:
    """Caffe sorts pairs of value and place, the larger place first."""
    net = net_of(layer_text("ArgMax", "argmax_param { top_k: 3 }"), inputs={"data": (1, 1, 1, 5)})
    row = np.array([1, 4, 4, 0, 4], dtype=np.float32).reshape(1, 1, 1, 5)

    assert run(build(net), row)[0].ravel().tolist() == [4, 2, 1]

    net = net_of(layer_text("ArgMax"), inputs={"data": (1, 1, 1, 5)})
    assert run(build(net), row)[0].ravel().tolist() == [4]


def test_a_deconvolution_writes_its_kernel_for_every_pixel() -> None:
    """Pixels 1 and 2 with the kernel (1, 10, 100) and stride 2: (1, 10, 100 + 2, 20, 200)."""
    param = "convolution_param { num_output: 1 kernel_h: 1 kernel_w: 3 stride_h: 1 stride_w: 2 bias_term: false }"
    net = net_of(
        layer_text("Deconvolution", param),
        {"it": [np.array([1.0, 10, 100]).reshape(1, 1, 1, 3)]},
        {"data": (1, 1, 1, 2)},
    )

    assert run(build(net), np.array([[[[1, 2]]]], np.float32))[0].ravel().tolist() == [1, 10, 102, 20, 200]


def test_lrn_divides_by_the_neighbours_in_other_channels() -> None:
    """Channels 1, 2, 3, alpha 3 over 3, beta 1: 1 / (1 + 1 + 4), 2 / (1 + 1 + 4 + 9), 3 / (1 + 4 + 9)."""
    net = net_of(layer_text("LRN", "lrn_param { local_size: 3 alpha: 3 beta: 1 }"), inputs={"data": (1, 3, 1, 1)})
    found = run(build(net), np.array([1, 2, 3], np.float32).reshape(1, 3, 1, 1))[0].ravel()

    np.testing.assert_allclose(found, [1 / 6, 2 / 15, 3 / 14], rtol=1e-6)


def test_a_row_of_an_inner_product_runs_over_channels_then_height_then_width() -> None:
    """The weights 1, 10, 100, 1000 meet the values 1, 2 of the first channel and 3, 4 of the second."""
    net = net_of(
        layer_text("InnerProduct", "inner_product_param { num_output: 1 bias_term: false }"),
        {"it": [np.array([[1.0, 10, 100, 1000, 0, 0]])]},
        {"data": (1, 3, 1, 2)},
    )

    assert run(build(net), np.arange(1, 7, dtype=np.float32).reshape(1, 3, 1, 2))[0].item() == 4321


def test_half_and_double_precision_blobs_become_float32() -> None:
    """The model has float32 weights only."""
    for dtype in (np.float16, np.float64):
        blobs = [np.full((2, 3, 1, 1), 0.5, dtype), np.full(2, 0.25, dtype)]
        net = net_of(
            layer_text("Convolution", "convolution_param { num_output: 2 kernel_size: 1 }"),
            {"it": blobs},
            {"data": (1, 3, 4, 4)},
        )
        check(net, (3, 4, 4))


REFUSED = [
    (
        layer_text("Convolution", "convolution_param { num_output: 2 kernel_size: 3 }"),
        SourceIncomplete,
        "no weights in",
    ),
    (
        layer_text("Convolution", "convolution_param { kernel_size: 3 }"),
        SourceDamaged,
        "1 groups do not divide 3 channels",
    ),
    (
        layer_text("Convolution", "convolution_param { num_output: 2 group: 2 kernel_size: 3 }"),
        SourceDamaged,
        "2 groups do",
    ),
    (layer_text("Convolution", "convolution_param { num_output: 2 }"), SourceDamaged, "kernel_size is given 0 times"),
    (
        layer_text("Convolution", "convolution_param { num_output: 2 kernel_size: 3 kernel_h: 3 kernel_w: 3 }"),
        SourceDamaged,
        "kernel_h and kernel_w are for two spatial axes",
    ),
    (
        layer_text("Convolution", "convolution_param { num_output: 2 kernel_size: 3 axis: 2 }"),
        UnsupportedLayer,
        "channels on axis 2",
    ),
    (
        layer_text("Convolution", "convolution_param { num_output: 2 kernel_size: 3 axis: 9 }"),
        SourceDamaged,
        "axis 9 of a blob with 4 axes does not exist",
    ),
    (
        layer_text("Pooling", "pooling_param { kernel_size: 3 pad: 3 }"),
        SourceDamaged,
        "the pad smaller than the kernel",
    ),
    (layer_text("Pooling", "pooling_param { kernel_size: 20 }"), SourceDamaged, "do not fit 6 pixels"),
    (layer_text("Pooling", "pooling_param { pool: AVE kernel_size: 1 stride: 2 }"), UnsupportedLayer, "divides by 0"),
    (layer_text("Pooling", "pooling_param { global_pooling: true kernel_size: 2 }"), SourceDamaged, "takes no kernel"),
    (layer_text("Pooling", "pooling_param { kernel_size: 2 kernel_h: 2 kernel_w: 2 }"), SourceDamaged, "not a mixture"),
    (layer_text("Pooling", "pooling_param { pool: STOCHASTIC kernel_size: 2 pad: 1 }"), SourceDamaged, "takes no pad"),
    (layer_text("LRN", "lrn_param { local_size: 4 }"), SourceDamaged, "local_size 4 must be odd"),
    (
        layer_text("BatchNorm", "batch_norm_param { use_global_stats: false }"),
        UnsupportedLayer,
        "write use_global_stats: true",
    ),
    (
        layer_text("Softmax", "softmax_param { axis: 0 }"),
        UnsupportedLayer,
        "works along axis 0, which mixes the images",
    ),
    (layer_text("InnerProduct", "inner_product_param { axis: 0 num_output: 1 }"), UnsupportedLayer, "mixes the images"),
    (layer_text("Flatten", "flatten_param { axis: 0 }"), UnsupportedLayer, "mixes the images"),
    (layer_text("Tile", "tile_param { axis: 0 tiles: 2 }"), UnsupportedLayer, "mixes the images"),
    (layer_text("Tile", "tile_param { tiles: 0 }"), SourceDamaged, "tiles is 0"),
    (layer_text("Tile", "tile_param { tiles: 2000000000 }"), SourceDamaged, "would give 6000000000 x 6 x 6 values"),
    (layer_text("Permute", "permute_param { order: 1 order: 0 }"), UnsupportedLayer, "moves axis 0"),
    (layer_text("Permute", "permute_param { order: 0 order: 0 }"), SourceDamaged, "order [0, 0]"),
    (layer_text("Reshape", "reshape_param { shape { dim: 3 dim: 36 } }"), UnsupportedLayer, "mixes the images"),
    (layer_text("Reshape", "reshape_param { shape { dim: 1 dim: 5 } }"), SourceDamaged, "the counts differ"),
    (layer_text("Reshape", "reshape_param { shape { dim: -1 dim: -1 } }"), SourceDamaged, "does not fit a blob"),
    (layer_text("Slice", "", tops="a b it"), None, ""),
    (
        layer_text("Slice", "slice_param { slice_point: 5 }", tops="a it"),
        SourceDamaged,
        "cannot be cut into 2 tops at [5]",
    ),
    (layer_text("Clip", "clip_param { min: 2 max: 1 }"), SourceDamaged, "min not above max"),
    (layer_text("Exp", "exp_param { base: -3 }"), SourceDamaged, "base -3 must be above 0"),
    (layer_text("Exp", "exp_param { shift: 1e9 }"), SourceDamaged, "check its parameters"),
    (layer_text("Log", "log_param { base: 1 }"), SourceDamaged, "no logarithm to the base 1"),
    (layer_text("Power", "power_param { power: 0.5 scale: 0 shift: -1 }"), SourceDamaged, "is not a number"),
    (layer_text("ArgMax", "argmax_param { top_k: 4 axis: 1 }"), SourceDamaged, "top_k is 4, but there are 3 values"),
    (layer_text("Eltwise", "", bottoms="data"), SourceDamaged, "has 1 bottoms; it takes 2"),
    (layer_text("Scale", "scale_param { axis: 3 num_axes: 2 }"), SourceDamaged, "2 axes from axis 3 on do not fit"),
    (layer_text("Scale", "scale_param { axis: 0 }"), UnsupportedLayer, "a number for each image of a batch"),
    (layer_text("ReLU", "", tops="a it"), SourceDamaged, "has 2 tops, but gives 1 results"),
    (layer_text("ReLU", "", bottoms="nobody"), SourceDamaged, "reads 'nobody', which nothing before it gives"),
    (layer_text("Python"), UnsupportedLayer, "runs Python code that the file does not hold; supported are AbsVal, "),
    (layer_text("DetectionOutput"), UnsupportedLayer, "belongs to a detector"),
    (layer_text("LSTM"), UnsupportedLayer, "reads sequences"),
    (
        layer_text("Axpy"),
        UnsupportedLayer,
        "is of a type that has no conversion; supported are AbsVal, Accuracy, ArgMax",
    ),
]


@pytest.mark.parametrize(("text", "refusal", "words"), REFUSED)
def test_what_cannot_be_converted_is_refused_with_a_sentence(text: str, refusal: type | None, words: str) -> None:
    """One line that names the layer and says what is wrong."""
    net = net_of(text, inputs={"data": (1, 3, 6, 6)})
    if refusal is None:
        assert build(net, output="it").model.graph.node
        return
    with pytest.raises(refusal) as caught:
        build(net, output="it")
    sentence = str(caught.value)
    assert sentence.startswith("layer 'it' (")
    assert words in sentence
    assert "\n" not in sentence


def test_weights_of_another_net_are_refused_with_both_counts() -> None:
    """As Caffe does, which finds the layer by its name."""
    text = layer_text("InnerProduct", "inner_product_param { num_output: 4 bias_term: false }")
    net = net_of(text, {"it": [np.zeros((4, 100), np.float32)]}, {"data": (1, 3, 6, 6)})

    with pytest.raises(SourceDamaged, match="its weights hold 400 values, but 4 x 108 are needed"):
        build(net)

    net = net_of(text, {"it": [np.zeros((4, 108), np.float32), np.zeros(4, np.float32)]}, {"data": (1, 3, 6, 6)})
    with pytest.raises(SourceDamaged, match="has 2 blobs of weights, but its parameters need 1"):
        build(net)
