"""What of a problem's data is on this machine, and the fetching of what torchvision can fetch."""

from collections.abc import Callable
from typing import NamedTuple

from benchmark.images.cache import kept_manifest
from benchmark.images.classes import gaps
from benchmark.images.finding import downloads, find
from benchmark.images.folders import FolderFound
from benchmark.images.listing import Found
from benchmark.images.lists import ListFound
from benchmark.images.opening import View, kept_folder
from benchmark.images.sources import BuiltinSource, Source, TorchvisionSource
from benchmark.images.stack import Manifest
from benchmark.images.torchvision_sets import construct
from benchmark.places import Places
from benchmark.problems.problem import ROLES, Problem, Role
from benchmark.refusals import EnvironmentRefused, Refused


class Row(NamedTuple):
    """One role of a problem on this machine."""

    role: Role
    source: str | None  # the source that would be opened; None: none is here
    stand_in: bool
    counts: tuple[tuple[str, int], ...] | None  # images per class, when they have been decoded before
    advice: str  # how to get the real images; "" when they are here
    fault: str = ""  # why a source that is here cannot be used
    warnings: tuple[str, ...] = ()  # classes without an image, folders that are no class


def status(problem: Problem, places: Places) -> list[Row]:
    """One row per role; looks for files and decodes nothing."""
    return [_row(problem, role, places) for role in ROLES]


def download(problem: Problem, places: Places, say: Callable[[str], None]) -> list[str]:
    """Fetches, for each role without real images here, the first of its sources that torchvision can fetch.

    Returns the texts of what was fetched. Raises EnvironmentRefused when a download fails.
    """
    fetched: list[str] = []
    for row in status(problem, places):
        wanted = next((source for source in problem.sources(row.role) if isinstance(source, TorchvisionSource)), None)
        if wanted is None or (row.source is not None and not row.stand_in):
            continue
        say(f"{wanted.text}: fetching")
        try:
            folder = downloads(places) / wanted.root
            folder.mkdir(parents=True, exist_ok=True)
            construct(wanted, folder, download=True)
        except Refused:
            raise
        except Exception as error:  # noqa: BLE001 - torchvision and the network raise what they like
            raise EnvironmentRefused(f"{wanted.text}: cannot be fetched ({error}). {problem.advice}".rstrip()) from None
        fetched.append(wanted.text)
    return fetched


def _row(problem: Problem, role: Role, places: Places) -> Row:
    for source in problem.sources(role):
        view = View(problem.size, problem.colour, problem.classes).of(source)
        try:
            found = None if isinstance(source, BuiltinSource) else find(source, places)
            if found is None and not isinstance(source, BuiltinSource):
                continue
            manifest = kept_manifest(kept_folder(source, found, view.of(source), places))
            warnings = manifest.warnings if manifest else _gaps(source, found, view.of(source).classes)
        except Refused as refusal:
            return Row(role, source.text, source.stand_in, None, problem.advice, str(refusal))
        counts = None if manifest is None else _counts(problem, manifest)
        return Row(role, source.text, source.stand_in, counts, _advice(problem, source), warnings=warnings)
    tried = ", ".join(source.text for source in problem.sources(role))
    absent = (
        f"{role.upper()} not found ({tried}): name its folder with --data." if tried else f"No {role.upper()} is named."
    )
    return Row(role, None, False, None, problem.advice or absent)


def _counts(problem: Problem, manifest: Manifest) -> tuple[tuple[str, int], ...]:
    if not manifest.counts_per_class:
        return (("without labels", manifest.count),)
    return tuple(zip(problem.classes, manifest.counts_per_class, strict=True))


def _gaps(source: Source, found: Found | None, classes: tuple[str, ...] | None) -> tuple[str, ...]:
    """What names of files tell before anything is decoded; others would have to be read. Raises Mismatch."""
    if isinstance(found, ListFound) and found.absent:
        first = found.absent[0]
        return (f"{source.text}: {len(found.absent):,} of its files are not there, the first: {first.name}",)
    if classes is None or not isinstance(found, FolderFound):
        return ()
    listing = found.listing(classes)
    return gaps(source.text, listing.labels_N, listing.strays, classes)


def _advice(problem: Problem, source: Source) -> str:
    return problem.advice if source.stand_in else ""
