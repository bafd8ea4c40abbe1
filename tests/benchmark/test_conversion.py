"""Conversion to an oracle file: what is said where, the proof, and what is refused."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmark import conversion, proof
from benchmark.conversion import convert_to_oracle, seal_conversion
from benchmark.order import Order
from benchmark.places import Places
from benchmark.refusals import Mismatch, Refused
from converters.conversion import Conversion, Statement, Wishes
from converters.formats import Framework
from converters.refusals import OptionUnheard, ParityFailed
from oracles.card import DroppedCard
from oracles.contract import read_card
from oracles.refusals import CardRefused

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


class _Beside:
    """A witness that answers the first `count` images by a factor of its own, or is silent."""

    runtime = "Other"

    def __init__(self, factor: float = 2.0, count: int | None = None) -> None:
        self.factor, self.count = factor, count

    def answer(self, batches: Iterable[np.ndarray], seconds: float) -> Statement:
        assert seconds > 0
        if self.count == 0:
            return Statement(remark="could not read it: layer Dream")
        scores = np.concatenate([_Numpy(self.factor).scores(inputs) for inputs in batches])
        return Statement("1.5", scores[: self.count], "reading by itself")


def test_a_witness_that_agrees_stands_on_the_card_beside_the_source(source, places, tmp_path):
    card = _convert(_converted(witnesses=(_Beside(), _Beside(count=7))), source, places, tmp_path)
    first, second = card.parity.witnesses
    assert (first.runtime, first.version, first.images, first.label_agreement) == ("Other", "1.5", 40, 1.0)
    assert first.largest_difference < 1e-3
    assert (second.images, second.label_agreement, second.remark) == (7, 1.0, "reading by itself")
    assert read_card(onnx.load(tmp_path / "net.onnx")) == card


def test_a_silent_witness_is_a_remark_and_no_failure(source, places, tmp_path):
    card = _convert(_converted(witnesses=(_Beside(count=0),)), source, places, tmp_path)
    assert str(card.parity.witnesses[0]) == "Other could not read it: layer Dream"


def test_a_witness_that_answers_otherwise_is_a_failure_unless_it_is_accepted(source, places, tmp_path):
    made = _converted(witnesses=(_Beside(), _Beside(-2.0)))
    with pytest.raises(ParityFailed, match=r"is its source .* but a witness answers otherwise: .*Other 1\.5.*--accept"):
        _convert(made, source, places, tmp_path)
    assert not (tmp_path / "net.onnx").exists()
    card = _convert(made, source, places, tmp_path, accept=True)
    assert card.parity.accepted
    assert [witness.label_agreement < 0.999 for witness in card.parity.witnesses] == [False, True]


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
        _convert(made, source, places, tmp_path, reference=tmp_path / "answers.npz", replace=True)


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


def test_a_mean_image_of_the_user_takes_the_place_of_a_mean_that_custom_assumes(source, places, tmp_path):
    np.save(tmp_path / "mean.npy", np.full((SIDE, SIDE, 3), 100, np.float32))
    made = _converted(assumed={"mean": (0.5, 0.5, 0.5)})
    card = _convert(made, source, places, tmp_path, wishes=Wishes(mean=tmp_path / "mean.npy"))
    assert card.preprocessing.mean is None
    assert card.preprocessing.mean_image_sha256 is not None


def test_an_order_of_channels_for_a_grey_model_is_refused(places, tmp_path):
    grey = helper.make_graph(
        [helper.make_node("Flatten", ["x"], ["flat"]), helper.make_node("MatMul", ["flat", "w"], ["y"])],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", CLASSES])],
        [numpy_helper.from_array(MATRIX_PC[: SIDE * SIDE], "w")],
    )
    model = helper.make_model(grey, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "grey.onnx")
    order = Order(str(tmp_path / "grey.onnx"), card=DroppedCard(range=(0, 1), order="bgr"), images=40)
    with pytest.raises(OptionUnheard, match="--channels bgr means nothing to this ONNX model, which takes grey images"):
        convert_to_oracle(order, tmp_path / "oracle.onnx", places, lambda _text: None)


def test_an_option_that_means_nothing_to_the_source_is_refused_before_it_is_read(places, tmp_path):
    (tmp_path / "trees.json").write_text("not read")
    order = Order(str(tmp_path / "trees.json"), Wishes(inputs=("x:0",)))
    with pytest.raises(OptionUnheard, match="--inputs means nothing to XGBoost"):
        convert_to_oracle(order, tmp_path / "oracle.onnx", places, lambda _text: None)


def test_a_problem_of_another_number_of_classes_is_refused(source, places, tmp_path):
    with pytest.raises(Mismatch, match="3 scores, but problem goc9 has 9 classes"):
        _convert(_converted(stated={"range": (0, 1)}), source, places, tmp_path, card=DroppedCard(problem="goc9"))


def test_a_foreign_onnx_file_is_compared_with_itself(places, tmp_path):
    onnx.save(_model(), tmp_path / "foreign.onnx")
    order = Order(str(tmp_path / "foreign.onnx"), card=DroppedCard(range=(0, 1)), images=40)
    card = convert_to_oracle(order, tmp_path / "oracle.onnx", places, lambda _text: None)
    assert (card.parity.runtime, card.parity.label_agreement) == ("onnxruntime", 1.0)
    assert card.files[0].name == "foreign.onnx"


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("net.txt", r"net\.txt: an oracle file is called NAME\.onnx"),
        ("no/net.onnx", r"no: no such folder\. Make it first"),
        ("folder.onnx", r"folder\.onnx: is a folder"),
        ("old.onnx", r"old\.onnx: is there already\. .* --replace"),
    ],
)
def test_a_place_where_no_oracle_can_be_written_is_refused_before_any_work(source, places, tmp_path, out, words):
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "old.onnx").write_text("old")
    order = Order(str(source(_converted())), images=40)
    with pytest.raises(Refused, match=words):
        convert_to_oracle(order, tmp_path / out, places, lambda _text: None)
    assert (tmp_path / "old.onnx").read_text() == "old"


def test_the_source_itself_is_never_written_over(places, tmp_path):
    onnx.save(_model(), tmp_path / "own.onnx")
    before = (tmp_path / "own.onnx").read_bytes()
    order = Order(str(tmp_path / "own.onnx"), card=DroppedCard(range=(0, 1)), replace=True)
    with pytest.raises(Refused, match="this is the source itself"):
        convert_to_oracle(order, tmp_path / "own.onnx", places, lambda _text: None)
    assert (tmp_path / "own.onnx").read_bytes() == before


@pytest.mark.parametrize("said", [{"mean": (33.0,)}, {"scale": 1.0}, {"std": (2.0,)}, {"range": (-1, 1)}])
def test_half_of_what_the_files_say_of_pixels_cannot_be_replaced(said):
    made = _converted(stated={"layout": "nchw", "scale": 0.0039, "mean": (0.13,), "std": (1.5,)})
    with pytest.raises(CardRefused, match=r"is said, but the files \(or custom\) say .* belongs to their own; say --"):
        seal_conversion(made, DroppedCard(**said), "net")


def test_all_of_what_the_files_say_of_pixels_can_be_replaced():
    made = _converted(stated={"layout": "nchw", "scale": 0.0039, "mean": (0.13,)})
    how = seal_conversion(made, DroppedCard(scale=1.0, mean=(33.0,)), "net").card.preprocessing
    assert (how.scale, how.mean) == (1.0, (33.0,))


def test_what_nothing_depends_on_needs_not_be_said_again():
    made = _converted(stated={"layout": "nchw"}, assumed={"range": (0.0, 255.0)})
    how = seal_conversion(made, DroppedCard(mean=(104.0, 117.0, 123.0)), "net").card.preprocessing
    assert (how.range, how.mean) == ((0.0, 255.0), (104.0, 117.0, 123.0))


def test_the_classes_of_the_problem_in_another_order_are_refused(source, places, tmp_path):
    from tiny_world import build  # noqa: PLC0415

    problem = str(build(tmp_path).folder / "colours.toml")
    made = _converted(stated={"range": (0, 1), "classes": ("bluish", "greenish", "reddish")})
    with pytest.raises(Mismatch, match=r"another order \(0 is bluish, there reddish\)"):
        _convert(made, source, places, tmp_path, card=DroppedCard(problem=problem))


def test_a_model_of_nothing_but_labels_is_compared_by_labels(places, tmp_path):
    model = _model()
    model.graph.node.append(helper.make_node("ArgMax", ["y"], ["label"], axis=1, keepdims=0))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("label", TensorProto.INT64, ["n"]))
    onnx.save(model, tmp_path / "labels.onnx")
    order = Order(str(tmp_path / "labels.onnx"), card=DroppedCard(range=(0, 1)), images=40)
    card = convert_to_oracle(order, tmp_path / "oracle.onnx", places, lambda _text: None)
    assert card.parity.label_agreement == 1.0


@pytest.mark.parametrize(
    "arrays",
    [
        {"images": np.zeros((2, SIDE, SIDE, 3), np.uint8), "scores": np.zeros((2, 3, 1))},
        {"images": np.zeros((2, SIDE, SIDE, 3), np.uint8), "scores": np.zeros((2, 4))},
        {"images": np.zeros((2, SIDE, SIDE, 3), np.uint8), "labels": np.zeros((2, 1), np.int64)},
        {"images": np.zeros((2, SIDE, SIDE, 3), np.uint8), "labels": np.array(["a", "b"])},
        {"images": np.zeros((0, SIDE, SIDE, 3), np.uint8), "labels": np.zeros(0, np.int64)},
        {"labels": np.zeros(2, np.int64)},
    ],
)
def test_reference_files_of_wrong_shapes_are_refused_with_what_is_wanted(source, places, tmp_path, arrays):
    np.savez(tmp_path / "answers.npz", **arrays)
    with pytest.raises(Refused, match=r"wanted images uint8 .* scores \[n, 3\] or whole labels \[n\]"):
        _convert(_converted(), source, places, tmp_path, reference=tmp_path / "answers.npz")


@pytest.mark.parametrize("damage", ["npy", "short", "text"])
def test_reference_files_that_are_no_archive_are_refused_in_a_sentence(source, places, tmp_path, damage):
    file = tmp_path / "answers.npz"
    np.savez(file, images=np.zeros((2, SIDE, SIDE, 3), np.uint8), labels=np.zeros(2, np.int64))
    if damage == "npy":
        with file.open("wb") as handle:
            np.save(handle, np.zeros(3))
    elif damage == "short":
        file.write_bytes(file.read_bytes()[:-30])
    else:
        file.write_text("no archive")
    with pytest.raises(Refused, match=r"answers\.npz: cannot be read as \.npz"):
        _convert(_converted(), source, places, tmp_path, reference=file)


def test_scores_that_are_no_numbers_in_the_source_are_another_answer(source, places, tmp_path):
    class Broken(_Numpy):
        def scores(self, inputs: np.ndarray) -> np.ndarray:
            return np.full_like(super().scores(inputs), np.nan)

    with pytest.raises(ParityFailed, match=r"0\.00% of labels"):
        _convert(_converted(reference=Broken()), source, places, tmp_path)


def test_a_proof_on_few_images_or_of_one_label_says_how_little_it_proves(source, places, tmp_path):
    card = _convert(_converted(), source, places, tmp_path)
    assert "the parity run showed 40 images only" in " ".join(card.warnings)
    images_NHWC = np.zeros((120, SIDE, SIDE, 3), np.uint8)
    np.savez(tmp_path / "answers.npz", images=images_NHWC, labels=np.zeros(120, np.int64))
    card = _convert(_converted(), source, places, tmp_path, reference=tmp_path / "answers.npz", replace=True)
    assert "every image of the parity run the same label" in " ".join(card.warnings)


def test_what_was_assumed_is_mended_by_options_of_convert(source, places, tmp_path):
    advice = "the file does not say which range; write range = [low, high] into the card"
    made = _converted(
        stated={"layout": "nchw", "classes": ("a", "b", "c")}, assumed={"range": (0, 1)}, advice={"range": advice}
    )
    card = _convert(made, source, places, tmp_path)
    assert "the file does not say which range; say --range LOW HIGH --replace" in card.warnings
    assert not any("into the card" in warning for warning in card.warnings)


def test_a_parity_run_says_how_far_it_is_and_what_asks_for_fewer_images(source, places, tmp_path, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(proof, "PATIENCE", 0.0)
    order = Order(str(source(_converted())), images=40)
    convert_to_oracle(order, tmp_path / "net.onnx", places, said.append)
    assert "parity run: source and oracle answer 40 images, for a minute at most" in said
    assert "parity run: 32 of 40 images" in said
    monkeypatch.setattr(conversion, "run_parity", partial(proof.run_parity, seconds=0.0))
    convert_to_oracle(replace(order, replace=True), tmp_path / "net.onnx", places, said.append)
    assert said[-1] == ("note: the parity run was ended after a minute and 32 of 40 images; --images N asks for fewer")
