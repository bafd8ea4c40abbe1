"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    list[Path] | None,
    typer.Option("--data", help="Folder with real data (repeatable; also BENCHMARK_DATA).", metavar="DIR"),
]
Oracles = Annotated[
    list[Path] | None,
    typer.Option("--oracles", help="Folder of ONNX files to scan besides the zoo (repeatable).", metavar="DIR"),
]
Out = Annotated[
    Path, typer.Option("--out", help="Folder of records and answers.", metavar="DIR", envvar="BENCHMARK_OUT")
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.", envvar="BENCHMARK_DEVICE")]
