"""Tests of stacks: identity, re-opening, order, memory, and taking images out."""

import errno
import hashlib
import io
import os
import shutil
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from small_pool import COUNT, kept, opened, refusal

from benchmark.images import cache, opening
from benchmark.images.opening import open_stack
from benchmark.images.sources import FolderSource, ListSource, NpzSource
from benchmark.images.stack import verify, without
from benchmark.places import Places


def test_identity_is_the_pixels(places: Places) -> None:
    """Digests are blake2b-128 per image and sha-256 over all of them and the labels, computed here by hand."""
    stack = opened(places)
    each = [hashlib.blake2b(image.tobytes(), digest_size=16).digest() for image in np.asarray(stack.images_NHWC)]
    assert stack.digests_N.dtype == np.dtype("V16")
    assert [digest.tobytes() for digest in stack.digests_N] == each
    labels = np.full(COUNT, -1, "<i8").tobytes()
    assert stack.manifest.digest == hashlib.sha256(b"".join(each) + labels).hexdigest()
    assert stack.labels_N.dtype == np.int64
    assert verify(stack, np.arange(COUNT)) is None


def test_a_stack_cannot_be_written_to(places: Places) -> None:
    """Images are a read-only memory map."""
    stack = opened(places)
    assert isinstance(stack.images_NHWC, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        stack.images_NHWC[0] = 0


def test_the_manifest_says_everything_but_where(places: Places, tmp_path: Path) -> None:
    """Counts, decoder, filter, skipped ones; no folder of this machine."""
    (places.data[0] / "pool/bad.png").write_text("nothing")
    manifest = opened(places, FolderSource(path=str(places.data[0] / "pool"))).manifest
    assert (manifest.count, manifest.size, manifest.colour, manifest.stand_in) == (COUNT, (8, 8), "rgb", False)
    assert manifest.source == "folder pool"
    assert manifest.skipped_count == 1
    assert "Pillow" in manifest.decoder
    assert "bilinear" in manifest.resize
    assert str(tmp_path) not in manifest.model_dump_json()
    assert str(tmp_path) not in (kept(places) / "manifest.json").read_text()


def test_the_second_opening_decodes_nothing(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same stack comes back without a decoder."""
    first = opened(places)
    monkeypatch.setattr(opening, "decode", None)
    second = opened(places)
    assert second.manifest == first.manifest
    np.testing.assert_array_equal(second.images_NHWC, first.images_NHWC)


def test_images_decoded_before_open_without_writing(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only cache is enough for what it holds."""
    first = opened(places)
    monkeypatch.setattr(Path, "mkdir", refusal(errno.EROFS))
    monkeypatch.setattr(cache.filelock, "FileLock", None)
    assert opened(places).manifest == first.manifest


@pytest.mark.parametrize("change", ["new", "gone", "other", "touched"])
def test_changed_files_are_decoded_anew(places: Places, change: str) -> None:
    """A file more or less, another content or time: the old pixels are not used."""
    opened(places)
    folder = places.data[0] / "pool"
    match change:
        case "new":
            shutil.copy(folder / "000.png", folder / "zzz.png")
        case "gone":
            (folder / "000.png").unlink()
        case "other":
            shutil.copy(folder / "001.png", folder / "000.png")
        case _:
            os.utime(folder / "000.png", (1, 1))
    said: list[str] = []
    opened(places, said=said)
    assert any("decoding" in text for text in said)


def test_order_survives_threads(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand numbered images come back in order, however many threads decode them."""
    images = np.zeros((1000, 10, 10, 3), np.uint8)
    images[..., 0], images[..., 1] = (np.arange(1000) // 256)[:, None, None], (np.arange(1000) % 256)[:, None, None]
    np.savez(places.data[0] / "numbers.npz", images=images)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    stack = opened(places, NpzSource(path="numbers.npz"))
    numbers = stack.images_NHWC[:, 0, 0, 0].astype(int) * 256 + stack.images_NHWC[:, 0, 0, 1]
    np.testing.assert_array_equal(numbers, np.arange(1000))


def test_memory_does_not_grow_with_the_pool(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """4,000 images of 12 kB of pixels each (49 MB) are decoded with less than 8 MB."""
    (places.data[0] / "long.txt").write_text("".join(f"pool/{number % COUNT:03d}.png\n" for number in range(4000)))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    tracemalloc.start()
    try:
        source = ListSource(path="long.txt")
        stack = open_stack(source, size=(64, 64), colour="rgb", classes=None, places=places, say=lambda text: None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert stack.images_NHWC.nbytes > 49e6
    assert peak < 8e6


def test_without_takes_out_the_same_pixels(places: Places) -> None:
    """Pixels that both stacks hold are taken out of the first, counted, and the order stays."""
    stream = io.BytesIO()
    pool = opened(places)
    np.savez(stream, images=np.concatenate([pool.images_NHWC[[3, 5, 5]], np.zeros((2, 8, 8, 3), np.uint8)]))
    (places.data[0] / "tdd.npz").write_bytes(stream.getvalue())
    rest = without(pool, opened(places, NpzSource(path="tdd.npz")))
    assert rest.taken_out == 2
    assert rest.positions_M.tolist() == [position for position in range(COUNT) if position not in {3, 5}]
    grey = open_stack(
        FolderSource(path="pool"), size=(8, 8), colour="grey", classes=None, places=places, say=lambda text: None
    )
    with pytest.raises(ValueError, match="cannot be compared"):
        without(pool, grey)
