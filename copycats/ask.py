"""The only thing that an attack is given of an oracle: a callable that answers images with labels."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class Ask(Protocol):
    """Images in, labels out, within a budget."""

    @property
    def left(self) -> int:
        """How many images may still be asked."""
        ...

    @property
    def classes(self) -> int:
        """How many classes the answers come from."""
        ...

    def __call__(self, images_NHWC: Images) -> Labels:
        """Labels int64 [n] of images uint8 [n, h, w, 3] RGB 0..255; all or nothing: refuses when more than `left`."""
        ...


class Pool(Protocol):
    """Ordered unlabelled images, read-only; nothing of where they come from."""

    def __len__(self) -> int:
        """How many images there are."""
        ...

    def __getitem__(self, indices: npt.NDArray[np.int64]) -> Images:
        """The images at these places, uint8 [n, h, w, 3]."""
        ...
