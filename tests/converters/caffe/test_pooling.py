"""Pooling over a grid of sizes, kernels, strides and pads: onnxruntime against plain numpy and against OpenCV."""

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from made_nets import check, images, layer_text, net_of, run

from converters.caffe.graph import build
from converters.caffe.net import Net
from converters.caffe.plain.spatial import pool
from converters.refusals import ConversionRefused

SIZES = [*((side, side) for side in range(2, 13)), (5, 8), (9, 4), (13, 17)]


class Window(NamedTuple):
    """A pooling layer of the grid."""

    method: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]
    up: bool

    def text(self, name: str) -> str:
        """The layer, its top named as itself."""
        (kh, kw), (sh, sw), (ph, pw) = self.kernel, self.stride, self.pad
        param = (
            f"pool: {self.method} kernel_h: {kh} kernel_w: {kw} stride_h: {sh} stride_w: {sw} pad_h: {ph} pad_w: {pw}"
        )
        param += "" if self.up else " round_mode: FLOOR"
        return layer_text("Pooling", f"pooling_param {{ {param} }}", name=name, tops=name)

    def outside(self, size: tuple[int, int]) -> bool:
        """Whether, on an axis without padding, rounding up gives a window that begins behind the image."""
        axes = zip(size, self.kernel, self.stride, self.pad, strict=True)
        return self.up and any(p == 0 and math.ceil((side - k) / s) * s >= side for side, k, s, p in axes)

    def differs(self, size: tuple[int, int]) -> bool:
        """Whether OpenCV is known to refuse the window, or to count other ones than Caffe."""
        larger = any(k > side + 2 * p for k, side, p in zip(self.kernel, size, self.pad, strict=True))
        return larger or (any(self.pad) and self.outside(size))


def windows(method: str, *, up: bool) -> Iterator[Window]:
    """Square windows with kernels 1 to 7, and some that differ in height and width."""
    for kernel, stride, pad in itertools.product((1, 2, 3, 4, 5, 7), (1, 2, 3, 4, 5), (0, 1, 2, 3)):
        if pad < kernel:
            yield Window(method, (kernel, kernel), (stride, stride), (pad, pad), up)
    for kernel, stride in itertools.product(((2, 3), (3, 2), (5, 1)), ((1, 2), (2, 1), (3, 4))):
        for pad in ((0, 0), (1, 0), (0, 0), (kernel[0] - 1, kernel[1] - 1)):
            yield Window(method, kernel, stride, pad, up)


def refusal(window: Window, size: tuple[int, int]) -> str:
    """Why Caffe itself has no result: no window at all, or an average of no pixel."""
    rounded = math.ceil if window.up else math.floor
    axes = list(zip(size, window.kernel, window.stride, window.pad, strict=True))
    counts = [rounded((side + 2 * p - k) / s) + 1 for side, k, s, p in axes]
    if min(counts) < 1:
        return "do not fit"
    starts = [(count - 1) * s for count, (_, _, s, _) in zip(counts, axes, strict=True)]
    alone = window.method == "AVE" and not any(window.pad)
    # the size of a window that begins at the end of the image is 0; further behind it is negative, and the sum 0
    return "divides by 0" if alone and any(start == side for start, side in zip(starts, size, strict=True)) else ""


def grid(method: str, size: tuple[int, int], *, up: bool) -> tuple[Net, dict[str, Window]]:
    """One net with every window that can be laid over images of a size, and the windows by their layers' names."""
    found, texts = {}, []
    for number, window in enumerate(windows(method, up=up)):
        name = f"pool{number}"
        why = refusal(window, size)
        if why:
            with pytest.raises(ConversionRefused, match=why):
                build(net_of(window.text(name), inputs={"data": (1, 3, *size)}))
            continue
        found[name] = window
        texts.append(window.text(name))
    return net_of("".join(texts), inputs={"data": (1, 3, *size)}), found


@pytest.mark.parametrize("up", [True, False], ids=["ceil", "floor"])
@pytest.mark.parametrize("method", ["MAX", "AVE"])
def test_every_window_of_the_grid_gives_what_plain_numpy_gives(method: str, up: bool) -> None:
    """Shapes and values, negative ones too."""
    count = 0
    for size in SIZES:
        net, found = grid(method, size, up=up)
        inputs = images((2, 3, *size)) - 1
        for name, result in zip(found, run(build(net), inputs, list(found)), strict=True):
            window = found[name]
            expected = pool(inputs, method, (window.kernel, window.stride, window.pad), up=up)[0]
            assert result.shape == expected.shape, (size, window)
            np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6, err_msg=f"{size} {window}")
        count += len(found)
    assert count > 1000


@pytest.mark.parametrize("method", ["MAX", "AVE"])
def test_every_window_of_the_grid_gives_what_opencv_gives(method: str) -> None:
    """But for three corners.

    OpenCV refuses kernels larger than the image; its maximum of no pixel at all is not Caffe's -FLT_MAX; and padding on
    one axis lets Caffe drop a last window outside the image on both axes (pooling_layer.cpp, Reshape), OpenCV on one.
    """
    cv2 = pytest.importorskip("cv2")
    count = 0
    for size in SIZES:
        net, found = grid(method, size, up=True)
        found = {name: window for name, window in found.items() if not window.differs(size)}
        prototxt = f'input: "data" input_shape {{ dim: 1 dim: 3 dim: {size[0]} dim: {size[1]} }}'
        prototxt += "".join(window.text(name) for name, window in found.items())
        other = cv2.dnn.readNetFromCaffe(np.frombuffer(prototxt.encode(), np.uint8))
        inputs = images((2, 3, *size)) - 1
        other.setInput(inputs)
        results = zip(run(build(net), inputs, list(found)), other.forward(list(found)), strict=True)
        for (name, window), (ours, theirs) in zip(found.items(), results, strict=True):
            assert ours.shape == theirs.shape, (size, name, window)
            seen = np.ones(ours.shape, dtype=bool)
            if window.outside(size) and method == "MAX":
                seen = ours > np.finfo(np.float32).min
            np.testing.assert_allclose(ours[seen], theirs[seen], rtol=1e-5, atol=1e-6, err_msg=f"{size} {window}")
        count += len(found)
    assert count > 1000


def test_the_last_average_is_divided_by_what_lies_within_image_and_padding() -> None:
    """Row 1 2 3 4, kernel 3, stride 2, pad 1: (0 1 2)/3, (2 3 4)/3, (4 0 -)/2; the third ends behind the padding."""
    param = "pool: AVE kernel_h: 1 kernel_w: 3 stride_h: 1 stride_w: 2 pad_h: 0 pad_w: 1"
    net = net_of(layer_text("Pooling", f"pooling_param {{ {param} }}"), inputs={"data": (1, 1, 1, 4)})
    row = np.array([1, 2, 3, 4], np.float32).reshape(1, 1, 1, 4)

    np.testing.assert_allclose(run(build(net), row)[0].ravel(), [1, 3, 2], rtol=1e-6)


def test_without_padding_the_last_average_is_divided_by_the_pixels_in_it() -> None:
    """Row 1 2 3 4, kernel 3, stride 2: (1 2 3)/3, (3 4)/2."""
    param = "pool: AVE kernel_h: 1 kernel_w: 3 stride_h: 1 stride_w: 2"
    net = net_of(layer_text("Pooling", f"pooling_param {{ {param} }}"), inputs={"data": (1, 1, 1, 4)})
    row = np.array([1, 2, 3, 4], np.float32).reshape(1, 1, 1, 4)

    np.testing.assert_allclose(run(build(net), row)[0].ravel(), [2, 3.5], rtol=1e-6)


def test_padding_of_one_axis_drops_a_last_window_of_the_other() -> None:
    """Width 4, kernel 1, stride 2: three windows, the last outside; with padding on the height only two."""
    wide = "kernel_h: 2 kernel_w: 1 stride_h: 1 stride_w: 2"
    bare = net_of(layer_text("Pooling", f"pooling_param {{ {wide} }}"), inputs={"data": (1, 1, 4, 4)})
    padded = net_of(
        layer_text("Pooling", f"pooling_param {{ {wide} pad_h: 1 pad_w: 0 }}"), inputs={"data": (1, 1, 4, 4)}
    )

    assert check(bare, (1, 4, 4)).shape == (3, 1, 3, 3)
    assert check(padded, (1, 4, 4)).shape == (3, 1, 5, 2)


def test_a_window_outside_the_image_has_the_lowest_maximum() -> None:
    """Row 5 6, kernel 1, stride 2: 5, then nothing, which is Caffe's -FLT_MAX."""
    param = "kernel_h: 1 kernel_w: 1 stride_h: 1 stride_w: 2"
    net = net_of(layer_text("Pooling", f"pooling_param {{ {param} }}"), inputs={"data": (1, 1, 1, 2)})
    found = run(build(net), np.array([5, 6], np.float32).reshape(1, 1, 1, 2))[0]

    assert found.ravel().tolist() == [5, np.finfo(np.float32).min]


def test_padding_is_never_the_maximum() -> None:
    """All pixels are below 0."""
    net = net_of(
        layer_text("Pooling", "pooling_param { kernel_size: 3 stride: 2 pad: 1 }"), inputs={"data": (1, 1, 5, 5)}
    )

    assert run(build(net), np.full((1, 1, 5, 5), -3, np.float32))[0].tolist() == np.full((1, 1, 3, 3), -3).tolist()


def test_stochastic_pooling_weighs_pixels_with_themselves() -> None:
    """1, 3: (1 + 9) / 4; -1, -3: 0, for they sum to less than 0."""
    param = "pool: STOCHASTIC kernel_h: 1 kernel_w: 2 stride_h: 1 stride_w: 2"
    net = net_of(layer_text("Pooling", f"pooling_param {{ {param} }}"), inputs={"data": (1, 1, 1, 4)})
    found = run(build(net), np.array([1, 3, -1, -3], np.float32).reshape(1, 1, 1, 4))[0]

    assert found.ravel().tolist() == [2.5, 0]


def test_a_mask_counts_pixels_row_by_row_and_names_the_first_of_equals() -> None:
    """In the second image and the third channel as in the first."""
    text = layer_text("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", name="pool", tops="pool mask")
    text += layer_text("AbsVal", bottoms="mask")
    net = net_of(text, inputs={"data": (1, 3, 4, 4)})
    plane = np.array([[1, 2, 9, 9], [3, 3, 9, 9], [0, 0, 1, 0], [7, 0, 0, 2]], np.float32)
    found = run(build(net, output="it"), np.tile(plane, (2, 3, 1, 1)))[0]

    assert found.reshape(6, 4).tolist() == [[4, 2, 12, 15]] * 6
