"""Rows of numbers as images: how many channels and pixels a count of features is, for classifiers that know none."""

import math
from typing import Any

from converters.conversion import Wishes
from converters.refusals import SourceIncomplete

RANGE_NOTE = (
    "the file does not say which range its features had (0..1, 0..16, 0..255); write range = [low, high] into the card"
)


def image_of(features: int, wishes: Wishes, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the card can say of images whose pixels are the features, row by row: (stated, assumed).

    A square number is a square grey image, three times one a square colour image, channels last, unless the user says
    size or channels. Raises SourceIncomplete when no image has so many values.
    """
    if wishes.size is not None:
        channels, rest = divmod(features, wishes.size[0] * wishes.size[1])
        if rest or channels not in (1, 3) or wishes.image_channels not in (None, channels):
            shape = f"{wishes.image_channels or '1 or 3'} x {wishes.size[0]} x {wishes.size[1]}"
            raise SourceIncomplete(f"{name} takes {features} numbers, which are no {shape}; say the right --size")
        return _card(channels, wishes.size, {})
    for channels in (1, 3) if wishes.image_channels is None else (wishes.image_channels,):
        side = math.isqrt(features // channels)
        if side > 1 and channels * side * side == features:
            return _card(channels, None, {"size": (side, side)})
    raise SourceIncomplete(
        f"{name} takes {features} numbers, which are no square image; say how high and wide it is with --size"
        " HEIGHT WIDTH"
    )


def _card(
    channels: int, size: tuple[int, int] | None, assumed: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    stated = {"channels": channels} if size is None else {"channels": channels, "size": size}
    if channels == 1:
        return {**stated, "layout": "nhwc"}, assumed
    return stated, {**assumed, "layout": "nhwc"}
