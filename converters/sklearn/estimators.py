"""Fitted estimators of scikit-learn through skl2onnx, and beside their conversion."""

import contextlib
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper

from converters.conversion import Conversion, Wishes
from converters.flat_images import RANGE_NOTE, image_of
from converters.refusals import SourceDamaged, SourceIncomplete, UnsupportedLayer

FRAMEWORK = "scikit-learn"
OPSETS = {"": 20, "ai.onnx.ml": 3}
INPUT, LABELS, SCORES = "features", "labels", "scores"


class SklearnReference:
    """The estimator itself; its scores in the order of its classes, or its labels as places among them."""

    runtime = FRAMEWORK

    def __init__(self, estimator: Any, method: str | None, version: str) -> None:
        self._estimator, self._method, self.version = estimator, method, version

    def scores(self, inputs: np.ndarray) -> np.ndarray:
        """Scores [n, k] of features float32 [n, f]; labels int64 [n] where its scores do not decide its labels."""
        with quietly():
            if self._method is not None:
                return np.asarray(getattr(self._estimator, self._method)(inputs))
            return np.asarray(np.searchsorted(self._estimator.classes_, self._estimator.predict(inputs)))

    def layers(self, inputs: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:  # noqa: ARG002 - the protocol's
        """Nothing: skl2onnx keeps no names of the steps."""
        yield from ()


def converted(
    estimator: Any, wishes: Wishes, name: str, files: tuple[Path, ...] = (), notes: tuple[str, ...] = ()
) -> Conversion:
    """The conversion of a fitted classifier that was opened from `files`; raises ConversionRefused."""
    classifier = _classifier(estimator, name)
    features = _features(classifier, wishes, name)
    stated, assumed = image_of(features, wishes, name)
    method = _scoring(classifier, _probes(features), name)
    model = _exported(classifier, features, method, name)
    ranged = _range(classifier)
    return Conversion(
        model=model,
        framework=FRAMEWORK,
        files=files,
        stated={**stated, "classes": tuple(_named(label) for label in classifier.classes_)},
        assumed={**assumed, **ranged},
        reference=SklearnReference(classifier, method, import_module("sklearn").__version__),
        notes=notes,
        advice={} if ranged else {"range": RANGE_NOTE},
    )


def _named(label: Any) -> str:
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)


def _classifier(estimator: Any, name: str) -> Any:
    """The fitted classifier itself: the best one of a search. Raises UnsupportedLayer, SourceIncomplete."""
    base, validation = import_module("sklearn.base"), import_module("sklearn.utils.validation")
    exceptions = import_module("sklearn.exceptions")
    kind = type(estimator).__name__
    if not isinstance(estimator, base.BaseEstimator):
        raise UnsupportedLayer(f"{name} holds {kind}, no estimator of scikit-learn; save the fitted classifier alone")
    if not base.is_classifier(estimator):
        raise UnsupportedLayer(f"{name} is a {kind}, which gives no classes; only classifiers become oracles")
    try:
        validation.check_is_fitted(estimator)
    except exceptions.NotFittedError:
        raise SourceIncomplete(f"{name} is a {kind} that was never fitted; fit it before it is saved") from None
    except (AttributeError, TypeError) as error:
        raise SourceDamaged(f"{name} is a {kind} of a version that cannot be opened here ({_first(error)})") from None
    inner = getattr(estimator, "best_estimator_", estimator)
    classes = getattr(inner, "classes_", None)
    if not isinstance(classes, np.ndarray) or classes.ndim != 1 or len(classes) < 2:
        raise UnsupportedLayer(f"{name} is a {kind} without one list of two or more classes; fit it to one label a row")
    return inner


def _features(classifier: Any, wishes: Wishes, name: str) -> int:
    found = getattr(classifier, "n_features_in_", None)
    if found is None and wishes.size is not None:
        return wishes.size[0] * wishes.size[1] * (wishes.image_channels or 1)
    if found is None:
        raise SourceIncomplete(f"{name} does not say how many features it takes; say --size HEIGHT WIDTH of its images")
    return int(found)


def _probes(features: int) -> np.ndarray:
    """Rows of numbers in the ranges that pixels have, fewer where there are many features."""
    rng = np.random.default_rng(0)
    rows = min(64, max(1, 4_000_000 // features))
    return np.concatenate([rng.uniform(0, high, (rows, features)).astype(np.float32) for high in (1, 16, 255)])


def _scoring(classifier: Any, probe: np.ndarray, name: str) -> str | None:
    """The method whose highest score is what the classifier predicts; None where no method's is.

    Support vector machines vote in pairs, and neither their sums nor their fitted probabilities need agree with the
    vote; one decision value for two classes is no score for each; a tuned threshold is not one half.
    """
    try:
        with quietly():
            predicted = np.asarray(classifier.predict(probe))
            found = {
                m: getattr(classifier, m)(probe) for m in ("predict_proba", "decision_function") if _has(classifier, m)
            }
    except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        raise SourceDamaged(
            f"{name} does not answer rows of {probe.shape[1]} numbers ({_first(error)}); it may need its own version of"
            " scikit-learn"
        ) from None
    if predicted.ndim != 1:
        raise UnsupportedLayer(f"{name} gives several labels a row; only classifiers with one become oracles")
    if _has_own_way(classifier):
        return None
    wanted = (len(probe), len(classifier.classes_))
    for method, scores in found.items():
        if np.shape(scores) == wanted and np.array_equal(classifier.classes_[np.argmax(scores, axis=1)], predicted):
            return method
    return None


def _has(classifier: Any, method: str) -> bool:
    return callable(getattr(classifier, method, None))


def _last(classifier: Any) -> Any:
    """The step of a pipeline that classifies."""
    while hasattr(classifier, "steps"):
        classifier = getattr(classifier.steps[-1][1], "best_estimator_", classifier.steps[-1][1])
    return classifier


def _has_own_way(classifier: Any) -> bool:
    """Whether the last step is known to predict something else than its highest score, or skl2onnx another score.

    skl2onnx 1.20 gives a discriminant analysis of two classes other probabilities than scikit-learn does.
    """
    svm, selection = import_module("sklearn.svm"), import_module("sklearn.model_selection")
    analysis = import_module("sklearn.discriminant_analysis").LinearDiscriminantAnalysis
    last = _last(classifier)
    if isinstance(last, svm.SVC | svm.NuSVC):
        return not last.break_ties
    if isinstance(last, analysis):
        return len(last.classes_) == 2
    return isinstance(last, selection.FixedThresholdClassifier | selection.TunedThresholdClassifierCV)


def _range(classifier: Any) -> dict[str, Any]:
    """The range of the features where the first step noted it: a MinMaxScaler keeps the least and largest."""
    first: Any = next((step for _, step in getattr(classifier, "steps", ())), None)
    if type(first).__name__ != "MinMaxScaler":
        return {}
    low, high = float(first.data_min_.min()), float(first.data_max_.max())
    return {"range": (low, high)} if low < high else {}


def _exported(classifier: Any, features: int, method: str | None, name: str) -> onnx.ModelProto:
    """The model with one output: scores float [n, k], or labels int64 [n] as places among the classes."""
    skl2onnx = import_module("skl2onnx")
    types = import_module("skl2onnx.common.data_types")
    inputs = [(INPUT, types.FloatTensorType([None, features]))]
    options = {"zipmap": False}
    if method == "decision_function" and _has(classifier, "predict_proba"):
        options["raw_scores"] = True
    try:
        with quietly(), _flat_votes(classifier):
            try:
                model = skl2onnx.to_onnx(classifier, initial_types=inputs, options=options, target_opset=OPSETS)
            except NameError:  # some classifiers know no such option, and make no map
                model = skl2onnx.to_onnx(classifier, initial_types=inputs, target_opset=OPSETS)
    except Exception as error:  # skl2onnx's errors share no narrower ancestor
        raise UnsupportedLayer(
            f"{name}: {type(_last(classifier)).__name__} cannot be converted ({_first(error)}); take a classifier that"
            " skl2onnx supports"
        ) from error
    return _with_one_output(model, classifier.classes_, method)


def _with_one_output(model: onnx.ModelProto, classes: np.ndarray, method: str | None) -> onnx.ModelProto:
    graph = model.graph
    label, scores = graph.output[0].name, graph.output[1].name
    if method is None:
        numbers = {"values_int64s": list(range(len(classes)))}
        keys: dict[str, Any] = (
            {"keys_int64s": [int(each) for each in classes]}
            if classes.dtype.kind in "iub"
            else {"keys_strings": [str(each) for each in classes]}
        )
        graph.node.append(
            helper.make_node("LabelEncoder", [label], [LABELS], "places", domain="ai.onnx.ml", **keys, **numbers)
        )
        kept = helper.make_tensor_value_info(LABELS, onnx.TensorProto.INT64, ["n"])
    else:
        graph.node.append(helper.make_node("Identity", [scores], [SCORES], "scores"))
        kept = helper.make_tensor_value_info(SCORES, onnx.TensorProto.FLOAT, ["n", len(classes)])
    del graph.output[:]
    graph.output.append(kept)
    graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    del model.opset_import[:]
    model.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in OPSETS.items())
    return model


@contextlib.contextmanager
def _flat_votes(classifier: Any) -> Iterator[None]:
    """Voting classifiers without `flatten_transform`, which skl2onnx refuses and which no answer depends on."""
    last = _last(classifier)
    if getattr(last, "flatten_transform", False) is not True:
        yield
        return
    last.flatten_transform = False
    try:
        yield
    finally:
        last.flatten_transform = True


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without the warnings of scikit-learn and skl2onnx, on versions and names of features."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _first(error: Exception) -> str:
    words = (str(error) or type(error).__name__).strip().splitlines()[0]
    return words.split(". ")[0][:200]
