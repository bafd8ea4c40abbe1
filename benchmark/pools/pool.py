"""The model of a pool's TOML file, and the opening of pools."""

import os
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from benchmark.images.finding import find
from benchmark.images.opening import View, open_first
from benchmark.images.shards import shards
from benchmark.images.sources import (
    BuiltinSource,
    Colour,
    FolderSource,
    ListSource,
    NpzSource,
    Source,
    TarSource,
    Text,
    without_drawn,
)
from benchmark.images.stack import Stack
from benchmark.places import Places
from benchmark.refusals import DataMissing, Mismatch, UnknownName
from benchmark.strict_toml import read_toml

FOLDER = Path(__file__).resolve().parent
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_LISTS = (".txt", ".lst", ".list", ".bz2")


class PoolFile(BaseModel):
    """A named pool: where its images come from, tried in order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Text
    version: int = Field(default=1, ge=1)
    about: Text
    sources: tuple[Source, ...] = Field(min_length=1)
    obtain: str = ""  # from whom the images are to be had, and where to put them


def names() -> list[str]:
    """The pools that come with the benchmark."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_pool(name_or_path: str | Path) -> PoolFile:
    """A pool by its name or its TOML file, or the images of a folder, list, tar (or pattern of tars) or npz.

    Raises UnknownName, BadToml, and Mismatch for a file of another kind.
    """
    text = os.fspath(name_or_path)
    if text in names():
        return read_toml(FOLDER / f"{text}.toml", PoolFile, name=text)
    path = Path(text).expanduser()
    if path.suffix == ".toml":
        return read_toml(path, PoolFile, name=path.stem)
    if not path.exists() and not shards(str(path)):
        if os.sep in text or path.suffix:
            raise DataMissing(f"pool {text}: no such file or folder. Check the path.")
        raise UnknownName("pool", text, names())
    stem = path.name.partition(".")[0] or path.name
    return PoolFile(name=stem, about=f"The images of {path.name}.", sources=(_source(path),))


def open_pool(
    name_or_path: str | Path,
    *,
    size: tuple[int, int],
    colour: Colour,
    places: Places,
    say: Callable[[str], None],
    drawn: bool = True,
) -> Stack:
    """The pool's images in their order, unlabelled (labels -1), decoded to `size` (height, width).

    With `drawn` False, drawn images do not stand in for those of a pool that is missing.
    Raises as `load_pool`, DataMissing when none of its sources is on this machine, EmptyPool when no image is usable.
    """
    pool = load_pool(name_or_path)
    sources = pool.sources if drawn else without_drawn(pool.sources)
    stack = open_first(sources, View(size, colour, None), places, say)
    if stack is None:
        tried = "; ".join(source.text for source in sources)
        raise DataMissing(
            f"pool {pool.name}: not found (tried {tried}). {pool.obtain or 'Name a data folder with --data.'}"
        )
    return stack


def expected_count(name_or_path: str | Path, places: Places, *, drawn: bool = True) -> int:
    """How many images the pool has on this machine before any is decoded or drawn; 0 where it is missing.

    Raises as `load_pool`.
    """
    pool = load_pool(name_or_path)
    for source in pool.sources if drawn else without_drawn(pool.sources):
        if isinstance(source, BuiltinSource):
            return source.count
        found = find(source, places)
        if found is not None:
            return len(found.listing(None).labels_N)
    return 0


def _source(path: Path) -> Source:
    whole = str(path.absolute())
    if path.is_dir():
        return FolderSource(path=whole)
    if path.name.lower().endswith(_TARS):
        return TarSource(path=whole)
    if path.suffix.lower() == ".npz":
        return NpzSource(path=whole)
    if path.suffix.lower() in _LISTS:
        return ListSource(path=whole)
    raise Mismatch(
        f"pool {path.name}: not a folder, a list ({' '.join(_LISTS)}), a tar or an npz. Unpack it and name the folder."
    )
