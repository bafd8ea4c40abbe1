"""Random nets for hypothesis: layers that fit each other, with random parameters, weights, edges and spellings."""

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from made_nets import net_of

from converters.caffe.net import Net
from converters.caffe.plain import Plain

Fields = list[tuple[str, Any]]


class Maker:
    """Draws one layer after the other; `both`: only what OpenCV computes as Caffe does."""

    def __init__(self, draw: Any, *, both: bool) -> None:
        self.draw, self.both = draw, both
        self.texts: list[str] = []
        self.blobs: dict[str, list[np.ndarray]] = {}
        self.sides = (draw(st.sampled_from([1, 3])), draw(st.integers(4, 9)), draw(st.integers(4, 9)))
        self.top, self.shape = "data", self.sides
        self.older: list[tuple[str, tuple[int, ...]]] = []
        self.rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def net(self) -> Net:
        """The net so far; a batch of 2 in the file."""
        return net_of("".join(self.texts), self.blobs, {"data": (2, *self.sides)})

    def number(self, low: int, high: int) -> int:
        """A whole number."""
        return int(self.draw(st.integers(low, high)))

    def choice(self, *options: Any) -> Any:
        """One of them."""
        return self.draw(st.sampled_from(options))

    def weights(self, *shape: int) -> np.ndarray:
        """Numbers that keep a layer's results about as large as what it reads."""
        return (self.rng.normal(size=shape) / math.sqrt(math.prod(shape[1:]) or 1)).astype(np.float32)

    def positive(self, *shape: int) -> np.ndarray:
        """Numbers around 1."""
        return self.rng.uniform(0.5, 1.5, shape).astype(np.float32)

    def add(self, kind: str, fields: Fields = (), blobs: Sequence[np.ndarray] = (), **edges: Any) -> None:  # type: ignore[assignment]
        """Append a layer, now and then in place, and find the shape of its first top by running it."""
        name = f"{kind.lower()}{len(self.texts)}"
        bottoms = edges.get("bottoms", [self.top])
        alone = edges.get("in_place", False) and bottoms == [self.top] and self.top != "data"
        tops = edges.get("tops", [self.top if alone and self.choice(True, False) else name])
        layer: Fields = [("name", json.dumps(name)), ("type", json.dumps(kind))]
        layer += [("bottom", json.dumps(each)) for each in bottoms] + [("top", json.dumps(each)) for each in tops]
        self.draw(st.randoms(use_true_random=False)).shuffle(layer)
        self.texts.append(self.spelled("layer", [*layer, *fields]) + "\n")
        if blobs:
            self.blobs[name] = list(blobs)
        if tops[0] != self.top and self.top != "data":
            self.older.append((self.top, self.shape))
        self.top = tops[0]
        run = Plain(self.net(), len(self.texts) - 1, tensors={len(self.texts) - 1: tops})
        with np.errstate(all="ignore"):
            values = dict(run.layers(np.zeros((2, *self.sides), np.float32)))
        self.shape = values[self.top].shape[1:]

    def spelled(self, key: str, value: Any) -> str:
        """A field in one of the spellings of protobuf's text format."""
        if not isinstance(value, list):
            value = self.choice(value, value.replace('"', "'")) if isinstance(value, str) else value
            return f"{key}{self.choice(': ', ':', ' : ')}{value}"
        opening, closing = self.choice(("{", "}"), ("{", "}"), ("<", ">"))
        space = self.choice(" ", "\n  ", "  # a note: { not read\n ")
        between = self.choice(" ", "\n", ", ", "; ")
        inside = between.join(self.spelled(*field) for field in value)
        return f"{key}{self.choice('', ' ', ': ')}{opening}{space}{inside}{space}{closing}"


def _filters(maker: Maker, *, dilated: bool = True) -> tuple[Fields, tuple[int, ...]] | None:
    """Kernel, stride, pad and dilation in one of their spellings, if they fit."""
    height, width = maker.shape[1:]
    if maker.choice(True, False):
        kernel = (size := maker.number(1, 4), size)
        fields: Fields = [("kernel_size", size)]
        for name, high in (("stride", 3), ("pad", 2)):
            if maker.choice(True, False):
                fields.append((name, maker.number(1 if name == "stride" else 0, high)))
    else:
        kernel = (maker.number(1, 4), maker.number(1, 4))
        fields = [("kernel_h", kernel[0]), ("kernel_w", kernel[1])]
        fields += [("stride_h", maker.number(1, 2)), ("stride_w", maker.number(1, 3))]
        fields += [("pad_h", maker.number(0, 1)), ("pad_w", maker.number(0, 2))]
    dilation = maker.number(1, 2) if dilated and maker.choice(True, False) else 1
    if dilation > 1:
        fields.append(("dilation", dilation))
    fits = all((k - 1) * dilation + 1 <= side for k, side in zip(kernel, (height, width), strict=True))
    return (fields, kernel) if fits else None


def convolution(maker: Maker) -> None:
    """With random groups."""
    found = _filters(maker)
    if found is None:
        return
    fields, kernel = found
    channels = maker.shape[0]
    groups = maker.choice(*(g for g in (1, 2, 3) if channels % g == 0))
    count = groups * maker.number(1, 3)
    fields += [("num_output", count)] + ([("group", groups)] if groups > 1 else [])
    biased = maker.choice(True, False)
    blobs = [maker.weights(count, channels // groups, *kernel)]
    blobs += [maker.weights(count)] if biased else []
    maker.add("Convolution", [("convolution_param", fields + ([] if biased else [("bias_term", "false")]))], blobs)
    normalise(maker)


def deconvolution(maker: Maker) -> None:
    """With stride, and groups."""
    channels, kernel, stride = maker.shape[0], maker.number(1, 3), maker.number(1, 2)
    groups = maker.choice(*(g for g in (1, 3) if channels % g == 0))
    count = groups * maker.number(1, 2)
    fields: Fields = [("num_output", count), ("kernel_size", kernel), ("stride", stride), ("group", groups)]
    if math.prod(maker.shape[1:]) < 200:
        blobs = [maker.weights(channels, count // groups, kernel, kernel), maker.weights(count)]
        maker.add("Deconvolution", [("convolution_param", fields)], blobs)
        normalise(maker)


def normalise(maker: Maker) -> None:
    """Perhaps BatchNorm, perhaps Scale."""
    channels = maker.shape[0]
    if maker.choice(True, False):
        blobs = [maker.weights(channels), maker.positive(channels), maker.positive(1)]
        maker.add("BatchNorm", [("batch_norm_param", [("eps", 0.01)])], blobs, in_place=True)
    if maker.choice(True, False):
        biased = [("bias_term", maker.choice("true", "1"))]
        blobs = [maker.positive(channels), maker.weights(channels)]
        maker.add("Scale", [("scale_param", biased)], blobs, in_place=True)


def pooling(maker: Maker) -> None:
    """All methods but the stochastic, rounded up or down."""
    found = _filters(maker, dilated=False)
    if found is None or math.prod(maker.shape[1:]) < 4:
        return
    fields, kernel = found
    given = dict(fields)
    pads = [given.get("pad", given.get(name, 0)) for name in ("pad_h", "pad_w")]
    strides = [given.get("stride", given.get(name, 1)) for name in ("stride_h", "stride_w")]
    if any(pad >= k for pad, k in zip(pads, kernel, strict=True)) or any(
        stride > k for stride, k in zip(strides, kernel, strict=True)
    ):
        return
    fields = [("pool", maker.choice("MAX", "AVE", 0, 1)), *fields]
    if not maker.both and maker.choice(True, False):
        fields.append(("round_mode", maker.choice("FLOOR", "CEIL")))
    maker.add("Pooling", [("pooling_param", fields)])


def lrn(maker: Maker) -> None:
    """Both ways."""
    fields: Fields = [("local_size", maker.choice(1, 3, 5)), ("alpha", maker.choice(0.1, 1)), ("beta", 0.75)]
    fields += [("norm_region", maker.choice("ACROSS_CHANNELS", "WITHIN_CHANNEL"))]
    fields += [] if maker.both else [("k", maker.choice(1, 2))]
    maker.add("LRN", [("lrn_param", fields)])


def activation(maker: Maker) -> None:
    """Smooth or with a bend."""
    kind, fields = maker.choice(
        ("ReLU", []),
        ("ReLU", [("relu_param", [("negative_slope", 0.1)])]),
        ("ELU", [("elu_param", [("alpha", 0.5)])]),
        ("Sigmoid", []),
        ("TanH", []),
        ("BNLL", []),
        ("AbsVal", []),
        ("Swish", []),
        ("Dropout", [("dropout_param", [("dropout_ratio", 0.3)])]),
        ("Power", [("power_param", [("power", 2), ("scale", 0.5), ("shift", -0.25)])]),
        *(() if maker.both else [("Clip", [("clip_param", [("min", -0.5), ("max", 0.75)])])]),
        *(() if maker.both else [("Swish", [("swish_param", [("beta", 2)])])]),
    )
    maker.add(kind, list(fields), in_place=True)


def prelu(maker: Maker) -> None:
    """A slope for each channel, or one."""
    shared = maker.choice(True, False)
    slopes = maker.positive(1 if shared else maker.shape[0])
    maker.add("PReLU", [("prelu_param", [("channel_shared", "true")])] if shared else [], [slopes], in_place=True)


def exponent(maker: Maker) -> None:
    """Of something small; or the logarithm of something above 1."""
    maker.add("TanH")
    if maker.both or maker.choice(True, False):
        maker.add("Exp", [("exp_param", [("base", maker.choice(-1, 2)), ("scale", 0.5), ("shift", 0.25)])])
    else:
        maker.add("Log", [("log_param", [("base", maker.choice(-1, 10)), ("scale", 0.5), ("shift", 2)])])


def mvn(maker: Maker) -> None:
    """With an eps that hides rounding."""
    across = "false" if maker.both else maker.choice("true", "false")
    variance = maker.choice("true", "false") if not maker.both else "false"
    maker.add("MVN", [("mvn_param", [("across_channels", across), ("normalize_variance", variance), ("eps", 0.1)])])


def joined(maker: Maker) -> None:
    """Two branches of what is there, put together again."""
    start = maker.top
    maker.add("TanH")
    branch = maker.top
    kind, fields = maker.choice(
        ("Eltwise", []),
        ("Eltwise", [("eltwise_param", [("operation", "SUM"), ("coeff", 0.5), ("coeff", -1)])]),
        ("Eltwise", [("eltwise_param", [("operation", "PROD")])]),
        ("Eltwise", [("eltwise_param", [("operation", "MAX")])]),
        ("Concat", []),
        ("Concat", [("concat_param", [("axis", -1)])]),
        ("Concat", [("concat_param", [("concat_dim", 1)])]),
    )
    maker.add(kind, list(fields), bottoms=[start, branch])


def sliced(maker: Maker) -> None:
    """Cut in two and put together the other way round."""
    axis = maker.number(1, len(maker.shape))
    if maker.shape[axis - 1] < 2:
        return
    name = f"part{len(maker.texts)}"
    point = maker.number(1, maker.shape[axis - 1] - 1)
    cut = [("slice_param", [("axis", axis), ("slice_point", point)])]
    maker.add("Slice", cut, tops=[f"{name}a", f"{name}b"])
    maker.add("Concat", [("concat_param", [("axis", axis)])], bottoms=[f"{name}b", f"{name}a"])


def moved(maker: Maker) -> None:
    """Permuted or reshaped, to four axes again."""
    channels, height, width = maker.shape
    if maker.choice(True, False):
        order = [0, *maker.draw(st.permutations([1, 2, 3]))]
        maker.add("Permute", [("permute_param", [("order", axis) for axis in order])])
    else:
        batch = maker.choice(0, -1) if maker.both else maker.choice(0, 2, -1)
        dims = [batch, height, -1 if batch != -1 else channels, width]
        maker.add("Reshape", [("reshape_param", [("shape", [("dim", dim) for dim in dims])])])


def end(maker: Maker) -> None:
    """Rows of scores, and perhaps a Softmax of them."""
    width = math.prod(maker.shape)
    if maker.choice(True, False):
        maker.add("Flatten")
    elif len(maker.shape) == 3 and maker.choice(True, False):
        maker.add("Pooling", [("pooling_param", [("pool", "AVE"), ("global_pooling", "true")])])
        width = maker.shape[0]
    count = maker.number(2, 6)
    turned = not maker.both and maker.choice(True, False)
    shape = (width, count) if turned else (count, width)
    fields: Fields = [("num_output", count)] + ([("transpose", "true")] if turned else [])
    blobs = [maker.weights(*shape) / 2, maker.weights(count)]
    maker.add("InnerProduct", [("inner_product_param", fields)], blobs)
    if maker.choice(True, False):
        maker.add(maker.choice("Softmax", "Softmax", "SoftmaxWithLoss"))


STEPS = (
    *(convolution, convolution, deconvolution, pooling, pooling, lrn, normalise, activation, activation, prelu),
    *(exponent, mvn, joined, joined, sliced, moved),
)


@st.composite
def nets(draw: Any, *, both: bool = False) -> tuple[Net, tuple[int, int, int]]:
    """A net of up to eight steps with its input's sides."""
    maker = Maker(draw, both=both)
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=8)):
        if math.prod(maker.shape) <= 3000:
            step(maker)
    end(maker)
    return maker.net(), maker.sides
