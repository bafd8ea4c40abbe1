"""What a copycat learns of images that nobody was asked about, and what is counted for it."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from copycats.architectures import build
from copycats.ask import Images
from copycats.averaging import Average
from copycats.compute import choose
from copycats.copycat import Copycat
from copycats.recipe import Recipe, SelfTraining
from copycats.self_training import SelfTeacher
from copycats.training import Training, predict, train
from copycats.transfer_set import TransferSet

RECIPE = Recipe(
    name="t", optimiser="sgd", rate=0.05, schedule="one-cycle", rise=0.2, batch=16, epochs=6, average=0.9,
    self_training=SelfTraining(images=1.0), precision="float32",
)  # fmt: skip


class Noted:
    """A pool that notes which of its images were looked at."""

    def __init__(self, images_NHWC: Images) -> None:
        self._images_NHWC, self.looked = images_NHWC, np.zeros(len(images_NHWC), np.int64)

    def __len__(self) -> int:
        return len(self._images_NHWC)

    def __getitem__(self, indices: np.ndarray) -> Images:
        np.add.at(self.looked, indices, 1)
        return self._images_NHWC[indices]


def learn(transfer_set: TransferSet, recipe: Recipe = RECIPE, seed: int = 0) -> tuple[Copycat, Training]:
    copycat = build("small_vgg", classes=3, size=(16, 16), seed=3)
    return copycat, train(copycat, transfer_set, recipe, np.random.default_rng(seed))


def given(easy_set: TransferSet, labelled: int) -> tuple[TransferSet, Noted]:
    pool = Noted(easy_set.images_NHWC)
    part = TransferSet(easy_set.images_NHWC[:labelled], easy_set.labels_N[:labelled], 3, unlabelled=pool)
    return part, pool


def weights(copycat: Copycat) -> list[torch.Tensor]:
    return list(copycat.state_dict().values())


def test_every_image_is_looked_at_equally_often_and_each_look_is_counted(easy_set: TransferSet) -> None:
    part, pool = given(easy_set, 48)

    report = learn(part)[1]

    assert pool.looked.sum() == 6 * 48
    assert set(pool.looked) == {3}  # 288 looks at 96 images
    assert report.image_passes == 6 * 48 + 288 + 288 // 3
    assert report.decisions["self-training"].startswith("288 looks at 96 unlabelled images of the pool")


def test_the_same_generator_gives_the_same_weights_and_unlabelled_images_change_them(easy_set: TransferSet) -> None:
    first, again = learn(given(easy_set, 48)[0])[0], learn(given(easy_set, 48)[0])[0]
    alone = learn(TransferSet(easy_set.images_NHWC[:48], easy_set.labels_N[:48], 3))[0]

    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(again), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights(first), weights(alone), strict=True))


def test_without_unlabelled_images_the_recipe_is_the_one_without_self_training(easy_set: TransferSet) -> None:
    part = TransferSet(easy_set.images_NHWC[:48], easy_set.labels_N[:48], 3)

    copycat, report = learn(part)
    plain, _ = learn(part, RECIPE.on_labels_alone())

    assert all(torch.equal(a, b) for a, b in zip(weights(copycat), weights(plain), strict=True))
    assert report.image_passes == 6 * 48
    assert "self-training" not in report.decisions


def test_opinions_reach_where_no_label_was_bought() -> None:
    rng = np.random.default_rng(5)
    side_N = np.arange(200) % 2
    pool_NHWC = np.zeros((200, 16, 16, 3), np.uint8)
    pool_NHWC[:, :, :, 0] = rng.integers(60, 100, (200, 16, 16)) + 80 * side_N[:, None, None]
    pool_NHWC[:, :, :, 1:] = rng.integers(0, 256, (200, 1, 1, 2))  # a shade that has nothing to do with the label
    few = TransferSet(pool_NHWC[:6], side_N[:6], 2, unlabelled=Noted(pool_NHWC))
    recipe = RECIPE.model_copy(update={"epochs": 60})

    found = []
    for transfer_set in (few, TransferSet(pool_NHWC[:6], side_N[:6], 2)):
        copycat = build("small_vgg", classes=2, size=(16, 16), seed=3)
        train(copycat, transfer_set, recipe, np.random.default_rng(0))
        found.append((predict(copycat, pool_NHWC) == side_N).mean())

    assert found[0] > 0.9
    assert found[0] >= found[1]


def test_blend_is_the_mean_over_labelled_and_unlabelled_images_worked_by_hand(easy_set: TransferSet) -> None:
    copycat = build("small_vgg", classes=3, size=(16, 16), seed=3)
    how = SelfTraining(images=2.0, rise=0.5, temperature=0.5)
    teacher = SelfTeacher(Noted(easy_set.images_NHWC), how, Average(copycat, 0.9), choose(RECIPE, "cpu"))
    both = teacher.join(torch.from_numpy(easy_set.images_NHWC[:4]), np.random.default_rng(0))
    logits_UK = torch.zeros(8, 3)
    logits_UK[:, 0] = 1.0
    with torch.no_grad():
        opinion = torch.softmax(copycat.eval()(both[4:].permute(0, 3, 1, 2)) / 0.5, 1)
    entropy = -(opinion * torch.log_softmax(logits_UK, 1)).sum(1).mean()

    half_risen = teacher.blend(torch.tensor(5.0), logits_UK, done=0.25)
    risen = teacher.blend(torch.tensor(5.0), logits_UK, done=0.75)

    assert both.shape == (12, 16, 16, 3)
    assert float(half_risen) == pytest.approx(float(5.0 + entropy) / 2, rel=1e-5)
    assert float(risen) == pytest.approx(float(5.0 + 2 * entropy) / 3, rel=1e-5)


def test_epochs_follow_from_image_passes_with_the_unlabelled_images_counted() -> None:
    recipe = RECIPE.model_copy(update={"epochs": None, "image_passes": 7_000, "most_epochs": 50})

    assert recipe.passes_per_label == pytest.approx(1 + 4 / 3)
    assert recipe.labelled_batch == 8
    assert recipe.epochs_for(300) == 10
    assert recipe.on_labels_alone().epochs_for(300) == 23
    assert recipe.on_labels_alone().labelled_batch == 16


def test_self_training_without_an_average_is_refused() -> None:
    with pytest.raises(ValidationError, match="self_training needs an average to learn from"):
        Recipe.model_validate(RECIPE.model_dump() | {"average": 0.0})
