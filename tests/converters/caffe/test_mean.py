"""Mean files: whatever Caffe's and pycaffe's tools save becomes a mean image of c x h x w."""

import io
from pathlib import Path

import numpy as np
import pytest
from model_files import mean_file

from converters.caffe import messages
from converters.caffe.mean import read_mean
from converters.caffe.saving import save_mean
from converters.refusals import SourceDamaged

IMAGE = np.arange(3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5)


def put(tmp_path: Path, data: bytes, name: str = "mean.binaryproto") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_a_binaryproto_is_read_in_its_own_order(tmp_path: Path) -> None:
    mean = read_mean(put(tmp_path, mean_file(IMAGE)))
    assert mean.dtype == np.float32
    np.testing.assert_array_equal(mean, IMAGE)


def test_a_new_shape_and_doubles_will_do_too(tmp_path: Path) -> None:
    blob = messages.BlobProto(shape={"dim": [1, 1, 2, 2]}, double_data=[1, 2, 3, 4])
    np.testing.assert_array_equal(read_mean(put(tmp_path, blob.SerializeToString())), [[[1, 2], [3, 4]]])


def test_what_is_written_is_what_protobuf_writes(tmp_path: Path) -> None:
    path = tmp_path / "mean.binaryproto"
    save_mean(path, IMAGE)
    blob = messages.BlobProto.FromString(path.read_bytes())
    assert (blob.num, blob.channels, blob.height, blob.width) == (1, 3, 4, 5)
    assert list(blob.data) == IMAGE.ravel().tolist()


@pytest.mark.parametrize(
    ("array", "shape"),
    [
        (IMAGE.astype(np.float64), (3, 4, 5)),
        (IMAGE.transpose(1, 2, 0), (3, 4, 5)),
        (IMAGE[0], (1, 4, 5)),
        (np.array([1, 2, 3]), (3, 1, 1)),
        (np.ones((4, 5, 1)), (1, 4, 5)),
        (IMAGE[None], (3, 4, 5)),
    ],
)
def test_numpy_files_are_read_in_any_layout(tmp_path: Path, array: np.ndarray, shape: tuple[int, ...]) -> None:
    mean = read_mean(put(tmp_path, npy(array), "mean.npy"))
    assert mean.shape == shape
    assert mean.dtype == np.float32
    if shape == (3, 4, 5):
        np.testing.assert_array_equal(mean, IMAGE)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (messages.BlobProto(num=2, channels=3, height=1, width=1, data=[1] * 6).SerializeToString(), "no mean image"),
        (messages.BlobProto(channels=3).SerializeToString(), "no mean image"),
        (mean_file(np.ones((2, 4, 5))), "has 2 channels"),
        (mean_file(np.full((1, 1, 2), np.nan)), "not numbers"),
        (mean_file(IMAGE)[:-3], "truncated"),
        (npy(np.array(["a"])), "and not numbers"),
        (npy(np.array([{}], dtype=object)), "not a readable numpy file"),
        (npy(np.ones((3, 40, 40)))[:-8], "not a readable numpy file"),
        (npy(np.ones((2, 3, 4, 5))), "no mean image"),
        (b"\x93NUMPY\x01\x00\x04\x00 (\n", "not a readable numpy file"),
    ],
)
def test_what_is_no_mean_image_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(SourceDamaged, match=said):
        read_mean(put(tmp_path, data))


def test_a_numpy_header_that_promises_more_than_there_is_takes_no_memory(tmp_path: Path) -> None:
    data = npy(np.ones((3, 4, 5))).replace(b"(3, 4, 5), }" + b" " * 9, b"(3, 99999, 99999), }"[:21].ljust(21))
    with pytest.raises(SourceDamaged, match="not a readable numpy file"):
        read_mean(put(tmp_path, data))
