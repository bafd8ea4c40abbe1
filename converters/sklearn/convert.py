"""scikit-learn classifiers -> ONNX: from skops files, from live estimators, and from pickles with leave.

skops builds only types that it trusts and those that are listed here, so opening a file runs no code that it brings.
It does not keep scikit-learn's compiled parts from a forged state (a tree whose children lie elsewhere).
"""

import importlib
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

from converters.conversion import Conversion, Source, Wishes
from converters.refusals import FrameworkMissing, RunsCode, SourceDamaged, UnknownFormat
from converters.sklearn.estimators import converted, quietly

LIMIT = 2 << 30
# types that scikit-learn's own estimators hold and that skops does not trust by itself; none of them runs code
TRUSTED = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)


def convert(source: Source, wishes: Wishes) -> Conversion:
    """A classifier in a `.skops` file, or with `wishes.allow_code` in a pickle, as ONNX: features float32 [n, f] in.

    Pipelines keep their own scaling. Raises ConversionRefused.
    """
    path = source.path
    if path is None or not path.is_file():
        raise UnknownFormat(f"{source.text} is no file; give a .skops file, or a .joblib or .pkl with --allow-code")
    if path.stat().st_size > LIMIT:
        raise SourceDamaged(f"{path.name} has {path.stat().st_size} bytes; estimators may have {LIMIT}")
    _library("skl2onnx")
    if path.suffix == ".skops" or zipfile.is_zipfile(path):
        return converted(_of_skops(path), wishes, path.name, (path,))
    estimator, notes = _of_pickle(path, wishes)
    return converted(estimator, wishes, path.name, (path,), notes)


def from_estimator(estimator: Any, *, size: tuple[int, int], channels: int = 1) -> Conversion:
    """A fitted classifier of a running program as ONNX.

    `size`: [height, width] of the images whose pixels, row by row with channels last, are its features. Raises
    ConversionRefused.
    """
    _library("skl2onnx")
    wishes = Wishes(size=size, image_channels=channels)
    return converted(estimator, wishes, type(estimator).__name__)


def _of_skops(path: Path) -> Any:
    """The estimator, of types that skops trusts or that are listed above."""
    skops = _library("skops.io")
    try:
        unpacked = _unpacked(path)
        strange = sorted(set(skops.get_untrusted_types(file=path)) - set(TRUSTED)) if unpacked <= LIMIT else []
        if not strange and unpacked <= LIMIT:
            with quietly():
                return skops.load(path, trusted=list(TRUSTED))
    except Exception as error:  # noqa: BLE001 - a damaged file fails anywhere in skops, numpy and zipfile
        raise SourceDamaged(f"{path.name} cannot be opened by skops ({_first(error)}); save it again") from None
    if unpacked > LIMIT:
        raise SourceDamaged(f"{path.name} unpacks to {unpacked} bytes; estimators may have {LIMIT}")
    raise RunsCode(
        f"{path.name} holds {', '.join(strange[:3])}, which skops does not trust not to run code; save an estimator of"
        " scikit-learn's own parts, or convert it where it was made, with converters.sklearn.convert.from_estimator"
    )


def _unpacked(path: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        return sum(entry.file_size for entry in archive.infolist())


def _of_pickle(path: Path, wishes: Wishes) -> tuple[Any, tuple[str, ...]]:
    if not wishes.allow_code:
        raise RunsCode(
            f"{path.name} is a pickle, and opening one runs whatever its maker put in, as you (it can delete files and"
            " send data away); if you made it or trust its maker, add --allow-code, or save it with skops.io.dump"
        )
    joblib = _library("joblib")
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            estimator = joblib.load(path)
    except (pickle.UnpicklingError, OSError, EOFError, ValueError, KeyError, IndexError, TypeError) as error:
        raise SourceDamaged(f"{path.name} cannot be opened as a pickle ({_first(error)}); get it again") from None
    except (ImportError, AttributeError) as error:
        raise SourceDamaged(
            f"{path.name} needs code that is not here ({_first(error)}); install what it was made with, or save it with"
            " skops.io.dump there"
        ) from None
    return estimator, _versions(said)


def _versions(said: list[warnings.WarningMessage]) -> tuple[str, ...]:
    old = {str(w.message.original_sklearn_version) for w in said if hasattr(w.message, "original_sklearn_version")}
    current = _library("sklearn").__version__
    return tuple(
        f"saved by scikit-learn {version} and opened by {current}, which does not promise the same answers"
        for version in sorted(old)
    )


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise FrameworkMissing(
            f'{name.partition(".")[0]} is not installed; pip install "copycat-benchmark[sklearn]"'
        ) from None


def _first(error: Exception) -> str:
    words = (str(error) or type(error).__name__).strip().splitlines()[0]
    return words.split(". ")[0][:200]
