"""What onnxruntime's messages and damaged bytes mean for the owner of a model, and the limit on external data."""

from pathlib import Path

import numpy as np
import pytest
from foreign_models import CLASSES, linear
from hostile_models import external, with_tensor

from oracles.diagnosis import in_words, refuse_head, unparsable
from oracles.external import pull_in
from oracles.intake import see
from oracles.refusals import ModelRefused, NotOnnx, OracleFailed, OracleRefused, TooBig, Truncated, UnknownOperators

WORDS: list[tuple[str, type[OracleRefused], str]] = [
    ("std::bad_alloc", TooBig, "needs more memory than the trial allows"),
    ("Failed to allocate memory for requested buffer of size 4398046511104", TooBig, "needs more memory"),
    ("Opset 99 is under development and support for this is limited", UnknownOperators, "newer than onnxruntime's"),
    ("Unsupported model IR version: 99, max supported IR version: 13", UnknownOperators, "newer than onnxruntime's"),
    ("Fatal error: Magic(-1) is not a registered function/op", UnknownOperators, "does not have all of its operators"),
    ("Could not find an implementation for Foo(9) node", UnknownOperators, "does not have all of its operators"),
    ("Load model failed: Node () has input size 1 not in range", ModelRefused, "does not run in onnxruntime"),
]


@pytest.mark.parametrize(("said", "kind", "words"), WORDS, ids=[w[0][:20] for w in WORDS])
def test_onnxruntimes_words_become_a_refusal_with_a_way_out(said: str, kind: type[OracleRefused], words: str) -> None:
    """The message is kept in brackets, behind a sentence for people."""
    refusal = in_words(OracleFailed(said))
    assert type(refusal) is kind
    assert words in str(refusal)
    assert said[:40] in str(refusal)


def test_source_lines_and_signatures_are_left_out() -> None:
    """Where in onnxruntime's C++ a message came from says nothing to the owner of a model."""
    said = "[ONNXRuntimeError] : 1 : FAIL : /onnxruntime_src/core/a.cc:25 x::Model::Model(onnx::P&&, int) Bad thing"
    assert str(in_words(OracleFailed(said))).endswith("(Bad thing)")


def test_a_cut_model_is_told_from_noise() -> None:
    """Fields of ModelProto that run past the end mean truncation; other bytes mean that it never was a model."""
    data = linear().SerializeToString()
    assert isinstance(unparsable(data[:-10]), Truncated)
    assert isinstance(unparsable(b"\xff\xfe" * 40), NotOnnx)
    refuse_head(data, len(data))


def test_external_data_above_the_limit_are_refused_unread(tmp_path: Path) -> None:
    """The sum of what is named counts, and so does the size of the file."""
    (tmp_path / "w.bin").write_bytes(np.arange(CLASSES, dtype=np.float32).tobytes())
    model = with_tensor("initializer", external("w.bin"))
    with pytest.raises(TooBig, match="external data exceed 19 bytes"):
        pull_in(model, tmp_path, limit=19)
    (tmp_path / "w.bin").write_bytes(bytes(100))
    with pytest.raises(TooBig, match="have 100 bytes; at most 20 fit"):
        pull_in(model, tmp_path, limit=20)
    assert [file.bytes for file in pull_in(model, tmp_path, limit=100)] == [100]


def test_see_gives_the_real_path_and_digest(tmp_path: Path) -> None:
    """A link is followed once: what is returned names the file itself."""
    data = linear().SerializeToString()
    (tmp_path / "real.onnx").write_bytes(data)
    (tmp_path / "link.onnx").symlink_to("real.onnx")
    seen = see(tmp_path / "link.onnx", 1 << 20)
    assert (seen.path.name, seen.bytes) == ("real.onnx", len(data))
    with pytest.raises(TooBig, match="at most 10 are taken"):
        see(tmp_path / "real.onnx", 10)
