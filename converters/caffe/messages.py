"""Caffe's protobuf messages, built from the field table beside this file: no protoc and no generated code.

`NetParameter`, `LayerParameter`, `BlobProto` and so on are ordinary message classes (proto2, Caffe's defaults) in a
pool of their own, so that another Caffe in the same process does no harm. Numbers: BVLC Caffe, caffe.proto.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "caffe"
_SCALARS = {
    "i32": _Field.TYPE_INT32,
    "i64": _Field.TYPE_INT64,
    "u32": _Field.TYPE_UINT32,
    "f32": _Field.TYPE_FLOAT,
    "f64": _Field.TYPE_DOUBLE,
    "bool": _Field.TYPE_BOOL,
    "str": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
}
_LABELS = {"*": _Field.LABEL_REPEATED, "!": _Field.LABEL_REQUIRED}


def _file(table: Mapping[str, Mapping[str, str]]) -> descriptor_pb2.FileDescriptorProto:
    """The whole table as one file descriptor."""
    file = descriptor_pb2.FileDescriptorProto(name="caffe.proto", package=_PACKAGE, syntax="proto2")
    enums, messages = table["enums"], table["messages"]
    for name in (name for name in enums if "." not in name):
        _add_enum(file.enum_type.add(), name, enums[name])
    for name, text in messages.items():
        message = file.message_type.add(name=name)
        for enum in (enum for enum in enums if enum.startswith(f"{name}.")):
            _add_enum(message.enum_type.add(), enum.rpartition(".")[2], enums[enum])
        for field in (field.split() for field in text.split(";")):
            _add_field(message.field.add(), field, name, table)
    return file


def _add_enum(enum: descriptor_pb2.EnumDescriptorProto, name: str, text: str) -> None:
    enum.name = name
    for word in text.split():
        value, _, number = word.partition("=")
        enum.value.add(name=value, number=int(number))


def _add_field(field: Any, words: list[str], message: str, table: Mapping[str, Mapping[str, str]]) -> None:
    """Fill one field from its words: name, number, type with its mark and default, perhaps "packed"."""
    field.name, field.number = words[0], int(words[1])
    kind, stated, default = words[2].partition("=")
    field.label = _LABELS.get(kind[0], _Field.LABEL_OPTIONAL)
    kind = kind.lstrip("*!")
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    elif kind in table["messages"]:
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    else:
        owner = f"{message}." if f"{message}.{kind}" in table["enums"] else ""
        field.type, field.type_name = _Field.TYPE_ENUM, f".{_PACKAGE}.{owner}{kind}"
    if stated:
        field.default_value = default
    if "packed" in words[3:]:
        field.options.packed = True


def _classes(table: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_file(table).SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in table["messages"]
    }


_TABLE = tomllib.loads(files(__package__).joinpath("caffe_fields.toml").read_text(encoding="utf-8"))
_REPEATED = {
    f"{_PACKAGE}.{name}.{field.split()[0]}"
    for name, text in _TABLE["messages"].items()
    for field in text.split(";")
    if field.split()[2].startswith("*")
}
CLASSES = _classes(_TABLE)

BlobProto = CLASSES["BlobProto"]
BlobShape = CLASSES["BlobShape"]
Datum = CLASSES["Datum"]
LayerParameter = CLASSES["LayerParameter"]
NetParameter = CLASSES["NetParameter"]
NetState = CLASSES["NetState"]
SolverParameter = CLASSES["SolverParameter"]
SolverState = CLASSES["SolverState"]
TransformationParameter = CLASSES["TransformationParameter"]
V0LayerParameter = CLASSES["V0LayerParameter"]
V1LayerParameter = CLASSES["V1LayerParameter"]

TRAIN, TEST = 0, 1
"""The values of the enum Phase."""


def repeated(field: Any) -> bool:
    """Whether a field of these messages (a descriptor) holds any number of values."""
    return field.full_name in _REPEATED  # the runtime's own answer changed its name between its versions
