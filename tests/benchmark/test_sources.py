"""Tests of the sources: folders, limits, and the words that sources use for classes."""

import contextlib
import os
import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_sources import opened, png, put, seen, skipped

from benchmark.images.classes import balanced_pick, index_of
from benchmark.images.sources import (
    FolderSource,
)
from benchmark.refusals import DataMissing, EmptyPool, Mismatch


def test_a_folder_per_class_is_labelled_by_names_in_any_writing(tmp_path: Path) -> None:
    """`Cat` and `DOG` are the classes cat and dog; images may lie deeper; the order is that of the names."""
    for name, value in (("Cat/b.png", 2), ("Cat/a/x.png", 1), ("DOG/a.png", 3)):
        put(tmp_path / "data/pets" / name, png(value))
    assert seen(opened(FolderSource(path="pets"), tmp_path)) == [(1, 0), (2, 0), (3, 1)]


def test_two_digit_folders_are_class_ids(tmp_path: Path) -> None:
    """00 and 01 are the first and the second class."""
    for name, value in (("00/a.png", 1), ("01/a.png", 2)):
        put(tmp_path / "data/pets" / name, png(value))
    assert seen(opened(FolderSource(path="pets"), tmp_path)) == [(1, 0), (2, 1)]


def test_class_ids_beyond_the_classes_are_refused(tmp_path: Path) -> None:
    """Ten numbered folders for two classes would label silently and wrongly."""
    for name in ("0/a.png", "1/a.png", "9/a.png"):
        put(tmp_path / "data/pets" / name, png(1))
    with pytest.raises(Mismatch, match=r"folder pets: class ids up to 9, but the problem has 2 classes"):
        opened(FolderSource(path="pets"), tmp_path)


def test_a_mapping_names_folders_and_leaves_the_others_out(tmp_path: Path) -> None:
    """With a mapping only its folders count; what is left out is said with its count."""
    for name, value in (("0_tom/a.png", 1), ("1_rex/a.png", 2), ("frog/a.png", 3), ("frog/b.png", 3)):
        put(tmp_path / "data/pets" / name, png(value))
    stack = opened(FolderSource(path="pets", classes={"0_tom": "cat", "1_rex": "dog"}), tmp_path)
    assert seen(stack) == [(1, 0), (2, 1)]
    assert skipped(stack) == {"frog/": "not a class of the problem (2 files)"}


def test_a_mapping_to_no_class_is_refused(tmp_path: Path) -> None:
    """A typing error in the TOML's mapping is named."""
    put(tmp_path / "data/pets/tom/a.png", png(1))
    with pytest.raises(Mismatch, match="maps 'tom' to 'catt'"):
        opened(FolderSource(path="pets", classes={"tom": "catt"}), tmp_path)


def test_folders_of_other_classes_are_refused(tmp_path: Path) -> None:
    """When no folder is a class, both sides are named."""
    put(tmp_path / "data/pets/frog/a.png", png(1))
    with pytest.raises(Mismatch, match=r"none of its classes \(frog\) is one of the problem's \(cat, dog\)"):
        opened(FolderSource(path="pets"), tmp_path)


def test_a_flat_folder_is_no_labelled_role_but_a_pool(tmp_path: Path) -> None:
    """Images without class folders serve as a pool only."""
    put(tmp_path / "data/pets/a.png", png(7))
    with pytest.raises(Mismatch, match="no folder per class"):
        opened(FolderSource(path="pets"), tmp_path)
    assert seen(opened(FolderSource(path="pets"), tmp_path, classes=None)) == [(7, -1)]


def test_odd_entries_of_a_folder_are_skipped_with_a_reason(tmp_path: Path) -> None:
    """Pipes, sockets, devices, broken links, loops, empty files, texts: the pool lives on, each is named."""
    folder = tmp_path / "data/pets"
    put(folder / "good.png", png(7))
    put(folder / "wrong_extension.txt", png(8))
    put(folder / ".hidden.png", png(9))
    put(folder / "empty.png", b"")
    put(folder / "text.png", b"no image at all")
    os.mkfifo(folder / "pipe.png")
    (folder / "device.png").symlink_to("/dev/zero")
    (folder / "broken.png").symlink_to("nowhere.png")
    (folder / "self.png").symlink_to("self.png")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "linked.png").symlink_to(folder / "good.png")
    put(folder / os.fsdecode(b"bad\xff\x1b[31m.png"), b"x")
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as server, contextlib.chdir(folder):
        server.bind("socket.png")  # by a short name: a socket's path is limited
    stack = opened(FolderSource(path="pets"), tmp_path, classes=None)
    assert seen(stack) == [(7, -1), (7, -1), (8, -1)]
    reasons = skipped(stack)
    assert {reasons[name] for name in ("pipe.png", "device.png", "socket.png")} == {
        "a special file (pipe, socket or device)"
    }
    assert reasons["broken.png"] == "no such file or directory"
    assert "symbolic links" in reasons["self.png"]
    assert "loop" in reasons["loop/"]
    assert reasons["empty.png"] == "empty file"
    assert "not an image" in reasons["text.png"]
    assert r"bad\udcff\x1b[31m.png" in reasons
    assert stack.manifest.skipped_count == len(reasons) == 9


def test_a_folder_without_any_image_is_refused(tmp_path: Path) -> None:
    """An empty result is EmptyPool, with the first reason."""
    put(tmp_path / "data/pets/a.png", b"zip")
    with pytest.raises(EmptyPool, match=r"folder pets: no usable image; 1 skipped, the first: a.png \(not an image"):
        opened(FolderSource(path="pets"), tmp_path, classes=None)
    (tmp_path / "data/pets/a.png").unlink()
    with pytest.raises(EmptyPool, match="no usable image; 0 skipped"):
        opened(FolderSource(path="pets"), tmp_path, classes=None)


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    """The sentence names the source and where it was looked for."""
    with pytest.raises(DataMissing, match=f"folder pets: not found below {tmp_path / 'data'}"):
        opened(FolderSource(path="pets"), tmp_path)


@pytest.mark.parametrize(
    ("limit", "counts"), [(3, [1, 1, 1]), (7, [3, 3, 1]), (100, [10, 5, 1]), (15, [9, 5, 1]), (1, None)]
)
def test_a_limit_is_balanced_over_classes(limit: int, counts: list[int] | None) -> None:
    """As many of each class as there are, filled up evenly; one more of the first drawn ones may fall to any class."""
    labels = np.array([0] * 10 + [1] * 5 + [2])
    picks = balanced_pick(labels, limit, 0)
    assert len(picks) == min(limit, 16)
    assert (np.diff(picks) > 0).all()
    np.testing.assert_array_equal(picks, balanced_pick(labels, limit, 0))
    if counts is not None:
        assert np.bincount(labels[picks], minlength=3).tolist() == counts


def test_a_limited_source_says_so(tmp_path: Path) -> None:
    """The source's text states the pick, and another seed picks others."""
    for value in range(40):
        put(tmp_path / f"data/pets/{value:02d}.png", png(value))
    picks = [opened(FolderSource(path="pets", limit=5, seed=seed), tmp_path, classes=None) for seed in (0, 1)]
    assert picks[0].manifest.source == "folder pets, at most 5 images, picked with seed 0"
    assert len(picks[0]) == 5
    assert seen(picks[0]) != seen(picks[1])


@given(st.sets(st.text("abcxyz _-", min_size=1), min_size=1, max_size=6))
def test_words_are_classes_or_are_left_out(words: set[str]) -> None:
    """Whatever a source says, each word is a class index or missing, or the whole is refused."""
    with contextlib.suppress(Mismatch):
        assert set(index_of(words, {}, ("a", "b c", "x"), "list x").values()) <= {0, 1, 2}
