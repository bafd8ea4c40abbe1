"""The line between referee and thief: JSON messages, each with at most one array; never a pickle."""

import json
import math
import socket
import struct
from typing import Any, NamedTuple

import numpy as np

_HEAD = struct.Struct("!IQ")  # bytes of the JSON text, bytes of the array
_DTYPES = ("uint8", "int64")
_LONGEST_TEXT = 64 * 2**20
_LARGEST_ARRAY = 2 * 2**30


class Message(NamedTuple):
    """One message: `body` is a JSON object, `array` uint8 or int64, or None."""

    body: dict[str, Any]
    array: np.ndarray | None = None


class LineClosed(ConnectionError):
    """The other end is gone."""


class Line:
    """One end of the line; used by one thread at a time."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def send(self, body: dict[str, Any], array: np.ndarray | None = None) -> None:
        """Send one message. Raises LineClosed if the other end is gone."""
        if array is not None:
            array = np.ascontiguousarray(array)
            body = {**body, "dtype": array.dtype.name, "shape": array.shape}
        text = json.dumps(body, allow_nan=True).encode()
        data = array.tobytes() if array is not None else b""
        try:
            self._end.sendall(_HEAD.pack(len(text), len(data)))
            self._end.sendall(text)
            self._end.sendall(data)
        except OSError as error:
            raise LineClosed(str(error)) from None

    def receive(self) -> Message:
        """Wait for one message. Raises LineClosed if the other end is gone or does not keep to the form.

        The other end is the thief's, so nothing that comes may do more harm than that.
        """
        text_bytes, data_bytes = _HEAD.unpack(self._read(_HEAD.size))
        if text_bytes > _LONGEST_TEXT or data_bytes > _LARGEST_ARRAY:
            raise LineClosed(f"a message announces {text_bytes} bytes of text and {data_bytes} of data")
        try:
            body = json.loads(bytes(self._read(text_bytes)))
            dtype, shape = str(body.pop("dtype", "")), tuple(map(int, body.pop("shape", ())))
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise LineClosed(f"a message that is no JSON object: {error}") from None
        if not dtype and not data_bytes and body:
            return Message(body)
        if not body or dtype not in _DTYPES or min(shape, default=1) < 0:
            raise LineClosed(f"a message announces {data_bytes} bytes as {dtype} {shape}")
        if math.prod(shape) * np.dtype(dtype).itemsize != data_bytes:
            raise LineClosed(f"a message announces {data_bytes} bytes as {dtype} {shape}")
        return Message(body, np.frombuffer(self._read(data_bytes), dtype=dtype).reshape(shape))

    def close(self) -> None:
        """Hang up; the other end gets LineClosed."""
        self._end.close()

    def _read(self, count: int) -> bytearray:
        buffer = bytearray(count)
        view = memoryview(buffer)
        while view:
            try:
                got = self._end.recv_into(view)
            except OSError as error:
                raise LineClosed(str(error)) from None
            if not got:
                raise LineClosed("the other end hung up")
            view = view[got:]
        return buffer
