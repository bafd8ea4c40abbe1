"""The suite `replication`: the example's way, all mended, and each cause alone between them."""

from made_up import digest

from benchmark.suites.plan import Data, Resolved, cells
from benchmark.suites.suite import load_suite

WRONG = ("example", "none", "example")  # attack, balance, recipe
RIGHT = ("random", "replicate", "example_mended")
RECIPES = ("example", "example_mended", "strong")
STUDENTS_BUDGET = 82_783  # photographs that the students asked


def played() -> list[tuple[str | None, str, str | None]]:
    """Attack, balance and recipe of the cells of one seed that train a copycat of the example."""
    resolved = Resolved(
        roles={("cifar10", "tdd"): Data(digest("tdd"), 10_000)},
        oracles={"cifar10": {"example_cifar10": digest("oracle")}},
        pools={("cifar10", "natural"): Data(digest("pool"), 100_000)},
        recipes={name: digest(name) for name in RECIPES},
    )
    found = [cell for cell in cells(load_suite("replication"), resolved) if cell.seed == 0 and cell.recipe]
    assert {(cell.copycat, cell.budget, cell.regime) for cell in found} == {("example_cnn", STUDENTS_BUDGET, "npdd-sl")}
    return [(cell.attack, cell.balance, cell.recipe) for cell in found]


def test_each_cause_is_mended_alone_and_left_alone() -> None:
    wanted = {WRONG, RIGHT}
    for wrong, right in ((WRONG, RIGHT), (RIGHT, WRONG)):
        wanted |= {(*wrong[:place], right[place], *wrong[place + 1 :]) for place in range(3)}
    for half in ("example-bgr", "example-pale"):  # one of the two mistakes that attack example makes
        wanted |= {(half, *WRONG[1:]), (half, *RIGHT[1:])}
    ours = ("random", "sqrt", "strong")
    assert set(played()) == wanted | {ours}
    assert len(played()) == len(wanted) + 1 == 13
