"""`compare`: says whether a difference between two rows is real."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import options

if TYPE_CHECKING:
    from benchmark.intervals import Estimate
    from benchmark.leaderboard.comparison import Comparison

FAILURES = ("lower", "higher", "different")
SELECTION = "AXIS=VALUE,…|DIGEST"


def compare(
    one: Annotated[
        str,
        typer.Argument(help="Axes of rows, or the beginning of a digest: it stands for its row.", metavar=SELECTION),
    ],
    other: Annotated[str, typer.Argument(help="What to compare it with.", metavar=SELECTION)],
    out: options.Out = Path("runs"),
    other_out: Annotated[
        Path | None, typer.Option("--other-out", help="The records of the second selection, if elsewhere.")
    ] = None,
    by: Annotated[
        str, typer.Option("--by", help="relative, macro_f1, mean_recall, accuracy or agreement.")
    ] = "relative",
    fail_if: Annotated[
        str | None,
        typer.Option(
            "--fail-if", help="Exit 1 if the second is surely, over all or in one setting: lower, higher, different."
        ),
    ] = None,
    format_: Annotated[str, typer.Option("--format", help="table or json.")] = "table",
) -> None:
    """Say whether the second selection stands higher than the first: same settings, seeds and test images, in pairs."""
    from benchmark.cli.screen import say  # noqa: PLC0415 - keeps --help quick
    from benchmark.leaderboard.comparison import compare as compared  # noqa: PLC0415
    from benchmark.leaderboard.played import Played, take  # noqa: PLC0415
    from benchmark.ledger import Ledger  # noqa: PLC0415
    from benchmark.measures import MEASURES  # noqa: PLC0415
    from benchmark.refusals import DataMissing, UnknownName  # noqa: PLC0415

    for kind, value, known in (
        ("measure", by, MEASURES),
        ("--fail-if", fail_if, (*FAILURES, None)),
        ("format", format_, ("table", "json")),
    ):
        if value not in known:
            raise UnknownName(kind, str(value), [name for name in known if name])

    def plays(folder: Path) -> list[Played]:
        ledger = Ledger(folder.expanduser().resolve(), say, only_read=True)
        if not len(ledger):
            raise DataMissing(f"{ledger.folder}: no records. Run: python -m benchmark run --suite smoke --out {folder}")
        return [take(record) for record in ledger]

    first = plays(out)
    elsewhere = other_out is not None and other_out.expanduser().resolve() != out.expanduser().resolve()
    found = compared(first, plays(other_out) if other_out and elsewhere else first, (one, other), by)
    print(_as_json(found) if format_ == "json" else _as_text(found))  # noqa: T201 - the result
    failing = {"lower": ("lower",), "higher": ("higher",), "different": ("lower", "higher")}
    if fail_if and found.verdict == "one seed":
        raise DataMissing("one seed in common: no difference can be proven. Run with --seeds 3 or more.")
    if fail_if and found.verdicts.intersection(failing[fail_if]):
        raise typer.Exit(1)
    if fail_if and found.unpaired:
        raise DataMissing(
            f"{len(found.unpaired)} settings are done on one side only, so nothing is proven of them. "
            "Run both sides to their end, or name the settings that both have."
        )


def _as_text(found: "Comparison") -> str:
    from benchmark.leaderboard import figures  # noqa: PLC0415 - keeps --help quick

    lines = [
        f"{figures.plain(found.selections[1] or 'all')}",
        f"  against {figures.plain(found.selections[0] or 'all')}",
    ]
    lines.append(f"  by {found.measure.replace('_', '-')}, same seeds and test images")
    for pair in found.pairs:
        if len(found.pairs) > 1 or pair.setting:
            lines += ["", figures.plain(pair.setting or "all")]
        shown = [figures.percent(side) for side in (pair.other, pair.one)]
        lines.append(f"  {shown[0]} against {shown[1]}: {_apart(pair.apart, pair.probability, pair.verdict)}")
    if len(found.pairs) > 1:
        overall = _apart(found.apart, found.probability, found.verdict)
        lines += ["", f"over {len(found.pairs)} settings: {overall}"]
        lines.append("p of single settings by Holm's method for that many tests")
    if found.unpaired:
        lines.append(f"left out, done on one side only: {figures.plain('; '.join(found.unpaired[:4]))}")
    return "\n".join(lines)


def _apart(apart: "Estimate", probability: float | None, verdict: str) -> str:
    """`+3.2 points ± 1.1 (p .002, 3 seeds): higher`."""
    from benchmark.leaderboard import figures  # noqa: PLC0415 - keeps --help quick

    half = apart.interval().half
    width = f" ± {100 * half:.1f}" if half is not None else ""
    chance = "" if probability is None else f"p {'< .001' if probability < 0.001 else figures.share(probability)}, "
    seeds = f"{apart.n} seeds" if apart.n > 1 else "1 seed: nothing can be proven"
    return f"{100 * apart.mean:+.1f} points{width} ({chance}{seeds}){'' if apart.n == 1 else f': {verdict}'}"


def _as_json(found: "Comparison") -> str:
    import json  # noqa: PLC0415 - keeps --help quick
    from dataclasses import asdict  # noqa: PLC0415

    document = asdict(found) | {"verdict": found.verdict}
    for told, pair in zip(document["pairs"], found.pairs, strict=True):
        told["verdict"] = pair.verdict
    return json.dumps(document, indent=2, allow_nan=False)
