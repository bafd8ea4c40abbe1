"""Suites: what a file may say, the cells that follow, filters and shards."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import digest

from benchmark.cell import BALANCES, REGIMES, Cell
from benchmark.refusals import BadToml, PoolTooSmall, Refused, UnknownName
from benchmark.suites.narrowing import narrow
from benchmark.suites.plan import Data, Resolved, cells, shard
from benchmark.suites.suite import FOLDER, Suite, changed, load_suite, names
from copycats.balance import BALANCES as COPYCAT_BALANCES

MINE = """
about = "How far do small nets get?"
problems = ["digits10", "faces7"]
oracles = ["lenet"]
pools = ["natural", "photographs"]
regimes = ["npdd-sl+pdd-sl", "npdd-sl", "untrained", "pdd-sl", "pdd-ol", "odd-ol"]
copycats = ["resnet18", "vgg16"]
balances = ["none", "sqrt"]
budgets = [5_000, 1_000]
seeds = 3
recipe = "strong"
"""

RESOLVED = Resolved(
    roles={
        (problem, role): Data(digest(problem + role), 500)
        for problem in ("digits10", "faces7")
        for role in ("tdd", "pdd", "odd")
    },
    oracles={"digits10": {"lenet": digest("lenet")}, "faces7": {"lenet": digest("lenet"), "other": digest("other")}},
    pools={
        (problem, pool): Data(digest(problem + pool), 40_000)
        for problem in ("digits10", "faces7")
        for pool in ("natural", "photographs")
    },
    recipes={"strong": digest("strong"), "paper": digest("paper")},
    weights={"vgg16": digest("weights")},
)


def written(folder: Path, text: str = MINE) -> Path:
    """A suite's file."""
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """The suite above."""
    return load_suite(written(tmp_path))


def test_suite_says_what_its_file_says(suite: Suite) -> None:
    """Names, numbers and the defaults of what is left out."""
    assert (suite.name, suite.version, suite.recipe, suite.seeds) == ("mine", 1, ("strong",), (0, 1, 2))
    assert (suite.attacks, suite.pretrained, suite.pdd_budget) == (("random",), "never", None)


@pytest.mark.parametrize("name", names())
def test_suites_that_come_along_can_be_read(name: str) -> None:
    """Every TOML in the folder is a suite, by its name and by its path."""
    assert load_suite(name) == load_suite(FOLDER / f"{name}.toml")
    assert load_suite(name).name == name


def test_balances_are_those_of_the_copycats() -> None:
    """Cells and copycats know the same ways to even out classes."""
    assert set(BALANCES) == set(COPYCAT_BALANCES)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("budgets = [5_000, 1_000]", "budget = [5_000]", r"mine.toml:9: unknown key 'budget'. Did you mean 'budgets'"),
        ('"npdd-sl",', '"npdd-ls",', r"mine.toml:6: regimes: unknown regime 'npdd-ls'. Did you mean 'npdd-sl'"),
        ('"sqrt"', '"square"', r"mine.toml:8: balances: unknown balance 'square'. Did you mean"),
        ('"resnet18", ', '"vgg16", ', r"mine.toml:7: copycats: twice in the list: vgg16"),
        ("[5_000, 1_000]", "[0]", r"mine.toml:9: budgets.0 is 0: it should be at least 1. Mend the value"),
        ("[5_000, 1_000]", "[1.5]", r"budgets.0 is 1.5: it should be a whole number"),
        ("[5_000, 1_000]", "[true]", r"budgets.0 is true: it should be a whole number"),
        ("[5_000, 1_000]", '"5000"', r'mine.toml:9: budgets is "5000": it should be a list'),
        ("[5_000, 1_000]", "[]", r"regime npdd-sl\+pdd-sl asks images of a pool, but there are no budgets"),
        ('["resnet18", "vgg16"]', "[]", r"copycats is \[\]: it should have at least 1"),
        ("seeds = 3", "seeds = 0", r"seeds is \[\]: it should have at least 1"),
        ("seeds = 3", 'seeds = "1"', r"mine.toml:10: seeds: '1' is a text; say how many \(seeds = 3\) or which"),
        ("seeds = 3", "seeds = [1, 1]", r"seeds: twice in the list: 1"),
        ("seeds = 3", "seeds = [-2]", r"seeds.0 is -2: it should be at least 0"),
        ("seeds = 3", "", r"the key 'seeds' is missing"),
        (
            "seeds = 3",
            'seeds = 3\npretrained = "yes"',
            r"pretrained is \"yes\": it should be 'never', 'auto' or 'require'",
        ),
        ("seeds = 3", "seeds = 3\npdd_budget = 0", r"pdd_budget is 0: it should be at least 1"),
        ("seeds = 3", "seeds = ", r"mine.toml: not valid TOML"),
    ],
)
def test_wrong_suites_are_refused_with_their_place(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    """File, line and key of what is unknown, missing, double or out of range."""
    assert old in MINE
    with pytest.raises(BadToml, match=sentence):
        load_suite(written(tmp_path, MINE.replace(old, new)))


def test_unknown_suite_names_the_nearest() -> None:
    """A suite that is not there is a usage error with the names that are."""
    with pytest.raises(UnknownName, match=r"unknown suite 'papr'. Did you mean 'paper'"):
        load_suite("papr")


def test_cells_are_the_product_without_idle_axes(suite: Suite) -> None:
    """Counted by hand: idle axes are not multiplied, and every cell is there once."""
    planned = list(cells(suite, RESOLVED))
    asking = 2 * 2 * 2 * 2  # budgets, copycats, pools, balances
    per_oracle = (
        2 * asking + 2 * 2 + 3 * 2
    )  # npdd twice; pdd-sl by balance; untrained, pdd-ol and odd-ol once a copycat
    assert len(planned) == 3 * per_oracle * 3  # (problem, oracle) pairs, seeds
    assert len({cell.digest for cell in planned}) == len(planned)
    assert all(cell.pool is None for cell in planned if not REGIMES[cell.regime].asks_npdd)
    assert {cell.pdd_budget for cell in planned if REGIMES[cell.regime].asks_pdd} == {500}
    assert {cell.copycat for cell in planned if cell.weights_digest} == set(RESOLVED.weights) & set(suite.copycats)


def test_pretrained_weights_are_part_of_the_cell(suite: Suite) -> None:
    """Where weights are used, their digest is in the cell; a copycat without any has none."""
    planned = list(cells(changed(suite, pretrained="auto"), RESOLVED))
    assert {(cell.copycat, cell.weights_digest) for cell in planned} == {
        ("resnet18", None),
        ("vgg16", digest("weights")),
    }


def test_order_gives_whole_rows_early(suite: Suite) -> None:
    """Problem by problem and oracle by oracle, seeds together, small budgets first, first stages before second ones."""
    planned = list(cells(suite, RESOLVED))
    places = [(cell.problem, cell.oracle) for cell in planned]
    assert [place for place, _ in itertools.groupby(places)] == list(dict.fromkeys(places))
    assert [cell.seed for cell in planned] == [0, 1, 2] * (len(planned) // 3)
    first = [cell for cell in planned if places[0] == (cell.problem, cell.oracle)]
    budgets = [cell.budget for cell in first if cell.budget]
    assert budgets == sorted(budgets)
    assert first[0].regime == "untrained"
    found: set[str] = set()
    for cell in planned:
        before = cell.first_stage()
        assert before is None or before.digest in found
        found.add(cell.digest)


def test_missing_data_gives_cells_that_say_so(suite: Suite) -> None:
    """Without its images a cell is planned all the same, so that the hole can be shown."""
    bare = Resolved(roles={}, oracles=RESOLVED.oracles, pools={}, recipes=RESOLVED.recipes)
    planned = list(cells(suite, bare))
    assert len(planned) == len(list(cells(suite, RESOLVED)))
    assert {cell.missing for cell in planned if cell.regime == "npdd-sl+pdd-sl"} == {("tdd", "pdd", "pool")}


def test_budgets_beyond_the_images_are_refused_early(suite: Suite) -> None:
    """Before anything is played, with both numbers; a pool that is missing is not too small."""
    with pytest.raises(PoolTooSmall, match=r"asks 50,000 images, but pool natural of problem digits10 has 40,000"):
        next(cells(changed(suite, budgets=(50_000,)), RESOLVED))
    with pytest.raises(PoolTooSmall, match=r"asks 501 images, but the PDD of problem digits10 has 500. Lower"):
        next(cells(changed(suite, pdd_budget=501), RESOLVED))
    next(cells(changed(suite, budgets=(50_000,), pools=("elsewhere",)), RESOLVED))


def test_unknown_recipe_is_refused(suite: Suite) -> None:
    """A recipe without a digest is a name that nothing stands for."""
    with pytest.raises(UnknownName, match=r"unknown recipe 'papr'. Did you mean 'paper'"):
        list(cells(changed(suite, recipe=("papr",)), RESOLVED))


def test_filters_cut_axes(suite: Suite) -> None:
    """Values of one axis add up, axes cut each other."""
    cut = narrow(suite, ["problem=faces7,copycat=vgg16", "budget=1000", "regime=npdd-sl,regime=untrained"])
    assert (cut.problems, cut.copycats, cut.budgets) == (("faces7",), ("vgg16",), (1000,))
    assert cut.regimes == ("npdd-sl", "untrained")
    whole = {cell.digest for cell in cells(suite, RESOLVED)}
    assert {cell.digest for cell in cells(cut, RESOLVED)} < whole


def test_filters_know_the_oracles_found(suite: Suite) -> None:
    """Where a suite leaves its oracles open, those found are the ones that can be chosen."""
    assert narrow(suite, ["oracle=lenet"], oracles=["lenet", "other"]).oracles == ("lenet",)
    without = Suite.model_validate({**suite.model_dump(), "oracles": None})
    assert narrow(without, ["oracle=other"], oracles=["lenet", "other"]).oracles == ("other",)
    assert narrow(without, ["oracle=unseen"]).oracles == ("unseen",)
    with pytest.raises(UnknownName, match=r"unknown oracle 'othr'. Did you mean 'other'"):
        narrow(without, ["oracle=othr"], oracles=["lenet", "other"])


@pytest.mark.parametrize(
    ("only", "sentence"),
    [
        ("problm=faces7", "unknown axis 'problm'. Did you mean 'problem'"),
        ("problem", "unknown axis 'problem'"),
        ("problem=face7", "unknown problem 'face7'. Did you mean 'faces7'"),
        ("budget=7", "unknown budget '7'. Known: 1000, 5000"),
    ],
)
def test_unknown_filters_are_refused(suite: Suite, only: str, sentence: str) -> None:
    """A filter that fits nothing is an error, not an empty run."""
    with pytest.raises(UnknownName, match=sentence):
        narrow(suite, [only])


def test_overrides_are_checked_as_the_file_is(suite: Suite) -> None:
    """Budgets and seeds from the command line pass the same checks."""
    assert changed(suite, budgets=(7,), seeds=2).seeds == (0, 1)
    assert changed(suite, budgets=None) == suite
    with pytest.raises(BadToml, match=r"suite mine: budgets.0 is 0: it should be at least 1. Give other values."):
        changed(suite, budgets=(0,))


def test_digest_of_a_suite_is_of_what_it_says(tmp_path: Path, suite: Suite) -> None:
    """Comments and layout make no difference, values do."""
    assert load_suite(written(tmp_path, f"# a comment\n{MINE}")).digest == suite.digest
    assert changed(suite, seeds=2).digest != suite.digest


@given(st.integers(1, 9))
def test_shards_share_out_every_cell_once(parts: int) -> None:
    """Any split gives all cells, each once, and keeps a fine-tuning beside its first stage."""
    regimes = ("npdd-sl", "npdd-sl+pdd-sl")
    suite = Suite(
        name="x", about="x", problems=("digits10",), regimes=regimes, copycats=("vgg16",), budgets=(10, 20), seeds=6
    )
    planned = list(cells(suite, RESOLVED))
    split = [list(shard(planned, number, parts)) for number in range(1, parts + 1)]
    assert sorted(cell.digest for part in split for cell in part) == sorted(cell.digest for cell in planned)
    for part in split:
        own: set[Cell | None] = set(part)
        assert all(cell.first_stage() in own for cell in part if cell.first_stage())


@pytest.mark.parametrize("number", [0, 4])
def test_shards_that_are_not_there_are_refused(suite: Suite, number: int) -> None:
    """Shard 4 of 3 is a mistake, not an empty run."""
    with pytest.raises(Refused, match=f"shard {number}/3: there is no such part. Give I/N"):
        shard([], number, 3)
