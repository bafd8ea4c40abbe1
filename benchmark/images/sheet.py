"""Contact sheets: a stack's images side by side with the names of their classes, to be looked at by a person."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmark.images.stack import Stack

SIDE = 64  # pixels; smaller images are enlarged by a whole factor, so that each of their pixels stays a square
GAP = 4
PAPER, INK = "white", "black"


class _Row(NamedTuple):
    """A line of the sheet: what is written before it, and the positions of its images."""

    name: str
    positions: list[int]


def contact_sheet(stack: Stack, *, classes: Sequence[str] = (), columns: int = 12, rows: int = 12) -> Image.Image:
    """The first `columns` images of each class, one line per class; of a pool, the first `columns` x `rows` images.

    RGB. Raises ValueError when classes and labels do not fit each other, or columns or rows are less than 1.
    """
    if columns < 1 or rows < 1:
        raise ValueError(f"columns {columns}, rows {rows}: want at least 1 of each")
    if classes and len(stack) and int(stack.labels_N.max()) >= len(classes):
        raise ValueError(f"labels up to {int(stack.labels_N.max())} for {len(classes)} classes")
    return _paint(stack, _lines(stack, classes, columns, rows), columns)


def _lines(stack: Stack, classes: Sequence[str], columns: int, rows: int) -> list[_Row]:
    if classes:
        chosen = [np.flatnonzero(stack.labels_N == index)[:columns].tolist() for index in range(len(classes))]
        counts = [int((stack.labels_N == index).sum()) for index in range(len(classes))]
        return [_Row(f"{name} ({count:,})", line) for name, count, line in zip(classes, counts, chosen, strict=True)]
    shown = min(len(stack), columns * rows)
    return [_Row("", list(range(start, min(start + columns, shown)))) for start in range(0, shown, columns)]


def _paint(stack: Stack, lines: Sequence[_Row], columns: int) -> Image.Image:
    height, width = stack.manifest.size
    factor = max(1, -(-SIDE // max(height, width)))
    across, down = width * factor + GAP, height * factor + GAP
    font = ImageFont.load_default(size=14)
    title = stack.manifest.source + (" (stand-in)" if stack.manifest.stand_in else "") + f", {len(stack):,} images"
    left = GAP + max((int(font.getlength(line.name)) + 2 * GAP for line in lines if line.name), default=0)
    wide = max(left + columns * across, int(font.getlength(title)) + 2 * GAP)
    sheet = Image.new("RGB", (wide, 24 + GAP + max(len(lines), 1) * down), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP, GAP), title, fill=INK, font=font)
    for row, line in enumerate(lines):
        top = 24 + row * down
        pen.text((GAP, top + (height * factor - 14) // 2), line.name, fill=INK, font=font)
        for column, position in enumerate(line.positions):
            image = Image.fromarray(np.asarray(stack.images_NHWC[position]))
            sheet.paste(
                image.resize((width * factor, height * factor), Image.Resampling.NEAREST), (left + column * across, top)
            )
    return sheet


def stacked(sheets: Sequence[Image.Image]) -> Image.Image:
    """Sheets one below the other. Raises ValueError for none."""
    if not sheets:
        raise ValueError("no sheet to show")
    whole = Image.new("RGB", (max(sheet.width for sheet in sheets), sum(sheet.height for sheet in sheets)), PAPER)
    top = 0
    for sheet in sheets:
        whole.paste(sheet, (0, top))
        top += sheet.height
    return whole
