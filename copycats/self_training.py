"""Images of the pool, beside the labelled ones of each batch, with an elder's opinion in place of a label.

They are drawn from the whole pool, those that were asked among them; their labels are not looked at.

Shape letters: N labelled and U unlabelled images of a batch, M both, H height, W width, C channels, K classes.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from copycats.transfer_set import Opinions


class Hearsay:
    """Hands out unlabelled images, and says how far the copycat is from the opinions of them.

    Without opinions it does nothing, and draws nothing from the generator.
    """

    def __init__(self, opinions: Opinions | None, device: torch.device) -> None:
        self._opinions, self._device = opinions, device
        self._queue_Q = np.empty(0, np.int64)
        self._told_UK: torch.Tensor | None = None
        self.image_passes = 0

    def labelled(self, batch: int) -> int:
        """How many images of a batch are labelled ones."""
        return batch if self._opinions is None else max(2, round(batch / (1 + self._opinions.per_label)))

    def join(self, images_NHWC: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """The labelled images of a batch, and behind them the unlabelled ones: uint8 [m, h, w, 3] on their device."""
        if self._opinions is None:
            return images_NHWC
        wanted = round(len(images_NHWC) * self._opinions.per_label)
        while len(self._queue_Q) < wanted:
            self._queue_Q = np.concatenate([self._queue_Q, rng.permutation(len(self._opinions.pool))])
        index_U, self._queue_Q = self._queue_Q[:wanted], self._queue_Q[wanted:]
        self.image_passes += wanted
        self._told_UK = torch.from_numpy(self._opinions.shares_PK[index_U]).to(self._device).float()
        return torch.cat([images_NHWC, torch.from_numpy(np.asarray(self._opinions.pool[index_U])).to(self._device)])

    def blend(self, loss: torch.Tensor, logits_UK: torch.Tensor) -> torch.Tensor:
        """The labelled images' loss with the cross entropy of the others, as a mean over all images."""
        if self._opinions is None or self._told_UK is None:
            return loss
        weight = self._opinions.per_label
        return (loss + weight * F.cross_entropy(logits_UK, self._told_UK)) / (1 + weight)
