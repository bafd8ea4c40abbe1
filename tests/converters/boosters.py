"""Small boosters of XGBoost and LightGBM in files, and their conversion."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from converters.boosting.convert import convert
from converters.conversion import Conversion, Source, Wishes

xgboost = pytest.importorskip("xgboost")
lightgbm = pytest.importorskip("lightgbm")

DIGITS, NUMBERS = load_digits(return_X_y=True)
HIGH = (NUMBERS > 4).astype(float)
TEN = {"objective": "multi:softprob", "num_class": 10}
BEST = {"objective": "multiclass", "num_class": 10}


def opened(file: Path, **wishes: Any) -> Conversion:
    """The file converted."""
    return convert(Source(str(file), file), Wishes(**wishes))


def boosted(file: Path, labels: np.ndarray, **options: Any) -> Any:
    """A booster of XGBoost after some rounds, saved."""
    told = {"max_depth": 3, "seed": 1, "nthread": 1, **options}
    booster = xgboost.train(told, xgboost.DMatrix(DIGITS, labels, nthread=1), 6)
    booster.save_model(file)
    return booster


def light(file: Path, labels: np.ndarray, **options: Any) -> Any:
    """A booster of LightGBM after some rounds, saved."""
    told = {"num_leaves": 9, "verbose": -1, "num_threads": 1, "seed": 1, **options}
    group = [len(labels)] if "rank" in told["objective"] else None
    booster = lightgbm.train(told, lightgbm.Dataset(DIGITS, labels, group=group), 6)
    booster.save_model(file)
    return booster
