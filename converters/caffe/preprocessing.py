"""What a Caffe net's files say of its images, in the words of an oracle's card."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from converters.caffe.net import Transform
from converters.refusals import SourceDamaged

_PIXELS = (0.0, 255.0)


@dataclass(frozen=True)
class Images:
    """Keys of a card that the files state, keys that custom suggests, and what to tell the user (of a key too)."""

    stated: Mapping[str, Any]
    assumed: Mapping[str, Any]
    notes: tuple[str, ...]
    advice: Mapping[str, str]


def describe(
    transform: Transform | None, sides: tuple[int, int, int], image: tuple[int, int] | None, mean: np.ndarray | None
) -> Images:
    """What happens to images before they go into a net whose input has those sides (channels, height, width).

    Caffe does (pixel - mean) * scale, the card mean image, scale, mean: so the card's mean is Caffe's, scaled (Caffe:
    data_transformer.cpp). `image`: height and width of the images where they are larger than the input; the centre is
    then cut out inside the model. Raises SourceDamaged.
    """
    channels, size = sides[0], image or sides[1:]
    done = transform or Transform()
    if mean is not None and len(mean) != channels:
        raise SourceDamaged(
            f"the mean image has {len(mean)} channels and the net's input {channels}; pass the mean file that belongs"
            " to the net with --mean"
        )
    if mean is None and len(done.mean_values) not in (0, 1, channels):
        raise SourceDamaged(
            f"the data layer takes away {len(done.mean_values)} mean values from {channels} channels; give one, or one"
            " for each"
        )
    stated: dict[str, Any] = {"layout": "nchw", "channels": channels, "size": size}
    assumed: dict[str, Any] = {}
    pixels = stated if transform is not None else assumed
    pixels.update({"range": _PIXELS} if done.scale == 1 else {"scale": _short(done.scale)})
    if mean is None and any(done.mean_values):
        pixels["mean"] = tuple(_short(_short(value) * done.scale) for value in done.mean_values)
    if channels == 3:
        assumed["order"] = "bgr"
    return Images(stated, assumed, tuple(_notes(transform, sides, image)), _advice(transform, channels))


def _short(number: float) -> float:
    """A float32 as it was written: 1/255 as 0.003921569, without the digits that float64 would add."""
    return float(str(np.float32(number)))


def _notes(transform: Transform | None, sides: tuple[int, int, int], image: tuple[int, int] | None) -> list[str]:
    _, height, width = sides
    if transform is None or not transform.crop_size or image is not None:
        return []
    note = (
        f"crop_size is {transform.crop_size}, but the files do not say of images of what size: they are taken at"
        f" {height} x {width}, uncropped"
    )
    return [note]


def _advice(transform: Transform | None, channels: int) -> dict[str, str]:
    """What to tell a user who does not say these keys either."""
    advice = {}
    if transform is None:
        advice["range"] = (
            "the files do not say what is done to pixels: scale 1 and mean 0 are assumed; put the train_test prototxt"
            " beside the net, or give --scale (1 for none) and --mean"
        )
    if channels == 3:
        advice["order"] = (
            "the files do not say the order of the channels: BGR is assumed, as Caffe's own tools load images; nets"
            " that were given RGB, such as those of Caffe's CIFAR-10 examples, need --channels rgb"
        )
    return advice
