"""Standings: copycats, and oracles, compared over everything that they all have in common."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean

from benchmark.intervals import Interval, ranks
from benchmark.measures import Measured, over_settings


@dataclass(frozen=True)
class Setting:
    """One ranked row, as seen from its copycat or its oracle: the rest of the row is the setting it was played in."""

    name: str  # of the copycat or the oracle
    group: str
    rest: tuple[object, ...]
    tdd: str  # its test set
    relative_by_seed: Mapping[int, Measured]
    macro_f1: float | None  # mean over the seeds
    complete: bool


@dataclass(frozen=True)
class Standing:
    """A copycat's or an oracle's mean relative performance over all settings of its group, or how many it lacks."""

    name: str
    group: str
    rank: str | None
    relative: Interval | None
    macro_f1: float | None  # the copies' own, over the same settings
    untrained: float | None  # relative performance of the same nets untrained, where the suite has them: the floor
    settings_done: int
    settings: int


def stand(settings: Iterable[Setting], untrained: Mapping[str, float] | None = None) -> tuple[Standing, ...]:
    """Standings group by group, the highest mean first; a group with a single name has nothing to compare.

    A mean is taken over all settings for each seed, and its interval counts the chances of seeds and test images; so it
    says how sure the mean over just these settings is, not what other problems would give. No mean stands where one
    setting is not complete.
    """
    groups: dict[str, dict[str, dict[tuple[object, ...], Setting]]] = {}
    for setting in settings:
        groups.setdefault(setting.group, {}).setdefault(setting.name, {})[setting.rest] = setting
    found = []
    for group, names in groups.items():
        asked = {rest for played in names.values() for rest in played}
        if len(names) > 1:
            found += _ranked([_standing(name, group, played, asked) for name, played in sorted(names.items())])
    return tuple(replace(each, untrained=(untrained or {}).get(each.name)) for each in found)


def _standing(
    name: str, group: str, played: dict[tuple[object, ...], Setting], asked: set[tuple[object, ...]]
) -> Standing:
    complete = [setting for setting in played.values() if setting.complete]
    mean = _mean(complete) if len(complete) == len(asked) else None
    scores = [each.macro_f1 for each in complete if each.macro_f1 is not None]
    score = fmean(scores) if mean and scores else None
    return Standing(name, group, None, mean, score, None, len(complete), len(asked))


def _mean(complete: list[Setting]) -> Interval | None:
    """The mean over all settings, from the seeds that they all have."""
    seeds = sorted(set(complete[0].relative_by_seed).intersection(*(each.relative_by_seed for each in complete)))
    by_test_set: dict[str, list[list[Measured]]] = {}
    for setting in sorted(complete, key=lambda each: str(each.rest)):
        by_test_set.setdefault(setting.tdd, []).append([setting.relative_by_seed[seed] for seed in seeds])
    return over_settings(by_test_set).interval() if seeds else None


def _ranked(standings: list[Standing]) -> list[Standing]:
    found = [(each, each.relative) for each in standings if each.relative is not None]
    found.sort(key=lambda pair: (-pair[1].mean, pair[0].name))
    order = ranks([relative for _, relative in found])
    ranked = [replace(each, rank=rank) for (each, _), rank in zip(found, order, strict=True)]
    ranked.sort(key=lambda each: int((each.rank or "0").rstrip("=")))
    return [*ranked, *(each for each in standings if each.relative is None)]
