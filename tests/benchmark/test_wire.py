"""The line between referee and thief."""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmark.wire import Line, LineClosed

ARRAYS = hnp.arrays(
    st.sampled_from([np.uint8, np.int64]), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
)


@contextmanager
def pair() -> Iterator[tuple[Line, Line, socket.socket]]:
    """Two ends of a line, and the bare socket of the second."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Line(ours), Line(theirs), theirs


@given(
    st.dictionaries(
        st.text(min_size=1).filter(lambda key: key not in {"dtype", "shape"}), st.integers() | st.text(), min_size=1
    ),
    ARRAYS,
)
def test_what_is_sent_arrives(body: dict[str, object], array: np.ndarray) -> None:
    """Body and array come out as they went in, whatever their content and shape."""
    with pair() as (one, other, _):
        one.send(body, array)
        message = other.receive()

    assert message.body == body
    assert message.array is not None
    assert message.array.dtype == array.dtype
    np.testing.assert_array_equal(message.array, array)


def test_a_message_may_come_without_an_array() -> None:
    """No array is None, not an empty one."""
    with pair() as (one, other, _):
        one.send({"say": "epoch 1"})

        assert other.receive() == ({"say": "epoch 1"}, None)


def test_hanging_up_is_told() -> None:
    """Who waits for a message of a dead process gets LineClosed, and so does who sends to it."""
    with pair() as (one, other, _):
        other.close()

        with pytest.raises(LineClosed):
            one.receive()
        with pytest.raises(LineClosed):
            one.send({"x": "y" * 10_000_000})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b'{"labels": 1, "dtype": "int64", "shape": [1000000000]}', "announces 8 bytes as int64"),
        (b'{"labels": 1, "dtype": "object", "shape": [1]}', "announces 8 bytes as object"),
        (b'{"labels": 1, "dtype": "float64", "shape": [1]}', "announces 8 bytes as float64"),
    ],
)
def test_a_dishonest_or_foreign_array_is_refused(text: bytes, sentence: str) -> None:
    """A size that is not that of the bytes, or another type than pixels and labels have, is no message."""
    with pair() as (one, _, theirs):
        theirs.sendall(struct.pack("!IQ", len(text), 8) + text + bytes(8))

        with pytest.raises(LineClosed, match=sentence):
            one.receive()
