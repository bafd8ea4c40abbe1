"""What each PyTorch module type becomes in Caffe: a table of one function per type.

What a module does is compared with what Caffe's layer would do at the size at hand, for rounding, padding and divisors
of pooling differ between the two. What cannot be said in Caffe is refused by name.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from converters.refusals import UnsupportedLayer

Shape = tuple[int, ...]
_MAX, _AVE = 0, 1
_FLOOR = 1


class Piece(NamedTuple):
    """A layer without its names: its type, the fields of its own parameters, its weights."""

    kind: str
    params: dict[str, dict[str, Any]]
    blobs: tuple[torch.Tensor, ...] = ()


class Place(NamedTuple):
    """Where a module stands: its name in its parent, and the shapes that go in and come out."""

    name: str
    before: Shape
    after: Shape

    def refusal(self, module: nn.Module, what: str) -> UnsupportedLayer:
        """The refusal of a module for something about it."""
        return UnsupportedLayer(f"module {self.name} ({type(module).__name__}) cannot be written for Caffe: {what}.")


Write = Callable[[Any, Place], list[Piece]]
TABLE: dict[type[nn.Module], Write] = {}


def writes(*kinds: type[nn.Module]) -> Callable[[Write], Write]:
    """Enter a function into TABLE for these module types."""

    def enter(write: Write) -> Write:
        TABLE.update(dict.fromkeys(kinds, write))
        return write

    return enter


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def _sides(name: str, value: int | Sequence[int], *, default: int, listed: bool) -> dict[str, Any]:
    """A side for both axes under one name, or one for each axis; nothing where Caffe's default says it."""
    height, width = _pair(value)
    if height != width:
        short = name.removesuffix("_size")
        return {f"{short}_h": height, f"{short}_w": width}
    if height == default:
        return {}
    return {name: [height] if listed else height}


@writes(nn.Conv2d)
def convolution(module: nn.Conv2d, place: Place) -> list[Piece]:
    """Convolution; padding of zeros, the same on both sides."""
    if module.padding_mode != "zeros":
        raise place.refusal(module, f"padding_mode is {module.padding_mode!r}, and Caffe pads with zeros")
    spans = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
    if module.padding == "same" and any(span % 2 for span in spans):
        raise place.refusal(module, "padding 'same' is larger on one side here, and Caffe pads both alike")
    named = {"same": [span // 2 for span in spans], "valid": [0, 0]}
    padding = named[module.padding] if isinstance(module.padding, str) else list(module.padding)
    return [Piece("Convolution", {"convolution_param": _convolved(module, padding)}, _weights(module))]


@writes(nn.ConvTranspose2d)
def deconvolution(module: nn.ConvTranspose2d, place: Place) -> list[Piece]:
    """Deconvolution, whose output has one size only."""
    if any(_pair(module.output_padding)):
        raise place.refusal(module, f"output_padding is {module.output_padding}, which Caffe does not have")
    return [
        Piece(
            "Deconvolution",
            {"convolution_param": _convolved(module, [int(side) for side in module.padding])},
            _weights(module),
        )
    ]


def _convolved(module: Any, padding: Sequence[int]) -> dict[str, Any]:
    dilation = tuple(module.dilation)
    return {
        "num_output": module.out_channels,
        **({} if module.bias is not None else {"bias_term": False}),
        **_sides("kernel_size", module.kernel_size, default=0, listed=True),
        **_sides("stride", module.stride, default=1, listed=True),
        **_sides("pad", padding, default=0, listed=True),
        **({"group": module.groups} if module.groups > 1 else {}),
        **({"dilation": list(dict.fromkeys(dilation))} if dilation != (1, 1) else {}),
    }


def _weights(module: Any) -> tuple[torch.Tensor, ...]:
    return (module.weight,) if module.bias is None else (module.weight, module.bias)


@writes(nn.Linear)
def inner_product(module: nn.Linear, place: Place) -> list[Piece]:
    """InnerProduct, on flat features only, where both mean the same."""
    if len(place.before) != 2:
        raise place.refusal(module, f"it reads {len(place.before)} axes, and InnerProduct flattens them; flatten first")
    said = {"num_output": module.out_features, **({} if module.bias is not None else {"bias_term": False})}
    return [Piece("InnerProduct", {"inner_product_param": said}, _weights(module))]


@writes(nn.BatchNorm2d)
def batch_norm(module: nn.BatchNorm2d, place: Place) -> list[Piece]:
    """BatchNorm for the statistics, with a scale factor of 1, and Scale for what was learned."""
    if module.running_mean is None or module.running_var is None:
        raise place.refusal(module, "it keeps no running statistics, and normalises by the batch")
    one = torch.ones(1)
    said = {"batch_norm_param": {"use_global_stats": True, "eps": module.eps}}
    pieces = [Piece("BatchNorm", said, (module.running_mean, module.running_var, one))]
    if module.affine:
        pieces.append(Piece("Scale", {"scale_param": {"bias_term": True}}, (module.weight, module.bias)))
    return pieces


@writes(nn.MaxPool2d)
def max_pooling(module: nn.MaxPool2d, place: Place) -> list[Piece]:
    """MAX pooling."""
    if _pair(module.dilation) != (1, 1) or module.return_indices:
        raise place.refusal(module, "it has dilation or returns indices, which Caffe's pooling does not")
    return [_pooled(module, place, _MAX)]


@writes(nn.AvgPool2d)
def average_pooling(module: nn.AvgPool2d, place: Place) -> list[Piece]:
    """AVE pooling, whose divisor counts the padding."""
    if module.divisor_override is not None or (any(_pair(module.padding)) and not module.count_include_pad):
        raise place.refusal(module, "its divisor leaves out the padding or is set, and Caffe counts the padding")
    return [_pooled(module, place, _AVE)]


def _pooled(module: Any, place: Place, method: int) -> Piece:
    kernel, stride, pad = _pair(module.kernel_size), _pair(module.stride), _pair(module.padding)
    modes = [
        floor
        for floor in (0, _FLOOR)
        if all(
            _pooled_side(size, (k, s, p), floor) == side
            for size, side, k, s, p in zip(place.before[2:], place.after[2:], kernel, stride, pad, strict=True)
        )
    ]
    if not modes:
        raise place.refusal(module, f"at {place.before[2]} x {place.before[3]} no rounding of Caffe's gives its size")
    said = {
        "pool": method,
        **_sides("kernel_size", kernel, default=0, listed=False),
        **_sides("stride", stride, default=1, listed=False),
        **_sides("pad", pad, default=0, listed=False),
        **({"round_mode": _FLOOR} if modes == [_FLOOR] else {}),
    }
    return Piece("Pooling", {"pooling_param": said})


def _pooled_side(size: int, window: tuple[int, int, int], floor: int) -> int:
    """The side that Caffe's pooling gives (PoolingLayer::Reshape)."""
    kernel, stride, pad = window
    span = size + 2 * pad - kernel
    side = (span // stride if floor else -(-span // stride)) + 1
    return side - 1 if pad and (side - 1) * stride >= size + pad else side


@writes(nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
def adaptive_pooling(module: Any, place: Place) -> list[Piece]:
    """Global pooling, or windows of one size where the sides divide."""
    said: dict[str, Any] = {"pool": _MAX if isinstance(module, nn.AdaptiveMaxPool2d) else _AVE}
    sizes, sides = place.before[2:], place.after[2:]
    if any(size % side for size, side in zip(sizes, sides, strict=True)):
        raise place.refusal(module, f"{sizes[0]} x {sizes[1]} does not divide into {sides[0]} x {sides[1]}")
    window = [size // side for size, side in zip(sizes, sides, strict=True)]
    if sides == (1, 1):
        said["global_pooling"] = True
    else:
        said |= _sides("kernel_size", window, default=0, listed=False)
        said |= _sides("stride", window, default=1, listed=False)
    return [Piece("Pooling", {"pooling_param": said})]


@writes(nn.LocalResponseNorm)
def response_norm(module: nn.LocalResponseNorm, place: Place) -> list[Piece]:
    """LRN across channels, whose window has a middle."""
    if module.size % 2 == 0:
        raise place.refusal(module, f"its size {module.size} is even, and Caffe's is odd")
    said = {"local_size": module.size, "alpha": module.alpha, "beta": module.beta, "k": module.k}
    return [Piece("LRN", {"lrn_param": said})]


@writes(nn.Softmax)
def softmax(module: nn.Softmax, place: Place) -> list[Piece]:
    """Softmax over the classes."""
    if module.dim is None or module.dim % len(place.before) != 1:
        raise place.refusal(module, f"its dim is {module.dim}; say dim=1")
    return [Piece("Softmax", {})]


@writes(nn.Flatten)
def flatten(module: nn.Flatten, place: Place) -> list[Piece]:
    """Flatten, of all axes but the first."""
    if len(place.after) != 2:
        raise place.refusal(module, f"it leaves {len(place.after)} axes; flatten from axis 1 to the last")
    return [Piece("Flatten", {})] if len(place.before) > 2 else []


# what takes no notice of where it stands; Dropout does nothing in the TEST phase
_ANYWHERE: dict[type[nn.Module], Callable[[Any], list[Piece]]] = {
    nn.ReLU: lambda _: [Piece("ReLU", {})],
    nn.LeakyReLU: lambda module: [Piece("ReLU", {"relu_param": {"negative_slope": module.negative_slope}})],
    nn.PReLU: lambda module: [
        Piece("PReLU", {"prelu_param": {"channel_shared": module.num_parameters == 1}}, (module.weight,))
    ],
    nn.ELU: lambda module: [Piece("ELU", {"elu_param": {"alpha": module.alpha}})],
    nn.Sigmoid: lambda _: [Piece("Sigmoid", {})],
    nn.Tanh: lambda _: [Piece("TanH", {})],
    nn.Dropout: lambda module: [Piece("Dropout", {"dropout_param": {"dropout_ratio": module.p}})],
    nn.Dropout2d: lambda module: [Piece("Dropout", {"dropout_param": {"dropout_ratio": module.p}})],
    nn.Identity: lambda _: [],
}


def _anywhere(make: Callable[[Any], list[Piece]]) -> Write:
    return lambda module, _: make(module)


TABLE.update({kind: _anywhere(make) for kind, make in _ANYWHERE.items()})
