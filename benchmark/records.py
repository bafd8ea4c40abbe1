"""The record: what one cell gave, or why it gave nothing; its file form and its published schema.

A record file is one JSON document on one line, `{"sha256": ..., "record": ...}`: the first value is the digest of the
bytes of the second, so a flipped bit or an edit by hand is found. Optional seconds, bytes and counts say their unit.
"""

import hashlib
import json
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from benchmark.cell import Cell, Digest, Name
from benchmark.labelling import Labelling
from benchmark.provenance import Provenance
from benchmark.refusals import RecordDamaged
from benchmark.scores import Relative, Scores

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0)]
Status = Literal["done", "failed", "crashed", "data missing"]
SCHEMA_VERSION = 2
Stage = Literal["npdd", "pdd", "odd"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class DataUsed(_Part):
    """Images of a role or pool, as they were found on the machine."""

    role: Literal["tdd", "pdd", "odd", "pool"]
    source: str
    stand_in: bool
    paper: Annotated[
        tuple[str, ...], Field(description="published sources (benchmark/reference) whose own they are")
    ] = ()
    digest: Digest
    count: Count
    excluded: Annotated[int, Field(ge=0, description="images taken out because the test set has them too")] = 0


class OracleUsed(_Part):
    """The target, and how it was run."""

    name: Name
    digest: Digest
    card_digest: Digest
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    settings: dict[str, JsonValue]  # runtime, provider, threads, optimisation level, resize filter


class TransferUsed(_Part):
    """A transfer set in figures."""

    stage: Stage
    digest: Digest
    images: Count
    counts_per_class: tuple[int, ...]
    entropy: Annotated[float, Field(ge=0, le=1, description="of the labels, 1 = all classes equally often")]
    never_seen: Annotated[tuple[int, ...], Field(description="classes without a single label")]
    picks: Annotated[int, Field(ge=0, description="images that train, repetitions counted, after balancing")]


class Training(_Part):
    """How the copycat was trained in one stage."""

    stage: Stage
    epochs: Amount
    image_passes: Count
    decisions: dict[str, JsonValue] = {}  # how it was computed, what the recipe chose on stolen labels, losses, seconds
    reused: bool = False  # whether the first stage's copycat came from the record of its own cell


class StageCost(_Part):
    """What a stage of the work took."""

    stage: Name  # such as "ask npdd", "train pdd", "score"
    seconds: Amount
    peak_bytes: Count | None = None
    images_per_second: Amount | None = None


class BillPaid(_Part):
    """asked: images charged to this cell's budgets; computed: answers that were not in the store yet."""

    asked: Count
    computed: Count
    cost: Annotated[float, Field(ge=0, description="price of all images asked")]
    paid: Annotated[float, Field(ge=0, description="price of those computed")]
    price_per_1000: Amount
    minutes: Annotated[float, Field(ge=0, description="of asking at the oracle's rate limit")] | None = None


class Knowledge(_Part):
    """What the attacker had beside the oracle's answers."""

    pretrained: Annotated[Name, Field(description='tag of the published weights, or "none"')] = "none"
    weights_sha256: Digest | None = None
    pdd_images: Count = 0
    labels: Literal["none", "stolen", "original"]
    class_names: bool = False


class Failure(_Part):
    """Why there is no result."""

    kind: Name  # the refusal's or error's name, such as DataMissing
    sentence: Name


class Record(_Part):
    """What one cell gave. A done record has every result; the others have `error` and as much as was known."""

    schema_version: Literal[2] = 2
    status: Status
    attempt: Annotated[int, Field(ge=1)] = 1
    cell: Cell
    data: tuple[DataUsed, ...] = ()
    oracle: OracleUsed | None = None
    transfer_sets: tuple[TransferUsed, ...] = ()
    target: Scores | None = None
    copycat: Scores | None = None
    relative: Relative | None = None
    agreement: Annotated[float, Field(ge=0, le=1)] | None = None
    labelling: Labelling | None = None
    bill: BillPaid | None = None
    knowledge: Knowledge | None = None
    training: tuple[Training, ...] = ()
    parameters: Count | None = None
    stages: tuple[StageCost, ...] = ()
    provenance: Provenance
    warnings: tuple[str, ...] = ()
    error: Failure | None = None

    @model_validator(mode="after")
    def _done_or_not(self) -> Self:
        results = (
            "oracle",
            "target",
            "copycat",
            "relative",
            "agreement",
            "labelling",
            "bill",
            "knowledge",
            "parameters",
        )
        absent = [name for name in results if getattr(self, name) is None]
        if self.status == "done" and (absent or self.error is not None):
            raise ValueError(f"a done record without {', '.join(absent)}" if absent else "a done record with an error")
        if self.target and self.copycat and self.labelling:
            _check_labels(self.labelling, self.target, self.copycat, self.agreement)
        if self.status != "done" and (self.error is None or self.relative is not None):
            raise ValueError(f"a record that is {self.status!r} needs an error and no scores")
        return self


def _check_labels(labelling: Labelling, target: Scores, copycat: Scores, agreed: float | None) -> None:
    """Raise ValueError unless scores and agreement are those of the labels."""
    truth_N, target_N, copycat_N = labelling.arrays()
    for name, scores, said_N in (("target", target, target_N), ("copycat", copycat, copycat_N)):
        classes = len(scores.f1_per_class)
        if max(int(truth_N.max()), int(said_N.max())) >= classes:
            raise ValueError(f"labels of more classes than the {name}'s {classes}")
        counted_CC = np.bincount(truth_N * classes + said_N, minlength=classes**2).reshape(classes, classes)
        if not np.array_equal(counted_CC, scores.confusion_CC()):
            raise ValueError(f"scores of the {name} that are not those of its labels")
    if agreed is None or abs(agreed - float(np.mean(target_N == copycat_N))) > 1e-9:
        raise ValueError("an agreement that is not that of the labels")


class RecordFile(_Part):
    """The JSON document in a record file."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="of the bytes of `record` as they stand")]
    record: Record


_HEAD, _MIDDLE, _TAIL = b'{"sha256":"', b'","record":', b"}\n"
_BODY_AT = len(_HEAD) + 64 + len(_MIDDLE)


def pack(record: Record) -> bytes:
    """The record as the bytes of its file."""
    body = record.model_dump_json().encode()
    return _HEAD + hashlib.sha256(body).hexdigest().encode() + _MIDDLE + body + _TAIL


def unpack(content: bytes, name: str) -> Record:
    """The record of a file's bytes; `name` is what a refusal calls it.

    Raises RecordDamaged for what is torn, changed, of another schema version, or has an unknown or missing field.
    """
    body = open_body(content, name)
    try:
        return Record.model_validate_json(body)
    except ValidationError as error:
        raise RecordDamaged(f"{name}: not a record this version can read ({_fault(body, error)}).") from None


def open_body(content: bytes, name: str) -> bytes:
    """The bytes of the record inside a file's bytes, checked against their digest; raises RecordDamaged."""
    body = content[_BODY_AT : -len(_TAIL)]
    whole = content.startswith(_HEAD) and content[_BODY_AT - len(_MIDDLE) : _BODY_AT] == _MIDDLE
    if not (
        whole and content.endswith(_TAIL) and hashlib.sha256(body).hexdigest().encode() == content[len(_HEAD) :][:64]
    ):
        raise RecordDamaged(f"{name}: {len(content)} bytes that do not agree with their own digest: torn or changed.")
    return body


def json_schema() -> str:
    """The published JSON schema of a record file, as text (docs/schemas/record.json)."""
    return json.dumps(RecordFile.model_json_schema(), indent=2, sort_keys=True) + "\n"


def _fault(body: bytes, error: ValidationError) -> str:
    """The version if it is another one, else the first field that does not fit."""
    first = error.errors(include_url=False)[0]
    values = json.loads(body) if first["type"] != "json_invalid" else {"schema_version": SCHEMA_VERSION}
    version = values.get("schema_version") if isinstance(values, dict) else None
    if version != SCHEMA_VERSION:
        return f"its schema version is {version}, this one reads {SCHEMA_VERSION}"
    return f"{'.'.join(str(part) for part in first['loc']) or 'record'}: {first['msg']}"
