"""Exported networks answer in onnxruntime as they do in torch, and sources that are none are refused."""

import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import safetensors.torch
import timm
import torch
import torchvision
from beside_torch import agrees, answers, noise
from torch_networks import made

from converters.conversion import Source, Wishes
from converters.pytorch.convert import ExportRefused, convert, export
from converters.refusals import ConversionRefused, RunsCode, SourceDamaged, SourceIncomplete, UnknownFormat
from copycats.architectures import build

torch.set_num_threads(1)

NETWORKS = f"{Path(__file__).with_name('torch_networks.py')}"
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
real = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real models is not beside the repository")


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


def test_own_code_and_its_weights_become_a_model(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The module's own answers are the reference; layers carry the module's names; no path of a machine is left."""
    torch.save(made(7).state_dict(), tmp_path / "w.pth")
    wishes = Wishes(weights=tmp_path / "w.pth", allow_code=True)
    conversion = convert(Source(f"{NETWORKS}:Small"), wishes)
    assert capfd.readouterr() == ("", "")
    assert [file.name for file in conversion.files] == ["torch_networks.py", "w.pth"]
    assert conversion.stated == {"layout": "nchw", "channels": 3}
    assert conversion.assumed == {"size": (32, 32)}
    inputs = noise(5, 3, 32, 32)
    agrees(conversion, inputs)
    assert conversion.reference is not None
    expected = made(7)(torch.from_numpy(inputs)).detach().numpy()
    np.testing.assert_allclose(conversion.reference.scores(inputs), expected, rtol=1e-5, atol=1e-6)
    names = [name for name, _ in conversion.reference.layers(inputs)]
    assert [name.split("/")[0] for name in names] == ["bn", "relu", "again", "relu", "mean", "scores"]
    assert str(Path(__file__).parent).encode() not in conversion.model.SerializeToString()


def test_a_layer_that_differs_is_the_first_that_is_named(tmp_path: Path) -> None:
    """With one weight of the graph changed, tensors before it agree and those from it on do not."""
    conversion = convert(Source(f"{NETWORKS}:made"), Wishes(allow_code=True))
    (weight,) = (tensor for tensor in conversion.model.graph.initializer if tensor.name == "again.weight")
    changed = onnx.numpy_helper.to_array(weight) + 0.5
    weight.CopyFrom(onnx.numpy_helper.from_array(changed, weight.name))
    assert conversion.reference is not None
    layers = dict(conversion.reference.layers(noise(2, 3, 32, 32)))
    ours = answers(conversion, noise(2, 3, 32, 32), list(layers))
    unlike = [not np.allclose(a, b, atol=1e-4, rtol=1e-4) for a, b in zip(ours, layers.values(), strict=True)]
    assert next(name.split("/")[0] for name, differs in zip(layers, unlike, strict=True) if differs) == "again"


def test_a_module_of_the_current_folder_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`package.module:callable`, with the class count as its argument where the user says it."""
    (tmp_path / "mine_for_this_test.py").write_text(
        "import torch\ndef build(num_classes=2):\n    return torch.nn.Sequential("
        "torch.nn.Conv2d(1, 4, 5), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),"
        " torch.nn.Linear(4, num_classes))\n"
    )
    monkeypatch.chdir(tmp_path)
    conversion = convert(Source("mine_for_this_test:build"), Wishes(allow_code=True, classes=6, size=(20, 24)))
    assert conversion.stated == {"layout": "nchw", "channels": 1, "size": (20, 24)}
    assert conversion.notes == ("weights as mine_for_this_test:build made them",)
    inputs = noise(3, 1, 20, 24)
    agrees(conversion, inputs)
    assert answers(conversion, inputs)[0].shape == (3, 6)


def test_a_fully_connected_network_takes_flat_images(tmp_path: Path) -> None:
    """48 inputs are 4 x 4 pixels of three channels; a layer that wants rows gets rows."""
    conversion = convert(Source(f"{NETWORKS}:flat"), Wishes(allow_code=True, image_channels=3))
    assert conversion.stated == {"channels": 3, "size": (4, 4)}
    assert conversion.assumed == {"layout": "nchw"}
    agrees(conversion, noise(5, 48))


def test_one_of_several_outputs_has_to_be_named() -> None:
    """Two outputs that could be the class scores are refused by name; the one wished for is taken."""
    source = Source(f"{NETWORKS}:TwoHeads")
    with pytest.raises(
        SourceIncomplete, match=r"several outputs of .*output_classes \[2, 4\], output_features \[2, 6\].*--output"
    ):
        convert(source, Wishes(allow_code=True))
    with pytest.raises(SourceIncomplete, match="no output 'nose'"):
        convert(source, Wishes(allow_code=True, output="nose"))
    conversion = convert(source, Wishes(allow_code=True, output="output_features"))
    assert conversion.stated["output"] == "output_features"
    agrees(conversion, noise(4, 3, 32, 32))


@pytest.mark.parametrize(
    ("text", "net", "size"),
    [
        ("timm:test_resnet", lambda: timm.create_model("test_resnet", num_classes=7), (64, 64)),
        ("timm:test_efficientnet", lambda: timm.create_model("test_efficientnet", in_chans=1), None),
        ("timm:test_vit", lambda: timm.create_model("test_vit", img_size=32, num_classes=5), (32, 32)),
        ("torchvision:squeezenet1_1", lambda: torchvision.models.squeezenet1_1(num_classes=5), (48, 40)),
    ],
)
def test_named_architectures_take_classes_and_channels_from_the_weights(
    tmp_path: Path, text: str, net: object, size: tuple[int, int] | None
) -> None:
    """The head's rows are the classes, the first convolution's inputs the channels; range, mean, std are assumed."""
    torch.manual_seed(0)
    module = net().eval()  # type: ignore[operator]
    safetensors.torch.save_file(module.state_dict(), tmp_path / "w.safetensors")
    conversion = convert(Source(text), Wishes(weights=tmp_path / "w.safetensors", size=size))
    channels = conversion.stated["channels"]
    size = size or conversion.assumed["size"]
    inputs = noise(2, channels, *size)
    expected = module(torch.from_numpy(inputs)).detach().numpy()
    assert channels == (1 if "efficientnet" in text else 3)
    assert conversion.assumed["range"] == (0, 1)
    assert len(conversion.assumed.get("mean", (0,))) == channels
    np.testing.assert_allclose(answers(conversion, inputs)[0], expected, rtol=1e-4, atol=1e-5)
    agrees(conversion, inputs)


@pytest.mark.parametrize(
    ("text", "wishes", "refusal", "words"),
    [
        ("timm:resnt18", Wishes(), UnknownFormat, "timm has no architecture 'resnt18'; the nearest is resnet18"),
        ("torchvision:resnet19", Wishes(), UnknownFormat, "the nearest is resnet1"),
        ("timm:resnet18", Wishes(), SourceIncomplete, "a random network is no oracle; give its weights with --weights"),
        ("resnet18", Wishes(), UnknownFormat, "resnet18 is no PyTorch source; give a .pt2 file"),
        ("nets:build", Wishes(), RunsCode, "nets:build is code.*add --allow-code"),
        (f"{NETWORKS}:Smal", Wishes(allow_code=True), ConversionRefused, "no network .AttributeError"),
        (f"{NETWORKS}:not_a_network", Wishes(allow_code=True), ConversionRefused, "gives str, not a torch.nn.Module"),
        ("/nowhere/nets.py:build", Wishes(allow_code=True), ConversionRefused, "gives no network"),
        (f"{NETWORKS}:SignNet", Wishes(allow_code=True, size=(40, 40)), SourceIncomplete, "40 x 40 pixels"),
        (f"{NETWORKS}:Block", Wishes(allow_code=True), ConversionRefused, "gives no network .TypeError"),
    ],
)
def test_what_names_no_network_is_refused_in_a_sentence(
    text: str, wishes: Wishes, refusal: type[ConversionRefused], words: str
) -> None:
    """One sentence in one line, with the thing's name and the way out."""
    with pytest.raises(refusal, match=words) as caught:
        convert(Source(text), wishes)
    assert "\n" not in str(caught.value)


def test_code_is_not_run_without_leave(tmp_path: Path) -> None:
    """Not even the file's first line."""
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nbuild = None\n")
    with pytest.raises(RunsCode):
        convert(Source(f"{tmp_path / 'evil.py'}:build"), Wishes())
    assert not (tmp_path / "ran").exists()


def test_weights_without_a_network_are_told_what_is_missing(tmp_path: Path) -> None:
    """The sentence names what is in the file and how to name its network."""
    file = tmp_path / "w.pth"
    torch.save({"model": made().state_dict()}, file)
    with pytest.raises(SourceIncomplete, match=r"holds 11 weights \(first conv.weight\).*timm:NAME.*--weights w.pth"):
        convert(Source(str(file), file), Wishes())


def test_pickled_modules_and_torchscript_are_refused_with_the_way_out(tmp_path: Path) -> None:
    """Neither is opened; the sentence says how to save the weights."""
    pickled, script = tmp_path / "whole.pth", tmp_path / "script.pt"
    torch.save(torch.nn.Linear(2, 2), pickled)
    with pytest.raises(RunsCode, match=r"names torch.nn.modules.linear.Linear.*torch.save\(model.state_dict"):
        convert(Source(str(pickled), pickled), Wishes())
    with zipfile.ZipFile(script, "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py", "version"):
            archive.writestr(f"script/{name}", b"3")
    with pytest.raises(RunsCode, match="TorchScript archive.*state_dict"):
        convert(Source(str(script), script), Wishes(allow_code=True))
    short = tmp_path / "short.pt2"
    short.write_bytes(pickled.read_bytes()[:200])
    with pytest.raises(SourceDamaged, match=r"short.pt2 cannot be opened as an exported program"):
        convert(Source(str(short), short), Wishes())


@real
def test_a_pickle_of_pytorch_before_one_point_six_is_refused_with_the_way_out() -> None:
    """A file of other people, class `__main__.CNN`."""
    file = DATA / "models/torch-old-pickle/mnist_model.pth"
    with pytest.raises(RunsCode, match=r"__main__.CNN.*state_dict\(\), 'weights.pth'"):
        convert(Source(str(file), file), Wishes(allow_code=True))
