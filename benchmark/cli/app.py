"""The table of verbs, and the one place where a refusal becomes a sentence and an exit code."""

import difflib
import signal
import sys
from types import FrameType
from typing import Any

import typer

from benchmark.cli import (
    compare_verb,
    convert_verb,
    data_verbs,
    doctor_verb,
    export_verb,
    oracle_verbs,
    record_verb,
    report_verb,
    run_verbs,
    target_verbs,
)

_INTERRUPTED = 130
_CONTINUES = " The same command continues where this one ended."
_KEPT = "What was computed so far is kept. "

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="How much of an image classifier can be stolen through its labels? Oracles are ONNX files, attacks buy labels "
    "within a budget, copycats learn from them, leaderboards compare them with their targets.",
)
app.command("run")(run_verbs.run)
app.command("leaderboard")(run_verbs.leaderboard)
app.command("compare")(compare_verb.compare)
app.command("record")(record_verb.record)
app.command("report")(report_verb.report)
app.command("run-cell", hidden=True)(run_verbs.run_cell)
app.command("export-transfer-set")(export_verb.export_transfer_set)
app.command("convert")(convert_verb.convert)
app.command("train-target")(target_verbs.train_target)
app.command("doctor")(doctor_verb.doctor)
app.add_typer(oracle_verbs.app, name="oracles")
app.add_typer(data_verbs.app, name="data")
app.add_typer(target_verbs.zoo, name="zoo")


def run_command_line(arguments: list[str] | None = None) -> int:
    """Run one verb. Exit codes: 0 done, 1 some cells failed, 2 usage, 3 bad input, 4 environment, 130/143 stopped."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        result = app(arguments, standalone_mode=False)  # the exit code that a verb left with; 130 after Ctrl-C
    except (KeyboardInterrupt, typer.Abort):
        return _stopped()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    except Exception as error:
        sentence, code = _refusal(error)
        if code is None:
            raise
        _say(sentence)
        return code
    return _stopped() if result == _INTERRUPTED else int(result or 0)


def _refusal(error: Exception) -> tuple[str, int | None]:
    """The sentence and exit code of a refusal of any package; code None for what is a fault of this program."""
    code = getattr(error, "exit_code", None)
    if isinstance(code, int):
        return _misuse(error) or str(error), code
    if isinstance(error, OSError) and error.errno is not None:
        place = f"{error.filename}: " if error.filename else ""
        return (
            f"{place}{error.strerror}. {_KEPT if _keeps() else ''}Mend this and run the same command again.",
            4,
        )
    return "", None


def _misuse(error: Exception) -> str:
    """The sentence of a command line that cannot be understood; empty for any other refusal.

    Known by what it has, not by its class: some versions of Typer carry a Click of their own.
    """
    context, said = getattr(error, "ctx", None), getattr(error, "format_message", None)
    if context is None or said is None:
        return ""
    verb, option = context.command_path, getattr(error, "option_name", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        return str(said())
    if type(error).__name__ != "NoSuchOption":
        sentence = str(said()).rstrip(".")
        return f"{sentence}{'' if sentence.endswith('?') else '.'} See: {verb} --help"
    known = [name for parameter in context.command.params for name in parameter.opts]
    near = difflib.get_close_matches(str(option), known, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return f"unknown option {option!r}. {hint}See: {verb} --help"


def _keeps() -> bool:
    """Whether the verb keeps what it has done so far."""
    return len(sys.argv) > 1 and sys.argv[1] in ("run", "run-cell")


def _stopped() -> int:
    _say(f"stopped.{_CONTINUES if _keeps() else ''}")
    return _INTERRUPTED


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)  # noqa: T201 - the screen's last word


def _terminate(number: int, frame: FrameType | None) -> Any:
    del frame
    _say(f"stopped by a signal.{_CONTINUES if _keeps() else ''}")
    raise SystemExit(128 + number)
