"""Classifiers answer in onnxruntime as they do in scikit-learn, and none is opened that could run code."""

import os
import pickle
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC, NuSVC
from sklearn.tree import DecisionTreeClassifier

from converters.conversion import Conversion, Source, Wishes
from converters.refusals import ConversionRefused, RunsCode, SourceDamaged, SourceIncomplete, UnsupportedLayer
from converters.sklearn.convert import convert, from_estimator

pytest.importorskip("skl2onnx")
skops = pytest.importorskip("skops.io")

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
DIGITS, NUMBERS = load_digits(return_X_y=True)
WORDS = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])


def _two_lines() -> list[tuple[str, Any]]:
    """Two members whose probabilities are not saturated, so that their mean does not hang on the last bit."""
    return [("a", LogisticRegression(C=1e-4, max_iter=30)), ("b", LogisticRegression(C=1e-5, max_iter=30))]


CLASSIFIERS: dict[str, Any] = {
    "logistic": lambda: LogisticRegression(max_iter=30),
    "perceptrons": lambda: MLPClassifier((16,), max_iter=15, random_state=0),
    "vectors": SVC,
    "vectors in pairs": lambda: SVC(decision_function_shape="ovo"),
    "vectors, ties broken": lambda: SVC(break_ties=True),
    "nu vectors": lambda: NuSVC(nu=0.1),
    "vectors, calibrated": lambda: CalibratedClassifierCV(SVC(), ensemble=False, cv=2),
    "linear vectors": lambda: LinearSVC(max_iter=100),
    "ridge": RidgeClassifier,
    "hinge": lambda: SGDClassifier(random_state=0),
    "modified huber": lambda: SGDClassifier(loss="modified_huber", random_state=0),
    "forest": lambda: RandomForestClassifier(12, random_state=0),
    "boosted": lambda: GradientBoostingClassifier(n_estimators=4, random_state=0),
    "tree": lambda: DecisionTreeClassifier(random_state=0),
    "neighbours": lambda: KNeighborsClassifier(3),
    "bayes": GaussianNB,
    "discriminant": LinearDiscriminantAnalysis,
    "one against the rest": lambda: OneVsRestClassifier(LogisticRegression(max_iter=30)),
    "soft votes": lambda: VotingClassifier(_two_lines(), voting="soft"),
    "hard votes": lambda: VotingClassifier([("a", GaussianNB()), ("b", DecisionTreeClassifier())], voting="hard"),
    "pipeline": lambda: make_pipeline(StandardScaler(), PCA(20, random_state=0), LogisticRegression(max_iter=30)),
    "pipeline of vectors": lambda: make_pipeline(MinMaxScaler(), SVC()),
    "search": lambda: GridSearchCV(LogisticRegression(max_iter=20), {"C": [0.1, 1]}, cv=2),
    "search in a pipeline": lambda: make_pipeline(StandardScaler(), GridSearchCV(SVC(), {"C": [1, 10]}, cv=2)),
}


def fitted(estimator: Any, labels: np.ndarray, count: int = 700) -> Any:
    """The estimator after seeing some digits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(DIGITS[:count], labels[:count])


def answered(conversion: Conversion, inputs: np.ndarray) -> np.ndarray:
    """The one output of the model."""
    onnx.checker.check_model(conversion.model)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        conversion.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (answer,) = session.run(None, {session.get_inputs()[0].name: inputs.astype(np.float32)})
    return answer


def agrees(conversion: Conversion, estimator: Any, tolerance: float = 1e-4) -> None:
    """Labels are what `predict` says, of the digits and of noise; scores are near the reference's."""
    noise = np.random.default_rng(1).uniform(0, 16, (500, 64)).astype(np.float32)
    assert conversion.reference is not None
    for inputs in (DIGITS, noise):
        answer, reference = answered(conversion, inputs), conversion.reference.scores(inputs.astype(np.float32))
        labels = answer if answer.ndim == 1 else answer.argmax(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            predicted = estimator.predict(inputs)
        assert np.mean(estimator.classes_[labels] == predicted) >= 0.999
        assert answer.shape == reference.shape
        if answer.ndim == 2:
            np.testing.assert_allclose(answer, reference, rtol=1e-3, atol=tolerance * np.abs(reference).max())
        else:
            assert np.mean(answer == reference) >= 0.999


@pytest.mark.parametrize("kind", ["numbers", "words", "two classes"])
@pytest.mark.parametrize("name", list(CLASSIFIERS))
def test_classifiers_answer_the_same(name: str, kind: str) -> None:
    """Scores where their highest is what the classifier predicts, else labels; classes by their own names."""
    labels = {"numbers": NUMBERS + 3, "words": WORDS[NUMBERS], "two classes": np.where(NUMBERS > 4, "high", "low")}[
        kind
    ]
    estimator = fitted(CLASSIFIERS[name](), labels)
    conversion = from_estimator(estimator, size=(8, 8))
    assert conversion.stated["classes"] == tuple(str(each) for each in sorted(set(labels.tolist())))
    assert {key: conversion.stated[key] for key in ("channels", "size", "layout")} == {
        "channels": 1,
        "size": (8, 8),
        "layout": "nhwc",
    }
    # onnxruntime's small probabilities are one minus a number near one, and here their shares are the scores
    agrees(conversion, estimator, tolerance=0.1 if name == "one against the rest" else 1e-4)


def test_support_vectors_vote_and_are_served_by_their_labels() -> None:
    """The vote in pairs and the highest sum differ for some digits; the vote is what SVC predicts."""
    estimator = fitted(SVC(), NUMBERS)
    assert np.any(estimator.decision_function(DIGITS).argmax(1) != estimator.predict(DIGITS))
    conversion = from_estimator(estimator, size=(8, 8))
    assert [output.name for output in conversion.model.graph.output] == ["labels"]
    assert np.array_equal(answered(conversion, DIGITS), estimator.predict(DIGITS))


def test_a_threshold_that_is_not_one_half_is_never_taken_for_one() -> None:
    """skl2onnx knows no such classifier; it is refused by name."""
    estimator = fitted(FixedThresholdClassifier(LogisticRegression(max_iter=30), threshold=0.9), NUMBERS > 4)
    with pytest.raises(UnsupportedLayer, match="FixedThresholdClassifier cannot be converted"):
        from_estimator(estimator, size=(8, 8))


def test_files_of_skops_become_models(tmp_path: Path) -> None:
    """Forests, networks, searches: with the types that are listed, and without leave to run code."""
    for name in ("logistic", "perceptrons", "forest", "boosted", "vectors, calibrated", "search", "soft votes"):
        estimator = fitted(CLASSIFIERS[name](), NUMBERS)
        file = tmp_path / "net.skops"
        skops.dump(estimator, file)
        conversion = convert(Source(str(file), file), Wishes())
        assert conversion.files == (file,)
        assert conversion.stated["channels"] == 1
        assert conversion.assumed == {"size": (8, 8)}
        assert "write range = [low, high] into the card" in conversion.advice["range"]
        agrees(conversion, estimator)


def test_a_scaler_that_knows_the_range_says_it() -> None:
    """MinMaxScaler keeps the least and the largest feature."""
    estimator = fitted(make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=30)), NUMBERS)
    conversion = from_estimator(estimator, size=(8, 8))
    assert conversion.assumed["range"] == (0.0, 16.0)
    assert (conversion.notes, conversion.advice) == ((), {})


class Evil:
    """Runs a command where it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def test_pickles_are_not_opened_without_leave(tmp_path: Path) -> None:
    """Nothing runs; the sentence says what could, and what else there is."""
    file = tmp_path / "net.joblib"
    file.write_bytes(pickle.dumps(Evil(f"touch {tmp_path / 'ran'}")))
    with pytest.raises(RunsCode, match=r"runs whatever its maker put in, as you.*--allow-code.*skops.io.dump"):
        convert(Source(str(file), file), Wishes())
    assert not (tmp_path / "ran").exists()
    with pytest.raises(UnsupportedLayer, match="holds int, no estimator"):
        convert(Source(str(file), file), Wishes(allow_code=True))
    assert (tmp_path / "ran").exists()


def shouted(images: np.ndarray) -> np.ndarray:
    """A function in a pipeline."""
    return images * 2


def test_skops_files_with_functions_are_refused_by_name(tmp_path: Path) -> None:
    """The type that is not trusted is named; leave to run code changes nothing."""
    file = tmp_path / "net.skops"
    skops.dump(fitted(make_pipeline(FunctionTransformer(shouted), GaussianNB()), NUMBERS), file)
    with pytest.raises(RunsCode, match=r"holds test_sklearn.shouted, which skops does not trust.*from_estimator"):
        convert(Source(str(file), file), Wishes(allow_code=True))


@pytest.mark.parametrize(
    ("made", "refusal", "words"),
    [
        (lambda: LinearRegression().fit(DIGITS, NUMBERS), UnsupportedLayer, "is a LinearRegression, which gives no cl"),
        (lambda: KMeans(3, n_init=1).fit(DIGITS), UnsupportedLayer, "is a KMeans, which gives no classes"),
        (lambda: StandardScaler().fit(DIGITS), UnsupportedLayer, "StandardScaler, which gives no classes"),
        (LogisticRegression, SourceIncomplete, "was never fitted; fit it before"),
        (lambda: fitted(NearestCentroid(), NUMBERS), UnsupportedLayer, "NearestCentroid cannot be converted"),
        (lambda: {"model": 3}, UnsupportedLayer, "holds dict, no estimator"),
        (
            lambda: RandomForestClassifier(2).fit(DIGITS, np.stack([NUMBERS, NUMBERS], 1)),
            UnsupportedLayer,
            "without one list of two or more classes",
        ),
        (lambda: MLPClassifier((2,), max_iter=1).fit(DIGITS, np.eye(10)[NUMBERS]), UnsupportedLayer, "several labels"),
        (lambda: GaussianNB().fit(DIGITS[:, :50], NUMBERS), SourceIncomplete, "takes 50 numbers.*--size HEIGHT WIDTH"),
    ],
)
def test_what_is_no_classifier_of_images_is_refused(
    tmp_path: Path, made: Any, refusal: type[ConversionRefused], words: str
) -> None:
    """Regressors, clusters, scalers, unfitted ones: one sentence each, with the kind's name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = tmp_path / "net.joblib"
        joblib.dump(made(), file)
    with pytest.raises(refusal, match=words) as caught:
        convert(Source(str(file), file), Wishes(allow_code=True))
    assert "\n" not in str(caught.value)


def test_colour_and_sizes_that_are_no_square(tmp_path: Path) -> None:
    """48 features are 4 x 4 pixels of three channels; 50 are 5 x 10 where the user says it, and never 6 x 6."""
    rng = np.random.default_rng(0)
    colour = GaussianNB().fit(rng.random((40, 48)), np.arange(40) % 3)
    file = tmp_path / "net.skops"
    skops.dump(colour, file)
    conversion = convert(Source(str(file), file), Wishes())
    assert conversion.stated["channels"] == 3
    assert conversion.assumed == {"size": (4, 4), "layout": "nhwc"}
    oblong = GaussianNB().fit(rng.random((40, 50)), np.arange(40) % 3)
    assert from_estimator(oblong, size=(5, 10)).stated["size"] == (5, 10)
    with pytest.raises(SourceIncomplete, match="takes 50 numbers, which are no 1 x 6 x 6"):
        from_estimator(oblong, size=(6, 6))


def test_damaged_files_end_in_a_sentence(tmp_path: Path) -> None:
    """Cut at 30 places, as skops and as a pickle."""
    estimator = fitted(GaussianNB(), NUMBERS)
    skops.dump(estimator, tmp_path / "net.skops")
    joblib.dump(estimator, tmp_path / "net.joblib")
    for file in list(tmp_path.iterdir()):
        whole = file.read_bytes()
        for length in range(0, len(whole) - 1, len(whole) // 30):
            file.write_bytes(whole[:length])
            with pytest.raises((SourceDamaged, UnsupportedLayer)) as caught:
                convert(Source(str(file), file), Wishes(allow_code=True))
            assert "\n" not in str(caught.value)


@pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real models is not beside the repository")
def test_a_pickle_of_scikit_learn_1_3_scores_what_it_scored() -> None:
    """.991 on the digits, and a note on the versions instead of warnings."""
    file = DATA / "models/sklearn-digits/digits.joblib"
    conversion = convert(Source(str(file), file), Wishes(allow_code=True))
    assert np.mean(answered(conversion, DIGITS).argmax(1) == NUMBERS) == pytest.approx(0.991, abs=5e-4)
    assert conversion.notes[0].startswith("saved by scikit-learn 1.3.1 and opened by")
    assert conversion.assumed["size"] == (8, 8)
    agrees(conversion, joblib_of(file))


def joblib_of(file: Path) -> Any:
    """The estimator of a pickle, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return joblib.load(file)
