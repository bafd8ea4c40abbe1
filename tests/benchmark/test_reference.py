"""The published numbers: whole, in agreement with themselves and with what is worked out by hand, nothing invented."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark import problems
from benchmark.reference import Published, load_source, names, published, sources
from benchmark.reference.results import FOLDER
from benchmark.refusals import BadToml, UnknownName

FACTS = Path(__file__).resolve().parents[3] / "shared" / "FACTS.md"
SEVEN = ("act101", "dig10", "fer7", "goc9", "ped2", "shn10", "sig30")
CURVE = (100_000, 500_000, 1_000_000, 1_500_000, 3_000_000)

SMALL = """
kind = "paper"
short = "A paper"
title = "A paper"
authors = "A. Author"
where = "nowhere"

[problems]
digits = { printed = "DIG", ours = ["digits10"], tdd = 100 }

[[tables]]
table = "table 1"
regime = "npdd-sl"
budgets = [10, 20]

[tables.problems]
digits = { target = 0.8, values = [0.4, 0.6], percents = [50.0, 75.0] }
"""


def one(**wanted: object) -> Published:
    """The one published number with these values."""
    found = [each for each in published() if all(getattr(each, name) == value for name, value in wanted.items())]
    assert len(found) == 1, found
    return found[0]


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """The small source with one place changed."""
    assert SMALL.count(old) == 1
    path = tmp_path / "small.toml"
    path.write_text(SMALL.replace(old, new), encoding="utf-8")
    return path


def test_papers_come_first_and_the_newest_of_them_before_the_others() -> None:
    assert [source.name for source in sources()] == ["paper-2021", "paper-2018", "framework-2022", "replication"]
    assert names() == sorted(source.name for source in sources())


@pytest.mark.parametrize("name", names())
def test_every_printed_percentage_follows_from_the_absolute_numbers(name: str) -> None:
    checked = 0
    for table in load_source(name).tables:
        unit = 0.5 * 10**-table.digits
        for row in table.problems.values():
            for value, percent in zip(row.values, row.percents, strict=bool(row.values and row.percents)):
                assert row.target is not None
                assert 100 * value / row.target == pytest.approx(percent, abs=0.05 + 1e-6)
                checked += 1
            for value, percent in zip(row.values, row.percents_of_baseline, strict=bool(row.percents_of_baseline)):
                assert row.baseline is not None
                assert 100 * value / row.baseline == pytest.approx(percent, abs=0.05 + 1e-6)
                checked += 1
            for value, ratio in zip(row.values, row.ratios, strict=bool(row.ratios)):
                assert row.target is not None
                assert (
                    (value - unit) / (row.target + unit) - unit <= ratio <= (value + unit) / (row.target - unit) + unit
                )
                checked += 1
    assert (
        checked
        >= {"paper-2018": 3, "paper-2021": 7 * 11 + 12 + 14 + 3 + 6 + 7, "framework-2022": 2, "replication": 1}[name]
    )


def test_the_curves_of_2021_have_every_problem_and_budget() -> None:
    curve = "03-data_curve-VGG/data.csv"
    for problem in SEVEN:
        for regime in ("npdd-sl", "npdd-sl+pdd-sl"):
            found = [
                each
                for each in published()
                if (each.source, each.table, each.problem, each.regime) == ("paper-2021", curve, problem, regime)
            ]
            assert tuple(each.budget for each in found) == CURVE
    assert {each.problem for each in published() if each.table == curve and each.regime == "untrained"} == set(SEVEN)


@pytest.mark.parametrize(
    ("wanted", "value", "target", "percent"),
    [
        (
            {"problem": "goc9", "regime": "npdd-sl", "budget": 3_000_000, "copycat_net": "vgg16"},
            0.936214,
            0.951649,
            98.4,
        ),
        ({"problem": "act101", "regime": "npdd-sl+pdd-sl", "budget": 1_500_000}, 0.664603, 0.691840, 96.1),
        ({"problem": "sig30", "regime": "pdd-sl", "metric": "macro-F1"}, 0.824998, 0.979229, 84.2),
        ({"problem": "shn10", "regime": "pdd-sl", "metric": "micro-F1"}, 0.911598, 0.923349, 98.7),
        (
            {"problem": "ped2", "copycat_net": "alexnet", "regime": "npdd-sl", "metric": "macro-F1"},
            0.977178,
            0.998809,
            97.8,
        ),
        (
            {"problem": "dig10", "copycat_net": "alexnet", "regime": "odd-ol", "metric": "micro-F1"},
            0.9902,
            0.9956,
            99.5,
        ),
        ({"table": "05-robustness-FER7-VGG, results.txt of run 2", "metric": "macro-F1"}, 0.882866, 0.899783, 98.1),
    ],
)
def test_numbers_of_2021_are_those_of_its_files(
    wanted: dict[str, Any], value: float, target: float, percent: float
) -> None:
    found = one(source="paper-2021", **wanted)
    assert (found.value, found.target) == (value, target)
    assert 100 * found.relative == pytest.approx(percent, abs=0.05)


def test_the_service_of_2018_keeps_its_printed_ratios() -> None:
    for regime, value, ratio in (("npdd-sl", 0.341, 0.973), ("npdd-sl+pdd-sl", 0.348, 0.992), ("pdd-sl", 0.354, 1.008)):
        found = one(source="paper-2018", problem="msapi7", regime=regime, at_least=False)
        assert (found.value, found.target, found.relative) == (value, 0.351, ratio)


def test_what_an_abstract_only_bounds_is_said_to_be_a_bound() -> None:
    bounds = [each for each in published() if each.at_least]
    assert {(each.problem, each.regime, each.relative) for each in bounds} == {
        *((name, "npdd-sl", 0.937) for name in ("fer7", "goc9", "scc2")),
        *((name, "npdd-sl+pdd-sl", 0.986) for name in ("fer7", "goc9", "scc2")),
        ("msapi7", "npdd-sl", 0.973),
    }
    assert {each.value for each in bounds} == {None}
    assert one(at_least=True, problem="fer7", regime="npdd-sl").budget == 3_420_654


@pytest.mark.parametrize(
    ("problem", "first_class", "images", "classes"),
    [("fer7", 309, 1_236, 7), ("dig10", 980, 10_000, 10), ("shn10", 2_604, 26_040, 10)],
)
def test_untrained_copies_that_say_one_class_have_the_score_of_such_a_net(
    problem: str, first_class: int, images: int, classes: int
) -> None:
    """Precision is the first class's share, recall 1, and the other classes have F1 0."""
    precision = first_class / images
    by_hand = 2 * precision / (1 + precision) / classes
    assert one(source="paper-2021", problem=problem, regime="untrained").value == pytest.approx(by_hand, abs=5e-7)


def test_the_curve_of_the_service_has_its_costs_and_its_absolute_numbers() -> None:
    found = [each for each in published("msapi7") if each.source == "paper-2021"]
    for each in found:
        assert each.value == pytest.approx(each.relative * 0.350942, abs=5.5e-6)
    paid = {each.budget: each.cost for each in found if each.regime == "npdd-sl"}
    by_hand = {budget: min(budget, 1_000_000) / 1000 + 0.8 * max(0, budget - 1_000_000) / 1000 for budget in CURVE}
    assert paid == by_hand


def test_each_bar_of_the_framework_is_one_of_the_runs_of_its_box_plot() -> None:
    tables = load_source("framework-2022").tables
    bars = [table for table in tables if table.table == "Performance_results.svg"]
    boxes = {table.regime: table for table in tables if table.table == "box plots"}
    assert sum(len(table.problems) for table in bars) == 14
    for table in bars:
        for name, row in table.problems.items():
            runs = boxes[table.regime].problems[name].ratio_runs
            assert len(runs) == 3
            assert any(100 * run == pytest.approx(row.percents[0], abs=0.0501) for run in runs)


def test_several_runs_are_one_number_with_their_count() -> None:
    found = one(source="framework-2022", problem="fer7", regime="npdd-sl", table="box plots")
    assert (found.runs, found.relative) == (3, pytest.approx((0.7443 + 0.7685 + 0.7766) / 3))
    assert (found.value, found.target) == (None, None)


def test_a_budget_that_is_not_said_is_none() -> None:
    sample = [each for each in published("mnist") if each.table == "README, sample run"]
    assert [each.budget for each in sample] == [None, None]


def test_problems_here_of_the_same_classes_find_their_numbers() -> None:
    assert {each.problem for each in published("mnist")} == {"dig10"}
    assert {each.problem for each in published("goc9")} == {"goc9"}
    assert published("gtsrb43") == ()
    classes = {"fer7": 7, "goc9": 9, "scc2": 2, "msapi7": 7, "mnist": 10, "dig10": 10, "cifar10": 10}
    assert {name: len(problems.load_problem(name).classes) for name in classes} == classes


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("0.4, 0.6]", "0.4, 0.06]", "digits: 0.06 of 0.8 is 7.50 %, not 75.00 %"),
        ("[10, 20]", "[10, 20, 30]", "digits: a list has not as many entries as there are budgets (3)"),
        ("target = 0.8, ", "", "digits: values without the target's"),
        ("{ target = 0.8, values = [0.4, 0.6], percents = [50.0, 75.0] }", "{ target = 0.8 }", "digits: no number"),
        ("percents =", "percent =", "unknown key 'tables.0.problems.digits.percent'"),
        ("tdd = 100", "tdd = 100, test = 3", "unknown key 'problems.digits.test'"),
        ("title =", "titel =", "unknown key 'titel'. Did you mean 'title'?"),
        ("values = [0.4", "values = [4.0", "it should be at most 1.0"),
        ("npdd-sl", "npdd", "regime"),
        ('[tables.problems]\ndigits', '[tables.problems]\ndigit', "'digit', which [problems] does not have"),
    ],
)  # fmt: skip
def test_a_source_that_contradicts_itself_is_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    with pytest.raises(BadToml) as refused:
        load_source(changed(tmp_path, old, new))
    assert str(refused.value).startswith(f"{tmp_path}/small.toml")
    assert why in str(refused.value)


def test_the_small_source_itself_is_read(tmp_path: Path) -> None:
    source = load_source(changed(tmp_path, "A. Author", "B. Author"))
    assert (source.name, source.authors, source.tables[0].problems["digits"].values) == (
        "small",
        "B. Author",
        (0.4, 0.6),
    )


def test_an_unknown_source_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UnknownName, match="unknown published source 'paper-2020'. Did you mean 'paper-20"):
        load_source("paper-2020")


def leaves(value: object) -> Iterator[float]:
    """All numbers below a value of a TOML file."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in ("year", "digits"):
                yield from leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from leaves(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def numbers_of(text: str) -> set[float]:
    """All numbers of a text; thousands may have commas, a leading zero may be missing."""
    return {float(found.replace(",", "")) for found in re.findall(r"\d{1,3}(?:,\d{3})+|\d*\.\d+|\d+", text)}


@pytest.mark.skipif(not FACTS.exists(), reason="the collection of facts is not here")
def test_no_number_is_invented_and_none_of_the_tables_is_left_out() -> None:
    facts = FACTS.read_text(encoding="utf-8")
    known = numbers_of(facts) | {float(budget) for budget in CURVE} | {50_000.0}  # "50k"
    ours = {float(n) for name in names() for n in leaves(tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8")))}
    assert {n for n in ours if n not in known and round(100 * n, 1) not in known} == set()

    section = facts[facts.index("### 1.2 ") : facts.index("CF README sample run")]
    lines = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| problem")]
    printed = {float(n) for line in lines for n in re.findall(r"(?<![\d.])\.\d{4,}", line)}
    assert len(printed) > 150
    assert printed - ours == set()
