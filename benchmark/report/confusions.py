"""Confusion matrices of target and copycats side by side, and the confusions that occur most."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from benchmark.leaderboard import figures
from benchmark.leaderboard.board import Table
from benchmark.records import Record
from benchmark.report.chosen import Chosen, speakers, words
from benchmark.report.svg import join, svg

SIDE = 300
NAMED, NUMBERED, DRAWN = 30, 12, 128
"""Up to so many classes have their names, their percentages, and a matrix at all."""

NAME_LETTERS = 11
LISTED = 3


@dataclass(frozen=True)
class Matrix:
    """One classifier's matrix; `picture` is None where there are too many classes for one."""

    name: str
    note: str
    picture: Markup | None
    confusions: tuple[str, ...]


def side_by_side(table: Table, chosen: Chosen, name: str) -> list[Matrix]:
    """The target's matrix, then those of the copycats' best rows (seeds together); empty without a complete row."""
    found: list[Matrix] = []
    for row in speakers(table):
        records = chosen.done(row)
        if not records or records[0].oracle is None or records[0].target is None:
            continue
        classes = records[0].oracle.classes
        if not found:
            found.append(_matrix(records[0].target.confusion_CC(), classes, f"target {table.oracle}", "", name))
        total_CC = sum((_of_copycat(record) for record in records), np.zeros((len(classes),) * 2, np.int64))
        note = f"{len(records)} seeds together" if len(records) > 1 else "one seed"
        found.append(_matrix(total_CC, classes, words(row), note, f"{name}-{len(found)}"))
    return found


def _of_copycat(record: Record) -> np.ndarray:
    assert record.copycat is not None  # noqa: S101 - a done record has it
    return record.copycat.confusion_CC()


def _matrix(counts_CC: np.ndarray, classes: tuple[str, ...], who: str, note: str, name: str) -> Matrix:
    shares_CC = counts_CC / np.maximum(counts_CC.sum(axis=1, keepdims=True), 1)
    picture = _draw(shares_CC, classes, who, name) if len(classes) <= DRAWN else None
    return Matrix(who, note, picture, _largest(shares_CC, classes))


def _largest(shares_CC: np.ndarray, classes: tuple[str, ...]) -> tuple[str, ...]:
    """The confusions that take the largest share of their true class, in words."""
    wrong_CC = shares_CC * (1 - np.eye(len(shares_CC)))
    order = np.argsort(-wrong_CC, axis=None, kind="stable")[:LISTED]
    pairs = [(int(place) // len(classes), int(place) % len(classes)) for place in order]
    return tuple(
        f"{100 * wrong_CC[true, said]:.0f} % of {classes[true]} called {classes[said]}"
        for true, said in pairs
        if wrong_CC[true, said] > 0
    )


def _draw(shares_CC: np.ndarray, classes: tuple[str, ...], who: str, name: str) -> Markup:
    count = len(classes)
    cell = SIDE / count
    edge = 26 + 6.4 * min(NAME_LETTERS, max(len(figures.plain(each)) for each in classes)) if count <= NAMED else 20.0
    parts = [svg('<rect class="frame" x="{}" y="{}" width="{}" height="{}"/>', edge, edge, SIDE, SIDE)]
    for true, said in zip(*np.nonzero(shares_CC), strict=True):
        parts.append(_cell(float(shares_CC[true, said]), (edge + said * cell, edge + true * cell), cell, count))
    parts += [_names(place, figures.plain(each), edge, cell) for place, each in enumerate(classes) if count <= NAMED]
    parts.append(svg('<text class="middle name" x="{}" y="12">says</text>', edge + SIDE / 2))
    parts.append(
        svg('<text class="middle name" transform="translate(11 {}) rotate(-90)">true class</text>', edge + SIDE / 2)
    )
    size = edge + SIDE + 2
    return svg(
        '<svg class="matrix" viewBox="0 0 {:.0f} {:.0f}" role="img" aria-labelledby="{}-t"><title id="{}-t">'
        "Confusion matrix of {}, {} classes; true classes in rows. The largest confusions stand below.</title>{}</svg>",
        size,
        size,
        name,
        name,
        who,
        count,
        join(parts),
    )


def _cell(share: float, at: tuple[float, float], side: float, count: int) -> Markup:
    """A square whose strength is the share; no strength lies where neither dark nor light digits could be read."""
    strength = 0.05 + 0.8 * share if share < 0.5 else 0.8 + 0.4 * (share - 0.5)
    square = svg(
        '<rect class="cell" x="{:.1f}" y="{:.1f}" width="{:.2f}" height="{:.2f}" fill-opacity="{:.2f}"/>',
        *at,
        side,
        side,
        strength,
    )
    if count > NUMBERED or share < 0.005:
        return square
    digits = svg(
        '<text class="middle {}" x="{:.1f}" y="{:.1f}">{:.0f}</text>',
        "on" if share >= 0.5 else "off",
        at[0] + side / 2,
        at[1] + side / 2 + 4,
        100 * share,
    )
    return square + digits


def _names(place: int, name: str, edge: float, cell: float) -> Markup:
    short = name if len(name) <= NAME_LETTERS else f"{name[: NAME_LETTERS - 1]}…"
    middle = edge + (place + 0.5) * cell
    row = svg('<text class="end small" x="{:.1f}" y="{:.1f}">{}</text>', edge - 5, middle + 3.5, short)
    turned = f"translate({middle + 3.5:.1f} {edge - 5:.1f}) rotate(-90)"
    return row + svg('<text class="small" transform="{}">{}</text>', turned, short)
