"""The table of Caffe's layer types: what each becomes in ONNX, what is left out, and what is refused with a reason."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from converters.caffe.net import Layer
from converters.caffe.nodes import Nodes, Tensor, called
from converters.refusals import UnsupportedLayer

Convert = Callable[[Layer, Sequence[Tensor], Nodes], Sequence[Tensor]]
MANY = 1 << 16


class Row(NamedTuple):
    """How a layer type is converted, what there is to say of it, and how many bottoms it takes (at least, at most)."""

    convert: Convert
    remarks: str
    bottoms: tuple[int, int]


LAYERS: dict[str, Row] = {}

# they measure or end a net and give no scores: left out, and what they read stays an output
SINKS = frozenset({"Accuracy", "HDF5Output"})
# they are given labels to learn from: inference keeps the scores that they compare
LOSSES = frozenset(
    {
        "ContrastiveLoss",
        "EuclideanLoss",
        "HingeLoss",
        "InfogainLoss",
        "MultinomialLogisticLoss",
        "SigmoidCrossEntropyLoss",
        "SoftmaxWithLoss",
    }
)

_SEQUENCES = "reads sequences, which an image classifier does not have"
_DETECTION = "belongs to a detector, which gives boxes and not one label"
_BATCH = "mixes the images of a batch, so that an image has no answer of its own"
_REASONS = {
    "Python": "runs Python code that the file does not hold",
    **dict.fromkeys(("Embed", "LSTM", "LSTMUnit", "RNN", "Recurrent"), _SEQUENCES),
    **dict.fromkeys(("BatchReindex", "Filter"), _BATCH),
    **dict.fromkeys(
        ("DetectionEvaluate", "DetectionOutput", "MultiBoxLoss", "PriorBox", "Proposal", "PSROIPooling", "ROIPooling"),
        _DETECTION,
    ),
    "Parameter": "gives a learned blob without an image",
}


def layer(*types: str, remarks: str = "", bottoms: tuple[int, int] = (1, 1)) -> Callable[[Convert], Convert]:
    """Enter a function into LAYERS under the types that it converts; a type entered twice raises."""

    def enter(convert: Convert) -> Convert:
        for kind in types:
            if kind in LAYERS:
                raise ValueError(f"layer type {kind} is entered twice")
            LAYERS[kind] = Row(convert, remarks, bottoms)
        return convert

    return enter


def row_of(layer: Layer) -> Row:
    """The row of a layer's type; raises UnsupportedLayer with the reason, where known, and the list of the table."""
    if layer.type in LAYERS:
        return LAYERS[layer.type]
    reason = _REASONS.get(layer.type, "is of a type that has no conversion")
    known = ", ".join(kind for kind, _ in supported())
    raise UnsupportedLayer(
        f"{called(layer)} {reason}; supported are {known} (name an earlier top with --output to leave it out)"
    )


def supported() -> list[tuple[str, str]]:
    """Every supported type with its remarks, in alphabetical order; the table of docs/converters.md."""
    left_out = [(kind, "left out; what it reads stays an output") for kind in SINKS]
    return sorted([*((kind, row.remarks) for kind, row in LAYERS.items()), *left_out], key=lambda row: row[0].lower())
