"""What is to be converted: the options of a command line and a card's file become one `Order`, the options winning."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark.proof import IMAGES
from benchmark.refusals import Refused
from benchmark.strict_toml import read_toml
from converters.conversion import Wishes
from oracles.card import DroppedCard

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Order:
    """What is to be converted, and what the user says of it.

    `card`: the keys of a card, each stronger than what the source's files say. `reference`: answers of the source from
    elsewhere, an .npz (benchmark.proof.compare_with_file). `accept`: take an oracle that answers otherwise than its
    source. `replace`: an oracle file that is there already. `images`: how many a parity run shows, at most.
    """

    source: str
    wishes: Wishes = field(default_factory=Wishes)
    card: DroppedCard = field(default_factory=DroppedCard)
    reference: Path | None = None
    accept: bool = False
    replace: bool = False
    images: int = IMAGES


@dataclass(frozen=True)
class Said:
    """What options say of a source, beside a card's file `card`; of None they say nothing.

    `keys`: keys of a card. `mean`: the file of a mean image, or numbers per channel as a card has them. `pixel_mean`:
    numbers per channel in 0..255, taken off before scale. `classes`: a text file with one name a line.
    """

    card: Path | None = None
    keys: Mapping[str, Any] = field(default_factory=dict)
    mean: Path | Numbers | None = None
    pixel_mean: Numbers | None = None
    classes: Path | None = None
    weights: Path | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    allow_code: bool = False


def understood(said: Said) -> tuple[Wishes, DroppedCard]:
    """What the options and the card's file together wish of a converter, and say of the oracle.

    Raises Refused, BadToml.
    """
    card = _merged(said)
    mean_image: Path | None = None
    if said.mean is not None or said.pixel_mean is not None:  # the option says all of the mean
        card = card.model_copy(update={"mean": _mean_numbers(said, card), "mean_image": None})
        mean_image = said.mean if isinstance(said.mean, Path) else None
    elif card.mean_image is not None and said.card is not None:
        mean_image = said.card.resolve().parent / card.mean_image
    if said.weights is not None and not said.weights.exists():
        raise Refused(f"{said.weights}: no such file of weights. Check --weights.")
    wishes = Wishes(
        weights=None if said.weights is None else said.weights.resolve(),
        mean=mean_image,
        mean_said=card.mean is not None,
        output=card.output,
        inputs=said.inputs,
        outputs=said.outputs,
        size=card.size,
        image_channels=card.channels,
        allow_code=said.allow_code,
    )
    return wishes, card


def _merged(said: Said) -> DroppedCard:
    """The card's keys: those of the file, and stronger those of the options."""
    below = read_toml(said.card, DroppedCard) if said.card is not None else DroppedCard()
    above: dict[str, Any] = {**said.keys, "classes": _class_names(said.classes)}
    if said.mean is not None and not isinstance(said.mean, Path):
        above["mean"] = said.mean
    keys = {key: getattr(below, key) for key in below.said()}
    keys |= {key: value for key, value in above.items() if value is not None}
    try:
        return DroppedCard.model_validate(keys)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the card"
        raise Refused(f"{where}: {first['msg']}. Correct the option or the card.") from None


def _mean_numbers(said: Said, card: DroppedCard) -> Numbers | None:
    """The mean in the card's words, where it is taken off after range or scale."""
    if said.pixel_mean is None:
        return None if isinstance(said.mean, Path) else said.mean
    low, high = card.range or (0.0, 255.0)
    factor = card.scale if card.scale is not None else (high - low) / 255
    offset = low if card.scale is None else 0.0
    return tuple(number * factor + offset for number in said.pixel_mean)


def _class_names(file: Path | None) -> tuple[str, ...] | None:
    """Class names, one a line; raises Refused for a file that is no text."""
    if file is None:
        return None
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file}: cannot be read as text in UTF-8 ({error}). Check --classes.") from None
    return tuple(line.strip() for line in text.splitlines() if line.strip())
