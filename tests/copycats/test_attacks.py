"""What every attack must obey, and what `random` and the example's attacks promise beside."""

import ast
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import copycats.attacks
from copycats.ask import Images, Labels
from copycats.attacks import ATTACKS, attack, names
from copycats.attacks import example as example_module
from copycats.attacks import random as random_module
from copycats.refusals import UnknownAttack

FOLDER = Path(copycats.attacks.__file__).parent


def as_it_is(images_NHWC: Images) -> Images:
    return images_NHWC


def bright_again(images_NHWC: Images) -> Images:
    return (images_NHWC - 128) * 2 + 1


UNDONE: dict[str, Callable[[Images], Images]] = {
    "example": lambda images_NHWC: bright_again(images_NHWC)[..., ::-1],
    "example-bgr": lambda images_NHWC: images_NHWC[..., ::-1],
    "example-pale": bright_again,
}
"""How images of odd values are got back from what these attacks ask; the others ask images as they are."""


class Spy:
    """An oracle of two classes that remembers what it was asked, and refuses more than its budget."""

    classes = 2

    def __init__(self, budget: int, attack: str = "") -> None:
        self.left, self.calls = budget, 0
        self.asked: list[int] = []
        self._undo = UNDONE.get(attack, as_it_is)

    def __call__(self, images_NHWC: Images) -> Labels:
        """Labels by the parity of the image's number."""
        assert len(images_NHWC) <= self.left
        assert images_NHWC.dtype == np.uint8
        self.left -= len(images_NHWC)
        self.calls += 1
        digits = self._undo(images_NHWC)[:, 0, 0].astype(np.int64) // 2
        self.asked += (digits @ (1, 100, 0)).tolist()
        return digits[:, 0] % 2


def numbered_pool(count: int) -> Images:
    """Images of one pixel that spell their own number to base 100, in odd values: digit d is 2 d + 1."""
    numbers = np.arange(count)
    digits = np.stack([numbers % 100, numbers // 100, 0 * numbers], -1)
    return (2 * digits + 1).astype(np.uint8)[:, None, None, :]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("budget", [0, 1, 64, 400])
def test_stays_within_budget_and_pool(name: str, budget: int) -> None:
    """An attack asks what its budget and its pool allow, without asking an image twice."""
    spy = Spy(budget, name)
    attack(name)(spy, numbered_pool(300), np.random.default_rng(3))
    assert len(spy.asked) == min(budget, 300)
    assert len(set(spy.asked)) == len(spy.asked)
    assert set(spy.asked) <= set(range(300))


@pytest.mark.parametrize("name", names())
def test_is_deterministic(name: str) -> None:
    """The same generator state asks the same images in the same order; another asks others."""
    first, second, other = Spy(100, name), Spy(100, name), Spy(100, name)
    for spy, seed in ((first, 3), (second, 3), (other, 4)):
        attack(name)(spy, numbered_pool(300), np.random.default_rng(seed))
    assert first.asked == second.asked
    assert first.asked != other.asked


@pytest.mark.parametrize(("name", "module"), [("random", random_module), *((name, example_module) for name in UNDONE)])
def test_budgets_are_nested(name: str, module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one seed a smaller budget asks a prefix of what a larger one asks, whatever the chunks."""
    monkeypatch.setattr(module, "CHUNK", 32)
    small, large = Spy(50, name), Spy(200, name)
    for spy in (small, large):
        ATTACKS[name](spy, numbered_pool(300), np.random.default_rng(0))
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
        UnknownAttack, match=r"^unknown attack 'randon'\. Did you mean 'random'\? Known: example, .*, random\.$"
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


def test_the_examples_attacks_change_a_pixel_as_worked_out_by_hand() -> None:
    pixel_NHWC = np.array([10, 101, 255], np.uint8).reshape(1, 1, 1, 3)
    assert example_module.swapped(pixel_NHWC).ravel().tolist() == [255, 101, 10]
    assert example_module.pale(pixel_NHWC).ravel().tolist() == [133, 178, 255]
    assert example_module.pale_and_swapped(pixel_NHWC).ravel().tolist() == [255, 178, 133]


def test_a_pale_image_normalised_is_the_image_not_normalised_but_for_its_lowest_bit() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, 3)
    seen = (example_module.pale(values) / 255 - 0.5) / 0.5
    wanted = np.maximum(values, values // 2 * 2 + 1) / 255  # 0..1, every even value as the next odd one
    np.testing.assert_allclose(seen, wanted, rtol=0, atol=1e-12)
    assert np.abs(seen - values / 255).max() <= 1 / 255 + 1e-12


def test_the_examples_attacks_leave_the_pool_as_it_was() -> None:
    pool = numbered_pool(300)
    for name in UNDONE:
        ATTACKS[name](Spy(300, name), pool, np.random.default_rng(0))
    assert (pool == numbered_pool(300)).all()
