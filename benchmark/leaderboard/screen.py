"""The leaderboard as text for a terminal or a file; columns go where the width cannot hold them, no number wraps."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import StringIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from benchmark.leaderboard import beside, figures
from benchmark.leaderboard.board import Leaderboard, Table
from benchmark.leaderboard.rows import BASELINES, Row
from benchmark.leaderboard.standings import Standing

GAP = "  "
NAME_WIDTH = 24
"""A longer name is cut before a column goes."""
SHORTEST_NAME = 8


@dataclass(frozen=True)
class Column:
    """A column and what it shows of a row; `brief` shows the same in less space."""

    head: str
    show: Callable[[Row], str]
    brief: Callable[[Row], str] | None = None
    right: bool = True

    def width(self, rows: Sequence[Row]) -> int:
        """Columns of the terminal that it needs."""
        return max([cell_len(self.head), *(cell_len(self.show(row)) for row in rows)])


COLUMNS = (
    Column("", lambda row: row.rank or "-", right=False),
    Column("copycat", figures.name, right=False),
    Column("regime", lambda row: row.regime, right=False),
    Column("attack", lambda row: figures.plain(row.attack or figures.NONE), right=False),
    Column("balance", lambda row: row.balance, right=False),
    Column("recipe", lambda row: figures.plain(row.recipe or figures.NONE), right=False),
    Column("pretrained", lambda row: figures.plain(row.pretrained), right=False),
    Column("budget", lambda row: figures.whole(row.budget or None)),
    Column("PDD", lambda row: figures.whole(row.pdd_budget or None)),
    Column(
        "macro-F1",
        lambda row: figures.share_interval(row.macro_f1),
        lambda row: figures.share(row.macro_f1.mean if row.macro_f1 else None),
    ),
    Column("of target", figures.of_target),
    Column(beside.HEAD, beside.cell),
    Column(
        "agreement",
        lambda row: figures.share_interval(row.agreement),
        lambda row: figures.share(row.agreement.mean if row.agreement else None),
    ),
    Column(
        "accuracy",
        lambda row: figures.share_interval(row.accuracy),
        lambda row: figures.share(row.accuracy.mean if row.accuracy else None),
    ),
    Column(
        "mean recall",
        lambda row: figures.share_interval(row.mean_recall),
        lambda row: figures.share(row.mean_recall.mean if row.mean_recall else None),
    ),
    Column("asked", lambda row: figures.whole(row.asked)),
    Column("cost", lambda row: figures.money(row.cost)),
)

ONLY_IF_VARIED = ("attack", "balance", "recipe", "pretrained", "PDD")

STEPS = (
    "mean recall",
    "mean recall",
    "accuracy",
    "accuracy",
    "macro-F1",
    "agreement",
    "pretrained",
    "cost",
    "agreement",
    "asked",
    beside.HEAD,
)
"""What gives way, in this order, until the rest fits: a column becomes brief, or goes if it has no brief form."""


def as_text(board: Leaderboard, width: int = 100, *, color: bool = False) -> str:
    """The whole leaderboard, not wider than `width` wherever the columns that always stay fit into it."""
    console = Console(
        file=StringIO(),
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        highlight=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        for part in _parts(board, width):
            if isinstance(part, Line):
                console.print(part.text, no_wrap=True, overflow="ignore", crop=False)
            else:
                console.print(part)
    return "\n".join(line.rstrip() for line in captured.get().split("\n"))


@dataclass(frozen=True)
class Line:
    """A line of a table: it stays one line however narrow the terminal is."""

    text: Text


Part = Line | Text | Padding


def _parts(board: Leaderboard, width: int) -> Iterator[Part]:
    for table in board.tables:
        yield from _table(table, board, width)
        yield Text()
    yield from _standings("copycats", board.copycats, board, width)
    yield from _standings("oracles, the most stealable first", board.oracles, board, width)
    for sentence in board.unreadable:
        yield Text(f"unreadable: {figures.plain(sentence)}", style="red")
    if board.tables:
        yield Text(beside.legend(board), style="dim")
    else:
        yield Text("No records yet. Run a suite first.")


def _table(table: Table, board: Leaderboard, width: int) -> Iterator[Part]:
    yield Text(figures.title(table, board), style="bold")
    note = figures.stand_in_note(table)
    if note:
        yield Text(note, style="yellow")
    columns = _fitting(table.rows, width)
    yield from _grid(table.rows, columns, width)
    absent = _left_out(table.rows, columns)
    if absent:
        yield _hanging(f"no room here for {absent}: widen the terminal, or --format md or csv", "dim")
    said = beside.line(table)
    if said:
        yield _hanging(said, "dim")
    for line in table.transfer_sets:
        yield _hanging(figures.transfer(line), "yellow" if line.poor else "")
    for sentence in figures.silent(table.rows):
        yield _hanging(sentence, "yellow")
    for hole in figures.holes(table.rows):
        yield _hanging(hole, "red")
    for warning in table.warnings:
        yield _hanging(f"warning: {figures.plain(warning)}", "yellow")


def _hanging(text: str, style: str) -> Padding:
    return Padding(Text(text, style=style), (0, 0, 0, 4))


def _wanted(rows: Sequence[Row]) -> list[Column]:
    """The columns that these rows have something to say in."""
    told = [column for column in COLUMNS if column.head not in ONLY_IF_VARIED or _varies(column, rows)]
    return [column for column in told if column.head != beside.HEAD or beside.shown(rows)]


def _left_out(rows: Sequence[Row], shown: Sequence[Column]) -> str:
    """What the width has cost: columns that are not shown, and those whose interval is not; empty if nothing."""
    forms = {column.head: column for column in shown}
    wanted = _wanted(rows)
    gone = [column.head for column in wanted if column.head not in forms]
    brief = [
        f"± of {column.head}"
        for column in wanted
        if column.brief
        and column.head in forms
        and any(column.show(row) != forms[column.head].show(row) for row in rows)
    ]
    return ", ".join([*gone, *brief])


def _fitting(rows: Sequence[Row], width: int) -> list[Column]:
    """The columns in the forms that fit."""
    columns = _wanted(rows)
    numbers = any(row.published and row.published.found for row in rows)
    for step in STEPS if numbers else (beside.HEAD, *STEPS):  # words that the table's other lines say too go first
        names = [min(each.width(rows), NAME_WIDTH) if each.head == "copycat" else each.width(rows) for each in columns]
        if sum(names) + len(GAP) * (len(columns) - 1) <= width:
            break
        columns = [shorter for column in columns for shorter in (_shorten(column) if column.head == step else [column])]
    return columns


def _varies(column: Column, rows: Sequence[Row]) -> bool:
    """Whether ranked rows differ in it; what a regime does not have at all is no difference."""
    return len({column.show(row) for row in rows if row.group != BASELINES} - {figures.NONE}) > 1


def _shorten(column: Column) -> list[Column]:
    return [replace(column, show=column.brief, brief=None)] if column.brief else []


def _grid(rows: Sequence[Row], columns: Sequence[Column], width: int) -> Iterator[Line]:
    """The head and the rows, a heading above each group."""
    wide = [column.width(rows) for column in columns]
    name = next(place for place, column in enumerate(columns) if column.head == "copycat")
    others = sum(wide) - wide[name] + len(GAP) * (len(columns) - 1)
    wide[name] = max(min(wide[name], width - others), SHORTEST_NAME)
    yield Line(Text(_join([column.head for column in columns], columns, wide), style="dim"))
    group = None
    for row in rows:
        if row.group != group:
            group = row.group
            yield Line(Text(f"{' ' * wide[0]}{GAP}{group}", style="italic"))
        cells = [column.show(row) for column in columns]
        yield Line(Text(_join(cells, columns, wide), style=_style(row)))


def _style(row: Row) -> str:
    return "red" if row.state != "done" else "bold" if row.alone_first else ""


def _join(cells: Iterable[str], columns: Sequence[Column], wide: Sequence[int]) -> str:
    told = zip(cells, columns, wide, strict=True)
    return GAP.join(_padded(cell, width, right=column.right) for cell, column, width in told)


def _padded(cell: str, width: int, *, right: bool) -> str:
    short = cell if cell_len(cell) <= width else f"{set_cell_size(cell, width - 1)}…"
    padding = " " * (width - cell_len(short))
    return padding + short if right else short + padding


def _standings(heading: str, standings: Sequence[Standing], board: Leaderboard, width: int) -> Iterator[Part]:
    """One ranking per group; settings are the rows that all of its names have in common."""
    if not standings:
        return
    mark = " · STAND-IN DATA" if any(table.stand_ins for table in board.tables) else ""
    yield Text(f"all {heading} · mean relative performance over the same settings{mark}", style="bold")
    lines = [figures.STANDING_HEADS, *map(figures.standing_cells, standings)]
    wide = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    wide[1] = max(min(wide[1], width - sum(wide) + wide[1] - len(GAP) * (len(wide) - 1)), SHORTEST_NAME)
    told = [
        GAP.join(_padded(*pair, right=place > 1) for place, pair in enumerate(zip(line, wide, strict=True)))
        for line in lines
    ]
    yield Line(Text(told[0], style="dim"))
    group = None
    for each, line in zip(standings, told[1:], strict=True):
        if each.group != group:
            group = each.group
            yield Text(f"    {group} · {each.settings} settings", style="italic")
        yield Line(Text(line.rstrip()))
    yield Text()
