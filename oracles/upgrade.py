"""Models of operator sets before 7, whose rules of broadcasting differ: rewritten by onnx's converter, and compared."""

import numpy as np
from onnx import ModelProto, helper, version_converter

from oracles.card import printable
from oracles.refusals import ModelRefused, OracleFailed
from oracles.rewrite import DEFAULT_DOMAINS, OLDEST_OPSET, tidy
from oracles.runtime import open_session

_TARGET = 13


def upgraded(model: ModelProto) -> tuple[ModelProto, tuple[str, ...]]:
    """The model in operator set 7 or newer, and what to warn of; raises ModelRefused.

    The converter has crashed on hostile models, so this runs in the throw-away process only.
    """
    version = next((int(o.version) for o in model.opset_import if o.domain in DEFAULT_DOMAINS), OLDEST_OPSET)
    if version >= OLDEST_OPSET:
        return model, ()
    if version < 1:
        raise ModelRefused(f"its operator set {version} is too old; export it again with opset 7 or newer")
    try:
        newer = version_converter.convert_version(model, _TARGET)
    except Exception as error:  # RuntimeError and kinds of its own
        why = printable(str(error), 200)
        raise ModelRefused(f"operator set {version} is too old to upgrade; export with 7 or newer ({why})") from error
    note = f"upgraded from operator set {version} to {_TARGET} by onnx's converter"
    same = _same_numbers(model, newer)
    if same is False:
        raise ModelRefused(f"upgraded from operator set {version} to {_TARGET} it gives other numbers; export it again")
    return newer, (note if same else f"{note}; onnxruntime cannot run the old one, so they were not compared",)


def _same_numbers(old: ModelProto, newer: ModelProto) -> bool | None:
    """Whether both give the same outputs for the same random input; None where the old one cannot be run."""
    clean = tidy(old)
    try:
        session = open_session(clean.SerializeToString(), device="cpu")
        feeds = {}
        for slot in session.inputs:
            shape = [side if isinstance(side, int) and side > 0 else 1 for side in slot.shape]
            dtype = helper.tensor_dtype_to_np_dtype(clean.graph.input[0].type.tensor_type.elem_type)
            feeds[slot.name] = np.random.default_rng(0).uniform(0, 1, shape).astype(dtype)
        before = session.run(None, feeds)
    except OracleFailed:
        return None
    after = open_session(tidy(newer).SerializeToString(), device="cpu").run(None, feeds)
    return all(np.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(before, after, strict=True))
