"""Caffe's layers in ONNX: one function per layer type, in a file per family, all in one table."""

from converters.caffe.layers import (
    activation,
    affine,
    answering,
    arithmetic,
    convolution,
    normalisation,
    pooling,
    shape,
)
from converters.caffe.layers.table import LAYERS, LOSSES, SINKS, row_of, supported

__all__ = [
    "LAYERS",
    "LOSSES",
    "SINKS",
    "activation",
    "affine",
    "answering",
    "arithmetic",
    "convolution",
    "normalisation",
    "pooling",
    "row_of",
    "shape",
    "supported",
]
