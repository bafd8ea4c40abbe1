"""Universal Binary JSON (draft 12, https://ubjson.org), as far as XGBoost writes it: read within the file's bounds."""

from typing import Any

import numpy as np

DEPTH = 64
_NUMBERS = {"i": ">i1", "U": ">u1", "I": ">i2", "l": ">i4", "L": ">i8", "d": ">f4", "D": ">f8"}
_WORDS = {"Z": None, "T": True, "F": False}


def loads(data: bytes) -> Any:
    """The document; typed arrays of numbers become lists. Raises ValueError where the bytes are no such document."""
    reader = _Reader(data)
    return reader.value(reader.sign(), 0)


class _Reader:
    """A place in the bytes, and what lies there."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count < 0 or self._at + count > len(self._data):
            raise ValueError(f"the document ends within a value (byte {self._at})")
        self._at += count
        return self._data[self._at - count : self._at]

    def sign(self) -> str:
        """The next marker; "N" stands for nothing."""
        found = "N"
        while found == "N":
            found = self.take(1).decode("latin-1")
        return found

    def _peek(self) -> str:
        return self._data[self._at : self._at + 1].decode("latin-1")

    def numbers(self, kind: str, count: int) -> list[Any]:
        """So many numbers of one kind."""
        dtype = np.dtype(_NUMBERS[kind])
        found: list[Any] = np.frombuffer(self.take(count * dtype.itemsize), dtype).tolist()
        return found

    def value(self, kind: str, depth: int) -> Any:
        """A value of this kind."""
        if depth > DEPTH:
            raise ValueError("the document is nested too deeply")
        if kind in _NUMBERS:
            return self.numbers(kind, 1)[0]
        if kind in _WORDS:
            return _WORDS[kind]
        if kind == "S":
            return self._text()
        if kind == "[":
            return self._array(depth + 1)
        if kind == "{":
            return self._object(depth + 1)
        raise ValueError(f"no value begins with {kind!r} (byte {self._at})")

    def _whole(self) -> int:
        kind = self.sign()
        if kind not in "iUIlL":
            raise ValueError(f"a length is of kind {kind!r} (byte {self._at})")
        return int(self.numbers(kind, 1)[0])

    def _text(self) -> str:
        return self.take(self._whole()).decode("utf-8")

    def _array(self, depth: int) -> list[Any]:
        kind = None
        if self._peek() == "$":
            self.take(1)
            kind = self.sign()
        if self._peek() == "#":
            self.take(1)
            count = self._whole()
            if kind is not None:
                if kind not in _NUMBERS:
                    raise ValueError(f"a list of {kind!r} (byte {self._at})")
                return self.numbers(kind, count)
            return [self.value(self.sign(), depth) for _ in range(count)]
        found = []
        while (each := self.sign()) != "]":
            found.append(self.value(each, depth))
        return found

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while True:
            while self._peek() == "N":
                self.take(1)
            if self._peek() == "}":
                self.take(1)
                return found
            key = self._text()
            found[key] = self.value(self.sign(), depth)
