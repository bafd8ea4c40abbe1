"""Standings: copycats, and oracles, compared over everything that they all have in common."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from benchmark.intervals import Interval, interval, ranks


@dataclass(frozen=True)
class Setting:
    """One ranked row, as seen from its copycat or its oracle: the rest of the row is the setting it was played in."""

    name: str  # of the copycat or the oracle
    group: str
    rest: tuple[object, ...]
    relative_by_seed: tuple[tuple[int, float], ...]
    complete: bool


@dataclass(frozen=True)
class Standing:
    """A copycat's or an oracle's mean relative performance over all settings of its group, or how many it lacks."""

    name: str
    group: str
    rank: str | None
    relative: Interval | None
    settings_done: int
    settings: int


def stand(settings: Iterable[Setting]) -> tuple[Standing, ...]:
    """Standings group by group, the highest mean first; a group with a single name has nothing to compare.

    A mean is taken over all settings for each seed, and its interval over the seeds; so it says how sure the mean over
    just these settings is, not what other problems would give. No mean stands where one setting is not complete.
    """
    groups: dict[str, dict[str, dict[tuple[object, ...], Setting]]] = {}
    for setting in settings:
        groups.setdefault(setting.group, {}).setdefault(setting.name, {})[setting.rest] = setting
    found = []
    for group, names in groups.items():
        asked = {rest for played in names.values() for rest in played}
        if len(names) > 1:
            found += _ranked([_standing(name, group, played, asked) for name, played in sorted(names.items())])
    return tuple(found)


def _standing(
    name: str, group: str, played: dict[tuple[object, ...], Setting], asked: set[tuple[object, ...]]
) -> Standing:
    complete = [setting for setting in played.values() if setting.complete]
    means = _means(complete) if len(complete) == len(asked) else []
    return Standing(name, group, None, interval(means) if means else None, len(complete), len(asked))


def _means(complete: list[Setting]) -> list[float]:
    """The mean over all settings, for each seed that they all have."""
    by_seed = [dict(setting.relative_by_seed) for setting in complete]
    seeds = set(by_seed[0]).intersection(*by_seed[1:])
    return [sum(sorted(values[seed] for values in by_seed)) / len(by_seed) for seed in sorted(seeds)]


def _ranked(standings: list[Standing]) -> list[Standing]:
    found = [(each, each.relative) for each in standings if each.relative is not None]
    found.sort(key=lambda pair: (-pair[1].mean, pair[0].name))
    order = ranks([relative for _, relative in found])
    ranked = [replace(each, rank=rank) for (each, _), rank in zip(found, order, strict=True)]
    ranked.sort(key=lambda each: int((each.rank or "0").rstrip("=")))
    return [*ranked, *(each for each in standings if each.relative is None)]
