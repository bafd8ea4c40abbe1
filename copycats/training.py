"""THE PAGE: trains a copycat on a transfer set. No test image, score or oracle can reach it: no signature has one.

Shape letters: N labelled and U unlabelled images of a batch, M both, H X
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from copycats.ask import Images, Labels
from copycats.augment import augment
from copycats.averaging import Average
from copycats.batches import Batches
from copycats.compute import choose, reproducible
from copycats.copycat import Copycat
from copycats.optimiser import Optimiser
from copycats.recipe import Recipe
from copycats.refusals import EmptyTransferSet, LossNotFinite
from copycats.self_training import Hearsay
from copycats.transfer_set import TransferSet

PREDICTED_AT_ONCE = 256


@dataclass(frozen=True)
class Training:
    """What a training took: mean loss of each epoch, images passed, seconds, and what was decided on the way."""

    epochs: int
    image_passes: int
    losses: tuple[float, ...]
    wall_seconds: float
    decisions: dict[str, str] = field(default_factory=dict)


def train(
    copycat: Copycat,
    transfer_set: TransferSet,
    recipe: Recipe,
    rng: np.random.Generator,
    device: str = "cpu",
    say: Callable[[str], None] = lambda _: None,
) -> Training:
    """Train the copycat in place on the picks of the transfer set; called again, it goes on (fine-tuning).

    The same numbers come out on the CPU for the same generator state, thread count and machine.
    Raises EmptyTransferSet, and LossNotFinite naming the epoch.
    """
    if not len(transfer_set):
        raise EmptyTransferSet(f"{copycat.order.name}: no stolen label to train on. Raise the budget or fill the pool.")
    started = time.perf_counter()
    compute = choose(recipe, device)
    hearsay = Hearsay(transfer_set.opinions, compute.device)
    batches = Batches(transfer_set, hearsay.labelled(recipe.batch), compute.device)
    epochs = recipe.epochs_for(len(transfer_set))
    losses: list[float] = []
    compute.place(copycat.train())
    optimiser = Optimiser(copycat, recipe, epochs * batches.per_epoch)
    average = Average(copycat, recipe.average)

    with reproducible(compute.device, rng):
        for epoch in range(1, epochs + 1):
            lost = torch.zeros((), device=compute.device)
            for images_NHWC, labels_N in batches.epoch(rng):
                images_MHWC = hearsay.join(images_NHWC, rng)  # unlabelled ones behind them, if there are opinions
                logits_MK = compute.look(copycat, compute.arrange(augment(images_MHWC, recipe, rng)))
                logits_NK, logits_UK = logits_MK[: len(labels_N)], logits_MK[len(labels_N) :]
                loss = F.cross_entropy(logits_NK, labels_N, label_smoothing=recipe.smoothing)
                optimiser.step(hearsay.blend(loss, logits_UK))
                average.follow()
                lost += loss.detach()
            losses.append(lost.item() / batches.per_epoch)  # once an epoch: on a GPU this waits for all that was queued
            if not math.isfinite(losses[-1]):
                raise LossNotFinite(copycat.order.name, epoch, epochs, recipe.rate)
            say(f"epoch {epoch} of {epochs}: loss {losses[-1]:.4f}")

    average.hand_over()
    copycat.eval()
    decisions = compute.decisions | transfer_set.oddities
    passes = epochs * len(transfer_set) + hearsay.image_passes
    return Training(epochs, passes, tuple(losses), time.perf_counter() - started, decisions)


def predict(copycat: Copycat, images_NHWC: Images, device: str = "cpu") -> Labels:
    """Labels int64 [n] of uint8 images [n, h, w, 3], in float32, ties to the lowest class; keeps its mode."""
    training = copycat.training
    copycat.eval().to(device)
    labels = [np.empty(0, np.int64)]
    with torch.inference_mode():
        for start in range(0, len(images_NHWC), PREDICTED_AT_ONCE):
            batch_NHWC = torch.from_numpy(np.array(images_NHWC[start : start + PREDICTED_AT_ONCE])).to(device)
            labels.append(copycat(batch_NHWC.permute(0, 3, 1, 2)).cpu().numpy().argmax(1))
    copycat.train(training)
    return np.concatenate(labels)
