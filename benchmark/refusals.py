"""What the benchmark refuses.

Refused                  exit code 3: the input cannot be used
├── UnknownName          exit code 2: no such problem, suite, oracle, ... (the nearest one is named)
├── BadToml              exit code 3: a TOML file with an unknown key, a missing key or a wrong value
├── DataMissing          exit code 3: no source of a role or pool was found
├── EmptyPool            exit code 3: a pool or role without a usable image
├── PoolTooSmall         exit code 3: fewer images than the budget asks for
├── Mismatch             exit code 3: oracle and problem do not fit each other
├── RecordDamaged        exit code 3: a record that cannot be read
└── EnvironmentRefused   exit code 4: disk full, folder read-only, no device
"""

import difflib
from collections.abc import Iterable


class Refused(Exception):
    """An input, name or environment that the benchmark cannot work with; the message is one sentence."""

    exit_code = 3


class UnknownName(Refused):
    """A name that no file or table knows; says the nearest one and all that are known."""

    exit_code = 2

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        choices = sorted(known)
        near = difflib.get_close_matches(name, choices, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        super().__init__(f"unknown {kind} {name!r}. {hint}Known: {', '.join(choices) or 'none'}.")


class BadToml(Refused):
    """A TOML file that says something unknown, nothing, or the wrong thing."""


class DataMissing(Refused):
    """No source of a role or pool was found on this machine."""


class EmptyPool(Refused):
    """A pool or role in which no image is usable."""


class PoolTooSmall(Refused):
    """A pool with fewer images than the budget wants to ask."""


class Mismatch(Refused):
    """An oracle and a problem that do not fit each other."""


class RecordDamaged(Refused):
    """A record file that cannot be read as a record."""


class EnvironmentRefused(Refused):
    """The machine does not allow it: disk full, folder read-only, no such device."""

    exit_code = 4
