"""`data`: what images are there, what they look like, and how to get the real ones."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmark.cli import options
from benchmark.cli.screen import say
from benchmark.places import find_places

app = typer.Typer(no_args_is_help=True, help="Problems and pools: what is there, what it looks like.")


@app.command("status")
def status(
    problem: Annotated[list[str] | None, typer.Argument(help="Problems (default: all).")] = None,
    data: options.Data = None,
) -> None:
    """Per problem and role: the source that was found, images per class, and how to get the real ones."""
    from benchmark import problems  # noqa: PLC0415 - keeps --help quick
    from benchmark.problems.status import status as look  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for column in ("problem", "role", "source", "images per class"):
        table.add_column(column, overflow="fold")
    advice: dict[str, None] = {}
    for name in problem or problems.names():
        for row in look(problems.load_problem(name), find_places(data or ())):
            counts = " ".join(str(count) for _, count in row.counts) if row.counts else "not opened yet"
            mark = " (stand-in)" if row.stand_in else ""
            found = f"{row.source}{mark}" if row.source else "missing"
            table.add_row(
                name,
                row.role.upper(),
                escape(found),
                row.fault or (counts if row.source else ""),
                style="" if row.source else "yellow",
            )
            advice.update(dict.fromkeys(f"{name}: warning: {row.role.upper()} {text}" for text in row.warnings))
            if row.advice:
                advice[f"{name}: {row.advice}"] = None
    console = Console(highlight=False)
    console.print(table)
    for line in advice:
        console.print(escape(line))


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="A problem or a pool.", metavar="PROBLEM|POOL")],
    out: Annotated[Path | None, typer.Option("--out", help="The PNG to write (default NAME.png).")] = None,
    data: options.Data = None,
) -> None:
    """Write a contact sheet (PNG): for a problem every role and class, for a pool its first images."""
    from benchmark.images.sheet import contact_sheet, stacked  # noqa: PLC0415 - keeps --help quick
    from benchmark.pools.pool import names as pools  # noqa: PLC0415
    from benchmark.pools.pool import open_pool  # noqa: PLC0415
    from benchmark.problems import ROLES, load_problem, names, open_role  # noqa: PLC0415
    from benchmark.refusals import DataMissing, UnknownName  # noqa: PLC0415

    places, target = find_places(data or ()), out or Path(f"{Path(name).stem}.png")
    sheets = []
    if name in names() or name.endswith(".toml"):
        problem = load_problem(name)
        for role in ROLES:
            try:
                stack = open_role(problem, role, places, say)
            except DataMissing as missing:
                say(str(missing))
            else:
                sheets.append(contact_sheet(stack, classes=problem.classes if stack.manifest.counts_per_class else ()))
    else:
        if name not in pools() and not Path(name).exists():
            raise UnknownName("problem or pool", name, [*names(), *pools()])
        stack = open_pool(name, size=(48, 48), colour="rgb", places=places, say=say)
        sheets.append(contact_sheet(stack))
    if not sheets:
        raise DataMissing(f"{name}: no images to show. Name the folder of its data with --data.")
    stacked(sheets).save(target)
    print(target)  # noqa: T201 - the result


@app.command("import-lists")
def import_lists(
    config: Annotated[Path, typer.Argument(help="A config.yaml of copycat_framework.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder of the files to write.")] = Path("imported"),
    root: Annotated[
        Path, typer.Option("--root", help="Folder that the paths of the list files are relative to.", metavar="DIR")
    ] = Path(),
    strip: Annotated[
        list[str] | None,
        typer.Option("--strip", help="Beginning of paths inside the lists to take off (repeatable).", metavar="FOLDER"),
    ] = None,
) -> None:
    """Turn a copycat_framework configuration into problems, pools, recipes and suites; its lists stay as they are."""
    from benchmark.importing.lists import import_lists as carry_over  # noqa: PLC0415 - keeps --help quick

    done = carry_over(config, out, root, strip or ())
    for remark in done.remarks:
        say(f"remark: {remark}")
    for path in done.files:
        print(path)  # noqa: T201 - the result
    names = " ".join(map(str, done.problems))
    say(f"what is there, and what is missing: python -m benchmark data status {names} --data {root}")
    say(f"to play one: python -m benchmark run --suite {done.suites[0]} --data {root} --oracles {out / 'oracles'}")


@app.command("download")
def download(
    problem: Annotated[str, typer.Argument(help="A problem with a torchvision source.")], data: options.Data = None
) -> None:
    """Fetch the torchvision data sets of a problem into the first --data folder; nothing else ever downloads."""
    from benchmark.problems import load_problem  # noqa: PLC0415 - keeps --help quick
    from benchmark.problems.status import download as fetch  # noqa: PLC0415

    for text in fetch(load_problem(problem), find_places(data or ()), say):
        print(text)  # noqa: T201 - the result
