"""Small nets that cover every layer type, parameter by parameter: (what it shows, layers as text, shapes of blobs)."""

from typing import NamedTuple

import numpy as np
from made_nets import layer_text

Shapes = dict[str, list[tuple[int, ...]]]


# not refused but, now and then, a division by 0 that takes the process down
DIES = "it may die of it"


class Case(NamedTuple):
    """`layers` read `data` (3 x 6 x 7 numbers around 0, or `sides`) and end in `it`; `blobs`: shapes by layer."""

    shows: str
    layers: str
    blobs: Shapes = {}  # noqa: RUF012 - never changed
    sides: tuple[int, int, int] = (3, 6, 7)
    opencv: str = ""


def one(shows: str, kind: str, param: str = "", *shapes: tuple[int, ...], **more: object) -> Case:
    """A net of a single layer."""
    return Case(shows, layer_text(kind, param), {"it": list(shapes)} if shapes else {}, **more)  # type: ignore[arg-type]


def blobs_of(case: Case) -> dict[str, list[np.ndarray]]:
    """Random blobs of a case's shapes; all but the first positive, for variances and factors are."""
    rng = np.random.default_rng(7)
    return {
        name: [
            (rng.normal(size=shape) if at == 0 else rng.uniform(0.1, 1, shape)).astype(np.float32)
            for at, shape in enumerate(shapes)
        ]
        for name, shapes in case.blobs.items()
    }


def conv(param: str) -> str:
    """The parameters of a convolution as text."""
    return f"convolution_param {{ {param} }}"


POSITIVE = layer_text("AbsVal", name="positive", tops="positive")
FLAT = layer_text("Flatten", name="flat", tops="flat")
TWO = layer_text("TanH", name="a", tops="a") + layer_text(
    "Power", "power_param { scale: -0.5 shift: 0.25 }", name="b", tops="b"
)
THREE = TWO + layer_text("AbsVal", name="c", tops="c")


def two(shows: str, kind: str, param: str = "", **more: object) -> Case:
    """A layer with two bottoms of one shape."""
    return Case(shows, TWO + layer_text(kind, param, bottoms="a b"), **more)  # type: ignore[arg-type]


def positive(shows: str, kind: str, param: str = "", **more: object) -> Case:
    """A layer that is given positive numbers."""
    return Case(shows, POSITIVE + layer_text(kind, param, bottoms="positive"), **more)  # type: ignore[arg-type]


def flat(shows: str, kind: str, param: str = "", *shapes: tuple[int, ...], **more: object) -> Case:
    """A layer that is given rows of 126 numbers."""
    blobs = {"it": list(shapes)} if shapes else {}
    return Case(shows, FLAT + layer_text(kind, param, bottoms="flat"), blobs, **more)  # type: ignore[arg-type]


CONVOLUTIONS = [
    one("plain", "Convolution", conv("num_output: 4 kernel_size: 3"), (4, 3, 3, 3), (4,)),
    one("no bias", "Convolution", conv("num_output: 4 kernel_size: 3 bias_term: false"), (4, 3, 3, 3)),
    one("one pixel", "Convolution", conv("num_output: 5 kernel_size: 1"), (5, 3, 1, 1), (5,)),
    one("pad and stride", "Convolution", conv("num_output: 4 kernel_size: 3 pad: 2 stride: 2"), (4, 3, 3, 3), (4,)),
    one("groups", "Convolution", conv("num_output: 6 kernel_size: 2 group: 3"), (6, 1, 2, 2), (6,)),
    one("dilated", "Convolution", conv("num_output: 2 kernel_size: 3 dilation: 2 pad: 1"), (2, 3, 3, 3), (2,)),
    one(
        "_h and _w",
        "Convolution",
        conv("num_output: 2 kernel_h: 3 kernel_w: 2 stride_h: 1 stride_w: 3 pad_h: 0 pad_w: 1"),
        (2, 3, 3, 2),
        (2,),
    ),
    one(
        "repeated",
        "Convolution",
        conv("num_output: 2 kernel_size: 2 kernel_size: 3 stride: 2 stride: 1 pad: 1 pad: 0"),
        (2, 3, 2, 3),
        (2,),
    ),
    one(
        "dilation per axis",
        "Convolution",
        conv("num_output: 2 kernel_size: 2 dilation: 1 dilation: 3"),
        (2, 3, 2, 2),
        (2,),
    ),
    one("legacy blobs", "Convolution", conv("num_output: 4 kernel_size: 3"), (4, 3, 3, 3), (1, 1, 1, 4)),
    one("negative axis", "Convolution", conv("num_output: 4 kernel_size: 3 axis: -3"), (4, 3, 3, 3), (4,)),
    Case(
        "two bottoms share the filters",
        TWO
        + layer_text("Convolution", conv("num_output: 2 kernel_size: 3"), bottoms="a b", tops="x y", name="shared")
        + layer_text("Eltwise", "eltwise_param { coeff: 1 coeff: -1 }", bottoms="x y"),
        {"shared": [(2, 3, 3, 3), (2,)]},
    ),
    Case(
        "one spatial axis",
        layer_text("Reshape", "reshape_param { shape { dim: 0 dim: 3 dim: 42 } }", name="line", tops="line")
        + layer_text("Convolution", conv("num_output: 4 kernel_size: 5 stride: 3 pad: 1"), bottoms="line"),
        {"it": [(4, 3, 5), (4,)]},
    ),
    Case(
        "three spatial axes",
        layer_text(
            "Reshape", "reshape_param { shape { dim: 0 dim: 1 dim: 3 dim: 6 dim: 7 } }", name="cube", tops="cube"
        )
        + layer_text("Convolution", conv("num_output: 2 kernel_size: 2 stride: 2 pad: 1"), bottoms="cube"),
        {"it": [(2, 1, 2, 2, 2), (2,)]},
        opencv=DIES,
    ),
    one("plain", "Deconvolution", conv("num_output: 4 kernel_size: 3"), (3, 4, 3, 3), (4,)),
    one("stride and pad", "Deconvolution", conv("num_output: 2 kernel_size: 4 stride: 2 pad: 1"), (3, 2, 4, 4), (2,)),
    one(
        "groups",
        "Deconvolution",
        conv("num_output: 6 kernel_size: 2 group: 3 stride: 2 bias_term: false"),
        (3, 2, 2, 2),
    ),
    one(
        "dilated",
        "Deconvolution",
        conv("num_output: 2 kernel_size: 3 dilation: 2 pad: 1"),
        (3, 2, 3, 3),
        (2,),
        opencv="it ignores the dilation of a deconvolution",
    ),
    one("rows", "InnerProduct", "inner_product_param { num_output: 5 }", (5, 126), (5,)),
    one("legacy blobs", "InnerProduct", "inner_product_param { num_output: 5 }", (1, 1, 5, 126), (1, 1, 1, 5)),
    one("no bias", "InnerProduct", "inner_product_param { num_output: 5 bias_term: false }", (5, 126)),
    one(
        "transposed",
        "InnerProduct",
        "inner_product_param { num_output: 5 transpose: true }",
        (126, 5),
        (5,),
        opencv="it leaves the weights as they are",
    ),
    one("axis 2", "InnerProduct", "inner_product_param { num_output: 5 axis: 2 }", (5, 42), (5,)),
    one("last axis", "InnerProduct", "inner_product_param { num_output: 5 axis: -1 }", (5, 7), (5,)),
    flat("of rows", "InnerProduct", "inner_product_param { num_output: 5 }", (5, 126), (5,)),
]

POOLINGS = [
    one("rounded up", "Pooling", "pooling_param { pool: MAX kernel_size: 3 stride: 2 }"),
    one(
        "rounded down",
        "Pooling",
        "pooling_param { pool: MAX kernel_size: 3 stride: 2 round_mode: FLOOR }",
        opencv="it does not know round_mode",
    ),
    one("default is MAX", "Pooling", "pooling_param { kernel_size: 2 }"),
    one("average", "Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }"),
    one("average over the edge", "Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 }"),
    one(
        "_h and _w",
        "Pooling",
        "pooling_param { pool: AVE kernel_h: 2 kernel_w: 3 stride_h: 1 stride_w: 2 pad_h: 1 pad_w: 0 }",
    ),
    one("global average", "Pooling", "pooling_param { pool: AVE global_pooling: true }"),
    one("global maximum", "Pooling", "pooling_param { pool: MAX global_pooling: true }"),
    one(
        "stochastic",
        "Pooling",
        "pooling_param { pool: STOCHASTIC kernel_size: 3 stride: 2 }",
        opencv="it draws as in training",
    ),
    Case(
        "mask",
        layer_text("Pooling", "pooling_param { kernel_size: 3 stride: 2 pad: 1 }", name="pool", tops="pool mask")
        + layer_text("AbsVal", bottoms="mask"),
        opencv="it cannot run it",
    ),
    one("one level", "SPP", "spp_param { pyramid_height: 1 }", opencv="not there"),
    one("pyramid", "SPP", "spp_param { pyramid_height: 3 pool: MAX }", opencv="not there"),
    one(
        "pyramid of averages",
        "SPP",
        "spp_param { pyramid_height: 2 pool: AVE }",
        opencv="not there",
    ),
]

NORMALISATIONS = [
    one("across channels", "LRN", "lrn_param { local_size: 3 alpha: 0.5 beta: 0.75 }"),
    one("wider than the channels", "LRN", "lrn_param { local_size: 9 alpha: 2 beta: 0.5 }"),
    one("k", "LRN", "lrn_param { local_size: 3 alpha: 2 beta: 0.5 k: 3 }", opencv="it leaves k at 1"),
    one("within a channel", "LRN", "lrn_param { local_size: 3 alpha: 2 beta: 0.5 norm_region: WITHIN_CHANNEL }"),
    one(
        "within, k ignored",
        "LRN",
        "lrn_param { local_size: 5 alpha: 1 k: 7 norm_region: WITHIN_CHANNEL }",
    ),
    one("stored statistics", "BatchNorm", "", (3,), (3,), (1,)),
    one("eps", "BatchNorm", "batch_norm_param { eps: 0.5 use_global_stats: true }", (3,), (3,), (1,)),
    one(
        "NVIDIA's scale and bias",
        "BatchNorm",
        "batch_norm_param { scale_bias: true }",
        (3,),
        (3,),
        (1,),
        (3,),
        (3,),
        opencv="it knows three blobs",
    ),
    flat("of rows", "BatchNorm", "", (126,), (126,), (1,)),
    Case(
        "with its Scale",
        layer_text("BatchNorm", name="norm", tops="norm")
        + layer_text("Scale", "scale_param { bias_term: true }", bottoms="norm"),
        {"norm": [(3,), (3,), (1,)], "it": [(3,), (3,)]},
    ),
    one("per channel", "MVN"),
    one("across channels", "MVN", "mvn_param { across_channels: true eps: 0.1 }", opencv="it has eps under the root"),
    one("mean only", "MVN", "mvn_param { normalize_variance: false }"),
    flat("of rows", "MVN", "mvn_param { across_channels: true }"),
]

AFFINE = [
    one("per channel", "Scale", "", (3,)),
    one("with bias", "Scale", "scale_param { bias_term: true }", (3,), (3,)),
    one("scalar", "Scale", "scale_param { num_axes: 0 bias_term: true }", (), ()),
    one("two axes", "Scale", "scale_param { axis: 1 num_axes: 2 }", (3, 6)),
    one("to the end", "Scale", "scale_param { axis: 1 num_axes: -1 bias_term: true }", (3, 6, 7), (3, 6, 7)),
    one("last axis", "Scale", "scale_param { axis: -1 num_axes: 1 }", (7,), opencv="it cannot run it"),
    Case(
        "a number for each channel of each image",
        layer_text("Pooling", "pooling_param { pool: AVE global_pooling: true }", name="mean", tops="mean")
        + layer_text("Flatten", bottoms="mean", name="rows", tops="rows")
        + layer_text("Scale", "scale_param { axis: 0 }", bottoms="data rows"),
    ),
    Case(
        "another blob of the same shape",
        TWO + layer_text("Scale", "scale_param { axis: 0 num_axes: -1 }", bottoms="a b"),
    ),
    one("per channel", "Bias", "", (3,), opencv="not there"),
    one("two axes", "Bias", "bias_param { axis: 2 num_axes: 2 }", (6, 7), opencv="not there"),
    one("scalar", "Bias", "bias_param { num_axes: 0 }", (), opencv="not there"),
    Case("another blob", TWO + layer_text("Bias", "bias_param { axis: 0 }", bottoms="a b"), opencv="not there"),
]

ACTIVATIONS = [
    one("plain", "ReLU"),
    one("leaky", "ReLU", "relu_param { negative_slope: 0.1 }"),
    one("per channel", "PReLU", "", (3,)),
    one("shared", "PReLU", "prelu_param { channel_shared: true }", (1,)),
    flat("of rows", "PReLU", "", (126,)),
    one("plain", "ELU"),
    one("alpha", "ELU", "elu_param { alpha: 0.3 }"),
    one("plain", "Sigmoid"),
    one("plain", "TanH"),
    one("plain", "Swish"),
    one("beta", "Swish", "swish_param { beta: 2.5 }", opencv="it has no beta"),
    one("plain", "Clip", "clip_param { min: -0.5 max: 1 }", opencv="not there"),
    one("plain", "BNLL"),
    one("plain", "AbsVal"),
    one("plain", "Threshold", opencv="not there"),
    one("threshold", "Threshold", "threshold_param { threshold: 0.4 }", opencv="not there"),
    one("line", "Power", "power_param { scale: 2 shift: -1 }"),
    positive("root", "Power", "power_param { power: 0.5 scale: 3 shift: 1 }"),
    one("square", "Power", "power_param { power: 2 scale: 3 shift: 1 }"),
    one("power 0", "Power", "power_param { power: 0 scale: 3 shift: 1 }"),
    one("scale 0", "Power", "power_param { power: 3 scale: 0 shift: 2 }"),
    one("e", "Exp"),
    one("base", "Exp", "exp_param { base: 2 scale: 0.5 shift: -1 }"),
    one("e with shift", "Exp", "exp_param { scale: 0.5 shift: 0.3 }"),
    positive("e", "Log", "log_param { shift: 0.1 }", opencv="it takes the logarithm of x alone"),
    positive("base", "Log", "log_param { base: 10 scale: 2 shift: 1 }", opencv="it takes the logarithm of x alone"),
]

ARITHMETIC = [
    two("sum by default", "Eltwise"),
    two("coefficients", "Eltwise", "eltwise_param { operation: SUM coeff: 0.5 coeff: -2 }"),
    two("product", "Eltwise", "eltwise_param { operation: PROD }"),
    two("maximum", "Eltwise", "eltwise_param { operation: MAX }"),
    Case("sum of three", THREE + layer_text("Eltwise", "", bottoms="a b c")),
    Case(
        "coefficients of three",
        THREE + layer_text("Eltwise", "eltwise_param { coeff: 1 coeff: 1 coeff: -1 }", bottoms="a b c"),
    ),
    Case("product of three", THREE + layer_text("Eltwise", "eltwise_param { operation: PROD }", bottoms="a b c")),
    Case("maximum of three", THREE + layer_text("Eltwise", "eltwise_param { operation: MAX }", bottoms="a b c")),
    *(
        one(
            f"{operation}, axis {axis}",
            "Reduction",
            f"reduction_param {{ operation: {operation} axis: {axis} coeff: 0.5 }}",
            opencv="not there",
        )
        for operation in ("SUM", "ASUM", "SUMSQ", "MEAN")
        for axis in (1, 2, -1)
    ),
    one("without coefficient", "Reduction", "reduction_param { axis: 1 }", opencv="not there"),
]

MOVES = [
    two("channels", "Concat"),
    two("axis", "Concat", "concat_param { axis: 2 }"),
    two("negative axis", "Concat", "concat_param { axis: -1 }"),
    two("older spelling", "Concat", "concat_param { concat_dim: 1 }"),
    Case("of one", layer_text("Concat", "", tops="one", name="one") + layer_text("ReLU", "", bottoms="one")),
    Case("equal parts", layer_text("Slice", "", tops="x y z", name="cut") + layer_text("Concat", "", bottoms="z x y")),
    Case(
        "points",
        layer_text("Slice", "slice_param { axis: 2 slice_point: 1 slice_point: 3 }", tops="x y z", name="cut")
        + layer_text("Concat", "concat_param { axis: 2 }", bottoms="z x y"),
    ),
    Case(
        "older spelling",
        layer_text("Slice", "slice_param { slice_dim: 1 slice_point: 1 }", tops="x y", name="cut")
        + layer_text("Concat", "", bottoms="y x"),
    ),
    Case(
        "split",
        layer_text("Split", "", tops="x y", name="copies")
        + layer_text("Eltwise", "eltwise_param { operation: PROD }", bottoms="x y"),
    ),
    Case(
        "crop",
        layer_text("Pooling", "pooling_param { kernel_size: 2 stride: 2 }", name="small", tops="small")
        + layer_text("Crop", "crop_param { axis: 2 offset: 1 offset: 2 }", bottoms="data small"),
    ),
    Case(
        "crop with one offset",
        layer_text("Pooling", "pooling_param { kernel_size: 3 }", name="small", tops="small")
        + layer_text("Crop", "crop_param { offset: 2 }", bottoms="data small"),
    ),
    Case(
        "crop from the front",
        layer_text("Pooling", "pooling_param { kernel_size: 3 }", name="small", tops="small")
        + layer_text("Crop", "crop_param { axis: -1 }", bottoms="data small"),
    ),
    Case(
        "crop of all axes",
        layer_text("Pooling", "pooling_param { kernel_size: 3 }", name="small", tops="small")
        + layer_text("Crop", "crop_param { axis: 0 }", bottoms="data small"),
    ),
    one("all", "Flatten"),
    one("some", "Flatten", "flatten_param { axis: 2 end_axis: -1 }"),
    one("first", "Flatten", "flatten_param { axis: 1 end_axis: 2 }"),
    one("copied and inferred", "Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 7 } }"),
    one("literal batch", "Reshape", "reshape_param { shape { dim: 1 dim: 126 } }"),
    one("inferred batch", "Reshape", "reshape_param { shape { dim: -1 dim: 126 } }"),
    one("a stretch", "Reshape", "reshape_param { shape { dim: 2 dim: 3 } axis: 2 num_axes: 1 }"),
    one(
        "negative axis", "Reshape", "reshape_param { shape { dim: 1 } axis: -1 num_axes: 0 }", opencv="it cannot run it"
    ),
    one("new axis", "Reshape", "reshape_param { shape { dim: 1 } axis: 2 num_axes: 0 }", opencv="it cannot run it"),
    one("permuted", "Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }"),
    one("rest behind", "Permute", "permute_param { order: 0 order: 3 }", opencv="it wants every axis named"),
    one("channels", "Tile", "tile_param { tiles: 3 }", opencv="not there"),
    one("last axis", "Tile", "tile_param { axis: -1 tiles: 2 }", opencv="not there"),
    Case(
        "dropout",
        layer_text("Dropout", "dropout_param { dropout_ratio: 0.4 }", tops="kept", name="kept")
        + layer_text("ReLU", "", bottoms="kept"),
    ),
    Case(
        "silence",
        TWO + layer_text("Silence", "", bottoms="b", tops="", name="hush") + layer_text("ReLU", "", bottoms="a"),
    ),
]

ANSWERS = [
    flat("of rows", "Softmax"),
    one("of channels", "Softmax"),
    one("axis 2", "Softmax", "softmax_param { axis: 2 }"),
    flat("loss", "SoftmaxWithLoss"),
    one("loss of channels", "SoftmaxWithLoss"),
    flat("loss", "InfogainLoss", opencv="not there"),
    flat("loss", "SigmoidCrossEntropyLoss", opencv="not there"),
    Case(
        "hinge",
        FLAT
        + layer_text("InnerProduct", "inner_product_param { num_output: 4 }", name="ip", tops="ip", bottoms="flat")
        + layer_text("HingeLoss", "", bottoms="ip label"),
        {"ip": [(4, 126), (4,)]},
        opencv="not there",
    ),
    flat("largest", "ArgMax", opencv="not there"),
    flat("three largest", "ArgMax", "argmax_param { top_k: 3 }", opencv="not there"),
    flat("with values", "ArgMax", "argmax_param { top_k: 2 out_max_val: true }", opencv="not there"),
    one("over an image", "ArgMax", "argmax_param { top_k: 2 }", opencv="not there"),
    one("over an image, with values", "ArgMax", "argmax_param { out_max_val: true }", opencv="not there"),
    one("axis", "ArgMax", "argmax_param { axis: 1 }", opencv="not there"),
    one("axis, several", "ArgMax", "argmax_param { axis: 2 top_k: 3 }", opencv="not there"),
    one("axis, values", "ArgMax", "argmax_param { axis: -1 top_k: 2 out_max_val: true }", opencv="not there"),
]

CASES = [*CONVOLUTIONS, *POOLINGS, *NORMALISATIONS, *AFFINE, *ACTIVATIONS, *ARITHMETIC, *MOVES, *ANSWERS]
