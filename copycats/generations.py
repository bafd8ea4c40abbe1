"""Trains a copycat, and where passes are left when the labels are used up, a student of it, and a student of that.

A student starts from the same fresh weights. It learns the stolen labels again, and of the pool's unlabelled images
what its elder thinks of them (noisy students, Xie et al. 2020): no label of the oracle is in that, and nothing is
charged. The elder has finished its schedule: one that still learns was a worse teacher than none (docs/LOG.md).
"""

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from copycats.ask import Pool
from copycats.compute import choose
from copycats.copycat import Copycat
from copycats.recipe import Recipe
from copycats.training import PREDICTED_AT_ONCE, Training, train
from copycats.transfer_set import Opinions, TransferSet


def train_generations(
    copycat: Copycat,
    transfer_set: TransferSet,
    recipe: Recipe,
    rng: np.random.Generator,
    device: str = "cpu",
    say: Callable[[str], None] = lambda _: None,
) -> Training:
    """Train the copycat in place, then as many students as the recipe's image-passes pay for; the last one stays.

    As `training.train` where the recipe has no self_training or the transfer set no unlabelled images. Raises likewise.
    """
    pool = transfer_set.unlabelled
    if pool is None or recipe.self_training is None:
        return train(copycat, transfer_set, recipe, rng, device, say)
    fresh = copy.deepcopy(copycat.state_dict())
    done = train(copycat, transfer_set, recipe, rng, device, say)
    epochs = recipe.epochs_of_students(len(transfer_set), len(pool))
    for student, count in enumerate(epochs, 1):
        say(f"student {student} of {len(epochs)}: opinions of {len(pool):,} images")
        shares_PK = opinions_of(copycat, pool, recipe, device)
        opinions = Opinions(pool, shares_PK, recipe.self_training.per_label(len(transfer_set), len(pool)))
        copycat.load_state_dict(fresh)
        length = recipe.model_copy(update={"epochs": count, "image_passes": None})
        later = train(copycat, replace(transfer_set, opinions=opinions), length, rng, device, say)
        done = _together(done, later, recipe.looks(len(pool)))
    told = f"{len(epochs)}, with opinions of {len(pool):,} images of the pool" if epochs else "no passes left for one"
    return replace(done, decisions=done.decisions | {"students": told})


@torch.no_grad()
def opinions_of(copycat: Copycat, pool: Pool, recipe: Recipe, device: str = "cpu") -> np.ndarray:
    """What the copycat thinks of each image: class shares float16 [p, k], with its mirror image's if flipped."""
    compute = choose(recipe, device)
    compute.place(copycat.eval())
    shares = []
    for start in range(0, len(pool), PREDICTED_AT_ONCE):
        index = np.arange(start, min(start + PREDICTED_AT_ONCE, len(pool)))
        images_NCHW = compute.arrange(torch.from_numpy(np.asarray(pool[index])).to(compute.device))
        seen = [images_NCHW, images_NCHW.flip(3)] if recipe.flip else [images_NCHW]
        shares_NK = torch.stack([compute.look(copycat, images).softmax(1) for images in seen]).mean(0)
        shares.append(shares_NK.to(torch.float16).cpu().numpy())
    return np.concatenate(shares)


def _together(first: Training, then: Training, looks: int) -> Training:
    return Training(
        first.epochs + then.epochs,
        first.image_passes + looks + then.image_passes,
        first.losses + then.losses,
        first.wall_seconds + then.wall_seconds,
        first.decisions | then.decisions,
    )
