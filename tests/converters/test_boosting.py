"""Boosted trees answer in onnxruntime as they do in XGBoost and LightGBM, at every threshold; forged files end well."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from boosters import BEST, DIGITS, HIGH, NUMBERS, TEN, boosted, light, lightgbm, opened, xgboost

from converters.boosting.convert import convert
from converters.boosting.ensembles import not_above
from converters.conversion import Conversion, Source, Wishes
from converters.refusals import ConversionRefused, SourceDamaged, SourceIncomplete, UnknownFormat, UnsupportedLayer


def edges(model: onnx.ModelProto) -> np.ndarray:
    """Rows [3000, f] whose features lie on thresholds, or at the next float32 below or above them."""
    trees = {attribute.name: attribute for attribute in model.graph.node[0].attribute}
    inner = np.array([mode != b"LEAF" for mode in trees["nodes_modes"].strings])
    features = np.array(trees["nodes_featureids"].ints)[inner]
    thresholds = np.array(trees["nodes_values"].floats, np.float32)[inner]
    rng = np.random.default_rng(0)
    rows = rng.uniform(0, 16, (3000, 64)).astype(np.float32)
    for feature in np.unique(features):
        at = rng.choice(thresholds[features == feature], len(rows))
        towards = rng.choice(np.array([-np.inf, np.inf], np.float32), len(rows))
        rows[:, feature] = np.where(rng.random(len(rows)) < 0.4, at, np.nextafter(at, towards))
    return rows


def answered(model: onnx.ModelProto, inputs: np.ndarray) -> np.ndarray:
    """Scores of the model."""
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {session.get_inputs()[0].name: inputs.astype(np.float32)})
    return scores


def agrees(conversion: Conversion, labels: Callable[[np.ndarray], np.ndarray]) -> None:
    """Labels are those of the library's own booster, of digits and at the edges; scores near the reference's."""
    assert conversion.reference is not None
    for inputs in (DIGITS.astype(np.float32), edges(conversion.model)):
        scores = answered(conversion.model, inputs)
        assert np.mean(scores.argmax(1) == labels(inputs)) >= 0.9993
        np.testing.assert_allclose(scores, conversion.reference.scores(inputs), atol=2e-6)
        ((name, sums),) = conversion.reference.layers(inputs)
        assert name == "sums"
        assert len(sums) == len(inputs)


@pytest.mark.parametrize("suffix", ["json", "ubj"])
@pytest.mark.parametrize(
    ("options", "labels", "half"),
    [
        (TEN, NUMBERS, None),
        ({**TEN, "objective": "multi:softmax"}, NUMBERS, None),
        ({**TEN, "num_parallel_tree": 3, "subsample": 0.5}, NUMBERS, None),
        ({**TEN, "booster": "dart", "rate_drop": 0.4}, NUMBERS, None),
        ({"objective": "binary:logistic"}, HIGH, 0.5),
        ({"objective": "binary:logistic", "base_score": 0.2}, HIGH, 0.5),
        ({"objective": "binary:logitraw", "base_score": 0.3}, HIGH, 0),
        ({"objective": "binary:hinge"}, HIGH, 0.5),
    ],
    ids=["softprob", "softmax", "forest", "dart", "logistic", "base score", "raw", "hinge"],
)
def test_boosters_of_xgboost_answer_the_same(
    tmp_path: Path, options: dict[str, Any], labels: np.ndarray, half: float | None, suffix: str
) -> None:
    """All its objectives for classes, forests and DART; two scores for two classes; both formats."""
    booster = boosted(tmp_path / f"trees.{suffix}", labels, **options)

    def own(inputs: np.ndarray) -> np.ndarray:
        answer = booster.predict(xgboost.DMatrix(inputs, nthread=1))
        if half is not None:
            return answer > half
        return answer.argmax(1) if answer.ndim == 2 else answer

    conversion = opened(tmp_path / f"trees.{suffix}")
    assert conversion.stated == {"channels": 1, "layout": "nhwc"}
    assert conversion.assumed == {"size": (8, 8)}
    assert "write range" in conversion.advice["range"]
    assert (conversion.framework, conversion.reference.runtime) == ("XGBoost", "XGBoost")  # type: ignore[union-attr]
    agrees(conversion, own)


def test_a_classifier_that_stopped_early_answers_with_its_best_rounds(tmp_path: Path) -> None:
    """As XGBClassifier does, and not as Booster.predict; a booster of `train` keeps all, and both are noted."""
    classifier = xgboost.XGBClassifier(
        n_estimators=40, max_depth=3, learning_rate=1.0, early_stopping_rounds=2, n_jobs=1
    ).fit(DIGITS[:600], NUMBERS[:600], eval_set=[(DIGITS[600:900], NUMBERS[600:900])], verbose=False)
    classifier.save_model(tmp_path / "trees.json")
    conversion = opened(tmp_path / "trees.json")
    assert conversion.notes[0].startswith(f"the first {classifier.best_iteration + 1} of ")
    agrees(conversion, classifier.predict)
    document = json.loads((tmp_path / "trees.json").read_bytes())
    del document["learner"]["attributes"]["scikit_learn"]
    (tmp_path / "trees.json").write_text(json.dumps(document))
    conversion = opened(tmp_path / "trees.json")
    assert conversion.notes[0].startswith("all ")
    booster = classifier.get_booster()
    agrees(conversion, lambda inputs: booster.predict(xgboost.DMatrix(inputs), iteration_range=(0, 0)).argmax(1))


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        (BEST, NUMBERS),
        ({**BEST, "objective": "multiclassova", "sigmoid": 1.7}, NUMBERS),
        ({**BEST, "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}, NUMBERS),
        ({**BEST, "boosting": "dart"}, NUMBERS),
        ({"objective": "binary"}, HIGH),
        ({"objective": "binary", "sigmoid": 2.5}, HIGH),
        ({"objective": "cross_entropy"}, HIGH),
        ({"objective": "binary", "min_data_in_leaf": 5000}, HIGH),
    ],
    ids=["multiclass", "one against all", "forest", "dart", "binary", "steep", "cross entropy", "stumps"],
)
def test_boosters_of_lightgbm_answer_the_same(
    tmp_path: Path, options: dict[str, Any], labels: np.ndarray, capfd: pytest.CaptureFixture[str]
) -> None:
    """All its objectives for classes; the range is what the file says of its features; nothing on the screen."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        booster = light(tmp_path / "trees.txt", labels, **options)
    capfd.readouterr()
    conversion = opened(tmp_path / "trees.txt")

    def own(inputs: np.ndarray) -> np.ndarray:
        answer = booster.predict(inputs, num_threads=1)
        return answer.argmax(1) if answer.ndim == 2 else answer > 0.5

    if options.get("min_data_in_leaf") == 5000:  # no feature was of use, and none has a range
        assert "write range" in conversion.advice["range"]
        scores = answered(conversion.model, DIGITS)
        np.testing.assert_allclose(scores, conversion.reference.scores(DIGITS), atol=2e-6)  # type: ignore[union-attr]
    else:
        assert conversion.assumed == {"size": (8, 8), "range": (0.0, 16.0)}
        assert (conversion.notes, conversion.advice) == ((), {})
        agrees(conversion, own)
    assert capfd.readouterr() == ("", "")


def test_thresholds_between_two_float32_go_to_the_lower() -> None:
    """x <= t holds for the same float32 x: 0.1 as float32 lies above 0.1, and 0.5 is itself."""
    thresholds = np.array([0.1, 0.5, -0.1, 1e300, -1e300, 1e-35, 7.500000000000001])
    lower = not_above(thresholds)
    assert lower.dtype == np.float32
    assert (lower <= thresholds).all()
    with np.errstate(over="ignore"):
        assert (np.nextafter(lower, np.float32(np.inf)).astype(np.float64) > thresholds).all()
    assert lower[1] == 0.5
    assert lower[6] == 7.5


@pytest.mark.parametrize(
    ("write", "refusal", "words"),
    [
        (lambda f: boosted(f, NUMBERS, objective="reg:squarederror"), UnsupportedLayer, "with reg:squarederror, which"),
        (
            lambda f: boosted(f, HIGH, objective="binary:logistic", booster="gblinear"),
            UnsupportedLayer,
            "kind gblinear",
        ),
        (lambda f: boosted(f, NUMBERS, **TEN, multi_strategy="multi_output_tree"), UnsupportedLayer, "vector in each"),
        (lambda f: f.write_text("{}"), SourceDamaged, "no model that XGBoost's save_model wrote"),
        (lambda f: f.write_text("["), SourceDamaged, "no model that XGBoost's save_model wrote"),
        (lambda f: f.write_text('{"learner":' * 50_000), SourceDamaged, "no model that XGBoost's save_model wrote"),
        (lambda f: light(f, NUMBERS, objective="regression"), UnsupportedLayer, "regression, which gives no classes"),
        (lambda f: light(f, HIGH, objective="lambdarank"), UnsupportedLayer, "lambdarank, which gives no classes"),
        (lambda f: light(f, HIGH, objective="binary", linear_tree=True), UnsupportedLayer, "without linear_tree"),
        (lambda f: light(f, HIGH, objective="binary", zero_as_missing=True), UnsupportedLayer, "zero is black"),
        (lambda f: f.write_text("tree\nversion=v4\n"), SourceDamaged, "no model that LightGBM's save_model wrote"),
        (lambda f: f.write_bytes(b"tree\xff"), SourceDamaged, "is no model of LightGBM"),
    ],
)
def test_what_gives_no_classes_is_refused_by_name(
    tmp_path: Path, write: Callable[[Path], object], refusal: type[ConversionRefused], words: str
) -> None:
    """Regressors, rankers, lines, vectors, zeros for missing, and files of other things: one sentence each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(tmp_path / "trees.json")
    with pytest.raises(refusal, match=words) as caught:
        opened(tmp_path / "trees.json")
    assert "\n" not in str(caught.value)


def test_splits_on_categories_are_refused(tmp_path: Path) -> None:
    """In both libraries: a pixel is a number."""
    data = lightgbm.Dataset(DIGITS.astype(int), NUMBERS, categorical_feature=[20, 21])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        booster = lightgbm.train({**BEST, "verbose": -1, "num_threads": 1}, data, 3)
    booster.save_model(tmp_path / "trees.txt")
    with pytest.raises(UnsupportedLayer, match=r"trees.txt splits on categories"):
        opened(tmp_path / "trees.txt")
    matrix = xgboost.DMatrix(DIGITS, NUMBERS, feature_types=["c"] * 64, enable_categorical=True, nthread=1)
    xgboost.train({**TEN, "nthread": 1, "max_cat_to_onehot": 1}, matrix, 2).save_model(tmp_path / "trees.json")
    with pytest.raises(UnsupportedLayer, match=r"trees.json splits on categories"):
        opened(tmp_path / "trees.json")


def test_sizes_are_the_users_where_features_are_no_square(tmp_path: Path) -> None:
    """64 features are 4 x 16 where the user says it, and never 9 x 9; a name that is no file is refused."""
    boosted(tmp_path / "trees.json", HIGH, objective="binary:logistic")
    assert opened(tmp_path / "trees.json", size=(4, 16)).stated["size"] == (4, 16)
    with pytest.raises(SourceIncomplete, match="takes 64 numbers, which are no 1 or 3 x 9 x 9"):
        opened(tmp_path / "trees.json", size=(9, 9))
    with pytest.raises(UnknownFormat, match="is no file"):
        convert(Source("trees"), Wishes())
