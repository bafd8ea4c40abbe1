"""Comparisons: worked by hand, against SciPy, by simulation; pairing and its refusals."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_up import cell, digest, failed, record
from scipy import stats

from benchmark.cli.app import run_command_line
from benchmark.influence import of_equality
from benchmark.labelling import Labelling
from benchmark.leaderboard.comparison import SURE, compare, holm
from benchmark.leaderboard.played import Played, take
from benchmark.ledger import Ledger
from benchmark.measures import Measured, difference, over_seeds
from benchmark.records import Record
from benchmark.refusals import DataMissing, Refused, UnknownName
from benchmark.scores import agreement, relative, score

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a verb in this process: exit code, what it printed, what it complained of."""

    def verb(*arguments: object) -> tuple[int, str, str]:
        code = run_command_line([str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return verb


def kept(out: Path, *records: Record) -> Path:
    ledger = Ledger(out)
    for each in records:
        ledger.append(each)
    return out


def plays(*records: Record) -> list[Played]:
    return [take(each) for each in records]


def rows(share: float, seeds: int = 3, **other: object) -> list[Record]:
    return [record(cell(seed=seed, **other), share + 0.003 * seed) for seed in range(seeds)]


def labelled(of: Record, truth_N: np.ndarray, target_N: np.ndarray, copycat_N: np.ndarray) -> Record:
    """The record with other labels and all that follows from them."""
    target, copycat = score(truth_N, target_N, 10), score(truth_N, copycat_N, 10)
    changed = {
        "target": target,
        "copycat": copycat,
        "relative": relative(copycat, target),
        "agreement": agreement(target_N, copycat_N),
        "labelling": Labelling.of(truth_N, target_N, copycat_N),
    }
    return of.model_copy(update=changed)


def test_a_large_difference_is_found_and_told_in_points() -> None:
    found = compare(
        *[plays(*rows(0.6, copycat="poor"), *rows(0.9, copycat="good"))] * 2, ("copycat=poor", "copycat=good")
    )
    assert found.verdict == "higher"
    assert found.pairs[0].setting == "digits10 · lenet · natural · random · npdd-sl · paper · budget 1,000"
    assert found.apart.mean == pytest.approx(found.pairs[0].other.mean - found.pairs[0].one.mean)
    assert found.probability is not None
    assert found.probability < 0.01
    swapped = compare(
        *[plays(*rows(0.6, copycat="poor"), *rows(0.9, copycat="good"))] * 2, ("copycat=good", "copycat=poor")
    )
    assert (swapped.verdict, swapped.apart.mean) == ("lower", pytest.approx(-found.apart.mean))


def test_the_same_rows_are_not_told_apart() -> None:
    found = compare(plays(*rows(0.8)), plays(*rows(0.8)), ("", ""))
    assert (found.verdict, found.apart.mean, found.probability) == ("not told apart", 0.0, 1.0)


@pytest.mark.parametrize("digits", [(0, 0), (0, 1)])
def test_a_row_beside_itself_is_refused(digits: tuple[int, int]) -> None:
    made = rows(0.8)
    one, other = (made[seed].cell.digest[:9] for seed in digits)
    same = plays(*made, *rows(0.7, copycat="another"))
    with pytest.raises(Refused, match=f"'{one}' and '{other}' select the same rows"):
        compare(same, same, (one, other))
    with pytest.raises(Refused, match="select the same rows"):
        compare(same, same, ("copycat=another", "copycat=another,regime=npdd-sl"))


def test_the_same_folder_named_twice_is_no_comparison(tmp_path: Path, run: Run) -> None:
    out = kept(tmp_path / "runs", *rows(0.6))
    code, _, complaint = run("compare", "", "", "--out", out, "--other-out", tmp_path / "." / "runs")
    assert (code, "select the same rows" in complaint) == (3, True)


def test_accuracy_of_two_copycats_on_the_same_images_is_mcnemars_variance() -> None:
    """Each seed's copycats differ on the same images, so that the seeds have no spread: the paired binomial is left."""
    truth_N = np.arange(400) % 10
    one_N, other_N = truth_N.copy(), truth_N.copy()
    one_N[:60] = (one_N[:60] + 1) % 10
    other_N[40:70] = (other_N[40:70] + 1) % 10
    made = [
        labelled(record(cell(seed=seed, copycat=name)), truth_N, truth_N, said_N)
        for name, said_N in (("one", one_N), ("other", other_N))
        for seed in range(3)
    ]
    found = compare(plays(*made), plays(*made), ("copycat=one", "copycat=other"), "accuracy")
    better, worse = 40 / 400, 10 / 400
    variance = (better + worse - (better - worse) ** 2) / 400
    assert found.apart.mean == pytest.approx(better - worse)
    assert (found.apart.by_seed, found.apart.by_image) == (0, pytest.approx(variance))
    assert found.probability == pytest.approx(2 * stats.t.sf((better - worse) / variance**0.5, 399))


def test_pairing_makes_small_differences_visible() -> None:
    """Two copycats that fail on the same images, but for a few: apart in pairs, their own intervals overlap."""
    rng = np.random.default_rng(3)
    truth_N = rng.integers(0, 10, 1000)
    made = []
    for seed in range(3):
        wrong_N = np.where(rng.random(1000) < 0.3 + 0.02 * seed, (truth_N + 1) % 10, truth_N)
        mended_N = np.where(rng.random(1000) < 0.05, truth_N, wrong_N)
        made += [labelled(record(cell(seed=seed, copycat="plain")), truth_N, truth_N, wrong_N)]
        made += [labelled(record(cell(seed=seed, copycat="mended")), truth_N, truth_N, mended_N)]
    found = compare(plays(*made), plays(*made), ("copycat=plain", "copycat=mended"))
    assert found.pairs[0].other.low < found.pairs[0].one.high
    assert found.verdict == "higher"


def test_no_difference_is_found_as_rarely_as_said() -> None:
    """Two copycats of equal skill with 3 seeds each, 1,000 times: 5 % may look different (standard error .7 %)."""
    rng = np.random.default_rng(11)
    wrong = 0
    for _ in range(1000):
        truth_N, hard_N = rng.integers(0, 10, 300), rng.normal(0, 1, 300)
        apart = [
            difference(right_or_wrong(rng, truth_N, hard_N), right_or_wrong(rng, truth_N, hard_N)) for _ in range(3)
        ]
        wrong += (over_seeds(apart).probability() or 0.0) < SURE
    assert wrong / 1000 < 0.07


def right_or_wrong(rng: np.random.Generator, truth_N: np.ndarray, hard_N: np.ndarray) -> Measured:
    """The accuracy of a fresh copycat."""
    right_N = rng.random(300) < 1 / (1 + np.exp(-(0.7 + hard_N + rng.normal(0, 0.2))))
    return Measured(right_N.mean(), of_equality(right_N, np.ones(300, bool)))


def test_several_settings_are_paired_and_counted_together() -> None:
    made = []
    for problem in ("a", "b", "c"):
        made += rows(0.6, copycat="poor", problem=problem) + rows(0.8, copycat="good", problem=problem)
    made += rows(0.9, copycat="good", problem="only here")
    found = compare(plays(*made), plays(*made), ("copycat=poor", "copycat=good"))
    assert [pair.setting.split(" · ")[0] for pair in found.pairs] == ["a", "b", "c"]
    assert found.apart.mean == pytest.approx(np.mean([pair.apart.mean for pair in found.pairs]))
    assert len(found.unpaired) == 1
    assert "only here" in found.unpaired[0]


def test_a_digest_stands_for_its_row() -> None:
    one, other = rows(0.7, budget=1000), rows(0.8, budget=5000)
    made = plays(*one, *other)
    found = compare(made, made, (one[1].cell.digest[:8], other[2].cell.digest[:10].upper()))
    assert (found.apart.n, found.verdict) == (3, "higher")


def test_regimes_are_compared_although_one_has_axes_that_the_other_lacks() -> None:
    made = plays(
        *rows(0.5),
        *(record(cell("npdd-sl+pdd-sl", seed=seed), 0.8) for seed in range(3)),
        *(record(cell("untrained", seed=seed), 0.1) for seed in range(3)),
    )
    assert compare(made, made, ("regime=npdd-sl", "regime=npdd-sl+pdd-sl")).verdict == "higher"
    assert compare(made, made, ("regime=npdd-sl", "regime=untrained")).verdict == "lower"


def test_two_versions_of_a_recipe_are_told_apart_by_their_digests() -> None:
    """The names are the same; the digest of a cell stands for the row of its own version."""
    old, new = rows(0.5), rows(0.9, recipe_digest=digest("strong.v2"))
    made = plays(*old, *new)
    found = compare(made, made, (old[0].cell.digest[:12], new[0].cell.digest[:12]))
    assert (found.verdict, found.apart.n) == ("higher", 3)
    with pytest.raises(Refused, match="several rows"):
        compare(made, made, ("copycat=resnet18", "copycat=resnet18"))


@pytest.mark.parametrize("what", ["oracle", "pool", "recipe", "problem"])
def test_what_nobody_named_must_be_the_same_file_on_both_sides(what: str) -> None:
    one, other = rows(0.5), rows(0.9, **{f"{what}_digest": digest("another")})
    with pytest.raises(Refused, match=f"the {what} of that name is another one"):
        compare(plays(*one), plays(*other), ("", ""))
    name = str(getattr(one[0].cell, what))
    assert compare(plays(*one), plays(*other), (f"{what}={name}", f"{what}={name}")).verdict == "higher"


def test_a_row_of_mixed_files_is_refused() -> None:
    mixed = [*rows(0.5)[:2], record(cell(seed=2, oracle_digest=digest("another")), 0.5)]
    with pytest.raises(Refused, match="several rows"):
        compare(plays(*mixed), plays(*rows(0.9)), ("", ""))


def test_identical_rows_have_a_probability_of_one_on_screen(tmp_path: Path, run: Run) -> None:
    out = kept(tmp_path / "runs", *rows(0.6, copycat="one"), *rows(0.6, copycat="other"))
    assert "(p 1.000, 3 seeds): not told apart" in run("compare", "copycat=one", "copycat=other", "--out", out)[1]


def test_a_regression_in_one_setting_fails_although_another_makes_up_for_it(tmp_path: Path, run: Run) -> None:
    made = rows(0.5, copycat="a", problem="p") + rows(0.9, copycat="b", problem="p")
    made += rows(0.9, copycat="a", problem="q") + rows(0.5, copycat="b", problem="q")
    out = kept(tmp_path / "runs", *made)
    assert run("compare", "copycat=a", "copycat=b", "--out", out, "--fail-if", "lower")[0] == 1


def test_a_setting_that_one_side_lacks_is_no_pass(tmp_path: Path, run: Run) -> None:
    made = (
        rows(0.9, copycat="a", problem="p") + rows(0.9, copycat="b", problem="p") + rows(0.9, copycat="a", problem="q")
    )
    out = kept(tmp_path / "runs", *made, failed(cell(copycat="b", problem="q"), "lost"))
    code, _, complaint = run("compare", "copycat=a", "copycat=b", "--out", out, "--fail-if", "lower")
    assert (code, "1 settings are done on one side only" in complaint) == (3, True)


def test_holms_method_is_that_of_his_paper() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([None, 0.02]) == [None, 0.02]


def test_one_seed_proves_nothing() -> None:
    made = plays(*rows(0.5, 1, copycat="poor"), *rows(0.9, 1, copycat="good"))
    assert compare(made, made, ("copycat=poor", "copycat=good")).verdict == "one seed"


def test_only_seeds_done_on_both_sides_count() -> None:
    other = [*rows(0.9, 2, copycat="good"), failed(cell(seed=2, copycat="good"), "lost")]
    made = plays(*rows(0.5, 3, copycat="poor"), *other)
    assert compare(made, made, ("copycat=poor", "copycat=good")).apart.n == 2


@pytest.mark.parametrize(
    ("selections", "refusal", "sentence"),
    [
        (("colour=red", ""), UnknownName, "unknown axis 'colour'"),
        (("copycat=none", ""), DataMissing, "'copycat=none': no done record fits"),
        (("ffff", ""), DataMissing, "'ffff': no done record fits"),
        (("copycat=a", "budget=1000"), Refused, "'budget=1000' holds several rows of .*Name copycat, too"),
        (("problem=p", "problem=q"), Refused, "the test images differ"),
        (("budget=1000,copycat=a", "budget=5_000,copycat=b"), DataMissing, "'budget=5_000,copycat=b': no done"),
    ],
)
def test_what_cannot_be_compared_is_refused(selections: tuple[str, str], refusal: type, sentence: str) -> None:
    made = [*rows(0.8, copycat="a"), *rows(0.8, copycat="b")]
    made += rows(0.8, problem="p", copycat="c", budget=7) + rows(
        0.8, problem="q", copycat="c", budget=7, tdd_digest=digest("q")
    )
    with pytest.raises(refusal, match=sentence):
        compare(plays(*made), plays(*made), selections)


def test_the_verb_answers_and_fails_where_asked(tmp_path: Path, run: Run) -> None:
    out = kept(tmp_path / "runs", *rows(0.6, copycat="poor"), *rows(0.9, copycat="good"))
    code, said, _ = run("compare", "copycat=poor", "copycat=good", "--out", out)
    assert (code, "points ± " in said, "3 seeds): higher" in said) == (0, True, True)
    assert all(len(line) <= 100 for line in said.splitlines())
    assert run("compare", "copycat=poor", "copycat=good", "--out", out, "--fail-if", "lower")[0] == 0
    assert run("compare", "copycat=good", "copycat=poor", "--out", out, "--fail-if", "lower")[0] == 1
    assert run("compare", "copycat=good", "copycat=poor", "--out", out, "--fail-if", "different")[0] == 1
    document = json.loads(run("compare", "copycat=poor", "copycat=good", "--out", out, "--format", "json")[1])
    assert (document["verdict"], document["pairs"][0]["verdict"], document["apart"]["n"]) == ("higher", "higher", 3)


def test_two_folders_are_compared_as_before_and_after(tmp_path: Path, run: Run) -> None:
    before, after = kept(tmp_path / "before", *rows(0.6)), kept(tmp_path / "after", *rows(0.9))
    code, said, _ = run("compare", "", "", "--out", before, "--other-out", after, "--fail-if", "higher")
    assert (code, "higher" in said) == (1, True)


def test_the_verb_refuses_in_a_sentence(tmp_path: Path, run: Run) -> None:
    out = kept(tmp_path / "runs", *rows(0.6, 1, copycat="poor"), *rows(0.9, 1, copycat="good"))
    for arguments, sentence in (
        (("copycat=poor", "copycat=good", "--fail-if", "lower"), "no difference can be proven"),
        (("copycat=poor", "copycat=good", "--by", "luck"), "unknown measure 'luck'"),
        (("copycat=poor", "copycat=good", "--fail-if", "sad"), "unknown --fail-if 'sad'"),
        (("copycat=poor", "copycat=good", "--out", tmp_path / "none"), "no records"),
    ):
        code, _, complaint = run("compare", *arguments, *(() if "--out" in arguments else ("--out", out)))
        assert code in {2, 3}
        assert sentence in complaint
        assert "Traceback" not in complaint


def test_a_record_is_shown_with_its_classes_and_matrices(tmp_path: Path, run: Run) -> None:
    played = record(cell(), 0.9)
    out = kept(tmp_path / "runs", played, failed(cell(seed=1), "loss not finite"))
    code, said, _ = run("record", played.cell.digest[:9], "--out", out)
    assert code == 0
    assert played.copycat is not None
    for text in ("macro-f1", "confusion matrix of the copycat", "mean-recall", "agreement", "3 three", "entropy"):
        assert text in said
    assert f"{played.copycat.f1_per_class[3]:.3f}"[1:] in said
    assert json.loads(run("record", played.cell.digest, "--out", out, "--format", "json")[1])["status"] == "done"
    assert "loss not finite" in run("record", cell(seed=1).digest, "--out", out)[1]
    code, _, complaint = run("record", "zzz", "--out", out)
    assert (code, "begins no cell's digest" in complaint) == (3, True)


def test_a_record_says_its_seed_and_its_time(tmp_path: Path, run: Run) -> None:
    played = record(cell(), 0.9)
    said = run("record", played.cell.digest[:9], "--out", kept(tmp_path / "runs", played))[1]
    assert " seed 0" in said
    assert "pdd_budget 0" not in said
    assert "time 0.5 s: score 0.5 s" in said


@pytest.mark.parametrize("arguments", [(), ("--list",)])
def test_all_records_are_listed_one_a_line(arguments: tuple[str, ...], tmp_path: Path, run: Run) -> None:
    played, lost = record(cell(), 0.9), failed(cell(seed=1), "lost")
    out = kept(tmp_path / "runs", played, lost)
    code, said, _ = run("record", *arguments, "--out", out)
    head, *lines = [line.split() for line in said.splitlines()]
    assert (code, head) == (
        0,
        ["digest", "problem", "oracle", "copycat", "regime", "budget", "seed", "status", "of", "target"],
    )
    assert played.relative is not None
    assert played.relative.macro_f1 is not None
    of_target = f"{100 * played.relative.macro_f1:.1f}"
    axes = ["digits10", "lenet", "resnet18", "npdd-sl", "1000"]
    assert sorted(lines) == sorted(
        [
            [played.cell.digest[:8], *axes, "0", "done", of_target, "%"],
            [lost.cell.digest[:8], *axes, "1", "failed", "–"],
        ]
    )
    told = json.loads(run("record", "--list", "--out", out, "--format", "json")[1])
    assert {each["seed"]: each["status"] for each in told} == {0: "done", 1: "failed"}
    for refused in (("record", "zzz"), ("compare", "ffff", "copycat=resnet18")):
        assert "python -m benchmark record --list" in run(*refused, "--out", out)[2]
    code, _, complaint = run("record", "--out", tmp_path / "none")
    assert (code, "no records" in complaint) == (3, True)
