"""A spy among the attacks: what it can reach from `ask`, the pool, and the process that it runs in."""

import os
import textwrap
from pathlib import Path

import pytest
import tiny_world

import benchmark.run
from benchmark.refusals import Refused

# What a spy tries: everything that it got is raised, and so would stand in the record.
SPY = '''
"""An attack that wants more than labels."""

import gc, importlib, os, socket, sqlite3, subprocess, sys, threading, time
from pathlib import Path

import numpy as np


def spy(ask, pool, rng):
    got = []

    def attempt(name, action):
        try:
            value = action()
        except Exception:
            return
        got.append(f"{name}: {value!r}"[:80])

    for module in ("oracles.server", "oracles.runtime", "benchmark.arena", "benchmark.scores", "converters.conversion"):
        attempt("import " + module, lambda: importlib.import_module(module))
    for name in list(sys.modules):
        if name.split(".")[0] in ("oracles", "onnxruntime", "onnx"):
            got.append("loaded: " + name)
    for attribute in "scores logits oracle server session model card path folder labels labels_N".split():
        for thing in (ask, pool):
            attempt("attribute " + attribute, lambda: getattr(thing, attribute))
    hidden = [thing for thing in gc.get_objects() if isinstance(thing, np.ndarray)]
    if any(a.dtype == np.int64 and a.shape in ((60,), (30,)) and set(np.unique(a)) == {0, 1, 2} for a in hidden):
        got.append("labels that nobody sold")
    if any(a.dtype == np.uint8 and len(a) == 60 for a in hidden if a.ndim == 4):
        got.append("the test images")
    for module in ("__main__", "benchmark.thief", "copycats.training", "benchmark.wire"):
        for name in ("predict", "train", "balance", "label_tests"):
            if hasattr(sys.modules.get(module), name):
                setattr(sys.modules[module], name, lambda *a, **k: np.zeros(60, np.int64))
    attempt("the fence's switch", lambda: sys.modules["benchmark.fence"]._hook()(False))
    attempt("after the switch", lambda: Path("/etc/hostname").read_text())
    for name in ("_bought", "bought", "log"):
        attempt("forged purchases", lambda: getattr(ask, name).append((pool[np.arange(5)], np.zeros(5, np.int64))))
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    folder = os.environ["SPIED_FOLDER"]
    for file in ("tdd.npz", "pdd.npz", "oracles/tinted.onnx", "runs"):
        attempt("read " + file, lambda: Path(folder, file).read_bytes())
        attempt("load " + file, lambda: np.load(Path(folder, file))["labels"])
        attempt("list " + file, lambda: os.listdir(Path(folder, file)))
    attempt("sqlite", lambda: sqlite3.connect(Path(folder, "runs/answers/x.sqlite")))
    attempt("process", lambda: subprocess.run(["true"]))
    attempt("connection", lambda: socket.create_connection(("127.0.0.1", 1), timeout=0.1))
    attempt("write", lambda: Path(folder, "spied").write_text("x"))

    first = ask(pool[np.arange(ask.left - 1)])
    attempt("more than is left", lambda: ask(pool[np.arange(2)]))
    attempt("two budgets at once", lambda: ask(pool[np.arange(len(pool))]))
    attempt("other images", lambda: ask(np.zeros((1, 8, 8), np.uint8)))
    last = ask(pool[np.arange(1)])
    attempt("one after the last", lambda: ask(pool[np.arange(1)]))
    attempt("nothing", lambda: got.append("unmetered") if ask.left else None) if ask.left else None
    ask.left = 1_000_000
    attempt("with a forged count", lambda: ask(pool[np.arange(1)]))
    if first.dtype != np.int64 or first.shape != (39,) or last.shape != (1,):
        got.append("something else than labels")
    if got:
        raise RuntimeError("the spy got " + "; ".join(got))
'''


@pytest.fixture
def spied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tiny_world.World:
    """A tiny world, and the spy installed as a third party's attack."""
    site = tmp_path / "site"
    (site / "spying-1.0.dist-info").mkdir(parents=True)
    (site / "spying.py").write_text(SPY)
    (site / "spying-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: spying\nVersion: 1.0\n")
    (site / "spying-1.0.dist-info/entry_points.txt").write_text(
        textwrap.dedent("""
        [copycat_benchmark.attacks]
        spy = spying:spy
        """)
    )
    world = tmp_path / "world"
    world.mkdir()
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])]))
    monkeypatch.setenv("SPIED_FOLDER", str(world))
    monkeypatch.syspath_prepend(str(site))
    return tiny_world.build(world)


def test_a_spy_gets_labels_within_its_budget_and_nothing_else(spied: tiny_world.World) -> None:
    """Whatever it tries is refused, the meter stands at its budget, and what it bought is what trains the copycat."""
    suite = Path(spied.suite(("npdd-sl",)))
    suite.write_text(suite.read_text() + 'attacks = ["spy"]\n')

    record = benchmark.run(str(suite), oracles=[spied.oracles], out=spied.folder / "runs", workers=1)[0]

    assert record.error is None, record.error
    assert record.bill is not None
    assert record.bill.asked == 40
    assert record.transfer_sets[0].images == 40
    assert record.training[0].image_passes == 80  # its replacements of train and predict were played by nobody
    assert record.copycat is not None
    assert {said for _, said, _ in record.copycat.confusion} != {0}
    assert not (spied.folder / "spied").exists()


def test_the_thiefs_process_loads_no_oracle(spied: tiny_world.World) -> None:
    """Importing all that the thief imports brings in neither the oracles nor onnxruntime."""
    import subprocess  # noqa: PLC0415 - only here
    import sys  # noqa: PLC0415

    code = (
        "import benchmark.thief, sys; print([m for m in sys.modules if m.split('.')[0] in ('oracles', 'onnxruntime')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


EDITABLE = """
import importlib.util, sys

class Finder:  # as setuptools puts it on the meta path for a flat project that is installed with pip install -e
    @staticmethod
    def find_spec(name, path=None, target=None):
        places = {"spying": SPYING, "its_words": WORDS}
        return importlib.util.spec_from_file_location(name, places[name]) if name in places else None

sys.meta_path.append(Finder)
"""


@pytest.mark.parametrize("package", [True, False])
def test_an_attack_that_is_installed_editable_is_played(package: bool, spied: tiny_world.World, tmp_path: Path) -> None:
    """Its source lies outside of the search path: a package with a file of weights, or a module with a second one."""
    site, project = tmp_path / "site", tmp_path / "project"
    (site / "spying.py").unlink()
    home = project / "spying" if package else project
    home.mkdir(parents=True)
    (home / "late.py").write_text("import pathlib\nGIVEN = (pathlib.Path(__file__).parent / 'first.txt').read_text()\n")
    (home / "first.txt").write_text("7")
    (project / "its_words.py").write_text("GIVEN = 7\n")
    spying = home / ("__init__.py" if package else "spying.py")
    late = "spying.late" if package else "its_words"
    spying.write_text(f"def spy(ask, pool, rng):\n    from {late} import GIVEN\n    ask(pool[: int(GIVEN)])\n")
    text = EDITABLE.replace("SPYING", repr(str(spying))).replace("WORDS", repr(str(project / "its_words.py")))
    (site / "sitecustomize.py").write_text(text)
    (site / "spying-1.0.dist-info/top_level.txt").write_text("spying\nits_words\n")
    suite = Path(spied.suite(("npdd-sl",)))
    suite.write_text(suite.read_text() + 'attacks = ["spy"]\n')

    (record,) = benchmark.run(str(suite), oracles=[spied.oracles], out=spied.folder / "runs", workers=1)

    assert record.error is None, record.error
    assert record.transfer_sets[0].images == 7


FAULTS = {
    "in its own helper": (
        "def spy(ask, pool, rng):\n    helped()\n\ndef helped():\n    {}['x']",
        "KeyError at spying.py:5: 'x'",
    ),
    "in NumPy": (
        "import numpy as np\ndef spy(ask, pool, rng):\n    np.linalg.cholesky(-np.eye(2))",
        "LinAlgError at spying.py:3: Matrix is not positive definite",
    ),
    "in what it asks": (
        "def spy(ask, pool, rng):\n    ask([1])",
        "AskRefused at spying.py:2: got images of list; wanted a numpy array",
    ),
    "when it is imported": (
        "import numpy\nimport no_such_package",
        "ModuleNotFoundError at spying.py:2: No module named",
    ),
    "when it is read": ("def spy(ask, pool, rng)\n    pass", "SyntaxError at spying.py:1: "),
    "by leaving": ("def spy(ask, pool, rng):\n\n    raise SystemExit(7)", "SystemExit at spying.py:3: 7"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failing_attack_is_told_where_in_its_own_code(fault: str, spied: tiny_world.World, tmp_path: Path) -> None:
    """Type, file and line of the innermost frame that is its own, and the message; no folder of this machine."""
    code, sentence = FAULTS[fault]
    (tmp_path / "site/spying.py").write_text(code)
    suite = Path(spied.suite(("npdd-sl",)))
    suite.write_text(suite.read_text() + 'attacks = ["spy"]\n')

    (record,) = benchmark.run(str(suite), oracles=[spied.oracles], out=spied.folder / "runs", workers=1)

    assert record.status == "failed"
    assert record.error is not None
    assert record.error.sentence.startswith(f"attack spy: {sentence}")
    assert record.error.kind == sentence.partition(" ")[0]
    assert "/" not in record.error.sentence


def test_a_cell_that_takes_longer_than_it_may_is_ended(spied: tiny_world.World, tmp_path: Path) -> None:
    """Attack and thief are killed, what was bought is on the bill, it is not tried again, the next cell is played."""
    code = """
import time
import numpy as np

def spy(ask, pool, rng):
    ask(pool[np.arange(3)])
    time.sleep(3600)
"""
    (tmp_path / "site/spying.py").write_text(code)
    suite = Path(spied.suite(("npdd-sl",), seeds=2))
    suite.write_text(suite.read_text() + 'attacks = ["spy"]\n')

    records = benchmark.run(str(suite), oracles=[spied.oracles], out=spied.folder / "runs", workers=1, timeout=8)

    assert [(record.status, record.attempt) for record in records] == [("failed", 1)] * 2
    for record in records:
        assert record.error is not None
        assert record.error.kind == "TimeOver"
        assert record.error.sentence.startswith("not done after 8 seconds: give it more (--timeout)")
        assert record.bill is not None
        assert record.bill.asked in {0, 3}  # a slow machine has not come that far
    with pytest.raises(Refused, match="timeout is 0 seconds"):
        benchmark.run(str(suite), timeout=0)


LIARS = {
    "labels of its own": 'line.send({"loot": {}}, np.zeros(60, np.int64))',
    "early loot": 'line.send({"trained": 1})',
    "no object": 'line._end.sendall(b"\\0" * 64)',
    "death": "os.kill(os.getpid(), 9)",
}


@pytest.mark.parametrize("lie", LIARS)
def test_an_attack_that_misuses_its_line_ends_its_own_cell(lie: str, spied: tiny_world.World, tmp_path: Path) -> None:
    """Whatever it says on the line to the thief, the referee takes nothing but asks from it; the run goes on."""
    body = f"""
import gc, os
import numpy as np

def spy(ask, pool, rng):
    ask(pool[np.arange(2)])
    line = next(thing for thing in gc.get_objects() if type(thing).__name__ == "Line")
    {LIARS[lie]}
"""
    (tmp_path / "site/spying.py").write_text(body)
    suite = Path(spied.suite(("npdd-sl",), seeds=1))
    suite.write_text(suite.read_text() + 'attacks = ["spy", "random"]\n')

    records = benchmark.run(str(suite), oracles=[spied.oracles], out=spied.folder / "runs", workers=1)

    liar, honest = sorted(records, key=lambda record: record.cell.attack != "spy")
    assert honest.status == "done"
    assert liar.status in {"failed", "crashed", "done"}
    if liar.status == "done":
        assert liar.transfer_sets[0].images == 2
