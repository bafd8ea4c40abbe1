"""Binary caffemodels: what is written by protobuf itself, in every way it can be, is read back as arrays."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from converters.caffe import messages
from converters.caffe.caffemodel import Weights, read_caffemodel
from converters.caffe.saving import varint
from converters.refusals import SourceDamaged, UnsupportedLayer

FLOATS = st.floats(width=32, allow_nan=False)


def model(tmp_path: Path, data: bytes) -> Weights:
    path = tmp_path / "net.caffemodel"
    path.write_bytes(data)
    return read_caffemodel(path)


def one_blob(tmp_path: Path, blob: bytes) -> np.ndarray:
    """The blob of a file with one layer, whose blob consists of these bytes."""
    layer = b"\x0a\x01x" + b"\x3a" + varint(len(blob)) + blob
    found = model(tmp_path, b"\xa2\x06" + varint(len(layer)) + layer).layers[0].blobs[0]
    assert found is not None
    return found


def packed(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def shape(*sides: int) -> bytes:
    return packed(7, messages.BlobShape(dim=sides).SerializeToString())


def f32(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


@given(
    arrays=st.lists(hnp.arrays(np.float32, hnp.array_shapes(max_dims=5, max_side=4), elements=FLOATS), max_size=3),
    fields=st.sampled_from(["layer", "layers"]),
)
@settings(max_examples=60, deadline=None)
def test_what_protobuf_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, arrays: Any, fields: str) -> None:
    net = messages.NetParameter(name="n")
    layer = getattr(net, fields).add(name="x")
    for array in arrays:
        layer.blobs.add(shape={"dim": array.shape}, data=array.ravel())
    path = tmp_path_factory.mktemp("nets") / "net.caffemodel"
    path.write_bytes(net.SerializeToString())
    weights = read_caffemodel(path)
    assert [each.name for each in weights.layers] == ["x"]
    for found, array in zip(weights.layers[0].blobs, arrays, strict=True):
        assert found is not None
        np.testing.assert_array_equal(found, array)
    layer.ClearField("blobs")
    assert weights.net() == net


def test_values_are_views_of_the_file(tmp_path: Path) -> None:
    blob = one_blob(tmp_path, shape(2, 1) + packed(5, f32(1, 2)))
    assert not blob.flags.owndata
    assert not blob.flags.writeable
    assert blob.dtype == np.float32


def test_unpacked_values_are_read(tmp_path: Path) -> None:
    values = [float(n) for n in range(1000)]
    blob = one_blob(tmp_path, shape(10, 100) + b"".join(b"\x2d" + f32(value) for value in values))
    np.testing.assert_array_equal(blob.ravel(), values)
    blob = one_blob(tmp_path, shape(3) + b"".join(b"\x41" + struct.pack("<d", value) for value in (0.1, 0.2, 0.3)))
    np.testing.assert_array_equal(blob, [0.1, 0.2, 0.3])


def test_packed_and_unpacked_pieces_follow_each_other(tmp_path: Path) -> None:
    pieces = packed(5, f32(1, 2)) + b"\x2d" + f32(3) + shape(5) + b"\x2d" + f32(4) + packed(5, f32(5))
    np.testing.assert_array_equal(one_blob(tmp_path, pieces), [1, 2, 3, 4, 5])


def test_a_shape_may_be_unpacked_too(tmp_path: Path) -> None:
    assert one_blob(tmp_path, packed(7, b"\x08\x02\x08\x01") + packed(5, f32(1, 2))).shape == (2, 1)


def test_double_data_counts_before_data(tmp_path: Path) -> None:
    doubles = struct.pack("<2d", 0.1, 0.2)
    blob = one_blob(tmp_path, shape(2) + packed(5, f32(7, 8)) + packed(8, doubles))
    assert blob.dtype == np.float64
    np.testing.assert_array_equal(blob, [0.1, 0.2])
    np.testing.assert_array_equal(one_blob(tmp_path, shape(2) + packed(5, f32(7, 8)) + packed(8, b"")), [7, 8])


@pytest.mark.parametrize(
    ("fields", "sides"), [({1: 1, 2: 1, 3: 2, 4: 3}, (1, 1, 2, 3)), ({1: 6, 2: 1, 3: 1, 4: 1}, (6, 1, 1, 1))]
)
def test_legacy_axes_count_before_the_shape(tmp_path: Path, fields: dict[int, int], sides: tuple[int, ...]) -> None:
    legacy = b"".join(varint(number << 3) + varint(side) for number, side in fields.items())
    assert one_blob(tmp_path, shape(6) + legacy + packed(5, f32(*range(6)))).shape == sides


def test_a_legacy_axis_that_is_not_written_is_zero(tmp_path: Path) -> None:
    assert one_blob(tmp_path, varint(1 << 3) + varint(4)).shape == (4, 0, 0, 0)


def test_a_blob_without_a_shape_holds_one_number(tmp_path: Path) -> None:
    assert one_blob(tmp_path, packed(5, f32(3))) == 3


@pytest.mark.parametrize(("kind", "dtype"), [(0, "<f8"), (1, "<f4"), (2, "<f2")])
def test_raw_blobs_of_nvidia_caffe_are_read(tmp_path: Path, kind: int, dtype: str) -> None:
    raw = np.array([1, -2.5], dtype).tobytes()
    np.testing.assert_array_equal(one_blob(tmp_path, shape(2) + b"\x50" + varint(kind) + packed(12, raw)), [1, -2.5])


def test_raw_blobs_of_whole_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedLayer, match="raw values of type 3"):
        one_blob(tmp_path, shape(2) + b"\x50\x03" + packed(12, b"\0" * 8))


def test_what_a_fork_added_is_skipped(tmp_path: Path) -> None:
    odd = (
        packed(900, b"xyz")
        + varint(901 << 3)
        + b"\x05"
        + varint(902 << 3 | 5)
        + b"abcd"
        + varint(903 << 3 | 1)
        + b"8" * 8
    )
    np.testing.assert_array_equal(one_blob(tmp_path, odd + shape(1) + odd + packed(5, f32(9)) + odd), [9])


def test_v0_layers_are_read_with_their_blobs(tmp_path: Path) -> None:
    net = messages.NetParameter()
    wrapper = net.layers.add(bottom=["a"], top=["b"])
    wrapper.layer.name, wrapper.layer.type = "old", "conv"
    wrapper.layer.blobs.add(num=1, channels=1, height=1, width=2, data=[3, 4])
    weights = model(tmp_path, net.SerializeToString())
    assert weights.layers[0].name == "old"
    blob = weights.layers[0].blobs[0]
    assert blob is not None
    np.testing.assert_array_equal(blob, [[[[3, 4]]]])
    del wrapper.layer.blobs[:]
    assert weights.net() == net


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (shape(3) + packed(5, f32(1, 2)), r"blob 0 of layer 0 \('x'\) has 2 values for the shape \(3\)"),
        (shape(-1, -2) + packed(5, f32(1, 2)), "2 values for the shape"),
        (shape(2**62, 2**62) + packed(5, f32(1)), "1 values for the shape"),
        (shape(*[1] * 33) + packed(5, f32(1)), "1 values for the shape"),
        (shape(2), "has 0 values"),
        (shape(2) + packed(5, f32(1, 2) + b"\0"), "ends within a number"),
        (b"\x2a\x7f\0", "a field of 127 bytes where 1 are left"),
        (b"\x2d\0\0", "a field of 4 bytes where 2 are left"),
        (b"\xff" * 12, "a number without an end"),
        (b"\x03", "a field number 0"),
        (b"\x0b", "the wire type 3"),
        (b"", "has 0 values for the shape"),
    ],
)
def test_damaged_blobs_are_refused(tmp_path: Path, blob: bytes, said: str) -> None:
    with pytest.raises(SourceDamaged, match=said):
        one_blob(tmp_path, blob)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"\x0a\x01n", "holds no layers"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a pointer of Git LFS"),
        (b"<html><body>Sign in to download</body></html>", "truncated, damaged or not a file of Caffe's"),
        (b"\xa2\x06\x00" * 20_001, "more than 20000 layers"),
        (b"\xa2\x06\x04\x3a\x02\x2a\x70", "where 0 are left"),
    ],
)
def test_what_is_no_caffemodel_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(SourceDamaged, match=said):
        model(tmp_path, data)


def test_a_file_of_endlessly_many_fields_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceDamaged, match="more fields than any Caffe net"):
        model(tmp_path, b"\x38\x00" * 2_000_001)


def test_every_truncation_of_a_file_is_read_in_part_or_refused(tmp_path: Path) -> None:
    net = messages.NetParameter(name="n")
    for at in range(3):
        net.layer.add(name=f"l{at}", type="T").blobs.add(shape={"dim": [2]}, data=[at, 1])
    data = net.SerializeToString()
    read = 0
    for end in range(len(data)):
        try:
            read += len(model(tmp_path, data[:end]).layers)
        except SourceDamaged:
            continue
    assert read == 1 + 2  # cut between layers, the file is whole as far as it goes


def test_a_description_that_is_no_text_is_refused_only_when_it_is_asked_for(tmp_path: Path) -> None:
    weights = model(tmp_path, b"\xa2\x06\x05\x1a\x03a\xffb")
    assert len(weights.layers) == 1
    with pytest.raises(SourceDamaged, match="pass the net's prototxt"):
        weights.net()
