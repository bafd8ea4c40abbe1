"""`record`: one record as people read it, with its classes and confusion matrices."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import options

if TYPE_CHECKING:
    from rich.table import Table

    from benchmark.records import Record
    from benchmark.scores import Relative, Scores

MATRIX_CLASSES = 20
"""A confusion matrix of more classes does not fit a terminal; the JSON form and the report have it."""


def record(
    digest: Annotated[
        str | None, typer.Argument(help="The beginning of a cell's digest (without one: as --list).")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="All records, one a line, with their digests.")] = False,
    out: options.Out = Path("runs"),
    format_: Annotated[str, typer.Option("--format", help="table or json.")] = "table",
) -> None:
    """Print one record: what was played, scores by class, both confusion matrices, the transfer set and the bill."""
    from benchmark.cli.screen import say  # noqa: PLC0415 - keeps --help quick
    from benchmark.ledger import Ledger  # noqa: PLC0415
    from benchmark.refusals import DataMissing, UnknownName  # noqa: PLC0415

    if format_ not in {"table", "json"}:
        raise UnknownName("format", format_, ("table", "json"))
    ledger = Ledger(out.expanduser().resolve(), say, only_read=True)
    if digest is None or list_:
        if not len(ledger):
            raise DataMissing(f"{ledger.folder}: no records. Run: python -m benchmark run --suite smoke --out {out}")
        lines = [_line(each) for each in ledger if each.cell.digest.startswith((digest or "").lower())]
        print(json.dumps(lines, indent=1) if format_ == "json" else _aligned(lines))  # noqa: T201 - the result
        return
    found = ledger.find(digest.lower())
    if found is None:
        raise DataMissing(
            f"{digest!r} begins no cell's digest in {ledger.folder}, or several. "
            f"List them: python -m benchmark record --list --out {out}, or give more digits."
        )
    if format_ == "json":
        print(found.model_dump_json(indent=1))  # noqa: T201 - the result
        return
    _show(found)


def _line(found: "Record") -> dict[str, str | int]:
    """A record in a line: which cell it is of, and what became of it."""
    from benchmark.leaderboard.played import NAME_DIGITS  # noqa: PLC0415 - keeps --help quick

    share = found.relative.macro_f1 if found.relative else None
    axes = ("problem", "oracle", "copycat", "regime", "budget", "seed")
    return {
        "digest": found.cell.digest[:NAME_DIGITS],
        **{axis: getattr(found.cell, axis) for axis in axes},
        "status": found.status,
        "of target": f"{100 * share:.1f} %" if share is not None else "–",
    }


def _aligned(lines: Sequence[dict[str, str | int]]) -> str:
    """Columns under their heads, never folded: what is one record stays one line."""
    from benchmark.leaderboard.figures import plain  # noqa: PLC0415 - keeps --help quick

    if not lines:
        return "no record fits"
    rows = [list(lines[0]), *([plain(str(value)) for value in line.values()] for line in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in padded)


def _show(found: "Record") -> None:
    from rich.console import Console  # noqa: PLC0415 - keeps --help quick
    from rich.markup import escape  # noqa: PLC0415

    console = Console(highlight=False)
    cell = found.cell
    axes = {name: value for name, value in cell if value is not None and not name.endswith("_digest")}
    axes = {name: value for name, value in axes.items() if value != 0 or name == "seed"}  # no budget, but a seed
    console.print(f"[bold]{cell.digest}[/bold] · {found.status}")
    console.print(escape(" · ".join(f"{name} {value}" for name, value in axes.items() if name != "version")))
    if found.error:
        console.print(escape(f"{found.error.kind}: {found.error.sentence}"), style="red")
    for data in found.data:
        mark = " (stand-in)" if data.stand_in else ""
        console.print(escape(f"{data.role.upper()}: {data.source}{mark}, {data.count:,} images"))
    if found.target and found.copycat and found.relative and found.oracle:
        console.print(_summary(found.target, found.copycat, found.relative, found.agreement))
        console.print(_by_class(found.target, found.copycat, found.oracle.classes))
        for name, scores in (("target", found.target), ("copycat", found.copycat)):
            if len(found.oracle.classes) <= MATRIX_CLASSES:
                console.print(f"\nconfusion matrix of the {name}: a row per true class, a column per said class")
                console.print(_matrix(scores, found.oracle.classes))
    for used in found.transfer_sets:
        never = f", never seen: {', '.join(str(label) for label in used.never_seen)}" if used.never_seen else ""
        console.print(
            f"\n{used.stage.upper()} transfer set: {used.images:,} images, entropy {used.entropy:.2f}{never}; "
            f"labels per class {' '.join(str(count) for count in used.counts_per_class)}"
        )
    if found.bill:
        console.print(
            f"asked {found.bill.asked:,}, new to the store {found.bill.computed:,}, cost {found.bill.cost:.2f}"
        )
    if found.stages:
        took = " · ".join(f"{stage.stage} {stage.seconds:,.1f} s" for stage in found.stages)
        console.print(escape(f"time {sum(stage.seconds for stage in found.stages):,.1f} s: {took}"))
    for warning in found.warnings:
        console.print(escape(f"warning: {warning}"), style="yellow")


def _summary(target: "Scores", copycat: "Scores", relative: "Relative", agreement: float | None) -> "Table":
    from rich.table import Table  # noqa: PLC0415 - keeps --help quick

    from benchmark.leaderboard.figures import share  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for head in ("", "target", "copycat", "of target"):
        table.add_column(head, justify="left" if not head else "right")
    for name in ("macro_f1", "mean_recall", "accuracy"):
        ratio = getattr(relative, name)
        values = [share(getattr(scores, name), 4) for scores in (target, copycat)]
        table.add_row(name.replace("_", "-"), *values, f"{100 * ratio:.1f} %" if ratio is not None else "–")
    table.add_row("agreement", "", share(agreement, 4), "")
    return table


def _by_class(target: "Scores", copycat: "Scores", classes: tuple[str, ...]) -> "Table":
    from rich.markup import escape  # noqa: PLC0415 - keeps --help quick
    from rich.table import Table  # noqa: PLC0415

    from benchmark.leaderboard.figures import plain, share  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for head in ("class", "images", "F1 target", "copycat", "recall target", "copycat", "said by copycat"):
        table.add_column(head, justify="left" if head == "class" else "right")
    true_C, said_C = copycat.confusion_CC().sum(axis=1), copycat.confusion_CC().sum(axis=0)
    for label, name in enumerate(classes):
        table.add_row(
            escape(plain(name)),
            str(true_C[label]),
            share(target.f1_per_class[label]),
            share(copycat.f1_per_class[label]),
            share(target.recall_per_class[label]),
            share(copycat.recall_per_class[label]),
            str(said_C[label]) if said_C[label] else "never",
        )
    return table


def _matrix(scores: "Scores", classes: tuple[str, ...]) -> "Table":
    from rich.markup import escape  # noqa: PLC0415 - keeps --help quick
    from rich.table import Table  # noqa: PLC0415

    from benchmark.leaderboard.figures import plain  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for label in range(len(classes)):
        table.add_column(str(label), justify="right")
    for label, row in enumerate(scores.confusion_CC().tolist()):
        table.add_row(escape(f"{label} {plain(classes[label])}"), *(str(count) if count else "·" for count in row))
    return table
