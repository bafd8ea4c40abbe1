"""The walk: names and edges, what is folded, cut off, left out and chosen as output."""

import numpy as np
import onnx
import pytest
from made_nets import check, images, largest_difference, layer_text, net_of, plain_of, run

from converters.caffe.graph import build
from converters.caffe.net import Net
from converters.refusals import SourceDamaged, SourceIncomplete, UnsupportedLayer

CONV = "convolution_param { num_output: 4 kernel_size: 3 }"
IP = "inner_product_param { num_output: 5 }"
RGB = {"data": (10, 3, 6, 6)}


def floats(*shapes: tuple[int, ...], seed: int = 1) -> list[np.ndarray]:
    """Random blobs, positive but for the first."""
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(size=shape) if at == 0 else rng.uniform(0.2, 1, shape)).astype(np.float32)
        for at, shape in enumerate(shapes)
    ]


def operators(model: onnx.ModelProto) -> list[str]:
    """The types of the nodes, in order."""
    return [node.op_type for node in model.graph.node]


def test_layers_keep_their_names_and_the_batch_is_free() -> None:
    """A node and its tensor are called as the layer, also where the layer writes in place; weights hang on the name."""
    text = layer_text("Convolution", CONV, name="conv1", tops="conv1")
    text += layer_text("ReLU", "", name="relu1", bottoms="conv1", tops="conv1")
    text += layer_text("InnerProduct", IP, name="fc", bottoms="conv1", tops="fc")
    text += layer_text("Softmax", "", name="prob", bottoms="fc", tops="prob")
    net = net_of(text, {"conv1": floats((4, 3, 3, 3), (4,)), "fc": floats((5, 64), (5,))}, RGB)
    built = build(net)
    graph = built.model.graph

    assert [node.name for node in graph.node] == ["conv1", "relu1", "fc:flatten", "fc", "prob"]
    assert [node.output[0] for node in graph.node] == ["conv1", "relu1", "fc:flatten", "fc", "prob"]
    assert [weight.name for weight in graph.initializer] == ["conv1.weight", "conv1.bias", "fc.weight", "fc.bias"]
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"
    assert built.model.opset_import[0].version == 20
    for count in (1, 7):
        assert run(built, images((count, 3, 6, 6)))[0].shape == (count, 5)
    check(net, (3, 6, 6))
    onnx.checker.check_model(built.model, full_check=True)


def test_two_layers_of_one_name_and_a_layer_called_as_the_input_keep_apart() -> None:
    """A number is put behind the second."""
    text = layer_text("AbsVal", name="same", tops="a") + layer_text("TanH", name="same", bottoms="a", tops="b")
    text += layer_text("Sigmoid", name="data", bottoms="b", tops="c")
    net = net_of(text, inputs=RGB)
    built = build(net)

    assert [node.output[0] for node in built.model.graph.node] == ["same", "same_2", "data_2"]
    assert [name for name, _ in plain_of(net, built).layers(images((1, 3, 6, 6)))] == ["same", "same_2", "data_2"]


def test_an_inner_name_never_takes_a_layers_name() -> None:
    """The swish of layer `a` has an inner product that would be called as the next layer is."""
    text = layer_text("Swish", name="a", tops="a") + layer_text("ReLU", name="a:sigmoid", bottoms="a", tops="b")
    check(net_of(text, inputs=RGB), (3, 6, 6))

    built = build(net_of(text, inputs=RGB))
    assert [node.output[0] for node in built.model.graph.node] == ["a:sigmoid_2", "a", "a:sigmoid"]


def test_a_reader_before_a_layer_in_place_gets_the_older_value() -> None:
    """The net's `x` is written twice; its first reader stands before the second writing."""
    text = layer_text("Power", "power_param { shift: -1 }", name="x", tops="x")
    text += layer_text("AbsVal", name="early", bottoms="x", tops="early")
    text += layer_text("ReLU", name="relu", bottoms="x", tops="x")
    text += layer_text("Eltwise", "eltwise_param { coeff: 1 coeff: -1 }", bottoms="early x")
    net = net_of(text, inputs=RGB)
    found = check(net, (3, 6, 6))
    shifted = images((3, 3, 6, 6)) - 1

    np.testing.assert_allclose(found, np.abs(shifted) - np.maximum(shifted, 0), atol=1e-6)


def test_what_no_output_needs_is_cut_off() -> None:
    """A branch of a layer type that cannot be converted, measures, and the weights of both."""
    text = layer_text("InnerProduct", IP, name="fc", tops="fc")
    text += layer_text("Python", name="other", tops="other") + layer_text(
        "Silence", "", name="s", bottoms="other", tops=""
    )
    text += layer_text("Accuracy", name="accuracy", bottoms="fc label", tops="accuracy")
    text += layer_text("InnerProduct", IP, name="unused", tops="unused")
    net = net_of(text, {"fc": floats((5, 108), (5,))}, RGB)
    graph = build(net, output="fc").model.graph

    assert [node.name for node in graph.node] == ["fc:flatten", "fc"]
    assert len(graph.initializer) == 2
    with pytest.raises(SourceIncomplete, match="layer 'unused' .* has no weights"):
        build(net)


def test_several_final_tops_all_become_outputs_and_one_can_be_named() -> None:
    """By top or by layer; an unknown name is answered with the nearest."""
    text = layer_text("InnerProduct", IP, name="age_layer", tops="age")
    text += layer_text("InnerProduct", "inner_product_param { num_output: 2 }", name="sex_layer", tops="sex")
    net = net_of(text, {"age_layer": floats((5, 108), (5,)), "sex_layer": floats((2, 108), (2,))}, RGB)

    assert [output.name for output in build(net).model.graph.output] == ["age_layer", "sex_layer"]
    for wish in ("sex", "sex_layer"):
        assert [output.name for output in build(net, output=wish).model.graph.output] == ["sex_layer"]
    with pytest.raises(SourceIncomplete, match="there is no top 'sx' in the net; did you mean 'sex'"):
        build(net, output="sx")
    with pytest.raises(SourceIncomplete, match="there is no top 'hair' in the net; known are 'age', 'sex'"):
        build(net, output="hair")


def test_a_training_file_answers_with_the_probabilities_that_its_loss_judges() -> None:
    """No labels are asked for, a loss needs no top, measures say nothing, a loss beside a Softmax is the same."""
    fc = layer_text("InnerProduct", IP, name="fc", tops="fc")
    measure = layer_text("Accuracy", name="accuracy", bottoms="fc label", tops="accuracy")
    loss = layer_text("SoftmaxWithLoss", name="loss", bottoms="fc label", tops="")
    weights = {"fc": floats((5, 108), (5,))}
    inputs = {**RGB, "label": (10,)}

    for text in (fc + measure + loss, fc + loss + measure):
        built = build(net_of(text, weights, inputs))
        assert [output.name for output in built.model.graph.output] == ["loss"]
        assert operators(built.model) == ["Flatten", "Gemm", "Softmax"]
        check(net_of(text, weights, inputs), (3, 6, 6))
    soft = layer_text("Softmax", name="prob", bottoms="fc", tops="prob")
    assert [o.name for o in build(net_of(fc + soft + loss, weights, inputs)).model.graph.output] == ["prob"]
    assert [o.name for o in build(net_of(fc + measure, weights, inputs)).model.graph.output] == ["fc"]
    hinge = layer_text("HingeLoss", name="hinge", bottoms="fc label", tops="hinge")
    assert [o.name for o in build(net_of(fc + hinge, weights, inputs)).model.graph.output] == ["fc"]


def test_a_layer_that_needs_labels_is_refused() -> None:
    """They are no image."""
    text = layer_text("Eltwise", bottoms="data label")

    with pytest.raises(
        SourceIncomplete, match="needs 2 inputs \\('data', 'label'\\), and an oracle is given images only"
    ):
        build(net_of(text, inputs={"data": (1, 3, 4, 4), "label": (1, 3, 4, 4)}))


@pytest.mark.parametrize("shape", [(1, 784), (1, 2, 28, 28), (1, 3, 4, 28, 28), (3,)])
def test_an_input_that_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    """Four axes and 1 or 3 channels are needed."""
    with pytest.raises(UnsupportedLayer, match="not images \\(n x 1 or 3 channels x height x width\\)"):
        build(net_of(layer_text("ReLU"), inputs={"data": shape}))


def test_an_input_without_pixels_is_refused() -> None:
    """As a damaged file."""
    with pytest.raises(SourceDamaged, match="every side must be 1 or more"):
        build(net_of(layer_text("ReLU"), inputs={"data": (1, 3, 0, 28)}))


def test_a_net_without_layers_and_one_that_changes_nothing_are_refused() -> None:
    """There would be no graph."""
    with pytest.raises(SourceIncomplete, match="no layer of the net gives anything"):
        build(net_of("", inputs=RGB))
    with pytest.raises(SourceIncomplete, match="gives its input back unchanged"):
        build(net_of(layer_text("Dropout"), inputs=RGB))


def test_a_top_written_by_two_layers_is_refused() -> None:
    """Caffe takes a second writer only in place."""
    text = layer_text("ReLU", name="a") + layer_text("TanH", name="b")

    with pytest.raises(SourceDamaged, match=r"layer 'b' \(TanH\) writes top 'it', which is there already"):
        build(net_of(text, inputs=RGB))


def test_the_centre_of_larger_images_is_cut_out_first() -> None:
    """From (height - crop) // 2 on, as Caffe's data layer does in the TEST phase."""
    net = net_of(layer_text("AbsVal"), inputs={"data": (1, 1, 2, 3)})
    built = build(net, image=(5, 6))
    image = np.arange(30, dtype=np.float32).reshape(1, 1, 5, 6)

    assert [node.name for node in built.model.graph.node] == ["crop", "it"]
    assert run(built, image)[0].ravel().tolist() == [7, 8, 9, 13, 14, 15]
    assert plain_of(net, built).scores(image).ravel().tolist() == [7, 8, 9, 13, 14, 15]
    with pytest.raises(SourceDamaged, match="images of 1 x 6 pixels are smaller than the net's input of 2 x 3"):
        build(net, image=(1, 6))


FOLDABLE = [
    ("Convolution", CONV, [(4, 3, 3, 3), (4,)]),
    ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 bias_term: false }", [(4, 3, 3, 3)]),
    ("Convolution", "convolution_param { num_output: 6 kernel_size: 2 group: 3 }", [(6, 1, 2, 2), (1, 1, 1, 6)]),
    ("Deconvolution", "convolution_param { num_output: 4 kernel_size: 2 stride: 2 }", [(3, 4, 2, 2), (4,)]),
    ("Deconvolution", "convolution_param { num_output: 6 kernel_size: 2 group: 3 }", [(3, 2, 2, 2), (6,)]),
    ("InnerProduct", IP, [(5, 108), (5,)]),
    ("InnerProduct", "inner_product_param { num_output: 5 transpose: true bias_term: false }", [(108, 5)]),
]


@pytest.mark.parametrize(("kind", "param", "shapes"), FOLDABLE)
def test_normalisation_and_scale_behind_a_layer_become_part_of_its_weights(
    kind: str, param: str, shapes: list[tuple[int, ...]]
) -> None:
    """In place or not, with and without biases; the result bears the last layer's name and equals the unfolded net."""
    count = int(param.partition("num_output: ")[2].split(maxsplit=1)[0])
    text = layer_text(kind, param, name="layer", tops="x")
    text += layer_text("BatchNorm", name="norm", bottoms="x", tops="x")
    text += layer_text("Scale", "scale_param { bias_term: true }", name="scale", bottoms="x", tops="y")
    text += layer_text("Bias", name="bias", bottoms="y", tops="y")
    text += layer_text("Scale", "scale_param { num_axes: 0 }", name="whole", bottoms="y", tops="y")
    text += layer_text("ReLU", name="relu", bottoms="y", tops="z")
    blobs = {
        "layer": floats(*shapes),
        "norm": floats((count,), (count,), (1,)),
        "scale": floats((count,), (count,)),
        "bias": floats((count,)),
        "whole": floats(()),
    }
    net = net_of(text, blobs, RGB)
    built = build(net)
    inputs = images((3, 3, 6, 6))

    assert {"BatchNormalization", "Mul", "Add"}.isdisjoint(operators(built.model))
    names = [name for name, _ in plain_of(net, built).layers(inputs)]
    assert names == ["whole", "relu"]
    assert largest_difference(run(built, inputs)[0].reshape(3, -1), plain_of(net, built).scores(inputs)) <= 1e-5


def conv_norm_scale(middle: str = "", tail: str = "") -> Net:
    """A convolution, something, BatchNorm and Scale, something."""
    text = layer_text("Convolution", CONV, name="conv", tops="conv") + middle
    text += layer_text("BatchNorm", name="norm", bottoms="conv", tops="norm")
    text += layer_text("Scale", "scale_param { bias_term: true }", name="scale", bottoms="norm", tops="scale") + tail
    blobs = {"conv": floats((4, 3, 3, 3), (4,)), "norm": floats((4,), (4,), (1,)), "scale": floats((4,), (4,))}
    return net_of(text, blobs, RGB)


def test_a_result_that_another_layer_reads_too_is_not_folded_away() -> None:
    """The shortcut needs the convolution as it was; BatchNorm and Scale still become one node."""
    net = conv_norm_scale(tail=layer_text("Eltwise", bottoms="conv scale"))
    check(net, (3, 6, 6))

    assert operators(build(net).model) == ["Conv", "BatchNormalization", "Add"]


def test_a_result_that_is_an_output_is_not_folded_away() -> None:
    """Asked for by name, it is there, and the rest is not."""
    net = conv_norm_scale()

    assert operators(build(net).model) == ["Conv"]
    assert operators(build(net, output="norm").model) == ["Conv"]
    assert operators(build(net, output="conv").model) == ["Conv"]
    found = [run(build(net, output=name), images((1, 3, 6, 6)))[0] for name in ("conv", "norm", "scale")]
    assert not np.allclose(found[0], found[1])
    assert not np.allclose(found[1], found[2])


def test_a_normalisation_behind_something_else_stays_one_node() -> None:
    """A ReLU lies between."""
    net = conv_norm_scale(layer_text("ReLU", name="relu", bottoms="conv", tops="conv"))
    check(net, (3, 6, 6))

    assert operators(build(net).model) == ["Conv", "Relu", "BatchNormalization"]


def test_a_scale_along_other_axes_is_not_folded() -> None:
    """It has a number for each row, not for each channel."""
    text = layer_text("Convolution", CONV, name="conv", tops="conv")
    text += layer_text("Scale", "scale_param { axis: 2 }", name="rows", bottoms="conv", tops="rows")
    net = net_of(text, {"conv": floats((4, 3, 3, 3), (4,)), "rows": floats((4,))}, RGB)
    check(net, (3, 6, 6))

    assert operators(build(net).model) == ["Conv", "Mul"]


def test_the_same_net_gives_the_same_bytes() -> None:
    """No order of a set, no time stamp."""
    texts = [build(conv_norm_scale()).model.SerializeToString(deterministic=True) for _ in range(2)]

    assert texts[0] == texts[1]


def test_weights_are_copied_into_the_model_once_and_the_source_stays_as_it_was() -> None:
    """Folding writes into arrays of its own."""
    net = conv_norm_scale()
    before = [blob.copy() for layer in net.layers for blob in layer.blobs]
    build(net)

    for old, new in zip(before, [blob for layer in net.layers for blob in layer.blobs], strict=True):
        np.testing.assert_array_equal(old, new)
