"""Random Caffe messages, and random spellings of them in protobuf's text format."""

import math
import random
import string
from typing import Any

from google.protobuf.descriptor import FieldDescriptor as Kind
from hypothesis import strategies as st

from converters.caffe import messages

_INTEGERS = {Kind.CPPTYPE_INT32: (-(2**31), 2**31 - 1), Kind.CPPTYPE_INT64: (-(2**63), 2**63 - 1)}
_INTEGERS[Kind.CPPTYPE_UINT32] = (0, 2**32 - 1)


@st.composite
def some_message(draw: st.DrawFn, cls: Any, depth: int = 4) -> Any:
    """A message of a class with some of its fields set."""
    message = cls()
    fields = [field for field in cls.DESCRIPTOR.fields if depth or not field.message_type]
    required = [field for field in fields if field.name in {"min", "max"} and cls is messages.CLASSES["ClipParameter"]]
    chosen = draw(st.lists(st.sampled_from(fields), max_size=4, unique_by=lambda field: field.name)) if fields else []
    for field in {field.name: field for field in [*chosen, *required]}.values():
        _fill(draw, message, field, depth)
    return message


def _fill(draw: st.DrawFn, message: Any, field: Any, depth: int) -> None:
    many = messages.repeated(field)
    count = draw(st.integers(1, 3)) if many else 1
    for _ in range(count):
        if field.message_type:
            inner = draw(some_message(messages.CLASSES[field.message_type.name], depth - 1))
            (getattr(message, field.name).add() if many else getattr(message, field.name)).CopyFrom(inner)
            if not many:
                getattr(message, field.name).SetInParent()
        elif many:
            getattr(message, field.name).append(draw(_scalar(field)))
        else:
            setattr(message, field.name, draw(_scalar(field)))


_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_SCALARS: dict[int, st.SearchStrategy[Any]] = {
    **{kind: st.integers(*ends) for kind, ends in _INTEGERS.items()},
    Kind.CPPTYPE_BOOL: st.booleans(),
    Kind.CPPTYPE_FLOAT: st.floats(width=32, allow_nan=False),
    Kind.CPPTYPE_DOUBLE: st.floats(allow_nan=False),
}


def _scalar(field: Any) -> st.SearchStrategy[Any]:
    if field.enum_type:
        return st.sampled_from(sorted(field.enum_type.values_by_number))
    if field.cpp_type == Kind.CPPTYPE_STRING:
        return st.binary(max_size=8) if field.type == Kind.TYPE_BYTES else _TEXTS
    return _SCALARS[field.cpp_type]


def spelled(message: Any, rng: random.Random) -> str:
    """The message as text, in spellings chosen at random."""
    pieces = []
    for field, value in message.ListFields():
        values = list(value) if messages.repeated(field) else [value]
        if messages.repeated(field) and rng.random() < 0.3:
            inner = f",{_gap(rng)}".join(_value(field, each, rng) for each in values)
            pieces.append(f"{field.name}{_gap(rng)}:{_gap(rng)}[{_gap(rng)}{inner}]")
        else:
            pieces += [_one(field, each, rng) for each in values]
    return "".join(piece + rng.choice((" ", "\n", ", ", "; ", "\t\n  ", ' # a } comment " {\n')) for piece in pieces)


def _one(field: Any, value: Any, rng: random.Random) -> str:
    colon = rng.choice((":", "")) if field.message_type else ":"
    return f"{field.name}{_gap(rng)}{colon}{_gap(rng)}{_value(field, value, rng)}"


def _gap(rng: random.Random) -> str:
    return rng.choice(("", "", " ", "\n", "  ", "# it's\n"))


def _value(field: Any, value: Any, rng: random.Random) -> str:
    if field.message_type:
        opening, closing = rng.choice(("{}", "{}", "<>"))
        return f"{opening}{_gap(rng)}{spelled(value, rng)}{closing}"
    kind = field.cpp_type
    if kind == Kind.CPPTYPE_BOOL:
        return rng.choice(("true", "True", "t", "1") if value else ("false", "False", "f", "0"))
    if kind == Kind.CPPTYPE_ENUM:
        return rng.choice((field.enum_type.values_by_number[value].name, str(value)))
    if kind == Kind.CPPTYPE_STRING:
        data = value if isinstance(value, bytes) else value.encode("utf-8")
        cut = rng.randrange(len(data) + 1) if rng.random() < 0.3 else len(data)
        parts = [data[:cut], data[cut:]] if cut < len(data) else [data]
        return _gap(rng).join(_quoted(part, rng) for part in parts)
    if kind in _INTEGERS:
        sign, size = "-" if value < 0 else "", abs(value)
        return sign + rng.choice((str(size), hex(size), f"0{size:o}"))
    return _real(value, rng)


def _real(value: float, rng: random.Random) -> str:
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    text = repr(value)
    return rng.choice((text, text.upper() if "e" in text else text, f"{text}f"))


def _quoted(data: bytes, rng: random.Random) -> str:
    quote = rng.choice("\"'")
    plain = set((string.ascii_letters + string.digits + " _-./{}#:").encode())
    letters = [chr(byte) if byte in plain else rng.choice((f"\\{byte:03o}", f"\\x{byte:02x}")) for byte in data]
    return f"{quote}{''.join(letters)}{quote}"
