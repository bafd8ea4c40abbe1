"""The oracles at hand: `*.onnx` in the scanned folders, each opened once in quarantine and kept as an oracle file."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.places import Places
from benchmark.provenance import digest_file
from benchmark.refusals import BadToml, EnvironmentRefused, Refused, UnknownName
from benchmark.strict_toml import read_toml
from oracles.card import Card, DroppedCard
from oracles.quarantine import Inspection, inspect
from oracles.refusals import OracleRefused

_FORM = "1"  # raise when sealing changes, so that kept files are made anew


@dataclass(frozen=True)
class Shelved:
    """An oracle file ready to be served, with where it came from and what was found and assumed."""

    name: str
    origin: Path
    file: Path
    inspection: Inspection

    @property
    def card(self) -> Card:
        """What is known of the oracle."""
        return self.inspection.card

    @property
    def digest(self) -> str:
        """sha-256 of the oracle file."""
        return self.inspection.sealed_sha256


@dataclass
class Shelf:
    """All oracles of the scanned folders, by name (the file's stem); opened when asked for."""

    places: Places
    say: Callable[[str], None]
    refused: dict[str, str] = field(default_factory=dict)
    _opened: dict[str, Shelved] = field(default_factory=dict)

    def files(self) -> dict[str, Path]:
        """Name -> ONNX file. A name found in two folders belongs to the first one; the second is said."""
        found: dict[str, Path] = {}
        for folder in self.places.oracles:
            if folder.is_file():
                raise Refused(f"{folder}: a file, not a folder of oracles. Name its folder: --oracles {folder.parent}")
            if not folder.is_dir():
                raise Refused(f"{folder}: no such folder of oracles. Create it or leave out --oracles.")
            for path in sorted(folder.glob("*.onnx")):
                if path.stem in found:
                    self.say(f"oracle {path.stem!r}: {path} is hidden by {found[path.stem]}; rename one of them")
                found.setdefault(path.stem, path)
        return found

    def open(self, name: str) -> Shelved:
        """The oracle of that name. Raises UnknownName, or OracleRefused with what is wrong with its file."""
        if name not in self._opened:
            files = self.files()
            if name not in files:
                raise UnknownName("oracle", name, files)
            self._opened[name] = open_file(files[name], self.places)
        return self._opened[name]

    def of_problem(self, problem: str) -> list[Shelved]:
        """Every oracle whose card names the problem; a refused file is said once and left out."""
        return [shelved for shelved in self._all() if shelved.card.problem == problem]

    def problems(self) -> set[str]:
        """The problems that have an oracle."""
        return {shelved.card.problem for shelved in self._all() if shelved.card.problem}

    def _all(self) -> list[Shelved]:
        opened = []
        for name in self.files():
            try:
                opened.append(self.open(name))
            except (OracleRefused, BadToml) as refusal:
                if name not in self.refused:
                    self.say(f"left out: {refusal}")
                self.refused[name] = str(refusal)
        return opened


def open_file(path: Path, places: Places, card: DroppedCard | None = None) -> Shelved:
    """Inspect and seal one ONNX file, or take the sealed copy kept from the last time.

    The card is `card`, else `<name>.toml` beside the file, else nothing. Raises OracleRefused.
    """
    beside = path.with_suffix(".toml")
    if card is None and beside.exists():
        card = read_toml(beside, DroppedCard)
    if card is not None and card.problem is not None and card.problem.endswith(".toml"):  # a file is named by its stem
        card = card.model_copy(update={"problem": Path(card.problem).stem})
    folder = places.cache / "oracles"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentRefused(f"{folder}: cannot be written ({error.strerror}). Set BENCHMARK_CACHE.") from None
    key = _key(path, card)
    sealed, report = folder / f"{key}.onnx", folder / f"{key}.json"
    kept = _kept(sealed, report, path.resolve().parent)
    if kept is None:
        kept = inspect(path, card, out=sealed)
        report.write_text(kept.model_dump_json())
    return Shelved(path.stem, path, sealed, kept)


def as_toml(card: Card) -> str:
    """A card to edit, in the form that lies beside a dropped file; what was only assumed is marked."""
    how = card.preprocessing
    said = {
        "problem": card.problem,
        "classes": card.classes,
        "channels": how.channels,
        "order": how.order if how.channels == 3 else None,
        "size": how.size,
        "range": how.range,
        "scale": how.scale,
        "mean": how.mean,
        "std": how.std,
        "scores_kind": card.scores_kind,
        "framework": card.framework,
        "licence": card.licence,
        "price_per_1000": card.price_per_1000,
        "requests_per_minute": card.requests_per_minute,
    }
    marks = dict.fromkeys(how.assumed, "  # assumed: correct it, and take the first # away")
    lines = [
        f"{'# ' if key in marks else ''}{key} = {json.dumps(value, ensure_ascii=False)}{marks.get(key, '')}"
        for key, value in said.items()
        if value is not None
    ]
    unsaid = [f"# {key} = " for key, value in said.items() if value is None]
    return "\n".join(
        [f"# What is known of {card.name}.onnx; `oracles inspect` shows it as a table.", *lines, *unsaid, ""]
    )


def _kept(sealed: Path, report: Path, folder: Path) -> Inspection | None:
    """The inspection of the last time, if its sealed file, and the weights beside its source, are still the same."""
    try:
        inspection = Inspection.model_validate_json(report.read_text())
        whole = digest_file(sealed) == inspection.sealed_sha256
        foreign = inspection.sha256 != inspection.sealed_sha256  # an oracle file has nothing beside it
        weights = [file for file in inspection.card.files if foreign and file.sha256 != inspection.sha256]
        whole = whole and all(digest_file(folder / file.name) == file.sha256 for file in weights)
    except (OSError, ValueError):
        return None
    return inspection if whole else None


def _key(path: Path, card: DroppedCard | None) -> str:
    """Digest of everything that sealing depends on."""
    parts = [_FORM, path.stem, _sha256(path), card.model_dump_json() if card else ""]
    if card and card.mean_image:
        parts.append(_sha256(path.parent / card.mean_image))
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _sha256(path: Path) -> str:
    """sha-256 of a file; of nothing when it cannot be read, so that the inspection says what is wrong with it."""
    return digest_file(path) if path.is_file() else ""
