"""`export-transfer-set`: the images that a cell asked and their stolen labels, as lists or folders."""

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import options

_FORMS = ("lists", "folders")


def export_transfer_set(
    digest: Annotated[
        str, typer.Argument(help="Digest (or its beginning) of a played cell; its record has it as name.")
    ],
    target: Annotated[Path, typer.Option("-o", "--to", help="The folder to make.", metavar="FOLDER")],
    suite: Annotated[
        str | None, typer.Option("--suite", help="The suite that the cell is of (default: of the last run).")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="lists (path and label, in the order of asking) or folders (PNG per class).")
    ] = "lists",
    pool: Annotated[str | None, typer.Option("--pool", help="As for run.", metavar="PATH")] = None,
    data: options.Data = None,
    oracles: options.Oracles = None,
    out: options.Out = Path("runs"),
) -> None:
    """Write the transfer set of a played cell. Its labels come from the answers store: nothing is asked or paid."""
    from benchmark.cli.screen import say  # noqa: PLC0415 - keeps --help quick
    from benchmark.export import Exporter  # noqa: PLC0415
    from benchmark.places import find_places  # noqa: PLC0415
    from benchmark.refusals import Refused, UnknownName  # noqa: PLC0415
    from benchmark.suites.planned import read_plan  # noqa: PLC0415
    from benchmark.suites.suite import changed, load_suite, names  # noqa: PLC0415

    if form not in _FORMS:
        raise UnknownName("format", form, _FORMS)
    places = find_places(data or (), oracles or (), out)
    plan = read_plan(places.out)
    if suite is None and (plan is None or plan.suite not in names()):
        raise Refused(f"{places.out}: the last run was of no shipped suite. Name it: --suite FILE")
    loaded = load_suite(suite or (plan.suite if plan else ""))
    exporter = Exporter(changed(loaded, pools=(pool,) if pool else None), places, say)
    for one in exporter.export(digest, target, "lists" if form == "lists" else "folders"):
        written = f", {one.written:,} written beside it" if form == "lists" and one.written else ""
        print(f"{one.path}: {one.images:,} images{written}")  # noqa: T201 - the result
