"""What was run on what: outcomes, versions and machines, time per stage, oracles, sources of the images."""

from collections import Counter
from collections.abc import Iterable, Sequence

from benchmark.leaderboard import figures
from benchmark.provenance import Provenance
from benchmark.records import Record
from benchmark.report.curves import Numbers

DIGITS = 12


def outcomes(records: Sequence[Record], planned: int | None) -> str:
    """`138 done, 2 failed, 4 data missing, 3 not run`."""
    counted = Counter(record.status for record in records)
    parts = [
        f"{counted[status]:,} {status}" for status in ("done", "failed", "crashed", "data missing") if counted[status]
    ]
    left = (planned or 0) - len(records)
    return ", ".join([*parts, *([f"{left:,} not run"] if left > 0 else [])]) or "none"


def made_on(records: Sequence[Record]) -> str:
    """Device, machine and commit of most records, and how many other places there are; empty without a record."""
    places = Counter(_where(record.provenance) for record in records).most_common()
    if not places:
        return ""
    device, machine, _, code, _ = places[0][0]
    others = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return f"{device}, {machine}, {code}{others}"


def machines(records: Iterable[Record]) -> Numbers:
    """Where the records were made, the most frequent place first."""
    counted = Counter(_where(record.provenance) for record in records)
    rows = ((f"{count:,}", *where) for where, count in counted.most_common())
    return Numbers(("records", "device", "machine", "system", "code", "versions"), tuple(rows))


def times(records: Iterable[Record]) -> Numbers:
    """Seconds and the highest memory of each stage, over all records."""
    found: dict[str, list[tuple[float, int]]] = {}
    for record in records:
        for stage in record.stages:
            found.setdefault(stage.stage, []).append((stage.seconds, stage.peak_bytes or 0))
    rows = [_stage(stage, spent) for stage, spent in found.items()]
    return Numbers(("stage", "cells", "time in all", "mean per cell", "most memory"), tuple(rows))


def sources(records: Iterable[Record]) -> Numbers:
    """Every source of images once, stand-ins marked in words."""
    found = dict.fromkeys(
        (
            record.cell.problem,
            "pool" if used.role == "pool" else used.role.upper(),
            used.source,
            "stand-in" if used.stand_in else "real",
            f"{used.count:,}",
            f"{used.excluded:,}" if used.excluded else figures.NONE,
            used.digest[:DIGITS],
        )
        for record in records
        for used in record.data
    )
    heads = ("problem", "role", "source", "images are", "images", "taken out (in the test set too)", "digest")
    return Numbers(heads, tuple(sorted(found)))


def oracles(records: Iterable[Record]) -> Numbers:
    """Every oracle once, with its absolute score and how it was served."""
    found: dict[tuple[str, ...], None] = {}
    for record in records:
        used = record.oracle
        if used and record.target:
            settings = ", ".join(f"{name} {value}" for name, value in used.settings.items())
            scores = (figures.share(record.target.macro_f1), figures.share(record.target.accuracy))
            found[record.cell.problem, used.name, used.digest[:DIGITS], str(len(used.classes)), *scores, settings] = (
                None
            )
    heads = ("problem", "oracle", "digest", "classes", "macro-F1", "accuracy", "served by")
    return Numbers(heads, tuple(sorted(found)))


def copycats(records: Iterable[Record]) -> Numbers:
    """Every copycat once per problem size, with its parameters and what it started from."""
    found = {
        (record.cell.copycat, f"{record.parameters:,}", record.knowledge.pretrained, record.cell.recipe)
        for record in records
        if record.parameters is not None and record.knowledge and record.cell.recipe
    }
    rows = sorted((name, size, start, recipe or "") for name, size, start, recipe in found)
    return Numbers(("copycat", "parameters", "pretrained weights", "recipe"), tuple(rows))


def duration(seconds: float) -> str:
    """`0.4 s`, `12 min`, `3.2 h`."""
    if seconds < 90:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _where(used: Provenance) -> tuple[str, ...]:
    code = f"commit {used.commit[:DIGITS]}{' with changes' if used.dirty else ''}" if used.commit else "no commit known"
    device = f"{used.device}, {used.threads} thread{'s' if used.threads > 1 else ''}"
    versions = ", ".join(f"{name} {version}" for name, version in used.versions.items())
    return device, used.machine, f"{used.platform}, {used.python}", code, versions


def _stage(stage: str, spent: list[tuple[float, int]]) -> tuple[str, ...]:
    seconds, most = sum(each for each, _ in spent), max(each for _, each in spent)
    memory = f"{most / 1e9:.2f} GB" if most else figures.NONE
    return stage, f"{len(spent):,}", duration(seconds), duration(seconds / len(spent)), memory
