"""PyTorch nets written as Caffe files give the scores that PyTorch gives, here and in OpenCV's own Caffe reader."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_nets import run
from model_files import reading
from torch import nn

from converters.caffe import messages
from converters.caffe.graph import build
from converters.caffe.net import Transform
from converters.caffe.pieces import TABLE
from converters.caffe.prototxt import parse
from converters.caffe.writing import Written, write
from converters.refusals import UnsupportedLayer
from copycats.small_nets import Pooled, conv_norm

OPENCV = "opencv"


def prepared(modules: list[nn.Module]) -> nn.Sequential:
    """A chain in eval mode, with statistics and slopes that are not the first ones."""
    net = nn.Sequential(*modules)
    generator = torch.Generator().manual_seed(0)
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) - (0 if "running_var" in name else 0.5))
    return net.eval()


def scores(net: nn.Module, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        result: np.ndarray = net(torch.from_numpy(images)).numpy()
    return result


def images(channels: int, size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(3, channels, *size)).astype(np.float32)


def agrees(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-4, atol=1e-5)


def in_opencv(files: Written, inputs: np.ndarray) -> np.ndarray:
    cv2 = pytest.importorskip("cv2")
    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        pytest.skip("this OpenCV has dropped its Caffe reader")
    net = cv2.dnn.readNetFromCaffe(str(files.prototxt), str(files.caffemodel))
    net.setInput(inputs)
    result: np.ndarray = net.forward()
    return result


CHAINS: list[tuple[str, tuple[int, int], list[nn.Module], set[str]]] = [
    (
        "vgg",
        (12, 12),
        [
            nn.Conv2d(1, 4, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))),
            nn.Flatten(),
            nn.Linear(54, 10),
            nn.Dropout(0.3),
            nn.Linear(10, 5, bias=False),
            nn.Softmax(1),
        ],
        {"legacy", OPENCV},
    ),
    (
        "alexnet",
        (23, 19),
        [
            nn.Conv2d(1, 8, (5, 3), stride=(2, 1), padding=(2, 1)),
            nn.ReLU(inplace=True),
            nn.LocalResponseNorm(5, 0.5, 0.6, 2.0),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(8, 8, 3, groups=2, dilation=2, padding="same"),
            nn.Tanh(),
            nn.AvgPool2d(3, 2, 1),
            nn.Flatten(),
            nn.Linear(8 * 3 * 5, 4),
            nn.Sigmoid(),
        ],
        {"legacy"},
    ),
    (
        "norms",
        (8, 8),
        [
            nn.BatchNorm2d(1),
            nn.Conv2d(1, 4, 3, bias=False, padding="valid"),
            nn.BatchNorm2d(4, eps=0.1),
            nn.PReLU(4),
            nn.Conv2d(4, 4, 1, dilation=(1, 2)),
            nn.BatchNorm2d(4, affine=False),
            nn.LeakyReLU(0.3),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 3),
        ],
        {OPENCV},
    ),
    (
        "others",
        (7, 7),
        [
            nn.Identity(),
            nn.ReLU(),
            nn.ConvTranspose2d(1, 6, (3, 2), 2, padding=1),
            nn.ELU(0.7),
            nn.ConvTranspose2d(6, 4, 3, groups=2, bias=False),
            nn.PReLU(),
            nn.Dropout2d(0.2),
            nn.AdaptiveAvgPool2d((3, 2)),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
            nn.Softmax(dim=-1),
        ],
        set(),
    ),
]


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(("name", "size", "modules", "can"), CHAINS, ids=[chain[0] for chain in CHAINS])
def test_a_written_net_answers_as_in_pytorch(
    tmp_path: Path, name: str, size: tuple[int, int], modules: list[nn.Module], can: set[str], legacy: bool
) -> None:
    net, inputs = prepared(modules), images(1, size)
    if legacy and "legacy" not in can:
        with pytest.raises(UnsupportedLayer, match="is no layer of the V1 format"):
            write(net, tmp_path / name, size=size, channels=1, legacy=True)
        return
    files = write(net, tmp_path / name, size=size, channels=1, legacy=legacy)
    found = reading(tmp_path)
    assert found.files == (files.prototxt, files.caffemodel)
    assert found.notes == ()
    agrees(run(build(found.net), inputs)[0], scores(net, inputs))
    if OPENCV in can:
        agrees(in_opencv(files, inputs), scores(net, inputs))


def test_the_small_net_of_the_thieves_travels_as_a_list(tmp_path: Path) -> None:
    body: list[nn.Module] = []
    for width_in, width, pool in ((3, 16, True), (16, 32, False)):
        body += [conv_norm(width_in, width, 1), nn.MaxPool2d(2) if pool else nn.Identity(), nn.ReLU(inplace=True)]
    net = Pooled(body, 32, 10)
    net(torch.rand(8, 3, 24, 24))  # statistics
    net.eval()
    write([*net.body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), net.head], tmp_path / "net", size=(24, 24))
    inputs = images(3, (24, 24))
    agrees(run(build(reading(tmp_path).net), inputs)[0], scores(net, inputs))


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_weights_come_back_bit_by_bit(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("nets")
    groups = data.draw(st.integers(1, 2))
    channels, width = groups * data.draw(st.integers(1, 2)), groups * data.draw(st.integers(1, 3))
    kernel = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    bias, legacy = data.draw(st.booleans()), data.draw(st.booleans())
    convolution = nn.Conv2d(channels, width, kernel, groups=groups, bias=bias)
    linear = nn.Linear(width * (7 - kernel[0]) * (8 - kernel[1]), 3, bias=bias)
    write([convolution, nn.Flatten(), linear], folder / "net", size=(6, 7), channels=channels, legacy=legacy)
    layers = [layer for layer in reading(folder).net.layers if layer.blobs]
    for layer, module in zip(layers, (convolution, linear), strict=True):
        tensors = [module.weight, *([] if module.bias is None else [module.bias])]
        for blob, tensor in zip(layer.blobs, tensors, strict=True):
            expected = tensor.detach().numpy()
            assert blob.ndim == (4 if legacy else expected.ndim)
            np.testing.assert_array_equal(blob.reshape(expected.shape), expected)


@pytest.mark.parametrize("legacy", [False, True])
def test_the_caffemodel_is_what_protobuf_would_write(tmp_path: Path, legacy: bool) -> None:
    net = prepared([nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 3)])
    files = write(net, tmp_path / "net", size=(5, 5), channels=1, legacy=legacy)
    message = messages.NetParameter.FromString(files.caffemodel.read_bytes())
    assert message.ByteSize() == files.caffemodel.stat().st_size  # but for the order of fields, which is free
    layers = message.layers if legacy else message.layer
    assert [layer.name for layer in layers] == ["conv1", "relu1", "flatten1", "ip1"]
    bias = layers[3].blobs[1]
    assert list(bias.data) == net[3].bias.tolist()
    assert (bias.num, bias.channels, bias.height, bias.width) == ((1, 1, 1, 3) if legacy else (0, 0, 0, 0))


def test_the_prototxt_looks_like_those_that_people_write(tmp_path: Path) -> None:
    net = [nn.Conv2d(3, 2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1)]
    files = write(net, tmp_path / "tiny", size=(8, 8))
    expected = messages.NetParameter()
    text = """name: "tiny"
      layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 8, 8] } } }
      layer { name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
        convolution_param { num_output: 2 kernel_size: 3 pad: 1 } }
      layer { name: "relu1" type: "ReLU" bottom: "conv1" top: "conv1" }
      layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
        pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
      layer { name: "pool2" type: "Pooling" bottom: "pool1" top: "pool2"
        pooling_param { pool: AVE global_pooling: true } }"""
    assert parse(text, expected, "expected") == ()
    found = messages.NetParameter()
    assert parse(files.prototxt.read_text(encoding="utf-8"), found, "found") == ()
    assert found == expected


def test_what_was_done_to_pixels_travels_in_the_caffemodel(tmp_path: Path) -> None:
    transform = Transform(scale=0.5, mean_values=(1.0, 2.0, 3.0))
    write([nn.Conv2d(3, 2, 3)], tmp_path / "net", size=(8, 8), transform=transform)
    assert reading(tmp_path).net.transform == transform


@given(
    size=st.integers(3, 12),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 6),
    pad=st.integers(0, 2),
    kind=st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]),
    ceil=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_pooling_is_written_as_it_rounds_or_refused(
    tmp_path_factory: pytest.TempPathFactory, size: int, kernel: int, stride: int, pad: int, kind: Any, ceil: bool
) -> None:
    pad = min(pad, kernel // 2)
    if size + 2 * pad < kernel:
        return
    pool = kind(kernel, stride, pad, ceil_mode=ceil)
    folder = tmp_path_factory.mktemp("nets")
    inputs = images(1, (size, size))
    try:
        write([pool], folder / "net", size=(size, size), channels=1)
        (folder / "net.caffemodel").write_bytes(messages.NetParameter(layer=[{"name": "x"}]).SerializeToString())
    except UnsupportedLayer as refusal:
        assert "no rounding of Caffe's gives its size" in str(refusal)  # noqa: PT017 - either is right
        assert stride > kernel
        return
    agrees(run(build(reading(folder).net), inputs)[0], scores(pool, inputs))


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (nn.Conv2d(3, 2, 3, padding=1, padding_mode="reflect"), "padding_mode is 'reflect'"),
        (nn.Conv2d(3, 2, 4, padding="same"), "larger on one side"),
        (nn.ConvTranspose2d(3, 2, 3, 2, output_padding=1), "output_padding"),
        (nn.BatchNorm2d(3, track_running_stats=False), "keeps no running statistics"),
        (nn.MaxPool2d(2, dilation=2), "dilation"),
        (nn.AvgPool2d(3, padding=1, count_include_pad=False), "its divisor"),
        (nn.AvgPool2d(2, divisor_override=3), "its divisor"),
        (nn.AdaptiveAvgPool2d(5), "8 x 8 does not divide into 5 x 5"),
        (nn.LocalResponseNorm(4), "its size 4 is even"),
        (nn.Linear(8, 3), "flatten first"),
        (nn.Linear(7, 3), "does not take the 3 x 8 x 8 before it"),
        (nn.Softmax(3), "its dim is 3"),
        (nn.Flatten(2), "it leaves 3 axes"),
        (nn.GELU(), "GELU"),
        (nn.ModuleList([nn.ReLU()]), "ModuleList"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_what_caffe_cannot_say_is_refused_by_name(tmp_path: Path, module: nn.Module, said: str) -> None:
    with pytest.raises(UnsupportedLayer, match=r"module 0\.1 ") as caught:
        write(nn.Sequential(nn.ReLU(), module), tmp_path / "net", size=(8, 8))
    assert said in str(caught.value)
    assert type(module).__name__ in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_modules_come_back_as_they_were(tmp_path: Path) -> None:
    net = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout())
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    write(net, tmp_path / "net", size=(4, 4))
    assert all(part.training for part in net.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_every_module_of_the_table_is_in_a_chain_above() -> None:
    tested = {type(part) for _, _, modules, _ in CHAINS for module in modules for part in module.modules()}
    assert set(TABLE) <= tested
