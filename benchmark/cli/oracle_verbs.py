"""`oracles`: which are at hand, and what a dropped ONNX file is taken for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmark.cli import options
from benchmark.cli.screen import say
from benchmark.places import find_places

if TYPE_CHECKING:
    from oracles.card import Card

app = typer.Typer(no_args_is_help=True, help="Oracles: ONNX files in the zoo and in --oracles folders.")


COLUMNS = ("oracle", "problem", "classes", "size", "framework", "macro-F1", "per 1000", "licence")
LEAST = ("licence", "framework", "per 1000")
"""Columns that a narrow terminal goes without, in this order."""


@app.command("list")
def list_(oracles: options.Oracles = None) -> None:
    """Every oracle found, its problem, size and price; refused files with the reason (exit code 3 if there are any)."""
    from benchmark.refusals import BadToml  # noqa: PLC0415
    from benchmark.shelf import Shelf  # noqa: PLC0415 - keeps --help quick
    from oracles.refusals import OracleRefused  # noqa: PLC0415

    shelf, refused = Shelf(find_places(oracles=oracles or ()), say), []
    rows: list[tuple[str, ...]] = [COLUMNS]
    for name in shelf.files():
        try:
            card = shelf.open(name).card
        except (OracleRefused, BadToml) as refusal:
            refused.append(str(refusal))
            continue
        height, width = card.preprocessing.size
        score = next((f"{measured.macro_f1:.3f}" for measured in card.measured), "")
        price = f"{card.price_per_1000:.2f}" if card.price_per_1000 else ""
        about = (card.problem or "-", str(len(card.classes)), f"{height}x{width}", card.framework, score, price)
        rows.append((name, *about, card.licence or ""))
    print(_aligned(rows, Console().width))  # noqa: T201 - the result
    for sentence in refused:
        say(sentence)
    if refused:
        raise typer.Exit(3)


def _aligned(rows: list[tuple[str, ...]], width: int) -> str:
    """The rows in columns; those of LEAST go one by one while a line is too long, and nothing is ever folded."""
    from benchmark.leaderboard.figures import plain  # noqa: PLC0415 - keeps --help quick

    columns = {head: [plain(row[place]) for row in rows] for place, head in enumerate(COLUMNS)}
    widths = {head: max(map(len, column)) for head, column in columns.items()}
    for head in LEAST:
        if sum(widths.values()) + 2 * len(widths) - 2 > width:
            del widths[head]
    lines = zip(*([text.ljust(widths[head]) for text in columns[head]] for head in widths), strict=True)
    return "\n".join("  ".join(line).rstrip() for line in lines)


@app.command("inspect")
def inspect(
    file: Annotated[Path, typer.Argument(help="An ONNX file, or the name of a listed oracle.", metavar="FILE|NAME")],
    output: Annotated[str | None, typer.Option("--output", help="The output that holds the class scores.")] = None,
    problem: Annotated[str | None, typer.Option("--problem", help="The problem that it solves.")] = None,
    write_card: Annotated[bool, typer.Option("--write-card", help="Write FILE's card beside it, to edit.")] = False,
    oracles: options.Oracles = None,
) -> None:
    """What was found, declared and assumed of one ONNX file, with warnings; exit code 3 if it cannot be an oracle."""
    from benchmark.problems import load_problem  # noqa: PLC0415 - keeps --help quick
    from benchmark.shelf import Shelf, open_file  # noqa: PLC0415
    from benchmark.strict_toml import read_toml  # noqa: PLC0415
    from oracles.card import DroppedCard  # noqa: PLC0415

    if not file.exists():
        file = Shelf(find_places(oracles=oracles or ()), say).files().get(str(file), file)
    beside = file.with_suffix(".toml")
    card = read_toml(beside, DroppedCard) if beside.exists() else DroppedCard()
    if problem is not None and problem.endswith(".toml"):
        problem = load_problem(problem).name
    said = {key: value for key, value in (("output", output), ("problem", problem)) if value is not None}
    shelved = open_file(file, find_places(), card.model_copy(update=said))
    table = Table(box=None, pad_edge=False)
    for column in ("what", "value", "how"):
        table.add_column(column, overflow="fold")
    for finding in shelved.inspection.findings:
        table.add_row(
            escape(finding.what), escape(finding.value), finding.how, style="yellow" if finding.how == "assumed" else ""
        )
    console = Console(highlight=False)
    console.print(escape(f"{file.name}: usable as an oracle ({shelved.digest[:16]})"), soft_wrap=True)
    for what, value in _proof(shelved.card):
        table.add_row(what, escape(value), "found")
    console.print(table)
    for note in shelved.card.notes:
        console.print(escape(f"note: {note}"), soft_wrap=True)
    for warning in shelved.inspection.warnings:
        console.print(escape(f"warning: {warning}"), soft_wrap=True)
    if write_card:
        console.print(escape(f"card: {_write_card(beside, shelved.card)}"), soft_wrap=True)


@app.command("restrict")
def restrict(
    file: Annotated[Path, typer.Argument(help="An oracle file (what convert and the cache write).")],
    problem: Annotated[str, typer.Option("--problem", help="The problem whose classes it shall answer with.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The oracle file to write.", metavar="FILE")],
    same: Annotated[
        list[str] | None,
        typer.Option("--same", help="What the oracle calls a class of the problem.", metavar="THEIRS=PROBLEMS"),
    ] = None,
) -> None:
    """Make an oracle answer with the classes of a problem only, in its order: the same network without its other words.

    A classifier of CIFAR-10 becomes one of nine classes, one of FER2013 gets the class order of FER7.
    """
    from benchmark.problems import load_problem  # noqa: PLC0415 - keeps --help quick
    from benchmark.restriction import restrict_file  # noqa: PLC0415

    theirs = {}
    for pair in same or ():
        source, equals, wanted = (part.strip() for part in pair.partition("="))
        if not equals:
            raise typer.BadParameter(f"{pair!r}: give THEIRS=PROBLEMS, such as angry=anger", param_hint="--same")
        theirs[wanted] = source
    print(restrict_file(file, load_problem(problem), output, theirs, find_places()))  # noqa: T201 - the result


def _proof(card: "Card") -> list[tuple[str, str]]:
    """What a card says of its oracle beside its source, and on test images."""
    rows = [("parity", str(card.parity))] if card.parity else []
    rows += [("witness", str(witness)) for witness in (card.parity.witnesses if card.parity else ())]
    rows += [("parity", card.unverified)] if card.unverified else []
    return rows + [("measured", str(measured)) for measured in card.measured]


def _write_card(beside: Path, card: "Card") -> Path:
    from benchmark.refusals import EnvironmentRefused  # noqa: PLC0415 - keeps --help quick
    from benchmark.shelf import as_toml  # noqa: PLC0415

    if beside.exists():
        raise EnvironmentRefused(f"{beside}: there is a card already. Move it away to have a new one written.")
    beside.write_text(as_toml(card), encoding="utf-8")
    return beside
