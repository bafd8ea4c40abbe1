"""Lent weights: a model that refers to arrays in memory runs, seals and is written like one that holds them."""

import hashlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from oracles import contract
from oracles.card import DroppedCard
from oracles.lent import borrowed, pieces, size_of
from oracles.refusals import ExternalDataRefused, TooBig
from oracles.runtime import open_session
from oracles.seal import CardExtras, seal_closely, to_bytes, write


def _classifier(*, lent: bool) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """Logits of 5 classes from 3 x 8 x 8 pixels by one matrix, which is either inside the model or lent to it."""
    weights_CP = np.random.default_rng(3).standard_normal((5, 192)).astype(np.float32)
    tensor = numpy_helper.from_array(weights_CP, "w")
    if lent:
        tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[5, 192], data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value="matrix")
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"], axis=1),
            helper.make_node("Gemm", ["flat", "w"], ["y"], transB=1),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5])],
        [tensor],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, {"matrix": weights_CP}


def test_a_model_with_lent_weights_gives_what_the_model_that_holds_them_gives():
    light, lent = _classifier(lent=True)
    whole, _ = _classifier(lent=False)
    inputs = np.random.default_rng(4).standard_normal((7, 3, 8, 8)).astype(np.float32)
    ours = open_session(light, device="cpu", lent=lent).run(None, {"x": inputs})[0]
    assert np.allclose(ours, open_session(whole, device="cpu").run(None, {"x": inputs})[0], atol=1e-5)


def test_the_bytes_hold_the_lent_weights_and_parse_as_the_model_that_holds_them():
    light, lent = _classifier(lent=True)
    whole, _ = _classifier(lent=False)
    data = b"".join(bytes(piece) for piece in pieces(light, lent))
    assert onnx.ModelProto.FromString(data) == whole
    assert data == b"".join(bytes(piece) for piece in pieces(light, lent))
    assert abs(size_of(light, lent) - len(data)) < 200


def test_an_oracle_sealed_with_lent_weights_is_written_whole_and_answers_the_same(tmp_path):
    light, lent = _classifier(lent=True)
    whole, _ = _classifier(lent=False)
    card = DroppedCard(range=(0, 1))
    ours = seal_closely(light, card, "net", extra=CardExtras(lent=lent))
    theirs = seal_closely(whole, card, "net")
    sha = write(ours.model, tmp_path / "net.onnx", ours.lent)
    data = (tmp_path / "net.onnx").read_bytes()
    assert hashlib.sha256(data).hexdigest() == sha
    images_NHWC = np.random.default_rng(5).integers(0, 256, (9, 8, 8, 3), dtype=np.uint8)
    feeds = {contract.INPUT: images_NHWC}
    labels_N, scores_NC = open_session(data, device="cpu").run([contract.LABELS, contract.SCORES], feeds)
    want_N, want_NC = open_session(to_bytes(theirs.model), device="cpu").run([contract.LABELS, contract.SCORES], feeds)
    assert (labels_N == want_N).all()
    assert np.allclose(scores_NC, want_NC, atol=1e-5)
    contract.verify(onnx.load_model_from_string(data))


def test_a_model_that_refers_to_weights_nobody_lent_is_refused():
    light, _ = _classifier(lent=True)
    with pytest.raises(ExternalDataRefused, match="'w' lies in another file"):
        seal_closely(light, DroppedCard(), "net")
    assert borrowed(light, {}) == {}


def test_an_oracle_that_no_file_can_hold_is_refused_before_anything_is_written(tmp_path, monkeypatch):
    light, lent = _classifier(lent=True)
    sealed = seal_closely(light, DroppedCard(range=(0, 1)), "net", extra=CardExtras(lent=lent))
    monkeypatch.setattr("oracles.seal.BYTES_LIMIT", 1_000)
    with pytest.raises(TooBig, match="at most 1,000"):
        write(sealed.model, tmp_path / "net.onnx", sealed.lent)
    assert list(tmp_path.iterdir()) == []
