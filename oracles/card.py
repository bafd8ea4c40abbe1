"""What is known of an oracle: `Card` is the JSON inside an oracle file, `DroppedCard` the TOML beside a dropped one."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

SCHEMA_VERSION = 1
_NAME_LENGTH = 100
_TEXT_LENGTH = 500
_CLASSES_LIMIT = 100_000
LONGEST_SIDE = 16_384


def printable(text: str, limit: int = _TEXT_LENGTH) -> str:
    """The text in one line of printable characters, at most `limit` long.

    Strings of strangers end up on terminals, in file names and in tables: control characters, line breaks, direction
    marks and half surrogates become spaces. Escaping for markup is left to who shows it.
    """
    words = "".join(c if c.isprintable() else " " for c in text[: 8 * limit])
    words = " ".join(words.split())
    return words if len(words) <= limit else words[: limit - 1] + "…"


def _clean(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value


def _finite_pair(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] == pair[1]:
        raise ValueError(f"both ends of the range are {pair[0]}")
    return pair


def _listed(value: Any) -> Any:
    """A single number stands for a list of one."""
    return (value,) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _square(value: Any) -> Any:
    """A single size stands for height and width."""
    return (value, value) if isinstance(value, int) and not isinstance(value, bool) else value


Text = Annotated[str, BeforeValidator(_clean)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=_NAME_LENGTH), BeforeValidator(_clean)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ScoresKind = Literal["probability", "logit", "distance"]
Layout = Literal["nchw", "nhwc", "nhw", "flat_nchw", "flat_nhwc"]
Order = Literal["rgb", "bgr"]
How = Literal["found", "declared", "assumed"]
Side = Annotated[int, Field(ge=1, le=LONGEST_SIDE)]
Size = Annotated[tuple[Side, Side], BeforeValidator(_square)]
Range = Annotated[tuple[float, float], AfterValidator(_finite_pair)]
PerChannel = Annotated[tuple[float, ...], Field(min_length=1, max_length=3), BeforeValidator(_listed)]
Classes = Annotated[tuple[Annotated[Text, Field(min_length=1)], ...], Field(min_length=2, max_length=_CLASSES_LIMIT)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SourceFile(_Strict):
    """A file that the oracle was made from."""

    name: Text
    sha256: Digest
    bytes: int = Field(ge=0)


class Preprocessing(_Strict):
    """How an image, uint8 RGB 0..255, becomes the source model's input; all of it is nodes of the oracle file.

    In this order: grey (Pillow's "L") where `channels` is 1, channel `order`, minus the mean image (0..255), then
    `range` (lo + x / 255 * (hi - lo)) or `scale` (x * scale), minus `mean`, over `std` (numbers per channel in the
    model's own channel order), `layout`, cast to `dtype`. `declared` and `assumed` name the keys that a card said and
    those that nobody said; what is in neither was found in the model.
    """

    layout: Layout
    channels: Literal[1, 3]
    order: Order
    dtype: Text
    size: Size
    range: Range | None
    scale: float | None = None
    mean: PerChannel | None = None
    std: PerChannel | None = None
    mean_image_sha256: Digest | None = None
    declared: tuple[Text, ...] = ()
    assumed: tuple[Text, ...] = ()


class Witness(_Strict):
    """How an oracle agrees with another runtime than its source's own, on the first so many images of the parity run.

    Where it did not answer, `images` is 0 and `remark` says why; else `remark` may say how it read the source.
    """

    runtime: Text
    version: Text = ""
    images: int = Field(default=0, ge=0)
    label_agreement: float | None = Field(default=None, ge=0, le=1)
    largest_difference: float | None = Field(default=None, ge=0)
    remark: Text = ""

    def __str__(self) -> str:
        """One line for people."""
        name = f"{self.runtime} {self.version}".strip()
        if self.label_agreement is None:
            return f"{name} {self.remark}"
        remark = f" ({self.remark})" if self.remark else ""
        return f"{_agreed(self.label_agreement, self.images, self.largest_difference)}, against {name}{remark}"


def _agreed(labels: float, images: int, largest: float | None) -> str:
    scores = "scores not compared" if largest is None else f"scores to {largest:.1e}"
    return f"{labels:.2%} of labels on {images:,} images, {scores}"


class Parity(_Strict):
    """How an oracle agrees with the framework that its source came from, on so many images.

    `largest_difference`: of a score, absolute; None where only labels could be compared. `first_difference`: the first
    tensor of the converted model that is not the source's. `accepted`: the user took the oracle although too few labels
    agree. `witnesses`: other runtimes beside the source's own.
    """

    images: int = Field(ge=1)
    images_from: Text = ""
    label_agreement: float = Field(ge=0, le=1)
    largest_difference: float | None = Field(ge=0)
    first_difference: Text | None = None
    runtime: Text
    version: Text
    accepted: bool = False
    witnesses: tuple[Witness, ...] = ()

    @model_serializer(mode="wrap")
    def _without_nothing(self, rest: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without witnesses a card reads, and its digest is, what it was before there were any."""
        written: dict[str, Any] = rest(self)
        if not self.witnesses:
            written.pop("witnesses", None)
        return written

    def __str__(self) -> str:
        """One line for people."""
        first = f", first other tensor: {self.first_difference}" if self.first_difference else ""
        return (
            f"{_agreed(self.label_agreement, self.images, self.largest_difference)}, against {self.runtime}"
            f" {self.version}{first}{' (accepted by hand)' if self.accepted else ''}"
        )


class Measured(_Strict):
    """The oracle's own scores on the test set of a problem; `source` and `digest` are those of the images."""

    problem: Text
    source: Text
    digest: Text
    images: int = Field(ge=1)
    macro_f1: float = Field(ge=0, le=1)
    accuracy: float = Field(ge=0, le=1)
    mean_recall: float = Field(ge=0, le=1)

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"accuracy {self.accuracy:.4f}, macro-F1 {self.macro_f1:.4f} on {self.images:,} images of {self.problem}"
            f" ({self.source})"
        )


class Card(_Strict):
    """The card inside an oracle file, one JSON document, without time stamps: sealing twice gives the same bytes."""

    schema_version: Literal[1] = 1
    name: Name
    version: int = Field(default=1, ge=1)
    problem: Name | None = None
    classes: Classes
    framework: Text
    files: tuple[SourceFile, ...] = ()
    preprocessing: Preprocessing
    scores_kind: ScoresKind | None
    batch: int | None = Field(default=None, ge=1)
    licence: Text | None = None
    source: Text | None = None
    price_per_1000: float = Field(default=0.0, ge=0)
    requests_per_minute: float | None = Field(default=None, gt=0)
    parity: Parity | None = None
    unverified: Text | None = None  # why there was no parity run
    measured: tuple[Measured, ...] = ()
    training: dict[str, Any] | None = None
    notes: tuple[Text, ...] = ()  # how the source was read
    warnings: tuple[Text, ...] = ()

    @property
    def trained_on(self) -> str | None:
        """The images that its target was trained on, as they call themselves; None where the card does not say."""
        said = (self.training or {}).get("odd")
        return said if isinstance(said, str) else None

    def to_json(self) -> str:
        """The canonical JSON: sorted keys, no spaces, no NaN."""
        return json.dumps(
            self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )

    @classmethod
    def json_schema(cls) -> str:
        """The published JSON schema of the card, as the text of its file."""
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **cls.model_json_schema()}
        return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


class DroppedCard(_Strict):
    """What a TOML file beside a dropped model may say; whatever it leaves out is found in the model or assumed.

    `range`, `scale`, `mean`, `std`, `mean_image`: see Preprocessing; `mean_image` names an .npy or .npz file beside the
    card, [h, w, c] or [c, h, w], in 0..255 and the model's channel order. `layout` of a flat input is the order in
    which its pixels were flattened. `batch` fixes how many images go in at once. `output` names the class scores.
    """

    problem: Name | None = None
    classes: Classes | None = None
    layout: Literal["nchw", "nhwc"] | None = None
    channels: Literal[1, 3] | None = None
    order: Order | None = None
    size: Size | None = None
    range: Range | None = None
    scale: float | None = None
    mean: PerChannel | None = None
    std: PerChannel | None = None
    mean_image: str | None = None
    output: str | None = None
    scores_kind: ScoresKind | None = None
    batch: int | None = Field(default=None, ge=1, le=4096)
    framework: Text | None = None
    licence: Text | None = None
    source: Text | None = None
    price_per_1000: float | None = Field(default=None, ge=0)
    requests_per_minute: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _agree(self) -> "DroppedCard":
        if self.range is not None and self.scale is not None:
            raise ValueError("range and scale are both given; one of them says it all")
        if self.scale == 0:
            raise ValueError("scale is 0: every image would look the same")
        if self.std is not None and any(s == 0 for s in self.std):
            raise ValueError("std holds a 0; a channel cannot be divided by it")
        return self

    def said(self) -> tuple[str, ...]:
        """The keys that the card gives a value."""
        return tuple(key for key in type(self).model_fields if getattr(self, key) is not None)


class Finding(_Strict):
    """One thing known of a model: found in the file, declared by the card, or assumed."""

    what: Text
    value: Text
    how: How


def write_schema(path: Path) -> None:
    """Write the published schema of the card (docs/schemas/card.json)."""
    path.write_text(Card.json_schema(), encoding="utf-8")
