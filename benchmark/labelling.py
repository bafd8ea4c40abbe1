"""What truth, target and copycat say of each test image, in the compact form in which a record keeps it.

With these, any later score, a paired comparison or a picture of the images in dispute needs no new run.
"""

import base64
import binascii
import zlib
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_IMAGES = 10_000_000
"""No test set is larger: a text that unpacks to more was made to fill the memory."""

Packed = Annotated[str, Field(description="base64 of zlib of the labels as little-endian uint16, one per test image")]


class Labelling(BaseModel):
    """Three labels for each test image, in the test set's order."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    images: Annotated[int, Field(ge=1, le=MOST_IMAGES)]
    truth: Packed
    target: Packed
    copycat: Packed

    @classmethod
    def of(cls, truth_N: np.ndarray, target_N: np.ndarray, copycat_N: np.ndarray) -> Self:
        """The labelling of integer arrays [n], 0..65535."""
        packed = [pack_labels(labels_N) for labels_N in (truth_N, target_N, copycat_N)]
        return cls(images=len(truth_N), truth=packed[0], target=packed[1], copycat=packed[2])

    @model_validator(mode="after")
    def _equally_many(self) -> Self:
        for name in ("truth", "target", "copycat"):
            unpack_labels(getattr(self, name), self.images)
        return self

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """truth_N, target_N and copycat_N, int64 [n]."""
        truth_N, target_N, copycat_N = (
            unpack_labels(text, self.images) for text in (self.truth, self.target, self.copycat)
        )
        return truth_N, target_N, copycat_N


def pack_labels(labels_N: np.ndarray) -> str:
    """Labels [n], integers 0..65535, as text. Raises ValueError for a label outside."""
    if len(labels_N) and not 0 <= int(labels_N.min()) <= int(labels_N.max()) < 2**16:
        raise ValueError(f"labels {labels_N.min()}..{labels_N.max()} where 0..65535 fit")
    return base64.b64encode(zlib.compress(labels_N.astype("<u2").tobytes(), 9)).decode("ascii")


def unpack_labels(text: str, images: int) -> np.ndarray:
    """The int64 [images] labels of a text. Raises ValueError unless it holds exactly so many."""
    try:
        inflater = zlib.decompressobj()
        content = inflater.decompress(base64.b64decode(text, validate=True), 2 * images + 2)
    except (zlib.error, binascii.Error, ValueError) as error:
        raise ValueError(f"packed labels that cannot be read ({error})") from None
    if len(content) != 2 * images or not inflater.eof:
        raise ValueError(f"packed labels that are not those of {images} images")
    return np.frombuffer(content, "<u2").astype(np.int64)
