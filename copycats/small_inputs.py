"""Fits networks that were made for large photographs to small images.

Convolutional nets halve their maps five times; a 32 pixel image is one place then. So the earliest strides are taken
out, all layers of one scale together (a block and its shortcut must agree), until the last map has LEAST_MAP places a
side. That is what one does by hand for ResNets at 32 pixels (stem of stride 1, no pooling), found here by looking at
a run.
"""

from dataclasses import dataclass

import torch
from torch import nn

from copycats.copycat import Order, Size

LEAST_MAP = 3  # places a side of the last map: 4 at 32 pixels, 3 at 48 and 96
MOST_CHANGES = 4

# what nets raise when their maps run out
TOO_SMALL = (RuntimeError, ValueError, AssertionError, IndexError, ZeroDivisionError)

Strided = nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d


@dataclass(frozen=True)
class Seen:
    """A layer with a stride, and the size of the maps it got, in the order of a run."""

    name: str
    layer: Strided
    size: Size


def patch_for(size: Size, usual: int) -> int:
    """The patch side of a vision transformer that cuts an image into about 8x8 patches or more, never above `usual`."""
    fitting = [p for p in range(1, usual + 1) if size[0] % p == size[1] % p == 0 and p * 8 <= min(size)]
    return max(fitting, default=1)


def runs(net: nn.Module, order: Order) -> bool:
    """Whether the net takes images of this size and answers with logits of the right shape."""
    try:
        return tuple(_look(net, order).shape) == (2, order.classes)
    except TOO_SMALL:
        return False


def widen(net: nn.Module, order: Order, *, new_kernels: bool) -> list[str]:
    """Take out early strides until the last map is large enough; says what was done, one line per scale.

    `new_kernels`: a large first kernel (7x7 for 224 pixels) may become a fresh 3x3 one, for no learnt weights are lost.
    """
    notes: list[str] = []
    strided, last = _trace(net, order)
    if not _shrinks_at_once(strided, order):
        return notes
    while strided and last is not None and min(last) < LEAST_MAP and len(notes) < MOST_CHANGES:
        scale = [seen for seen in strided if seen.size == strided[0].size]
        for seen in scale:
            _take_out(net, seen, new_kernels=new_kernels and seen.size == order.size)
        notes.append(f"stride taken out: {', '.join(seen.name for seen in scale)}")
        strided, last = _trace(net, order)
    return notes


def _look(net: nn.Module, order: Order, *, features: bool = False) -> torch.Tensor:
    """The net's answer (or last map) for two black images, computed without leaving a trace in it."""
    training = net.training
    net.eval()
    try:
        with torch.inference_mode():
            images = torch.zeros(2, order.channels, *order.size)
            answer: torch.Tensor = net.forward_features(images) if features else net(images)  # type: ignore[operator]
    finally:
        net.train(training)
    return answer


def _trace(net: nn.Module, order: Order) -> tuple[list[Seen], Size | None]:
    """The layers that shrink their maps, in the order of a run, and the size of the last map of more than one place."""
    strided: list[Seen] = []
    sizes: list[Size] = []

    def note(name: str, layer: nn.Module, given: tuple[torch.Tensor, ...], made: torch.Tensor) -> None:
        before, after = tuple(given[0].shape[-2:]), tuple(made.shape[-2:])
        if isinstance(layer, Strided) and max(_pair(layer.stride)) > 1:
            strided.append(Seen(name, layer, (before[0], before[1])))
        if isinstance(layer, Strided) and min(before) > 1:  # 1x1 maps are squeeze-and-excitation's, mostly
            sizes.append((after[0], after[1]))

    hooks = []
    for name, layer in net.named_modules():
        if isinstance(layer, Strided):
            hooks.append(layer.register_forward_hook(lambda m, i, o, name=name: note(name, m, i, o)))
    try:
        _look(net, order, features=hasattr(net, "forward_features"))  # heads may convolve too (VGG's fc6 of timm)
    except TOO_SMALL:
        sizes.append((0, 0))
    finally:
        for hook in hooks:
            hook.remove()
    return strided, sizes[-1] if sizes else None


def _shrinks_at_once(strided: list[Seen], order: Order) -> bool:
    """Whether the net's first layer has a stride; one that starts at full size (VGG) may halve as often as it likes."""
    return bool(strided) and strided[0].size == order.size and isinstance(strided[0].layer, nn.Conv2d)


def _take_out(net: nn.Module, seen: Seen, *, new_kernels: bool) -> None:
    """Halve the stride of a convolution (4 to 2, 2 to 1); a pooling of stride 2 goes altogether."""
    parent, _, own = seen.name.rpartition(".")
    layer = seen.layer
    if not isinstance(layer, nn.Conv2d):
        setattr(net.get_submodule(parent), own, nn.Identity())
        return
    layer.stride = tuple(max(1, step // 2) for step in _pair(layer.stride))
    kernel = _pair(layer.kernel_size)
    if new_kernels and layer.groups == 1 and layer.stride == (1, 1) and kernel in ((5, 5), (7, 7)):
        fresh = nn.Conv2d(layer.in_channels, layer.out_channels, 3, 1, 1, bias=layer.bias is not None)
        nn.init.kaiming_normal_(fresh.weight, mode="fan_out", nonlinearity="relu")
        setattr(net.get_submodule(parent), own, fresh)


def _pair(value: int | tuple[int, ...] | str) -> tuple[int, int]:
    if isinstance(value, tuple):
        return int(value[0]), int(value[-1])
    return int(value), int(value)
