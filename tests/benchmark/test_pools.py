"""Tests of pools: named ones, and any folder, list, tar or npz."""

import shutil
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.places import Places
from benchmark.pools import load_pool, names, open_pool
from benchmark.refusals import BadToml, DataMissing, Mismatch, UnknownName

SAY: Any = lambda text: None  # noqa: E731
FORM: dict[str, Any] = {"size": (8, 8), "colour": "rgb", "say": SAY}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three photographs, and the same as list, tar and npz beside it."""
    folder = tmp_path / "my photos"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (20, 10), (number, 0, 0)).save(folder / f"{number}.png")
    (tmp_path / "my photos.txt").write_text("".join(f"my photos/{number}.png\n" for number in range(3)))
    with tarfile.open(tmp_path / "my photos.tar", "w") as archive:
        archive.add(folder, arcname=".")
    np.savez(tmp_path / "my photos.npz", images=np.arange(3, dtype=np.uint8)[:, None, None].repeat(8, 1).repeat(8, 2))
    return folder


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """An empty data folder and an empty cache."""
    return Places(cache=tmp_path / "cache", data=(tmp_path / "data",))


@pytest.mark.parametrize("name", names())
def test_every_pool_file_is_complete(name: str) -> None:
    """It loads, says what it is and how to get it."""
    pool = load_pool(name)
    assert (pool.name, bool(pool.about), bool(pool.obtain)) == (name, True, True)


@pytest.mark.parametrize("ending", ["", ".txt", ".tar", ".npz"])
def test_any_folder_list_tar_or_npz_is_a_pool(photos: Path, places: Places, ending: str) -> None:
    """Unlabelled, in order, named by its stem, without the folders of this machine."""
    path = f"{photos}{ending}"
    stack = open_pool(path, places=places, **FORM)
    assert sorted(stack.images_NHWC[:, 0, 0, 0].tolist()) == [0, 1, 2]
    assert stack.labels_N.tolist() == [-1, -1, -1]
    assert stack.manifest.counts_per_class == ()
    assert load_pool(path).name == "my photos"
    assert str(photos.parent) not in stack.manifest.model_dump_json()


def test_numbered_shards_are_one_pool(photos: Path, places: Places) -> None:
    """A pattern of tars."""
    for number in range(2):
        shutil.copy(photos.parent / "my photos.tar", photos.parent / f"s-{number}.tar")
    assert len(open_pool(str(photos.parent / "s-{0..1}.tar"), places=places, **FORM)) == 6


def test_natural_is_the_folder_else_the_renderer(places: Places, photos: Path) -> None:
    """`natural/` below a data folder wins; the drawn pool stands in for it otherwise."""
    sources = load_pool("natural").sources
    assert [source.kind for source in sources] == ["folder", "builtin"]
    assert [source.stand_in for source in sources] == [False, True]
    places.data[0].mkdir()
    photos.rename(places.data[0] / "natural")
    assert open_pool("natural", places=places, **FORM).manifest.source == "folder natural"


def test_a_pool_file_of_ones_own(places: Places, photos: Path, tmp_path: Path) -> None:
    """A TOML anywhere; the first source that is there wins; none is DataMissing with the way out."""
    path = tmp_path / "own.toml"
    path.write_text(
        f'about = "Mine."\nsources = [{{kind = "npz", path = "x.npz"}}, {{kind = "folder", path = "{photos}"}}]'
    )
    assert len(open_pool(path, places=places, **FORM)) == 3
    path.write_text('about = "Mine."\nobtain = "Take some."\nsources = [{kind = "npz", path = "x.npz"}]')
    with pytest.raises(DataMissing, match=r"pool own: not found \(tried npz x.npz images\). Take some."):
        open_pool(path, places=places, **FORM)
    path.write_text('about = "Mine."\nsources = []')
    with pytest.raises(BadToml, match="sources"):
        open_pool(path, places=places, **FORM)


def test_what_is_no_pool_is_refused(tmp_path: Path) -> None:
    """Unknown names, missing paths and archives that are not tars are told apart."""
    with pytest.raises(UnknownName, match=r"unknown pool 'naturel'\. Did you mean 'natural'"):
        load_pool("naturel")
    with pytest.raises(DataMissing, match="no such file or folder"):
        load_pool(tmp_path / "gone")
    (tmp_path / "x.7z").write_bytes(b"7z")
    with pytest.raises(Mismatch, match=r"pool x.7z: not a folder.*Unpack it"):
        load_pool(tmp_path / "x.7z")
