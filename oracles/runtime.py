"""The one file that imports onnxruntime: opens a model as a session with a stated, quiet and repeatable setting."""

import contextlib
import ctypes
import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import onnxruntime as ort
from onnx import ModelProto

from oracles.lent import NOTHING, Lent, borrowed
from oracles.refusals import DeviceMissing, OracleFailed

# 4 = fatal: everything that onnxruntime would print also arrives as an exception, or is told in `settings`
_FATAL = 4
ort.set_default_logger_severity(_FATAL)

Device = Literal["auto", "cpu", "cuda"]


class Slot(NamedTuple):
    """An input or output of a model: `shape` holds ints, names of free axes, or None; `dtype` as onnxruntime has it."""

    name: str
    shape: tuple[int | str | None, ...]
    dtype: str


class Session:
    """A loaded model with its `inputs`, `outputs`, `providers` and the `settings` that a record keeps."""

    def __init__(self, session: ort.InferenceSession, settings: dict[str, Any]) -> None:
        self._session: ort.InferenceSession | None = session
        self.inputs = tuple(Slot(i.name, tuple(i.shape), i.type) for i in session.get_inputs())
        self.outputs = tuple(Slot(o.name, tuple(o.shape), o.type) for o in session.get_outputs())
        self.providers: tuple[str, ...] = tuple(session.get_providers())
        self.metadata: dict[str, str] = dict(session.get_modelmeta().custom_metadata_map)
        self.settings = settings

    def run(self, outputs: Sequence[str] | None, feeds: Mapping[str, np.ndarray]) -> list[Any]:
        """The named outputs (None: all) for these inputs; raises OracleFailed with onnxruntime's own words."""
        if self._session is None:
            raise OracleFailed("the session was closed; open the model again")
        try:
            return list(self._session.run(None if outputs is None else list(outputs), dict(feeds)))
        except Exception as error:  # onnxruntime's exceptions share no base class but Exception
            raise OracleFailed(f"onnxruntime could not run the model: {_words(error)}") from error

    def close(self) -> None:
        """Give back the memory of the weights; a second time does nothing."""
        self._session = None


def open_session(
    source: bytes | Path | ModelProto, *, threads: int = 1, device: Device = "auto", lent: Lent = NOTHING
) -> Session:
    """Open a model from its bytes or its file, or from memory with the weights that were lent to it.

    `threads` is the number inside one operator; operators run one after the other. `device`: "auto" takes CUDA where
    a GPU is really there and works, "cuda" insists (DeviceMissing), "cpu" never looks. A model that onnxruntime cannot
    load raises OracleFailed; its `__cause__` is onnxruntime's exception. A path is resolved first, so that external
    data are sought beside the real file.
    """
    if threads < 1:
        raise ValueError(f"threads is {threads}; at least 1 is needed")
    providers = _providers(device)
    options = _options(threads)
    if isinstance(source, ModelProto):
        _lend(options, borrowed(source, lent))
        model: bytes | str = source.SerializeToString()
    else:
        model = source if isinstance(source, bytes) else os.path.realpath(source)
    try:
        with _quiet(providers):
            session = ort.InferenceSession(model, options, providers=providers)
    except Exception as error:  # see run
        raise OracleFailed(f"onnxruntime could not load {_name(source)}: {_words(error)}") from error
    used = session.get_providers()[0]
    if device == "cuda" and used != "CUDAExecutionProvider":
        raise DeviceMissing(
            f"device cuda was demanded, but onnxruntime {ort.__version__} fell back to {used}; "
            "install the extra [gpu], or choose --device cpu"
        )
    return Session(session, _settings(used, threads, fell_back=providers != [used] and used != "CUDAExecutionProvider"))


def available() -> tuple[str, ...]:
    """The providers that this build of onnxruntime has and this machine can use."""
    built = tuple(ort.get_available_providers())
    return built if gpu_count() else tuple(name for name in built if name == "CPUExecutionProvider")


def gpu_count() -> int:
    """How many CUDA devices the driver shows to this process; 0 without a driver.

    The driver is asked, not onnxruntime, which lists CUDA as available wherever its CUDA build is installed.
    """
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def _providers(device: Device) -> list[Any]:
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if "CUDAExecutionProvider" not in ort.get_available_providers() or gpu_count() == 0:
        if device == "cuda":
            raise DeviceMissing("device cuda was demanded, but no CUDA device is visible here; choose --device cpu")
        return ["CPUExecutionProvider"]
    with _quiet(["CUDAExecutionProvider"]):
        ort.preload_dlls()
    # TF32 would serve another precision than the file says; a measured choice of algorithms would differ by run
    cuda = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
    return [("CUDAExecutionProvider", cuda), "CPUExecutionProvider"]


def _quiet(providers: list[Any]) -> contextlib.AbstractContextManager[Any]:
    """With a GPU, onnxruntime prints what it does not find, on stdout; `settings` says so instead."""
    if providers == ["CPUExecutionProvider"]:
        return contextlib.nullcontext()
    return contextlib.redirect_stdout(io.StringIO())


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.use_deterministic_compute = True
    return options


def _lend(options: ort.SessionOptions, arrays: Mapping[str, np.ndarray]) -> None:
    """Let onnxruntime read these initializers where they lie; packed copies of them would cost their size again."""
    if not arrays:
        return
    values = [ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array)) for array in arrays.values()]
    options.add_external_initializers(list(arrays), values)
    options.add_session_config_entry("session.disable_prepacking", "1")


def _settings(provider: str, threads: int, *, fell_back: bool) -> dict[str, Any]:
    settings = {
        "runtime": f"onnxruntime {ort.__version__}",
        "provider": provider,
        "intra_op_threads": threads,
        "inter_op_threads": 1,
        "execution": "sequential",
        "graph_optimisation": "all",
        "deterministic_compute": True,
        "tf32": False,
    }
    if fell_back:
        settings["note"] = "a GPU is there, but onnxruntime could not use it"
    return settings


def _name(source: bytes | Path | ModelProto) -> str:
    if isinstance(source, ModelProto):
        return "a model"
    return f"a model of {len(source):,} bytes" if isinstance(source, bytes) else source.name


def _words(error: Exception) -> str:
    """The message in one line, without the stack that some of them carry, and no longer than a screen's paragraph."""
    return " ".join(str(error).split())[:500]
