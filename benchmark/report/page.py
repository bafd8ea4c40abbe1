"""The page: puts tables, pictures and records into the template, and forbids everything that is not its own."""

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from benchmark.leaderboard import beside, figures
from benchmark.report import classes, confusions, curves, embedded, gallery, grids, ran
from benchmark.report.charts import draw
from benchmark.report.chosen import Chosen, place
from benchmark.report.looks import Palette

FOLDER = Path(__file__).resolve().parent
MANY_TABLES = 12
EACH, EACH_OF_MANY = 12, 6
"""Images of most and of least agreement per table; fewer where there are many tables, for a page that can be mailed."""


@dataclass(frozen=True)
class About:
    """What the page says of itself."""

    suite: str | None  # None: all records of a folder
    written: date
    planned: int | None  # cells of the plan, None without one
    records: str  # the folder of record files, as seen from the page


@dataclass(frozen=True)
class Section:
    """One part of the page about one table."""

    anchor: str
    title: str
    stand_in: bool
    content: Any


def make_page(chosen: Chosen, about: About, find: gallery.FindImages) -> str:
    """The whole report as the text of one HTML file; `find` gives the pixels of test images, if they are there."""
    chosen = replace(chosen, records=dict(sorted(chosen.records.items())))
    style, script = _text("report.css"), _text("report.js")
    board = grids.grids(chosen.board)
    csv = {grid.anchor: grid.csv for grid in board}
    return (
        _environment()
        .get_template("template.html.j2")
        .render(
            about=about,
            style=style,
            script=script,
            policy=_policy(style, script),
            **_head(chosen, about),
            grids=board,
            rankings=grids.rankings(chosen.board),
            legend_words=beside.legend(chosen.board),
            unreadable=chosen.board.unreadable,
            csv=embedded.safe_json(csv),
            **_pictures(chosen, find),
            listed=embedded.listed(list(chosen.records.values()), about.records),
            anchor=embedded.anchor,
            row_head=grids.HEAD,
        )
    )


def _head(chosen: Chosen, about: About) -> dict[str, Any]:
    records = list(chosen.records.values())
    return {
        "stand_ins": any(table.stand_ins for table in chosen.board.tables),
        "outcomes": ran.outcomes(records, about.planned),
        "seconds": ran.duration(sum(stage.seconds for record in records for stage in record.stages)),
        "made_on": ran.made_on(records),
        "facts": (
            ("Sources of the images", ran.sources(records)),
            ("Oracles", ran.oracles(records)),
            ("Copycats", ran.copycats(records)),
            ("Time", ran.times(records)),
            ("Machines and versions", ran.machines(records)),
        ),
    }


def _pictures(chosen: Chosen, find: gallery.FindImages) -> dict[str, Any]:
    tables = chosen.board.tables
    palette = Palette.of(row.copycat for table in tables for row in table.rows)
    each = EACH if len(tables) <= MANY_TABLES else EACH_OF_MANY
    made: dict[str, list[Section]] = {"budgets": [], "per_class": [], "matrices": [], "sheets": []}
    for number, table in enumerate(tables, 1):
        contents = {
            "budgets": curves.over_budget(table, palette),
            "per_class": classes.compare(table, chosen, palette, f"classes-{number}"),
            "matrices": confusions.side_by_side(table, chosen, f"matrix-{number}"),
            "sheets": gallery.contact_sheet(table, chosen, find, each),
        }
        for name, content in contents.items():
            if content:
                made[name].append(Section(f"{name}-{number}", place(table), bool(table.stand_ins), content))
    return {
        **made,
        "entropy": curves.over_entropy(chosen, palette),
        "cost": curves.over_cost(tables, palette),
        "draw": draw,
    }


def _policy(style: str, script: str) -> str:
    """Nothing from anywhere, but pictures inside the page and its own style and script, known by their digests."""
    return (
        f"default-src 'none'; style-src {embedded.source_hash([style])}; script-src {embedded.source_hash([script])}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _text(name: str) -> Markup:
    return Markup((FOLDER / name).read_text(encoding="utf-8"))  # noqa: S704 - our own file


def _environment() -> Environment:
    """Everything is escaped, an unknown name is an error, and control characters are spelled out."""
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: figures.plain(value) if type(value) is str else value,
    )
