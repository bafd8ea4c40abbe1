"""Suites in parts, and budgets as shares of the pool."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import digest

from benchmark.cell import REGIMES, Cell
from benchmark.refusals import BadToml, PoolTooSmall, Refused, UnknownName
from benchmark.suites.narrowing import narrow
from benchmark.suites.plan import Data, Resolved, cells
from benchmark.suites.suite import Suite, changed, load_suite, renamed

MINE = """
about = "A curve for one net, its end for another."
problems = ["digits10", "faces7"]
seeds = 2
recipe = "quick"
budget_shares = ["1/30", "1/3", 1]

[[part]]
regimes = ["untrained", "npdd-sl", "pdd-sl"]
copycats = ["vgg"]

[[part]]
problems = ["faces7"]
regimes = ["npdd-sl+pdd-sl", "npdd-sl"]
copycats = ["vgg", "alexnet"]
budget_shares = [1]

[[part]]
regimes = ["odd-ol"]
copycats = ["alexnet"]
seeds = 1
"""


def resolved(pool: int = 8000) -> Resolved:
    """Two problems, one oracle each; digits10 has one image less in its pool."""
    problems = ("digits10", "faces7")
    return Resolved(
        roles={(name, role): Data(digest(name + role), 500) for name in problems for role in ("tdd", "pdd", "odd")},
        oracles={name: {f"{name}_v1": digest(name)} for name in problems},
        pools={("digits10", "natural"): Data(digest("a"), pool - 1), ("faces7", "natural"): Data(digest("b"), pool)},
        recipes={"quick": digest("quick")},
    )


def written(folder: Path, text: str = MINE) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return load_suite(written(tmp_path))


def told(cell: Cell) -> tuple[str, str, str, int]:
    return cell.problem, cell.copycat, cell.regime, cell.budget


def test_cells_are_the_union_of_the_parts(suite: Suite) -> None:
    planned = list(cells(suite, resolved()))
    rows = [
        *(("digits10", "vgg", regime, 0) for regime in ("untrained", "pdd-sl")),
        *(("digits10", "vgg", "npdd-sl", budget) for budget in (266, 2666, 7999)),
        *(("faces7", "vgg", regime, 0) for regime in ("untrained", "pdd-sl")),
        *(("faces7", "vgg", "npdd-sl", budget) for budget in (266, 2666, 8000)),
        ("faces7", "vgg", "npdd-sl+pdd-sl", 8000),
        *(("faces7", "alexnet", regime, 8000) for regime in ("npdd-sl", "npdd-sl+pdd-sl")),
    ]
    once = [(problem, "alexnet", "odd-ol", 0) for problem in ("digits10", "faces7")]
    assert sorted(map(told, planned)) == sorted([*rows, *rows, *once])
    assert len({cell.digest for cell in planned}) == len(planned)


def test_order_of_parts_is_cheap_rows_first_and_first_stages_before_second_ones(suite: Suite) -> None:
    planned = list(cells(suite, resolved()))
    assert [cell.problem for cell in planned] == sorted(cell.problem for cell in planned)
    assert planned[0].regime == "untrained"
    for name in suite.problems:
        budgets = [cell.budget for cell in planned if cell.problem == name and cell.budget]
        assert budgets == sorted(budgets)
    found: set[str] = set()
    for cell in planned:
        before = cell.first_stage()
        assert before is None or before.digest in found
        found.add(cell.digest)


def test_the_suite_s_axes_hold_what_any_part_has(suite: Suite) -> None:
    assert suite.copycats == ("vgg", "alexnet")
    assert suite.regimes == ("untrained", "npdd-sl", "pdd-sl", "npdd-sl+pdd-sl", "odd-ol")
    assert [part.seeds for part in suite.part] == [(0, 1), (0, 1), (0,)]
    assert changed(suite, budgets=None) == suite


def test_a_part_that_says_nothing_is_the_suite_without_parts(tmp_path: Path) -> None:
    flat = MINE[: MINE.index("[[part]]")] + 'regimes = ["npdd-sl", "untrained"]\ncopycats = ["vgg"]\n'
    one, two = load_suite(written(tmp_path, flat)), load_suite(written(tmp_path, f"{flat}\n[[part]]\n"))
    assert list(cells(one, resolved())) == list(cells(two, resolved()))


def test_parts_and_shares_are_in_the_digest(tmp_path: Path, suite: Suite) -> None:
    for old, new in (('["untrained", ', '["'), ("seeds = 1", "seeds = [1]"), ('"1/30"', '"1/31"')):
        assert old in MINE
        assert load_suite(written(tmp_path, MINE.replace(old, new, 1).replace('[""', '["'))).digest != suite.digest
    assert load_suite(written(tmp_path, MINE.replace('"1/3"', '"2/6"'))).digest == suite.digest


def test_a_part_s_budgets_take_the_place_of_the_suite_s_shares(tmp_path: Path) -> None:
    mixed = load_suite(written(tmp_path, MINE.replace("budget_shares = [1]\n", "budgets = [100, 7]\n")))
    planned = {told(cell) for cell in cells(mixed, resolved())}
    assert {budget for *_, copycat, _, budget in planned if copycat == "alexnet"} == {0, 7, 100}
    assert ("faces7", "vgg", "npdd-sl", 266) in planned


def test_budgets_of_the_caller_take_the_place_of_all_shares(suite: Suite) -> None:
    planned = list(cells(changed(suite, budgets=(50, 10)), resolved()))
    assert {cell.budget for cell in planned if REGIMES[cell.regime].asks_npdd} == {10, 50}


@given(st.fractions(0, 1).filter(bool), st.integers(1, 5_000_000))
def test_no_share_asks_more_than_is_there(share: object, count: int) -> None:
    suite = Suite(
        name="x",
        about="x",
        problems=("digits10",),
        regimes=("npdd-sl",),
        copycats=("vgg",),
        recipe=("quick",),
        budget_shares=(str(share), "1") if share != 1 else ("1",),
        seeds=(0,),
    )
    there = Resolved(
        roles={},
        oracles={"digits10": {"x": digest("x")}},
        pools={("digits10", "natural"): Data(digest("a"), count)},
        recipes={"quick": digest("quick")},
    )
    budgets = [cell.budget for cell in cells(suite, there)]
    assert budgets[-1] == count
    assert 1 <= budgets[0] <= count


def test_budgets_by_shares_ask_nested_prefixes(suite: Suite) -> None:
    same = [
        cell for cell in cells(suite, resolved()) if told(cell)[:3] == ("faces7", "vgg", "npdd-sl") and not cell.seed
    ]
    orders = [cell.rng("attack").permutation(8000)[: cell.budget].tolist() for cell in same]
    assert [len(order) for order in orders] == [266, 2666, 8000]
    assert orders[0] == orders[1][:266]
    assert orders[1] == orders[2][:2666]


def test_shares_of_a_missing_pool_keep_a_cell_each(suite: Suite) -> None:
    bare = Resolved(roles={}, oracles=resolved().oracles, pools={}, recipes=resolved().recipes)
    planned = list(cells(suite, bare))
    assert len(planned) == len(list(cells(suite, resolved())))
    assert all("pool" in cell.missing for cell in planned if cell.budget)


def test_shares_of_an_emptied_pool_are_refused(suite: Suite) -> None:
    with pytest.raises(PoolTooSmall, match=r"asks 1 images, but pool natural of problem faces7 has 0"):
        list(cells(narrow(suite, ["problem=faces7"]), resolved(0)))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('regimes = ["odd-ol"]', 'regimes = ["odd-old"]', r"mine.toml:19: part.2.regimes: unknown regime 'odd-old'"),
        ("seeds = 1", "seeds = 0", r"mine.toml:21: part.2.seeds is \[\]: it should have at least 1"),
        ("seeds = 1", "sedes = 1", r"mine.toml:21: unknown key 'part.2.sedes'"),
        ("budget_shares = [1]", "budgets = []", r"mine.toml:12: part.1: regime npdd-sl\+pdd-sl asks images of a pool"),
        ("budget_shares = [1]", "budgets = [1]\nbudget_shares = [1]", r"mine.toml:12: part.1: budgets and budget_sh"),
        ('"1/30"', '"1/0"', r"mine.toml:6: budget_shares.0: '1/0' is no share: say a number above 0 and up to 1"),
        ('"1/30"', "1.5", r"budget_shares.0: 1.5 is no share"),
        ('"1/30"', "true", r"budget_shares.0: true is no share"),
        ('"1/30"', "0", r"budget_shares.0: 0 is no share: .*for none of the pool name the regime untrained"),
        ('"1/30"', '"2/6"', r"mine.toml:6: budget_shares: twice in the list: 1/3"),
        ('problems = ["faces7"]', 'oracles = ["one"]', r"some parts name their oracles and others do not"),
        ("\nseeds = 2", "", r"the key 'seeds' is missing"),
        ('[[part]]\nregimes = ["odd-ol"]', "[part]", r"mine.toml"),
    ],
)
def test_wrong_parts_are_refused_with_their_place(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    assert old in MINE
    with pytest.raises(BadToml, match=sentence):
        load_suite(written(tmp_path, MINE.replace(old, new)))


def test_what_every_part_says_may_be_missing_above(tmp_path: Path) -> None:
    text = MINE.replace('problems = ["digits10", "faces7"]\n', "").replace(
        "[[part]]\n", '[[part]]\nproblems = ["faces7"]\n'
    )
    text = text.replace('problems = ["faces7"]\nproblems', "problems")
    assert load_suite(written(tmp_path, text)).problems == ("faces7",)


def test_filters_cut_all_parts(suite: Suite) -> None:
    whole = {cell.digest for cell in cells(suite, resolved())}

    def left(*only: str) -> set[tuple[str, str, str, int]]:
        planned = list(cells(narrow(suite, only), resolved()))
        assert {cell.digest for cell in planned} < whole
        return {told(cell) for cell in planned}

    assert {row[1] for row in left("copycat=alexnet")} == {"alexnet"}
    assert left("copycat=alexnet", "problem=digits10") == {("digits10", "alexnet", "odd-ol", 0)}
    assert left("regime=npdd-sl+pdd-sl") == {("faces7", net, "npdd-sl+pdd-sl", 8000) for net in ("vgg", "alexnet")}
    shares = left("budget=1/30", "problem=faces7")
    assert {row[3] for row in shares} == {0, 266}
    assert {row[2] for row in shares} == {"untrained", "npdd-sl", "pdd-sl", "odd-ol"}
    assert {cell.seed for cell in cells(narrow(suite, ["seed=1"]), resolved())} == {1}


@pytest.mark.parametrize(
    ("only", "sentence"),
    [
        ("copycat=resnet", "unknown copycat 'resnet'. Did you mean 'alexnet'. Known: alexnet, vgg"),
        ("budget=1/4", "unknown budget '1/4'"),
        ("regime=pdd-ol", "unknown regime 'pdd-ol'"),
    ],
)
def test_filters_that_no_part_has_are_refused(suite: Suite, only: str, sentence: str) -> None:
    with pytest.raises(UnknownName, match=sentence):
        narrow(suite, [only])


def test_filters_that_no_part_has_together_are_refused(suite: Suite) -> None:
    with pytest.raises(Refused, match=r"suite mine: no part of it has all of copycat=alexnet, regime=untrained"):
        narrow(suite, ["copycat=alexnet", "regime=untrained"])


def test_oracles_of_a_part_are_attacked_by_that_part_only(tmp_path: Path) -> None:
    text = MINE.replace("seeds = 2", 'seeds = 2\noracles = ["digits10_v1", "faces7_v1"]')
    named = load_suite(written(tmp_path, text.replace("seeds = 1", 'seeds = 1\noracles = ["faces7_v1"]')))
    assert {told(cell) for cell in cells(named, resolved()) if cell.regime == "odd-ol"} == {
        ("faces7", "alexnet", "odd-ol", 0)
    }
    cut = narrow(named, ["oracle=digits10_v1"])
    assert {cell.oracle for cell in cells(cut, resolved())} == {"digits10_v1"}
    assert "odd-ol" not in cut.regimes


def test_other_names_reach_the_parts(suite: Suite) -> None:
    new = renamed(suite, problems=["one", "two"])
    assert [part.problems for part in new.part] == [("one", "two"), ("two",), ("one", "two")]
