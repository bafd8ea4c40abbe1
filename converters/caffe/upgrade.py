"""Old nets in new words: V0 and V1 layers, old transform and input fields, BatchNorm's three params.

The order is Caffe's own: V0 to V1, transform fields, V1 to new, inputs, BatchNorm (util/upgrade_proto.cpp).
"""

import tomllib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from converters.caffe import messages
from converters.refusals import SourceDamaged, UnsupportedLayer

_TABLES = tomllib.loads(files(__package__).joinpath("caffe_upgrades.toml").read_text(encoding="utf-8"))
_V0_TYPES: dict[str, str] = _TABLES["v0_types"]
_V0_PARAMS: dict[str, list[str]] = _TABLES["v0_params"]
V1_TYPES: dict[str, str] = _TABLES["v1_types"]
_TRANSFORM = "scale mirror cropsize=crop_size meanfile=mean_file"
_V0_OWN = frozenset({"name", "type", "blobs", "blobs_lr", "weight_decay"})
_V1_OWN = frozenset({"type", "param", "blob_share_mode", "blobs_lr", "weight_decay", "layer"})
_WITH_TRANSFORM = {"DATA": "data_param", "IMAGE_DATA": "image_data_param", "WINDOW_DATA": "window_data_param"}


def upgrade(net: Any, name: str) -> tuple[str, ...]:
    """Bring a NetParameter into the new format, in place; returns notes on fields that meant nothing where they stood.

    `name` is the file's in refusals. Raises SourceDamaged, UnsupportedLayer.
    """
    if net.layer and net.layers:
        raise SourceDamaged(f'{name}: has both "layer" and "layers"; write all of them as "layer".')
    notes: list[str] = []
    if any(layer.HasField("layer") for layer in net.layers):
        _fold_padding(net, name)
        for layer in net.layers:
            if layer.HasField("layer"):
                notes += _from_v0(layer, name)
    for layer in net.layers:
        _move_transform(layer)
    for old in net.layers:
        _from_v1(old, net.layer.add())
    net.ClearField("layers")
    _inputs_to_layer(net, name)
    for layer in net.layer:
        if layer.type == "BatchNorm" and len(layer.param) == 3:
            for spec in layer.param:
                spec.lr_mult = spec.decay_mult = 0.0
    return tuple(notes)


def _fold_padding(net: Any, name: str) -> None:
    """V0's layers of type "padding" become the pad of the convolution or pooling that reads them."""
    makers: dict[str, Any] = {}
    kept = []
    for layer in net.layers:
        for at, bottom in enumerate(layer.bottom):
            maker = makers.get(bottom)
            if maker is None or maker.layer.type != "padding":
                continue
            if layer.layer.type not in {"conv", "pool"} or len(layer.bottom) != 1 or len(maker.bottom) != 1:
                raise UnsupportedLayer(
                    f"{name}: layer {layer.layer.name!r} reads a padding layer, which only a conv or pool can."
                )
            layer.layer.pad = maker.layer.pad
            layer.bottom[at] = maker.bottom[0]
        makers |= dict.fromkeys(layer.top, layer)
        if layer.layer.type != "padding":
            kept.append(layer)
    del net.layers[:]
    net.layers.extend(kept)


def _from_v0(layer: Any, name: str) -> list[str]:
    """Move the V0 layer inside a V1 layer to where V1 has its fields; returns notes on fields that fit nowhere."""
    old, notes = messages.V0LayerParameter(), []
    old.CopyFrom(layer.layer)
    layer.ClearField("layer")
    if old.type not in _V0_TYPES:
        raise UnsupportedLayer(f"{name}: layer {old.name!r} has the type {old.type!r}, which V0 nets do not have.")
    layer.name = old.name
    layer.type = layer.LayerType.Value(_V0_TYPES[old.type])
    param, *fields = _V0_PARAMS.get(old.type, [""])
    places = {**_moved(" ".join(fields), param), **_moved(_TRANSFORM, "transform_param")}
    for field, value in old.ListFields():
        if field.name in _V0_OWN - {"name", "type"}:
            getattr(layer, field.name).extend(value)
        elif field.name in places:
            target, renamed = places[field.name]
            _put(getattr(layer, target), renamed, value)
        elif field.name not in _V0_OWN:
            notes.append(f"layer {old.name!r}: {field.name} means nothing for a {old.type} layer and is left out")
    return notes


def _moved(fields: str, target: str) -> dict[str, tuple[str, str]]:
    """{field: (target message, field there)} of a row of the table."""
    pairs = [field.partition("=") for field in fields.split()]
    return {old: (target, new or old) for old, _, new in pairs}


def _put(message: Any, name: str, value: Any) -> None:
    """Set a field, or add to it if it takes several."""
    field = message.DESCRIPTOR.fields_by_name[name]
    if messages.repeated(field):
        getattr(message, name).append(value)
    elif field.message_type:
        getattr(message, name).CopyFrom(value)
    else:
        setattr(message, name, value)


def _move_transform(layer: Any) -> None:
    """The transform fields that V1 data layers had of their own go to transform_param."""
    param = _WITH_TRANSFORM.get(layer.LayerType.Name(layer.type))
    if param is None:
        return
    old = getattr(layer, param)
    for field in ("scale", "mean_file", "crop_size", "mirror"):
        if old.HasField(field):
            setattr(layer.transform_param, field, getattr(old, field))
            old.ClearField(field)


def _from_v1(old: Any, new: Any) -> None:
    """A V1 layer as a new one; learning rates and names of weights become its `param`."""
    for field, value in old.ListFields():
        if field.name in _V1_OWN:
            continue
        if messages.repeated(field):
            getattr(new, field.name).extend(value)
        else:
            _put(new, field.name, value)
    if old.HasField("type"):
        new.type = V1_TYPES[old.LayerType.Name(old.type)]
    specs = {"name": old.param, "share_mode": old.blob_share_mode, "lr_mult": old.blobs_lr}
    specs["decay_mult"] = old.weight_decay
    for key, values in specs.items():
        for at, value in enumerate(values):
            while len(new.param) <= at:
                new.param.add()
            setattr(new.param[at], key, value)


def _inputs_to_layer(net: Any, name: str) -> None:
    """The input fields become an Input layer at the front; names without a size are dropped, as in old caffemodels."""
    inputs: Sequence[str] = list(net.input)
    shapes = [list(shape.dim) for shape in net.input_shape]
    dims = list(net.input_dim)
    for field in ("input", "input_shape", "input_dim"):
        net.ClearField(field)
    if not inputs or not (shapes or dims):
        return
    if not shapes:
        shapes = [dims[at : at + 4] for at in range(0, len(dims), 4)]
    if len(shapes) != len(inputs) or (dims and len(dims) % 4):
        raise SourceDamaged(f"{name}: has {len(inputs)} inputs, but sizes for {len(shapes)}; give each input its own.")
    layer = messages.LayerParameter(name="input", type="Input", top=inputs)
    for shape in shapes:
        layer.input_param.shape.add(dim=shape)
    layers = [layer, *net.layer]
    del net.layer[:]
    net.layer.extend(layers)
