"""A converted network in onnxruntime beside itself in PyTorch."""

import numpy as np
import onnx
import onnxruntime

from converters.conversion import Conversion


def answers(conversion: Conversion, inputs: np.ndarray, names: list[str] | None = None) -> list[np.ndarray]:
    """What onnxruntime says, of the class scores or of the tensors named."""
    model = onnx.ModelProto()
    model.CopyFrom(conversion.model)
    outputs = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names or () if name not in outputs)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = names or [conversion.stated.get("output", model.graph.output[0].name)]
    found: list[np.ndarray] = session.run(wanted, {session.get_inputs()[0].name: inputs})
    return found


def noise(*shape: int) -> np.ndarray:
    """Numbers of a normal distribution."""
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def agrees(conversion: Conversion, inputs: np.ndarray) -> None:
    """Scores and every tensor that the reference names are the same in onnxruntime."""
    assert conversion.reference is not None
    onnx.checker.check_model(conversion.model)
    (scores,) = answers(conversion, inputs)
    expected = conversion.reference.scores(inputs)
    assert scores.shape == expected.shape
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)
    layers = dict(conversion.reference.layers(inputs))
    assert len(layers) >= 3
    for value, (name, theirs) in zip(answers(conversion, inputs, list(layers)), layers.items(), strict=True):
        np.testing.assert_allclose(value, theirs, rtol=1e-4, atol=1e-4, err_msg=name)
