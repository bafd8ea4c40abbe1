"""Numbers and names as people read them; alike on the screen and in Markdown."""

from collections.abc import Iterable

from benchmark.intervals import Interval
from benchmark.leaderboard.board import FEW_LABELS, Leaderboard, Table, TransferLine
from benchmark.leaderboard.rows import Row, Silent
from benchmark.leaderboard.standings import Standing

NONE = "–"

SOME = 4
"""How many names of a kind are listed before "and N more"."""

LEGEND = (
    "±: 95 % interval of the mean over seeds; it counts the chance of the seeds and that of the test images. Rank: 1 + "
    "the rows under the same heading whose interval lies wholly above, so a wide interval earns a good one; = where "
    "several share it; bold: first alone. "
    "of target: macro-F1 over the target's, on the same test images."
)

ADVICE = "Expect a poor copy: try another pool, more contrast, more labels, balancing, or images of the domain (PDD)"


MANY_CLASSES = 12


def plain(text: str) -> str:
    """The text with control characters spelled out, so that no file name can move the cursor or start a line."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)


def share(value: float | None, digits: int = 3) -> str:
    """`.951`: a number in 0..1 without its leading zero."""
    if value is None:
        return NONE
    text = f"{value:.{digits}f}"
    return text.removeprefix("0") if 0 <= value < 1 and text.startswith("0") else text


def share_interval(value: Interval | None) -> str:
    """`.951 ± .004`."""
    if value is None:
        return NONE
    return share(value.mean) if value.half is None else f"{share(value.mean)} ± {share(value.half)}"


def percent(value: Interval | None) -> str:
    """`98.9 % ± 0.3`: a ratio in percent."""
    if value is None:
        return NONE
    mean = f"{100 * value.mean:.1f} %"
    return mean if value.half is None else f"{mean} ± {100 * value.half:.1f}"


def whole(value: int | None) -> str:
    """`20,000`."""
    return NONE if value is None else f"{value:,}"


def money(value: float | None) -> str:
    """`$22`, below ten `$0.50`; free is a dash."""
    if not value:
        return NONE
    return f"${value:,.0f}" if value >= 10 else f"${value:,.2f}"


def of_target(row: Row) -> str:
    """Relative performance, or the word for why there is none."""
    if row.state == "done":
        return percent(row.relative)
    return f"{row.seeds_done} of {row.seeds} seeds" if row.state == "incomplete" else row.state


def name(row: Row) -> str:
    """The copycat's name, with what tells it apart from a row of the same names."""
    return plain(row.copycat) + (f" ({row.variant})" if row.variant else "")


def title(table: Table, board: Leaderboard) -> str:
    """`gtsrb43 · oracle signs_v3 (macro-F1 .962) · pool natural · TDD 12,630 images · 3 seeds`."""
    names = (table.problem, table.oracle, table.pool)
    twins = sum((other.problem, other.oracle, other.pool) == names for other in board.tables)
    target = f" (macro-F1 {share(table.target_macro_f1)})" if table.target_macro_f1 is not None else ""
    pool = f"pool {plain(table.pool)}" if table.pool else "no pool"
    parts = [plain(table.problem), f"oracle {plain(table.oracle)}{target}", pool, _test_set(table), _seeds(table.seeds)]
    if twins > 1:
        digests = (("TDD", table.tdd_digest), ("oracle", table.oracle_digest), ("pool", table.pool_digest))
        parts.append(", ".join(f"{what} {digest[:6]}" for what, digest in digests if digest))
    return " · ".join(parts)


def stand_in_note(table: Table) -> str | None:
    """What only stands in for the data of the papers; such a table compares with no published number."""
    if not table.stand_ins:
        return None
    return f"STAND-IN DATA, not to be compared with published numbers: {plain(', '.join(table.stand_ins))}"


def transfer(line: TransferLine) -> str:
    """`transfer set of 1,000: entropy .74, 38 of 43 classes seen (never: 0, 19)`; a poor one says what to try."""
    stage = {"npdd": "", "pdd": "PDD "}.get(line.stage, f"{line.stage} ")
    attack = f"{plain(line.attack)} " if line.attack else ""
    never = f" (never: {_names(line.never)})" if line.never else ""
    few = f", fewer than {FEW_LABELS} labels: {_names(line.few)}" if line.few else ""
    seen = f"{line.seen} of {line.classes} classes seen{never}{few}"
    mark, advice = ("warning: ", f". {ADVICE}") if line.poor else ("", "")
    counts = f"; labels per class {_counts(line.counts)}"
    return (
        f"{mark}{attack}{stage}transfer set of {line.size:,}: entropy {share(line.entropy, 2)}, {seen}{counts}{advice}"
    )


def silent(rows: Iterable[Row]) -> list[str]:
    """Classes that trained copycats never say: one sentence per row that has such."""
    return [
        f"{_short(row)} never says {_some([_silent(each, row.seeds) for each in row.silent])}"
        for row in rows
        if row.silent
    ]


def holes(rows: Iterable[Row]) -> list[str]:
    """Why rows have no mean: each sentence once, with the rows and records that it is about."""
    found: dict[tuple[str, str], list[tuple[Row, tuple[str, ...]]]] = {}
    for row in rows:
        for hole in row.holes:
            found.setdefault((hole.word, hole.sentence), []).append((row, hole.records))
    return [
        f"{word}: {_some([_short(row) for row, _ in where])}"
        f"{_records([record for _, records in where for record in records])}: {plain(sentence)}"
        for (word, sentence), where in found.items()
    ]


def standing(each: Standing) -> str:
    """Mean relative performance, or how many settings are complete."""
    return percent(each.relative) if each.relative else f"{each.settings_done} of {each.settings} settings"


STANDING_HEADS = ("rank", "name", "of target", "macro-F1", "untrained")
"""Means over the settings; untrained is of the target, too."""


def standing_cells(each: Standing) -> tuple[str, str, str, str, str]:
    """A standing with the absolute score of the copies, and what the same nets have before they learn anything."""
    floor = NONE if each.untrained is None else f"{100 * each.untrained:.1f} %"
    return (each.rank or "-", plain(each.name), standing(each), share(each.macro_f1), floor)


def _silent(each: Silent, seeds: int) -> str:
    where = f" (seed {_some([str(seed) for seed in each.seeds])})" if len(each.seeds) < seeds else ""
    return f"{plain(each.name)}{where}"


def _names(names: tuple[str, ...]) -> str:
    return plain(_some(list(names)))


def _counts(counts: tuple[int, ...]) -> str:
    """All of them, or from the rarest to the most frequent where there are many."""
    if len(counts) <= MANY_CLASSES:
        return " ".join(f"{count:,}" for count in counts)
    return f"{min(counts):,} to {max(counts):,}"


def _seeds(count: int) -> str:
    return f"{count} seeds" if count > 1 else "1 seed: no intervals, ranks are an order only"


def _test_set(table: Table) -> str:
    if table.tdd_digest is None:
        return "TDD missing"
    return f"TDD {table.images:,} images" if table.images is not None else "TDD not scored yet"


def _short(row: Row) -> str:
    return f"{name(row)} {row.regime}{f' {row.budget:,}' if row.budget else ''}"


def _records(found: list[str]) -> str:
    return f" (record{'s' if len(found) > 1 else ''} {_some([f'{each}…' for each in found])})" if found else ""


def _some(words: list[str]) -> str:
    return ", ".join(words[:SOME]) + (f" and {len(words) - SOME} more" if len(words) > SOME else "")
