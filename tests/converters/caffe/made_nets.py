"""Nets for the tests, made of prototxt text and random weights, and ways to run them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from converters.caffe import messages
from converters.caffe.graph import Built, build
from converters.caffe.net import Layer, Net
from converters.caffe.plain import Plain
from converters.caffe.prototxt import parse

Blobs = Mapping[str, Sequence[np.ndarray]]


def net_of(text: str, blobs: Blobs | None = None, inputs: Mapping[str, tuple[int, ...]] | None = None) -> Net:
    """The net of a prototxt in the new format, without phases; its input is `data` of the shape given, or 1x1x6x6."""
    message = messages.NetParameter()
    unknown = parse(text, message, "test.prototxt")
    assert not unknown
    layers = tuple(
        Layer(each.name, each.type, tuple(each.bottom), tuple(each.top), each, tuple((blobs or {}).get(each.name, ())))
        for each in message.layer
    )
    return Net(message.name, dict(inputs or {"data": (1, 1, 6, 6)}), layers)


def layer_text(kind: str, param: str = "", *, name: str = "it", bottoms: str = "data", tops: str = "it") -> str:
    """One layer as text; several bottoms or tops are parted by spaces."""
    ends = "".join(f' bottom: "{each}"' for each in bottoms.split())
    ends += "".join(f' top: "{each}"' for each in tops.split())
    return f'layer {{ name: "{name}" type: "{kind}"{ends} {param} }}\n'


def run(built: Built, inputs: np.ndarray, outputs: Sequence[str] | None = None) -> list[np.ndarray]:
    """The model's outputs in onnxruntime, graph as it is."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(built.model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    wanted = list(outputs) if outputs else [output.name for output in built.model.graph.output]
    return list(session.run(wanted, {session.get_inputs()[0].name: inputs}))


def plain_of(net: Net, built: Built) -> Plain:
    """The numpy reference for the first output of a built model."""
    end = built.outputs[0]
    return Plain(net, end.layer, end.at, built.results)


def largest_difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference relative to the largest magnitude expected (or to 1, where that is smaller)."""
    assert found.shape == expected.shape, f"{found.shape} is not {expected.shape}"
    if not expected.size:
        return 0.0
    scale = max(1.0, float(np.abs(expected).max()))
    return float(np.abs(found.astype(np.float64) - expected).max()) / scale


def images(shape: Sequence[int], seed: int = 0) -> np.ndarray:
    """Numbers of both signs around 0, float32."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def check(net: Net, shape: Sequence[int], *, output: str | None = None, within: float = 1e-4) -> np.ndarray:
    """The output of a net for three random images, the same from onnxruntime and from numpy."""
    built = build(net, output=output)
    inputs = images((3, *shape))
    found = run(built, inputs)[0]
    plain = plain_of(net, built)
    expected = plain.scores(inputs)
    assert largest_difference(found.reshape(len(inputs), -1), expected) <= within
    return found


def write_caffemodel(path: Path, layers: Iterable[tuple[str, Sequence[np.ndarray]]]) -> int:
    """Write names and float32 blobs of layers as a binary caffemodel; returns the bytes of the blobs."""
    total = 0
    with path.open("wb") as file:
        for name, blobs in layers:
            total += sum(blob.nbytes for blob in blobs)
            parts = _field(1, [name.encode()])
            for blob in blobs:
                shape = b"".join(_varint(side) for side in blob.shape)
                values = memoryview(np.ascontiguousarray(blob, dtype="<f4")).cast("B")
                parts += _field(7, [*_field(7, _field(1, [shape])), *_field(5, [values])])
            file.writelines(_field(100, parts))
    return total


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _field(number: int, parts: Sequence[bytes | memoryview]) -> list[bytes | memoryview]:
    """A field of bytes in protobuf's wire format, its content in parts."""
    return [_varint(number << 3 | 2) + _varint(sum(len(part) for part in parts)), *parts]
