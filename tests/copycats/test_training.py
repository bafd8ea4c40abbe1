"""THE PAGE learns what is easy, repeats itself, refuses what it must, and stays a page."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

from copycats import training
from copycats.architectures import build
from copycats.batches import Batches
from copycats.compute import choose, has_native_bf16
from copycats.copycat import Copycat
from copycats.recipe import Recipe
from copycats.refusals import EmptyTransferSet, LossNotFinite
from copycats.training import Training, predict, train
from copycats.transfer_set import TransferSet

QUICK = Recipe(name="quick", optimiser="sgd", rate=0.05, schedule="one-cycle", rise=0.2, batch=16, epochs=6)


def fresh(transfer_set: TransferSet, name: str = "small_vgg") -> Copycat:
    """A small net for these images."""
    return build(name, classes=transfer_set.classes, size=transfer_set.images_NHWC.shape[1:3], seed=3)


def learn(
    transfer_set: TransferSet, recipe: Recipe = QUICK, seed: int = 0, name: str = "small_vgg"
) -> tuple[Copycat, Training]:
    """A fresh net, trained."""
    copycat = fresh(transfer_set, name)
    return copycat, train(copycat, transfer_set, recipe, np.random.default_rng(seed))


@pytest.mark.parametrize("name", ["small_vgg", "small_alexnet", "small_resnet"])
@pytest.mark.parametrize("optimiser", ["sgd", "adamw", "muon"])
def test_learns_what_is_easy(easy_set: TransferSet, name: str, optimiser: str) -> None:
    """Six epochs are enough for three shades of grey; loss falls, and the report adds up."""
    rate = {"sgd": 0.05, "adamw": 0.003, "muon": 0.05}[optimiser]
    recipe = QUICK.model_copy(update={"optimiser": optimiser, "rate": rate, "crop": 2, "flip": True, "clip": 5.0})
    copycat, report = learn(easy_set, recipe, name=name)
    assert (predict(copycat, easy_set.images_NHWC) == easy_set.labels_N).mean() > 0.95
    assert report.losses[-1] < report.losses[0]
    assert (report.epochs, report.image_passes, len(report.losses)) == (6, 6 * 96, 6)
    assert report.wall_seconds > 0
    assert not copycat.training


def test_same_generator_same_weights(easy_set: TransferSet) -> None:
    """The same seed gives the same weights to the bit, drop-out and augmentation included; another does not."""
    recipe = QUICK.model_copy(update={"epochs": 1, "crop": 2, "flip": True, "brightness": 0.1})

    def weights(seed: int) -> list[torch.Tensor]:
        copycat = fresh(easy_set)
        copycat.net.head = torch.nn.Sequential(torch.nn.Dropout(0.5), copycat.net.head)
        torch.rand(seed + 1)  # whatever the global generator has done before
        train(copycat, easy_set, recipe, np.random.default_rng(seed))
        return list(copycat.state_dict().values())

    first, second, other = weights(0), weights(0), weights(1)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_leaves_torch_as_it_was(easy_set: TransferSet) -> None:
    """Neither the global generator nor the determinism setting is changed by a training."""
    state, deterministic = torch.get_rng_state(), torch.are_deterministic_algorithms_enabled()
    learn(easy_set, QUICK.model_copy(update={"epochs": 1}))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.are_deterministic_algorithms_enabled() == deterministic


def test_picks_train_and_others_do_not(easy_set: TransferSet) -> None:
    """What is not picked is never looked at: labels of -1 there do no harm."""
    labels_N = np.where(easy_set.labels_N == 2, -1, easy_set.labels_N)
    picked = TransferSet(easy_set.images_NHWC, labels_N, 3, np.flatnonzero(labels_N >= 0))
    copycat, report = learn(picked)
    assert report.image_passes == 6 * 64
    assert 2 not in predict(copycat, easy_set.images_NHWC[picked.picks_M])


def test_trains_from_a_memory_map(easy_set: TransferSet, tmp_path: Path) -> None:
    """A read-only memory map trains to the same weights as the array that it holds."""
    np.save(tmp_path / "images.npy", easy_set.images_NHWC)
    mapped = TransferSet(np.load(tmp_path / "images.npy", mmap_mode="r"), easy_set.labels_N, 3)
    a, b = learn(easy_set)[0], learn(mapped)[0]
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))
    assert np.array_equal(predict(a, mapped.images_NHWC), predict(a, easy_set.images_NHWC))


def test_goes_on_where_it_stopped(easy_set: TransferSet) -> None:
    """A second training with the recipe's fine-tuning starts at a lower loss than a fresh net."""
    copycat, first = learn(easy_set)
    second = train(copycat, easy_set, QUICK.for_fine_tuning(), np.random.default_rng(1))
    assert second.losses[0] < first.losses[0]


def test_an_empty_set_is_refused() -> None:
    """Nothing stolen, nothing trained."""
    nothing = TransferSet(np.zeros((0, 8, 8, 3), np.uint8), np.arange(0), 3)
    with pytest.raises(EmptyTransferSet, match=r"^small_vgg: no stolen label to train on\. Raise the budget"):
        learn(nothing)


def test_one_class_only_is_trained_and_said(easy_set: TransferSet) -> None:
    """An oracle that always says the same gives a copycat that does, with a word in the decisions."""
    monotone = TransferSet(easy_set.images_NHWC, np.ones(96, np.int64), 3)
    copycat, report = learn(monotone)
    assert set(predict(copycat, easy_set.images_NHWC)) == {1}
    assert report.decisions["classes"] == "one class only was answered: the copycat learns to say nothing else"
    assert "classes" not in learn(easy_set)[1].decisions


def test_a_single_image_trains() -> None:
    """One label in all, on a net whose last map is one place, does not break batch norm."""
    single = TransferSet(np.zeros((1, 8, 8, 3), np.uint8), np.array([1]), 2)
    assert learn(single, QUICK)[1].epochs == 6


def test_a_loss_that_runs_away_is_refused(easy_set: TransferSet) -> None:
    """A rate beyond reason ends with the epoch, the rate and a way out, and not with a useless copycat."""
    reckless = QUICK.model_copy(update={"rate": 1e30, "schedule": "constant"})
    sentence = r"^small_vgg: loss not finite at epoch \d of 6 \(learning rate 1e\+30\)\. Lower the rate or set clip"
    with pytest.raises(LossNotFinite, match=sentence):
        learn(easy_set, reckless)


def test_progress_is_said_once_an_epoch(easy_set: TransferSet) -> None:
    """One line per epoch, with the loss."""
    lines: list[str] = []
    train(fresh(easy_set), easy_set, QUICK.model_copy(update={"epochs": 2}), np.random.default_rng(0), say=lines.append)
    assert [line.split(":")[0] for line in lines] == ["epoch 1 of 2", "epoch 2 of 2"]


@pytest.mark.parametrize("count", [1, 2, 3, 17, 33, 96])
def test_batches_go_through_every_pick_once(easy_set: TransferSet, count: int) -> None:
    """An epoch holds every pick once, with its label, in batches of two or more that differ by one at most."""
    part = easy_set.with_picks(np.arange(count) % 5)
    batches = list(Batches(part, 16, torch.device("cpu")).epoch(np.random.default_rng(0)))
    sizes = [len(images) for images, _ in batches]
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 2
    assert max(sizes) <= 16
    labels = torch.cat([labels for _, labels in batches])
    assert torch.bincount(labels, minlength=3).tolist() == (part.counts_C * (2 if count == 1 else 1)).tolist()
    for images, labels in batches:
        assert torch.equal((images.float().mean((1, 2, 3)) / 90).long().clamp(max=2), labels)


def test_bf16_only_where_it_is_native_or_asked_for() -> None:
    """Precision follows the machine unless the recipe decides; the decision is said with its reason."""
    cpu = torch.device("cpu")
    assert choose(QUICK, "cpu").bf16 == has_native_bf16(cpu)
    asked = choose(QUICK.model_copy(update={"precision": "bf16"}), "cpu")
    assert asked.bf16
    assert asked.decisions["precision"] == "bf16 autocast (as the recipe says)"
    assert choose(QUICK.model_copy(update={"precision": "float32"}), "cpu").decisions["precision"].startswith("float32")


def test_bf16_trains_where_asked(easy_set: TransferSet) -> None:
    """Half precision learns the same easy thing."""
    copycat, _ = learn(easy_set, QUICK.model_copy(update={"precision": "bf16"}))
    assert (predict(copycat, easy_set.images_NHWC) == easy_set.labels_N).mean() > 0.9


def test_predict_keeps_the_mode_and_takes_nothing(easy_set: TransferSet) -> None:
    """Predicting changes no mode and no running mean; no image gives no label; batches do not change the answer."""
    copycat = fresh(easy_set).train()
    before = [tensor.clone() for tensor in copycat.state_dict().values()]
    labels = predict(copycat, np.tile(easy_set.images_NHWC, (4, 1, 1, 1)))
    assert copycat.training
    assert labels.dtype == np.int64
    assert np.array_equal(labels[:96], labels[288:])
    assert len(predict(copycat, easy_set.images_NHWC[:0])) == 0
    assert all(torch.equal(a, b) for a, b in zip(before, copycat.state_dict().values(), strict=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_learns_on_a_gpu(easy_set: TransferSet) -> None:
    """With the images resident on the device."""
    copycat = fresh(easy_set)
    train(copycat, easy_set, QUICK, np.random.default_rng(0), device="cuda")
    assert (predict(copycat, easy_set.images_NHWC, "cuda") == easy_set.labels_N).mean() > 0.9


def depth(node: ast.AST) -> int:
    """How deep loops, conditions, `with` and `try` are nested below a node."""
    deeper = isinstance(node, ast.For | ast.While | ast.If | ast.With | ast.Try)
    return deeper + max((depth(child) for child in ast.iter_child_nodes(node)), default=0)


def test_the_page_stays_a_page() -> None:
    """`train` and `predict` keep to 50 lines, 6 parameters and nesting 3, the file to 110 lines."""
    text = Path(training.__file__).read_text(encoding="utf-8")
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    assert {node.name for node in functions} == {"train", "predict"}
    for node in functions:
        assert node.end_lineno - node.lineno < 50
        assert len(node.args.args + node.args.kwonlyargs) <= 6
        assert depth(node) <= 3
    assert len(text.splitlines()) <= 110
    taken = next(node for node in functions if node.name == "train").args.args
    assert [argument.arg for argument in taken] == ["copycat", "transfer_set", "recipe", "rng", "device", "say"]
