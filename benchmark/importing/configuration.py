"""What a copycat_framework configuration says of each problem, checked; general values are filled in as it does."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from benchmark.importing.untrusted_yaml import read_yaml
from benchmark.refusals import Mismatch
from benchmark.strict_toml import key_of, said_wrong
from oracles.card import printable

STAGES = ("oracle", "copycat", "finetune")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_LONGEST = 400
_CARRIED_TO_NOWHERE = ("validation_step", "save_snapshot")


def _word(value: object) -> object:
    """Texts and whole numbers as one printable line; YAML turns bare no, yes and 1.0 into something else."""
    if isinstance(value, bool | float):
        raise ValueError(f"it reads as {value!r} in YAML: put it in quotes")  # noqa: TRY004 - pydantic wants it
    text = str(value) if isinstance(value, int) else value
    if not isinstance(text, str) or not text.strip() or not text.isprintable() or len(text) > _LONGEST:
        raise ValueError("it should be a text of one printable line")
    return text


def _pair(value: object) -> object:
    """A list file alone, or with the folder that its images lie in."""
    return value if isinstance(value, list) else [value, ""]


def _root(value: object) -> object:
    return value if value == "" else _word(value)


Word = Annotated[str, BeforeValidator(_word)]
Part = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]
Spread = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]
DataSet = Annotated[tuple[Word, Annotated[str, BeforeValidator(_root)]], BeforeValidator(_pair)]


class Stage(BaseModel):
    """How one of the three networks is trained."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    max_epochs: Annotated[int, Field(ge=1, le=100_000)]
    batch_size: Annotated[int, Field(ge=2, le=100_000)]
    lr: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.3
    weight_decay: bool = True  # theirs switches the schedule on; it is no L2
    balance_dataset: bool = False
    optimizer: Word = "SGD"
    criterion: Word = "CrossEntropyLoss"
    db_train: Word | None = None
    db_test: Word | None = None

    @property
    def milestones(self) -> tuple[int, ...]:
        """After how many epochs their rate falls: a half, five sixths and eleven twelfths of all, in whole numbers."""
        half, third = self.max_epochs // 2, self.max_epochs // 3
        falls = {half, half + third, half + third + third // 2}
        return tuple(sorted(falls)) if self.weight_decay and half else ()


class Measures(BaseModel):
    """Mean and spread of the target's training images, in 0..1, per channel."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    mean: Annotated[tuple[Part, ...], Field(min_length=1, max_length=3)]
    std: Annotated[tuple[Spread, ...], Field(min_length=1, max_length=3)]


class Framework(BaseModel):
    """One problem of the configuration."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: Word
    classes: Annotated[tuple[Word, ...], Field(min_length=2, max_length=10_000)]
    outputs: int | None = None
    color: bool = True
    datasets: Annotated[dict[Word, DataSet], Field(min_length=1, max_length=100)]
    measures: Measures | None = None
    oracle: Stage
    copycat: Stage
    finetune: Stage
    unknown: tuple[str, ...] = ()  # keys that nothing is made of

    @property
    def name(self) -> str:
        """What the problem is called here."""
        return self.key.lower()


def read_configuration(path: Path) -> list[Framework]:
    """The problems of a configuration file, in its order. Raises Mismatch naming problem, key, value and way out."""
    values = read_yaml(path)
    general, problems = values.get("default") or {}, values.get("problems")
    if not isinstance(general, dict) or not isinstance(problems, dict) or not problems:
        raise Mismatch(f"{path.name}: no problems below the key 'problems'. Give the config.yaml of copycat_framework.")
    found = [_problem(path.name, key, said, general) for key, said in problems.items()]
    names = [one.name for one in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise Mismatch(f"{path.name}: two problems are called {twice} but for capitals. Rename one.")
    return found


def _problem(file: str, key: object, said: object, general: Mapping[object, object]) -> Framework:
    if not isinstance(key, str | int) or isinstance(key, bool) or not _NAME.fullmatch(str(key)):
        raise Mismatch(f"{file}: a problem is called {str(key)[:60]!r}. Use at most 40 letters, digits, - and _.")
    where = f"{file}: problem {key}"
    if not isinstance(said, dict):
        raise Mismatch(f"{where} holds no keys. Give it classes, data, oracle, copycat and finetune.")
    data = said.get("data")
    if not isinstance(data, dict) or not isinstance(data.get("datasets"), dict):
        raise Mismatch(f"{where} has no data.datasets. Name its list files there.")
    shared = {name: value for name, value in {**general, **said}.items() if name not in STAGES}
    fields: dict[str, Any] = {
        "key": str(key),
        "classes": _classes(said, where),
        "outputs": said.get("outputs"),
        "color": True if said.get("color") is None else said["color"],
        "datasets": data["datasets"],
        "measures": data.get("measures"),
        **{stage: _merged(general, said, stage) for stage in STAGES},
        "unknown": _unknown(shared, said, general),
    }
    try:
        found = Framework.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "missing":
            raise Mismatch(printable(f"{where} has no {key_of(first['loc'])}. Add it.")) from None
        sentence = f"{where}, {key_of(first['loc'])[:80]}{said_wrong(first)}. Mend the value."
        raise Mismatch(printable(sentence)) from None
    _refuse_contradictions(found, where)
    return found


def _merged(general: Mapping[object, object], said: Mapping[object, object], stage: str) -> dict[object, object]:
    """The options of a stage: the general ones, overridden by those closer to it, as copycat_framework does."""
    parts: list[Mapping[object, object]] = []
    for scope in (general, said):
        parts.append({name: value for name, value in scope.items() if name not in STAGES})
        inner = scope.get(stage)
        parts.append(inner if isinstance(inner, dict) else {})
    return {name: value for part in parts for name, value in part.items()}


def _classes(said: Mapping[object, object], where: str) -> object:
    classes, outputs = said.get("classes"), said.get("outputs")
    if classes is None and isinstance(outputs, int) and 2 <= outputs <= 10_000:
        return [str(number) for number in range(outputs)]
    if not isinstance(classes, list):
        raise Mismatch(f"{where} has no list of classes. Add it, in the order of the labels.")
    return classes


def _unknown(
    shared: Mapping[object, object], said: Mapping[object, object], general: Mapping[object, object]
) -> list[str]:
    known = {*Stage.model_fields, *Framework.model_fields, "data", *_CARRIED_TO_NOWHERE}
    inner = [scope.get(stage) for scope in (said, general) for stage in STAGES]
    names = {*shared, *(name for stage in inner if isinstance(stage, dict) for name in stage)}
    return sorted({str(name)[:40] for name in names - known if str(name).isprintable()})


def _refuse_contradictions(found: Framework, where: str) -> None:
    twice = next((name for name in found.classes if found.classes.count(name) > 1), None)
    if twice is not None:
        raise Mismatch(f"{where}: class {twice!r} is named twice. Rename one.")
    if found.outputs is not None and found.outputs != len(found.classes):
        raise Mismatch(f"{where}: {found.outputs} outputs, but {len(found.classes)} classes. Mend one of them.")
    for stage in STAGES:
        options: Stage = getattr(found, stage)
        named = {"db_train": options.db_train, "db_test": options.db_test}
        for key, data_set in named.items():
            if data_set is not None and data_set not in found.datasets:
                known = ", ".join(found.datasets)
                raise Mismatch(f"{where}, {stage}.{key}: no data set {data_set!r}. Name one of: {known}.")
