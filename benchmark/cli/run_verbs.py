"""`run`, `run-cell` and `leaderboard`: play a suite, play one cell, print the tables again."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmark.cli import options

if TYPE_CHECKING:
    from benchmark.cell import Cell
    from benchmark.forecast import Forecast

_FORMATS = ("table", "md", "csv", "json")


def run(
    suite: Annotated[str, typer.Option("--suite", help="A suite's name, or a TOML file.", metavar="NAME|FILE")],
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            help="Cut axes down, such as copycat=resnet18,seed=0: problem, oracle, pool, attack, regime, balance, "
            "copycat, recipe, budget, seed.",
            metavar="AXIS=VALUE",
        ),
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", help="Other budgets, such as 1000,5000.", metavar="N,N")
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", help="Other number of seeds.", metavar="N")] = None,
    pool: Annotated[
        str | None, typer.Option("--pool", help="Another pool: a name, folder, tar, list or npz.", metavar="PATH")
    ] = None,
    data: options.Data = None,
    oracles: options.Oracles = None,
    out: options.Out = Path("runs"),
    workers: Annotated[
        int | None, typer.Option("--workers", help="Cells side by side (default: one per processor).")
    ] = None,
    device: options.Device = "auto",
    shard: Annotated[str | None, typer.Option("--shard", help="Play only part I of N.", metavar="I/N")] = None,
    timeout: Annotated[
        str | None, typer.Option("--timeout", help="End a cell that takes longer: 2h, 30m, 90s.", metavar="TIME")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Print cells, queries, price and time; ask nothing.")
    ] = False,
    format_: Annotated[str, typer.Option("--format", help="Of the leaderboard: table, md, csv or json.")] = "table",
) -> None:
    """Play every cell of a suite that has no record yet, then print its leaderboard. Run it again to continue."""
    from benchmark.run import run as run_suite  # noqa: PLC0415 - keeps --help quick

    given: dict[str, Any] = {
        "only": only or (),
        "budgets": _numbers(budget),
        "seeds": _count(seeds),
        "pool": pool,
        "data": data or (),
        "oracles": oracles or (),
        "out": out,
        "workers": workers,
        "device": device,
        "shard": _part(shard),
        "timeout": _seconds(timeout),
    }
    _known_format(format_)
    if dry_run:
        _print_plan(suite, given, format_)
        return
    from benchmark.cli.screen import Screen, say  # noqa: PLC0415

    with Screen() as screen:
        records = run_suite(suite, watch=screen, **given)
    _print_board(records, format_, out, Path(suite).stem)
    say(
        f"records: {out / 'records'}. The same command continues: cells that failed are tried again, done ones are not."
    )
    if any(record.status != "done" for record in records):
        raise typer.Exit(1)


def run_cell(
    digest: Annotated[
        str, typer.Argument(help="Digest (or its beginning) of a cell; run --dry-run --format csv lists them.")
    ],
    suite: Annotated[str, typer.Option("--suite", help="The suite that the cell is of.")],
    budget: Annotated[str | None, typer.Option("--budget", help="As for run.", metavar="N,N")] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", help="As for run.", metavar="N")] = None,
    pool: Annotated[str | None, typer.Option("--pool", help="As for run.", metavar="PATH")] = None,
    data: options.Data = None,
    oracles: options.Oracles = None,
    out: options.Out = Path("runs"),
    device: options.Device = "auto",
) -> None:
    """Play one cell of a suite and print its record (for schedulers); several may run side by side on one --out."""
    from benchmark.cli.screen import Screen  # noqa: PLC0415 - keeps --help quick
    from benchmark.run import run as run_suite  # noqa: PLC0415

    chosen = {"budgets": _numbers(budget), "seeds": _count(seeds), "pool": pool, "cell": digest, "workers": 1}
    with Screen() as screen:
        records = run_suite(
            suite, watch=screen, data=data or (), oracles=oracles or (), out=out, device=device, **chosen
        )
    for record in records:
        print(record.model_dump_json())  # noqa: T201 - the result
    if any(record.status != "done" for record in records):
        raise typer.Exit(1)


def leaderboard(
    out: options.Out = Path("runs"),
    suite: Annotated[str | None, typer.Option("--suite", help="Of this suite (default: of the last run).")] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Of all records of the folder, whatever run they are of.")
    ] = False,
    format_: Annotated[str, typer.Option("--format", help="table, md, csv or json.")] = "table",
) -> None:
    """Print the leaderboard of a run again, from its records."""
    from benchmark.ledger import Ledger  # noqa: PLC0415 - keeps --help quick
    from benchmark.refusals import DataMissing  # noqa: PLC0415

    _known_format(format_)
    unreadable: list[str] = []
    ledger = Ledger(out.expanduser().resolve(), unreadable.append, only_read=True)
    if not len(ledger):
        raise DataMissing(f"{ledger.folder}: no records. Run: python -m benchmark run --suite smoke --out {out}")
    _print_board(ledger, format_, None if all_ else out, suite, unreadable)


def _print_board(
    records: Iterable[Any], format_: str, out: Path | None, suite: str | None, unreadable: Sequence[str] = ()
) -> None:
    import shutil  # noqa: PLC0415 - keeps --help quick
    import sys  # noqa: PLC0415

    from benchmark.leaderboard import board, exports, screen  # noqa: PLC0415
    from benchmark.suites.planned import read_plan  # noqa: PLC0415

    plan = read_plan(out.expanduser().resolve(), suite) if out else None
    records = list(records)
    built = board.build(records, plan.cells if plan else None, unreadable=unreadable)
    match format_:
        case "md":
            text = exports.as_markdown(built)
        case "csv":
            text = exports.as_csv(built)
        case "json":
            text = exports.as_json(built)
        case _:
            text = screen.as_text(built, shutil.get_terminal_size((100, 24)).columns, color=sys.stdout.isatty())
    print(text)  # noqa: T201 - the result


def _print_plan(suite: str, given: dict[str, Any], format_: str) -> None:
    """The dry run: exit code 1 where the run would end with one, as cells that lack data get no result."""
    from benchmark.cli.screen import say  # noqa: PLC0415 - keeps --help quick
    from benchmark.forecast import forecast  # noqa: PLC0415

    plan = forecast(suite, given, say)
    if format_ in {"csv", "json"}:
        _print_cells(plan.left, format_)
    elif plan.rows or not plan.lacking:
        _print_rows(plan)
    for sentence in plan.lacking:
        say(sentence)
    if plan.lacking:
        raise typer.Exit(1)


def _print_rows(plan: "Forecast") -> None:
    from rich.console import Console  # noqa: PLC0415 - keeps --help quick
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for column in ("problem", "oracle", "cells", "done", "data missing", "asked", "price", "minutes at its rate limit"):
        table.add_column(column, justify="left" if column in {"problem", "oracle"} else "right")
    for row in plan.rows:
        minutes = f"{row.minutes:,.0f}" if row.minutes is not None else ""
        table.add_row(
            row.problem,
            row.oracle,
            str(row.cells),
            str(row.done),
            str(row.missing or ""),
            f"{row.asked:,}",
            f"{row.price:.2f}" if row.price else "",
            minutes,
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"{plan.open} of {plan.cells} cells to play, at most {plan.asked:,} images asked, "
        f"price at most {plan.price:.2f}, about {plan.minutes:.0f} minutes here "
        f"with {plan.slots} at a time ({plan.basis})"
    )


def _print_cells(cells: Sequence["Cell"], format_: str) -> None:
    """The open cells, one a line, for those who hand them to a scheduler."""
    import csv  # noqa: PLC0415 - keeps --help quick
    import json  # noqa: PLC0415
    import sys  # noqa: PLC0415

    keys = (
        "problem",
        "oracle",
        "copycat",
        "regime",
        "pool",
        "attack",
        "balance",
        "recipe",
        "budget",
        "pdd_budget",
        "seed",
    )
    rows = [
        {"digest": cell.digest, **{key: getattr(cell, key) for key in keys}, "missing": " ".join(cell.missing)}
        for cell in cells
    ]
    if format_ == "json":
        print(json.dumps(rows, indent=1))  # noqa: T201 - the result
        return
    writer = csv.DictWriter(sys.stdout, ("digest", *keys, "missing"))
    writer.writeheader()
    writer.writerows(rows)


def _known_format(format_: str) -> None:
    if format_ not in _FORMATS:
        from benchmark.refusals import UnknownName  # noqa: PLC0415

        raise UnknownName("format", format_, _FORMATS)


def _numbers(text: str | None) -> tuple[int, ...] | None:
    try:
        numbers = tuple(int(part.replace("_", "")) for part in text.split(",")) if text is not None else None
    except ValueError:
        numbers = (0,)
    if numbers is not None and min(numbers) < 1:
        raise typer.BadParameter(f"{text!r}: give whole numbers from 1, such as 1000,5000", param_hint="--budget")
    return numbers


def _count(seeds: int | None) -> int | None:
    if seeds is not None and seeds < 1:
        raise typer.BadParameter(f"{seeds}: give a whole number from 1", param_hint="--seeds")
    return seeds


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    number, unit = (text[:-1], text[-1]) if text[-1:] in {"s", "m", "h"} else (text, "s")
    seconds = float(number) * {"s": 1, "m": 60, "h": 3600}[unit] if number.replace(".", "", 1).isdecimal() else 0
    if not seconds > 0:
        raise typer.BadParameter(f"{text!r}: give a time such as 2h, 30m or 90s", param_hint="--timeout")
    return seconds


def _part(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    number, slash, of = text.partition("/")
    if not (slash and number.isdigit() and of.isdigit()):
        raise typer.BadParameter(f"{text!r}: give I/N such as 1/4", param_hint="--shard")
    return int(number), int(of)
