"""What an attack raised, said so that its author finds the place: type, message, file and line of their own code."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from types import FrameType, TracebackType

from benchmark.wire import LineClosed

_OURS = {"__main__", "benchmark", "copycats", "importlib"}  # the thief is __main__ in its process
_ATTACKS = "copycats.attacks."


class AttackFailed(Exception):
    """What an attack raised in its own process, by name and sentence."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind_of_failure = name


@contextmanager
def blamed(attack: str) -> Iterator[None]:
    """Turns whatever the attack inside raises into AttackFailed; a line that was hung up passes."""
    try:
        yield
    except LineClosed:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, its author is to be told
        kind, place = type(error).__name__, place_of(error)
        where = f" at {place}" if place else ""
        raise AttackFailed(kind, f"attack {attack}: {kind}{where}: {error}") from None


def place_of(error: BaseException) -> str:
    """`file.py:12`, the innermost line of the attack's own code; empty where none of its lines was reached.

    Its own code is that of the package whose function was called first: not NumPy below it, not this benchmark around
    it. Folders are left out: they are this machine's.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{PurePath(error.filename).name}:{error.lineno}"
    frames = list(_frames(error.__traceback__))
    owner = next((name for name in (_owner(frame) for frame, _ in frames) if name), None)
    own = [(frame, line) for frame, line in frames if owner and _owner(frame) == owner]
    return f"{PurePath(own[-1][0].f_code.co_filename).name}:{own[-1][1]}" if own else ""


def _frames(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while trace is not None:
        yield trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next


def _owner(frame: FrameType) -> str | None:
    """The package that a frame's code is of; None for this benchmark and for the machinery of imports."""
    module = str(frame.f_globals.get("__name__", ""))
    if module.startswith(_ATTACKS):
        return _ATTACKS
    package = module.partition(".")[0]
    return None if package in _OURS or frame.f_code.co_filename.startswith("<frozen") else package
