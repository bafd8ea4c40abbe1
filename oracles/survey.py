"""What a foreign model's input says of the images it takes, and which of it the card declares or nobody says."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from onnx import ModelProto, TensorProto, ValueInfoProto

from oracles.card import LONGEST_SIDE, DroppedCard, Finding, How, Layout, Preprocessing, printable
from oracles.preprocessing import FLOATS, INPUT_TYPES, Shape
from oracles.refusals import CardRefused, NotAnImage, SeveralImageInputs

# tried in turn where neither model nor card fixes the size; networks with many classes are tried at 224 first
SIZES_RGB = (32, 224, 64, 96, 128, 227, 299, 28)
SIZES_GREY = (28, 32, 64, 96, 48, 128, 224)
_KEYS = ("layout", "channels", "order", "size", "range", "scale", "mean", "std", "mean_image")
# below this side a row of numbers is a table of features rather than a flattened image
_SMALLEST_FLAT_SIDE = 7


@dataclass(frozen=True)
class Input:
    """A model's input as an image: `sides` after the batch axis; None where the model leaves a side free."""

    name: str
    dtype: int
    sides: tuple[int | None, ...]
    layout: Layout
    channels: Literal[1, 3]
    size: tuple[int | None, int | None]
    batch: int | None
    findings: tuple[Finding, ...] = field(default=())

    def shape(self) -> Shape:
        """Element type and sides once the size is settled."""
        height, width = self.settled()
        count = self.channels
        by_layout = {"nchw": (count, height, width), "nhwc": (height, width, count), "nhw": (height, width)}
        pixels = height * width * (1 if count in self.sides and len(self.sides) == 2 else count)
        flat = tuple(pixels if side is None else side for side in self.sides)
        return Shape(self.dtype, by_layout.get(self.layout, flat))

    def settled(self) -> tuple[int, int]:
        """The size, which must be known by now."""
        height, width = self.size
        if height is None or width is None:
            raise NotAnImage("its image size is free; write size = [height, width] into the card")
        if max(height, width) > LONGEST_SIDE:
            raise NotAnImage(f"its images have {height} x {width} pixels; at most {LONGEST_SIDE} on a side are taken")
        return height, width

    def sized(self, height: int, width: int, how: How) -> "Input":
        """The same input with its free size settled."""
        finding = Finding(what="size", value=f"{height} x {width}", how=how)
        return replace(self, size=(height, width), findings=(*self.findings, finding))


def look(model: ModelProto, card: DroppedCard) -> Input:
    """The one image input of a tidy model; raises SeveralImageInputs, NotAnImage, CardRefused."""
    value = _only_input(model)
    dtype = _element_type(value)
    shape = value.type.tensor_type.shape
    dims = [d.dim_value if d.dim_value > 0 else None for d in shape.dim]  # some exporters write -1 for free
    if not value.type.tensor_type.HasField("shape"):
        dims = _shape_from_card(card)
    batch, sides = (dims[0], tuple(dims[1:])) if dims else (None, ())
    if len(dims) == 3 and dims[0] == 3 and dims[1] == dims[2]:
        raise NotAnImage(f"its input is {_sides(dims)}: an image without a batch axis; export it with one")
    layout, channels, size, how = _as_image(sides, card, dims)
    _agree(card, layout, channels, size)
    size = card.size or size
    sure: How = "found" if layout.startswith("flat") else how  # what is assumed of flat rows is their order
    findings = [
        Finding(what="input", value=f"{printable(value.name, 60)} {_sides(dims)}", how="found"),
        Finding(what="type", value=_type_name(dtype), how="found"),
        Finding(what="layout", value=layout, how="declared" if card.layout and how == "assumed" else how),
        Finding(what="channels", value=str(channels), how="declared" if card.channels and sure == "assumed" else sure),
    ]
    if None not in size:
        where: How = "found" if card.size is None else "declared"
        findings.append(Finding(what="size", value=f"{size[0]} x {size[1]}", how=where))
    return Input(value.name, dtype, sides, layout, channels, size, batch, tuple(findings))


def preprocessing(view: Input, card: DroppedCard, mean_image_sha256: str | None) -> Preprocessing:
    """The preprocessing that card and model ask for, with what had to be assumed; the size must be settled."""
    said = {*card.said(), *(("mean_image",) if mean_image_sha256 else ())}
    assumed = [f.what for f in view.findings if f.how == "assumed" and f.what in ("layout", "channels", "size")]
    if view.channels == 3 and card.order is None:
        assumed.append("order")
    span = card.range
    if span is None and card.scale is None:
        in_pixels = mean_image_sha256 is not None or any(abs(m) > 2 for m in card.mean or ())
        span = _usual_range(view.dtype, in_pixels=in_pixels)
        assumed.append("range")
    _numbers_fit(view, card, span)
    return Preprocessing(
        layout=view.layout,
        channels=view.channels,
        order=card.order or "rgb",
        dtype=_type_name(view.dtype),
        size=view.settled(),
        range=span,
        scale=card.scale,
        mean=card.mean,
        std=card.std,
        mean_image_sha256=mean_image_sha256,
        declared=tuple(key for key in _KEYS if key in said),
        assumed=tuple(assumed),
    )


def _usual_range(dtype: int, *, in_pixels: bool) -> tuple[float, float]:
    """0..1 for floats, 0..255 for whole numbers and where the means are in pixel units, -128..127 for int8."""
    if dtype == TensorProto.INT8:
        return (-128.0, 127.0)
    return (0.0, 1.0) if dtype in FLOATS and not in_pixels else (0.0, 255.0)


def _numbers_fit(view: Input, card: DroppedCard, span: tuple[float, float] | None) -> None:
    for key, numbers in (("mean", card.mean), ("std", card.std)):
        if numbers is not None and len(numbers) not in (1, view.channels):
            raise CardRefused(f"{key} has {len(numbers)} numbers, but the model takes {view.channels} channel(s)")
    if view.dtype not in (TensorProto.UINT8, TensorProto.INT8):
        return
    low, high = (-128.0, 127.0) if view.dtype == TensorProto.INT8 else (0.0, 255.0)
    if span is None or min(span) < low or max(span) > high or card.mean or card.std or card.mean_image:
        raise CardRefused(
            f"the model takes {_type_name(view.dtype)}: only a range within {low:g}..{high:g} fits,"
            " without scale, mean, std or mean_image"
        )


def _only_input(model: ModelProto) -> ValueInfoProto:
    inputs = list(model.graph.input)
    names = printable(", ".join(printable(value.name, 60) for value in inputs[:8]), 300)
    if not inputs:
        raise NotAnImage("the model has no input; export one that takes images")
    if len(inputs) > 1:
        raise SeveralImageInputs(
            f"the model has {len(inputs)} inputs ({names}); export it with the image as its only input, the rest fixed"
        )
    return inputs[0]


def _element_type(value: ValueInfoProto) -> int:
    if value.type.WhichOneof("value") != "tensor_type":
        raise NotAnImage(f"its input {printable(value.name, 60)!r} is no tensor; export one that takes images")
    dtype = int(value.type.tensor_type.elem_type)
    if dtype not in INPUT_TYPES:
        raise NotAnImage(
            f"its input {printable(value.name, 60)!r} holds {_type_name(dtype)}; export one that takes numbers"
        )
    return dtype


def _type_name(dtype: int) -> str:
    if dtype not in TensorProto.DataType.values():
        return f"type {dtype}"
    name = str(TensorProto.DataType.Name(dtype)).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)


def _shape_from_card(card: DroppedCard) -> list[int | None]:
    if card.layout is None or card.channels is None or card.size is None:
        raise NotAnImage("its input has no shape; write layout, channels and size into the card")
    height, width = card.size
    return [None, card.channels, height, width] if card.layout == "nchw" else [None, height, width, card.channels]


Image = tuple[Layout, Literal[1, 3], tuple[int | None, int | None], How]


def _as_image(sides: Sequence[int | None], card: DroppedCard, dims: Sequence[int | None]) -> Image:
    image = None
    if len(sides) == 3:
        image = _with_channels(sides, card)
    elif len(sides) == 2 and not ({1, 3} & set(sides)):
        image = ("nhw", 1, (sides[0], sides[1]), "found")
    elif len(sides) in (1, 2):
        image = _flat(sides, card)
    if image is None:
        raise NotAnImage(
            f"its input {_sides(dims)} is no image with 1 or 3 channels; export it with [n, 3, h, w] or the like, or"
            " write size = [height, width] into the card of a model that takes flat rows"
        )
    return image


def _with_channels(sides: Sequence[int | None], card: DroppedCard) -> Image | None:
    first, middle, last = sides
    how: How = "found"
    layout = card.layout
    if layout is None:
        front, back = first in (1, 3), last in (1, 3)
        if front == back:  # both look like channels, or neither does
            how = "assumed"
        layout = "nhwc" if back and not front else "nchw"
    channels = first if layout == "nchw" else last
    if channels is None:
        channels, how = card.channels or 3, "assumed"
    if channels not in (1, 3):
        return None
    size = (middle, last) if layout == "nchw" else (first, middle)
    return layout, channels, size, how  # type: ignore[return-value]


def _flat(sides: Sequence[int | None], card: DroppedCard) -> Image | None:
    """Rows of pixels: [p], [p, 1], [1, p], or with three channels [p, 3], [3, p], or all in one row."""
    pixels: int | None = None
    if None not in sides:
        pixels = math.prod(side for side in sides if side is not None)
    elif card.size is not None and card.channels is not None:
        pixels = math.prod(card.size) * card.channels
    if pixels is None:
        return None
    if len(sides) == 2 and 3 in sides:
        colour: Layout = "flat_nchw" if sides[0] == 3 else "flat_nhwc"
        size = _rectangle(pixels // 3, card)
        return (colour, 3, size, "found") if size else None
    for channels in (1, 3):
        size = _rectangle(pixels // channels, card) if pixels % channels == 0 else None
        if size is not None:
            how: How = "found" if channels == 1 else "assumed"  # in which order the colours were flattened
            return ("flat_nchw" if card.layout == "nchw" else "flat_nhwc", channels, size, how)
    return None


def _rectangle(pixels: int, card: DroppedCard) -> tuple[int, int] | None:
    if card.size is not None:
        return card.size if math.prod(card.size) == pixels else None
    side = math.isqrt(pixels)
    return (side, side) if side * side == pixels and side >= _SMALLEST_FLAT_SIDE else None


def _agree(card: DroppedCard, layout: Layout, channels: int, size: Sequence[int | None]) -> None:
    if card.channels is not None and card.channels != channels:
        raise CardRefused(f"the card says channels = {card.channels}, but the model takes {channels}")
    if card.layout is not None and layout in ("nchw", "nhwc") and card.layout != layout:
        raise CardRefused(f"the card says layout = {card.layout!r}, but the model takes {layout!r}")
    if card.size is None:
        return
    if any(side not in (None, said) for side, said in zip(size, card.size, strict=True)):
        raise CardRefused(f"the card says size = {list(card.size)}, but the model takes {_sides(size)}")


def _sides(dims: Sequence[int | None]) -> str:
    return "[" + ", ".join("?" if side is None else str(side) for side in dims) + "]"
