"""`doctor`: what this machine has, and what will get in the way."""

import os
import platform
import shutil
import sqlite3
import sys
from collections.abc import Iterator

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmark.cli import options
from benchmark.places import Places, find_places
from benchmark.provenance import find_versions

_ROOM = 2 * 2**30

Finding = tuple[str, str, str]
"""What was looked at, what was found, and a warning or nothing."""


def doctor(data: options.Data = None, oracles: options.Oracles = None) -> None:
    """Versions, devices, data, zoo: what is there, and what will get in the way (exit code 4 if something will)."""
    table = Table(box=None, pad_edge=False)
    for column in ("what", "found", "note"):
        table.add_column(column, overflow="fold")
    findings = list(_look(find_places(data or (), oracles or ())))
    for what, found, note in findings:
        table.add_row(what, escape(found), escape(note), style="yellow" if note else "")
    Console(highlight=False).print(table)
    if any(note for _, _, note in findings):
        raise typer.Exit(4)


def _look(places: Places) -> Iterator[Finding]:
    yield "python", f"{platform.python_version()} on {platform.platform(terse=True)}", _python_note()
    versions = dict(find_versions())
    yield from ((name, version, "") for name, version in versions.items())
    yield from _runtime(versions)
    yield from _devices()
    yield "sqlite", f"{sqlite3.sqlite_version} (one writer per file, so its WAL-reset fault cannot happen)", ""
    yield "processors", f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()}", ""
    yield from _folders(places)
    yield from _data(places)
    yield from _oracles(places)


def _runtime(versions: dict[str, str]) -> Iterator[Finding]:
    from oracles import runtime  # noqa: PLC0415 - onnxruntime only when looked for

    both = {"onnxruntime", "onnxruntime-gpu"} <= versions.keys()
    note = "both wheels are installed and overwrite each other: pip uninstall both, then install one" if both else ""
    yield "onnxruntime providers", ", ".join(runtime.available()), note


def _devices() -> Iterator[Finding]:
    import torch  # noqa: PLC0415 - seconds to import

    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            yield f"cuda:{number}", torch.cuda.get_device_name(number), ""
    else:
        yield "cuda", "none (everything runs on the CPU)", ""


def _folders(places: Places) -> Iterator[Finding]:
    places.cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(places.cache).free
    note = "little room: images and answers are kept here" if free < _ROOM else ""
    yield "cache", f"{places.cache} ({free / 2**30:.0f} GiB free)", note
    for folder in places.data:
        yield "data", str(folder), "" if folder.is_dir() else "no such folder"


def _data(places: Places) -> Iterator[Finding]:
    from benchmark import problems  # noqa: PLC0415 - keeps --help quick
    from benchmark.problems.status import status  # noqa: PLC0415

    for name in problems.names():
        rows = status(problems.load_problem(name), places)
        found = ", ".join(f"{row.role.upper()} {row.source}" for row in rows if row.source)
        yield f"problem {name}", found or "no images (benchmark data status says what to do)", ""


def _oracles(places: Places) -> Iterator[Finding]:
    from benchmark.refusals import BadToml  # noqa: PLC0415
    from benchmark.shelf import Shelf  # noqa: PLC0415 - keeps --help quick
    from oracles.refusals import OracleRefused  # noqa: PLC0415

    shelf = Shelf(places, say=lambda _: None)
    for name in shelf.files():
        try:
            card = shelf.open(name).card
        except (OracleRefused, BadToml) as refusal:
            yield f"oracle {name}", "refused", str(refusal)
        else:
            yield f"oracle {name}", f"{card.problem or 'no problem named'}, {len(card.classes)} classes", ""


def _python_note() -> str:
    return "" if sys.version_info >= (3, 11) else "3.11 or newer is needed"
