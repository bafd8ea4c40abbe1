"""Weights as files: a trained copycat kept and opened again, and initial weights from a file of the user's.

Our files are safetensors with the network's order in the metadata. Foreign ones may be safetensors or a state dict of
torch (opened with weights_only, so that no code in it runs).
"""

import hashlib
import json
import os
import pickle
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
import torch

from copycats.copycat import Copycat, Order
from copycats.refusals import WeightsRefused

FORMAT = "copycat-1"
NORMALISATION = ("mean", "spread")

State = dict[str, torch.Tensor]


def save(copycat: Copycat, path: Path, training: Mapping[str, Any] | None = None) -> None:
    """The copycat's weights and all that is needed to build it again, as safetensors; written whole or not at all.

    `training` says in JSON's types how it was trained, for whoever goes on from here.
    """
    order = copycat.order
    about = {"name": order.name, "classes": order.classes, "size": order.size, "channels": order.channels}
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in copycat.state_dict().items()}
    said = {"order": about, "knowledge": copycat.knowledge, "training": dict(training or {})}
    metadata = {"format": FORMAT} | {key: json.dumps(value) for key, value in said.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(safetensors.torch.save(state, metadata))
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def read_kept(path: Path) -> "Kept":
    """What `save` wrote. Raises WeightsRefused when the file is not such a one."""
    state, metadata = _read(path)
    if metadata.get("format") != FORMAT:
        raise WeightsRefused(f"{path}: holds weights, but no copycat. Give a file that this benchmark saved.")
    about = json.loads(metadata["order"])
    order = Order(about["name"], about["classes"], (about["size"][0], about["size"][1]), about["channels"])
    return Kept(order, json.loads(metadata["knowledge"]), json.loads(metadata.get("training", "{}")), state)


def kernels_are_kept(path: Path) -> bool:
    """Whether a file's network has its usual first kernel: all but our own that started at random."""
    if path.suffix != ".safetensors" or not path.is_file():
        return True
    metadata = _read(path).metadata
    return metadata.get("format") != FORMAT or json.loads(metadata["knowledge"])["pretrained"] != "none"


def load_into(copycat: Copycat, path: Path) -> dict[str, Any]:
    """Fill the network with the weights of a file; answers what to add to `knowledge`.

    The answering layer of another class count is left at random, which is noted; everything else must be there and fit.
    Raises WeightsRefused naming the first tensor that does not.
    """
    state, metadata = _read(path)
    notes: list[str] = []
    if metadata.get("format") != FORMAT:
        state = {f"net.{name.removeprefix('module.')}": tensor for name, tensor in state.items()}
        state |= {"mean": copycat.mean, "spread": copycat.spread}
    own = copycat.state_dict()
    head = f"net.{copycat.head}."
    misfits = [name for name in own if name.startswith(head) and name in state and own[name].shape != state[name].shape]
    if misfits:
        notes.append(f"answering layer {copycat.head} of other class count left out, starts at random")
        state |= {name: own[name] for name in own if name.startswith(head)}
    fill(copycat, state, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {
        "pretrained": f"file {path.name}",
        "weights_sha256": digest,
        "notes": [*copycat.knowledge["notes"], *notes],
    }


def fill(copycat: Copycat, state: State, path: Path) -> None:
    """All of the state into the copycat, strictly; the normalisation comes along. Raises WeightsRefused."""
    own = copycat.state_dict()
    lacking, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    shared = [name for name in own if name in state and name not in NORMALISATION]
    unlike = [name for name in shared if own[name].shape != state[name].shape]
    faults = {"lacks the tensor": lacking, "has the unknown tensor": unknown, "has another shape of": unlike}
    for what, names in faults.items():
        if names:
            raise WeightsRefused(
                f"{path}: {what} {names[0].removeprefix('net.')!r} ({len(names)} such) for {copycat.order.name}. "
                "Give weights of this very architecture and image size."
            )
    for name in NORMALISATION:  # three numbers may come where the fresh net has one
        setattr(copycat, name, state[name].clone())
    copycat.load_state_dict(state)


def _read(path: Path) -> "WeightsFile":
    """Tensors and metadata of a file. Raises WeightsRefused when it is not there or is no plain file of weights."""
    try:
        if path.suffix == ".safetensors":
            with safetensors.safe_open(path, "pt") as file:
                return WeightsFile({name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {})  # noqa: SIM118
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise WeightsRefused(f"{path}: no such file of weights. Check the path.") from None
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError, safetensors.SafetensorError) as error:
        cause = str(error).split(". ")[0].splitlines()[0] if str(error) else type(error).__name__
        raise WeightsRefused(
            f"{path}: cannot be opened as plain weights ({cause}). Save a state dict, best as .safetensors."
        ) from None
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):  # a checkpoint with other things beside
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        raise WeightsRefused(f"{path}: holds {type(state).__name__}, not a dict of tensors. Save a state dict.")
    return WeightsFile(state, {})


class WeightsFile(NamedTuple):
    """What a file of weights holds."""

    state: State
    metadata: dict[str, str]


class Kept(NamedTuple):
    """A copycat in a file: what it was built for, what it started from, how it was trained, its tensors."""

    order: Order
    knowledge: dict[str, Any]
    training: dict[str, Any]
    state: State
