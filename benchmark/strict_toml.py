"""Reads a TOML file into a pydantic model; what does not fit is named with file and line."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from benchmark.refusals import BadToml, UnknownName

Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path, model: type[Model], **given: object) -> Model:
    """The file as an instance of `model`; `given` fills keys that come from elsewhere (such as the file's name).

    Raises BadToml naming file, line and key for a syntax error, an unknown key, a missing key or a wrong value.
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
    try:
        return model.model_validate({**given, **values})
    except ValidationError as error:
        faults = error.errors(include_url=False)
        # a misspelt key is also a missing one: say what was written rather than what was not
        first = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
        raise BadToml(
            f"{path}{_place(text, first['loc'])}: {_fault(first['type'], first['loc'], first['msg'], model)}"
        ) from None


def _place(text: str, location: Sequence[int | str]) -> str:
    """`:12` when the key of an error can be found in the text, else nothing."""
    for key in reversed([part for part in location if isinstance(part, str)]):
        pattern = re.compile(rf"(?:^|[\[{{,.])\s*\"?{re.escape(key)}\"?\s*[=\].]", re.MULTILINE)
        match = pattern.search(text)
        if match:
            return f":{text.count(chr(10), 0, match.start() + len(match[0]) - 1) + 1}"
    return ""


def _fault(kind: str, location: Sequence[int | str], message: str, model: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in location) or "the file"
    if kind == "extra_forbidden":
        known = [field.alias or name for name, field in model.model_fields.items()]
        return (
            str(UnknownName("key", str(location[-1]), known))
            if len(location) == 1
            else f"unknown key {key!r}. Remove it."
        )
    if kind == "missing":
        return f"the key {key!r} is missing. Add it."
    return f"{key}: {message[0].lower()}{message[1:]}. Mend the value."
