"""The model of a problem's TOML file, and the opening of its roles."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from benchmark.cell import digest_of
from benchmark.images.opening import View, open_first
from benchmark.images.sources import BuiltinSource, Colour, Source, Text, without_drawn
from benchmark.images.stack import Stack
from benchmark.places import Places
from benchmark.refusals import DataMissing, UnknownName
from benchmark.strict_toml import read_toml

Role = Literal["odd", "tdd", "pdd"]
ROLES: tuple[Role, ...] = get_args(Role)
FOLDER = Path(__file__).resolve().parent
Side = Annotated[int, Field(ge=4, le=1024)]


def _square(value: object) -> object:
    return (value, value) if isinstance(value, int) else value


class Problem(BaseModel):
    """Classes in index order, image size, colour, and the sources of each role."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text
    version: int = Field(default=1, ge=1)
    about: Text
    classes: tuple[Text, ...] = Field(min_length=2)
    size: Annotated[tuple[Side, Side], BeforeValidator(_square)]  # height, width
    colour: Colour = "rgb"
    mirror: bool = False  # whether a mirrored image is of the same class; the attacker knows that too
    odd: tuple[Source, ...] = ()
    tdd: tuple[Source, ...] = ()
    pdd: tuple[Source, ...] = ()
    obtain: str = ""  # from whom the real images are to be had, and where to put them
    terms: str = ""  # under which terms, as their owners publish them

    @field_validator("classes")
    @classmethod
    def _distinct(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in classes if classes.count(name) > 1})
        if twice:
            raise ValueError(f"class {twice[0]!r} is named twice")
        return classes

    @model_validator(mode="after")
    def _told(self) -> Self:
        mute = next((source for source in (*self.odd, *self.tdd) if not source.labelled), None)
        if mute is not None:
            raise ValueError(f"{mute.text}: labelled = false is for a PDD; training and test sets need their classes")
        return self

    @property
    def advice(self) -> str:
        """How to get the real images, and under which terms."""
        return f"{self.obtain} Terms: {self.terms}." if self.terms else self.obtain

    def drawn(self) -> "Problem":
        """The problem with nothing but its drawn images, whatever lies on this machine."""
        return self.model_copy(update={role: _builtin(self.sources(role)) for role in ROLES})

    @property
    def digest(self) -> str:
        """sha-256 of what decides results besides the images themselves."""
        said = self.model_dump(mode="json", include={"name", "version", "classes", "size", "colour", "mirror"})
        return digest_of(said)

    def adapted(self, size: Side | None = None, *, drawn: bool = True) -> "Problem":
        """The problem with images of another size (square, in pixels), and without the drawn ones."""
        changes: dict[str, object] = {"size": (size, size)} if size else {}
        if not drawn:
            changes |= {role: without_drawn(self.sources(role)) for role in ROLES}
        return self.model_copy(update=changes)

    def sources(self, role: Role) -> tuple[Source, ...]:
        """The sources of a role, in the order in which they are tried."""
        return {"odd": self.odd, "tdd": self.tdd, "pdd": self.pdd}[role]


def _builtin(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    return tuple(source for source in sources if isinstance(source, BuiltinSource))


def names() -> list[str]:
    """The problems that come with the benchmark."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_problem(name_or_path: str | Path) -> Problem:
    """The problem of that name, or of that TOML file.

    Raises UnknownName for an unknown name, BadToml for a file that is not a problem.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = FOLDER / f"{name_or_path}.toml"
        if str(name_or_path) not in names():
            raise UnknownName("problem", str(name_or_path), names())
    return read_toml(path, Problem, name=path.stem)


def open_role(problem: Problem, role: Role, places: Places, say: Callable[[str], None]) -> Stack:
    """The labelled images of one role, from the first of its sources that is on this machine.

    Raises DataMissing when there is none (the sentence says how to get it), EmptyPool when no image of it is usable,
    EnvironmentRefused when the cache cannot be written.
    """
    sources = problem.sources(role)
    if not sources:
        raise DataMissing(
            f"problem {problem.name}: no source for its {role.upper()}. Add [[{role}]] to the problem's file."
        )
    stack = open_first(sources, View(problem.size, problem.colour, problem.classes), places, say)
    if stack is None:
        tried = "; ".join(source.text for source in sources)
        raise DataMissing(f"problem {problem.name}: no {role.upper()} found (tried {tried}). {problem.advice}".rstrip())
    return stack
