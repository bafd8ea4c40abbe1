"""The leaderboard as Markdown, CSV and JSON."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from benchmark.intervals import Interval
from benchmark.leaderboard import beside, figures
from benchmark.leaderboard.board import Leaderboard, Table
from benchmark.leaderboard.played import NAME_DIGITS
from benchmark.leaderboard.rows import Row
from benchmark.leaderboard.standings import Standing
from benchmark.measures import Measured

SCHEMA_VERSION = 2

_MARKDOWN: dict[str, Callable[[Row], str]] = {
    "rank": lambda row: row.rank or "-",
    "copycat": figures.name,
    "regime": lambda row: row.regime,
    "attack": lambda row: row.attack or figures.NONE,
    "balance": lambda row: row.balance,
    "recipe": lambda row: row.recipe or figures.NONE,
    "pretrained": lambda row: row.pretrained,
    "budget": lambda row: figures.whole(row.budget or None),
    "PDD": lambda row: figures.whole(row.pdd_budget or None),
    "macro-F1": lambda row: figures.share_interval(row.macro_f1),
    "of target": figures.of_target,
    beside.HEAD: beside.cell,
    "agreement": lambda row: figures.share_interval(row.agreement),
    "accuracy": lambda row: figures.share_interval(row.accuracy),
    "mean recall": lambda row: figures.share_interval(row.mean_recall),
    "asked": lambda row: figures.whole(row.asked),
    "cost": lambda row: figures.money(row.cost),
    "passes": lambda row: figures.whole(row.image_passes),
    "seeds": lambda row: f"{row.seeds_done} of {row.seeds}",
}


def columns(table: Table) -> dict[str, Callable[[Row], str]]:
    """Heads of a table's columns, in order, with what each shows of a row; the same in Markdown and in the report."""
    return {head: show for head, show in _MARKDOWN.items() if head != beside.HEAD or beside.shown(table.rows)}


def as_markdown(board: Leaderboard) -> str:
    """Sections with tables; names cannot end a cell, start markup or a tag."""
    blocks = [block for table in board.tables for block in _section(table, board)]
    blocks += _standings("All copycats", board.copycats, board)
    blocks += _standings("All oracles, the most stealable first", board.oracles, board)
    blocks += [escape(beside.legend(board))] if board.tables else []
    blocks += [_items([f"unreadable: {escape(sentence)}" for sentence in board.unreadable])] if board.unreadable else []
    return "\n\n".join(blocks or ["No records yet."]) + "\n"


def as_csv(board: Leaderboard) -> str:
    """One line per row of every table; a text that a spreadsheet would take for a formula is quoted with '."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    lines = [_flat(table, row) for table in board.tables for row in table.rows]
    writer.writerow(lines[0] if lines else ["problem"])
    writer.writerows([_harmless(value) for value in line.values()] for line in lines)
    return out.getvalue()


def as_json(board: Leaderboard) -> str:
    """Everything that the other forms are made of."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **_told(board)}, indent=2, allow_nan=False) + "\n"


def _told(value: Any) -> Any:
    """The value in JSON's own types: of a measure its value, without the influence of each test image."""
    if isinstance(value, Measured):
        return value.value
    if is_dataclass(value):
        return {name.name: _told(getattr(value, name.name)) for name in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _told(each) for key, each in value.items()}
    return [_told(each) for each in value] if isinstance(value, tuple) else value


def escape(text: str) -> str:
    """The text as Markdown that shows it as it is."""
    shown = figures.plain(text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|#~!])", r"\\\1", shown)


def _section(table: Table, board: Leaderboard) -> Iterator[str]:
    yield f"## {escape(figures.title(table, board))}"
    note = figures.stand_in_note(table)
    if note:
        yield f"**{escape(note)}**"
    shown = {**columns(table), "records": _records}
    for group in dict.fromkeys(row.group for row in table.rows):
        rows = [_cells(row, shown) for row in table.rows if row.group == group]
        yield f"{group[0].upper()}{group[1:]}:"
        yield _grid(list(shown), rows)
    said = beside.line(table)
    remarks = [said] if said else []
    remarks += [figures.transfer(line) for line in table.transfer_sets]
    remarks += figures.silent(table.rows)
    remarks += figures.holes(table.rows)
    remarks += [f"warning: {warning}" for warning in table.warnings]
    if remarks:
        yield _items([escape(remark) for remark in remarks])


def _standings(heading: str, standings: tuple[Standing, ...], board: Leaderboard) -> list[str]:
    if not standings:
        return []
    mark = " (stand-in data)" if any(table.stand_ins for table in board.tables) else ""
    blocks = [f"## {heading}{mark}"]
    for group in dict.fromkeys(each.group for each in standings):
        found = [each for each in standings if each.group == group]
        rows = [[escape(cell) for cell in figures.standing_cells(each)] for each in found]
        blocks.append(f"{group[0].upper()}{group[1:]}, {found[0].settings} settings:")
        blocks.append(_grid(list(figures.STANDING_HEADS), rows))
    return blocks


def _cells(row: Row, columns: Mapping[str, Callable[[Row], str]]) -> list[str]:
    """The row as Markdown; one that is first alone in bold, but for what others have published."""
    cells = {head: escape(show(row)) for head, show in columns.items()}
    return [f"**{cell}**" if row.alone_first and head != beside.HEAD else cell for head, cell in cells.items()]


def _grid(heads: list[str], rows: list[list[str]]) -> str:
    """A table; the cells are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _items(sentences: list[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)


def _records(row: Row) -> str:
    """Each seed with the first digits of its record's digest, as `record` and `compare` take them."""
    return " ".join(f"{seed}:{digest[:NAME_DIGITS]}" for seed, digest in row.records)


def _flat(table: Table, row: Row) -> dict[str, str | int | float | None]:
    flat: dict[str, str | int | float | None] = {
        "problem": table.problem,
        "oracle": table.oracle,
        "oracle_digest": table.oracle_digest,
        "pool": table.pool,
        "tdd_digest": table.tdd_digest,
        "tdd_source": table.tdd_source,
        "stand_ins": "; ".join(table.stand_ins),
        "images": table.images,
    }
    for name, value in vars(row).items():
        if name in {"relative_by_seed", "recipe_digest", "alone_first"}:
            continue
        if name == "records":
            flat[name] = _records(row)
            continue
        if name == "published":
            flat |= beside.flat(row)
            continue
        if name == "holes":
            flat[name] = "; ".join(figures.holes([row]))
        elif name == "silent":
            flat[name] = "; ".join(figures.silent([row]))
        elif isinstance(value, Interval):
            flat |= {name: value.mean, f"{name}_half": value.half}
        elif name in _INTERVALS:
            flat |= {name: None, f"{name}_half": None}
        else:
            flat[name] = value
    return flat


_INTERVALS = ("macro_f1", "relative", "agreement", "accuracy", "mean_recall")


def _harmless(value: str | float | None) -> str | int | float | None:
    if not isinstance(value, str):
        return value
    shown = figures.plain(value)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown
