"""`train-target` and `zoo`: make an oracle from a problem's own training set."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import options
from benchmark.places import find_places

zoo = typer.Typer(no_args_is_help=True, help="The targets that come with the benchmark.")


def train_target(
    problem: Annotated[str, typer.Argument(help="The problem whose ODD trains the target.")],
    arch: Annotated[str, typer.Option("--arch", help="An architecture: ours or any timm name.")],
    out: Annotated[Path, typer.Option("--out", help="The oracle file to write.", metavar="FILE.onnx")],
    recipe: Annotated[str, typer.Option("--recipe", help="A recipe's name or TOML file.")] = "target",
    seed: Annotated[int, typer.Option("--seed")] = 0,
    price_per_1000: Annotated[float, typer.Option("--price-per-1000", help="What 1000 answers cost.")] = 0.0,
    requests_per_minute: Annotated[float | None, typer.Option("--requests-per-minute", help="Its rate limit.")] = None,
    licence: Annotated[str | None, typer.Option("--licence", help="Its licence, for the card.", metavar="TEXT")] = None,
    data: options.Data = None,
) -> None:
    """Train a target on ODD (never on TDD) and write it as an oracle file, its TDD scores on the card."""
    from benchmark.target import Target  # noqa: PLC0415 - keeps --help quick

    _make(
        Target(
            problem=problem,
            arch=arch,
            recipe=recipe,
            seed=seed,
            price_per_1000=price_per_1000,
            requests_per_minute=requests_per_minute,
            licence=licence,
        ),
        out,
        data,
    )


@zoo.command("remake")
def remake(
    name: Annotated[list[str] | None, typer.Argument(help="Oracles to remake (default: all).")] = None,
) -> None:
    """Train the shipped targets again, on drawn images only, with the fixed seeds of oracles/zoo/zoo.toml."""
    from benchmark.places import ZOO  # noqa: PLC0415 - keeps --help quick
    from benchmark.refusals import UnknownName  # noqa: PLC0415
    from benchmark.target import zoo_targets  # noqa: PLC0415

    targets = zoo_targets()
    for wanted in name or targets:
        if wanted not in targets:
            raise UnknownName("zoo oracle", wanted, targets)
        _make(targets[wanted], ZOO / f"{wanted}.onnx", (), drawn=True)


def _make(target: object, out: Path, data: Sequence[Path] | None, *, drawn: bool = False) -> None:
    import torch  # noqa: PLC0415 - keeps --help quick

    from benchmark.cli.screen import say  # noqa: PLC0415
    from benchmark.target import Target, train_target  # noqa: PLC0415

    assert isinstance(target, Target)  # noqa: S101 - for the type checker
    torch.set_num_threads(1)  # another number of threads adds up in another order and gives another file
    trained = train_target(target, out, find_places(data or ()), say, drawn=drawn)
    for measured in trained.card.measured:
        print(  # noqa: T201 - the result
            f"{out.name}: macro-F1 {measured.macro_f1:.3f}, accuracy {measured.accuracy:.3f} "
            f"on {measured.images:,} images of {measured.problem} ({out.stat().st_size / 2**20:.2f} MiB)"
        )
