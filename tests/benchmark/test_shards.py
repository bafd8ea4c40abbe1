"""Tests of tar shards: nothing is extracted, nothing unpickled, nothing followed."""

import io
import tarfile
from pathlib import Path

import pytest
from tiny_sources import opened, png, put, seen, skipped

from benchmark.images.sources import (
    TarSource,
)
from benchmark.refusals import EmptyPool, Mismatch


def tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    """A tar with these files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("ending", "mode"), [("tar", "w"), ("tar.gz", "w:gz"), ("tar.xz", "w:xz"), ("tar.bz2", "w:bz2")]
)
def test_tars_of_class_folders_plain_or_packed(tmp_path: Path, ending: str, mode: str) -> None:
    """Members are read where they lie; the order is the archive's."""
    tar(tmp_path / f"data/pets.{ending}", {"./dog/a.png": png(1), "./cat/b.png": png(2), "./README": b"x"}, mode)
    assert seen(opened(TarSource(path=f"pets.{ending}"), tmp_path)) == [(1, 1), (2, 0)]
    assert seen(opened(TarSource(path=f"pets.{ending}"), tmp_path, classes=None)) == [(1, -1), (2, -1)]


def test_webdataset_shards_with_cls_files(tmp_path: Path) -> None:
    """NAME.png with NAME.cls over numbered shards; pickles beside them are not opened."""
    for shard in range(2):
        members = {f"s{shard}.seg.png": png(shard), f"s{shard}.cls": str(shard).encode(), f"s{shard}.pkl": b"\x80evil"}
        tar(tmp_path / f"data/pets-{shard:03d}.tar", members)
    for pattern in ("pets-{000..001}.tar", "pets-*.tar", "pets-00?.tar"):
        assert seen(opened(TarSource(path=pattern), tmp_path)) == [(0, 0), (1, 1)]


def test_tar_slip_and_links_do_nothing(tmp_path: Path) -> None:
    """Names that lead out of the archive are names only; links and devices are skipped; nothing is extracted."""
    path = tar(tmp_path / "data/pets.tar", {"../../evil.png": png(1), "/abs/evil.png": png(2)})
    with tarfile.open(path, "a") as archive:
        for kind, target in ((tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "/etc/passwd"), (tarfile.CHRTYPE, "")):
            info = tarfile.TarInfo(f"link{kind.decode()}.png")
            info.type, info.linkname = kind, target
            archive.addfile(info)
    before = sorted(tmp_path.parent.rglob("evil*"))
    stack = opened(TarSource(path="pets.tar"), tmp_path, classes=None)
    assert seen(stack) == [(1, -1), (2, -1)]
    assert set(skipped(stack)) == {"link2.png", "link1.png", "link3.png"}
    assert sorted(tmp_path.parent.rglob("evil*")) == before


def test_a_truncated_tar_gives_what_is_whole(tmp_path: Path) -> None:
    """The images before the cut are used, the cut is recorded."""
    path = tar(tmp_path / "data/pets.tar", {f"{value}.png": png(value) for value in range(5)})
    path.write_bytes(path.read_bytes()[: 2 * 1024 + 530])  # each member: head 512, content 512
    stack = opened(TarSource(path="pets.tar"), tmp_path, classes=None)
    assert [value for value, _ in seen(stack)] == [0, 1]
    assert skipped(stack)


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 100, b"\x1f\x8bcut"])
def test_what_is_no_tar_has_no_image(tmp_path: Path, content: bytes) -> None:
    """An empty or foreign file is refused in a sentence."""
    put(tmp_path / "data/pets.tar", content)
    with pytest.raises(EmptyPool, match=r"tar pets.tar: no usable image"):
        opened(TarSource(path="pets.tar"), tmp_path, classes=None)


def test_a_zip_named_as_tar_source_is_refused(tmp_path: Path) -> None:
    """The way out is named: unpack it."""
    put(tmp_path / "data/pets.zip", b"PK")
    with pytest.raises(Mismatch, match=r"pets.zip: not a tar\. Unpack it"):
        opened(TarSource(path="pets.zip"), tmp_path, classes=None)
