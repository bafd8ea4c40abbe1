"""Models of operator sets before 7: rewritten by onnx's converter, and compared where onnxruntime runs the old one."""

import numpy as np
import onnx
import pytest
from foreign_models import CLASSES, linear
from onnx import TensorProto, helper

from oracles import upgrade
from oracles.refusals import ModelRefused
from oracles.runtime import open_session


def old_addition() -> onnx.ModelProto:
    """Opset 6: Add has an axis along which it broadcasts, here that of the classes."""
    ending = [helper.make_node("Add", ["logits", "bias"], ["y"], broadcast=1, axis=1)]
    bias = np.arange(CLASSES, dtype=np.float32)
    outputs = [("y", TensorProto.FLOAT, [1, CLASSES])]
    return linear([1, 3, 8, 8], ending=ending, outputs=outputs, extra=[("bias", bias)], opset=6)


def test_a_newer_model_stays_as_it_is() -> None:
    """From operator set 7 on nothing is changed and nothing is said."""
    model = linear(opset=7)
    assert upgrade.upgraded(model) == (model, ())


def test_an_old_model_is_compared_after_its_upgrade() -> None:
    """Where onnxruntime runs both, they give the same numbers, and the warning names both operator sets."""
    newer, (warning,) = upgrade.upgraded(linear(opset=6))
    assert newer.opset_import[0].version == 13
    assert warning == "upgraded from operator set 6 to 13 by onnx's converter"


def test_an_old_model_that_cannot_be_run_is_upgraded_with_a_warning() -> None:
    """Opset 6's Add with an axis is not in onnxruntime; upgraded, it adds the bias to every row."""
    newer, (warning,) = upgrade.upgraded(old_addition())
    assert "they were not compared" in warning
    session = open_session(newer.SerializeToString(), device="cpu")
    (given,) = session.run(None, {"x": np.zeros((1, 3, 8, 8), dtype=np.float32)})
    np.testing.assert_array_equal(given, np.tile(np.arange(CLASSES, dtype=np.float32), (1, 1)))


def test_an_upgrade_that_changes_the_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A converter that gets it wrong is found out."""
    wrong = linear(opset=13)
    wrong.graph.initializer[0].raw_data = bytes(len(wrong.graph.initializer[0].raw_data))
    monkeypatch.setattr(upgrade.version_converter, "convert_version", lambda model, version: wrong)
    with pytest.raises(ModelRefused, match="operator set 6 to 13 it gives other numbers"):
        upgrade.upgraded(linear(opset=6))


def test_an_upgrade_that_fails_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The converter's own words stand in brackets."""

    def fail(model: onnx.ModelProto, version: int) -> onnx.ModelProto:
        raise RuntimeError("no adapter")

    monkeypatch.setattr(upgrade.version_converter, "convert_version", fail)
    with pytest.raises(ModelRefused, match=r"operator set 6 is too old to upgrade; .* \(no adapter\)"):
        upgrade.upgraded(linear(opset=6))
    with pytest.raises(ModelRefused, match="operator set 0 is too old"):
        upgrade.upgraded(linear(opset=0))
