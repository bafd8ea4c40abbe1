"""What every attack must obey, and what `random` promises beside."""

import ast
from pathlib import Path

import numpy as np
import pytest

import copycats.attacks
from copycats.ask import Images, Labels
from copycats.attacks import ATTACKS, attack, names
from copycats.attacks import random as module
from copycats.refusals import UnknownAttack

FOLDER = Path(copycats.attacks.__file__).parent


class Spy:
    """An oracle of two classes that remembers what it was asked, and refuses more than its budget."""

    classes = 2

    def __init__(self, budget: int) -> None:
        self.left, self.asked, self.calls = budget, [], 0

    def __call__(self, images_NHWC: Images) -> Labels:
        """Labels by the parity of the image's number."""
        assert len(images_NHWC) <= self.left
        self.left -= len(images_NHWC)
        self.calls += 1
        self.asked += [int(value) for value in images_NHWC[:, 0, 0].astype(int) @ (1, 256, 0)]
        return images_NHWC[:, 0, 0, 0].astype(np.int64) % 2


def numbered_pool(count: int) -> Images:
    """Images of one pixel that spell their own number."""
    numbers = np.arange(count)
    return np.stack([numbers % 256, numbers // 256, 0 * numbers], -1).astype(np.uint8)[:, None, None, :]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("budget", [0, 1, 64, 400])
def test_stays_within_budget_and_pool(name: str, budget: int) -> None:
    """An attack asks what its budget and its pool allow, without asking an image twice."""
    spy = Spy(budget)
    attack(name)(spy, numbered_pool(300), np.random.default_rng(3))
    assert len(spy.asked) == min(budget, 300)
    assert len(set(spy.asked)) == len(spy.asked)
    assert set(spy.asked) <= set(range(300))


@pytest.mark.parametrize("name", names())
def test_is_deterministic(name: str) -> None:
    """The same generator state asks the same images in the same order; another asks others."""
    first, second, other = Spy(100), Spy(100), Spy(100)
    for spy, seed in ((first, 3), (second, 3), (other, 4)):
        attack(name)(spy, numbered_pool(300), np.random.default_rng(seed))
    assert first.asked == second.asked
    assert first.asked != other.asked


def test_budgets_of_random_are_nested(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one seed a smaller budget asks a prefix of what a larger one asks, whatever the chunks."""
    monkeypatch.setattr(module, "CHUNK", 32)
    small, large = Spy(50), Spy(200)
    for spy in (small, large):
        ATTACKS["random"](spy, numbered_pool(300), np.random.default_rng(0))
    assert small.asked == large.asked[:50]
    assert large.calls == 7


def test_random_answers_with_the_labels_in_order_of_asking() -> None:
    """What `random` returns are the labels of what it asked."""
    spy = Spy(20)
    labels_N = ATTACKS["random"](spy, numbered_pool(300), np.random.default_rng(0))
    assert [number % 2 for number in spy.asked] == labels_N.tolist()


def test_unknown_attack_names_the_nearest() -> None:
    """A mistyped attack is refused with the nearest name and exit code 2."""
    with pytest.raises(
        UnknownAttack, match=r"^unknown attack 'randon'\. Did you mean 'random'\? Known: random\.$"
    ) as caught:
        attack("randon")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_is_in_the_table_and_knows_no_oracle_and_no_neighbour(path: Path) -> None:
    """Every file of the folder has a row; none imports an oracle, the benchmark, the trainer or another attack."""
    if path.stem == "__init__":
        assert all(found.stem in ATTACKS for found in FOLDER.glob("*.py") if found.stem != "__init__")
        return
    imported = [
        name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    ]
    forbidden = ("oracles", "benchmark", "copycats.attacks", "copycats.training", "importlib")
    assert not [name for name in imported if name.startswith(forbidden)]
