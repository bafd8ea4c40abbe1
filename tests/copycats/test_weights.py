"""Weights that are kept come back the same; weights from elsewhere fit or are refused."""

import hashlib
from pathlib import Path

import pytest
import safetensors.torch
import torch

from copycats.architectures import build, reopen
from copycats.copycat import Copycat
from copycats.refusals import WeightsRefused
from copycats.weights import save

IMAGES = torch.arange(2 * 3 * 32 * 32).reshape(2, 3, 32, 32) % 256


def answers(copycat: Copycat) -> torch.Tensor:
    """Logits in eval mode."""
    return copycat.eval()(IMAGES).detach()


@pytest.mark.parametrize("name", ["small_vgg", "small_resnet", "resnet18", "vit_tiny_patch16_224"])
def test_what_is_saved_comes_back(name: str, tmp_path: Path) -> None:
    """A loaded copycat answers as the saved one, knows the same, and nothing but the file is left in the folder."""
    copycat = build(name, classes=3, size=(32, 32), channels=1 if name == "small_vgg" else 3, seed=4)
    save(copycat, tmp_path / "c" / "copy.safetensors")
    loaded = reopen(tmp_path / "c" / "copy.safetensors")
    assert torch.equal(answers(copycat), answers(loaded))
    assert (loaded.order, loaded.knowledge) == (copycat.order, copycat.knowledge)
    assert [path.name for path in (tmp_path / "c").iterdir()] == ["copy.safetensors"]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there stays when writing fails, and no temporary file stays behind."""
    path = tmp_path / "copy.safetensors"
    path.write_bytes(b"old")

    def full(_descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="disk full"):
        save(build("small_vgg", classes=3, size=(32, 32)), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_starts_from_a_saved_copycat(tmp_path: Path) -> None:
    """A fresh net can start from a saved one, small first kernel included; the file's digest is in its knowledge."""
    path = tmp_path / "copy.safetensors"
    old = build("resnet18", classes=3, size=(32, 32), seed=4)
    save(old, path)
    new = build("resnet18", classes=3, size=(32, 32), weights=path, seed=9)
    assert torch.equal(answers(old), answers(new))
    assert new.knowledge["pretrained"] == "file copy.safetensors"
    assert new.knowledge["weights_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_starts_from_a_plain_state_dict_and_drops_a_head_of_other_class_count(suffix: str, tmp_path: Path) -> None:
    """Body weights come from the file, a head of five classes is left out for one of three, and that is noted."""
    path = tmp_path / f"five{suffix}"
    state = {
        f"module.{key}": tensor
        for key, tensor in build("small_vgg", classes=5, size=(32, 32), seed=4).net.state_dict().items()
    }
    if suffix == ".pt":
        torch.save({"state_dict": state, "epoch": 3}, path)
    else:
        safetensors.torch.save_file(state, path)
    copycat = build("small_vgg", classes=3, size=(32, 32), weights=path, seed=9)
    fresh = build("small_vgg", classes=3, size=(32, 32), seed=9)
    assert torch.equal(copycat.net.body[0][0].weight, state["module.body.0.0.weight"])
    assert torch.equal(copycat.net.head.weight, fresh.net.head.weight)
    assert copycat.knowledge["notes"] == ["answering layer head of other class count left out, starts at random"]


def test_refuses_what_does_not_fit(tmp_path: Path) -> None:
    """A missing, an unknown and an unlike tensor are named with the architecture."""
    state = build("small_vgg", classes=3, size=(32, 32)).net.state_dict()
    last = "body.9.1.bias"
    unlike = state | {last: torch.zeros(7)}
    for found, sentence in (
        (
            {key: value for key, value in state.items() if key != last},
            rf"lacks the tensor '{last}' \(1 such\) for small_vgg",
        ),
        (state | {"extra": torch.zeros(1)}, r"has the unknown tensor 'extra' \(1 such\) for small_vgg"),
        (unlike, rf"has another shape of '{last}' \(1 such\) for small_vgg\. Give weights of this very architecture"),
    ):
        safetensors.torch.save_file(found, tmp_path / "w.safetensors")
        with pytest.raises(WeightsRefused, match=sentence):
            build("small_vgg", classes=3, size=(32, 32), weights=tmp_path / "w.safetensors")


def test_refuses_what_is_no_file_of_weights(tmp_path: Path) -> None:
    """No file, rubbish, a whole pickled module and a list are refused, each with a way out; no code in them runs."""
    (tmp_path / "rubbish.safetensors").write_bytes(b"\xff" * 64)
    (tmp_path / "rubbish.pt").write_bytes(b"not a pickle")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    for name, sentence in (
        ("none.safetensors", r"none\.safetensors: no such file of weights\. Check the path"),
        ("none.pt", r"none\.pt: no such file of weights"),
        ("rubbish.safetensors", r"rubbish\.safetensors: cannot be opened as plain weights \(.*\)\. Save a state dict"),
        ("rubbish.pt", r"rubbish\.pt: cannot be opened as plain weights"),
        ("module.pt", r"module\.pt: cannot be opened as plain weights"),
        ("list.pt", r"list\.pt: holds list, not a dict of tensors\. Save a state dict"),
    ):
        with pytest.raises(WeightsRefused, match=sentence):
            build("small_vgg", classes=3, size=(32, 32), weights=tmp_path / name)
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "plain.safetensors")
    with pytest.raises(WeightsRefused, match=r"holds weights, but no copycat\. Give a file that this benchmark saved"):
        reopen(tmp_path / "plain.safetensors")
