"""Tests of list files: the parser, and the images that lists name."""

import bz2
import os
import re
import string
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tiny_sources import opened, png, put, seen, skipped

from benchmark.images.lists import Line, parse
from benchmark.images.sources import (
    ListSource,
)
from benchmark.refusals import Mismatch


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a.jpg 3", Line("a.jpg", "3")),
        ("a.jpg\t3\r\n", Line("a.jpg", "3")),
        ("/data/my pets/a b.jpg 12", Line("/data/my pets/a b.jpg", "12")),
        ("a.jpg", Line("a.jpg", None)),
        ("my pets/a b.jpg", Line("my pets/a b.jpg", None)),
        ("a.jpg cat", Line("a.jpg", "cat")),
        ("\ufeffa.jpg 0", Line("a.jpg", "0")),
        ("a.jpg .1 .7 .2", Line("a.jpg", "1")),
        ("a 1.jpg 0.5 0.5", Line("a 1.jpg", "0")),
        ("a.jpg 1e-3 2e-3 -1", Line("a.jpg", "1")),
        ("a 1 2.jpg 3", Line("a 1 2.jpg", "3")),
        ("scan 1 2", Line("scan 1", "2")),
        ("", None),
        ("  \r\n", None),
    ],
)
def test_lines(text: str, line: Line | None) -> None:
    """Path and label as copycat_framework writes them: one, two or more columns."""
    assert parse(text) == line


@given(st.text(string.ascii_letters + " /._-", min_size=1, max_size=40), st.integers(0, 255), st.sampled_from(" \t"))
def test_any_path_with_blanks_survives_with_its_label(stem: str, label: int, blank: str) -> None:
    """The label is what follows the last blank, whatever the path holds."""
    path = stem.strip() + ".png"
    assert parse(f"{path}{blank}{label}\n") == Line(path, str(label))
    assert parse(path) == Line(path, None)


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Every line gives a path, perhaps with a label, or nothing."""
    line = parse(text)
    assert line is None or (line.path and line.said != "")


NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
SCORES = re.compile(rf"^(?P<path>.*?\S)(?P<scores>(?:[ \t]+{NUMBER}){{2,}})$")
LABELLED = re.compile(r"^(?P<path>.*\S)[ \t]+(?P<said>\S+)$")
FILE_NAME = re.compile(r"\.(jpe?g|png|webp|gif|bmp|p[pgbn]m|tiff?)$", re.IGNORECASE)


def by_pattern(line: str) -> Line | None:
    """The grammar of a line as three patterns, which are plain to read and slow on hostile lines."""
    text = line.strip("\r\n\t \ufeff")
    if not text:
        return None
    scores = SCORES.match(text)
    if scores and not all(word.lstrip("+-").isdigit() for word in scores["scores"].split()):
        return Line(scores["path"], str(int(np.argmax([float(word) for word in scores["scores"].split()]))))
    labelled = LABELLED.match(text)
    if labelled and not FILE_NAME.search(labelled["said"]):
        return Line(labelled["path"], labelled["said"])
    return Line(text, None)


@given(st.text("12.eE+- \t\n\r\x0b\u2003\u0661aj", max_size=24) | st.text(max_size=24))
@example("a\x0b .1 .2 .3")
@example("a\x0b .1 .2")
@example(".1 .2 .3")
@example("a b.png .1 2. 1e3")
@example("a \x0bb")
def test_the_parser_reads_what_the_patterns_say(text: str) -> None:
    assert parse(text) == by_pattern(text)


HOSTILE_LINES = """
import resource
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from benchmark.images.lists import parse
n = 30_000
for line in (
    "a " + "1" * n + " " + "1" * n + "x",
    "a " + "1" * n + "." + "1" * n + "x 1",
    "a" + " 1" * n + "x",
    "a" + " .1" * (2 * n // 3),
    "a" + " " * 2 * n + "\x0b",
    "a b\x0b" * (n // 2) + " .1 .1",
):
    found = parse(line)
    print(len(found.path), found.said and found.said[:3])
"""


def test_no_line_takes_longer_than_its_length() -> None:
    """The patterns above take over a minute for the first of them at 2,004 signs. The child may take 20 seconds."""
    done = subprocess.run([sys.executable, "-c", HOSTILE_LINES], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["30002 111", "60004 1", "59999 1x", "1 0", "60002 None", "60003 .1"]


@pytest.mark.parametrize(("name", "pack"), [("l.txt", bytes), ("l.txt.bz2", bz2.compress)])
def test_lists_plain_or_packed(tmp_path: Path, name: str, pack: type[bytes]) -> None:
    """Paths with blanks, below the list's folder or the root; the order is the list's; missing files are named."""
    put(tmp_path / "data/lists" / name, pack(b"my pets/a 1.png 1\r\nb.png 0\n\ngone.png 1\n"))
    put(tmp_path / "data/lists/my pets/a 1.png", png(1))
    put(tmp_path / "data/elsewhere/b.png", png(2))
    stack = opened(ListSource(path=f"lists/{name}", root="elsewhere"), tmp_path)
    assert seen(stack) == [(1, 1), (2, 0)]
    assert skipped(stack) == {"gone.png": "no such file or directory"}


def test_lists_with_class_names_and_mappings(tmp_path: Path) -> None:
    """Labels may be names; a mapping translates and leaves out."""
    put(tmp_path / "data/l.txt", b"a.png DOG\nb.png tom\nc.png frog\n")
    for name, value in (("a", 1), ("b", 2), ("c", 3)):
        put(tmp_path / f"data/{name}.png", png(value))
    assert seen(opened(ListSource(path="l.txt"), tmp_path)) == [(1, 1)]
    assert seen(opened(ListSource(path="l.txt", classes={"tom": "cat", "DOG": "dog"}), tmp_path)) == [(1, 1), (2, 0)]


def test_a_list_without_labels_is_a_pool_only(tmp_path: Path) -> None:
    """One column: a pool; as a role it is refused with the form that is wanted."""
    put(tmp_path / "data/l.txt", f"{put(tmp_path / 'far/a.png', png(1))}\n".encode())
    assert seen(opened(ListSource(path="l.txt"), tmp_path, classes=None)) == [(1, -1)]
    with pytest.raises(Mismatch, match=r"has no label\. Write `path label`"):
        opened(ListSource(path="l.txt"), tmp_path)


def test_special_files_named_in_a_list_are_refused(tmp_path: Path) -> None:
    """A list may name any regular file of the user, but no device, pipe or folder."""
    os.mkfifo(put(tmp_path / "data/l.txt", b"/dev/zero\npipe\n.\na.png\n").parent / "pipe")
    put(tmp_path / "data/a.png", png(1))
    stack = opened(ListSource(path="l.txt"), tmp_path, classes=None)
    assert seen(stack) == [(1, -1)]
    assert set(skipped(stack)) == {"/dev/zero", "pipe", "."}


@pytest.mark.parametrize(
    ("name", "content"), [("l.txt", b"\0\1\2"), ("l.txt.bz2", b"BZh9 cut"), ("l.txt", b"a" * 70000)]
)
def test_what_is_no_list_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    """Binary, damaged and endless lines are named as such."""
    put(tmp_path / "data" / name, content)
    with pytest.raises(Mismatch, match=r"list l.txt.*(not a text|cannot be read)"):
        opened(ListSource(path=name), tmp_path, classes=None)
