"""Augmentation against torch's own padding, and what it must leave alone."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from copycats.augment import augment, cut_out, relight, shift_and_mirror
from copycats.recipe import Recipe

PLAIN = Recipe(name="t", optimiser="sgd", rate=0.1, schedule="constant", batch=4, epochs=1)


def pictures(count: int = 50, h: int = 9, w: int = 7) -> torch.Tensor:
    """Images whose pixels are all different from their neighbours'."""
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, h, w, 3)).astype(np.uint8))


def windows(image: torch.Tensor, crop: int, *, flip: bool) -> list[torch.Tensor]:
    """All crops of the reflected image, by torch's padding."""
    h, w, _ = image.shape
    padded = F.pad(image.permute(2, 0, 1)[None].float(), (crop,) * 4, mode="reflect")[0].to(torch.uint8)
    cuts = [padded[:, y : y + h, x : x + w] for y in range(2 * crop + 1) for x in range(2 * crop + 1)]
    return [cut.permute(1, 2, 0) for cut in cuts] + [c.flip(2).permute(1, 2, 0) for c in cuts if flip]


@pytest.mark.parametrize("flip", [False, True])
def test_shift_and_mirror_gives_windows_of_the_reflected_image(flip: bool) -> None:
    """Each result is one of the crops that reflection padding allows; mirrored ones occur when asked for, only then."""
    images = pictures()
    results = shift_and_mirror(images, 2, flip, np.random.default_rng(1))
    mirrored = 0
    for image, result in zip(images, results, strict=True):
        matches = [k for k, cut in enumerate(windows(image, 2, flip=True)) if torch.equal(cut, result)]
        assert matches
        mirrored += matches[0] >= 25
    assert 10 <= mirrored <= 40 if flip else mirrored == 0


def test_shift_of_nothing_is_nothing() -> None:
    """Without crop and flip the images come back as they were; one pixel has nothing to reflect."""
    images = pictures()
    assert torch.equal(shift_and_mirror(images, 0, False, np.random.default_rng(0)), images)
    dot = pictures(3, 1, 1)
    assert torch.equal(shift_and_mirror(dot, 2, True, np.random.default_rng(0)), dot)


def test_cut_out_greys_a_square_of_at_most_its_side() -> None:
    """Only pixels of one square of 4 change, and they become grey."""
    images = pictures(20, 12, 12)
    changed_NHW = (cut_out(images, 4, np.random.default_rng(0)) != images).any(-1)
    assert all(part.sum() <= 16 for part in changed_NHW)
    assert changed_NHW.any()
    assert (cut_out(images, 4, np.random.default_rng(0))[changed_NHW] == 127).all()


def test_relight_stays_in_range_and_keeps_shape() -> None:
    """Brightness and contrast give floats within 0..255, one change per image."""
    changed = relight(pictures(), 0.2, 0.2, np.random.default_rng(0))
    assert changed.dtype == torch.float32
    assert 0 <= changed.min() <= changed.max() <= 255
    grey = relight(torch.full((4, 2, 2, 3), 127, dtype=torch.uint8), 0.0, 0.5, np.random.default_rng(0))
    assert torch.equal(grey, torch.full((4, 2, 2, 3), 127.0))


def test_augment_is_deterministic_and_leaves_its_input() -> None:
    """The same generator state gives the same batch; the input is not written to."""
    recipe = PLAIN.model_copy(update={"crop": 2, "flip": True, "cutout": 3, "brightness": 0.1})
    images = pictures()
    before = images.clone()
    first, second = (augment(images, recipe, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(images, before)
    assert augment(images, PLAIN, np.random.default_rng(5)) is images
