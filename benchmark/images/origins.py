"""From the images of a stack back to the files that they were decoded from."""

from collections.abc import Sequence

import numpy as np

from benchmark.images.classes import balanced_pick
from benchmark.images.finding import find
from benchmark.images.listing import readable
from benchmark.images.opening import View
from benchmark.images.sources import BuiltinSource, Source
from benchmark.images.stack import Stack
from benchmark.places import Places


def origins(sources: Sequence[Source], view: View, places: Places, stack: Stack) -> list[str] | None:
    """The path on this machine of each image of a stack that `open_first` has opened from these sources.

    None where the images are no files of their own (drawn, in arrays, in archives), or where it cannot be told which
    files were left out because they could not be decoded.
    """
    for source in sources:
        if isinstance(source, BuiltinSource):
            return None
        found = find(source, places)
        if found is None:
            continue
        listing = found.listing(view.of(source).classes)
        if listing.where is None:
            return None
        labels_N = listing.labels_N
        picks = np.arange(len(labels_N)) if source.limit is None else balanced_pick(labels_N, source.limit, source.seed)
        unusable = {skipped.name for skipped in stack.manifest.skipped[len(listing.left_out) :]}
        kept = [int(pick) for pick in picks if readable(listing.names[pick]) not in unusable]
        return [listing.where(place) for place in kept] if len(kept) == len(stack) else None
    return None
