"""OpenCV as a reference: what it needs, what it gives, what it refuses."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from made_nets import images, largest_difference, layer_text, net_of, run

from converters.caffe.graph import build
from converters.caffe.net import Net
from converters.caffe.opencv import OpenCV
from converters.refusals import FrameworkMissing, UnsupportedLayer


def small_net() -> Net:
    """Two convolutions, one in place of the other's ReLU, a pooling, and scores; a training file's loss at the end."""
    text = layer_text("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", name="one", tops="x")
    text += layer_text("ReLU", name="relu", bottoms="x", tops="x")
    text += layer_text("Dropout", name="drop", bottoms="x", tops="x")
    text += layer_text("Pooling", "pooling_param { kernel_size: 3 stride: 2 }", name="pool", bottoms="x", tops="pool")
    text += layer_text("InnerProduct", "inner_product_param { num_output: 3 }", name="fc", bottoms="pool", tops="fc")
    text += layer_text("SoftmaxWithLoss", name="loss", bottoms="fc label", tops="loss")
    rng = np.random.default_rng(2)
    shapes = {"one": [(4, 3, 3, 3), (4,)], "fc": [(3, 16), (3,)]}
    blobs = {name: [rng.normal(size=shape).astype(np.float32) for shape in each] for name, each in shapes.items()}
    return net_of(text, blobs, {"data": (1, 3, 7, 7), "label": (1,)})


def test_opencv_gives_scores_and_the_results_of_layers_by_the_models_names() -> None:
    """What the converted model gives for more images than are run at once."""
    pytest.importorskip("cv2")
    net = small_net()
    built = build(net)
    other = OpenCV(net, built.outputs[0].layer, built.results)
    inputs = images((19, 3, 7, 7))

    assert other.runtime == "OpenCV"
    assert other.version.startswith("4.")
    assert largest_difference(other.scores(inputs), run(built, inputs)[0]) <= 1e-5
    assert [name for name, _ in other.layers(inputs)] == ["one", "relu", "pool", "fc", "loss"]


def test_opencv_cuts_the_centre_out_of_larger_images() -> None:
    """As the converted model does."""
    pytest.importorskip("cv2")
    net = small_net()
    built = build(net, image=(10, 9))
    inputs = images((2, 3, 10, 9))

    found = OpenCV(net, built.outputs[0].layer, built.results).scores(inputs)
    assert largest_difference(found, run(built, inputs)[0]) <= 1e-5


def test_a_layer_that_opencv_lacks_is_refused_with_its_words() -> None:
    """Not a crash of its own."""
    pytest.importorskip("cv2")
    net = net_of(layer_text("Threshold"), inputs={"data": (1, 3, 4, 4)})

    with pytest.raises(UnsupportedLayer, match="OpenCV 4.* cannot run the net .*Threshold"):
        OpenCV(net, 0).scores(images((1, 3, 4, 4)))


def test_without_opencv_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """And with OpenCV 5, which has dropped Caffe."""
    net = net_of(layer_text("ReLU"), inputs={"data": (1, 3, 4, 4)})
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(FrameworkMissing, match=r'OpenCV is not installed; pip install "copycat-benchmark\[caffe\]"'):
        OpenCV(net, 0)
    monkeypatch.setitem(sys.modules, "cv2", SimpleNamespace(__version__="5.0.0", dnn=SimpleNamespace()))
    with pytest.raises(FrameworkMissing, match=r"OpenCV 5.0.0 no longer reads Caffe's files"):
        OpenCV(net, 0)
