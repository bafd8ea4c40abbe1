"""State dicts of strangers: opened without running code, unwrapped, and laid into a module strictly."""

import argparse
import pickle
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import nn

from converters.refusals import ConversionRefused, RunsCode, SourceDamaged, SourceIncomplete
from converters.torch_exporter import silently

LIMIT = 8 << 30
# checkpoints of training programs hold the network under one of these, in this order where several are there
WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "module", "weights", "params")
AVERAGES = ("state_dict_ema", "model_ema", "ema_state_dict", "ema")
SUFFIXES = (".safetensors", ".pth", ".pt", ".th", ".bin", ".ckpt", ".tar")
_COUNTER = "num_batches_tracked"  # of BatchNorm, absent before PyTorch 0.4.1, unused in eval mode
_SHOWN = 3

State = dict[str, torch.Tensor]


class Weights(NamedTuple):
    """The tensors of a file, and what was done to find them."""

    file: Path
    state: State
    notes: tuple[str, ...]


def read_weights(path: Path) -> Weights:
    """The state dict in a safetensors file or in a file of torch.save, which is opened with `weights_only`.

    Raises SourceIncomplete (no file), RunsCode (a pickle of more than weights), SourceDamaged.
    """
    if not path.is_file():
        raise SourceIncomplete(f"{path}: no such file of weights; give one with --weights")
    if path.stat().st_size > LIMIT:
        raise SourceDamaged(f"{path.name} has {path.stat().st_size} bytes; files of weights may have {LIMIT}")
    try:
        return _unwrapped(path, _open(path))
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise SourceDamaged(f"{path.name} cannot be opened as weights ({_first(error)}); get it again") from None
    except safetensors.SafetensorError as error:
        raise SourceDamaged(f"{path.name} is no safetensors file ({_first(error)}); get it again") from None
    except (pickle.UnpicklingError, ImportError) as error:
        raise _unpickled(path, str(error)) from None


def _open(path: Path) -> object:
    if path.suffix == ".safetensors":
        return safetensors.torch.load_file(path)
    if zipfile.is_zipfile(path):
        _refuse_archives(path)
    with silently(), torch.serialization.safe_globals([*_harmless_globals()]):
        return torch.load(path, map_location="cpu", weights_only=True)


def _harmless_globals() -> Iterable[Any]:
    """What checkpoints keep beside tensors: numbers of numpy and the options of the training program."""
    scalar = np.float64(0).__reduce__()[0]
    yield from (argparse.Namespace, np.dtype)
    yield from ((scalar, f"{module}.multiarray.scalar") for module in ("numpy._core", "numpy.core"))
    yield from {type(np.dtype(kind)) for kind in ("f8", "f4", "i8", "i4", "?")}


def _refuse_archives(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if sum(entry.file_size for entry in entries) > LIMIT:
        raise SourceDamaged(f"{path.name} unpacks to more than {LIMIT} bytes; files of weights may have that many")
    names = {entry.filename.split("/", 1)[-1] for entry in entries}
    if "constants.pkl" in names:
        raise RunsCode(
            f"{path.name} is a TorchScript archive, which brings its own code; save its weights with"
            " torch.save(torch.jit.load(FILE).state_dict(), 'weights.pth') and name the network, as"
            " module:callable --weights weights.pth, or export it anew with torch.export.save"
        )
    if "archive_format" in names or "serialized_exported_program.json" in names:
        raise SourceIncomplete(f"{path.name} is an exported program, not weights; give it as the source itself")


def _unpickled(path: Path, message: str) -> ConversionRefused:
    named = re.search(r"GLOBAL ([\w.]+) (?:was not an allowed|whose module)", message)
    if named is None:
        return SourceDamaged(f"{path.name} is neither safetensors nor a state dict of torch.save; get it again")
    return RunsCode(
        f"{path.name} is a pickle of more than weights (it names {named[1]}), which runs code when it is opened; save"
        " the weights alone where it was made, with torch.save(model.state_dict(), 'weights.pth'), and name the"
        " network, as timm:NAME or module:callable, with --weights weights.pth"
    )


def _unwrapped(path: Path, found: object) -> Weights:
    """The dict of tensors inside the dicts of a checkpoint."""
    notes: list[str] = []
    while isinstance(found, Mapping) and not _is_state(found):
        inner = {key: value for key, value in found.items() if isinstance(value, Mapping) and _holds_tensors(value)}
        key = next((key for key in (*WRAPPERS, *AVERAGES) if key in inner), None)
        if key is None and len(inner) == 1:
            key = next(iter(inner))
        if key is None:
            keys = ", ".join(str(key) for key in list(found)[:8]) or "nothing"
            raise SourceIncomplete(f"{path.name} holds no state dict (it holds {keys}); save model.state_dict() alone")
        beside = [other for other in (*WRAPPERS, *AVERAGES) if other in inner and other != key]
        notes.append(f"weights taken from {key!r} of {path.name}" + (f", not from {beside[0]!r}" if beside else ""))
        found = inner[key]
    if not isinstance(found, Mapping):
        raise SourceIncomplete(f"{path.name} holds {type(found).__name__}, no state dict; save model.state_dict()")
    state = {str(name): value for name, value in found.items() if isinstance(value, torch.Tensor)}
    if len(state) < len(found):
        odd = next(str(name) for name, value in found.items() if not isinstance(value, torch.Tensor))
        notes.append(f"{odd!r} of {path.name} is no tensor and was left out")
    return Weights(path, state, tuple(notes))


def _is_state(found: Mapping[Any, Any]) -> bool:
    """Mostly tensors: a counter or a date among them does no harm."""
    return sum(isinstance(value, torch.Tensor) for value in found.values()) * 2 > len(found)


def _holds_tensors(found: Mapping[Any, Any]) -> bool:
    return _is_state(found) or any(isinstance(value, Mapping) and _holds_tensors(value) for value in found.values())


def aligned(weights: Weights, names: Iterable[str]) -> Weights:
    """The same weights under the names of a module's own state dict, without what wrappers put before them.

    torch.compile puts `_orig_mod` into names, DataParallel `module.` before all of them, training frameworks `model.`
    or `net.`; AveragedModel adds a counter. A first part that all share and the module lacks is taken off.
    """
    own = {name.split(".", 1)[0] for name in names}
    state = {name.replace("_orig_mod.", ""): tensor for name, tensor in weights.state.items()}
    state.pop("n_averaged", None)
    notes = list(weights.notes)
    while len(firsts := {name.split(".", 1)[0] for name in state}) == 1 and not firsts & own:
        if any("." not in name for name in state):
            break
        notes.append(f"prefix {firsts.copy().pop()!r} taken off the names of {weights.file.name}")
        state = {name.split(".", 1)[1]: tensor for name, tensor in state.items()}
    return Weights(weights.file, state, tuple(notes))


def fill(module: nn.Module, weights: Weights, name: str) -> tuple[str, ...]:
    """Lay the weights into the module, all and nothing else; answers what is to be noted.

    Raises SourceIncomplete naming tensors that are missing, unknown or of another shape.
    """
    own = module.state_dict()
    weights = aligned(weights, own)
    state = weights.state
    faults = {
        "lacks": [key for key in own if key not in state and not key.endswith(_COUNTER)],
        "has the unknown": [key for key in state if key not in own],
        "has another shape of": [
            f"{key} {list(state[key].shape)} where the network has {list(own[key].shape)}"
            for key in own
            if key in state and state[key].shape != own[key].shape
        ],
    }
    for what, keys in faults.items():
        if keys:
            more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
            raise SourceIncomplete(
                f"{weights.file.name} {what} {', '.join(keys[:_SHOWN])}{more}; give weights of this very network"
                f" ({name}), its --classes and its --size"
            )
    try:
        module.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise SourceDamaged(f"{weights.file.name} does not fit into {name} ({_first(error)})") from None
    kinds = sorted({str(t.dtype) for key, t in state.items() if t.dtype != own[key].dtype})
    cast = (f"weights of {', '.join(kinds)} are run as the network's own type",) if kinds else ()
    return (*weights.notes, *cast)


def _first(error: Exception) -> str:
    words = str(error).strip() or type(error).__name__
    return words.split(". ")[0].splitlines()[0]
