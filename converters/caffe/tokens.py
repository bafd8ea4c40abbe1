"""Tokens and values of protobuf's text format: words, numbers, strings and marks with the line that they stand on.

Source: protobuf.dev, "Text Format Language Specification". The runtime's own parser takes quadratic time on long lines,
and does not say which fields it skips.
"""

import re
from typing import Any

from google.protobuf.descriptor import FieldDescriptor as Kind

from converters.refusals import SourceDamaged, UnsupportedLayer

WORD, NUMBER, STRING, MARK, END = "word", "number", "string", "mark", ""
_TOKEN = re.compile(
    r"""(?:\s+|\#[^\n]*)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<number>(?:\d|\.\d)(?:[eE][+-]\d|[\w.])*)
    |(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
    |(?P<mark>[][{}<>:;,.\-/])""",
    re.VERBOSE | re.ASCII,
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")
_LETTERS = dict(zip(b"abfnrtv", b"\a\b\f\n\r\t\v", strict=True))
_INTEGERS = {
    Kind.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    Kind.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    Kind.CPPTYPE_UINT32: (0, 2**32 - 1),
}
_BOOLEANS = {"true": True, "True": True, "t": True, "1": True, "false": False, "False": False, "f": False, "0": False}
_SHOWN = 60


class Tokens:
    """A text, token by token: `kind`, `text` and `at` of the one that comes next; `name` is the file's in refusals."""

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self._whole = text
        self._next = 0
        self.kind, self.text, self.at = END, "", 0
        self.advance()

    def advance(self) -> str:
        """Go on to the next token; returns the text of the one left behind."""
        left, match = self.text, None
        while self._next < len(self._whole):
            match = _TOKEN.match(self._whole, self._next)
            if match is None:
                self.at = self._next
                raise self.refusal(f"{self._whole[self.at : self.at + 1]!r} cannot stand here")
            self._next = match.end()
            if match.lastgroup:
                self.kind, self.text, self.at = match.lastgroup, match[0], match.start()
                return left
        self.kind, self.text, self.at = END, "", len(self._whole)
        return left

    def take(self, *marks: str) -> str:
        """One of the marks, if it comes next; else nothing."""
        return self.advance() if self.kind == MARK and self.text in marks else ""

    def where(self, at: int | None = None) -> str:
        """The file and the line of the next token, or of the one that began at `at`."""
        line = self._whole.count("\n", 0, self.at if at is None else at) + 1
        return f"{self.name}, line {line}"

    def refusal(self, what: str, at: int | None = None) -> SourceDamaged:
        """The refusal of something, with its place."""
        return SourceDamaged(f"{self.where(at)}: {what}.")

    def expected(self, what: str) -> SourceDamaged:
        """The refusal of what comes next where something else should."""
        return self.refusal(f"{_short(self.text) if self.kind else 'the end of the file'} stands where {what} should")


def value(tokens: Tokens, field: Any) -> Any:
    """The next value, of a field's type. Raises SourceDamaged, UnsupportedLayer."""
    kind = field.cpp_type
    if kind == Kind.CPPTYPE_STRING:
        data = string(tokens)
        return data if field.type == Kind.TYPE_BYTES else data.decode("utf-8", "replace")
    if kind == Kind.CPPTYPE_BOOL:
        if tokens.text not in _BOOLEANS:
            raise tokens.expected(f"true or false for {field.name}")
        return _BOOLEANS[tokens.advance()]
    if kind == Kind.CPPTYPE_ENUM:
        return _enum(tokens, field)
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        number = _integer(tokens, field.name)
        if not low <= number <= high:
            raise tokens.refusal(f"{field.name} is {_short(str(number))}, but it lies between {low} and {high}")
        return number
    return _real(tokens, field.name)


def skip(tokens: Tokens) -> None:
    """Go past a value of an unknown type."""
    if tokens.kind == STRING:
        string(tokens)
        return
    tokens.take("-")
    if tokens.kind not in {WORD, NUMBER}:
        raise tokens.expected("a value")
    tokens.advance()


def string(tokens: Tokens) -> bytes:
    """One or more strings, which belong together."""
    if tokens.kind != STRING:
        raise tokens.expected("a string in quotes")
    data = b""
    while tokens.kind == STRING:
        data += _ESCAPE.sub(_unescaped, tokens.advance()[1:-1].encode("utf-8", "replace"))
    return data


def _unescaped(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, short, long, letter = match.groups()
    if letter is not None:
        return bytes([_LETTERS.get(letter[0], letter[0])])
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    point = int(short or long, 16)
    return chr(point).encode("utf-8", "replace") if point < 0x110000 else b"?"


def _integer(tokens: Tokens, what: str) -> int:
    """A decimal, octal (0...) or hexadecimal (0x...) number, with its sign."""
    sign = -1 if tokens.take("-") else 1
    digits = tokens.text.lower()
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") else 10
    try:
        number = int(digits[:_SHOWN], base)
    except ValueError as error:
        raise tokens.expected(f"a whole number for {what}") from error
    if tokens.kind != NUMBER or "_" in digits or len(digits) > _SHOWN:
        raise tokens.expected(f"a whole number for {what}")
    tokens.advance()
    return sign * number


def _real(tokens: Tokens, what: str) -> float:
    sign = -1.0 if tokens.take("-") else 1.0
    digits = tokens.text.lower()
    if tokens.kind == NUMBER and digits.endswith("f") and not digits.startswith("0x"):
        digits = digits[:-1]
    try:
        number = float(digits)
    except ValueError as error:
        raise tokens.expected(f"a number for {what}") from error
    if tokens.kind not in {WORD, NUMBER} or "_" in digits:
        raise tokens.expected(f"a number for {what}")
    tokens.advance()
    return sign * number


def _enum(tokens: Tokens, field: Any) -> int:
    """The number of an enum's value, which stands there by its name or as a number."""
    enum, shown, at = field.enum_type, _short(tokens.text), tokens.at
    if tokens.kind == WORD:
        named = enum.values_by_name.get(tokens.advance())
        if named:
            return int(named.number)
    else:
        number = _integer(tokens, field.name)
        if number in enum.values_by_number:
            return number
    if enum.name == "LayerType":
        raise UnsupportedLayer(f"{tokens.where(at)}: {shown} is no layer type of Caffe's V1 format.")
    raise tokens.refusal(f"{field.name} is {shown}, but Caffe knows {', '.join(enum.values_by_name)}", at)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
