"""Cells: canonical JSON, digests, generators, and what fits which regime."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up import cell, digest
from pydantic import ValidationError

from benchmark.cell import REGIMES, Cell, canonical, digest_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_canonical_json_knows_no_order(values: dict[str, object]) -> None:
    """The order in which keys were set makes no difference, and the text reads back as it was."""
    turned = dict(reversed(values.items()))
    assert canonical(values) == canonical(turned)
    assert json.loads(canonical(values)) == values


def test_canonical_json_refuses_nan() -> None:
    """JSON has no NaN; a digest over one would mean nothing."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"share": float("nan")})


def test_digest_is_the_published_one() -> None:
    """A digest written down once stays: a change of fields or defaults would rename every record."""
    assert digest_of({"b": 1, "a": [None, "é"]}) == hashlib.sha256(b'{"a":[null,"\\u00e9"],"b":1}').hexdigest()
    assert cell().digest == "e61cb4ae5702c7e584f77c4b9043c7646e2c369d35cd4dab306aab51baa6cdf9"


def test_digest_survives_json() -> None:
    """A cell read back from a record has the digest it had."""
    for regime in REGIMES:
        played = cell(regime, seed=3)
        assert Cell.model_validate_json(played.model_dump_json()).digest == played.digest


@pytest.mark.parametrize("field", ["problem", "oracle", "copycat", "recipe", "pool", "attack"])
def test_digest_depends_on_every_name(field: str) -> None:
    """Two cells that differ anywhere have different digests."""
    assert cell(**{field: "other"}).digest != cell().digest


def test_copy_has_its_own_digest() -> None:
    """A copy with another seed is not called by the old digest."""
    first = cell()
    assert first.digest != first.model_copy(update={"seed": 1}).digest


def test_attack_draws_alike_where_only_the_rest_differs() -> None:
    """Budgets are nested and cells are paired: the attack's generator knows only pool and seed."""
    same = [
        cell(),
        cell(budget=9),
        cell(copycat="vgg16"),
        cell(oracle="other"),
        cell(balance="sqrt"),
        cell(recipe="strong", recipe_digest=digest("strong")),
        cell("npdd-sl+pdd-sl"),
        cell(attack="other"),
    ]
    orders = [each.rng("attack").permutation(50).tolist() for each in same]
    assert all(order == orders[0] for order in orders)
    for other in (cell(seed=1), cell(pool_digest=digest("other"))):
        assert other.rng("attack").permutation(50).tolist() != orders[0]


def test_pdd_is_asked_in_one_order() -> None:
    """The order of PDD images is shared by the regimes that ask them, at every PDD budget."""
    first, second = cell("pdd-sl", pdd_budget=10), cell("npdd-sl+pdd-sl", budget=7)
    assert np.array_equal(first.rng("pdd").permutation(50), second.rng("pdd").permutation(50))


def test_other_purposes_depend_on_the_whole_cell() -> None:
    """Weights and order of training are fresh in every cell, and differ by purpose."""
    assert cell().rng("weights").integers(1 << 62) != cell(budget=9).rng("weights").integers(1 << 62)
    assert cell().rng("weights").integers(1 << 62) != cell().rng("training").integers(1 << 62)
    assert cell().rng("weights").integers(1 << 62) == cell().rng("weights").integers(1 << 62)


def test_first_stage_is_the_cell_of_its_own() -> None:
    """What a fine-tuned copycat starts from is exactly the npdd-sl cell of the same suite."""
    assert cell("npdd-sl+pdd-sl").first_stage() == cell("npdd-sl")
    assert cell("npdd-sl").first_stage() is None
    assert cell("pdd-sl").first_stage() is None


@pytest.mark.parametrize(
    ("regime", "field", "value", "sentence"),
    [
        ("npdd-sl", "pool", None, "needs pool and attack"),
        ("pdd-sl", "attack", "random", "has no pool and attack"),
        ("npdd-sl", "budget", 0, "a budget of 0"),
        ("odd-ol", "budget", 5, "a budget of 5"),
        ("npdd-sl", "pdd_budget", 5, "a PDD budget of 5"),
        ("untrained", "recipe", "paper", "has no recipe"),
        ("npdd-sl", "recipe", None, "needs a recipe"),
        ("npdd-sl", "seed", True, "valid integer"),
        ("npdd-sl", "seed", -1, "greater than or equal to 0"),
        ("npdd-sl", "colour", "red", "Extra inputs"),
        ("npdd-sl", "oracle_digest", "0", "should match pattern"),
    ],
)
def test_what_does_not_fit_is_refused(regime: str, field: str, value: object, sentence: str) -> None:
    """A cell that its regime could not play is not made."""
    with pytest.raises(ValidationError, match=sentence):
        cell(regime, **{field: value})


def test_missing_names_what_is_not_there() -> None:
    """A cell whose data is missing says which."""
    assert cell("npdd-sl+pdd-sl").missing == ()
    assert cell("npdd-sl+pdd-sl", pool_digest=None, pdd_digest=None).missing == ("pdd", "pool")
    assert cell("odd-ol", tdd_digest=None, odd_digest=None).missing == ("tdd", "odd")


def test_regimes_say_what_they_use() -> None:
    """The papers' regimes, by what they ask and whose labels teach."""
    asks = {name: (regime.asks_npdd, regime.asks_pdd, regime.original) for name, regime in REGIMES.items()}
    assert asks == {
        "untrained": (False, False, None),
        "npdd-sl": (True, False, None),
        "npdd-sl+pdd-sl": (True, True, None),
        "pdd-sl": (False, True, None),
        "pdd-ol": (False, False, "pdd"),
        "odd-ol": (False, False, "odd"),
    }
    assert [name for name, regime in REGIMES.items() if not regime.ranked] == ["untrained", "pdd-ol", "odd-ol"]


def test_records_and_leaderboard_start_quickly() -> None:
    """Reading records needs no framework, no scikit-learn and no SciPy."""
    heavy = ("torch", "onnx", "onnxruntime", "sklearn", "scipy", "oracles", "copycats", "converters")
    modules = "records, ledger, scores, intervals, provenance, suites.plan"
    modules += ", leaderboard.screen, leaderboard.exports, report.page"
    imports = "; ".join(f"import benchmark.{name}" for name in modules.split(", "))
    code = f"{imports}; import sys; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
