"""Keys of images and an index of labels by key: 16 bytes of blake2b over an image's shape and pixels.

Two different images among n share a key with probability below n^2 / 2^129 (a million images: 1.5e-27), and nobody
knows how to make two that do; a 63-bit integer key would stand at 5e-8 and could be forged on a laptop. The keys are
kept packed in blocks (answers.py), never as a table's random primary key, which would be 14 times slower to fill.
"""

import struct
from hashlib import blake2b

import numpy as np

KEY_BYTES = 16
# numpy compares all 16 bytes of such a value (trailing zeros are padding, and every key fills its width)
KEY = np.dtype(f"S{KEY_BYTES}")
# how much is read at once: what is not contiguous is copied by such pieces, not as a whole
_PIECE_BYTES = 1 << 24


def keys_of(images_NHWC: np.ndarray) -> np.ndarray:
    """The keys of uint8 images [n, h, w, 3] as an array [n] of 16-byte strings.

    Reads a memory map once, front to back, and never holds more than a piece of it.
    """
    count = len(images_NHWC)
    shape = images_NHWC.shape[1:]
    width = int(np.prod(shape))
    person = struct.pack("<3I", *shape)  # the shape takes part in the digest without an update call of its own
    step = max(1, _PIECE_BYTES // max(1, width))
    pieces = []
    for start in range(0, count, step):
        piece = np.ascontiguousarray(images_NHWC[start : start + step]).data.cast("B")
        rows = [piece[at : at + width] for at in range(0, len(piece), width)]
        pieces.append(b"".join([blake2b(row, digest_size=KEY_BYTES, person=person).digest() for row in rows]))
    return np.frombuffer(b"".join(pieces), dtype=KEY)


class Index:
    """Labels by key, in sorted runs whose lengths shrink geometrically; a lookup needs no lock.

    24 bytes per answer. Adding merges the shortest runs, so n answers added one at a time cost n log n, not n^2.
    """

    __slots__ = ("_runs",)

    def __init__(self) -> None:
        self._runs: tuple[tuple[np.ndarray, np.ndarray], ...] = ()

    def __len__(self) -> int:
        return sum(len(keys) for keys, _ in self._runs)

    def find(self, keys_N: np.ndarray) -> np.ndarray:
        """The labels of these keys, int64 [n]; -1 where none is known."""
        labels_N = np.full(len(keys_N), -1, dtype=np.int64)
        for keys, labels in self._runs:  # the tuple is replaced as a whole, so a reader sees one state
            at = np.searchsorted(keys, keys_N)
            at[at == len(keys)] = 0
            known = keys[at] == keys_N
            labels_N[known] = labels[at[known]]
        return labels_N

    def add(self, keys_M: np.ndarray, labels_M: np.ndarray) -> None:
        """Learn new keys: distinct, and none of them known (the caller has looked)."""
        runs = list(self._runs)
        keys, labels = keys_M, labels_M.astype(np.int64)
        while runs and len(runs[-1][0]) < 2 * len(keys):
            longer_keys, longer_labels = runs.pop()
            keys = np.concatenate([longer_keys, keys])
            labels = np.concatenate([longer_labels, labels])
        order = np.argsort(keys, kind="stable")
        self._runs = (*runs, (keys[order], labels[order]))
