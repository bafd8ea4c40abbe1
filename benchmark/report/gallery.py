"""The contact sheet: test images on which target and copycats agree most and least, with what they say."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmark.leaderboard.board import Table
from benchmark.report.chosen import Chosen, ranked

LARGEST, PLAIN = 96, 40
"""Longest side of an image on the page, and the side up to which it is kept without loss."""

FindImages = Callable[[str, str], "np.ndarray | str"]
"""(problem, TDD digest) -> images_NHWC uint8 of that very test set, or the sentence that says why there are none."""


@dataclass(frozen=True)
class Shown:
    """One test image: its picture as a data URI, and what was said of it."""

    number: int  # its place in the test set
    picture: str
    truth: str
    target: str
    agree: int
    cells: int
    others: str  # what most of the copycats that disagree say, "" where all agree

    @property
    def words(self) -> str:
        """What stands for the picture."""
        other = f"; most others say {self.others}" if self.others else ""
        return (
            f"image {self.number}: {self.truth}; target says {self.target}; {self.agree} of {self.cells} agree{other}"
        )


@dataclass(frozen=True)
class Sheet:
    """Pictures of one table, or the sentence that says why there are none."""

    cells: int = 0
    most: tuple[Shown, ...] = ()
    least: tuple[Shown, ...] = ()
    absent: str = ""


class _Said(NamedTuple):
    """What truth and target say of N images, and what each of M copycats says."""

    truth_N: np.ndarray
    target_N: np.ndarray
    copycats_MN: np.ndarray


def contact_sheet(table: Table, chosen: Chosen, find: FindImages, each: int) -> Sheet:
    """Up to `each` images of most and of least agreement, over all cells of the table's ranked rows."""
    said = _collect(table, chosen)
    if said is None or table.tdd_digest is None:
        return Sheet(absent="No picture: no attack of this table is complete.")
    images_NHWC = find(table.problem, table.tdd_digest)
    if isinstance(images_NHWC, str):
        return Sheet(absent=f"No picture: {images_NHWC}")
    if len(images_NHWC) != len(said.truth_N):
        return Sheet(absent=f"No picture: {len(images_NHWC):,} images for {len(said.truth_N):,} labels.")
    agree_N = (said.copycats_MN == said.target_N).sum(axis=0)
    classes = next(iter(chosen.done(ranked(table)[0]))).oracle
    names = classes.classes if classes else ()
    most = [_show(place, images_NHWC, said, names) for place in pick(agree_N, said.truth_N, each)]
    least = [_show(place, images_NHWC, said, names) for place in pick(-agree_N, said.truth_N, each)]
    return Sheet(len(said.copycats_MN), tuple(most), tuple(least))


def pick(height_N: np.ndarray, label_N: np.ndarray, count: int) -> list[int]:
    """Places of the `count` highest; among equal ones the labels take turns, and within a label chance decides.

    Test sets often stand in the order of their classes, so the first ones would all be of one kind. The chance is the
    same every time.
    """
    chance_N = np.random.Generator(np.random.PCG64(0)).permutation(len(height_N))
    order = np.lexsort((chance_N, label_N, -height_N))
    keys = np.stack([height_N, label_N])[:, order]
    starts = np.flatnonzero([True, *(keys[:, 1:] != keys[:, :-1]).any(axis=0)])
    turn_N = np.zeros(len(height_N), np.int64)
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        turn_N[order[start:end]] = np.arange(end - start)
    return [int(place) for place in np.lexsort((label_N, turn_N, -height_N))[:count]]


def _collect(table: Table, chosen: Chosen) -> _Said | None:
    """The labels of all cells that say the same of truth and target; None where there is no cell."""
    found = [
        record.labelling.arrays()
        for row in ranked(table)
        for record in chosen.done(row)
        if record.labelling is not None
    ]
    same = [
        arrays for arrays in found if np.array_equal(arrays[0], found[0][0]) and np.array_equal(arrays[1], found[0][1])
    ]
    return _Said(same[0][0], same[0][1], np.stack([arrays[2] for arrays in same])) if same else None


def _show(place: int, images_NHWC: np.ndarray, said: _Said, names: Sequence[str]) -> Shown:
    copycats_M, target = said.copycats_MN[:, place], int(said.target_N[place])
    others = np.bincount(copycats_M[copycats_M != target])
    return Shown(
        number=place,
        picture=data_uri(np.asarray(images_NHWC[place])),
        truth=names[int(said.truth_N[place])],
        target=names[target],
        agree=int((copycats_M == target).sum()),
        cells=len(copycats_M),
        others=names[int(others.argmax())] if others.any() else "",
    )


def data_uri(image_HWC: np.ndarray) -> str:
    """The image (uint8, RGB) as a data URI: a small one without loss, a larger one at most LARGEST pixels long."""
    image, out = Image.fromarray(image_HWC), io.BytesIO()
    if max(image.size) <= PLAIN:
        image.save(out, "PNG", optimize=True)
        kind = "png"
    else:
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
        image.save(out, "JPEG", quality=85)
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(out.getvalue()).decode('ascii')}"
