"""The board: tables of rows, one per problem, oracle and pool, with the state of the data and of the transfer sets."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmark.cell import REGIMES, Cell
from benchmark.leaderboard.played import Asked, Played, take
from benchmark.leaderboard.published import orientation
from benchmark.leaderboard.rows import BASELINES, Line, Row, make_rows
from benchmark.leaderboard.standings import Setting, Standing, stand
from benchmark.records import Record
from benchmark.reference import Published

FEW_LABELS = 50
"""A class with fewer labels is hardly learnt; docs/protocol.md says how well that foretells a poor copy."""


@dataclass(frozen=True)
class TransferLine:
    """The transfer sets of one size, over all seeds."""

    stage: str
    attack: str | None
    size: int
    seeds: int
    entropy: float  # mean
    seen: int  # the fewest classes that a seed saw
    classes: int
    counts: tuple[int, ...]  # labels of each class, mean over the seeds
    never: tuple[str, ...]  # classes that at least one seed never saw
    few: tuple[str, ...]  # classes with some labels, but on the mean over the seeds fewer than FEW_LABELS

    @property
    def poor(self) -> bool:
        """Whether the labels alone let one expect a poor copy, before anything is trained."""
        return bool(self.never or self.few)


@dataclass(frozen=True)
class Table:
    """All rows of one problem, oracle and pool; rows that ask no pool stand in the table of every pool."""

    problem: str
    oracle: str
    oracle_digest: str
    pool: str | None
    pool_digest: str | None
    pool_source: str | None
    tdd_digest: str | None
    tdd_source: str | None
    images: int | None
    stand_ins: tuple[str, ...]  # "role: source" of what only stands in for the data of the problem's paper
    target_macro_f1: float | None
    seeds: int
    rows: tuple[Row, ...]
    transfer_sets: tuple[TransferLine, ...]
    warnings: tuple[str, ...]
    published: tuple[Published, ...] = ()  # for orientation, on whatever images; what is comparable stands in the rows


@dataclass(frozen=True)
class Leaderboard:
    """Tables, and what they say together about copycats and about oracles."""

    tables: tuple[Table, ...]
    copycats: tuple[Standing, ...]
    oracles: tuple[Standing, ...]
    unreadable: tuple[str, ...] = ()  # what the ledger said of files that are not records


Place = tuple[str, str, str, str]  # problem, oracle, and the digests of test set and oracle
Lines = dict[tuple[object, ...], Line]


def build(
    records: Iterable[Record], planned: Iterable[Cell] | None = None, unreadable: Sequence[str] = ()
) -> Leaderboard:
    """The leaderboard of `records`; with `planned` cells, of those only, and with what is not run yet.

    Without a plan, every row is expected to have the seeds that its problem and oracle have anywhere. The order of the
    records makes no difference.
    """
    plays = sorted((take(record) for record in records), key=lambda play: play.name)
    places = _expected(planned) if planned is not None else {}
    for play in plays if planned is not None else _standing(plays):
        if planned is None:
            _line(places, play.cell).seeds[play.cell.seed] = play
        elif (line := places.get(_place(play.cell), {}).get(_key(play.cell))) and play.cell.seed in line.seeds:
            line.seeds[play.cell.seed] = play
    if planned is None:
        _level(places)
    tables = tuple(table for place in sorted(places) for table in _tables(places[place]))
    ranked = [(table, row) for table in tables for row in table.rows if row.group != BASELINES]
    fresh = [(table, row) for table in tables for row in table.rows if row.regime == "untrained"]
    by_copycat = stand([_of_copycat(*pair) for pair in ranked], _floors([_of_copycat(*pair) for pair in fresh]))
    by_oracle = stand([_of_oracle(*pair) for pair in ranked], _floors([_of_oracle(*pair) for pair in fresh]))
    return Leaderboard(tables, by_copycat, by_oracle, tuple(unreadable))


def _place(cell: Cell) -> Place:
    return (cell.problem, cell.oracle, cell.tdd_digest or "", cell.oracle_digest or "")


def _key(cell: Cell) -> tuple[object, ...]:
    """All that the cells of a row share."""
    return tuple(value for name, value in cell if name != "seed")


def _line(places: dict[Place, Lines], cell: Cell) -> Line:
    return places.setdefault(_place(cell), {}).setdefault(_key(cell), Line(cell))


def _expected(planned: Iterable[Cell]) -> dict[Place, Lines]:
    places: dict[Place, Lines] = {}
    for cell in planned:
        _line(places, cell).seeds[cell.seed] = None
    return places


def _level(places: dict[Place, Lines]) -> None:
    """Give every row the seeds that any row of its place has."""
    for lines in places.values():
        seeds = {seed for line in lines.values() for seed in line.seeds}
        for line in lines.values():
            line.seeds.update(dict.fromkeys(seeds - line.seeds.keys()))


def _standing(plays: Sequence[Played]) -> Iterator[Played]:
    """Without missing data that was found since: then the same names have a record with other digests."""
    found = {_names(play.cell) for play in plays if play.status != "data missing"}
    attacked = {play.cell.problem for play in plays if play.cell.oracle_digest}

    def mended(cell: Cell) -> bool:
        return _names(cell) in found or (cell.oracle_digest is None and cell.problem in attacked)

    return (play for play in plays if play.status != "data missing" or not mended(play.cell))


def _names(cell: Cell) -> tuple[object, ...]:
    return tuple(value for name, value in cell if not name.endswith("_digest") and name != "pdd_budget")


def _tables(lines: Lines) -> Iterator[Table]:
    pools: set[tuple[str | None, str | None]] = {(line.cell.pool, line.cell.pool_digest) for line in lines.values()}
    for pool in sorted(pools - {(None, None)}, key=str) or [(None, None)]:
        shown = {pool, (None, None)}
        yield _table([line for line in lines.values() if (line.cell.pool, line.cell.pool_digest) in shown], *pool)


def _table(lines: Sequence[Line], pool: str | None, pool_digest: str | None) -> Table:
    """One table; the lines are not empty."""
    cell = lines[0].cell
    plays = [play for line in lines for _, play in sorted(line.seeds.items()) if play is not None]
    figures = [play.figures for play in plays if play.figures is not None]
    targets = sorted({each.target_macro_f1 for each in figures})
    warnings = {what for play in plays for what in play.warnings}
    if len(targets) > 1:
        warnings.add(f"the target's macro-F1 differs between records: {targets[0]:.4f} to {targets[-1]:.4f}")
    made = sorted({play.made_with for play in plays if play.figures and REGIMES[play.cell.regime].trains})
    if len(made) > 1:
        warnings.add(f"records were made with different means: {'; '.join(made)}")
    return Table(
        problem=cell.problem,
        oracle=cell.oracle,
        oracle_digest=cell.oracle_digest or "",
        pool=pool,
        pool_digest=pool_digest,
        pool_source=min((play.pool_source for play in plays if play.pool_source), default=None),
        tdd_digest=cell.tdd_digest,
        tdd_source=min((play.tdd_source for play in plays if play.tdd_source), default=None),
        images=max((each.images for each in figures), default=None),
        stand_ins=tuple(sorted({what for play in plays for what in play.stand_ins})),
        target_macro_f1=fmean(targets) if targets else None,
        seeds=max(len(line.seeds) for line in lines),
        rows=make_rows(lines),
        transfer_sets=_transfer_lines(plays),
        warnings=tuple(sorted(warnings)),
        published=orientation(cell.problem, (line.cell.regime for line in lines)),
    )


def _transfer_lines(plays: Iterable[Played]) -> tuple[TransferLine, ...]:
    """One line per stage, attack and size; copycats of one seed share their transfer set."""
    found: dict[tuple[str, str, int], dict[int, Asked]] = {}
    for play in plays:
        bought = play.transfer_sets if REGIMES[play.cell.regime].ranked else ()  # original labels are not bought
        for asked in bought:
            first = asked.stage == "npdd"
            key = (
                asked.stage,
                play.cell.attack or "" if first else "",
                play.cell.budget if first else play.cell.pdd_budget,
            )
            found.setdefault(key, {})[play.cell.seed] = asked
    ordered = sorted(found.items(), key=lambda item: (*item[0][:2], -item[0][2]))
    return tuple(_transfer_line(*key, list(seeds.values())) for key, seeds in ordered)


def _transfer_line(stage: str, attack: str, size: int, sets: Sequence[Asked]) -> TransferLine:
    classes = max((each.classes for each in sets), key=len)
    never = sorted({label for each in sets for label in each.never_seen})
    counts = [round(fmean(column)) for column in zip(*(each.counts for each in sets), strict=True)]
    few = [label for label, count in enumerate(counts) if count < FEW_LABELS and label not in never]
    name = dict(enumerate(classes)).get
    return TransferLine(
        stage=stage,
        attack=attack or None,
        size=size,
        seeds=len(sets),
        entropy=fmean(sorted(each.entropy for each in sets)),
        seen=min(len(classes) - len(each.never_seen) for each in sets),
        classes=len(classes),
        counts=tuple(counts),
        never=tuple(name(label) or str(label) for label in never),
        few=tuple(name(label) or str(label) for label in few),
    )


def _of_copycat(table: Table, row: Row) -> Setting:
    place = (table.problem, table.tdd_digest, table.oracle, table.oracle_digest)
    rest = (
        *place,
        *_pool(table, row),
        row.regime,
        row.budget,
        row.pdd_budget,
        row.attack,
        row.balance,
        row.recipe,
        row.recipe_digest,
    )
    return _setting(row.copycat, rest, table, row)


def _of_oracle(table: Table, row: Row) -> Setting:
    # the number of PDD images is the problem's own and no part of what oracles have in common
    # and the digest of a pool is another one at another size: what oracles have in common is where it comes from
    pool = (table.pool, table.pool_source) if row.attack else (None, None)
    rest = (*pool, row.copycat, row.regime, row.budget, row.attack, row.balance, row.recipe, row.recipe_digest)
    return _setting(f"{table.problem} · {table.oracle}", rest, table, row)


def _setting(name: str, rest: tuple[object, ...], table: Table, row: Row) -> Setting:
    return Setting(
        name=name,
        group=row.group,
        rest=rest,
        tdd=table.tdd_digest or "",
        relative_by_seed=row.relative_by_seed,
        macro_f1=row.macro_f1.mean if row.macro_f1 else None,
        complete=row.relative is not None,
    )


def _floors(untrained: Iterable[Setting]) -> dict[str, float]:
    """The mean relative performance of untrained copycats by name."""
    found: dict[str, list[float]] = {}
    for setting in untrained:
        found.setdefault(setting.name, []).extend(seed.value for seed in setting.relative_by_seed.values())
    return {name: fmean(values) for name, values in found.items() if values}


def _pool(table: Table, row: Row) -> tuple[str | None, str | None]:
    """The pool of a row; one that asks none is the same row in the tables of all pools."""
    return (table.pool, table.pool_digest) if row.attack else (None, None)
