"""Functions called in a process of their own: what they return, what they refuse, and children that end badly."""

import os
from pathlib import Path

import pytest

from converters import apart
from converters.apart import Task, call
from converters.caffe.hdf5 import read_hdf5
from converters.keras.archive import copied
from converters.refusals import RunsCode, SourceDamaged, SourceIncomplete


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A function of a module that only the child knows, ready to be called."""

    def made(body: str, *arguments: str, seconds: float = 60.0, memory: int = apart.MEMORY) -> Task:
        lines = "\n    ".join(["def function(*arguments):", *body.splitlines()])
        (tmp_path / "theirs.py").write_text(lines)
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        return Task("theirs:function", arguments, tmp_path, "net.h5", seconds, memory)

    return made


def test_what_the_function_returns_comes_back_whatever_else_is_printed(theirs):
    task = theirs("print('a warning of a library')\nreturn {'said': list(arguments), 'more': None}", "a b", "é\n")
    assert call(task) == {"said": ["a b", "é\n"], "more": None}


def test_a_refusal_of_the_child_is_raised_here_with_its_class_and_words(theirs):
    with pytest.raises(RunsCode, match=r"^net\.h5: holds a Lambda\.$"):
        call(theirs("from converters.refusals import RunsCode\nraise RunsCode('net.h5: holds a Lambda.')"))


@pytest.mark.parametrize(
    ("body", "by"),
    [
        ("import os\nos.abort()", r" \(SIGABRT\)"),
        ("raise KeyError('unforeseen')", ""),
        ("import sys\nsys.exit(0)", ""),
    ],
)
def test_a_child_that_dies_is_a_damaged_file(theirs, body, by):
    with pytest.raises(SourceDamaged, match=rf"^net\.h5: ended its reader{by}; the file is damaged, copy it again\.$"):
        call(theirs(body))


def test_a_child_that_never_ends_is_ended(theirs):
    with pytest.raises(SourceDamaged, match=r"^net\.h5: its reader was still busy after 1 seconds"):
        call(theirs("while True: pass", seconds=1.0))


def test_a_child_gets_no_more_memory_than_it_may_have(theirs):
    pytest.importorskip("resource")
    with pytest.raises(SourceDamaged, match="ended its reader"):
        call(theirs("return len(bytearray(2 << 30))", memory=1 << 30))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_weights_whose_reading_never_ends_are_refused(tmp_path, monkeypatch):
    pytest.importorskip("h5py")
    monkeypatch.setattr(apart, "SECONDS", 1.0)
    os.mkfifo(tmp_path / "net.caffemodel.h5")  # nobody will ever write to it
    with pytest.raises(SourceDamaged, match=r"^net\.caffemodel\.h5: its reader was still busy"):
        read_hdf5(tmp_path / "net.caffemodel.h5")
    with pytest.raises(SourceDamaged, match=r"^net\.caffemodel\.h5: its reader was still busy"):
        copied(tmp_path / "net.caffemodel.h5", tmp_path)


def test_refusals_are_those_of_the_readers(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file["other"] = [1.0]
    with pytest.raises(SourceDamaged, match="has no group 'data'"):
        read_hdf5(tmp_path / "net.h5")
    with pytest.raises(SourceIncomplete, match="holds weights without a model"):
        copied(tmp_path / "net.h5", tmp_path)
