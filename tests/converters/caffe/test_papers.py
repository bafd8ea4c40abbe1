"""The nets of the papers: shapes at 200 and 224 pixels, and what they answer, an eighth as wide as published."""

from pathlib import Path

import pytest
from made_nets import images, largest_difference
from paper_nets import Writer, alexnet, vgg16, write_files

from converters.caffe.convert import convert
from converters.caffe.opencv import OpenCV
from converters.caffe.reading import read
from converters.conversion import Conversion, Source, Wishes
from oracles.runtime import open_session

NETS = {"vgg16": vgg16, "alexnet": alexnet}


def from_files(net: Writer, folder: Path) -> Conversion:
    """The net written as files and read again."""
    write_files(net, folder)
    return convert(Source(str(folder), folder), Wishes())


@pytest.mark.parametrize("size", [200, 224])
def test_rounding_up_keeps_the_widths_of_the_papers(size: int) -> None:
    """fc6 of VGG16 reads 25088 numbers and that of AlexNet 9216 (227 pixels and rounding down would give them too)."""
    assert vgg16(size, 10).shapes["fc6"][0] == (4096, 25088)
    assert alexnet(size, 10).shapes["fc6"][0] == (4096, 9216)


@pytest.mark.parametrize("classes", [10, 2, 101])
@pytest.mark.parametrize("size", [200, 224])
@pytest.mark.parametrize("name", list(NETS))
def test_a_narrow_net_of_the_papers_answers_as_in_numpy(name: str, size: int, classes: int, tmp_path: Path) -> None:
    """Scores and labels of two images, and the width of what fc6 reads."""
    conversion = from_files(NETS[name](size, classes, shrink=8), tmp_path)
    session = open_session(conversion.model, device="cpu", lent=conversion.lent)
    inputs = images((2, 3, size, size), seed=classes) * 50
    found = session.run(None, {"data": inputs})[0]
    assert conversion.reference is not None
    expected = conversion.reference.scores(inputs)

    weights = {weight.name: list(weight.dims) for weight in conversion.model.graph.initializer}
    assert weights["fc6.weight"] == [512, {"vgg16": 25088, "alexnet": 9216}[name] // 8]
    assert found.shape == (2, classes)
    assert conversion.stated["scores_kind"] == "probability"
    assert largest_difference(found, expected) <= 1e-4
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()


@pytest.mark.parametrize("name", list(NETS))
def test_a_narrow_net_of_the_papers_answers_as_in_opencv(name: str, tmp_path: Path) -> None:
    """At 200 pixels; layer by layer."""
    pytest.importorskip("cv2")
    net = NETS[name](200, 10, shrink=8)
    conversion = from_files(net, tmp_path)
    read_net = read(Source(str(tmp_path), tmp_path), Wishes()).net
    named = {number: (layer.name,) for number, layer in enumerate(read_net.layers)}
    other = OpenCV(read_net, len(named) - 1, named)
    inputs = images((2, 3, 200, 200)) * 50
    assert conversion.reference is not None
    plain = dict(conversion.reference.layers(inputs))
    compared = [layer for layer in other.layers(inputs) if layer[0] in plain]
    for layer, value in compared:
        assert largest_difference(value, plain[layer]) <= 1e-4, layer
    assert [layer for layer, _ in compared] == list(plain)
