"""7z archives: read like the folder that they hold, and refused where they are bombs or reach outside."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from model_files import CONV, DEPLOY, FC, blobs, caffemodel, put, reading

from converters.caffe import archive
from converters.caffe.archive import Archives
from converters.refusals import FrameworkMissing, SourceDamaged, SourceIncomplete

py7zr = pytest.importorskip("py7zr")

FILES = {"deploy.prototxt": DEPLOY + CONV + FC, "net.caffemodel": caffemodel(blobs())}


def pack(path: Path, files: dict[str, str | bytes]) -> Path:
    with py7zr.SevenZipFile(path, "w") as packed:
        for name, data in files.items():
            packed.writestr(data, name)
    return path


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


@pytest.mark.parametrize("inside", ["", "models/deep/"])
def test_an_archive_with_everything_is_read(tmp_path: Path, temporary: Path, inside: str) -> None:
    packed = pack(tmp_path / "net.7z", {inside + name: data for name, data in FILES.items()})
    found = reading(packed)
    assert found.net.inputs == {"data": (1, 3, 8, 8)}
    assert found.files == (packed,)
    # mapped from a file that is gone
    np.testing.assert_array_equal(found.net.layers[0].blobs[0], blobs()["conv"][0])


def test_packed_weights_lie_beside_their_net_or_are_wished(tmp_path: Path) -> None:
    put(tmp_path, {"deploy.prototxt": FILES["deploy.prototxt"]})
    packed = pack(tmp_path / "net.caffemodel.7z", {"net.caffemodel": FILES["net.caffemodel"]})
    files = (tmp_path / "deploy.prototxt", packed)
    assert reading(tmp_path).files == files
    assert reading(packed).files == files
    assert reading(tmp_path / "deploy.prototxt").files == files
    elsewhere = put(tmp_path / "elsewhere", {"deploy.prototxt": FILES["deploy.prototxt"]})
    assert reading(elsewhere, weights=packed).files == (elsewhere / "deploy.prototxt", packed)


def test_weights_that_lie_there_packed_and_unpacked_count_once(tmp_path: Path) -> None:
    put(tmp_path, FILES)
    pack(tmp_path / "net.caffemodel.7z", {"net.caffemodel": b"older"})
    assert [file.name for file in reading(tmp_path).files] == ["deploy.prototxt", "net.caffemodel"]


@pytest.mark.parametrize("name", ["../../outside.prototxt", "/outside.prototxt", "..\\outside.prototxt"])
def test_no_name_leaves_the_folder(tmp_path: Path, temporary: Path, name: str) -> None:
    packed = tmp_path / "net.7z"
    with py7zr.SevenZipFile(packed, "w") as file:
        file.writestr(b"name: 'x'", "inside.prototxt")
        file.header.files_info.files[0]["filename"] = name
    with py7zr.SevenZipFile(packed) as file:
        assert file.getnames() == [name.replace("\\", "/")]
    with pytest.raises((SourceDamaged, SourceIncomplete)):
        reading(packed)
    assert not list(tmp_path.rglob("outside.prototxt"))
    assert not Path("/outside.prototxt").exists()


def test_links_and_other_files_stay_packed(tmp_path: Path) -> None:
    put(tmp_path / "in", {"script.py": "x", **FILES})
    (tmp_path / "in" / "mean.binaryproto").symlink_to("/etc/hostname")
    with py7zr.SevenZipFile(tmp_path / "net.7z", "w") as file:
        file.writeall(tmp_path / "in", "")
    with Archives() as archives:
        assert [path.name for path in archives.unpack(tmp_path / "net.7z")] == ["deploy.prototxt", "net.caffemodel"]


def test_a_bomb_is_refused_before_it_is_written(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_SMALL", 1 << 20)
    packed = pack(tmp_path / "net.7z", {"net.caffemodel": bytes(8 << 20)})
    assert packed.stat().st_size < 8 << 10
    with pytest.raises(SourceDamaged, match="would take 8,388,608 bytes unpacked"):
        reading(packed)


def test_a_bomb_that_lies_about_its_size_is_stopped(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_SMALL", 1 << 20)
    packed = pack(tmp_path / "net.7z", {"net.caffemodel": bytes(8 << 20)})
    honest = py7zr.SevenZipFile.list

    def lying(self: object) -> list[object]:
        members: list[object] = honest(self)
        for member in members:
            member.uncompressed = 5  # type: ignore[attr-defined]
        return members

    monkeypatch.setattr(py7zr.SevenZipFile, "list", lying)
    with pytest.raises(SourceDamaged, match="exceeds limit"):
        reading(packed)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"readme.md": b"x"}, "holds no Caffe files"),
        ({"a/net.prototxt": b"x", "b/NET.prototxt": b"y"}, "files of one name in several folders"),
        ({f"{at}.txt": b"" for at in range(1001)}, "holds 1001 files"),
        ({"net.prototxt": DEPLOY, "net.caffemodel": b"7z\xbc\xaf\x27\x1c"}, "cannot be unpacked"),
    ],
)
def test_archives_of_other_things_are_refused(
    tmp_path: Path, temporary: Path, files: dict[str, str | bytes], said: str
) -> None:
    with pytest.raises(SourceDamaged, match=said):
        reading(pack(tmp_path / "net.7z", files))


def test_an_encrypted_or_damaged_archive_is_refused(tmp_path: Path, temporary: Path) -> None:
    with py7zr.SevenZipFile(tmp_path / "net.7z", "w", password="secret") as packed:  # noqa: S106 - a test's
        packed.writestr(DEPLOY, "deploy.prototxt")
    with pytest.raises(SourceDamaged, match="is encrypted"):
        reading(tmp_path / "net.7z")
    whole = pack(tmp_path / "whole.7z", FILES).read_bytes()
    for end in (6, 32, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.7z").write_bytes(whole[:end])
        with pytest.raises(SourceDamaged, match=r"cut\.7z: cannot be unpacked"):
            reading(tmp_path / "cut.7z")


def test_without_py7zr_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pack(tmp_path / "net.7z", FILES)
    monkeypatch.setitem(__import__("sys").modules, "py7zr", None)
    with pytest.raises(FrameworkMissing, match=r"unpack it by hand, or pip install \"copycat-benchmark\[caffe\]\""):
        reading(packed)
