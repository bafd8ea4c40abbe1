"""Looks for a source below the data folders of this machine; nothing is decoded."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from benchmark.images.arrays import idx_found, npz_found
from benchmark.images.folders import FolderFound
from benchmark.images.listing import Found
from benchmark.images.lists import ListFound
from benchmark.images.shards import find_shards
from benchmark.images.sources import (
    BuiltinSource,
    FolderSource,
    IdxSource,
    ListSource,
    NpzSource,
    Source,
    TarSource,
    TorchvisionSource,
)
from benchmark.images.torchvision_sets import either, torchvision_found
from benchmark.places import Places


def data_folders(places: Places) -> tuple[Path, ...]:
    """Where sources are looked for: the data folders, then what `benchmark data get` fetched."""
    return (*places.data, downloads(places))


def downloads(places: Places) -> Path:
    """The folder into which data sets are fetched."""
    return places.cache / "data"


def find(source: Source, places: Places) -> Found | None:
    """The source on this machine, or None. Raises Mismatch when something else is in its place."""
    found: Found | None = None
    match source:
        case FolderSource():
            folder = _first(source.path, places, Path.is_dir)
            found = FolderFound(source, folder) if folder else None
        case ListSource():
            path = _first(source.path, places, Path.is_file)
            listed = ListFound(source, path, _roots(source, path, places)) if path else None
            # a list travels without its images: alone it is no data
            found = listed if listed and listed.holds_files else None
        case TarSource():
            found = find_shards(source, [os.fspath(candidate) for candidate in _candidates(source.path, places)])
        case NpzSource():
            path = _first(source.path, places, Path.is_file)
            found = npz_found(source, path) if path else None
        case IdxSource():
            found = _idx(source, places)
        case TorchvisionSource():
            tries = (torchvision_found(source, folder) for folder in _candidates(source.root, places))
            found = next((one for one in tries if one is not None), None)
        case BuiltinSource():
            pass  # drawn, not found: rendered.py
        case _:
            assert_never(source)
    return found


def _candidates(path: str, places: Places) -> list[Path]:
    """An absolute path alone, a relative one below each data folder."""
    wanted = Path(path).expanduser()
    return [folder / wanted for folder in data_folders(places)] if not wanted.is_absolute() else [wanted]


def _first(path: str, places: Places, fits: Callable[[Path], bool]) -> Path | None:
    return next((candidate for candidate in _candidates(path, places) if fits(candidate)), None)


def _roots(source: ListSource, path: Path, places: Places) -> tuple[Path, ...]:
    beside = [path.parent / source.root, path.parent]
    given = _candidates(source.root, places) if source.root else []
    return tuple(dict.fromkeys([*given, *beside, *data_folders(places)]))


def _idx(source: IdxSource, places: Places) -> Found | None:
    pairs = zip(_candidates(source.images, places), _candidates(source.labels, places), strict=True)
    for images, labels in ((either(first), either(second)) for first, second in pairs):
        if images is not None and labels is not None:
            return idx_found(source, images, labels)
    return None
