"""A configuration of copycat_framework becomes problems, pools, recipes and suites; hostile ones become a sentence."""

import bz2
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tiny_world
import yaml
from command_line import benchmark as command
from tiny_sources import png, put
from torch import nn, optim

from benchmark.images.cache import open_folder
from benchmark.importing.list_heads import Head, count_lines, look_at
from benchmark.importing.lists import Import, import_lists
from benchmark.places import Places
from benchmark.pools.pool import load_pool, open_pool
from benchmark.problems import load_problem, open_role
from benchmark.problems.status import status
from benchmark.recipes import load_recipe
from benchmark.refusals import Mismatch, Refused
from benchmark.suites.suite import load_suite
from copycats.recipe import rate_at

# as the eight of the real file: many classes, grey, two classes without PDD, numbers as classes, names of digits
SHAPES = {
    "ACT": {"classes": 101, "pd": True, "color": None, "epochs": (5, 5, 5)},
    "DIG": {"classes": 10, "pd": True, "color": None, "epochs": (5, 5, 5)},
    "FER": {"classes": 7, "pd": True, "color": False, "epochs": (10, 10, 10)},
    "GOC": {"classes": 9, "pd": True, "color": None, "epochs": (10, 5, 5)},
    "PED": {"classes": 2, "pd": False, "color": None, "epochs": (5, 10, 5)},
    "SHN": {"classes": 10, "pd": False, "color": None, "epochs": (10, 5, 5)},
    "SIG": {"classes": 30, "pd": True, "color": None, "epochs": (5, 5, 5)},
    "GTSRB": {"classes": 43, "pd": True, "color": None, "epochs": (5, 10, 10)},
}
MILESTONES = {5: (2, 3), 10: (5, 8, 9)}


def stage(epochs: int, data_set: str, **more: Any) -> dict[str, Any]:
    return {"max_epochs": epochs, "batch_size": 32, "lr": "1e-3", "gamma": 0.1, "db_train": data_set, **more}


def problem(key: str, classes: int = 3, *, pd: bool = True, color: bool | None = None, epochs: Any = (5, 5, 5)) -> Any:
    names = ["od", "td", *(["pd"] if pd else []), "pd_sl", "npd_1k", "npd_5k"]
    lists = {("test" if name == "td" else name): f"data/{key.lower()}_{name}.txt.bz2" for name in names}
    said = {
        "classes": list(range(classes)) if key == "GTSRB" else [f"{key} {number}" for number in range(classes)],
        "outputs": classes,
        "db_test": "test",
        "oracle": stage(epochs[0], "od"),
        "copycat": stage(epochs[1], "npd_1k", gamma=0.3),
        "finetune": stage(epochs[2], "pd_sl", lr=1e-5, gamma=0.5),
        "data": {"datasets": lists, "measures": {"mean": [0.3, 0.4, 0.5], "std": [0.2, 0.2, 0.25]}},
    }
    return said if color is None else said | {"color": color}


def written(folder: Path, problems: dict[str, Any], **general: Any) -> Path:
    values = {
        "default": {"gamma": 0.3, "lr": "1e-4", "copycat": {"balance_dataset": 1}, **general},
        "problems": problems,
    }
    return put(folder / "config.yaml", yaml.safe_dump(values, sort_keys=False).encode())


def imported(tmp_path: Path, problems: dict[str, Any], **options: Any) -> Import:
    (tmp_path / "root").mkdir(exist_ok=True)
    config = written(tmp_path, problems)
    return import_lists(config, tmp_path / "out", tmp_path / "root", **options)


def listed(tmp_path: Path, name: str, text: str) -> Path:
    return put(tmp_path / "root/data" / name, bz2.compress(text.encode()))


def world(tmp_path: Path) -> None:
    """Lists of the problem COL: three images in od and test each, two natural ones, and PDD's stolen labels."""
    for number, name in enumerate(("od", "td", "pd", "npd"), 1):
        for image in range(3):
            put(tmp_path / f"root/images/{name}{image}.png", png(50 * number + image))
    for name in ("od", "td", "pd"):
        listed(tmp_path, f"col_{name}.txt.bz2", "".join(f"/gone/images/{name}{n}.png {n}\n" for n in range(3)))
    listed(tmp_path, "col_pd_sl.txt.bz2", "/gone/images/pd0.png 2\n/gone/images/pd1.png 2\n")
    listed(tmp_path, "col_npd_1k.txt.bz2", "/gone/images/npd0.png 0\n\n/gone/images/npd1.png 2\n")


def test_all_eight_shapes_become_problems_suites_recipes_and_cards(tmp_path: Path) -> None:
    done = imported(tmp_path, {key: problem(key, **shape) for key, shape in SHAPES.items()})

    assert [path.stem for path in done.problems] == [key.lower() for key in SHAPES]
    for path, (key, shape) in zip(done.problems, SHAPES.items(), strict=True):
        found = load_problem(path)
        assert (len(found.classes), found.size) == (shape["classes"], (128, 128))
        assert found.colour == ("grey" if shape["color"] is False else "rgb")
        assert [source.labelled for source in found.pdd] == [shape["pd"]]
        assert found.tdd[0].path == f"data/{key.lower()}_td.txt.bz2"
        suite = load_suite(path.with_name(f"{path.stem}_suite.toml"))
        assert ("pdd-ol" in suite.regimes) == shape["pd"]
        assert (suite.balances, suite.pretrained, suite.copycats) == (("replicate",), "auto", ("vgg16",))
        target, copycat = (
            load_recipe(str(path.with_name(f"{path.stem}_{whose}.toml"))) for whose in ("target", "copycat")
        )
        assert [one.milestones for one in (target, copycat, copycat.for_fine_tuning())] == [
            MILESTONES[epochs] for epochs in shape["epochs"]
        ]
        assert (copycat.rate, copycat.for_fine_tuning().rate, copycat.for_fine_tuning().gamma) == (1e-3, 1e-5, 0.5)
        card = tomllib.loads((tmp_path / f"out/oracles/{path.stem}_oracle.toml").read_text())
        assert (card["mean"], card["std"], card["range"]) == ([0.3, 0.4, 0.5], [0.2, 0.2, 0.25], [0, 1])
    assert load_problem(done.problems[-1]).classes[10] == "10"


@pytest.mark.parametrize("epochs", [5, 10, 20])
def test_the_rate_falls_as_pytorch_lets_it_fall(epochs: int, tmp_path: Path) -> None:
    done = imported(tmp_path, {"COL": problem("COL", epochs=(epochs, epochs, epochs))})
    recipe = load_recipe(str(done.problems[0].with_name("col_copycat.toml")))
    inner = optim.SGD(nn.Linear(1, 1).parameters(), lr=recipe.rate)
    schedule = optim.lr_scheduler.MultiStepLR(inner, milestones=list(recipe.milestones), gamma=recipe.gamma)
    for epoch in range(epochs):
        assert [rate_at(recipe, 7 * epoch + step, 7 * epochs) for step in (0, 6)] == pytest.approx(
            [inner.param_groups[0]["lr"]] * 2
        )
        inner.step()
        schedule.step()
    assert rate_at(recipe, 7 * epochs - 1, 7 * epochs) < recipe.rate


def test_lists_are_opened_from_where_their_images_are_and_stay_as_they_are(tmp_path: Path) -> None:
    world(tmp_path)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "root").rglob("*.bz2")}
    done = imported(tmp_path, {"COL": problem("COL")}, strip=("/gone",))
    places = Places(cache=tmp_path / "cache", data=(tmp_path / "root",))
    found = load_problem(done.problems[0])

    assert open_role(found, "odd", places, lambda _: None).labels_N.tolist() == [0, 1, 2]
    assert open_role(found, "pdd", places, lambda _: None).labels_N.tolist() == [0, 1, 2]
    pool = open_pool(tmp_path / "out/col_npd_1k.toml", size=(4, 4), colour="rgb", places=places, say=lambda _: None)
    assert pool.images_NHWC[:, 0, 0, 0].tolist() == [200, 201]
    assert load_suite(done.suites[0]).budgets == (2,)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before
    assert [row.source is not None for row in status(found, places)] == [True, True, True]


def test_stolen_labels_of_others_are_never_original_labels(tmp_path: Path) -> None:
    world(tmp_path)
    done = imported(tmp_path, {"COL": problem("COL", pd=False)}, strip=("/gone",))
    places = Places(cache=tmp_path / "cache", data=(tmp_path / "root",))
    found = load_problem(done.problems[0])
    stack = open_role(found, "pdd", places, lambda _: None)

    assert stack.labels_N.tolist() == [-1, -1]
    assert dict(status(found, places)[2].counts or ()) == {"without labels": 2}
    with pytest.raises(Mismatch, match=r"list data/col_pd_sl.txt.bz2: its labels are no original labels.*Leave out"):
        open_folder(stack.folder)  # what a copycat of original labels learns from
    assert "pdd-ol" not in load_suite(done.suites[0]).regimes
    assert any("its labels are stolen ones" in remark for remark in done.remarks)


def test_numbers_that_are_names_are_not_taken_for_labels(tmp_path: Path) -> None:
    world(tmp_path)
    said = problem("COL") | {"classes": [2, 0, 1]}
    done = imported(tmp_path, {"COL": said}, strip=("/gone",))
    places = Places(cache=tmp_path / "cache", data=(tmp_path / "root",))
    assert open_role(load_problem(done.problems[0]), "odd", places, lambda _: None).labels_N.tolist() == [0, 1, 2]


def test_status_says_what_is_missing(tmp_path: Path) -> None:
    listed(tmp_path, "col_od.txt.bz2", "/gone/images/od0.png 0\n")
    done = imported(tmp_path, {"COL": problem("COL")})
    places = Places(cache=tmp_path / "cache", data=(tmp_path / "root",))
    rows = status(load_problem(done.problems[0]), places)

    assert [row.source for row in rows] == [None, None, None]
    assert "/gone/images/od0.png" in rows[0].advice
    assert any(remark == "COL: data set test: its list data/col_td.txt.bz2 is not there yet" for remark in done.remarks)
    assert any("how many images the pool has is unknown" in remark for remark in done.remarks)
    put(tmp_path / "root/data/col_od.txt.bz2", bz2.compress(b"here.png 0\n/gone/images/od0.png 0\n"))
    put(tmp_path / "root/here.png", png(3))
    (row, _, _) = status(load_problem(done.problems[0]), places)
    assert row.warnings == ("list data/col_od.txt.bz2: 1 of its files are not there, the first: /gone/images/od0.png",)


def test_lists_of_one_two_and_more_columns(tmp_path: Path) -> None:
    plain = put(tmp_path / "one.txt", b"\n/a/b.png\n/a/c.png\n")
    labelled = put(tmp_path / "two.txt.bz2", bz2.compress(b"/a/b.png 3\n"))
    scores = put(tmp_path / "more.txt", b"/a/b.png 0.100000 0.700000 0.200000\n")
    assert [look_at(path) for path in (plain, labelled, scores, tmp_path / "none.txt")] == [
        Head(1, "/a/b.png"), Head(2, "/a/b.png"), Head(4, "/a/b.png"), None
    ]  # fmt: skip
    assert [count_lines(path) for path in (plain, labelled, scores)] == [2, 1, 1]


def test_the_head_of_a_huge_list_is_read_without_its_rest(tmp_path: Path) -> None:
    packed = put(tmp_path / "huge.txt.bz2", bz2.compress(b"/a/b.png 1\n" * 500_000)[:-50])  # its end is torn off
    assert look_at(packed) == Head(2, "/a/b.png")
    with pytest.raises(Mismatch, match=r"list huge.txt.bz2: cannot be read \(EOFError\)"):
        count_lines(packed)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"classes": None, "outputs": None}, r"problem COL has no list of classes\. Add it"),
        ({"classes": ["a", "a", "b"]}, "class 'a' is named twice"),
        ({"classes": ["a", False, "b"]}, r"classes\.1: it reads as False in YAML: put it in quotes"),
        ({"classes": ["a", "b\x1b[2J", "c"]}, r"classes\.1: it should be a text of one printable line"),
        ({"outputs": 4}, "4 outputs, but 3 classes"),
        ({"data": {}}, r"problem COL has no data\.datasets\. Name its list files there"),
        ({"oracle": {"max_epochs": 0, "batch_size": 32}}, r"oracle\.max_epochs is 0: it should be at least 1"),
        ({"copycat": {"batch_size": 32}}, r"problem COL has no copycat\.max_epochs\. Add it"),
        ({"finetune": stage(5, "nowhere")}, r"finetune\.db_train: no data set 'nowhere'\. Name one of: od, test, pd"),
        ({"oracle": stage(5, "od", lr=float("inf"))}, r"oracle\.lr is Infinity: it should be a finite number"),
        ({"oracle": stage(5, "od", gamma=0)}, r"oracle\.gamma is 0: it should be more than 0"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_writes_nothing(
    change: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(Mismatch, match=sentence) as refusal:
        imported(tmp_path, {"COL": problem("COL") | change})
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).isprintable()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("data_set", ["copycat", "target", "Suite"])
def test_no_data_set_takes_the_name_of_another_file(data_set: str, tmp_path: Path) -> None:
    said = problem("COL")
    said["data"]["datasets"][data_set] = "data/col_npd_1k.txt.bz2"
    said["copycat"]["db_train"] = data_set

    with pytest.raises(Mismatch, match=rf"COL: two files of this import would be called col_{data_set.lower()}\.toml"):
        imported(tmp_path, {"COL": said})

    assert not (tmp_path / "out").exists()


def test_no_problem_takes_the_name_of_another_file(tmp_path: Path) -> None:
    with pytest.raises(Mismatch, match=r"COL_TARGET: two files of this import would be called col_target\.toml"):
        imported(tmp_path, {"COL": problem("COL"), "COL_TARGET": problem("COL_TARGET")})


def test_remarks_come_in_one_order(tmp_path: Path) -> None:
    said = problem("COL")
    said["data"]["datasets"] = {"npd": "data/col_npd.txt"}
    said |= {"db_test": None, "oracle": stage(5, None), "copycat": stage(5, "npd"), "finetune": stage(5, None)}
    remarks = " ".join(imported(tmp_path, {"COL": said}).remarks)
    places = [remarks.index(f"no data set is named for the {role}") for role in ("ODD", "TDD", "PDD")]

    assert places == sorted(places)  # a set has another order in every run


BOMB = "a: &a [1, 1]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (BOMB.encode(), r"config.yaml, line 2: the alias \*a\. Write its values out"),
        (b"a: &a {x: 1}\nb:\n  <<: *a\n", "line 3: the alias"),
        (b"problems: " + b"[" * 5000, "nested deeper than 12"),
        (b"problems: !!python/object/apply:os.system ['true']\n", "not plain YAML"),
        (b"problems: {DIG: [}", "line 1: not plain YAML"),
        (b"x: 2021-99-99\n", "a value cannot be read"),
        (b"a: " + b"x" * 2**18, "more than 262,144 bytes"),
        (b"\xff\xfe", "not a text in UTF-8"),
        (b"- 1\n", "holds no mapping"),
        (b"default: {}\n", "no problems below the key 'problems'"),
        (b"problems: {../../etc: {classes: [a, b]}}\n", "a problem is called '../../etc'"),
        (b"problems: {a: {}, A: {}}\n", "has no data.datasets"),
    ],
)
def test_hostile_texts_are_one_sentence(text: bytes, sentence: str, tmp_path: Path) -> None:
    config = put(tmp_path / "config.yaml", text)
    with pytest.raises(Mismatch, match=sentence):
        import_lists(config, tmp_path / "out", tmp_path)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("path", ["/etc/passwd", "../config.yaml", "data/../../config.yaml", "."])
def test_no_list_is_read_outside_the_root(path: str, tmp_path: Path) -> None:
    said = problem("COL")
    said["data"]["datasets"]["od"] = path
    with pytest.raises(Mismatch, match=r"data set od: the list .* is not below .*--root"):
        imported(tmp_path, {"COL": said})
    said["data"]["datasets"]["od"] = str(tmp_path / "root/data/col_od.txt.bz2")
    assert load_problem(imported(tmp_path, {"COL": said}).problems[0]).odd[0].path == "data/col_od.txt.bz2"


def test_what_is_lost_is_said(tmp_path: Path) -> None:
    said = problem("COL")
    said["copycat"] |= {"optimizer": "Adam", "batch_size": 64, "criterion": "MSELoss", "warmup": 3}
    said["data"]["datasets"]["extra"] = "data/extra.txt"
    remarks = " | ".join(imported(tmp_path, {"COL": said}).remarks)
    for part in (
        "optimizer Adam",
        "criterion MSELoss",
        "batches of 32 in fine-tuning",
        "warmup",
        "data set extra: not",
    ):
        assert part in remarks


def test_files_that_say_something_else_are_not_written_over(tmp_path: Path) -> None:
    done = imported(tmp_path, {"COL": problem("COL")})
    assert imported(tmp_path, {"COL": problem("COL")}).files == done.files
    with pytest.raises(Refused, match=r"col\.toml: is there already and says something else\. Give another folder"):
        imported(tmp_path, {"COL": problem("COL", classes=4)})
    assert len(load_problem(done.problems[0]).classes) == 3
    assert load_pool(tmp_path / "out/col_npd_5k.toml").name == "col_npd_5k"


def test_the_verb_prints_files_remarks_and_the_next_steps(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    written(tmp_path, {"COL": problem("COL")})
    told = command(tiny_world.World(tmp_path), "data", "import-lists", "config.yaml", "-o", "out", "--root", "root")
    assert told.returncode == 0
    assert "out/col_suite.toml" in told.stdout.splitlines()
    assert "remark: COL: data set od: its list data/col_od.txt.bz2 is not there yet" in told.stderr
    assert "data status out/col.toml --data root" in told.stderr
    planned = command(tiny_world.World(tmp_path), "run", "--suite", "out/col_suite.toml", "--data", "root", "--dry-run")
    assert "Traceback" not in planned.stderr
    refused = command(tiny_world.World(tmp_path), "data", "import-lists", "none.yaml")
    assert (refused.returncode, refused.stderr) == (3, "none.yaml: no such file. Check the path.\n")
