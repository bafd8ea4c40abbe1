"""Conversion to an oracle file: what is said where, the proof, and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmark import conversion
from benchmark.conversion import Order, convert_to_oracle, seal_conversion
from benchmark.places import Places
from benchmark.refusals import Mismatch, Refused
from converters.conversion import Conversion
from converters.formats import Framework
from converters.refusals import ParityFailed
from oracles.card import DroppedCard
from oracles.contract import read_card

SIDE, CLASSES = 8, 3
MATRIX_PC = np.random.default_rng(1).normal(size=(3 * SIDE * SIDE, CLASSES)).astype(np.float32)


def _model() -> onnx.ModelProto:
    """Logits of three classes from 3 x 8 x 8 numbers, through one hidden tensor."""
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["x", "two"], ["doubled"]),
            helper.make_node("Flatten", ["doubled"], ["flat"], axis=1),
            helper.make_node("MatMul", ["flat", "w"], ["y"]),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", CLASSES])],
        [numpy_helper.from_array(MATRIX_PC, "w"), numpy_helper.from_array(np.float32(2), "two")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class _Numpy:
    """The source: the same sums in numpy, or others from `wrong` on."""

    runtime, version = "numpy", "0"

    def __init__(self, factor: float = 2.0) -> None:
        self.factor = factor

    def scores(self, inputs: np.ndarray) -> np.ndarray:
        flat: np.ndarray = (inputs * self.factor).reshape(len(inputs), -1) @ MATRIX_PC
        return flat

    def layers(self, inputs: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        yield "doubled", inputs * self.factor
        yield "y", self.scores(inputs)


def _converted(**more: object) -> Conversion:
    said = {"layout": "nchw", "range": (0, 1), "classes": ("a", "b", "c")}
    return Conversion(_model(), "Numpy", (), **{"stated": said, "reference": _Numpy(), **more})


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Let `convert` find a made-up framework that gives this conversion."""

    def give(made: Conversion) -> Path:
        class Row(Framework):
            def converter(self):
                return lambda _source, _wishes: made

        (tmp_path / "net.numpy").touch()
        monkeypatch.setattr(conversion, "recognise", lambda found: (Row("Numpy", "none", ()), found))
        return tmp_path / "net.numpy"

    return give


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(cache=tmp_path / "cache")


def _convert(made, source, places, tmp_path, **order):
    return convert_to_oracle(
        Order(str(source(made)), images=40, **order), tmp_path / "net.onnx", places, lambda _text: None
    )


def test_an_oracle_is_written_with_its_parity_on_the_card(source, places, tmp_path):
    card = _convert(_converted(), source, places, tmp_path)
    assert read_card(onnx.load(tmp_path / "net.onnx")) == card
    assert (card.framework, card.classes, card.preprocessing.range) == ("Numpy", ("a", "b", "c"), (0.0, 1.0))
    assert (card.parity.images, card.parity.label_agreement, card.parity.runtime) == (40, 1.0, "numpy")
    assert card.parity.largest_difference < 1e-3
    assert "natural" in card.parity.images_from
    assert card.unverified is None


def test_a_source_that_answers_otherwise_is_refused_with_the_first_other_tensor_and_nothing_is_written(
    source, places, tmp_path
):
    with pytest.raises(ParityFailed, match=r"not its source: .*first other tensor: doubled.*--accept"):
        _convert(_converted(reference=_Numpy(-2.0)), source, places, tmp_path)
    assert not (tmp_path / "net.onnx").exists()


def test_an_accepted_oracle_keeps_the_bad_numbers_on_its_card(source, places, tmp_path):
    card = _convert(_converted(reference=_Numpy(-2.0)), source, places, tmp_path, accept=True)
    assert card.parity.accepted
    assert card.parity.label_agreement < 0.999
    assert "accepted by hand" in str(card.parity)


def test_without_a_source_to_run_the_card_says_unverified_and_why(source, places, tmp_path):
    card = _convert(_converted(reference=None, unverified="numpy is not installed"), source, places, tmp_path)
    assert card.parity is None
    assert card.unverified == "unverified: numpy is not installed"


@pytest.mark.parametrize("kind", ["scores", "labels"])
def test_answers_from_elsewhere_stand_in_for_the_source(source, places, tmp_path, kind):
    images_NHWC = np.random.default_rng(2).integers(0, 256, (50, SIDE, SIDE, 3), dtype=np.uint8)
    scores_NC = _Numpy().scores(images_NHWC.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    answers = scores_NC if kind == "scores" else scores_NC.argmax(1)
    np.savez(tmp_path / "answers.npz", images=images_NHWC, **{kind: answers})
    made = _converted(reference=None)
    card = _convert(made, source, places, tmp_path, reference=tmp_path / "answers.npz")
    assert (card.parity.images, card.parity.label_agreement) == (50, 1.0)
    np.savez(tmp_path / "answers.npz", images=images_NHWC, **{kind: np.roll(answers, 1, axis=0)})
    with pytest.raises(ParityFailed, match=r"answers\.npz"):
        _convert(made, source, places, tmp_path, reference=tmp_path / "answers.npz")


def test_a_reference_file_of_another_size_is_refused_with_what_it_holds(source, places, tmp_path):
    np.savez(tmp_path / "answers.npz", images=np.zeros((2, 9, 9, 3), np.uint8), labels=np.zeros(2, np.int64))
    with pytest.raises(Refused, match=r"images uint8 \[2, 9, 9, 3\].*wanted images uint8 \[n, 8, 8, 3\]"):
        _convert(_converted(reference=None), source, places, tmp_path, reference=tmp_path / "answers.npz")
    (tmp_path / "answers.npz").write_text("no archive")
    with pytest.raises(Refused, match=r"answers\.npz: cannot be read as \.npz"):
        _convert(_converted(reference=None), source, places, tmp_path, reference=tmp_path / "answers.npz")


def test_what_the_user_says_is_stronger_than_the_files_and_these_than_custom():
    made = _converted(assumed={"order": "bgr", "range": (0, 255)})
    card = seal_conversion(made, DroppedCard(), "net").card
    assert (card.preprocessing.order, card.preprocessing.range) == ("bgr", (0.0, 1.0))
    assert card.preprocessing.assumed == ("order",)
    assert "order is assumed: bgr" in card.warnings
    card = seal_conversion(made, DroppedCard(order="rgb", scale=0.5), "net").card
    assert (card.preprocessing.order, card.preprocessing.scale, card.preprocessing.range) == ("rgb", 0.5, None)
    assert set(card.preprocessing.declared) == {"order", "scale"}
    assert card.preprocessing.assumed == ()


@pytest.mark.parametrize(
    "said",
    [
        {"scale": 0.01, "mean": (0.1, 0.2, 0.3)},
        {"range": (-1, 1), "std": (0.5, 0.6, 0.7)},
        {"range": (0, 255), "order": "bgr"},
    ],
)
def test_parity_checks_the_preprocessing_in_the_graph_against_numpy(source, places, tmp_path, said):
    card = _convert(_converted(stated={"layout": "nchw", **said}), source, places, tmp_path)
    assert card.parity.label_agreement == 1.0


def test_a_mean_image_is_taken_off_by_graph_and_reference_alike(source, places, tmp_path):
    mean_CHW = np.random.default_rng(3).uniform(0, 255, (3, SIDE, SIDE)).astype(np.float32)
    card = _convert(_converted(mean_image=mean_CHW), source, places, tmp_path)
    assert card.preprocessing.mean_image_sha256 is not None
    assert card.parity.label_agreement == 1.0


def test_a_problem_of_another_number_of_classes_is_refused(source, places, tmp_path):
    with pytest.raises(Mismatch, match="3 scores, but problem obj9 has 9 classes"):
        _convert(_converted(stated={"range": (0, 1)}), source, places, tmp_path, card=DroppedCard(problem="obj9"))


def test_a_foreign_onnx_file_is_compared_with_itself(places, tmp_path):
    onnx.save(_model(), tmp_path / "foreign.onnx")
    order = Order(str(tmp_path / "foreign.onnx"), card=DroppedCard(range=(0, 1)), images=40)
    card = convert_to_oracle(order, tmp_path / "oracle.onnx", places, lambda _text: None)
    assert (card.parity.runtime, card.parity.label_agreement) == ("onnxruntime", 1.0)
    assert card.files[0].name == "foreign.onnx"
