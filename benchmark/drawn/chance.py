"""Random numbers by counter: image i's depend on key, seed, i and their name only, whatever is drawn beside it."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
GAMMA = np.uint64(0x9E3779B97F4A7C15)  # the increment of splitmix64 (Steele, Lea, Flood 2014)


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64; wraps modulo 2**64 by intention."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


@dataclass(frozen=True)
class Chance:
    """The random numbers of the images `indices_N` (int64 [n]) of one renderer's style and seed."""

    key: str
    seed: int
    indices_N: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.indices_N)

    def of(self, chosen: NDArray[np.bool_] | NDArray[np.int64] | slice) -> "Chance":
        """The same numbers for the chosen images only (a mask, positions or a slice of `indices_N`)."""
        return Chance(self.key, self.seed, self.indices_N[chosen])

    def under(self, name: str) -> "Chance":
        """Other numbers for the same images, such as those of a second layer."""
        return Chance(f"{self.key}/{name}", self.seed, self.indices_N)

    def uniform(self, name: str, low: float = 0.0, high: float = 1.0) -> Floats:
        """float32 [n] in [low, high)."""
        return self.uniforms(name, 1, low, high)[:, 0]

    def uniforms(self, name: str, count: int, low: float = 0.0, high: float = 1.0) -> Floats:
        """float32 [n, count] in [low, high)."""
        unit = (self._words(name, count) >> np.uint64(40)).astype(np.float32) / np.float32(2**24)
        return np.float32(low) + np.float32(high - low) * unit

    def normals(self, name: str, count: int) -> Floats:
        """float32 [n, count], mean 0, deviation 1, within +-3.47: sums of the four 16-bit parts of a word."""
        parts = self._words(name, count).view(np.uint16).reshape(len(self), count, 4)
        total = parts[..., 0].astype(np.float32)
        for part in range(1, 4):
            total += parts[..., part]
        return (total - np.float32(2 * 65535)) / np.float32(65535 * np.sqrt(4 / 12))

    def happens(self, name: str, share: float) -> NDArray[np.bool_]:
        """Bool [n], true for that share of the images."""
        return self.uniform(name) < share

    def _words(self, name: str, count: int) -> NDArray[np.uint64]:
        digest = hashlib.blake2b(f"{self.key}/{self.seed}/{name}".encode(), digest_size=8).digest()
        start = np.uint64(int.from_bytes(digest, "little"))
        rows = _mix(_mix(self.indices_N.astype(np.uint64) * GAMMA + start))
        return _mix(rows[:, None] + np.arange(1, count + 1, dtype=np.uint64) * GAMMA)
