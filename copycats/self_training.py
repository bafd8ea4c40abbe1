"""Images of the pool that nobody was asked about, taught by the copycat's own running average.

The average looks at them as they are; the copycat is to say the same of them changed (mean teachers, Tarvainen and
Valpola 2017; noisy students, Xie et al. 2020). No label of the oracle is in it, and nothing is charged.

Shape letters: N labelled and U unlabelled images of a batch, M both, H height, W width, C channels, K classes.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own convention

from copycats.ask import Pool
from copycats.averaging import Average
from copycats.compute import Compute
from copycats.recipe import LOOK, SelfTraining


class SelfTeacher:
    """Hands out unlabelled images, and says how far the copycat is from its average's opinion of them.

    Without a pool or without `how` it does nothing, and draws nothing from the generator.
    """

    def __init__(self, pool: Pool | None, how: SelfTraining | None, average: Average, compute: Compute) -> None:
        self._pool, self._how, self._average, self._compute = pool, how, average, compute
        self._queue_Q = np.empty(0, np.int64)
        self._seen_UHWC: torch.Tensor | None = None
        self._drawn = 0

    def join(self, images_NHWC: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """The labelled images of a batch, and behind them the unlabelled ones: uint8 [m, h, w, 3] on their device."""
        if self._how is None or self._pool is None:
            return images_NHWC
        wanted = round(len(images_NHWC) * self._how.images)
        while len(self._queue_Q) < wanted:
            self._queue_Q = np.concatenate([self._queue_Q, rng.permutation(len(self._pool))])
        index_U, self._queue_Q = self._queue_Q[:wanted], self._queue_Q[wanted:]
        self._seen_UHWC = torch.from_numpy(np.asarray(self._pool[index_U])).to(images_NHWC.device)
        self._drawn += wanted
        return torch.cat([images_NHWC, self._seen_UHWC])

    def blend(self, loss: torch.Tensor, logits_UK: torch.Tensor, done: float) -> torch.Tensor:
        """The loss of the labelled images with that of the unlabelled ones, as a mean over all of them.

        Theirs is the cross entropy of the copycat's logits with the average's opinion. `done`: share of the steps
        taken; the opinion counts for little while it is young.
        """
        if self._how is None or self._seen_UHWC is None:
            return loss
        with torch.no_grad():
            opinion_UK = self._compute.look(self._average.twin, self._compute.arrange(self._seen_UHWC))
        targets_UK = torch.softmax(opinion_UK / self._how.temperature, 1)
        weight = self._how.images * min(1.0, done / self._how.rise if self._how.rise else 1.0)
        return (loss + weight * F.cross_entropy(logits_UK, targets_UK)) / (1 + weight)

    @property
    def image_passes(self) -> int:
        """What it has cost so far: a pass for each unlabelled image, and a third of one for each opinion."""
        return round(self._drawn * (1 + LOOK))

    @property
    def decisions(self) -> dict[str, str]:
        """What to say of it: nothing where it did nothing."""
        if self._how is None or self._pool is None:
            return {}
        images = f"{self._drawn:,} looks at {len(self._pool):,} unlabelled images of the pool"
        return {"self-training": f"{images}, a third of a pass more for each (the average's opinion)"}
