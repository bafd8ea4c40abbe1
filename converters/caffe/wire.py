"""Protobuf's wire format walked in place: the fields of a message as views into a mapped file, nothing copied.

Caffemodels are walked here because the protobuf runtime would copy every weight into Python objects.
Source: protobuf.dev, "Encoding". Every length is checked against what is really there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from converters.refusals import SourceDamaged

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_WIDTHS = {FIXED64: 8, FIXED32: 4}
# the largest published nets have some tens of thousands; each costs about a microsecond
_FIELDS_LIMIT = 2_000_000
_LARGEST_NUMBER = 2**29 - 1


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `number` and `kind` of its tag, its `value` if a varint, its `data` if bytes.

    Fixed-width fields of one number that follow each other come as one Field: `data` holds them all with their tags,
    `count` of them. `whole` is the field as it stands, with its tag.
    """

    number: int
    kind: int
    value: int
    data: memoryview
    whole: memoryview
    count: int = 1

    def numbers(self, dtype: str) -> np.ndarray:
        """A packed field (a view) or a run of unpacked ones (a copy) as an array of a little-endian dtype [count]."""
        if self.kind == BYTES:
            return np.frombuffer(self.data, dtype)
        records = np.frombuffer(self.data, np.uint8).reshape(self.count, -1)
        return np.ascontiguousarray(records[:, -_WIDTHS[self.kind] :]).view(dtype).reshape(-1)


class Walk:
    """A walk over one file's messages; `name` is the file's in refusals, `left` the fields that may still come."""

    def __init__(self, name: str, limit: int = _FIELDS_LIMIT) -> None:
        self.name = name
        self.left = limit

    def fields(self, message: memoryview) -> Iterator[Field]:
        """The fields of a message in their order. Raises SourceDamaged."""
        at, end = 0, len(message)
        while at < end:
            self.left -= 1
            if self.left < 0:
                raise SourceDamaged(f"{self.name}: holds more fields than any Caffe net; it is damaged.")
            field = self._field(message, at)
            yield field
            at += len(field.whole)

    def _field(self, message: memoryview, start: int) -> Field:
        tag, at = self.varint(message, start)
        number, kind = tag >> 3, tag & 7
        if not 0 < number <= _LARGEST_NUMBER:
            raise self._damaged(f"a field number {number}")
        if kind == VARINT:
            value, stop = self.varint(message, at)
            return Field(number, kind, value, message[:0], message[start:stop])
        if kind == BYTES:
            length, at = self.varint(message, at)
            stop = self._inside(message, at, length)
            return Field(number, kind, 0, message[at:stop], message[start:stop])
        if kind not in _WIDTHS:
            raise self._damaged(f"the wire type {kind}")
        stop = self._inside(message, at, _WIDTHS[kind])
        count = _run(message, start, stop - start, at - start)
        whole = message[start : start + count * (stop - start)]
        return Field(number, kind, 0, whole, whole, count)

    def varint(self, message: memoryview, at: int) -> tuple[int, int]:
        """The base-128 number that begins at a byte, modulo 2**64, and where it ends. Raises SourceDamaged."""
        value = 0
        for shift, byte in enumerate(message[at : at + 10]):
            value |= (byte & 0x7F) << 7 * shift
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF, at + shift + 1
        raise self._damaged("a number without an end")

    def integers(self, field: Field) -> list[int]:
        """The values of a repeated integer field, packed or not, as signed 64-bit numbers."""
        if field.kind == VARINT:
            return [signed(field.value)]
        values, at = [], 0
        while field.kind == BYTES and at < len(field.data):
            self.left -= 1
            if self.left < 0:
                raise self._damaged("a list without an end")
            value, at = self.varint(field.data, at)
            values.append(signed(value))
        return values

    def _inside(self, message: memoryview, at: int, length: int) -> int:
        if length > len(message) - at:
            raise self._damaged(f"a field of {length} bytes where {len(message) - at} are left")
        return at + length

    def _damaged(self, what: str) -> SourceDamaged:
        return SourceDamaged(f"{self.name}: holds {what}; it is truncated, damaged or not a file of Caffe's.")


def signed(value: int) -> int:
    """A varint as the signed number that int32 and int64 fields mean."""
    return value - 2**64 if value >= 2**63 else value


def _run(message: memoryview, start: int, width: int, tag_width: int) -> int:
    """How many records of one width and with one tag follow each other from `start` on; at least one."""
    tag = bytes(message[start : start + tag_width])
    count, window = 1, 1
    while True:
        room = min(window, (len(message) - start) // width - count)
        if room <= 0:
            return count
        begin = start + count * width
        records = np.frombuffer(message[begin : begin + room * width], np.uint8).reshape(room, width)
        other = np.flatnonzero((records[:, :tag_width] != np.frombuffer(tag, np.uint8)).any(axis=1))
        if other.size:
            return count + int(other[0])
        count += room
        window = min(4 * window, 1 << 20)
