"""Sealing: every kind of classifier that people export becomes an oracle file that says what its source says."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from foreign_models import CLASSES, convolution, grey, images, linear, model, weights
from onnx import TensorProto, helper, numpy_helper

from oracles import contract, refusals, seal
from oracles.card import DroppedCard, Measured
from oracles.runtime import open_session
from oracles.seal import CardExtras, seal_closely

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def ask(sealed: onnx.ModelProto, images_NHWC: np.ndarray) -> dict[str, np.ndarray]:
    """All outputs of a sealed model for these images, by name."""
    session = open_session(sealed.SerializeToString(), device="cpu")
    names = [output.name for output in session.outputs]
    return dict(zip(names, session.run(names, {"images": images_NHWC}), strict=True))


def expect(sealed: onnx.ModelProto, images_NHWC: np.ndarray, scores_NC: np.ndarray) -> None:
    """The sealed model gives these scores, and their arg max as labels."""
    given = ask(sealed, images_NHWC)
    np.testing.assert_allclose(given["scores"], scores_NC, rtol=1e-4, atol=1e-4 * np.abs(scores_NC).max())
    assert given["labels"].dtype == np.int64
    np.testing.assert_array_equal(given["labels"], given["scores"].argmax(axis=1))


def rows_of(images_NHWC: np.ndarray, layout: str, *, colour: bool = True, high: float = 1.0) -> np.ndarray:
    """Images as flat float64 rows in the order of a layout, 0..high."""
    x = images_NHWC.astype(np.float64) if colour else grey(images_NHWC)
    x = x.transpose(0, 3, 1, 2) if layout == "nchw" else x
    return x.reshape(len(x), -1) / 255 * high


SHAPES: list[tuple[str, list[Any], str, bool]] = [
    ("nchw", ["n", 3, 8, 8], "nchw", True),
    ("nhwc", ["n", 8, 8, 3], "nhwc", True),
    ("grey nchw", ["n", 1, 8, 8], "nchw", False),
    ("grey nhwc", ["n", 8, 8, 1], "nhwc", False),
    ("no channel axis", ["n", 8, 8], "nhwc", False),
    ("flat", ["n", 64], "nhwc", False),
    ("flat with an axis behind", ["n", 64, 1], "nhwc", False),
    ("flat with an axis before", ["n", 1, 64], "nhwc", False),
    ("flat colour", ["n", 192], "nhwc", True),
    ("planes in rows", ["n", 3, 64], "nchw", True),
    ("pixels in rows", ["n", 64, 3], "nhwc", True),
    ("oblong", ["n", 3, 6, 10], "nchw", True),
]


@pytest.mark.parametrize(("shape", "layout", "colour"), [s[1:] for s in SHAPES], ids=[s[0] for s in SHAPES])
@pytest.mark.parametrize("batch", ["n", 1, 4])
def test_layout_channels_and_batch_are_found_in_the_model(shape: list, layout: str, colour: bool, batch: Any) -> None:
    """Whatever axes the model has and whatever batch it was exported for, the oracle takes n RGB images."""
    sealed = seal.seal(linear([batch, *shape[1:]]))
    height, width = contract.read_card(sealed).preprocessing.size
    assert contract.read_card(sealed).batch is None
    for count in (1, 2, 7):
        x = images(count, height, width)
        expect(sealed, x, rows_of(x, layout, colour=colour) @ weights(int(np.prod(shape[1:]))).astype(np.float64))


@pytest.mark.parametrize(
    ("dtype", "high", "shift"),
    [
        (TensorProto.FLOAT, 1.0, 0),
        (TensorProto.DOUBLE, 1.0, 0),
        (TensorProto.FLOAT16, 1.0, 0),
        (TensorProto.UINT8, 255.0, 0),
        (TensorProto.INT8, 255.0, 128),
        (TensorProto.INT32, 255.0, 0),
        (TensorProto.INT64, 255.0, 0),
    ],
)
def test_the_type_of_the_input_decides_the_usual_range(dtype: int, high: float, shift: int) -> None:
    """Floats are taken for 0..1, whole numbers for 0..255, int8 for -128..127, and each is recorded as assumed."""
    made = seal_closely(linear(["n", 8, 8, 3], dtype=dtype), DroppedCard(), "x")
    x = images(3, 8, 8)
    rows = rows_of(x, "nhwc", high=high) - shift
    given = ask(made.model, x)["scores"]
    np.testing.assert_allclose(given, rows @ weights(192).astype(np.float64), rtol=2e-3, atol=2e-3 * high)
    assert "range" in made.card.preprocessing.assumed
    assert any("is assumed" in warning for warning in made.card.warnings)


@pytest.mark.parametrize("opset", [7, 8, 9, 10, 11, 12, 13, 15, 18, 21])
def test_our_nodes_are_valid_in_the_operator_set_of_the_model(opset: int) -> None:
    """Grey, order, range, mean and layout work in every operator set from 7 on, which the file keeps."""
    source = convolution(["n", 1, 8, 8], opset=opset, channels=1)
    sealed = seal.seal(source, DroppedCard(mean=(0.5,), std=(0.25,)))
    assert [o.version for o in sealed.opset_import if not o.domain] == [opset]
    assert ask(sealed, images(2, 8, 8))["scores"].shape == (2, CLASSES)


def test_a_reshape_that_carries_the_batch_is_freed() -> None:
    """[1, -1] and [1, 192] in Reshape nodes of a model exported for one image follow the batch after sealing."""
    for target in ([1, -1], [1, 192]):
        nodes = [
            helper.make_node("Reshape", ["x", "to"], ["rows"]),
            helper.make_node("MatMul", ["rows", "w"], ["logits"]),
        ]
        source = model(
            nodes,
            [("x", FLOAT, [1, 3, 8, 8])],
            [("logits", FLOAT, [1, CLASSES])],
            initializers=[("w", weights(192)), ("to", np.array(target, dtype=np.int64))],
        )
        sealed = seal.seal(source)
        assert contract.read_card(sealed).batch is None
        x = images(5, 8, 8)
        expect(sealed, x, rows_of(x, "nchw") @ weights(192).astype(np.float64))


def test_a_batch_that_cannot_be_freed_is_kept_and_said() -> None:
    """A graph that adds a [4, 1] constant to four rows works for four images only: the card says batch 4."""
    source = linear(
        [4, 3, 8, 8],
        ending=[helper.make_node("Add", ["logits", "four"], ["out"])],
        outputs=[("out", FLOAT, [4, CLASSES])],
        extra=[("four", np.array([[1.0], [2.0], [3.0], [4.0]], dtype=np.float32))],
    )
    sealed = seal.seal(source)
    card = contract.read_card(sealed)
    assert card.batch == 4
    assert any("batch is fixed: 4" in warning for warning in card.warnings)
    assert ask(sealed, images(4, 8, 8))["labels"].shape == (4,)


def test_an_answer_that_depends_on_the_company_is_warned_of() -> None:
    """A model that subtracts the mean over the batch is sealed as it is, with a warning and the way out."""
    ending = [
        helper.make_node("ReduceMean", ["logits"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["logits", "mean"], ["out"]),
    ]
    source = linear(ending=ending, outputs=[("out", FLOAT, ["n", CLASSES])])
    card = contract.read_card(seal.seal(source))
    assert any("depends on the others in its batch" in warning for warning in card.warnings)
    alone = contract.read_card(seal.seal(source, DroppedCard(batch=1)))
    assert alone.batch == 1


def test_a_free_size_comes_from_the_card_or_is_assumed() -> None:
    """A fully convolutional net gets the card's size, or 32 (28 for grey ones) with a warning."""
    free = ["n", 3, "h", "w"]
    assert contract.read_card(seal.seal(convolution(free), DroppedCard(size=(20, 24)))).preprocessing.size == (20, 24)
    assumed = contract.read_card(seal.seal(convolution(free)))
    assert assumed.preprocessing.size == (32, 32)
    assert any("size [32, 32] is assumed" in warning for warning in assumed.warnings)
    one = contract.read_card(seal.seal(convolution(["n", 1, -1, -1], channels=1)))
    assert one.preprocessing.size == (28, 28)
    half = contract.read_card(seal.seal(convolution(["n", 3, 40, "w"])))
    assert half.preprocessing.size == (40, 40)


def test_many_classes_at_a_free_size_mean_224_pixels() -> None:
    """A net with a thousand classes and no fixed size is taken for ImageNet's."""
    pooled = helper.make_node("GlobalAveragePool", ["x"], ["p"])
    nodes = [pooled, helper.make_node("Flatten", ["p"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["logits"])]
    source = model(
        nodes, [("x", FLOAT, ["n", 3, "h", "w"])], [("logits", FLOAT, None)], initializers=[("w", weights(3, 1000))]
    )
    assert contract.read_card(seal.seal(source)).preprocessing.size == (224, 224)


def test_trailing_axes_of_length_one_are_dropped() -> None:
    """Scores [n, k, 1, 1] of a pooling layer become [n, k]."""
    sealed = seal.seal(convolution(["n", 3, 8, 8]))
    assert ask(sealed, images(3, 8, 8))["scores"].shape == (3, CLASSES)


@pytest.mark.parametrize("opset", [8, 11, 17])
def test_softmax_is_told_from_logits(opset: int) -> None:
    """The kind of the scores is found by looking at them; the card may say otherwise."""
    ending = [helper.make_node("Softmax", ["logits"], ["p"], axis=1)]
    source = linear(ending=ending, outputs=[("p", FLOAT, ["n", CLASSES])], opset=opset)
    assert contract.read_card(seal.seal(source)).scores_kind == "probability"
    assert contract.read_card(seal.seal(linear())).scores_kind == "logit"
    assert contract.read_card(seal.seal(linear(), DroppedCard(scores_kind="distance"))).scores_kind == "distance"


@pytest.mark.parametrize("keepdims", [0, 1])
def test_the_input_of_an_arg_max_becomes_the_scores(keepdims: int) -> None:
    """A model that ends in ArgMax (and Cast) still has scores: what the ArgMax read."""
    ending = [
        helper.make_node("ArgMax", ["logits"], ["a"], axis=1, keepdims=keepdims),
        helper.make_node("Cast", ["a"], ["class"], to=TensorProto.INT32),
    ]
    source = linear(ending=ending, outputs=[("class", TensorProto.INT32, None)])
    made = seal_closely(source, DroppedCard(), "x")
    x = images(4, 8, 8)
    expect(made.model, x, rows_of(x, "nchw") @ weights(192).astype(np.float64))
    assert any(f.what == "output" and "before its ArgMax" in f.value for f in made.findings)


def test_labels_without_scores_need_the_classes_from_the_card() -> None:
    """A model that gives only class indices is refused without class names, and has no scores with them."""
    ending = [
        helper.make_node("ArgMax", ["logits"], ["a"], axis=1, keepdims=0),
        helper.make_node("Abs", ["a"], ["class"]),
    ]
    source = linear(ending=ending, outputs=[("class", INT64, ["n"])])
    with pytest.raises(refusals.NoClassAxis, match=r"gives labels without scores; write classes"):
        seal.seal(source)
    sealed = seal.seal(source, DroppedCard(classes=tuple("abcde")))
    x = images(4, 8, 8)
    given = ask(sealed, x)
    assert list(given) == ["labels"]
    np.testing.assert_array_equal(given["labels"], (rows_of(x, "nchw") @ weights(192)).argmax(axis=1))
    assert contract.read_card(sealed).scores_kind is None


def test_the_zip_map_of_scikit_learn_is_taken_off() -> None:
    """Of LinearClassifier, Normalizer and ZipMap the scores are what the ZipMap read, and the names its labels."""
    w = weights(64, 3).T
    nodes = [
        helper.make_node(
            "LinearClassifier",
            ["X"],
            ["label", "raw"],
            domain="ai.onnx.ml",
            coefficients=w.ravel().tolist(),
            intercepts=[0.0, 0.1, 0.2],
            classlabels_strings=["cat", "dog", "eel"],
            multi_class=1,
            post_transform="SOFTMAX",
        ),
        helper.make_node("ZipMap", ["raw"], ["prob"], domain="ai.onnx.ml", classlabels_strings=["cat", "dog", "eel"]),
    ]
    source = model(
        nodes, [("X", FLOAT, [None, 64])], [("label", TensorProto.STRING, [None])], more_opsets=[("ai.onnx.ml", 1)]
    )
    maps = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(FLOAT, []))
    source.graph.output.append(helper.make_value_info("prob", helper.make_sequence_type_proto(maps)))
    sealed = seal.seal(source)
    card = contract.read_card(sealed)
    assert card.classes == ("cat", "dog", "eel")
    assert card.scores_kind == "probability"
    assert "ZipMap" not in [node.op_type for node in sealed.graph.node]
    x = images(4, 8, 8)
    logits = rows_of(x, "nhwc", colour=False) @ w.T + [0.0, 0.1, 0.2]
    expect(sealed, x, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))


def two_heads(second: int, *, seed: int = 9) -> onnx.ModelProto:
    """A model with outputs "logits" (5) and "other" (`second` numbers)."""
    return linear(
        ending=[helper.make_node("MatMul", ["rows", "v"], ["other"])],
        outputs=[("other", FLOAT, ["n", second]), ("logits", FLOAT, ["n", CLASSES])],
        extra=[("v", weights(192, second, seed))],
    )


def test_several_outputs_are_told_apart_or_refused() -> None:
    """The card's output or number of classes decides between heads; without it the outputs are named."""
    with pytest.raises(
        refusals.AmbiguousOutput, match=r'other \(7 scores\), logits \(5 scores\); write output = "..."'
    ):
        seal.seal(two_heads(7))
    assert len(contract.read_card(seal.seal(two_heads(7), DroppedCard(output="logits"))).classes) == 5
    assert len(contract.read_card(seal.seal(two_heads(7), DroppedCard(classes=tuple("abcdefg")))).classes) == 7
    with pytest.raises(refusals.CardRefused, match=r"output = 'nix', but the outputs are other, logits"):
        seal.seal(two_heads(7), DroppedCard(output="nix"))


def test_logits_and_their_softmax_are_one_answer() -> None:
    """Two outputs that agree on every probe image are no ambiguity."""
    source = linear(
        ending=[helper.make_node("Softmax", ["logits"], ["p"], axis=1)],
        outputs=[("logits", FLOAT, ["n", CLASSES]), ("p", FLOAT, ["n", CLASSES])],
    )
    assert contract.read_card(seal.seal(source)).scores_kind == "logit"


def test_weights_listed_as_inputs_are_no_images() -> None:
    """CNTK and other old exporters list their weights among the inputs (IR version 3)."""
    source = linear(opset=8)
    source.ir_version = 3
    source.graph.input.append(helper.make_tensor_value_info("w", FLOAT, [192, CLASSES]))
    sealed = seal.seal(source)
    assert [value.name for value in sealed.graph.input] == ["images"]


def test_names_of_the_source_do_not_collide_with_ours() -> None:
    """A source whose tensors are called images, labels, scores and seal/... is renamed, and computes the same."""
    nodes = [
        helper.make_node("Flatten", ["images"], ["labels"], axis=1),
        helper.make_node("MatMul", ["labels", "seal/w"], ["scores"], name="seal/scores"),
        helper.make_node("Softmax", ["scores"], ["seal/constant_1"], axis=1),
    ]
    source = model(
        nodes,
        [("images", FLOAT, ["n", 3, 8, 8])],
        [("seal/constant_1", FLOAT, ["n", CLASSES])],
        initializers=[("seal/w", weights(192) * 0.01)],
    )
    x = images(3, 8, 8)
    logits = rows_of(x, "nchw") @ weights(192) * 0.01
    expect(seal.seal(source), x, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True))


def test_a_float16_and_a_float64_model_keep_their_precision_inside() -> None:
    """Only the ends are cast: the weights of the sealed file have the type of the source's."""
    for dtype, numpy_type in ((TensorProto.FLOAT16, np.float16), (TensorProto.DOUBLE, np.float64)):
        nodes = [helper.make_node("Flatten", ["x"], ["r"]), helper.make_node("MatMul", ["r", "w"], ["y"])]
        source = model(
            nodes,
            [("x", dtype, ["n", 3, 8, 8])],
            [("y", dtype, ["n", CLASSES])],
            initializers=[("w", (weights(192) * 0.1).astype(numpy_type))],
        )
        sealed = seal.seal(source)
        assert [t.data_type for t in sealed.graph.initializer] == [dtype]
        x = images(3, 8, 8)
        given = ask(sealed, x)["scores"]
        assert given.dtype == np.float32
        np.testing.assert_allclose(given, rows_of(x, "nchw") @ (weights(192) * 0.1), atol=2e-2)


def test_ties_go_to_the_lowest_index() -> None:
    """A model with equal scores for all classes says class 0."""
    source = linear(
        ending=[helper.make_node("Mul", ["logits", "zero"], ["y"])],
        outputs=[("y", FLOAT, ["n", CLASSES])],
        extra=[("zero", np.zeros(1, dtype=np.float32))],
    )
    sealed = seal.seal(source)
    assert ask(sealed, images(3, 8, 8))["labels"].tolist() == [0, 0, 0]
    assert any("every probe image gets the same answer" in w for w in contract.read_card(sealed).warnings)


def test_a_random_model_is_warned_of() -> None:
    """Scores that change from run to run are accepted with a warning that names the operator."""
    ending = [
        helper.make_node("RandomNormalLike", ["logits"], ["noise"], scale=50.0),
        helper.make_node("Add", ["logits", "noise"], ["y"]),
    ]
    card = contract.read_card(seal.seal(linear(ending=ending, outputs=[("y", FLOAT, ["n", CLASSES])])))
    assert any("second time (RandomNormalLike)" in warning for warning in card.warnings)


def test_scores_that_are_no_numbers_are_refused() -> None:
    """A model that gives NaN for every probe image is refused."""
    source = linear(
        ending=[helper.make_node("Mul", ["logits", "nan"], ["y"])],
        outputs=[("y", FLOAT, ["n", CLASSES])],
        extra=[("nan", np.full(1, np.nan, dtype=np.float32))],
    )
    with pytest.raises(refusals.ModelRefused, match=r"not numbers \(NaN\) for every probe image"):
        seal.seal(source)


REFUSED: list[tuple[str, Any, DroppedCard, type, str]] = [
    ("one score", linear(classes=1), DroppedCard(), refusals.NoClassAxis, "has one score for each of two or more"),
    ("four channels", linear(["n", 4, 8, 8]), DroppedCard(), refusals.NotAnImage, r"\[\?, 4, 8, 8\] is no image"),
    ("features", linear(["n", 9]), DroppedCard(), refusals.NotAnImage, "is no image with 1 or 3"),
    ("video", linear(["n", 3, 4, 8, 8]), DroppedCard(), refusals.NotAnImage, "is no image"),
    ("no batch axis", linear([3, 8, 8]), DroppedCard(), refusals.NotAnImage, "without a batch axis"),
    ("class names", linear(), DroppedCard(classes=("a", "b")), refusals.CardRefused, "5 scores, but the card names 2"),
    ("channels", linear(), DroppedCard(channels=1), refusals.CardRefused, "channels = 1, but the model takes 3"),
    ("layout", linear(), DroppedCard(layout="nhwc"), refusals.NotAnImage, "is no image"),
    (
        "size",
        linear(),
        DroppedCard(size=(9, 9)),
        refusals.CardRefused,
        r"size = \[9, 9\], but the model takes \[8, 8\]",
    ),
    ("mean", linear(), DroppedCard(mean=(1, 2)), refusals.CardRefused, "mean has 2 numbers"),
    ("batch", linear([2, 3, 8, 8]), DroppedCard(batch=3), refusals.CardRefused, "batch = 3, but the model takes 2"),
    (
        "range of bytes",
        linear(dtype=TensorProto.UINT8),
        DroppedCard(range=(0, 300)),
        refusals.CardRefused,
        r"takes uint8: only a range within 0..255",
    ),
    (
        "text",
        linear(dtype=TensorProto.STRING),
        DroppedCard(),
        refusals.NotAnImage,
        "holds string; export one that takes numbers",
    ),
    ("old", linear(opset=6), DroppedCard(), refusals.ModelRefused, "operator set 6 is too old"),
]


@pytest.mark.parametrize(("source", "card", "kind", "words"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_is_no_image_classifier_is_refused(source: Any, card: DroppedCard, kind: type, words: str) -> None:
    """Each refusal names the thing and the value, and says the way out."""
    with pytest.raises(kind, match=words):
        seal.seal(source, card)


def test_several_inputs_are_refused_by_name() -> None:
    """A model with a second input is refused, and both are named."""
    source = linear(ending=[helper.make_node("Add", ["logits", "keep_prob"], ["y"])], outputs=[("y", FLOAT, None)])
    source.graph.input.append(helper.make_tensor_value_info("keep_prob", FLOAT, [1]))
    with pytest.raises(refusals.SeveralImageInputs, match=r"2 inputs \(x, keep_prob\)"):
        seal.seal(source)


def test_unknown_operators_are_refused_by_name() -> None:
    """An operator of a custom domain is named together with its domain."""
    ending = [helper.make_node("Magic", ["logits"], ["y"], domain="acme")]
    with pytest.raises(refusals.UnknownOperators, match="operator Magic of domain 'acme'"):
        seal.seal(linear(ending=ending, outputs=[("y", FLOAT, None)], more_opsets=[("acme", 1)]))


def test_functions_inside_the_model_are_no_custom_operators() -> None:
    """A model-local function is part of the file, so its domain is known."""
    body = [helper.make_node("Relu", ["a"], ["b"])]
    function = helper.make_function("local", "Twist", ["a"], ["b"], body, [helper.make_opsetid("", 17)])
    source = linear(
        ending=[helper.make_node("Twist", ["logits"], ["y"], domain="local")],
        outputs=[("y", FLOAT, ["n", CLASSES])],
        more_opsets=[("local", 1)],
    )
    source.functions.append(function)
    x = images(2, 8, 8)
    expect(seal.seal(source), x, np.maximum(rows_of(x, "nchw") @ weights(192), 0))


def test_an_if_inside_the_model_survives_renaming_and_pruning() -> None:
    """Inner graphs read outer tensors: the branch of an If still sees the logits."""

    def branch(operator: str) -> onnx.GraphProto:
        return helper.make_graph(
            [helper.make_node(operator, ["scores"], [f"{operator}_y"])],
            operator,
            [],
            [helper.make_tensor_value_info(f"{operator}_y", FLOAT, None)],
        )

    ending = [
        helper.make_node("Identity", ["logits"], ["scores"]),
        helper.make_node("If", ["yes"], ["y"], then_branch=branch("Neg"), else_branch=branch("Relu")),
    ]
    source = linear(ending=ending, outputs=[("y", FLOAT, ["n", CLASSES])], extra=[("yes", np.array(True))])
    x = images(2, 8, 8)
    expect(seal.seal(source), x, -(rows_of(x, "nchw") @ weights(192)))


def test_sealing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """The file is a pure function of model, card and name, and its sha-256 is what write returns."""
    first, second = (seal.to_bytes(seal.seal(linear(), DroppedCard(range=(0, 1)), "twin")) for _ in range(2))
    assert first == second
    digest = seal.write(seal.seal(linear(), DroppedCard(range=(0, 1)), "twin"), tmp_path / "twin.onnx")
    assert digest == hashlib.sha256(first).hexdigest()
    assert [p.name for p in tmp_path.iterdir()] == ["twin.onnx"]


def test_the_mean_image_takes_part_in_the_models_own_channel_order() -> None:
    """The model sees BGR pixels minus the mean image, 0..255, given as [h, w, c] or [c, h, w]."""
    mean = np.random.default_rng(4).uniform(0, 255, (8, 8, 3)).astype(np.float32)
    x = images(3, 8, 8)
    rows = (x[..., ::-1].astype(np.float64) - mean).transpose(0, 3, 1, 2).reshape(3, -1)
    for given in (mean, mean.transpose(2, 0, 1)):
        made = seal_closely(linear(), DroppedCard(order="bgr"), "x", extra=CardExtras(mean_image=given))
        expect(made.model, x, rows @ weights(192))
        assert made.card.preprocessing.mean_image_sha256 == hashlib.sha256(mean.tobytes()).hexdigest()
    with pytest.raises(
        refusals.CardRefused, match=r"mean_image is float32 \[7, 8, 3\]; the model needs numbers \[8, 8, 3\]"
    ):
        seal.seal(linear(), DroppedCard(mean_image="m.npy"), extra=CardExtras(mean_image=mean[:7]))


def test_external_weights_in_memory_are_refused() -> None:
    """A model loaded without its external data names the weight that is missing."""
    source = linear()
    source.graph.initializer[0].data_location = TensorProto.EXTERNAL
    with pytest.raises(refusals.ExternalDataRefused, match="weight 'w' lies in another file"):
        seal.seal(source)


def test_restate_changes_the_card_and_nothing_else() -> None:
    """Measured scores go into the card of a copy; unknown fields and wrong values are refused."""
    sealed = seal.seal(linear(), name="before")
    measured = Measured(problem="p", source="s", digest="d", images=3, macro_f1=0.5, accuracy=0.5, mean_recall=0.5)
    after = seal.restate(sealed, measured=(measured,), name="after", problem="p")
    assert contract.read_card(after).measured == (measured,)
    assert contract.read_card(sealed).name == "before"
    assert after.graph == sealed.graph
    with pytest.raises(refusals.CardRefused, match="a card has no colour"):
        seal.restate(sealed, colour="red")
    with pytest.raises(refusals.CardRefused, match="cannot say that: price_per_1000"):
        seal.restate(sealed, price_per_1000=-1)


def test_a_model_without_outputs_of_numbers_is_refused() -> None:
    """Text labels alone are no class scores."""
    source = linear()
    source.graph.output[0].type.tensor_type.elem_type = TensorProto.STRING
    with pytest.raises(refusals.NoClassAxis, match=r"no output \(logits\) is a tensor of numbers"):
        seal.seal(source)


def test_notes_and_paths_of_the_exporters_machine_are_dropped() -> None:
    """Doc strings and metadata of nodes, weights, graphs and inputs, where torch writes stack traces, do not stay."""
    branch = [
        helper.make_graph(
            [helper.make_node("Relu", ["logits"], [f"y{n}"], doc_string="/home/me")],
            "g",
            [],
            [helper.make_tensor_value_info(f"y{n}", FLOAT, None)],
        )
        for n in range(2)
    ]
    ending = [helper.make_node("If", ["yes"], ["y"], then_branch=branch[0], else_branch=branch[1])]
    source = linear(ending=ending, outputs=[("y", FLOAT, ["n", CLASSES])], extra=[("yes", np.array(True))])
    source.graph.node[0].metadata_props.add(key="pkg.torch.onnx.stack_trace", value="/home/me/train.py")
    for thing in (source, source.graph, source.graph.node[1], source.graph.initializer[0], source.graph.input[0]):
        thing.doc_string = "/home/me"
    assert b"/home/me" not in seal.to_bytes(seal.seal(source))


def test_the_file_keeps_only_what_the_scores_need() -> None:
    """A second head is cut away with its weights."""
    sealed = seal.seal(two_heads(7), DroppedCard(output="logits"))
    assert [tensor.name for tensor in sealed.graph.initializer] == ["w"]
    assert numpy_helper.to_array(sealed.graph.initializer[0]).shape == (192, CLASSES)
