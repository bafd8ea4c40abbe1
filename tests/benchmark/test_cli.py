"""The command line: verbs, sentences and exit codes, as a person or a script meets them."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import tiny_world
from command_line import benchmark, start

from benchmark.cli import run_verbs
from benchmark.suites.axes import AXES
from oracles.card import DroppedCard
from oracles.seal import seal, write

ANSI = re.compile(r"\x1b\[")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tiny_world.World:
    """A tiny world in which one suite has been played."""
    folder = tmp_path_factory.mktemp("world")
    world = tiny_world.build(folder)
    done = benchmark(world, "run", "--suite", world.suite(("untrained", "npdd-sl")), "--oracles", str(world.oracles))
    assert done.returncode == 0, done.stderr
    return world


def test_help_is_quick_to_start() -> None:
    """Neither torch nor onnxruntime is loaded to print help."""
    code = "import sys; from benchmark.cli.app import app\n"
    code += "print(sorted({'torch', 'onnxruntime', 'timm', 'sklearn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_a_run_ends_with_the_leaderboard(world: tiny_world.World) -> None:
    """Results go to standard output, notes to standard error; done again, nothing is played."""
    done = benchmark(world, "run", "--suite", world.suite(("untrained", "npdd-sl")), "--oracles", str(world.oracles))

    assert done.returncode == 0
    assert "colours · oracle tinted" in done.stdout
    assert "npdd-sl" in done.stdout
    assert "records:" in done.stderr
    assert "[1/" not in done.stderr  # no cell was played
    assert "Traceback" not in done.stderr
    assert not ANSI.search(done.stdout + done.stderr)
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(("text", "seconds"), [(None, None), ("90", 90), ("90s", 90), ("30m", 1800), ("1.5h", 5400)])
def test_times_are_read_in_seconds_minutes_and_hours(text: str | None, seconds: float | None) -> None:
    """A number alone is seconds."""
    assert run_verbs._seconds(text) == seconds


@pytest.mark.parametrize("form", ["table", "md", "csv", "json"])
def test_the_leaderboard_is_printed_again_in_every_form(form: str, world: tiny_world.World) -> None:
    """From the records alone; each form can be read by what it is for."""
    done = benchmark(world, "leaderboard", "--format", form)

    assert done.returncode == 0
    assert "small_vgg" in done.stdout.replace("\\", "")
    if form == "json":
        assert json.loads(done.stdout)["tables"]
    if form == "csv":
        assert {row["regime"] for row in csv.DictReader(io.StringIO(done.stdout))} == {"untrained", "npdd-sl"}


def test_a_dry_run_says_what_would_be_asked_and_asks_nothing(world: tiny_world.World) -> None:
    """Cells, queries, price and time are printed; no answers store appears."""
    arguments = ("run", "--suite", world.suite(("npdd-sl",), (30,), seeds=2), "--oracles", str(world.oracles))

    done = benchmark(world, *arguments, "--out", "dry", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert "2 of 2 cells to play, at most 60 images asked, price at most 0.12" in " ".join(done.stdout.split())
    assert not list((world.folder / "dry").glob("answers/*"))
    assert not list((world.folder / "dry").glob("records/*"))


def test_a_dry_run_names_the_cells_whose_data_is_missing(world: tiny_world.World) -> None:
    """They are counted apart and ask nothing; the exit code is that of the run, which could not play them."""
    problem = world.folder / "halved.toml"
    problem.write_text((world.folder / "colours.toml").read_text().replace("/pdd.npz", "/none.npz"))
    suite = world.folder / "halved_suite.toml"
    text = Path(world.suite(("npdd-sl", "pdd-sl"), (30,), seeds=2)).read_text()
    suite.write_text(text.replace("colours.toml", "halved.toml").replace('oracles = ["tinted"]', 'oracles = ["half"]'))
    folder = world.folder / "half"
    folder.mkdir()
    card = DroppedCard(problem="halved", classes=tiny_world.CLASSES, range=(0, 1), price_per_1000=2.0)
    write(seal(tiny_world.strongest_colour(), card, "half"), folder / "half.onnx")
    arguments = ("run", "--suite", str(suite), "--oracles", str(folder), "--out", "dry2", "--dry-run")

    done = benchmark(world, *arguments)
    listed = benchmark(world, *arguments, "--format", "csv")

    assert done.returncode == listed.returncode == 1
    assert "2 of 4 cells to play, at most 60 images asked, price at most 0.12" in " ".join(done.stdout.split())
    sentence = "2 cells of problem halved cannot be played: its PDD is missing; run: python -m benchmark data status"
    assert sentence in " ".join(done.stderr.split())
    assert [row["missing"] for row in csv.DictReader(io.StringIO(listed.stdout))] == ["", "", "pdd", "pdd"]


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("run", "--suite", "papre"), 2, "unknown suite 'papre'. Did you mean 'paper'?"),
        (("run", "--suite", "smoke", "--only", "regime=npd-sl"), 2, "Did you mean 'npdd-sl'?"),
        (("run", "--suite", "smoke", "--only", "regimes=npdd-sl"), 2, "Did you mean 'regime'?"),
        (("run", "--suite", "smoke", "--budget", "many"), 2, "'many': give whole numbers"),
        (("run", "--suite", "smoke", "--budget", "0"), 2, "'0': give whole numbers from 1, such as 1000,5000"),
        (("run", "--suite", "smoke", "--budget", ""), 2, "'': give whole numbers"),
        (("run", "--suite", "smoke", "--seeds", "0"), 2, "0: give a whole number from 1"),
        (("run", "--suite", "smoke", "--format", "xml"), 2, "unknown format 'xml'. Known: csv, json, md, table."),
        (("run", "--suit", "smoke"), 2, "unknown option '--suit'. Did you mean --suite? See: python -m benchmark run"),
        (("oracles", "inspect", "x", "--write-crd"), 2, "unknown option '--write-crd'. Did you mean --write-card?"),
        (("run", "--xyz"), 2, "unknown option '--xyz'. See: python -m benchmark run --help"),
        (("run",), 2, "Missing option '--suite'. See: python -m benchmark run --help"),
        (("oracles", "list", "--oracles", "pool.npz"), 3, "pool.npz: a file, not a folder of oracles. Name its folder"),
        (("data", "status", "--data", "pool.npz"), 3, "pool.npz: a file, not a folder of data. Name its folder"),
        (("run", "--suite", "smoke", "--shard", "5"), 2, "give I/N"),
        (("run", "--suite", "smoke", "--timeout", "soon"), 2, "'soon': give a time such as 2h, 30m or 90s"),
        (("run", "--suite", "smoke", "--timeout", "0h"), 2, "'0h': give a time"),
        (("run", "--suite", "smoke", "--device", "gpu"), 3, "Say auto, cpu or cuda"),
        (("run", "--suite", "smoke", "--workers", "0"), 3, "at least 1"),
        (("run", "--suite", "smoke", "--oracles", "nowhere"), 3, "no such folder of oracles"),
        (("run", "--suite", "smoke", "--budget", "999999"), 3, "Lower the budget"),
        (("run", "--suite", "smoke", "--pool", "nowhere/at/all"), 3, "no such file or folder"),
        (("run", "--suite", "smoke", "--pool", "empty"), 3, "no usable image"),
        (("leaderboard", "--out", "nothing"), 3, "no records. Run:"),
        (("leaderboard", "--format", "htlm"), 2, "unknown format"),
        (("oracles", "inspect", "none.onnx"), 3, "none.onnx"),
        (("oracles", "inspect", "colours.toml"), 3, "colours.toml"),
        (("data", "show", "fer8"), 2, "Did you mean"),
        (("train-target", "fer8", "--arch", "small_vgg", "--out", "x.onnx"), 2, "Did you mean 'fer7'?"),
        (("zoo", "remake", "faces"), 2, "unknown zoo oracle"),
        (("runn",), 2, "'runn'. Did you mean 'run'? See: python -m benchmark --help"),
    ],
)
def test_bad_input_gets_a_sentence_and_an_exit_code(
    arguments: tuple[str, ...], code: int, sentence: str, world: tiny_world.World
) -> None:
    """One sentence with the way out, no traceback."""
    (world.folder / "empty").mkdir(exist_ok=True)

    done = benchmark(world, *arguments)

    assert " ".join(sentence.split()) in " ".join(done.stderr.replace("│", " ").split())
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_an_unknown_key_in_a_suite_is_named_with_file_and_line(world: tiny_world.World) -> None:
    """File, line, the key and the nearest one."""
    path = world.folder / "typo.toml"
    path.write_text('about = "x"\nproblem = ["colours.toml"]\n')

    done = benchmark(world, "run", "--suite", str(path))

    assert done.returncode == 3
    assert f"{path}:2: unknown key 'problem'. Did you mean 'problems'?" in done.stderr


def test_data_status_warns_of_a_misspelt_class_folder(world: tiny_world.World, tmp_path: Path) -> None:
    """Below the table, with problem and role."""
    for name in ("reddish", "greenish", "blueish"):
        (tmp_path / "own" / name).mkdir(parents=True)
        (tmp_path / "own" / name / "a.png").write_bytes(b"x")
    problem = tmp_path / "own.toml"
    text = (
        'about = "x"\nclasses = ["reddish", "greenish", "bluish"]\nsize = 16\n[[tdd]]\nkind = "folder"\npath = "own"\n'
    )
    problem.write_text(text)

    done = benchmark(world, "data", "status", str(problem), "--data", str(tmp_path))

    shown = "".join(done.stdout.split())  # lines are folded at 80 columns, long folders anywhere
    assert "own.toml:warning:TDDfolderown:leftout,asnotaclassoftheproblem:'blueish'(didyou" in shown
    assert "own.toml:warning:TDDfolderown:noimageofbluish" in shown
    assert done.returncode == 0


def test_a_folder_that_cannot_be_written_is_said(world: tiny_world.World) -> None:
    """A file in the folder's place stands for a read-only disk, which root does not feel."""
    (world.folder / "occupied").write_text("x")

    done = benchmark(world, "run", "--suite", world.suite(), "--oracles", str(world.oracles), "--out", "occupied")

    assert done.returncode == 4
    assert "Give another --out" in done.stderr


def test_a_full_disk_ends_the_run_with_a_sentence_and_loses_nothing(world: tiny_world.World) -> None:
    """A limit on file size stands for a full disk: exit code 4; with room again the run is finished."""
    suite = world.suite(("npdd-sl",), (35,))
    arguments = ["run", "--suite", suite, "--oracles", str(world.oracles), "--out", "full", "--workers", "1"]
    limited = (
        f"import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); sys.argv[1:] = {arguments!r}\n"
    )
    limited += (
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nfrom benchmark.__main__ import main; main()"
    )
    benchmark(world, "run", "--suite", suite, "--oracles", str(world.oracles), "--out", "warm")  # the cache is written

    full = subprocess.run(
        [sys.executable, "-c", limited],
        cwd=world.folder,
        env={**os.environ, "BENCHMARK_CACHE": str(world.folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert full.returncode == 4, full.stderr
    assert "Traceback" not in full.stderr

    done = benchmark(world, *arguments)
    assert done.returncode == 0, done.stderr


def test_no_home_is_no_obstacle(world: tiny_world.World, tmp_path: Path) -> None:
    """Without HOME and without a cache folder, a temporary one is taken."""
    (tmp_path / "occupied").write_text("x")  # below a file not even root makes a folder
    environment = {
        key: value for key, value in os.environ.items() if key not in {"HOME", "XDG_CACHE_HOME", "BENCHMARK_CACHE"}
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmark", "data", "status", "dig10"],
        cwd=tmp_path,
        env={**environment, "TMPDIR": str(tmp_path), "HOME": str(tmp_path / "occupied" / "home")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "builtin digits/tdd" in done.stdout


def test_a_module_in_the_current_folder_shadows_nothing(world: tiny_world.World, tmp_path: Path) -> None:
    """`python -m` would import an onnx.py that happens to lie there."""
    for name in ("onnx", "torch", "rich"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")

    done = benchmark(world, "oracles", "list", cwd=tmp_path)

    assert "shadowed" not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_says_how_to_continue(number: int, code: int, world: tiny_world.World) -> None:
    """Ctrl-C and SIGTERM end the run at once, workers included, and the same command goes on."""
    suite = world.suite(("npdd-sl",), (40,), seeds=40)
    arguments = ("run", "--suite", suite, "--oracles", str(world.oracles), "--out", f"s{code}")
    heard = partial(signal.signal, number, signal.SIG_DFL)  # whoever runs the tests in the background ignores Ctrl-C
    process = start(world, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heard)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("["):  # the first cell is done
            break
    process.send_signal(number)
    _, rest = process.communicate(timeout=300)

    assert process.returncode == code
    assert "The same command continues" in rest
    assert "Traceback" not in rest
    assert 1 <= len(list((world.folder / f"s{code}/records").glob("*.json"))) < 40


def test_inspect_shows_found_and_assumed_and_writes_a_card(world: tiny_world.World, tmp_path: Path) -> None:
    """A bare model without a card: assumptions are marked, the card that is written is read back."""
    import onnx  # noqa: PLC0415 - only here

    file = tmp_path / "bare.onnx"
    onnx.save(tiny_world.strongest_colour(), file)

    done = benchmark(world, "oracles", "inspect", str(file), "--write-card")

    assert done.returncode == 0, done.stderr
    assert "assumed" in done.stdout
    assert file.with_suffix(".toml").exists()
    again = benchmark(world, "oracles", "inspect", str(file))
    assert again.returncode == 0, again.stderr
    assert "assumed" in again.stdout  # what nobody has declared stays an assumption


def test_the_help_of_only_names_every_axis(world: tiny_world.World) -> None:
    """The words are those that it takes."""
    said = benchmark(world, "run", "--help", columns=300).stdout
    for axis in AXES:
        assert axis in said.partition("Cut axes down")[2].partition("[")[0].partition("--budget")[0]


def test_names_of_oracles_are_never_folded(world: tiny_world.World) -> None:
    """A narrow terminal goes without licence, framework and price; a wide one has all."""
    name = "a_classifier_with_quite_a_long_name_of_its_own"
    other = world.folder / "long"
    other.mkdir()
    (other / f"{name}.onnx").write_bytes((world.oracles / "tinted.onnx").read_bytes())

    narrow = benchmark(world, "oracles", "list", "--oracles", str(other)).stdout
    wide = benchmark(world, "oracles", "list", "--oracles", str(other), columns=200).stdout

    assert any(line.startswith(f"{name}  colours") for line in narrow.splitlines())
    assert not {"licence", "framework"} & set(narrow.splitlines()[0].split())
    assert "macro-F1" in narrow.splitlines()[0]
    assert wide.splitlines()[0].split()[-1] == "licence"
    assert f"{name}  colours" in wide


def test_a_listed_oracle_is_inspected_by_its_name(world: tiny_world.World) -> None:
    """As `oracles list` calls it; a file of that name would come first."""
    done = benchmark(world, "oracles", "inspect", "tinted", "--oracles", str(world.oracles))

    assert done.returncode == 0, done.stderr
    assert "tinted.onnx: usable as an oracle" in done.stdout


def test_doctor_looks_at_everything(world: tiny_world.World) -> None:
    """Versions, providers, sqlite, data and oracles are in the table."""
    done = benchmark(world, "doctor", "--oracles", str(world.oracles))

    for word in ("onnxruntime", "torch", "sqlite", "cache", "problem dig10", "oracle tinted"):
        assert word in done.stdout
    assert done.returncode in {0, 4}
