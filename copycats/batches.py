"""Hands out the images of a transfer set batch by batch, without ever copying the whole of it on the CPU."""

from collections.abc import Iterator

import numpy as np
import torch

from copycats.transfer_set import TransferSet

SHARE_OF_MEMORY = 0.5  # of a GPU's free memory that the images may take


class Batches:
    """Epochs of batches: uint8 [n, h, w, c] and int64 [n] on the device.

    On a CPU the images stay where they are (an array or a memory map), and each batch is taken out by index. A GPU
    holds the picked images whole where they fit, else it gets them batch by batch.
    """

    def __init__(self, transfer_set: TransferSet, batch: int, device: torch.device) -> None:
        picks_M = (
            transfer_set.picks_M if len(transfer_set) > 1 else transfer_set.picks_M.repeat(2)
        )  # batch norm needs two
        self._images_NHWC, self._labels_N = transfer_set.images_NHWC, transfer_set.labels_N
        self._picks_M, self._device = picks_M, device
        self._resident: torch.Tensor | None = None
        self.per_epoch = min(-(-len(picks_M) // batch), len(picks_M) // 2)
        if device.type == "cuda":
            self._move_to_device()

    def epoch(self, rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """All picks once, in random order, in batches of equal size give or take one."""
        for index in np.array_split(rng.permutation(self._picks_M), self.per_epoch):
            labels = torch.from_numpy(self._labels_N[index].astype(np.int64, copy=False)).to(self._device)
            yield self._images(index), labels

    def _images(self, index: np.ndarray) -> torch.Tensor:
        if self._resident is not None:
            return self._resident[torch.from_numpy(index).to(self._device)]
        return torch.from_numpy(np.asarray(self._images_NHWC[index])).to(self._device)

    def _move_to_device(self) -> None:
        """The picked images onto the device; labels and picks are renumbered to match."""
        uniques, places_M = np.unique(self._picks_M, return_inverse=True)
        needed = len(uniques) * int(np.prod(self._images_NHWC.shape[1:]))
        if needed > SHARE_OF_MEMORY * torch.cuda.mem_get_info(self._device)[0]:
            return
        parts = np.array_split(uniques, max(1, needed >> 28))  # a quarter of a gigabyte at once
        self._resident = torch.cat([torch.from_numpy(self._images_NHWC[part]).to(self._device) for part in parts])
        self._labels_N, self._picks_M = self._labels_N[uniques], places_M
