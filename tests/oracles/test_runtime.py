"""The runtime: what it says of a model, its stated setting, its silence, and its refusals."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from oracles import runtime
from oracles.refusals import DeviceMissing, OracleFailed
from oracles.runtime import Slot, open_session

Tiny = Callable[..., onnx.ModelProto]


def test_runs_a_model_from_its_bytes_and_from_its_file(tiny_model: Tiny, tmp_path: Path) -> None:
    """Both ways give what numpy computes from the same weights."""
    model = tiny_model()
    onnx.save(model, tmp_path / "m.onnx")
    weights = onnx.numpy_helper.to_array(model.graph.initializer[0])
    images = np.random.default_rng(3).integers(0, 256, (7, 4, 4, 3), dtype=np.uint8)
    expected = images.reshape(7, -1).astype(np.float32) @ weights
    for source in (model.SerializeToString(), tmp_path / "m.onnx"):
        labels, scores = open_session(source, device="cpu").run(["labels", "scores"], {"images": images})
        np.testing.assert_allclose(scores, expected, rtol=1e-4)
        np.testing.assert_array_equal(labels, expected.argmax(axis=1))
    assert len(open_session(tmp_path / "m.onnx", device="cpu").run(None, {"images": images})) == 2


def test_says_what_goes_in_and_comes_out(tiny_model: Tiny) -> None:
    """Names, shapes with their free axes, and types, as the graph declares them."""
    session = open_session(tiny_model().SerializeToString(), device="cpu")
    assert session.inputs == (Slot("images", ("n", 4, 4, 3), "tensor(uint8)"),)
    assert session.outputs == (Slot("labels", ("n",), "tensor(int64)"), Slot("scores", ("n", 5), "tensor(float)"))
    assert session.providers == ("CPUExecutionProvider",)


def test_states_its_setting_for_the_record(tiny_model: Tiny) -> None:
    """Version, provider, threads and precision are in `settings`, and it is plain data."""
    settings = open_session(tiny_model().SerializeToString(), threads=2, device="cpu").settings
    assert settings["runtime"].startswith("onnxruntime 1.")
    wanted = {
        "provider": "CPUExecutionProvider",
        "intra_op_threads": 2,
        "inter_op_threads": 1,
        "execution": "sequential",
        "graph_optimisation": "all",
        "tf32": False,
    }
    assert wanted.items() <= settings.items()
    assert all(isinstance(value, str | int | bool) for value in settings.values())


def test_is_silent_on_a_machine_without_a_gpu(tiny_model: Tiny, tmp_path: Path) -> None:
    """Nothing on the screen, in a fresh process with device auto, although the CUDA build is installed."""
    onnx.save(tiny_model(), tmp_path / "m.onnx")
    program = (
        "import sys; from pathlib import Path; from oracles import runtime; "
        "runtime.gpu_count = lambda: 0; "
        "print(runtime.open_session(Path(sys.argv[1])).providers)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "m.onnx")], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("('CPUExecutionProvider',)\n", "")


def test_cuda_demanded_where_there_is_none(tiny_model: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence with the way out, not a quiet run on the CPU."""
    monkeypatch.setattr(runtime, "gpu_count", lambda: 0)
    with pytest.raises(DeviceMissing, match="no CUDA device is visible here; choose --device cpu") as caught:
        open_session(tiny_model().SerializeToString(), device="cuda")
    assert caught.value.exit_code == 4


def test_cuda_demanded_where_onnxruntime_falls_back(tiny_model: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that onnxruntime cannot use is refused when demanded, and noted when not."""
    monkeypatch.setattr(runtime, "_providers", lambda device: ["CPUExecutionProvider"])
    with pytest.raises(DeviceMissing, match="fell back to CPUExecutionProvider"):
        open_session(tiny_model().SerializeToString(), device="cuda")
    note = runtime._settings("CPUExecutionProvider", 1, fell_back=True)["note"]
    assert note == "a GPU is there, but onnxruntime could not use it"


def test_no_driver_means_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose driver library is missing has no devices."""

    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(runtime.ctypes, "CDLL", missing)
    assert runtime.gpu_count() == 0


@pytest.mark.parametrize("junk", [b"", b"<html>", b"\x08\x08junk" * 9])
def test_what_is_no_model_is_refused_in_one_line(junk: bytes) -> None:
    """The words of onnxruntime, after the name of what it was given."""
    with pytest.raises(OracleFailed, match=r"^onnxruntime could not load a model of \d+ bytes: \S") as caught:
        open_session(junk, device="cpu")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    """The file's name is in the sentence."""
    with pytest.raises(OracleFailed, match=r"could not load gone\.onnx"):
        open_session(tmp_path / "gone.onnx", device="cpu")


def test_inputs_that_do_not_fit_are_refused(tiny_model: Tiny) -> None:
    """What onnxruntime says of a wrong shape arrives as a refusal."""
    session = open_session(tiny_model().SerializeToString(), device="cpu")
    with pytest.raises(OracleFailed, match="could not run the model"):
        session.run(None, {"images": np.zeros((1, 5, 5, 3), dtype=np.uint8)})


def test_no_threads_at_all_is_refused() -> None:
    """For onnxruntime, 0 would stand for "as many as there are cores"."""
    with pytest.raises(ValueError, match="threads is 0"):
        open_session(b"", threads=0)
