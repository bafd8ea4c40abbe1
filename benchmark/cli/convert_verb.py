"""`convert`: a model of any framework becomes an oracle file, with proof that it is the same classifier."""

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

_Numbers = tuple[float, ...] | None


def convert(
    source: Annotated[str | None, typer.Argument(help="A file, a folder with a model's files, or timm:NAME.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The oracle file.", metavar="FILE.onnx")] = None,
    list_: Annotated[bool, typer.Option("--list", help="What can be converted here, and what to install.")] = False,
    problem: Annotated[str | None, typer.Option("--problem", help="The problem that it solves.")] = None,
    card: Annotated[Path | None, typer.Option("--card", help="A card (TOML) that says the rest.")] = None,
    weights: Annotated[Path | None, typer.Option("--weights", help="Weights of a named architecture or net.")] = None,
    channels: Annotated[str | None, typer.Option("--channels", help="Channel order: rgb or bgr.")] = None,
    range_: Annotated[
        tuple[float, float] | None, typer.Option("--range", help="What 0 and 255 become.", metavar="LOW HIGH")
    ] = None,
    scale: Annotated[float | None, typer.Option("--scale", help="Factor on pixels of 0..255.")] = None,
    mean: Annotated[
        str | None, typer.Option("--mean", help="Taken off after range or scale: 104,117,123; or a mean image's file.")
    ] = None,
    pixel_mean: Annotated[
        str | None, typer.Option("--pixel-mean", help="Taken off pixels of 0..255, before scale, as in Caffe.")
    ] = None,
    std: Annotated[str | None, typer.Option("--std", help="Divided by, last: .229,.224,.225.")] = None,
    size: Annotated[tuple[int, int] | None, typer.Option("--size", metavar="HEIGHT WIDTH")] = None,
    classes: Annotated[Path | None, typer.Option("--classes", help="Text file, one class name a line.")] = None,
    output: Annotated[str | None, typer.Option("--output", help="The output with the class scores.")] = None,
    inputs: Annotated[str | None, typer.Option("--inputs", help="Input tensors of a bare graph.")] = None,
    outputs: Annotated[str | None, typer.Option("--outputs", help="Output tensors of a bare graph.")] = None,
    reference: Annotated[
        Path | None, typer.Option("--reference", help="The source's answers: npz with images, and scores or labels.")
    ] = None,
    images: Annotated[int, typer.Option("--images", help="Images of the parity run, at most.", min=1)] = 1_000,
    replace: Annotated[bool, typer.Option("--replace", help="Write over an oracle file that is there.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Take it although its labels differ.")] = False,
    allow_code: Annotated[
        bool, typer.Option("--allow-code", help="Open a source that runs code of its own: you trust it.")
    ] = False,
    licence: Annotated[str | None, typer.Option("--licence")] = None,
    data: options.Data = None,
) -> None:
    """Turn a model of any framework into an oracle file and prove that it is the same classifier.

    Both answer the same images; below 99.9 % equal labels nothing is written, unless --accept. What the options say is
    stronger than what the source's files say; what nobody says is assumed, printed and kept on the card.
    """
    if list_:
        _list()
        return
    if source is None or out is None:
        raise typer.BadParameter("name a SOURCE and -o FILE.onnx, or --list", param_hint="convert")
    from benchmark.conversion import convert_to_oracle  # noqa: PLC0415 - keeps --help quick
    from benchmark.order import Order, Said, understood  # noqa: PLC0415

    if mean is not None and pixel_mean is not None:
        raise typer.BadParameter("--mean and --pixel-mean both say the mean; say one of them", param_hint="--mean")
    keys = {
        "problem": problem,
        "order": channels,
        "range": range_,
        "scale": scale,
        "std": _numbers(std, "--std"),
        "size": size,
        "output": output,
        "licence": licence,
    }
    said = Said(
        card=card,
        keys=keys,
        mean=_file_or_numbers(mean, "--mean"),
        pixel_mean=_numbers(pixel_mean, "--pixel-mean"),
        classes=classes,
        weights=weights,
        inputs=_split(inputs),
        outputs=_split(outputs),
        allow_code=allow_code,
    )
    order = Order(source, *understood(said), reference, accept, replace, images)
    made = convert_to_oracle(order, out, find_places(data or ()), say)
    _show(made, out)


def _file_or_numbers(text: str | None, option: str) -> Path | _Numbers:
    return Path(text).resolve() if text is not None and Path(text).is_file() else _numbers(text, option)


def _numbers(text: str | None, option: str) -> _Numbers:
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a file nor numbers; write 104,117,123", param_hint=option
        ) from None


def _split(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else ()


def _show(card: "Card", out: Path) -> None:
    """The oracle in a few lines: what it takes, how it compares with its source, what it scores."""
    how = card.preprocessing
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    numbers = {"range": how.range, "scale": how.scale, "mean": how.mean, "std": how.std}
    said = ", ".join(f"{key} {_short(value)}" for key, value in numbers.items() if value is not None)
    mean_image = ", minus a mean image" if how.mean_image_sha256 else ""
    rows = [
        ("oracle", f"{out} ({out.stat().st_size / 2**20:.2f} MiB)"),
        ("framework", card.framework),
        ("classes", f"{len(card.classes)}: {', '.join(card.classes[:6])}{', ...' if len(card.classes) > 6 else ''}"),
        ("image", f"{how.size[0]}x{how.size[1]}, {'grey' if how.channels == 1 else how.order}{mean_image}; {said}"),
        ("parity", str(card.parity) if card.parity else card.unverified or ""),
    ]
    rows += [("witness", str(witness)) for witness in (card.parity.witnesses if card.parity else ())]
    rows += [("measured", str(measured)) for measured in card.measured]
    for name, text in rows:
        table.add_row(name, escape(text))
    console.print(table)
    for note in card.notes:
        console.print(escape(f"note: {note}"), soft_wrap=True)
    for warning in card.warnings:
        console.print(escape(f"warning: {warning}"), soft_wrap=True)
    if card.problem is None:
        console.print(
            escape("note: no problem is named, so no suite will use it; say --problem NAME --replace"), soft_wrap=True
        )


def _short(value: object) -> str:
    return ", ".join(f"{part:g}" for part in value) if isinstance(value, tuple) else f"{value:g}"


def _list() -> None:
    from converters.registry import table as frameworks  # noqa: PLC0415 - keeps --help quick

    table = Table(box=None, pad_edge=False)
    for column in ("framework", "source", "here"):
        table.add_column(column, no_wrap=True)
    for row in frameworks():
        here = "no" if row.missing() else "yes"
        for number, entry in enumerate(row.formats):
            table.add_row("" if number else row.name, entry.about, "" if number else here)
    console = Console(highlight=False)
    console.print(table)
    for command in dict.fromkeys(row.install() for row in frameworks() if row.missing()):
        console.print(escape(f"For what is not here: {command}"), soft_wrap=True)
    say("Examples of each are in docs/converters.md.")
