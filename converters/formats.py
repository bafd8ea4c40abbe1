"""What the table of frameworks is made of: rows, and how a source is recognised by its name and first bytes."""

import importlib
import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass

from converters.conversion import Converter, Source, Wishes
from converters.refusals import FrameworkMissing, OptionUnheard

_HEAD = 64
APART = {"tensorflow": ("constraints.txt", "tests/converters/frameworks-constraints.txt")}
"""Extras that want an environment of their own, and the files that pin what was tested together there."""

OWN_CODE = re.compile(r"^[\w./\\-]+:[A-Za-z_]\w*$")
NAMED = re.compile(r"^(timm|torchvision):[\w.\-]+$")


# wishes that only some converters can hear; all others are checked where the oracle is sealed
OPTIONS = {
    "weights": "--weights",
    "output": "--output",
    "inputs": "--inputs",
    "outputs": "--outputs",
    "allow_code": "--allow-code",
}


@dataclass(frozen=True)
class Format:
    """One kind of source: `about` in a few words, how it is recognised, and a command line that converts one.

    `honours`: those of OPTIONS that mean something to its converter; one that names none honours all.
    """

    about: str
    recognises: Callable[[Source], bool]
    example: str
    honours: tuple[str, ...] = tuple(OPTIONS)


@dataclass(frozen=True)
class Framework:
    """A row of the table: `needs` are modules that must be importable, `extra` what installs them."""

    name: str
    module: str
    formats: tuple[Format, ...]
    needs: tuple[str, ...] = ()
    extra: str = ""

    def refuse_unheard(self, source: Source, wishes: Wishes) -> None:
        """Raise OptionUnheard for a wish that the converter of this source would leave alone."""
        form = next((form for form in self.formats if form.recognises(source)), None)
        if form is None:
            return
        for wish, option in OPTIONS.items():
            if getattr(wishes, wish) and wish not in form.honours:
                heard = ", ".join(OPTIONS[name] for name in form.honours) or "none"
                raise OptionUnheard(
                    f"{option} means nothing to {self.name} ({form.about}; of such options it hears {heard});"
                    " leave it out"
                )

    def missing(self) -> tuple[str, ...]:
        """The modules that are not installed here; nothing is imported to find out."""
        return tuple(module for module in self.needs if importlib.util.find_spec(module) is None)

    def converter(self) -> Converter:
        """The converter's function; raises FrameworkMissing with what to install."""
        if missing := self.missing():
            raise FrameworkMissing(f"{self.name}: not installed here: {', '.join(missing)}; {self.install()}")
        converter: Converter = importlib.import_module(self.module).convert
        return converter

    def install(self) -> str:
        """The command that installs what it needs; "" for what comes with the benchmark."""
        return install(self.extra) if self.extra else ""


def install(extra: str) -> str:
    """The command that installs an extra, and where: what is heavy and pinned wants an environment of its own."""
    command = f'pip install "copycat-benchmark[{extra}]"'
    files = " ".join(f"-c {file}" for file in APART.get(extra, ()))
    return f"in an environment of its own: {command} {files} (docs/converters.md)" if files else command


def ends(*suffixes: str) -> Callable[[Source], bool]:
    """Whether the source is a file whose name ends so."""

    def recognises(source: Source) -> bool:
        path = source.path
        return path is not None and path.is_file() and path.name.lower().endswith(suffixes)

    return recognises


def holds(*patterns: str) -> Callable[[Source], bool]:
    """Whether the source is a folder with such a file in it."""

    def recognises(source: Source) -> bool:
        path = source.path
        return path is not None and path.is_dir() and any(any(path.glob(pattern)) for pattern in patterns)

    return recognises


def begins(head: bytes, suffixes: tuple[str, ...], at: int = 0) -> Callable[[Source], bool]:
    """Whether the source is a file with one of these suffixes and such bytes at its beginning."""
    named = ends(*suffixes)
    return lambda source: named(source) and _head(source)[at : at + len(head)] == head


def _head(source: Source) -> bytes:
    if source.path is None:
        return b""
    try:
        with source.path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def matches(pattern: re.Pattern[str]) -> Callable[[Source], bool]:
    """Whether the source is no file but a text of this form."""
    return lambda source: source.path is None and bool(pattern.match(source.text))


def caffe_hdf5(source: Source) -> bool:
    """Weights of a Caffe net in HDF5, by the name that Caffe gives them."""
    return ends(".caffemodel.h5", ".caffemodel.hdf5")(source)


def keras_hdf5(source: Source) -> bool:
    """Any other HDF5 file."""
    return ends(".h5", ".hdf5")(source) and not caffe_hdf5(source)
