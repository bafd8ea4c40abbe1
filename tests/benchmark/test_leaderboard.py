"""The leaderboard: rows, ranks, holes and warnings from made-up records, on screen and in files."""

import csv
import io
import json
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import cell, digest, failed, labels, record
from rich.cells import cell_len
from scipy import stats

from benchmark.cell import Cell
from benchmark.labelling import Labelling
from benchmark.leaderboard.board import Leaderboard, build
from benchmark.leaderboard.exports import as_csv, as_json, as_markdown, escape
from benchmark.leaderboard.figures import money, of_target, plain, share
from benchmark.leaderboard.rows import BASELINES, Row
from benchmark.leaderboard.screen import as_text
from benchmark.records import Record
from benchmark.scores import score

NATURAL = "attacker holds natural images only"
DOMAIN = "attacker holds images of the domain"
LONG = "vit_tiny_patch16_224.augreg_in21k_ft_in1k"


def seeds(regime: str, share: float, count: int = 3, **other: object) -> list[Record]:
    """Done records of one row."""
    return [record(cell(regime, seed=seed, **other), share + 0.004 * seed) for seed in range(count)]


def some_records() -> list[Record]:
    """Two oracles, three copycats, most regimes, and every kind of hole."""
    found: list[Record] = []
    for oracle in ("lenet", "signs_v3"):
        for copycat, right in (("resnet18", 0.92), ("mobilenetv3_small_100", 0.8)):
            found += seeds("npdd-sl", right, oracle=oracle, copycat=copycat, budget=20_000)
            found += seeds("npdd-sl+pdd-sl", right + 0.03, oracle=oracle, copycat=copycat, budget=20_000)
            found += seeds("untrained", 0.1, oracle=oracle, copycat=copycat)
        found += seeds("odd-ol", 0.94, oracle=oracle)
        found += [record(cell(seed=seed, oracle=oracle), 0.5, never_seen=(2, 7)) for seed in range(3)]
        found += seeds("npdd-sl", 0.7, count=2, oracle=oracle, copycat=LONG, budget=20_000)
        loss = "loss not finite at epoch 3"
        found += [failed(cell(seed=seed, oracle=oracle, copycat=LONG), loss) for seed in range(3)]
    return found


BOARD = build(some_records())


def row(board: Leaderboard, **wanted: object) -> Row:
    """The one row of the first table with these values."""
    fits = [
        each for each in board.tables[0].rows if all(getattr(each, name) == value for name, value in wanted.items())
    ]
    assert len(fits) == 1
    return fits[0]


def test_one_table_per_problem_oracle_and_pool() -> None:
    """Rows that ask no pool stand in the table of every pool."""
    played = [
        *seeds("npdd-sl", 0.9),
        *seeds("npdd-sl", 0.9, pool="other", pool_digest=digest("other")),
        *seeds("untrained", 0.1),
    ]
    board = build(played)
    assert [(table.oracle, table.pool, len(table.rows)) for table in board.tables] == [
        ("lenet", "natural", 2),
        ("lenet", "other", 2),
    ]
    assert [(table.oracle, table.seeds, table.images) for table in BOARD.tables] == [
        ("lenet", 3, 500),
        ("signs_v3", 3, 500),
    ]


def test_means_are_those_of_the_records() -> None:
    """The mean over three seeds; the interval is worked by hand for the accuracy, from correctness alone."""
    played = seeds("npdd-sl", 0.9)
    found = build(played).tables[0].rows[0]
    values = [each.relative.macro_f1 for each in played if each.relative and each.relative.macro_f1]
    assert found.relative is not None
    assert found.accuracy is not None
    assert found.relative.mean == pytest.approx(sum(values) / 3)
    made = (labels(0.9 + 0.004 * seed, seed) for seed in range(3))
    right_SN = np.stack([truth_N == copycat_N for truth_N, _, copycat_N in made])
    by_seed = right_SN.mean(axis=1).var(ddof=1) / 3
    by_image = right_SN.mean(axis=0).var() / 500
    both = right_SN.var(axis=0, ddof=1).mean() / 500 / 3
    few, many = stats.t.ppf(0.975, 2) ** 2, stats.t.ppf(0.975, 499) ** 2
    half = (many * (by_image + max(by_seed - both, 0)) + (few - many) * max(by_seed - both / 2, 0)) ** 0.5
    assert found.accuracy.mean == pytest.approx(right_SN.mean())
    assert found.accuracy.half == pytest.approx(half, rel=0.01)
    assert (found.asked, found.cost, found.image_passes, found.state) == (1000, 1.0, 5000, "done")


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_of_records_makes_no_difference(shuffler: random.Random) -> None:
    """Any order gives the same leaderboard, to the last digit."""
    records = some_records()
    shuffler.shuffle(records)
    assert build(records) == BOARD
    assert as_text(build(records)) == as_text(BOARD)


def test_only_equal_knowledge_is_ranked_together() -> None:
    """Images of the domain and pretrained weights open groups of their own; baselines have no rank."""
    played = [
        *seeds("npdd-sl", 0.8),
        *seeds("npdd-sl", 0.6, copycat="vgg16"),
        *seeds("npdd-sl+pdd-sl", 0.9),
        *seeds("pdd-sl", 0.5),
        *seeds("npdd-sl", 0.9, pretrained="require", weights_digest=digest("weights")),
        *seeds("odd-ol", 0.94),
        *seeds("untrained", 0.1),
    ]
    ranks: dict[str, list[tuple[str, str | None]]] = {}
    for each in build(played).tables[0].rows:
        ranks.setdefault(each.group, []).append((each.regime, each.rank))
    assert ranks == {
        NATURAL: [("npdd-sl", "1"), ("npdd-sl", "2")],
        DOMAIN: [("npdd-sl+pdd-sl", "1"), ("pdd-sl", "2")],
        f"{NATURAL}, starts from pretrained weights": [("npdd-sl", "1")],
        BASELINES: [("untrained", None), ("odd-ol", None)],
    }


def test_a_hole_is_not_a_zero() -> None:
    """No mean and no rank over incomplete seeds; the three words, and why."""
    part = row(BOARD, copycat=LONG, budget=20_000)
    assert (part.state, part.rank, part.relative, part.macro_f1, part.asked) == ("incomplete", None, None, None, None)
    assert of_target(part) == "2 of 3 seeds"
    none = row(BOARD, copycat=LONG, budget=1000)
    assert (none.state, none.rank, of_target(none)) == ("failed", None, "failed")
    assert [(hole.word, hole.sentence, len(hole.records)) for hole in none.holes] == [
        ("failed", "loss not finite at epoch 3", 3)
    ]


def test_three_words_for_holes() -> None:
    """Missing data, failed and not run are told apart; a mix says how many seeds are done."""
    planned = [cell(seed=seed, copycat=name) for name in ("a", "b", "c", "d", "e") for seed in range(2)]
    played = [
        *[failed(each, "no images", status="data missing") for each in planned[0:2]],
        *[failed(each, "process ended", status="crashed") for each in planned[2:4]],
        failed(planned[6], "x"),
        record(planned[8]),
    ]
    board = build(played, planned)
    assert [(each.copycat, each.state, of_target(each)) for each in board.tables[0].rows] == [
        ("a", "missing data", "missing data"),
        ("b", "failed", "failed"),
        ("c", "not run", "not run"),
        ("d", "incomplete", "0 of 2 seeds"),
        ("e", "incomplete", "1 of 2 seeds"),
    ]
    text = as_text(board, 200)
    assert (
        f"crashed: b npdd-sl 1,000 (records {planned[2].digest[:8]}…, {planned[3].digest[:8]}…): process ended" in text
    )
    assert "not run: d npdd-sl 1,000, e npdd-sl 1,000: 1 of 2 seeds" in text


def test_missing_data_found_since_is_not_shown() -> None:
    """A record of missing data is superseded by one with the same names and the data's digests."""
    bare = cell(tdd_digest=None, pool_digest=None)
    board = build([failed(bare, "no images", status="data missing"), record(cell())])
    assert [(table.pool, len(table.rows), table.rows[0].state) for table in board.tables] == [("natural", 1, "done")]
    lonely = build([failed(bare, "no images", status="data missing")])
    assert lonely.tables[0].rows[0].state == "missing data"
    assert "TDD missing" in as_text(lonely)


def test_a_plan_shows_only_its_cells() -> None:
    """With planned cells, records of other cells do not take part, and what is not run is a row."""
    planned = [cell(seed=seed, budget=budget) for budget in (1000, 2000) for seed in range(3)]
    board = build([*seeds("npdd-sl", 0.9), *seeds("npdd-sl", 0.8, copycat="vgg16")], planned)
    assert [(each.copycat, each.budget, each.state) for each in board.tables[0].rows] == [
        ("resnet18", 1000, "done"),
        ("resnet18", 2000, "not run"),
    ]


def test_rows_of_the_same_names_are_told_apart() -> None:
    """Another version of a recipe, of the test set or of an oracle is not averaged with the first."""
    played = [*seeds("npdd-sl", 0.9), *seeds("npdd-sl", 0.5, recipe_digest=digest("paper, edited"))]
    rows = build(played).tables[0].rows
    assert len({each.variant for each in rows} - {None}) == 2
    assert f"resnet18 ({rows[0].variant})" in as_text(build(played))
    twice = build([*seeds("npdd-sl", 0.9), *seeds("npdd-sl", 0.5, tdd_digest=digest("tdd.v2"))])
    assert len(twice.tables) == 2
    assert f"TDD {digest('tdd.v2')[:6]}, oracle {digest('lenet')[:6]}" in as_text(twice, 200)


def test_transfer_sets_say_why_a_score_is_low() -> None:
    """Entropy, classes seen and the names of those never seen; poor ones are warned of."""
    text = as_text(BOARD, 120)
    assert "random transfer set of 20,000: entropy 1.00, 10 of 10 classes seen; labels per class" in text
    assert "warning: random transfer set of 1,000: entropy .84, 8 of 10 classes seen (never: two, seven)" in text
    flat = build([record(cell(seed=0), 0.3, never_seen=(1, 2, 3, 4, 5, 6, 7))])
    assert "3 of 10 classes seen (never: one, two, three, four and 3 more)" in as_text(flat, 200)
    assert "Expect a poor copy: try another pool" in " ".join(as_text(flat, 200).split())
    assert "Expect a poor copy" not in as_text(build([record(cell(seed=0), 0.3)]))


def test_a_class_with_few_labels_foretells_a_poor_copy() -> None:
    """1,000 labels over 9 of 10 classes are 111 each; 49 of one class are too few to learn it."""
    whole = record(cell(seed=0), 0.3)
    scarce = whole.transfer_sets[0].model_copy(update={"counts_per_class": (49, *[105] * 9)})
    line = build([whole.model_copy(update={"transfer_sets": (scarce,)})]).tables[0].transfer_sets[0]
    assert (line.poor, line.few, line.never) == (True, ("zero",), ())


def test_a_copycat_that_never_says_a_class_is_named() -> None:
    """Class three is never said by the copycat of seed 1, nor by an untrained one, of which nobody expects it."""
    played = [
        silent_on_three(record(cell(seed=seed), 0.9)) if seed == 1 else record(cell(seed=seed)) for seed in (0, 1)
    ]
    board = build([*played, silent_on_three(record(cell("untrained", seed=0), 0.9))])
    assert "resnet18 npdd-sl 1,000 never says three (seed 1)" in as_text(board, 120)
    assert as_text(board, 120).count("never says") == 1
    assert "never says three" in as_markdown(board)
    assert "never says three" in as_csv(board)


def silent_on_three(of: Record) -> Record:
    """The record with the copycat's labels "three" turned into "four"."""
    truth_N, target_N, copycat_N = of.labelling.arrays()  # type: ignore[union-attr]
    copycat_N = np.where(copycat_N == 3, 4, copycat_N)
    changed = {
        "copycat": score(truth_N, copycat_N, 10),
        "labelling": Labelling.of(truth_N, target_N, copycat_N),
    }
    return of.model_copy(update=changed)


def test_only_a_first_that_is_alone_is_bold() -> None:
    """A clear winner stands in bold; two that tie do not."""
    clear = build([*seeds("npdd-sl", 0.9, copycat="good"), *seeds("npdd-sl", 0.5, copycat="bad")])
    tied = build([*seeds("npdd-sl", 0.9, copycat="good"), *seeds("npdd-sl", 0.9, copycat="same")])
    assert [line for line in as_markdown(clear).splitlines() if "**" in line and "good" in line]
    assert not [line for line in as_markdown(clear).splitlines() if "**" in line and "bad" in line]
    assert not [line for line in as_markdown(tied).splitlines() if line.startswith("| **")]


def test_original_labels_are_no_transfer_set() -> None:
    """What was not bought from the oracle says nothing about why a copycat is poor."""
    bought = record(cell("pdd-sl"))
    given = record(cell("pdd-ol")).model_copy(update={"transfer_sets": bought.transfer_sets})
    assert len(build([bought, given]).tables[0].transfer_sets) == 1
    assert build([given]).tables[0].transfer_sets == ()


def test_stand_ins_are_marked_everywhere() -> None:
    """Stand-in data is said on screen, in Markdown, CSV and JSON; real data is not."""
    for text in (as_text(BOARD), as_markdown(BOARD)):
        assert "STAND-IN DATA, not to be compared with published numbers" in text
    assert "tdd: builtin digits/tdd v1" in as_csv(BOARD)
    assert json.loads(as_json(BOARD))["tables"][0]["stand_ins"]
    real = build([record(cell(seed=seed), 0.9, stand_in=False) for seed in range(2)])
    assert "stand-in" not in (as_text(real) + as_markdown(real)).lower()


def test_target_that_differs_between_records_is_warned_of() -> None:
    """One oracle on one test set has one score; two are worth a warning."""
    first, second = record(cell()), record(cell(seed=1))
    assert second.target is not None
    other = second.model_copy(update={"target": second.target.model_copy(update={"macro_f1": 0.5})})
    assert "the target's macro-F1 differs between records: 0.5000 to 0.9500" in as_text(build([first, other]), 120)


def test_warnings_and_unreadable_files_are_shown() -> None:
    """What a record warns of, and what the ledger could not read, is on the page."""
    warned = record(cell()).model_copy(update={"warnings": ("CUDA fell back to the CPU",)})
    board = build([warned], unreadable=["x.json: torn or changed. It counts as not run."])
    for text in (as_text(board), as_markdown(board)):
        assert "warning: CUDA fell back to the CPU" in text
        assert "unreadable: x.json: torn or changed. It counts as not run." in text


def test_oracles_of_other_image_sizes_are_compared_over_the_same_pool() -> None:
    """A pool decoded to another size has another digest, and is still the same pool."""
    small = seeds("npdd-sl", 0.9, oracle="a")
    large = seeds("npdd-sl", 0.5, oracle="b", problem="larger", pool_digest=digest("natural at 48 px"))

    found = [(each.rank, each.name, each.settings_done, each.settings) for each in build([*small, *large]).oracles]

    assert [(rank, done, of) for rank, _, done, of in found] == [("1", 1, 1), ("2", 1, 1)]
    assert [name.rpartition(" ")[2] for _, name, _, _ in found] == ["a", "b"]


def test_copycats_and_oracles_are_ranked_over_equal_settings() -> None:
    """A mean only over everything that the others of the group have too."""
    played = [
        *seeds("npdd-sl", 0.9, oracle="a"),
        *seeds("npdd-sl", 0.5, oracle="b"),
        *seeds("npdd-sl", 0.6, oracle="a", copycat="vgg16"),
        *seeds("npdd-sl", 0.4, oracle="b", copycat="vgg16"),
        *seeds("npdd-sl", 0.99, oracle="a", copycat="only_one"),
    ]
    board = build(played)
    found = [
        (each.rank, each.name, each.settings_done, each.settings, each.relative is None) for each in board.copycats
    ]
    assert found == [
        ("1", "resnet18", 2, 2, False),
        ("2", "vgg16", 2, 2, False),
        (None, "only_one", 1, 2, True),
    ]
    first = board.copycats[0].relative
    rows = [each.relative for table in board.tables for each in table.rows if each.copycat == "resnet18"]
    assert first is not None
    assert first.mean == pytest.approx(sum(each.mean for each in rows if each) / 2)
    assert [(each.name, each.settings_done, each.settings) for each in board.oracles] == [
        ("digits10 · a", 3, 3),
        ("digits10 · b", 2, 3),
    ]


def test_records_computed_in_other_number_formats_are_told() -> None:
    """A seed in bf16 beside seeds in float32 is a warning below the table."""
    played = seeds("npdd-sl", 0.9)
    formats = ["float32", "float32", "bf16 autocast"]
    told = [
        each.model_copy(
            update={
                "training": tuple(
                    stage.model_copy(update={"decisions": {"precision": number_format}}) for stage in each.training
                )
            }
        )
        for each, number_format in zip(played, formats, strict=True)
    ]
    (mixed,), (alike,) = build(told).tables, build(told[:2]).tables
    assert ["bf16 autocast" in warning for warning in mixed.warnings] == [True]
    assert alike.warnings == ()


def test_standings_show_absolute_scores_and_the_floor() -> None:
    """A mean of ratios stands beside the copies' own scores, and beside what the same nets have untrained."""
    played = [
        *seeds("npdd-sl", 0.9, oracle="a"),
        *seeds("npdd-sl", 0.5, oracle="b"),
        *seeds("untrained", 0.3, oracle="a"),
        *seeds("untrained", 0.1, oracle="a", copycat="vgg16"),
    ]
    board = build(played)
    rows = {(table.oracle, row.copycat, row.regime): row for table in board.tables for row in table.rows}
    floors = [rows["a", copycat, "untrained"].relative for copycat in ("resnet18", "vgg16")]
    first, second = board.oracles

    assert first.macro_f1 == pytest.approx(rows["a", "resnet18", "npdd-sl"].macro_f1.mean)  # type: ignore[union-attr]
    assert first.untrained == pytest.approx(sum(each.mean for each in floors if each) / 2)
    assert second.untrained is None
    text = as_text(board, 80)
    assert f"{100 * first.untrained:.1f} %" in next(line for line in text.splitlines() if "digits10 · a  " in line)
    assert f"| {100 * first.untrained:.1f} % |" in as_markdown(board)


def test_rows_without_a_pool_count_once_in_standings() -> None:
    """A PDD-SL row stands in the tables of two pools and is one setting."""
    other = {"pool": "other", "pool_digest": digest("other")}
    played = [
        each
        for name in ("resnet18", "vgg16")
        for each in (
            *seeds("npdd-sl+pdd-sl", 0.9, copycat=name),
            *seeds("npdd-sl+pdd-sl", 0.9, copycat=name, **other),
            *seeds("pdd-sl", 0.5, copycat=name),
        )
    ]
    assert {each.settings for each in build(played).copycats} == {3}


def test_one_seed_is_said_to_have_no_interval() -> None:
    """Ranks over one seed are an order and the title says so."""
    board = build([record(cell()), record(cell(copycat="vgg16"), 0.5)])
    assert "1 seed: no intervals, ranks are an order only" in as_text(board, 200)
    assert "±" not in as_text(board, 200).split("\n±")[0]


def lines_of(width: int) -> list[str]:
    """The text's lines at a width."""
    return as_text(BOARD, width).split("\n")


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_text_keeps_to_its_width(width: int) -> None:
    """No line is wider than the terminal, no number is cut and every row is one line."""
    lines = lines_of(width)
    assert max(cell_len(line) for line in lines) <= width
    tops = [line for line in lines if "resnet18" in line and "npdd-sl " in line and "20,000" in line and "%" in line]
    assert len(tops) == 2
    assert all("98." in line or "97." in line for line in tops)


def test_narrow_text_drops_columns_and_wide_text_has_them() -> None:
    """At 80 the essential columns stay; at 200 everything is there with intervals."""
    narrow, wide = lines_of(80), lines_of(200)
    heads = [next(line for line in lines if "copycat" in line) for lines in (narrow, wide)]
    assert heads[0].split() == ["copycat", "regime", "budget", "macro-F1", "of", "target"]
    assert heads[1].split() == [*heads[0].split(), "agreement", "accuracy", "mean", "recall", "asked", "cost"]
    assert "…" in next(line for line in narrow if "vit_tiny" in line)
    assert any(LONG in line for line in wide)
    assert any("20,200" in line and "$20" in line for line in wide)


def test_what_the_width_cost_is_named_with_the_way_to_see_it() -> None:
    """Dropped columns and shortened ones stand in a line below the table; where all fit there is no such line."""
    few = build(seeds("npdd-sl", 0.9))
    tight, narrow, wide = (" ".join(as_text(few, width).split()) for width in (60, 80, 200))

    assert "no room here for agreement, accuracy, mean recall, cost, ± of macro-F1: widen" in tight
    assert "no room here for accuracy, mean recall, ± of macro-F1: widen the terminal, or --format md or csv" in narrow
    assert "no room here" not in wide
    for word in ("accuracy", "agreement", "asked", "cost"):
        assert word in as_csv(few).partition("\n")[0]
        assert f" {word} |" in as_markdown(few)


def test_varying_axes_get_a_column() -> None:
    """Balance is shown only where rows differ in it."""
    both = [*seeds("npdd-sl", 0.9), *seeds("npdd-sl", 0.8, balance="sqrt")]
    assert "balance" in as_text(build(both))
    assert "balance" not in as_text(build(seeds("npdd-sl", 0.9)))


def test_text_is_plain_unless_color_is_wanted() -> None:
    """No escape sequences in files and pipes."""
    assert "\x1b" not in as_text(BOARD, 100)
    assert "\x1b[" in as_text(BOARD, 100, color=True)


EVIL = ["=cmd()", "+1", "-1", "@x", "[red]x[/red]", "a|b", "<script>x</script>", "\x1b[31mred", "two\nlines", "![x](y)"]


@pytest.mark.parametrize("name", EVIL)
def test_names_cannot_inject(name: str) -> None:
    """A file name is shown as it is: no formula, no markup, no tag, no escape sequence, no further line."""
    board = build([record(cell(oracle=name, copycat=name, seed=seed)) for seed in range(2)])
    text = as_text(board, 120)
    assert "\x1b" not in text
    assert plain(name) in text
    markdown = as_markdown(board)
    assert escape(name) in markdown
    assert "<script" not in markdown
    rows = list(csv.reader(io.StringIO(as_csv(board))))
    assert {len(cells) for cells in rows} == {len(rows[0])}
    assert not any(cells[1].startswith(("=", "+", "-", "@")) for cells in rows[1:])
    assert json.loads(as_json(board))["tables"][0]["oracle"] == name


def test_digests_of_the_records_stand_in_csv_and_markdown() -> None:
    """By seed and in eight digits, as `record` takes them; in the order of the seeds."""
    made = [record(cell(seed=seed), 0.8) for seed in (1, 0)]
    found = build(made)

    wanted = " ".join(f"{seed}:{made[1 - seed].cell.digest[:8]}" for seed in (0, 1))
    assert [line["records"] for line in csv.DictReader(io.StringIO(as_csv(found)))] == [wanted]
    assert wanted in as_markdown(found)


def test_csv_has_one_line_per_row_and_numbers_as_numbers() -> None:
    """Figures read back as they were, holes are empty."""
    lines = list(csv.DictReader(io.StringIO(as_csv(BOARD))))
    assert len(lines) == sum(len(table.rows) for table in BOARD.tables)
    for line, found in zip(lines, (each for table in BOARD.tables for each in table.rows), strict=True):
        assert (float(line["relative"]) if line["relative"] else None) == (
            found.relative.mean if found.relative else None
        )
        assert line["state"] == found.state


def test_json_says_everything_with_a_version() -> None:
    """The JSON document has a schema version, the tables and the standings."""
    document = json.loads(as_json(BOARD))
    assert document["schema_version"] == 2
    assert document["tables"][0]["rows"][0]["relative"]["n"] == 3
    assert {each["name"] for each in document["oracles"]} == {"digits10 · lenet", "digits10 · signs_v3"}


def test_markdown_tables_are_whole() -> None:
    """Every table line has the same number of cells as its head."""
    for block in as_markdown(BOARD).split("\n\n"):
        lines = [line for line in block.split("\n") if line.startswith("|")]
        assert len({line.replace("\\|", "").count("|") for line in lines}) <= 1


@pytest.mark.parametrize("show", [as_text, as_markdown, as_csv, as_json])
def test_nothing_yet_is_said(show: object) -> None:
    """An empty ledger gives a word, not an error."""
    assert show(build([]))  # type: ignore[operator]
    assert "No records yet. Run a suite first." in as_text(build([]))


@pytest.mark.parametrize(
    ("value", "shown"), [(0.9514, ".951"), (1.0, "1.000"), (0.9999, "1.000"), (0.0, ".000"), (None, "–")]
)
def test_shares_read_as_in_print(value: float | None, shown: str) -> None:
    """Numbers below one have no leading zero; a hole is a dash."""
    assert share(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "–"), (0.0, "–"), (0.2, "$0.20"), (22.15, "$22"), (2600.0, "$2,600")]
)
def test_money_reads_as_in_print(value: float | None, shown: str) -> None:
    """Cents only below ten."""
    assert money(value) == shown


def test_a_target_without_score_gives_no_ratio() -> None:
    """Where the target's macro-F1 is 0 the row is done, has no relative performance and no rank."""
    played: Sequence[Record] = seeds("npdd-sl", 0.9)
    zero = [
        each.model_copy(update={"relative": each.relative.model_copy(update={"macro_f1": None})})
        for each in played
        if each.relative
    ]
    found = build(zero).tables[0].rows[0]
    assert (found.state, found.relative, found.rank, of_target(found)) == ("done", None, None, "–")


def test_cells_of_a_row_differ_only_in_their_seed() -> None:
    """The seed is the one field that a row averages over."""
    rows = {len(build([record(cell()), record(cell(**{name: value}))]).tables[0].rows) for name, value in _changes()}
    assert rows == {2}


def _changes() -> list[tuple[str, object]]:
    texts = {"copycat": "x", "recipe": "x", "recipe_digest": digest("x"), "attack": "x", "balance": "sqrt", "budget": 7}
    assert texts.keys() < Cell.model_fields.keys()
    return list(texts.items())


def test_standings_keep_versions_of_a_recipe_apart() -> None:
    """Two recipes of one name are two settings: a copycat that has both is compared in both, nothing is dropped."""
    made = []
    for version in ("v1", "v2"):
        for copycat, right in (("good", 0.9), ("bad", 0.5)):
            made += seeds("npdd-sl", right, copycat=copycat, recipe_digest=digest(version))
    assert [(each.name, each.settings_done, each.settings) for each in build(made).copycats] == [
        ("good", 2, 2),
        ("bad", 2, 2),
    ]


def test_nothing_is_bold_while_a_rival_is_not_done_or_there_is_none() -> None:
    """A first place is worth the word only among rows that are all done."""
    alone = seeds("npdd-sl", 0.9)
    unfinished = [*seeds("npdd-sl", 0.9, copycat="good"), *seeds("npdd-sl", 0.5, count=2, copycat="bad")]
    for played in (alone, unfinished):
        assert not any(row.alone_first for row in build(played).tables[0].rows)
