"""What is done to pixels before they go into a net: the transform of a data layer, and the mean image that it names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from converters.caffe import messages
from converters.caffe.inputs import is_data, transform_of
from converters.caffe.mean import read_mean
from converters.caffe.net import Transform
from converters.caffe.phases import layers_of
from converters.caffe.sources import Text
from converters.conversion import Wishes
from converters.refusals import SourceIncomplete

_MEANS = (".binaryproto", ".mean")


@dataclass(frozen=True)
class Pixels:
    """The transform, None where no file states one; the mean image; the files that said so.

    `image_size`: (height, width) of the images before a centre crop, where a mean image or the data layer says it.
    """

    transform: Transform | None
    mean_image: np.ndarray | None = None
    image_size: tuple[int, int] | None = None
    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def known(self) -> Transform:
        """The transform, or Caffe's default."""
        return self.transform or Transform()


@dataclass(frozen=True)
class _Stated:
    """What a data layer states, and the other net that it is in, if it is not in the net itself."""

    transform: Transform
    data: Any
    twin: Text | None = None


def pixels_of(
    text: Text, layers: Sequence[Any], twins: Sequence[Text], files: Sequence[Path], wishes: Wishes
) -> Pixels:
    """What the net's data layer says, or that of a net for training with the same layers, and the mean image.

    `files` lie beside: a mean file is looked for among them by its last name, never where a prototxt says that it lies.
    The user's mean, a file or numbers, counts before all others. Raises SourceDamaged, SourceIncomplete.
    """
    stated = _stated(text, layers, twins)
    transform = stated.transform if stated else None
    said = (stated.twin.path,) if stated and stated.twin else ()
    notes = [f"{path.name}: what its data layer does to pixels is done here too" for path in said]
    if stated and stated.data.transform_param.mirror and _is_tested(stated.data):
        notes.append("images are mirrored at random while testing in Caffe; they are not here")
    path = wishes.mean
    if path is None and not wishes.mean_said:
        path = _mean_file(transform, files, text.path.name, notes)
    if path is None:
        return Pixels(transform, None, _resized(stated), said, tuple(notes))
    mean = read_mean(path)
    if mean.shape[1:] == (1, 1):
        values = tuple(float(value) for value in mean[:, 0, 0])
        return Pixels(_with(transform, values, ""), None, _resized(stated), (*said, path), tuple(notes))
    size = (mean.shape[1], mean.shape[2])
    return Pixels(_with(transform, (), path.name), mean, size, (*said, path), tuple(notes))


def _is_tested(data: Any) -> bool:
    """Whether a data layer is one of the TEST phase; nets that were saved in training have the phase at the layer."""
    if data.HasField("phase") and data.phase == messages.TRAIN:
        return False
    return all(rule.phase == messages.TEST for rule in data.include if rule.HasField("phase"))


def _resized(stated: _Stated | None) -> tuple[int, int] | None:
    """The size that a data layer brings its images to."""
    images = stated.data.image_data_param if stated else None
    return (images.new_height, images.new_width) if images and images.new_height and images.new_width else None


def _with(transform: Transform | None, values: tuple[float, ...], file: str) -> Transform:
    return replace(transform or Transform(), mean_values=values, mean_file=file)


def _stated(text: Text, layers: Sequence[Any], twins: Iterable[Text]) -> _Stated | None:
    """What the net's own data layer states, else another net's. Raises SourceDamaged, SourceIncomplete."""
    own = _data(layers) or _data(text.net.layer)
    if own is not None:
        return _Stated(transform_of(own, text.path.name), own)
    found: dict[Transform, _Stated] = {}
    for twin in twins:
        data = _data(layers_of(twin.net, twin.path.name)) or _data(twin.net.layer)
        if data is not None:
            transform = transform_of(data, twin.path.name)
            found.setdefault(transform, _Stated(transform, data, twin))
    if len(found) > 1:
        names = ", ".join(stated.twin.path.name for stated in found.values() if stated.twin)
        raise SourceIncomplete(f"{text.path.name}: {names} do different things to pixels; leave one of them there.")
    return next(iter(found.values()), None)


def _data(layers: Iterable[Any]) -> Any:
    """The data layer that images come from: the first that transforms them, else the first."""
    found = [layer for layer in layers if is_data(layer)]
    return next((layer for layer in found if layer.HasField("transform_param")), found[0] if found else None)


def _mean_file(transform: Transform | None, files: Sequence[Path], net: str, notes: list[str]) -> Path | None:
    """The mean file among the files beside the net. Raises SourceIncomplete where one is stated and not there."""
    means = [file for file in files if file.suffix.lower() in _MEANS]
    if transform is not None and not transform.mean_file:
        return None
    if transform is not None:
        name = PurePosixPath(transform.mean_file.replace("\\", "/")).name
        means = [file for file in files if file.name == name] or means
    if transform is not None and len(means) != 1:
        raise SourceIncomplete(
            f"{net}: subtracts the mean image {name!r}, which is not beside it; pass it with --mean."
        )
    if len(means) == 1 and (transform is None or means[0].name != name):
        notes.append(f"{means[0].name}: lies beside the net and is taken for its mean image")
    return means[0] if len(means) == 1 else None
