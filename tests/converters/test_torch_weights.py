"""State dicts in every wrapping that training programs give them, and files that are none."""

import argparse
import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch_networks import Small, made

from converters.pytorch.weights import fill, read_weights
from converters.refusals import RunsCode, SourceDamaged, SourceIncomplete

torch.set_num_threads(1)


def prefixed(prefix: str) -> dict[str, torch.Tensor]:
    """The small network's state with something before each name."""
    return {prefix + name: tensor for name, tensor in made(5).state_dict().items()}


def averaged() -> dict[str, torch.Tensor]:
    """What torch.optim.swa_utils.AveragedModel saves."""
    return torch.optim.swa_utils.AveragedModel(made(5)).state_dict()


def compiled() -> dict[str, torch.Tensor]:
    """What a network saves, one part of which torch.compile has wrapped."""
    return {name.replace("conv.", "conv._orig_mod."): tensor for name, tensor in made(5).state_dict().items()}


WRAPPINGS: dict[str, Any] = {
    "bare": lambda: made(5).state_dict(),
    "DataParallel": lambda: torch.nn.DataParallel(made(5)).state_dict(),
    "compiled": lambda: prefixed("_orig_mod."),
    "compiled in part": compiled,
    "compiled, then parallel": lambda: prefixed("module._orig_mod."),
    "Lightning": lambda: {"state_dict": prefixed("model."), "epoch": 3, "pytorch-lightning_version": "2.5"},
    "twice": lambda: {"model": {"state_dict": prefixed("net.backbone.")}, "step": torch.tensor(3)},
    "own word": lambda: {"best": made(5).state_dict(), "accuracy": 0.9},
    "averaged": averaged,
    "only the average": lambda: {"ema": prefixed("module."), "epoch": 1},
    "average beside": lambda: {"model_ema": made(6).state_dict(), "model": made(5).state_dict()},
    "optimiser beside": lambda: {"net": made(5).state_dict(), "optimizer": {"state": {0: {"m": torch.ones(2)}}}},
    "options and numbers": lambda: {
        "model": made(5).state_dict(),
        "args": argparse.Namespace(lr=0.1),
        "best": np.float64(0.9),
        "at": np.int64(3),
    },
    "a stray number": lambda: OrderedDict(**made(5).state_dict(), epoch=7),
    "counters of before 0.4.1": lambda: {k: t for k, t in made(5).state_dict().items() if "num_batches" not in k},
}


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("wrapping", list(WRAPPINGS))
def test_every_wrapping_gives_the_same_network(tmp_path: Path, wrapping: str, legacy: bool) -> None:
    """The filled network answers as the one that was saved."""
    torch.save(WRAPPINGS[wrapping](), tmp_path / "w.pth", _use_new_zipfile_serialization=not legacy)
    net = Small().eval()
    fill(net, read_weights(tmp_path / "w.pth"), "Small")
    images = torch.rand(2, 3, 9, 9)
    assert torch.equal(net(images), made(5)(images))


def test_what_was_taken_off_and_left_out_is_noted(tmp_path: Path) -> None:
    """Wrapper, prefix, other copies and types are said; a bare state dict needs no word."""
    halves = {f"module.{name}": tensor.half() for name, tensor in made().state_dict().items() if "num" not in name}
    torch.save({"state_dict": halves, "model_ema": halves}, tmp_path / "w.pth")
    assert fill(Small(), read_weights(tmp_path / "w.pth"), "Small") == (
        "weights taken from 'state_dict' of w.pth, not from 'model_ema'",
        "prefix 'module' taken off the names of w.pth",
        "weights of torch.float16 are run as the network's own type",
    )
    safetensors.torch.save_file(made().state_dict(), tmp_path / "w.safetensors")
    assert fill(Small(), read_weights(tmp_path / "w.safetensors"), "Small") == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("fc.bias"), r"lacks fc.bias; give weights of this very network \(Small\)"),
        (lambda s: [s.pop(n) for n in list(s) if "bn" in n], r"lacks bn.weight, bn.bias, bn.running_mean and 1 more;"),
        (lambda s: s.update({"fd.bias": torch.ones(1)}), "has the unknown fd.bias;"),
        (lambda s: s.update({"fc.bias": torch.ones(9)}), r"another shape of fc.bias \[9\] where the network has \[4\]"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(tmp_path: Path, change: Any, words: str) -> None:
    """Missing, unknown and misshapen tensors; the network stays as it was."""
    state = made(1).state_dict()
    change(state)
    torch.save(state, tmp_path / "w.pth")
    net = made(2)
    with pytest.raises(SourceIncomplete, match=words):
        fill(net, read_weights(tmp_path / "w.pth"), "Small")
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), made(2).state_dict().values(), strict=True))


class Evil:
    """Runs a command where it is unpickled without care."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def test_a_pickle_that_runs_code_is_not_opened(tmp_path: Path) -> None:
    """Nothing runs, and the sentence names what the file wanted to run."""
    torch.save({"state_dict": {"a": Evil(f"touch {tmp_path / 'ran'}")}}, tmp_path / "w.pth")
    with pytest.raises(RunsCode, match=r"names (posix|nt).system.*state_dict\(\), 'weights.pth'") as caught:
        read_weights(tmp_path / "w.pth")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


def circular() -> dict[str, Any]:
    """A dict in itself."""
    made_up: dict[str, Any] = {}
    made_up["model"] = made_up
    return made_up


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be opened as weights|neither safetensors"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:46\n", "neither safetensors nor a state dict"),
        (b"<!DOCTYPE html>", "neither safetensors nor a state dict"),
        (b"PK\x03\x04" + bytes(60), "cannot be opened as weights"),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files_that_are_no_weights_are_said_to_be_damaged(
    tmp_path: Path, content: bytes, words: str, suffix: str
) -> None:
    """Empty, a pointer of Git LFS, a web page, a torn archive: one sentence each."""
    file = tmp_path / f"w{suffix}"
    file.write_bytes(content)
    with pytest.raises(SourceDamaged, match=words if suffix == ".pth" else "no safetensors file") as caught:
        read_weights(file)
    assert "\n" not in str(caught.value)


def test_every_truncation_of_a_file_ends_in_a_sentence(tmp_path: Path) -> None:
    """Cut at 40 places, in both formats."""
    torch.save(made().state_dict(), tmp_path / "w.pth")
    safetensors.torch.save_file(made().state_dict(), tmp_path / "w.safetensors")
    for file in list(tmp_path.iterdir()):
        whole = file.read_bytes()
        for length in range(0, len(whole) - 1, len(whole) // 40):
            file.write_bytes(whole[:length])
            with pytest.raises((SourceDamaged, SourceIncomplete)):
                read_weights(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1, 2], "holds list, no state dict"),
        ({"epoch": 3, "loss": 0.5}, r"holds no state dict \(it holds epoch, loss\)"),
        ({}, r"it holds nothing"),
        ({"a": {"x": torch.ones(1)}, "b": {"x": torch.ones(1)}}, r"it holds a, b"),
        (circular(), "cannot be opened as weights"),
    ],
)
def test_files_of_torch_without_a_state_dict_are_refused(tmp_path: Path, content: Any, words: str) -> None:
    """What is in them is said."""
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises((SourceIncomplete, SourceDamaged), match=words):
        read_weights(tmp_path / "w.pth")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With the option that names it."""
    with pytest.raises(SourceIncomplete, match="no such file of weights; give one with --weights"):
        read_weights(tmp_path / "none.pth")
