"""Writes the TOML files of an import: flat keys first, tables after them, comments where a reader needs them."""

import json
from collections.abc import Mapping, Sequence

Value = str | int | float | bool | Sequence["Value"] | Mapping[str, "Value"]
Tables = Mapping[str, Sequence[Mapping[str, Value]] | Mapping[str, Value]]


def toml(comment: str, values: Mapping[str, Value], tables: Tables | None = None) -> str:
    """The text of a TOML file: a comment, keys, then a table (or an array of them) for each of `tables`."""
    lines = [f"# {comment}", *_keys(values)]
    for name, content in (tables or {}).items():
        single = isinstance(content, Mapping)
        for table in [content] if isinstance(content, Mapping) else content:
            lines += ["", f"[{name}]" if single else f"[[{name}]]", *_keys(table)]
    return "\n".join(lines) + "\n"


def _keys(values: Mapping[str, Value]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in values.items()]


def _value(value: Value) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_quoted(key)} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)


def _quoted(text: str) -> str:
    """A TOML string: JSON's, but for DEL, which only TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
