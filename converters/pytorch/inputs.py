"""What a network takes and gives: the shape of its images, found by trying, and the class scores among its outputs."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils import _pytree

from converters.conversion import Wishes
from converters.refusals import SourceIncomplete
from converters.torch_exporter import OUTPUT

SIZES = (32, 28, 224, 64, 48, 96, 128, 227, 299, 36, 40, 56, 100, 112, 150, 160, 192, 200, 240, 256, 384)
_IMAGENET = (224, 224)
_MANY_CLASSES = 1000  # networks with that many classes are nearly always ImageNet's


class Taken(NamedTuple):
    """Two images that the network takes, all zero; whether their size is only one of several that would do."""

    example: torch.Tensor
    stated: Mapping[str, Any]
    assumed: Mapping[str, Any]


def image_of(module: nn.Module, wishes: Wishes, usual: tuple[int, int] | None, name: str) -> Taken:
    """The shape of the images that a network takes: the user's wish, else its library's word, else the first that runs.

    Channels are those of its first convolution. A network that begins with a fully connected layer takes square
    images, NCHW or flat, of as many pixels as that layer has inputs. Raises SourceIncomplete.
    """
    refusal = ""
    for shape in _shapes(module, wishes, usual):
        example = torch.zeros(2, *shape)
        try:
            classes = _class_count(module, example)
        except (RuntimeError, ValueError, IndexError, TypeError, AssertionError, AttributeError) as error:
            refusal = refusal or f"{type(error).__name__}: {(str(error) or 'no message').splitlines()[0]}"
            continue
        if wishes.size is None and usual is None and len(shape) == 3 and classes >= _MANY_CLASSES:
            larger = torch.zeros(2, shape[0], *_IMAGENET)
            example = larger if _runs(module, larger) else example
        return _taken(module, example, wishes)
    wanted = "any size tried" if wishes.size is None else f"{wishes.size[0]} x {wishes.size[1]} pixels"
    raise SourceIncomplete(
        f"{name} does not run on images of {wanted} ({refusal[:200]}); say the right one with --size HEIGHT WIDTH"
    )


def _taken(module: nn.Module, example: torch.Tensor, wishes: Wishes) -> Taken:
    shape = tuple(example.shape[1:])
    if len(shape) == 1:
        side = math.isqrt(shape[0] // 3 if wishes.image_channels == 3 else shape[0])
        size = wishes.size or (side, side)
        channels = shape[0] // (size[0] * size[1])
        return Taken(example, {"channels": channels, "size": size}, {"layout": "nchw"})
    size = (shape[1], shape[2])
    stated: dict[str, Any] = {"layout": "nchw", "channels": shape[0]}
    free = wishes.size is None and _runs(module, torch.zeros(2, shape[0], size[0] + 8, size[1] + 8))
    return Taken(example, stated if free else {**stated, "size": size}, {"size": size} if free else {})


def _shapes(module: nn.Module, wishes: Wishes, usual: tuple[int, int] | None) -> Iterator[tuple[int, ...]]:
    first = next((part for part in module.modules() if isinstance(part, nn.Conv2d | nn.Linear)), None)
    if isinstance(first, nn.Linear):
        yield from _flattened(first.in_features, wishes)
    found = first.in_channels if isinstance(first, nn.Conv2d) and first.in_channels in (1, 3) else None
    channels = found or wishes.image_channels or 3
    sides = [wishes.size] if wishes.size else [usual] if usual else [(side, side) for side in SIZES]
    yield from ((channels, *size) for size in sides)


def _flattened(features: int, wishes: Wishes) -> Iterator[tuple[int, ...]]:
    for channels in (wishes.image_channels,) if wishes.image_channels else (1, 3):
        side = math.isqrt(features // channels)
        size = wishes.size or (side, side)
        if channels * size[0] * size[1] == features:
            yield (channels, *size)
            yield (features,)


def _runs(module: nn.Module, images: torch.Tensor) -> bool:
    try:
        _class_count(module, images)
    except Exception:  # noqa: BLE001 - the module is a stranger's
        return False
    return True


def _class_count(module: nn.Module, images: torch.Tensor) -> int:
    with torch.inference_mode():
        found = [tensor for _, tensor in tensors_of(module(images)) if is_scores(tensor, len(images))]
    if not found:
        raise ValueError("none of its outputs has one score for each of two or more classes")
    return found[0].shape[1]


def tensors_of(outputs: Any) -> list[tuple[str, torch.Tensor]]:
    """The tensors among what a module gives, by name: `scores` for a single one, else their keys or places."""
    leaves, _ = _pytree.tree_flatten_with_path(outputs)
    found = [(_name(path), leaf) for path, leaf in leaves if isinstance(leaf, torch.Tensor)]
    return [(OUTPUT, found[0][1])] if len(found) == 1 else found


def _name(path: Sequence[Any]) -> str:
    parts = [getattr(step, "key", getattr(step, "idx", getattr(step, "name", step))) for step in path]
    return "output_" + "_".join(str(part) for part in parts)


def is_scores(tensor: torch.Tensor, count: int) -> bool:
    """Whether a tensor is [count, k] with k >= 2, axes of length 1 behind it aside."""
    sides = tuple(tensor.shape)
    return len(sides) >= 2 and sides[0] == count and sides[1] >= 2 and math.prod(sides[2:]) == 1


def chosen(outputs: Any, count: int, wish: str | None, name: str) -> tuple[list[str], int]:
    """The names of all outputs and the place of the class scores: the one wished for, or the only one that can be.

    Raises SourceIncomplete when several can, or none, or the wished one is not there.
    """
    found = tensors_of(outputs)
    names = [output for output, _ in found]
    if wish is not None:
        if wish not in names:
            raise SourceIncomplete(f"{name} has no output {wish!r}; its outputs are {', '.join(names)}")
        return names, names.index(wish)
    able = [at for at, (_, tensor) in enumerate(found) if is_scores(tensor, count)]
    if len(able) != 1:
        listed = ", ".join(f"{output} {list(tensor.shape)}" for output, tensor in found[:8]) or "none"
        if not able:
            raise SourceIncomplete(f"{name} has no output with a score for each class ({listed}); give a classifier")
        raise SourceIncomplete(f"several outputs of {name} can be the scores ({listed}); say which with --output NAME")
    return names, able[0]
