"""Caffe nets -> ONNX: files in, a `Conversion` out."""

import onnx

from converters.caffe.graph import build
from converters.caffe.heads import main_head
from converters.caffe.plain import Plain
from converters.caffe.preprocessing import describe
from converters.caffe.reading import read
from converters.caffe.witness import OpenCVWitness, deployed
from converters.conversion import Conversion, Source, Wishes

_MOVING = frozenset({"Flatten", "Reshape", "Transpose", "Split", "Concat"})


def convert(source: Source, wishes: Wishes) -> Conversion:
    """A Caffe net as ONNX, with what its files say of images and classes, and plain numpy as its reference.

    `source`: a prototxt, a caffemodel (binary, HDF5 or in a 7z archive) or the folder that holds them. Raises
    ConversionRefused.
    """
    reading = read(source, wishes)
    mean = reading.mean_image
    head, chosen = (wishes.output, "") if wishes.output else main_head(reading.net)
    built = build(reading.net, output=head, image=reading.image_size)
    images = describe(reading.net.transform, built.sides, reading.image_size, mean)
    end = built.outputs[0]
    return Conversion(
        model=built.model,
        framework="Caffe",
        files=reading.files,
        stated={
            **images.stated,
            "scores_kind": "probability" if _is_softmax(built.model) else "logit",
            **({"classes": reading.labels} if reading.labels else {}),
        },
        assumed=images.assumed,
        mean_image=mean,
        lent=built.lent,
        reference=Plain(reading.net, end.layer, end.at, built.results),
        witnesses=(OpenCVWitness(reading.net, end, deployed(reading.files, wishes)),),
        notes=(*reading.notes, *images.notes, *((chosen,) if chosen else ())),
        advice=images.advice,
    )


def _is_softmax(model: onnx.ModelProto) -> bool:
    """Whether the first output is a Softmax, perhaps in another shape."""
    makers = {name: node for node in model.graph.node for name in node.output}
    node = makers.get(model.graph.output[0].name)
    while node is not None and node.op_type in _MOVING:
        node = makers.get(node.input[0])
    return node is not None and node.op_type == "Softmax"
