"""Weights come to the layers of a net by name, as Caffe's own loader brings them, and are checked against the net."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converters.caffe import archive, hdf5
from converters.caffe.blobs import mapped, read_blob
from converters.caffe.caffemodel import Weights, read_caffemodel
from converters.caffe.hdf5 import read_hdf5
from converters.caffe.layers import LAYERS
from converters.caffe.wire import Walk
from converters.refusals import SourceDamaged, SourceIncomplete

Blobs = tuple[np.ndarray, ...]
_Found = tuple[np.ndarray | None, ...]
_ELSEWHERE = "the weights belong to another net, or the layer was changed after training"


def read_weights(path: Path) -> Weights:
    """A file of weights, binary or HDF5, told apart by its first bytes. Raises ConversionRefused."""
    start = bytes(mapped(path)[:8])
    if start == hdf5.SIGNATURE:
        return read_hdf5(path)
    if start.startswith(archive.SIGNATURE):
        raise SourceDamaged(f"{path.name}: is an archive inside an archive; unpack it by hand.")
    return read_caffemodel(path)


def blobs_for(layers: Sequence[Any], weights: Weights | None, name: str) -> list[Blobs]:
    """The blobs of each layer (LayerParameter) of a net; `name` is the net's in refusals.

    By layer name; layers of the file that the net lacks are ignored. Where several layers of the net have one name and
    blobs of their own, they get those of the file in order. Blobs that share a name in `param` are one blob. Raises
    SourceIncomplete for a layer that needs blobs and has none, SourceDamaged for another count or shape.
    """
    wanted = Counter(layer.name for layer in layers if _needed(layer) != 0)
    found = _by_name(wanted, weights)
    shared: dict[str, np.ndarray] = {}
    result = []
    for layer in layers:
        own: _Found = tuple(_own(layer, name))
        # a ReLU may bear the name of the convolution before it, and takes none of its weights
        if not own and found.get(layer.name) and (_needed(layer) != 0 or not wanted[layer.name]):
            own = found[layer.name].pop(0)
        blobs = _checked(layer, _shared(layer, own, shared), weights.path.name if weights else name)
        shared |= {spec.name: blob for spec, blob in zip(layer.param, blobs, strict=False) if spec.name}
        result.append(blobs)
    return result


def _needed(layer: Any) -> int | None:
    """How many blobs a layer of this type has; None where Caffe's own source does not say."""
    one_bottom = len(layer.bottom) == 1
    counts = {
        "Convolution": 1 + layer.convolution_param.bias_term,
        "Deconvolution": 1 + layer.convolution_param.bias_term,
        "InnerProduct": 1 + layer.inner_product_param.bias_term,
        "BatchNorm": 5 if layer.batch_norm_param.scale_bias else 3,
        "Scale": one_bottom + layer.scale_param.bias_term,
        "Bias": int(one_bottom),
        "PReLU": 1,
    }
    return counts.get(layer.type, 0 if layer.type in LAYERS else None)


def _by_name(wanted: Counter[str], weights: Weights | None) -> dict[str, list[_Found]]:
    """{name of layers: their blobs in the order in which the net takes them}; raises SourceDamaged.

    `wanted`: how many layers of the net take weights by a name.
    """
    found: dict[str, list[_Found]] = defaultdict(list)
    for layer in weights.layers if weights else ():
        if layer.blobs:
            found[layer.name].append(layer.blobs)
    for name, blobs in found.items():
        if wanted[name] <= 1:
            del blobs[:-1]  # Caffe copies one after the other into the layer of that name: the last one stays
        elif len(blobs) != wanted[name] and weights:
            raise SourceDamaged(
                f"{weights.path.name}: has {len(blobs)} layers named {name[:80]!r}, but {wanted[name]} of the net want"
                " weights by that name; rename them."
            )
    return found


def _own(layer: Any, name: str) -> list[np.ndarray]:
    """Blobs that the net's own description holds; they are taken out of it."""
    blobs = [
        read_blob(Walk(name), memoryview(blob.SerializeToString()), f"blob {at} of layer {layer.name[:80]!r}")
        for at, blob in enumerate(layer.blobs)
    ]
    layer.ClearField("blobs")
    return blobs


def _shared(layer: Any, blobs: _Found, shared: dict[str, np.ndarray]) -> _Found:
    """The blobs, with those that are missing taken from the layer that owns them under the same name."""
    names = [spec.name for spec in layer.param]
    count = max(len(blobs), _needed(layer) or 0)
    full = [*blobs, *[None] * (count - len(blobs))]
    for at, name in enumerate(names[:count]):
        if full[at] is None and name:
            full[at] = shared.get(name)
    while full and full[-1] is None:
        full.pop()
    return tuple(full)


def _checked(layer: Any, blobs: _Found, file: str) -> Blobs:
    """The blobs, if they are as many as the layer has, and of its size. Raises SourceIncomplete, SourceDamaged."""
    what, needed = f"layer {layer.name[:80]!r} ({layer.type[:40]})", _needed(layer)
    present = tuple(_native(blob) for blob in blobs if blob is not None)
    if needed and not present:
        raise SourceIncomplete(
            f"{file}: has no weights for {what}; weights go by layer name, so rename the layer or"
            " pass the file that it was trained into."
        )
    if len(present) < len(blobs) or (needed is not None and len(present) != needed):
        raise SourceDamaged(f"{file}: holds {len(present)} blobs for {what}, which has {needed}; {_ELSEWHERE}.")
    outputs = outputs_of(layer)
    if outputs and (_held(layer, present[0]) not in {None, outputs} or {blob.size for blob in present[1:]} - {outputs}):
        shapes = " and ".join("x".join(map(str, blob.shape)) for blob in present)
        raise SourceDamaged(f"{file}: {what} has {outputs} outputs, but weights of {shapes}; {_ELSEWHERE}.")
    return present


def outputs_of(layer: Any) -> int:
    """How many outputs a layer with weights gives; 0 for other layers."""
    if layer.type == "InnerProduct":
        return int(layer.inner_product_param.num_output)
    if layer.type in {"Convolution", "Deconvolution"}:
        return int(layer.convolution_param.num_output)
    return 0


def _held(layer: Any, weights: np.ndarray) -> int | None:
    """How many outputs a layer's weights were made for; None where their shape does not say it."""
    if layer.type == "InnerProduct" and weights.ndim >= 2:
        return int(weights.shape[-1 if layer.inner_product_param.transpose else -2])
    if layer.type == "Convolution" and weights.ndim >= 3:
        return int(weights.shape[0])
    if layer.type == "Deconvolution" and weights.ndim >= 3:
        return int(weights.shape[1]) * int(layer.convolution_param.group)
    return None


def _native(blob: np.ndarray) -> np.ndarray:
    """A blob as float32 or float64 in this machine's byte order."""
    return blob.astype(np.float64 if blob.dtype.itemsize == 8 else np.float32, copy=False)
