"""Students: what they learn of images that nobody was asked about, when there are any, and what is counted for them."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from copycats.architectures import build
from copycats.ask import Images
from copycats.copycat import Copycat
from copycats.generations import opinions_of, train_generations
from copycats.recipe import Recipe, SelfTraining
from copycats.self_training import Hearsay
from copycats.training import Training, predict, train
from copycats.transfer_set import Opinions, TransferSet

RECIPE = Recipe(
    name="t", optimiser="sgd", rate=0.05, schedule="one-cycle", rise=0.2, batch=16, precision="float32",
    image_passes=2_000, fewest_epochs=2, most_epochs=6, self_training=SelfTraining(images=3.0),
)  # fmt: skip
CPU = torch.device("cpu")


class Noted:
    """A pool that notes how often each of its images was looked at."""

    def __init__(self, images_NHWC: Images) -> None:
        self._images_NHWC, self.looked = images_NHWC, np.zeros(len(images_NHWC), np.int64)

    def __len__(self) -> int:
        return len(self._images_NHWC)

    def __getitem__(self, indices: np.ndarray) -> Images:
        np.add.at(self.looked, indices, 1)
        return self._images_NHWC[indices]


def learn(transfer_set: TransferSet, recipe: Recipe = RECIPE) -> tuple[Copycat, Training]:
    copycat = build("small_vgg", classes=transfer_set.classes, size=(16, 16), seed=3)
    return copycat, train_generations(copycat, transfer_set, recipe, np.random.default_rng(0))


def given(easy_set: TransferSet, labelled: int) -> tuple[TransferSet, Noted]:
    pool = Noted(easy_set.images_NHWC)
    return TransferSet(easy_set.images_NHWC[:labelled], easy_set.labels_N[:labelled], 3, unlabelled=pool), pool


def weights(copycat: Copycat) -> Sequence[torch.Tensor]:
    return list(copycat.state_dict().values())


def test_passes_that_labels_cannot_use_go_to_students_and_every_look_is_counted(easy_set: TransferSet) -> None:
    part, pool = given(easy_set, 48)

    report = learn(part)[1]

    # labels: 6 epochs, 288 passes; a student: 32 for opinions of 96 images, then 6 epochs of 48 labels and 96 others
    assert report.image_passes == 288 + 32 + 6 * (48 + 96)
    assert set(pool.looked) == {1 + 6}
    assert report.epochs == len(report.losses) == 12
    assert report.decisions["students"] == "1, with opinions of 96 images of the pool"


def test_as_many_students_as_the_passes_pay_for() -> None:
    many = RECIPE.model_copy(update={"self_training": SelfTraining(images=3.0, students=9)})

    assert RECIPE.epochs_of_students(48, 96) == (6,)
    assert many.epochs_of_students(48, 96) == (6, 5)  # 1,712 left, 32 and 6 x 144 of it spent; then 816, of which 32
    assert RECIPE.epochs_of_students(333, 900) == ()  # the labels take all
    assert RECIPE.epochs_of_students(48, 0) == ()
    assert many.passes_for(48, 96) == 288 + (32 + 6 * 144) + (32 + 5 * 144)
    assert many.passes_for(48) == 288


def test_mirrored_opinions_cost_twice() -> None:
    assert RECIPE.looks(96) == 32
    assert RECIPE.model_copy(update={"flip": True}).looks(96) == 64


def test_a_small_pool_gives_fewer_unlabelled_images_for_each_label() -> None:
    how = SelfTraining(images=3.0)

    assert [how.per_label(images, 90) for images in (10, 30, 60, 90)] == [3.0, 3.0, 1.5, 1.0]


def test_the_same_generator_gives_the_same_student_and_it_is_not_its_elder(easy_set: TransferSet) -> None:
    first, again = learn(given(easy_set, 48)[0])[0], learn(given(easy_set, 48)[0])[0]
    elder, _ = learn(TransferSet(easy_set.images_NHWC[:48], easy_set.labels_N[:48], 3))

    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(again), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights(first), weights(elder), strict=True))


def test_without_unlabelled_images_it_is_the_plain_training(easy_set: TransferSet) -> None:
    part = TransferSet(easy_set.images_NHWC[:48], easy_set.labels_N[:48], 3)
    plain = build("small_vgg", classes=3, size=(16, 16), seed=3)

    copycat, report = learn(part)
    expected = train(plain, part, RECIPE, np.random.default_rng(0))

    assert all(torch.equal(a, b) for a, b in zip(weights(copycat), weights(plain), strict=True))
    assert (report.image_passes, report.losses) == (expected.image_passes, expected.losses)
    assert "students" not in report.decisions


def test_a_student_learns_from_opinions_what_no_label_says(easy_set: TransferSet) -> None:
    shares_PK = np.eye(3, dtype=np.float16)[easy_set.labels_N]
    opinions = Opinions(Noted(easy_set.images_NHWC), shares_PK, per_label=8.0)
    seen = easy_set.labels_N < 2  # labels of two classes only
    part = TransferSet(easy_set.images_NHWC[seen][:12], easy_set.labels_N[seen][:12], 3, opinions=opinions)
    copycat = build("small_vgg", classes=3, size=(16, 16), seed=3)

    train(copycat, part, RECIPE.model_copy(update={"most_epochs": 20}), np.random.default_rng(0))

    assert (predict(copycat, easy_set.images_NHWC) == easy_set.labels_N).mean() > 0.95


def test_opinions_are_the_mean_over_an_image_and_its_mirror_image(easy_set: TransferSet) -> None:
    copycat = build("small_vgg", classes=3, size=(16, 16), seed=3).eval()
    images_NCHW = torch.from_numpy(easy_set.images_NHWC).permute(0, 3, 1, 2)
    with torch.no_grad():
        straight, mirrored = copycat(images_NCHW).softmax(1), copycat(images_NCHW.flip(3)).softmax(1)

    plain = opinions_of(copycat, Noted(easy_set.images_NHWC), RECIPE)
    flipped = opinions_of(copycat, Noted(easy_set.images_NHWC), RECIPE.model_copy(update={"flip": True}))

    assert np.abs(plain - straight.numpy()).max() < 2e-3
    assert np.abs(flipped - ((straight + mirrored) / 2).numpy()).max() < 2e-3
    assert np.abs(plain - flipped).max() > 0


def test_blend_is_the_mean_over_labelled_and_unlabelled_images_worked_by_hand(easy_set: TransferSet) -> None:
    shares_PK = np.tile(np.array([0.5, 0.25, 0.25], np.float16), (96, 1))
    hearsay = Hearsay(Opinions(Noted(easy_set.images_NHWC), shares_PK, per_label=2.0), CPU)
    both = hearsay.join(torch.from_numpy(easy_set.images_NHWC[:4]), np.random.default_rng(0))

    blended = hearsay.blend(torch.tensor(5.0), torch.zeros(8, 3))

    assert both.shape == (12, 16, 16, 3)
    assert hearsay.labelled(48) == 16
    assert hearsay.image_passes == 8
    assert blended.item() == pytest.approx((5.0 + 2 * np.log(3)) / 3, rel=1e-6)


def test_self_training_with_a_fixed_number_of_epochs_is_refused() -> None:
    with pytest.raises(ValidationError, match="self_training uses the passes that are left"):
        Recipe.model_validate(RECIPE.model_dump() | {"image_passes": None, "epochs": 3})


def test_the_second_stage_has_no_students_and_may_count_in_epochs() -> None:
    first = Recipe.model_validate(RECIPE.model_dump() | {"fine_tuning": {"rate": 0.01, "epochs": 3}})

    second = first.for_fine_tuning()

    assert (second.self_training, second.epochs, second.image_passes) == (None, 3, None)
