"""Which files make up a Caffe model: from what the user named to one net, one file of weights, mean and labels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from converters.caffe import messages
from converters.caffe.archive import Archives, is_archive
from converters.caffe.inputs import is_data
from converters.caffe.prototxt import read_prototxt
from converters.caffe.upgrade import upgrade
from converters.refusals import ConversionRefused, SourceIncomplete

TEXTS = (".prototxt", ".pbtxt")
_WEIGHTS = (".caffemodel", ".caffemodel.h5", ".caffemodel.hdf5", ".caffemodel.7z")
_PERHAPS_WEIGHTS = (".h5", ".hdf5", ".7z")
_WEIGHTED = frozenset({"Convolution", "Deconvolution", "InnerProduct"})
_FILES_LIMIT = 10_000
_TEXTS_LIMIT = 100
_TEXTS_BYTES_LIMIT = 8 << 20
_SHOWN = 8


@dataclass(frozen=True)
class Text:
    """A prototxt that describes a net: `net` is upgraded, `notes` say what was skipped."""

    path: Path
    net: Any
    notes: tuple[str, ...]

    @cached_property
    def is_training(self) -> bool:
        """Whether it reads data of its own, as nets for training and testing do, and deployed ones do not."""
        return any(is_data(layer) for layer in self.net.layer)

    @cached_property
    def weighted(self) -> frozenset[str]:
        """The names of its layers with weights."""
        return frozenset(layer.name for layer in self.net.layer if layer.type in _WEIGHTED)


@dataclass(frozen=True)
class Beside:
    """The files that lie together; `named` is the one that the user named, if not the folder or an archive."""

    place: str
    files: tuple[Path, ...]
    named: Path | None = None


def read_text(path: Path) -> Text:
    """A prototxt as a net in the new format; one without layers has none. Raises SourceDamaged, UnsupportedLayer."""
    net = messages.NetParameter()
    unknown = read_prototxt(path, net)
    notes = [f"{path.name}: {field} is unknown and was skipped" for field in unknown]
    return Text(path, net, (*notes, *(f"{path.name}: {note}" for note in upgrade(net, path.name))))


def gather(path: Path, archives: Archives) -> Beside:
    """The files that lie with what the user named; an archive is unpacked."""
    if path.is_dir():
        return Beside(path.name, _listed(path))
    if not is_archive(path):
        return Beside(path.name, _listed(path.parent), path)
    files = archives.unpack(path)
    if not any(file.suffix.lower() in TEXTS for file in files):
        files += tuple(file for file in _listed(path.parent) if not file.name.lower().endswith(_PERHAPS_WEIGHTS))
    return Beside(path.name, files)


def _listed(folder: Path) -> tuple[Path, ...]:
    """The regular files of a folder, by name."""
    files = []
    for count, path in enumerate(folder.iterdir()):
        if count >= _FILES_LIMIT:
            raise SourceIncomplete(f"{folder.name}: holds more than {_FILES_LIMIT} files; pass the prototxt itself.")
        if path.is_file():
            files.append(path)
    return tuple(sorted(files))


def weights_file(beside: Beside, wish: Path | None, archives: Archives) -> Path | None:
    """The one file of weights: the user's, or the only one there; None if there is none. Raises SourceIncomplete."""
    if wish is None and beside.named is not None and beside.named.suffix.lower() not in TEXTS:
        return beside.named
    if wish is None:
        found, place = _candidates(beside.files), beside.place
    else:
        found, place = (_candidates(_listed(wish)) if wish.is_dir() else [wish]), wish.name
    if len(found) == 1 and is_archive(found[0]):
        found = _candidates(archives.unpack(found[0]))
    if len(found) > 1:
        raise SourceIncomplete(f"{place}: holds several files of weights ({_named(found)}); pass one with --weights.")
    if wish is not None and not found:
        raise SourceIncomplete(f"{place}: holds no caffemodel; pass the file of weights itself with --weights.")
    return found[0] if found else None


def _candidates(files: Iterable[Path]) -> list[Path]:
    """The files that hold weights by their names; one that is there packed and unpacked counts once."""
    every = list(files)
    names = {file.name.lower() for file in every}
    for suffixes in (_WEIGHTS, _PERHAPS_WEIGHTS):
        found = [file for file in every if file.name.lower().endswith(suffixes)]
        found = [file for file in found if file.name.lower().removesuffix(".7z") not in names - {file.name.lower()}]
        if found:
            return found
    return []


def texts_of(beside: Beside) -> tuple[list[Text], list[str]]:
    """The nets among the prototxts that lie there, and notes on prototxts that could not be read or are too many."""
    paths = [file for file in beside.files if file.suffix.lower() in TEXTS and file != beside.named]
    texts: list[Text] = []
    notes: list[str] = []
    room = _TEXTS_BYTES_LIMIT
    for path in paths[:_TEXTS_LIMIT]:
        room -= path.stat().st_size
        if room < 0:
            break
        try:
            text = read_text(path)
        except ConversionRefused as refusal:
            notes.append(f"left aside: {refusal}")
            continue
        if text.net.layer:
            texts.append(text)
    if room < 0 or len(paths) > _TEXTS_LIMIT:
        notes.append(f"{beside.place}: holds more prototxts than are looked at; name the one to convert")
    return texts, notes


def choose_net(texts: Sequence[Text], place: str) -> Text | None:
    """The net to convert among several: a deployed one before one for training. Raises SourceIncomplete."""
    for training in (False, True):
        found = [text for text in texts if text.is_training == training]
        if len(found) > 1:
            names = _named(text.path for text in found)
            raise SourceIncomplete(f"{place}: holds several nets ({names}); pass the prototxt of one with --weights.")
        if found:
            return found[0]
    return None


def _named(paths: Iterable[Path]) -> str:
    names = [path.name for path in paths]
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
