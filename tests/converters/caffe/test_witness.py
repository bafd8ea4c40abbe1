"""OpenCV as a witness: what it reads by itself, what it is given, and that it can fail in any way without harm."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_nets import images, largest_difference, layer_text, net_of
from model_files import CONV, DEPLOY, FC, LOSS, SOFTMAX, blobs, caffemodel, put

from converters import apart
from converters.caffe.convert import convert
from converters.caffe.wiring import Ref
from converters.caffe.witness import OpenCVWitness, deployed
from converters.conversion import Conversion, Source, Statement, Wishes

TRAINING = """layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
  transform_param { crop_size: 8 } data_param { batch_size: 4 } }\n"""


def converted(folder: Path, text: str, **wishes: object) -> Conversion:
    put(folder, {"net.prototxt": text, "net.caffemodel": caffemodel(blobs())})
    return convert(Source(str(folder), folder), Wishes(**wishes))


def heard(conversion: Conversion, inputs: np.ndarray, seconds: float = 60.0) -> Statement:
    (witness,) = conversion.witnesses
    return witness.answer(iter([inputs[:3], inputs[3:]]), seconds)


def test_a_deployed_net_is_read_by_opencv_itself(tmp_path):
    cv2 = pytest.importorskip("cv2")
    made, inputs = converted(tmp_path, DEPLOY + CONV + FC + SOFTMAX), images((5, 3, 8, 8))
    said = heard(made, inputs)
    assert (said.version, said.remark) == (cv2.__version__, "reading the files by itself")
    assert largest_difference(said.scores_NC, made.reference.scores(inputs)) <= 1e-5


def test_a_net_for_training_is_given_to_opencv_as_it_was_read(tmp_path):
    pytest.importorskip("cv2")
    made, inputs = converted(tmp_path, TRAINING + CONV + FC + LOSS), images((5, 3, 8, 8))
    said = heard(made, inputs)
    assert said.remark == "given the net as it was read here"
    assert largest_difference(said.scores_NC, made.reference.scores(inputs)) <= 1e-5


def test_what_only_our_reader_understands_is_not_given_as_it_is(tmp_path):
    phased = CONV.replace("convolution_param", "include { phase: TEST } convolution_param")
    for text, wishes, as_it_is in [
        (DEPLOY + CONV + FC, Wishes(), True),
        (DEPLOY + phased + FC, Wishes(), False),
        (TRAINING + CONV + FC + LOSS, Wishes(), False),
        (DEPLOY + CONV + FC, Wishes(size=(9, 9)), False),
    ]:
        files = (tmp_path / "net.prototxt", tmp_path / "net.caffemodel")
        files[0].write_text(text)
        assert deployed(files, wishes) == (files if as_it_is else None)
    assert deployed((files[1],), Wishes()) is None


def test_the_centre_of_larger_images_is_taken_and_a_net_that_opencv_cannot_read_gets_a_remark():
    pytest.importorskip("cv2")
    net = net_of(layer_text("Power", "power_param { scale: 2 }"), inputs={"data": (1, 3, 4, 4)})
    inputs = images((4, 3, 7, 6))
    said = OpenCVWitness(net, Ref(0, 0)).answer([inputs], 60.0)
    np.testing.assert_allclose(said.scores_NC, 2 * inputs[:, :, 1:5, 1:5].reshape(4, -1), rtol=1e-6)
    said = OpenCVWitness(net_of(layer_text("Threshold")), Ref(0, 0)).answer([images((4, 1, 6, 6))], 60.0)
    assert said.scores_NC is None
    assert said.remark.startswith("could not answer; given the net as it was read here: OpenCV 4")
    assert "Threshold" in said.remark


def test_as_many_images_are_answered_as_the_time_allows(tmp_path):
    pytest.importorskip("cv2")
    made, inputs = converted(tmp_path, DEPLOY + CONV + FC + SOFTMAX), images((5, 3, 8, 8))
    said = heard(made, inputs, seconds=0.0)
    assert len(said.scores_NC) == 1
    assert largest_difference(said.scores_NC, made.reference.scores(inputs[:1])) <= 1e-5


@pytest.fixture
def another_opencv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A module cv2 of our own in place of the real one, whose reader of Caffe's files runs these lines."""

    def put_in_place(reading: str) -> None:
        lines = [
            "import os, time",
            "__version__ = '4.99'",
            "class error(Exception): pass",
            "class dnn:",
            "    @staticmethod",
            "    def readNetFromCaffe(prototxt, caffemodel):",
            f"        {reading}",
        ]
        (tmp_path / "own").mkdir()
        (tmp_path / "own" / "cv2.py").write_text("\n".join(lines))
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'own'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        monkeypatch.delitem(sys.modules, "cv2", raising=False)
        monkeypatch.syspath_prepend(tmp_path / "own")

    return put_in_place


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        ("os.abort()", "ended its reader (SIGABRT)"),
        ("raise error('two\\nlines')", "OpenCV 4.99 cannot read the net (two lines)"),
        ("raise MemoryError", "ended its reader"),
    ],
)
def test_whatever_opencv_does_becomes_a_remark(tmp_path, another_opencv, reading, said):
    another_opencv(reading.replace("\n", "\\n"))
    found = heard(converted(tmp_path / "net", DEPLOY + CONV + FC), images((5, 3, 8, 8)))
    assert found.scores_NC is None
    assert found.remark == f"could not answer; given the net as it was read here: {said}"


def test_an_opencv_that_never_ends_is_ended(tmp_path, another_opencv, monkeypatch):
    another_opencv("time.sleep(600)")
    monkeypatch.setattr(apart, "SECONDS", 0.5)
    found = heard(converted(tmp_path / "net", DEPLOY + CONV + FC), images((5, 3, 8, 8)), seconds=0.1)
    assert found.remark.endswith("its reader was still busy after 1 seconds")


def test_files_that_only_our_reader_can_read_are_given_a_second_time_and_both_are_said(tmp_path, another_opencv):
    answers = "def run(names): return [numpy.full((1, 4), 7.0)]"
    another_opencv(
        "import numpy, types\n"
        "        if str(prototxt).endswith('own.prototxt'): os.abort()\n"
        f"        {answers}\n"
        "        given = {'enableFusion': bool, 'setInput': len, 'forward': run, 'getLayerNames': lambda: ['1']}\n"
        "        return types.SimpleNamespace(**given)"
    )
    net = net_of(layer_text("ReLU", name="a", tops="a") + layer_text("ReLU", name="b", bottoms="a", tops="b"))
    files = (tmp_path / "own.prototxt", tmp_path / "own.caffemodel")
    for file in files:
        file.touch()
    said = OpenCVWitness(net, Ref(1, 0), files).answer([images((2, 1, 6, 6))], 60.0)
    assert said.scores_NC.tolist() == [[7.0] * 4] * 2
    assert said.remark == ("given the net as it was read here; reading the files by itself: ended its reader (SIGABRT)")


def test_without_opencv_4_the_remark_says_what_installs_it(tmp_path, monkeypatch, another_opencv):
    made, inputs = converted(tmp_path / "net", DEPLOY + CONV + FC), images((5, 3, 8, 8))
    another_opencv("pass")
    module = tmp_path / "own" / "cv2.py"
    module.write_text(module.read_text().replace("4.99", "5.0"))
    assert "OpenCV 5.0 no longer reads Caffe's files" in heard(made, inputs).remark
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert heard(made, inputs) == Statement(remark='is not installed; pip install "copycat-benchmark[caffe]"')
