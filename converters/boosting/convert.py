"""XGBoost and LightGBM classifiers in the libraries' native files (no pickles) -> ONNX, trees and all."""

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np

from converters.boosting.ensembles import Link, linked, to_onnx
from converters.boosting.lightgbm_trees import read_text
from converters.boosting.xgboost_trees import read_document
from converters.conversion import Conversion, Source, Wishes
from converters.flat_images import RANGE_NOTE, image_of
from converters.refusals import FrameworkMissing, SourceDamaged, UnknownFormat

LIMIT = 512 << 20


class BoosterReference:
    """A booster's own sums, and the step from them to scores that the model takes too."""

    def __init__(self, library: ModuleType, sums: Callable[[np.ndarray], np.ndarray], link: Link) -> None:
        self.runtime = {"xgboost": "XGBoost", "lightgbm": "LightGBM"}[library.__name__]
        self.version = str(library.__version__)
        self._sums, self._link = sums, link

    def scores(self, inputs: np.ndarray) -> np.ndarray:
        """Scores [n, k] of features float32 [n, f]."""
        return linked(self._sums(np.ascontiguousarray(inputs)), self._link)

    def layers(self, inputs: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """The sums over all trees, before they become scores."""
        sums = self._sums(np.ascontiguousarray(inputs))
        yield "sums", sums.reshape(len(inputs), -1)


def convert(source: Source, wishes: Wishes) -> Conversion:
    """A classifier in XGBoost's `.json` or `.ubj`, or in LightGBM's text, as ONNX: features float32 [n, f] in.

    Binary classifiers get two scores. Rankers, regressors, linear boosters, categories and linear leaves are refused
    by name. Raises ConversionRefused.
    """
    path = source.path
    if path is None or not path.is_file():
        raise UnknownFormat(f"{source.text} is no file; give XGBoost's .json or .ubj, or LightGBM's .txt")
    if path.stat().st_size > LIMIT:
        raise SourceDamaged(f"{path.name} has {path.stat().st_size} bytes; files of trees may have {LIMIT}")
    data = path.read_bytes()
    return _of_lightgbm(path, data, wishes) if data[:4] == b"tree" else _of_xgboost(path, data, wishes)


def _of_lightgbm(path: Path, data: bytes, wishes: Wishes) -> Conversion:
    library = _library("lightgbm")
    try:
        found = read_text(data.decode("utf-8").replace("\r\n", "\n"), path.name)
        booster = library.Booster(model_str=found.text)
    except (UnicodeDecodeError, library.basic.LightGBMError) as error:
        raise SourceDamaged(f"{path.name} is no model of LightGBM ({_first(error)}); save it again") from None
    stated, assumed = image_of(found.ensemble.features, wishes, path.name)

    def sums(inputs: np.ndarray) -> np.ndarray:
        return np.asarray(booster.predict(inputs, raw_score=True, num_threads=1)) * found.steepness

    return Conversion(
        model=to_onnx(found.ensemble, "LightGBM"),
        framework="LightGBM",
        files=(path,),
        stated=stated,
        assumed={**assumed, "range": found.range} if found.range else assumed,
        reference=BoosterReference(library, sums, found.ensemble.link),
        advice={} if found.range else {"range": RANGE_NOTE},
    )


def _of_xgboost(path: Path, data: bytes, wishes: Wishes) -> Conversion:
    library = _library("xgboost")
    found = read_document(data, path.name)
    try:
        with library.config_context(verbosity=0):
            booster = library.Booster({"nthread": 1})
            booster.load_model(bytearray(found.text))
    except (library.core.XGBoostError, UnicodeDecodeError) as error:
        raise SourceDamaged(
            f"{path.name} is no model of XGBoost ({_first(error)}); save it with save_model as .json or .ubj"
        ) from None
    stated, assumed = image_of(found.ensemble.features, wishes, path.name)

    def sums(inputs: np.ndarray) -> np.ndarray:
        matrix = library.DMatrix(inputs, nthread=1)
        margins: np.ndarray = booster.predict(matrix, output_margin=True, iteration_range=(0, found.rounds))
        return margins

    return Conversion(
        model=to_onnx(found.ensemble, "XGBoost"),
        framework="XGBoost",
        files=(path,),
        stated=stated,
        assumed=assumed,
        reference=BoosterReference(library, sums, found.ensemble.link),
        notes=found.notes,
        advice={"range": RANGE_NOTE},
    )


def _library(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise FrameworkMissing(f'{name} is not installed; pip install "copycat-benchmark[boosting]"') from None


def _first(error: Exception) -> str:
    words = [line.strip() for line in str(error).splitlines() if line.strip()]
    return words[0][:150] if words else type(error).__name__
