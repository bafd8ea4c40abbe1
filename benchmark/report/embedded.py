"""Records on the page: embedded as JSON that no text in it can end, or linked where they are too many."""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from benchmark.cell import REGIMES
from benchmark.records import Record

MOST, MOST_BYTES = 1_000, 3_000_000
"""More records, or longer ones together, are linked instead."""

DIGITS = 16


@dataclass(frozen=True)
class Entry:
    """One record in the list: where it stands on the page, what it is, and its file if it is only linked."""

    anchor: str
    name: str
    outcome: str
    link: str | None


@dataclass(frozen=True)
class Listed:
    """All records of the page."""

    entries: tuple[Entry, ...]
    content: Markup  # a JSON object, anchor -> record without its packed labels; {} where records are linked

    @property
    def linked(self) -> bool:
        """Whether the records are files beside the page."""
        return any(entry.link for entry in self.entries)


def listed(records: Sequence[Record], folder: str) -> Listed:
    """The records by problem, oracle, copycat and so on; `folder` is where their files lie, as seen from the page."""
    ordered = sorted(records, key=_order)
    contents = {}
    if len(ordered) <= MOST:
        contents = {anchor(record.cell.digest): _content(record) for record in ordered}
    embedded = safe_json(contents)
    if len(embedded) > MOST_BYTES:
        contents, embedded = {}, safe_json({})
    entries = (
        Entry(anchor(each.cell.digest), name(each), _outcome(each), None if contents else _link(each, folder))
        for each in ordered
    )
    return Listed(tuple(entries), embedded)


def anchor(digest: str) -> str:
    """The place of a cell's record on the page."""
    return f"record-{digest[:DIGITS]}"


def name(record: Record) -> str:
    """`dig10 · digits_v1 · small_vgg npdd-sl 4,000 · seed 0`, with what else the cell is."""
    cell = record.cell
    budget = f" {cell.budget:,}" if cell.budget else ""
    others = [cell.pool, cell.attack, cell.balance if cell.balance != "none" else None, cell.recipe]
    parts = [cell.problem, cell.oracle, f"{cell.copycat} {cell.regime}{budget}", *(each for each in others if each)]
    return " · ".join([*parts, f"seed {cell.seed}"])


def safe_json(value: object) -> Markup:
    """JSON in ASCII that can stand in a script element: no `<`, `>` or `&` is left in it, U+2028 is spelled out."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - nothing in it can end the element


def source_hash(texts: Iterable[str]) -> str:
    """What a Content-Security-Policy says so that these inline texts, and no others, are obeyed."""
    sums = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") for text in texts)
    return " ".join(f"'sha256-{each}'" for each in sums)


def _order(record: Record) -> tuple[object, ...]:
    cell = record.cell
    regime = list(REGIMES).index(cell.regime)
    names = (cell.problem, cell.oracle, cell.copycat, regime, cell.budget, cell.pool or "", cell.attack or "")
    return (*names, cell.balance, cell.recipe or "", cell.seed, cell.digest)


def _content(record: Record) -> object:
    content = record.model_dump(mode="json", exclude={"labelling"})
    content["labelling"] = record.labelling and f"{record.labelling.images} images; the labels are in the record's file"
    return content


def _outcome(record: Record) -> str:
    if record.error is not None:
        return f"{record.status}: {record.error.sentence}"
    share = record.relative.macro_f1 if record.relative else None
    return f"{100 * share:.1f} % of target" if share is not None else "the target has 0"


def _link(record: Record, folder: str) -> str:
    """./ before it: a folder called `javascript:` is a folder."""
    digest = record.cell.digest
    file = f"{digest}.json" if record.status == "done" else f"{digest}.attempt-{record.attempt}.json"
    return f"./{quote(folder)}/{file}"
