"""`report`: the leaderboard, its pictures and its records as one HTML page."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import options
from benchmark.cli.screen import say

if TYPE_CHECKING:
    import numpy as np

    from benchmark.problems import Problem
    from benchmark.records import Record
    from benchmark.suites.planned import Plan


def report(
    out: options.Out = Path("runs"),
    page: Annotated[
        Path | None,
        typer.Option("--page", "-o", help="The HTML file to write (default OUT/report.html).", metavar="FILE"),
    ] = None,
    suite: Annotated[str | None, typer.Option("--suite", help="Of this suite (default: of the last run).")] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Of all records of the folder, whatever run they are of.")
    ] = False,
    data: options.Data = None,
    problem: Annotated[
        list[str] | None,
        typer.Option("--problem", help="A problem file of your own, for the test images (repeatable).", metavar="FILE"),
    ] = None,
) -> None:
    """Write one HTML page with leaderboards, charts, confusions, test images and all records; it needs no network."""
    from benchmark.suites.planned import read_plan  # noqa: PLC0415 - keeps --help quick

    folder = out.expanduser().resolve()
    target = (page or folder / "report.html").expanduser().resolve()
    unreadable: list[str] = []
    records = _read(folder, unreadable, out)
    plan = None if all_ else read_plan(folder, suite)
    _write(
        target, _page(records, plan, unreadable, _seen_from(target.parent, folder / "records"), _Images(data, problem))
    )


def _read(folder: Path, unreadable: list[str], out: Path) -> "dict[str, Record]":
    """All readable records of a folder by the digests of their cells."""
    from benchmark.ledger import Ledger  # noqa: PLC0415 - keeps --help quick
    from benchmark.refusals import DataMissing  # noqa: PLC0415

    ledger = Ledger(folder, unreadable.append, only_read=True)
    if not len(ledger):
        raise DataMissing(f"{ledger.folder}: no records. Run: python -m benchmark run --suite smoke --out {out}")
    return {record.cell.digest: record for record in ledger}


def _page(
    records: "dict[str, Record]", plan: "Plan | None", unreadable: list[str], folder: str, images: "_Images"
) -> str:
    """The page of the records that the plan is about; of all of them without a plan."""
    from datetime import UTC, datetime  # noqa: PLC0415 - keeps --help quick

    from benchmark.leaderboard.board import build  # noqa: PLC0415
    from benchmark.report.chosen import Chosen  # noqa: PLC0415
    from benchmark.report.page import About, make_page  # noqa: PLC0415

    wanted = {cell.digest for cell in plan.cells} if plan else set(records)
    shown = {digest: record for digest, record in records.items() if digest in wanted}
    about = About(
        suite=plan.suite if plan else None,
        written=datetime.now(UTC).date(),
        planned=len(wanted) if plan else None,
        records=folder,
    )
    board = build(shown.values(), plan.cells if plan else None, unreadable=unreadable)
    return make_page(Chosen(board, shown), about, images)


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", newline="\n")
    say(f"{len(text.encode()) / 1e6:.1f} MB; it opens in a browser without a network.")
    print(target)  # noqa: T201 - the result


def _seen_from(folder: Path, records: Path) -> str:
    try:
        return Path(os.path.relpath(records, folder)).as_posix()
    except ValueError:  # another drive
        return records.as_posix()


class _Images:
    """Finds the test set of a problem on this machine, if it is the one that the records are about."""

    def __init__(self, data: list[Path] | None, problems: list[str] | None) -> None:
        from benchmark.places import find_places  # noqa: PLC0415 - keeps --help quick

        self._places = find_places(data or ())
        self._files = {Path(name).stem: name for name in problems or ()}

    def __call__(self, problem: str, digest: str) -> "np.ndarray | str":
        """The images, or why there are none."""
        from benchmark.problems import open_role  # noqa: PLC0415 - keeps --help quick
        from benchmark.refusals import Refused  # noqa: PLC0415

        try:
            stack = open_role(self._problem(problem), "tdd", self._places, say)
        except Refused as refused:
            return f"{refused} Name its folder with --data, a problem of your own with --problem FILE."
        if stack.manifest.digest != digest:
            return (
                f"the test set that is here ({stack.manifest.source}) is not the one of these records. "
                "Name the folder of theirs with --data."
            )
        return stack.images_NHWC

    def _problem(self, name: str) -> "Problem":
        from benchmark.problems import load_problem  # noqa: PLC0415 - keeps --help quick

        return load_problem(self._files.get(name, name))
