"""Opens a source as a stack: the first time its images are decoded or drawn, from then on they are there at once."""

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.images.cache import Writer, finish, open_kept
from benchmark.images.classes import balanced_pick, gaps
from benchmark.images.decode import RESIZE, Pixels, Unusable, bombs_are_errors, decode, decoder, fit, fit_array
from benchmark.images.finding import find
from benchmark.images.listing import Found, Listing, Skipped, readable
from benchmark.images.rendered import draw_all, drawn_labels, version_of
from benchmark.images.sources import BuiltinSource, Colour, Source
from benchmark.images.stack import Digests, Manifest, Stack, digest_all
from benchmark.places import Places
from benchmark.refusals import DataMissing, EmptyPool

FORMAT = 1  # of the cache's folders and of the rules in decode.py: another number, and everything is decoded anew
RUN, RUN_BYTES = 32, 2**20  # images, and bytes of pixels, that one thread decodes at a time, at most
LISTED = 100  # skipped images that a manifest names


@dataclass(frozen=True)
class View:
    """How a source is to be seen."""

    size: tuple[int, int]
    colour: Colour
    classes: tuple[str, ...] | None  # None: a pool, unlabelled

    def of(self, source: Source) -> "View":
        """The view of a source, which may not tell its classes."""
        return self if source.labelled else View(self.size, self.colour, None)


def open_stack(
    source: Source,
    *,
    size: tuple[int, int],
    colour: Colour,
    classes: tuple[str, ...] | None,
    places: Places,
    say: Callable[[str], None],
) -> Stack:
    """The images of one source, decoded to `size` (height, width); with classes, labelled.

    Raises DataMissing when the source is not on this machine, EmptyPool when no image of it is usable, Mismatch when
    its classes are not the problem's, EnvironmentRefused when the cache cannot be written.
    """
    stack = open_first((source,), View(size, colour, classes), places, say)
    if stack is None:
        raise DataMissing(
            f"{source.text}: not found below {_below(places)}. Put it there, or name its folder with --data."
        )
    return stack


def open_first(sources: Sequence[Source], view: View, places: Places, say: Callable[[str], None]) -> Stack | None:
    """The images of the first source that is on this machine; None when none is. Raises as `open_stack`."""
    for source in sources:
        if isinstance(source, BuiltinSource):
            return _open_drawn(source, view, places, say)
        found = find(source, places)
        if found is not None:
            return replace(_open_found(source, found, view.of(source), places, say), paper=source.paper)
    return None


def kept_folder(source: Source, found: Found | None, view: View, places: Places) -> Path:
    """Where the decoded images of a source lie: the name holds everything that the pixels and labels depend on."""
    state = version_of(source) if isinstance(source, BuiltinSource) else found.fingerprint if found is not None else ""
    said = source.model_dump(mode="json", exclude={"paper"})  # changes no pixel
    about = [FORMAT, decoder(), said, view.size, view.colour, view.classes, state]
    text = json.dumps(about, sort_keys=True)
    return places.cache / "images" / hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _open_drawn(source: BuiltinSource, view: View, places: Places, say: Callable[[str], None]) -> Stack:
    labels = drawn_labels(source, None if view.classes is None else len(view.classes))
    text = f"builtin {source.renderer}/{source.style} v{version_of(source)}, {len(labels)} images, seed {source.seed}"

    def make(folder: Path) -> None:
        say(f"{text}: drawing {len(labels):,} images, {view.size[0]} x {view.size[1]}")
        with Writer(folder) as writer, closing(draw_all(source, labels, view.size, view.colour)) as pieces:
            for images in pieces:
                writer.add(images)
        kept = labels if view.classes is not None else np.full(len(labels), -1, np.int64)
        manifest = _manifest(view, kept, writer.digests(), source).model_copy(
            update={"source": text, "decoder": "none, drawn"}
        )
        finish(folder, kept, writer.digests(), manifest)

    return open_kept(kept_folder(source, None, view, places), make, say)


def _open_found(source: Source, found: Found, view: View, places: Places, say: Callable[[str], None]) -> Stack:
    def make(folder: Path) -> None:
        listing = found.listing(view.classes)
        picks = (
            np.arange(len(listing.names))
            if source.limit is None
            else balanced_pick(listing.labels_N, source.limit, source.seed)
        )
        say(f"{source.text}: decoding {len(picks):,} images to {view.size[0]} x {view.size[1]}")
        skipped = list(listing.left_out)
        with Writer(folder) as writer:
            kept = _decode_all(listing, picks, view, (writer, skipped))
        labels = listing.labels_N[kept]
        if not len(labels):
            first = f", the first: {skipped[0].name} ({skipped[0].why})" if skipped else ""
            raise EmptyPool(
                f"{source.text}: no usable image; {len(skipped)} skipped{first}. Check the path and the files."
            )
        manifest = _manifest(view, labels, writer.digests(), source)
        counted = {"skipped": tuple(skipped[:LISTED]), "skipped_count": len(skipped)}
        doubts = {"warnings": gaps(source.text, labels, listing.strays, view.classes or ())}
        finish(folder, labels, writer.digests(), manifest.model_copy(update={**counted, **doubts}))
        if skipped:
            say(f"{source.text}: skipped {len(skipped):,}, the first: {skipped[0].name} ({skipped[0].why})")

    stack = open_kept(kept_folder(source, found, view, places), make, say)
    for warning in stack.manifest.warnings:
        say(warning)
    return stack


def _decode_all(
    listing: Listing, picks: NDArray[np.int64], view: View, into: tuple[Writer, list[Skipped]]
) -> NDArray[np.int64]:
    """Decodes the picked images side by side, in order; returns the positions of those that were usable."""
    writer, skipped = into
    kept: list[int] = []
    with bombs_are_errors(), closing(_decode_runs(listing, picks, view)) as runs:
        for run, results in runs:
            usable = [
                (int(at), pixels) for at, pixels in zip(run, results, strict=True) if not isinstance(pixels, Skipped)
            ]
            skipped += [result for result in results if isinstance(result, Skipped)]
            if usable:
                writer.add(np.stack([pixels for _, pixels in usable]))
                kept += [at for at, _ in usable]
    return np.array(kept, np.int64)


def _decode_runs(
    listing: Listing, picks: NDArray[np.int64], view: View
) -> Generator[tuple[NDArray[np.int64], list[Pixels | Skipped]], None, None]:
    """Runs of images in order, a few in flight: memory does not grow with the pool. Pillow decodes outside the GIL."""
    threads = min(32, os.cpu_count() or 1)
    length = max(1, min(RUN, RUN_BYTES // (view.size[0] * view.size[1] * 3)))
    waiting: deque[tuple[NDArray[np.int64], Future[list[Pixels | Skipped]]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(picks), length):
            run = picks[start : start + length]
            waiting.append((run, pool.submit(_decode_run, listing, run, view)))
            if len(waiting) >= 2 * threads:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()


def _decode_run(listing: Listing, run: NDArray[np.int64], view: View) -> list[Pixels | Skipped]:
    return [_decode_one(listing, int(index), view) for index in run]


def _decode_one(listing: Listing, index: int, view: View) -> Pixels | Skipped:
    try:
        raw = listing.read(index)
        if isinstance(raw, bytes):
            return decode(raw, view.size, view.colour)
        if isinstance(raw, Image.Image):
            return fit(raw, view.size, view.colour)
        return fit_array(raw, view.size, view.colour)
    except Unusable as unusable:
        return Skipped(name=readable(listing.names[index]), why=str(unusable))


def _manifest(view: View, labels_N: NDArray[np.int64], digests_N: Digests, source: Source) -> Manifest:
    counts = () if view.classes is None else tuple(int(n) for n in np.bincount(labels_N, minlength=len(view.classes)))
    return Manifest(
        digest=digest_all(digests_N, labels_N),
        count=len(labels_N),
        counts_per_class=counts,
        size=view.size,
        colour=view.colour,
        source=source.text,
        stand_in=source.stand_in,
        decoder=decoder(),
        resize=RESIZE,
    )


def _below(places: Places) -> str:
    return ", ".join(str(folder) for folder in places.data) or "any data folder (none is given)"
