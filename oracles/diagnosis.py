"""Why a file is no usable model: told from its kind, its first bytes, its protobuf fields, or onnxruntime's words."""

import re

from oracles.card import printable
from oracles.refusals import (
    LfsPointer,
    ModelRefused,
    NotOnnx,
    OracleFailed,
    OracleRefused,
    TooBig,
    Truncated,
    UnknownOperators,
)

HEAD_BYTES = 4096
# first bytes -> what such a file is, and what to do about it
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip-compressed; unpack it with gunzip"),
    (b"BZh", "bzip2-compressed; unpack it first"),
    (b"\xfd7zXZ", "xz-compressed; unpack it first"),
    (b"(\xb5/\xfd", "zstd-compressed; unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it first"),
    (b"PK\x03\x04", "a zip archive (PyTorch checkpoints and TorchScript are such); export the model to ONNX"),
    (b"\x89HDF", "an HDF5 file (Keras is such); convert it to ONNX"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF document"),
    (b"\x93NUMPY", "a numpy array"),
    (b"\x80\x02", "a pickle; export the model to ONNX"),
    (b"\x80\x03", "a pickle; export the model to ONNX"),
    (b"\x80\x04", "a pickle; export the model to ONNX"),
    (b"\x80\x05", "a pickle; export the model to ONNX"),
    (b"\x7fELF", "a program"),
)
_TEXTS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\s*<(!doctype|html|head|script|\?xml)", re.IGNORECASE), "an HTML page; download the file itself"),
    (re.compile(rb"\s*[{\[]\s*[\"{\[]"), "JSON text"),
    (re.compile(rb"(name|layer|input)\s*[:{]"), "a protobuf text such as Caffe's; convert the model to ONNX"),
)
# ModelProto's fields by number and wire type (onnx.proto): 0 varint, 2 length-delimited
_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}


def refuse_head(head: bytes, size: int) -> None:
    """Raise NotOnnx or LfsPointer when the first bytes show that the file is something else."""
    if size == 0:
        raise NotOnnx("the file is empty; copy or download it again")
    if head.startswith(b"version https://git-lfs.github.com/"):
        raise LfsPointer("the file is a Git LFS pointer, not the model; run git lfs pull")
    for magic, what in _MAGIC:
        if head.startswith(magic):
            raise NotOnnx(f"no ONNX model but {what}")
    if head[4:8] == b"TFL3":
        raise NotOnnx("no ONNX model but a TFLite file; convert it to ONNX")
    if head[4:8] == b"ORTM":
        raise NotOnnx("no ONNX model but onnxruntime's own format; use the .onnx file that it was made from")
    for pattern, what in _TEXTS:
        if pattern.match(head):
            raise NotOnnx(f"no ONNX model but {what}")
    if not head.strip(b"\0"):
        raise NotOnnx("the file begins with nothing but zeros; copy or download it again")


def unparsable(data: bytes) -> OracleRefused:
    """The refusal of bytes that protobuf could not read: an ONNX model that ends early, or something else."""
    at, fields = 0, 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if at < 0:
            break
        if _FIELDS.get(number) != wire:
            return NotOnnx("the file is no ONNX model, or a damaged one; export or download it again")
        fields += 1
        length, at = _varint(data, at)
        if at < 0:
            break
        at += length if wire == 2 else 0
    if fields and (at < 0 or at > len(data)):
        return Truncated(f"the ONNX model is cut off after {len(data):,} bytes; copy or download it again")
    return NotOnnx("the file is no ONNX model, or a damaged one; export or download it again")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length number and where it ends; -1 where the data end first."""
    number = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            return 0, -1
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    return number, at


_MEMORY = re.compile(
    r"bad_alloc|failed to allocate|out of memory|bad allocation|length_error|SizeOverflow|overflow", re.IGNORECASE
)
# where in onnxruntime's sources a message came from, with the C++ function and its arguments
_SIGNATURE = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : |/onnxruntime_src/\S+:\d+ .*?\) ")
_NEWER = re.compile(
    r"only \*?guarantees\*? support|under development|unsupported model ir version|ir[ _]version", re.IGNORECASE
)
_MISSING = re.compile(
    r"not a registered function/op|no op registered|not_implemented|could not find an implementation"
    r"|no schema registered|unrecognized attribute|fatal error: .* is not a registered",
    re.IGNORECASE,
)


def in_words(failure: OracleFailed) -> OracleRefused:
    """A refusal that says what onnxruntime's message means for the owner of the model."""
    words = printable(_SIGNATURE.sub("", " ".join(str(failure.__cause__ or failure).split())), 300)
    if _MEMORY.search(words):
        return TooBig(f"running it needs more memory than the trial allows; make the model smaller ({words})")
    if _NEWER.search(words):
        return UnknownOperators(
            f"its operator set or IR version is newer than onnxruntime's; export an older one ({words})"
        )
    if _MISSING.search(words):
        return UnknownOperators(f"onnxruntime does not have all of its operators; export standard ones ({words})")
    return ModelRefused(f"it does not run in onnxruntime; export it again and try it there ({words})")
