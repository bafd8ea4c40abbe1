"""The preprocessing inside the graph equals numpy's account of the same words, and Pillow's grey to the last bit."""

import numpy as np
import pytest
from foreign_models import images
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from PIL import Image

from oracles.card import Preprocessing
from oracles.preprocessing import Shape, alone, fitting_mean_image
from oracles.refusals import CardRefused
from oracles.runtime import open_session

LIKE = {
    opset: helper.make_model(helper.make_graph([], "g", [], []), opset_imports=[helper.make_opsetid("", opset)])
    for opset in (7, 11, 13, 21)
}


def prepared(
    how: Preprocessing, shape: Shape, images_NHWC: np.ndarray, mean: np.ndarray | None, opset: int
) -> np.ndarray:
    """What the preprocessing alone gives, in operator set `opset`."""
    session = open_session(alone(how, shape, LIKE[opset], mean).SerializeToString(), device="cpu")
    return session.run(None, {"images": images_NHWC})[0]


def reference(how: Preprocessing, images_NHWC: np.ndarray, mean: np.ndarray | None) -> np.ndarray:
    """The same in float64 numpy, written from the words of Preprocessing."""
    x = images_NHWC.astype(np.float64)
    if how.channels == 1:
        x = np.stack([np.asarray(Image.fromarray(i).convert("L")) for i in images_NHWC])[..., None].astype(np.float64)
    elif how.order == "bgr":
        x = x[..., ::-1]
    if mean is not None:
        x = x - mean
    x = x * how.scale if how.scale is not None else how.range[0] + x / 255 * (how.range[1] - how.range[0])
    x = x - np.array(how.mean or 0.0)
    x = x / np.array(how.std or 1.0)
    return x.transpose(0, 3, 1, 2) if how.layout in ("nchw", "flat_nchw") else x


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    """Numbers of float32 that are not next to zero."""
    return st.floats(low, high, width=32).filter(lambda x: abs(x) > 1e-2)


@st.composite
def preprocessings(draw: st.DrawFn) -> tuple[Preprocessing, Shape]:
    """Any layout, order, range or scale, mean, std and float type."""
    channels = draw(st.sampled_from([1, 3]))
    layouts = ["nchw", "nhwc", "flat_nchw", "flat_nhwc"] + (["nhw"] if channels == 1 else [])
    layout = draw(st.sampled_from(layouts))
    height, width = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    scale = draw(st.none() | numbers(-3, 3))
    low = draw(st.floats(-2, 2, width=32))
    per_channel = st.lists(numbers(-4, 4), min_size=channels, max_size=channels) | st.lists(
        numbers(-4, 4), min_size=1, max_size=1
    )
    sides = {
        "nchw": (channels, height, width),
        "nhwc": (height, width, channels),
        "nhw": (height, width),
    }.get(layout, (channels * height * width,))
    how = Preprocessing(
        layout=layout,
        channels=channels,
        order=draw(st.sampled_from(["rgb", "bgr"])),
        dtype="float32",
        size=(height, width),
        range=None if scale is not None else (low, low + draw(numbers(-300, 300))),
        scale=scale,
        mean=draw(st.none() | per_channel),
        std=draw(st.none() | per_channel),
    )
    return how, Shape(draw(st.sampled_from([TensorProto.FLOAT, TensorProto.DOUBLE])), sides)


@settings(max_examples=100, deadline=None)
@given(preprocessings(), st.sampled_from([7, 11, 13, 21]), st.booleans(), st.integers(1, 3))
def test_the_graph_equals_numpy(case: tuple[Preprocessing, Shape], opset: int, with_mean: bool, count: int) -> None:
    """For any card the nodes give what numpy gives in float64, to within the rounding of their own type."""
    how, shape = case
    x = images(count, *how.size, seed=opset)
    mean = None
    if with_mean:
        mean = np.random.default_rng(0).uniform(0, 255, (*how.size, how.channels)).astype(np.float32)
    got = prepared(how, shape, x, mean, opset)
    want = reference(how, x, mean).reshape(got.shape)
    assert got.dtype == (np.float64 if shape.dtype == TensorProto.DOUBLE else np.float32)
    smallest = min((abs(s) for s in how.std or (1.0,)), default=1.0)
    span = 255 * abs(how.scale) if how.scale is not None else max(abs(r) for r in how.range)
    atol = (1e-12 if shape.dtype == TensorProto.DOUBLE else 1e-5) * (span + 4) / smallest * 4
    np.testing.assert_allclose(got, want, rtol=0, atol=atol)


@pytest.mark.parametrize("opset", [7, 13])
def test_grey_is_pillows_to_the_last_bit(opset: int) -> None:
    """A quarter of a million random colours and all corners of the colour cube turn grey exactly as in Pillow."""
    x = np.random.default_rng(5).integers(0, 256, (1, 512, 512, 3), dtype=np.uint8)
    x[0, 0, :8] = [[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)]
    how = Preprocessing(layout="nhw", channels=1, order="rgb", dtype="float32", size=(512, 512), range=(0, 255))
    got = prepared(how, Shape(TensorProto.FLOAT, (512, 512)), x, None, opset)
    np.testing.assert_array_equal(got[0], np.asarray(Image.fromarray(x[0]).convert("L"), dtype=np.float32))


def test_whole_numbers_are_rounded_to_the_nearest() -> None:
    """A uint8 model with range 0..1 sees 1 from pixel 128 on, never a truncated 0."""
    how = Preprocessing(layout="nhwc", channels=3, order="rgb", dtype="uint8", size=(1, 1), range=(0, 1))
    x = np.array([126, 127, 128, 255], dtype=np.uint8).reshape(4, 1, 1, 1).repeat(3, axis=3)
    got = prepared(how, Shape(TensorProto.UINT8, (1, 1, 3)), x, None, 13)
    assert got.dtype == np.uint8
    assert got[:, 0, 0, 0].tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("shape", [(4, 6, 3), (3, 4, 6)])
def test_a_mean_image_fits_in_both_layouts(shape: tuple[int, ...]) -> None:
    """[h, w, c] and [c, h, w] become float32 [h, w, c]."""
    array = np.arange(72, dtype=np.float64).reshape(shape)
    fitted = fitting_mean_image(array, (4, 6), 3)
    assert fitted.dtype == np.float32
    np.testing.assert_array_equal(fitted, array if shape[-1] == 3 else array.transpose(1, 2, 0))


def test_a_mean_image_that_is_not_finite_is_refused() -> None:
    """A NaN in the mean image would make every score NaN."""
    with pytest.raises(CardRefused, match="not finite"):
        fitting_mean_image(np.full((4, 6), np.nan), (4, 6), 1)
