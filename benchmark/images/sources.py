"""Sources: what a TOML may say about where images come from, one model per kind.

Paths are relative to any data folder (`--data`), or absolute. What a source says of an image's class (a folder's name,
a label of a list, a number in an array) is turned into a class of the problem by `classes.py`.
"""

from collections.abc import Iterable
from pathlib import PurePath
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from benchmark import reference

Text = Annotated[str, Field(min_length=1)]
Colour = Literal["rgb", "grey"]


class _Source(BaseModel):
    """What every kind of source may say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int | None = Field(default=None, ge=1)  # so many images at most, classes balanced, picked with `seed`
    seed: int = Field(default=0, ge=0)
    stand_in: bool = False  # True when these images only stand in for those of a published number
    labelled: bool = True  # False when the classes of these images are not told; they serve as a PDD to be asked only
    paper: tuple[str, ...] = ()  # names of benchmark/reference whose very images these are, all of them; else none

    @field_validator("paper")
    @classmethod
    def _published(cls, paper: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(paper) - set(reference.names()))
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no published source; known are {', '.join(reference.names())}")
        return paper

    @model_validator(mode="after")
    def _own(self) -> Self:
        if self.paper and (self.stand_in or self.limit is not None):
            why = "a stand-in" if self.stand_in else "picked by a limit"
            raise ValueError(
                f"paper says that these are a paper's own images, but they are {why}; leave one of them out"
            )
        return self

    @property
    def _picked(self) -> str:
        return "" if self.limit is None else f", at most {self.limit} images, picked with seed {self.seed}"


class _Classed(_Source):
    """A source that says of each image which class it is of."""

    classes: dict[str, str] = {}  # what the source says -> class of the problem; what is not named here is left out

    @property
    def _mapped(self) -> str:
        return (
            "" if not self.classes else ", classes " + " ".join(f"{said}>{name}" for said, name in self.classes.items())
        )


class FolderSource(_Classed):
    """A folder with one folder per class (nested as deep as you like), or, for a pool, any folder of images."""

    kind: Literal["folder"] = "folder"
    path: Text

    @property
    def text(self) -> str:
        """One line that says where the images come from, without folders of this machine."""
        return f"folder {_shown(self.path)}{self._mapped}{self._picked}"


class ListSource(_Classed):
    """A text file of lines `path label` or `path`, plain or .bz2; the label is what follows the last blank.

    Paths are looked for below `root`, below the list's own folder and below the data folders. A path that begins with
    a folder of `strip` (another machine's, say) is looked for without it. With `labelled = false` what the lines say of
    classes is not read: stolen labels, say, are no original labels.
    """

    kind: Literal["list"] = "list"
    path: Text
    root: str = ""
    strip: tuple[Text, ...] = ()

    @property
    def text(self) -> str:
        """One line that says where the images come from, without folders of this machine."""
        return f"list {_shown(self.path)}{self._mapped}{self._picked}"


class TarSource(_Classed):
    """Tar shards (`path` may hold * ? [..] and {000..009}): NAME.jpg with NAME.cls, or one folder per class inside."""

    kind: Literal["tar"] = "tar"
    path: Text

    @property
    def text(self) -> str:
        """One line that says where the images come from, without folders of this machine."""
        return f"tar {_shown(self.path)}{self._mapped}{self._picked}"


class TorchvisionSource(_Classed):
    """A data set as torchvision keeps it on disk: `root` is below a data folder, `dataset` a class of torchvision."""

    kind: Literal["torchvision"] = "torchvision"
    dataset: Text
    split: Literal["train", "test"]
    root: str = ""

    @property
    def text(self) -> str:
        """One line that says where the images come from, without folders of this machine."""
        return f"torchvision {self.dataset} {self.split}{self._mapped}{self._picked}"


class NpzSource(_Classed):
    """A NumPy archive: `images` uint8 [n,h,w], [n,h,w,1] or [n,h,w,3], and `labels` integer [n]."""

    kind: Literal["npz"] = "npz"
    path: Text
    images: Text = "images"
    labels: Text = "labels"

    @property
    def text(self) -> str:
        """One line that says where the images come from, without folders of this machine."""
        return f"npz {_shown(self.path)} {self.images}{self._mapped}{self._picked}"


class IdxSource(_Classed):
    """MNIST's idx files, plain or .gz: `images` uint8 [n,h,w], `labels` uint8 [n]."""

    kind: Literal["idx"] = "idx"
    images: Text
    labels: Text

    @property
    def text(self) -> str:
        """One line that says where the images come from, without folders of this machine."""
        return f"idx {_shown(self.images)}{self._mapped}{self._picked}"


class BuiltinSource(_Source):
    """Images drawn by one of our renderers (`benchmark/drawn`): `count` images, balanced over the problem's classes."""

    kind: Literal["builtin"] = "builtin"
    renderer: Text
    style: Text
    count: int = Field(ge=1)
    stand_in: bool = True

    @property
    def text(self) -> str:
        """One line that says where the images come from; the renderer's version is added when it is drawn."""
        count = self.count if self.limit is None else min(self.count, self.limit)
        return f"builtin {self.renderer}/{self.style}, {count} images, seed {self.seed}"


Source = Annotated[
    FolderSource | ListSource | TarSource | TorchvisionSource | NpzSource | IdxSource | BuiltinSource,
    Field(discriminator="kind"),
]


def without_drawn(sources: Iterable[Source]) -> tuple[Source, ...]:
    """The sources of images that somebody has, not of those that we draw."""
    return tuple(source for source in sources if not isinstance(source, BuiltinSource))


def _shown(path: str) -> str:
    """A relative path as it is, an absolute one by its name: folders of this machine stay out of records."""
    pure = PurePath(path)
    return pure.name if pure.is_absolute() or path.startswith("~") else pure.as_posix()
