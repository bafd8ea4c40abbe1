"""Exported networks answer in onnxruntime as they do in torch."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from converters.pytorch import ExportRefused, export
from copycats.architectures import build

torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("name", "size", "channels"),
    [
        ("small_vgg", (32, 32), 3),
        ("small_resnet", (33, 31), 1),
        ("resnet18", (32, 32), 3),
        ("vit_tiny_patch16_224", (32, 32), 3),
        ("paper_alexnet", (40, 48), 3),
    ],
)
def test_copycats_answer_the_same_in_onnxruntime(
    name: str, size: tuple[int, int], channels: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Labels are equal and logits within 1e-4 for one image and for five; nothing appears on the screen."""
    copycat = build(name, classes=6, size=size, channels=channels, seed=2).train()
    model = export(copycat, size=size)
    assert capfd.readouterr() == ("", "")
    assert copycat.training
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert [(given.name, given.shape) for given in session.get_inputs()] == [("images", ["n", 3, *size])]
    assert [(made.name, made.shape) for made in session.get_outputs()] == [("scores", ["n", 6])]
    assert model.opset_import[0].version == 20
    for count in (1, 5):
        images = np.random.default_rng(count).integers(0, 256, (count, 3, *size)).astype(np.float32)
        expected = copycat.eval()(torch.from_numpy(images)).detach().numpy()
        (scores,) = session.run(None, {"images": images})
        assert np.abs(scores - expected).max() <= 1e-4
        assert np.array_equal(scores.argmax(1), expected.argmax(1))


class Pooling(torch.nn.Module):
    """Ceil-mode pooling of Caffe over an odd size, padding and all."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = torch.nn.MaxPool2d(3, 2, ceil_mode=True)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Rows of pooled pixels."""
        return self.pool(images).flatten(1)


@pytest.mark.parametrize("size", [(6, 6), (8, 5)])
def test_ceil_mode_pooling_survives(size: tuple[int, int]) -> None:
    """Windows that hang over the border are pooled alike, with one input channel too."""
    model = export(Pooling(), size=size, channels=1)
    images = np.random.default_rng(0).normal(-9, 1, (3, 1, *size)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"images": images})
    assert np.array_equal(scores, Pooling()(torch.from_numpy(images)).numpy())


class Moody(torch.nn.Module):
    """A network whose way depends on its numbers, which no graph can hold."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """One thing or the other."""
        return images.flatten(1) if images.sum().item() > 0 else -images.flatten(1)


def test_what_cannot_be_exported_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """The exporter's pages of explanation become one sentence with the module's name."""
    with pytest.raises(ExportRefused, match=r"^Moody: cannot be exported to ONNX \([^\n]*\)\.") as caught:
        export(Moody(), size=(4, 4))
    assert caught.value.exit_code == 3
    assert capfd.readouterr() == ("", "")
