"""Reads a TOML file into a pydantic model; what does not fit is named with file and line."""

import json
import re
import tomllib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from benchmark.refusals import BadToml, UnknownName

Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path, model: type[Model], **given: object) -> Model:
    """The file as an instance of `model`; `given` fills keys that come from elsewhere (such as the file's name).

    Raises BadToml naming file, line and key for a syntax error, an unknown key, a missing key, a wrong value, or one
    that contradicts what is given: a copied file must not keep the name of the one that it was copied from.
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except FileNotFoundError:
        raise BadToml(f"{path}: no such file. Check the path.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadToml(f"{path}: cannot be read as text ({error}). Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise BadToml(f"{path}: not valid TOML: {error}. Mend that place.") from None
    for key, wanted in given.items():
        if values.get(key, wanted) != wanted:
            raise BadToml(
                f"{path}{_place(text, (key,))}: {key} is {_shown(values[key])}, but the file is called "
                f"{_shown(wanted)}. Leave that line out, or rename the file."
            )
    try:
        return model.model_validate({**given, **values})
    except ValidationError as error:
        faults = error.errors(include_url=False)
        # a misspelt key is also a missing one: say what was written rather than what was not
        first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
        raise BadToml(f"{path}{_place(text, first['loc'])}: {_fault(first, model)}") from None


def _place(text: str, location: Sequence[int | str]) -> str:
    """`:12` when the key of an error can be found in the text, else nothing."""
    start, stop = _span(text, location)
    for key in reversed([part for part in location if isinstance(part, str)]):
        pattern = re.compile(rf"(?:^|[\[{{,.])\s*\"?{re.escape(key)}\"?\s*[=\].]", re.MULTILINE)
        match = pattern.search(text, start, stop)
        if match:
            return f":{text.count(chr(10), 0, match.start() + len(match[0]) - 1) + 1}"
    return ""


def _span(text: str, location: Sequence[int | str]) -> tuple[int, int]:
    """Where the table of an error begins and ends: the second `[[part]]` for `part.1`, else the whole text."""
    start, stop = 0, len(text)
    for key, number in pairwise(location):
        heads = list(re.finditer(rf"^\s*\[\[\s*{re.escape(str(key))}\s*\]\]", text, re.MULTILINE))
        if isinstance(number, int) and number < len(heads):
            start = heads[number].start()
            stop = heads[number + 1].start() if number + 1 < len(heads) else stop
    return start, stop


def _fault(fault: ErrorDetails, model: type[BaseModel]) -> str:
    kind, location = fault["type"], fault["loc"]
    if kind == "extra_forbidden":
        known = [field.alias or name for name, field in model.model_fields.items()]
        return (
            str(UnknownName("key", str(location[-1]), known))
            if len(location) == 1
            else f"unknown key {key_of(location)!r}. Remove it."
        )
    if kind == "missing":
        return f"the key {key_of(location)!r} is missing. Add it."
    return f"{key_of(location)}{said_wrong(fault)}. Mend the value."


def key_of(location: Sequence[int | str]) -> str:
    """The place of a fault as a reader of the file would call it: `budgets`, `inner.depth`."""
    return ".".join(str(part) for part in location) or "the file"


def said_wrong(fault: ErrorDetails) -> str:
    """What follows a key's name: the value that was written and what it should be, in words of a TOML file."""
    given, limits = fault["input"], fault.get("ctx", {})
    told = fault["type"] in {"suite", "value_error"}  # our own checks name the value themselves
    shown = "" if told or isinstance(given, dict | BaseModel) else f" is {_shown(given)}"
    wanted = {
        "tuple_type": "it should be a list",
        "list_type": "it should be a list",
        "int_type": "it should be a whole number",
        "string_type": "it should be a text in quotes",
        "bool_type": "it should be true or false",
        "greater_than_equal": f"it should be at least {limits.get('ge')}",
        "greater_than": f"it should be more than {limits.get('gt')}",
        "less_than_equal": f"it should be at most {limits.get('le')}",
        "less_than": f"it should be less than {limits.get('lt')}",
        "too_short": f"it should have at least {limits.get('min_length')}",
        "string_too_short": "it should not be empty",
    }.get(fault["type"])
    message = fault["msg"].removeprefix("Value error, ").replace("Input should be", "it should be")
    return f"{shown}: {wanted or message[0].lower() + message[1:]}"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:59]}…"
