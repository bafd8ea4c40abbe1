"""Published numbers beside ours: only where everything is the paper's own, and what is said where it is not."""

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from made_up import cell, failed, record
from rich.cells import cell_len
from tiny_sources import opened, png, put

from benchmark import pools, problems, recorder
from benchmark.cell import Cell
from benchmark.images.sources import FolderSource
from benchmark.leaderboard import beside
from benchmark.leaderboard.board import Leaderboard, build
from benchmark.leaderboard.exports import as_csv, as_json, as_markdown
from benchmark.leaderboard.fitting import find
from benchmark.leaderboard.rows import Row
from benchmark.leaderboard.screen import as_text
from benchmark.pools.pool import PoolFile
from benchmark.problems.problem import ROLES, Problem
from benchmark.records import DataUsed, Record
from benchmark.refusals import BadToml
from benchmark.strict_toml import read_toml

PAPER = ("paper-2021",)
COUNTS = {"odd": 45_000, "tdd": 9_000, "pdd": 269_100, "pool": 3_000_000}  # GOC9's of 2021


def goc9(regime: str = "npdd-sl", **other: Any) -> Cell:
    """A cell of GOC9 at a published budget."""
    asks = {"budget": 3_000_000} if regime.startswith("npdd") else {}
    return cell(regime, **{"problem": "goc9", "copycat": "paper_vgg16", **asks, **other})


def own(of: Cell, **changes: Any) -> Record:
    """A record of the cell that used the paper's own images, all of them; `changes` change those of a role."""
    made = record(of, stand_in=False)
    data = [
        each.model_copy(update={"paper": PAPER, "count": COUNTS[each.role], **changes.get(each.role, {})})
        for each in made.data
    ]
    return made.model_copy(update={"data": tuple(data)})


def only_row(records: list[Record]) -> Row:
    """The row of a board that has one."""
    (table,) = build(records).tables
    (row,) = table.rows
    return row


def shown(records: list[Record]) -> str:
    """What the published column shows in the only row."""
    return beside.cell(only_row(records))


def mixed() -> Leaderboard:
    """A table with a comparable row, one of another budget, one of other data, and one of an unpublished regime."""
    found = []
    for seed in range(3):
        found += [own(goc9(seed=seed, copycat="small_vgg")), own(goc9(seed=seed, copycat="small_vgg", budget=4_000))]
        found.append(own(goc9("npdd-sl+pdd-sl", pdd_budget=4_500, seed=seed, copycat="resnet18"), pdd={"count": 4_500}))
        found.append(own(goc9("untrained", seed=seed, copycat="resnet18", pretrained="require")))
    return build(found)


def test_a_row_with_everything_of_the_paper_stands_beside_its_number() -> None:
    assert shown([own(goc9(seed=seed)) for seed in range(3)]) == "98.4 % (.936)"
    assert shown([own(goc9(budget=100_000))]) == "92.6 % (.881)"
    assert shown([own(goc9("npdd-sl+pdd-sl", pdd_budget=269_100))]) == "98.7 % (.939)"
    assert shown([own(goc9("pdd-sl", pdd_budget=269_100))]) == "94.4 % (.898)"
    assert shown([own(goc9("pdd-ol"))]) == "85.3 % (.812)"
    assert shown([own(goc9("untrained", pretrained="require"))]) == "11.3 % (.108)"
    assert shown([own(goc9("untrained", weights_digest="a" * 64))]) == "11.3 % (.108)"


def test_an_untrained_net_with_random_weights_is_another_start() -> None:
    assert shown([own(goc9("untrained"))]) == "other start"
    assert shown([own(goc9("untrained"), tdd={"paper": ()})]) == "other data"


@pytest.mark.parametrize(
    "changes",
    [
        {"tdd": {"stand_in": True}},
        {"tdd": {"paper": ()}},
        {"tdd": {"paper": ("paper-2018",)}},
        {"tdd": {"count": 8_999}},
        {"pdd": {"paper": ()}},
        {"pdd": {"count": 4_500}},
        {"pdd": {"stand_in": True}},
        {"pool": {"paper": ()}},
        {"pool": {"paper": ("paper-2018", "framework-2022", "paper-2020")}},
        {"pool": {"stand_in": True}},
    ],
)
def test_one_role_that_is_not_the_papers_own_is_other_data(changes: dict[str, Any]) -> None:
    of = goc9("npdd-sl+pdd-sl", pdd_budget=269_100)
    assert shown([own(of)]) == "98.7 % (.939)"
    assert shown([own(of, **changes)]) == "other data"


@pytest.mark.parametrize("left_out", ["tdd", "pdd", "pool"])
def test_a_record_that_does_not_say_where_a_role_comes_from_is_other_data(left_out: str) -> None:
    whole = own(goc9("npdd-sl+pdd-sl", pdd_budget=269_100))
    less = whole.model_copy(update={"data": tuple(each for each in whole.data if each.role != left_out)})
    assert shown([less]) == "other data"


def test_one_seed_with_other_images_marks_the_whole_row() -> None:
    seeds = [own(goc9(seed=0)), own(goc9(seed=1), pool={"paper": ()}), own(goc9(seed=2))]
    assert shown(seeds) == "other data"
    assert shown(seeds[::2]) == "98.4 % (.936)"


def test_records_from_before_the_key_are_other_data() -> None:
    old = json.loads(own(goc9()).model_dump_json())
    for used in old["data"]:
        del used["paper"]
    assert shown([Record.model_validate_json(json.dumps(old))]) == "other data"


@pytest.mark.parametrize("budget", [4_000, 99_999, 2_000_000, 3_420_662])
def test_another_budget_is_said_and_no_number_is_shown(budget: int) -> None:
    assert shown([own(goc9(budget=budget))]) == "other budget"


def test_fewer_images_of_the_domain_are_another_budget() -> None:
    assert shown([own(goc9("pdd-sl", pdd_budget=269_099))]) == "other budget"


def test_a_regime_that_nobody_published_has_a_dash() -> None:
    of = goc9("odd-ol", problem="scc2")
    assert find(of, own(of).data) == find(of, ())
    assert shown([own(of)]) == "–"


def test_copies_by_the_same_architecture_come_first() -> None:
    assert shown([own(goc9(copycat="paper_alexnet"))]) == "91.0 % (.866)"
    assert shown([own(goc9(copycat="paper_vgg16"))]) == "98.4 % (.936)"
    fit = only_row([own(goc9(copycat="paper_alexnet"))]).published
    assert fit is not None
    assert [(each.copycat_net, each.source) for each in fit.found] == [
        ("alexnet", "paper-2021"),
        ("vgg16", "paper-2021"),
    ]


def test_another_metric_finds_its_own_numbers() -> None:
    of = goc9("pdd-sl", pdd_budget=269_100)
    fit = find(of, own(of).data, "micro-F1")
    assert fit is not None
    assert [(each.value, each.metric) for each in fit.found] == [(0.898222, "micro-F1")]


def test_the_framework_compares_with_its_own_images_only() -> None:
    of = goc9(budget=100_000)
    theirs = own(of, tdd={"paper": ("framework-2022",)}, pool={"paper": ("framework-2022",), "count": 100_000})
    assert shown([theirs]) == "94.0 %"
    both = ("paper-2021", "framework-2022")
    assert shown([own(of, tdd={"paper": both}, pool={"paper": ("framework-2022",)})]) == "94.0 %"


def test_a_service_that_nobody_else_can_attack_is_another_target() -> None:
    of = goc9(problem="msapi7", budget=3_420_588)
    papers = {"paper": ("paper-2018", "paper-2021"), "count": 1_236}
    assert shown([own(of, tdd=papers, pool={"paper": ("paper-2018",)})]) == "other target"


def test_a_bound_is_shown_as_a_bound() -> None:
    of = goc9(problem="scc2", budget=3_420_662)
    theirs = {"paper": ("paper-2018",)}
    assert shown([own(of, tdd={**theirs, "count": 21_301}, pool=theirs)]) == "at least 93.7 %"


def test_rows_without_a_record_have_a_dash() -> None:
    assert shown([failed(goc9(), "no images").model_copy(update={"data": ()})]) == "–"


def test_problems_that_nobody_published_have_no_column_at_all() -> None:
    board = build([record(cell(seed=seed)) for seed in range(2)])
    for text in (as_text(board, 200), as_markdown(board)):
        assert "published" not in text.replace("published numbers", "")
    (line,) = csv.DictReader(io.StringIO(as_csv(board)))
    assert (line["comparable"], line["published"], line["published_source"]) == ("", "", "")


def test_the_screen_has_the_column_and_one_line_with_the_papers_curve() -> None:
    text = as_text(mixed(), 120)
    lines = text.splitlines()
    start = next(line for line in lines if "published" in line).index("published") - 10
    rows = [line for line in lines if "resnet18" in line or "small_vgg" in line]
    assert [row[start : start + 19].strip() for row in rows] == [
        "98.4 % (.936) vgg16",
        "other budget",
        "other data",
        "11.3 % (.108) vgg16",
    ]
    flowing = " ".join(text.split())
    assert (
        "published on the paper's own images (which only some rows here have): target .952; untrained 11.3 % (.108); "
        "npdd-sl 0.1M 92.6 % (.881), 0.5M 96.5 % (.918), 1M 97.3 % (.926), 1.5M 97.6 % (.929), 3M 98.4 % (.936); "
        "npdd-sl+pdd-sl 0.1M 95.7 % (.910), 0.5M 97.4 % (.926), 1M 98.1 % (.933), 1.5M 98.2 % (.935), 3M 98.7 % (.939) "
        "(Pattern Recognition 2021, GOC9, vgg16 copied by vgg16, 03-data_curve-VGG/data.csv)"
    ) in flowing
    assert "published: the source's copycat over the source's target" in flowing


def test_stand_ins_stand_above_a_curve_that_says_not_these() -> None:
    board = build([record(goc9(budget=4_000)), record(goc9("pdd-sl"))])
    flowing = " ".join(as_text(board, 100).split())
    assert "STAND-IN DATA, not to be compared with published numbers" in flowing
    assert "published on the paper's own images (not these): target .952; npdd-sl 0.1M 92.6 %" in flowing
    assert "; pdd-sl 94.4 % (.898) (Pattern Recognition 2021" in flowing
    assert "untrained" not in flowing


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = as_text(mixed(), width).splitlines()
    assert max(cell_len(line) for line in lines) <= width
    head = next(line for line in lines if "macro-F1" in line and "regime" in line)
    flowing = " ".join(" ".join(lines).split())
    assert ("published" in head.split()) != ("no room here for published" in flowing)


def test_markdown_has_the_column_and_the_curve() -> None:
    text = as_markdown(mixed())
    assert "| of target | published | agreement |" in text
    assert "| 98.4 % (.936) vgg16 |" in text
    assert "- published on the paper's own images (which only some rows here have): target .952" in text
    for block in text.split("\n\n"):
        assert len({line.count("|") for line in block.split("\n") if line.startswith("|")}) <= 1


def test_csv_has_published_numbers_only_where_they_are_comparable() -> None:
    lines = {(each["regime"], each["budget"]): each for each in csv.DictReader(io.StringIO(as_csv(mixed())))}
    fits = lines["npdd-sl", "3000000"]
    assert (fits["comparable"], fits["published_macro_f1"], fits["published_target"]) == ("yes", "0.936214", "0.951649")
    assert float(fits["published"]) == pytest.approx(0.936214 / 0.951649)
    assert (fits["published_budget"], fits["published_at_least"]) == ("3000000", "false")
    assert fits["published_source"] == "paper-2021, 03-data_curve-VGG/data.csv, vgg16 copied by vgg16"
    for key, word in ((("npdd-sl", "4000"), "other budget"), (("npdd-sl+pdd-sl", "3000000"), "other data")):
        assert lines[key]["comparable"] == word
        assert {value for name, value in lines[key].items() if name.startswith("published")} == {""}


def test_json_has_what_fits_and_what_is_for_orientation() -> None:
    (table,) = json.loads(as_json(mixed()))["tables"]
    fits = [row["published"] for row in table["rows"] if row["published"]["comparable"] == "yes"]
    assert [fit["found"][0]["value"] for fit in fits] == [0.936214, 0.107583]
    assert {each["regime"] for each in table["published"]} == {"untrained", "npdd-sl", "npdd-sl+pdd-sl"}


def test_the_older_paper_speaks_where_it_says_more() -> None:
    """Of the emotion service the 2021 paper has a curve of one regime, the 2018 paper three regimes."""
    regimes = ("npdd-sl", "npdd-sl+pdd-sl", "pdd-sl")
    both = build([record(goc9(regime, problem="msapi7", budget=9 * ("npdd" in regime))) for regime in regimes])
    assert {each.source for each in both.tables[0].published} == {"paper-2018"}
    one = build([record(goc9(problem="msapi7"))])
    assert {each.source for each in one.tables[0].published} == {"paper-2021"}


def test_no_pool_and_no_drawing_of_ours_counts_as_a_papers() -> None:
    """Tiny-ImageNet is not what the papers asked; and what is drawn, limited or a stand-in is nobody's own."""
    assert {source.paper for name in pools.names() for source in pools.load_pool(name).sources} == {()}
    for name in problems.names():
        loaded = problems.load_problem(name)
        for source in (each for role in ROLES for each in loaded.sources(role)):
            assert not source.paper or not (source.stand_in or source.limit or source.kind == "builtin")


BASE = 'about = "a"\nclasses = ["cat", "dog"]\nsize = 4\n[[tdd]]\n'


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('kind = "folder"\npath = "x"\npaper = ["paper-2012"]', "'paper-2012' is no published source; known are"),
        ('kind = "folder"\npath = "x"\npaper = ["paper-2021"]\nstand_in = true', "but they are a stand-in"),
        ('kind = "folder"\npath = "x"\npaper = ["paper-2021"]\nlimit = 5', "but they are picked by a limit"),
        ('kind = "builtin"\nrenderer = "digits"\nstyle = "tdd"\ncount = 9\npaper = ["paper-2021"]', "are a stand-in"),
        ('kind = "folder"\npath = "x"\npaper = "paper-2021"', "should be a list"),
    ],
)
def test_a_source_that_claims_too_much_is_refused(tmp_path: Path, said: str, why: str) -> None:
    path = tmp_path / "pets.toml"
    path.write_text(BASE + said, encoding="utf-8")
    with pytest.raises(BadToml) as refused:
        read_toml(path, Problem, name="pets")
    assert why in str(refused.value)


def test_a_pool_may_say_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "imagenet.toml"
    path.write_text(
        'about = "a"\n[[sources]]\nkind = "folder"\npath = "x"\npaper = ["framework-2022"]', encoding="utf-8"
    )
    assert read_toml(path, PoolFile, name="imagenet").sources[0].paper == ("framework-2022",)


def test_whose_images_they_are_is_read_anew_and_nothing_is_decoded_again(tmp_path: Path) -> None:
    for name in ("cat/a.png", "dog/b.png"):
        put(tmp_path / "data/pets" / name, png(7))
    before = opened(FolderSource(path="pets"), tmp_path)
    after = opened(FolderSource(path="pets", paper=PAPER), tmp_path)
    assert (before.paper, after.paper, opened(FolderSource(path="pets"), tmp_path).paper) == ((), PAPER, ())
    assert before.folder == after.folder
    used = recorder._used(cell(), SimpleNamespace(taken_out=lambda *_: ()), "tdd", after)  # type: ignore[arg-type]
    assert used == DataUsed(
        role="tdd", source="folder pets", stand_in=False, paper=PAPER, digest=after.manifest.digest, count=2
    )


def test_a_published_number_of_another_net_says_which() -> None:
    """Beside a net of ours the paper's is named; so is AlexNet's baseline in the line of VGG16's curve."""
    assert shown([own(goc9(copycat="small_vgg"))]) == "98.4 % (.936) vgg16"
    (table,) = build([own(goc9())]).tables
    assert "odd-ol" not in (beside.line(table) or "")
    (table,) = build([own(goc9()), own(goc9("odd-ol"))]).tables
    assert "; odd-ol of alexnet 95.5 % (.909)" in (beside.line(table) or "")
