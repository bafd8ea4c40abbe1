"""Reads a stranger's YAML: plain values only, and nothing that grows while it is read."""

from pathlib import Path

import yaml

from benchmark.refusals import EnvironmentRefused, Mismatch
from oracles.card import printable

MAX_BYTES = 2**18
MAX_DEPTH = 12


def read_yaml(path: Path) -> dict[object, object]:
    """The mapping that a YAML file holds.

    Raises Mismatch for what is no YAML, no mapping, longer than 256 KiB, nested deeper than 12, or uses aliases
    (`*name`: nine of them, nested, are a billion values).
    """
    text = _text(path)
    try:
        _refuse_harm(text, path)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        said = printable(str(getattr(error, "problem", None) or "it cannot be read"), 120)
        raise Mismatch(f"{path.name}{place}: not plain YAML ({said}). Mend that place.") from None
    except (ValueError, TypeError, OverflowError) as error:  # dates and keys that YAML allows and Python does not
        why = printable(str(error), 120)
        raise Mismatch(f"{path.name}: a value cannot be read ({why}). Put it in quotes.") from None
    if not isinstance(values, dict):
        raise Mismatch(f"{path.name}: holds no mapping. Give the config.yaml of copycat_framework.")
    return values


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8")
    except FileNotFoundError:
        raise Mismatch(f"{path}: no such file. Check the path.") from None
    except UnicodeDecodeError:
        raise Mismatch(f"{path.name}: not a text in UTF-8. Give the config.yaml of copycat_framework.") from None
    except OSError as error:
        raise EnvironmentRefused(f"{path}: cannot be read ({error.strerror}). Check the path and its rights.") from None
    if len(content) > MAX_BYTES:
        raise Mismatch(f"{path.name}: more than {MAX_BYTES:,} bytes, too long for a configuration. Split it.")
    return text


def _refuse_harm(text: str, path: Path) -> None:
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise Mismatch(f"{path.name}, line {line}: the alias *{printable(event.anchor, 40)}. Write its values out.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise Mismatch(f"{path.name}, line {line}: nested deeper than {MAX_DEPTH}. Flatten it.")
