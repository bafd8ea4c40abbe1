"""The door: labels as the bare model gives them, a meter that holds, answers that outlive a kill, and nothing else."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from PIL import Image

from oracles import server as server_module
from oracles.answers import Answers, verify
from oracles.keys import keys_of
from oracles.meter import Bill
from oracles.refusals import (
    BudgetSpent,
    ExternalDataRefused,
    NotAnOracleFile,
    OracleFailed,
    OracleUnsteady,
    StoreRefused,
    WrongImages,
)
from oracles.runtime import Session, open_session
from oracles.server import Server

Oracle = Callable[..., Path]
Photographs = Callable[..., np.ndarray]


def bare(file: Path, images_NHWC: np.ndarray) -> np.ndarray:
    """The labels that the model gives without any of our service, one image at a time."""
    session = open_session(file, device="cpu")
    return np.array([session.run(["labels"], {"images": image[None]})[0][0] for image in images_NHWC])


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The batches that really reach the model."""
    batches: list[np.ndarray] = []
    real = Session.run

    def run(self: Session, outputs: Any, feeds: Any) -> list[Any]:
        batches.append(feeds["images"].copy())
        return real(self, outputs, feeds)

    monkeypatch.setattr(Session, "run", run)
    return batches


def test_labels_are_those_of_the_bare_model(tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs) -> None:
    """Through the door, stored and asked again, and by the referee: the same int64 labels."""
    file, images = tiny_oracle(tmp_path), photographs(50)
    expected = bare(file, images)
    with Server(file, tmp_path / "answers") as server:
        ask = server.session(100, "me")
        for labels in (ask(images), ask(images), server.referee(images)):
            assert labels.dtype == np.int64
            np.testing.assert_array_equal(labels, expected)
        assert (ask.left, ask.classes, server.classes, server.size) == (0, 5, 5, (4, 4))
    assert len(np.unique(expected)) > 2


def test_the_bill_counts_what_was_asked_and_what_was_computed(
    tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs
) -> None:
    """At $2 per 1000 and 30 a minute: 10 new images, then the same and 5 more, of which 2 are equal."""
    images = photographs(15)
    images[14] = images[13]
    with Server(tiny_oracle(tmp_path, price=2.0, pace=30), tmp_path / "answers") as server:
        ask = server.session(30, "me")
        ask(images[:10])
        assert ask.bill() == Bill(10, 10, 0.02, 0.02, pytest.approx(1 / 3))
        ask(images)
        assert ask.bill() == Bill(25, 14, 0.05, 0.028, pytest.approx(25 / 30))
        other = server.session(15, "other")
        other(images)
        assert other.bill() == Bill(15, 0, 0.03, 0.0, 0.5)
        assert server._store.totals() == {"me": (25, 14), "other": (15, 0)}


def test_the_meter_refuses_the_image_after_the_last(
    tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs, counted: list[np.ndarray]
) -> None:
    """All or nothing, also for images whose answers are stored, and nothing reaches the model."""
    with Server(tiny_oracle(tmp_path), tmp_path / "answers") as server:
        ask = server.session(10, "me")
        ask(photographs(8))
        before = len(counted)
        with pytest.raises(BudgetSpent, match=r"^asked 3, 2 left of 10 \(oracle tiny\)$"):
            ask(photographs(3, seed=2))
        assert (ask.left, len(counted)) == (2, before)
        ask(photographs(2, seed=2))
        with pytest.raises(BudgetSpent, match=r"^asked 1, 0 left of 10 \(oracle tiny\)$"):
            ask(photographs(1))


@given(
    budget=st.integers(0, 60),
    asks=st.lists(st.lists(st.integers(0, 29), max_size=20), max_size=8),
)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_sequence_of_asks_beats_the_budget_or_the_model(
    tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs, budget: int, asks: list[list[int]]
) -> None:
    """Whatever is asked, also again, over earlier answers: within the budget, and the bare model's labels."""
    file, images = tmp_path / "tiny.onnx", photographs(30)
    if not file.exists():
        tiny_oracle(tmp_path)
    truth, spent = bare(file, images), 0
    with Server(file, tmp_path / "answers") as server:
        ask = server.session(budget, "me")
        for picks in asks:
            if spent + len(picks) <= budget:
                np.testing.assert_array_equal(ask(images[picks]), truth[picks])
                spent += len(picks)
            else:
                with pytest.raises(BudgetSpent):
                    ask(images[picks])
            assert (ask.left, ask.bill().asked) == (budget - spent, spent)
        assert len(server._store) == sum(total.computed for total in server._store.totals().values()) <= 30


def test_equal_images_are_computed_once(
    tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs, counted: list[np.ndarray]
) -> None:
    """Forty asked, three different ones: three rows of one batch; asked again in another session: nothing runs."""
    images = photographs(3)[np.arange(40) % 3]
    with Server(tiny_oracle(tmp_path), tmp_path / "answers") as server:
        labels = server.session(40, "me")(images)
        assert len(counted) == 1
        np.testing.assert_array_equal(counted[0][:3], images[:3])
        assert not counted[0][3:].any()
        np.testing.assert_array_equal(server.session(40, "other")(images[::-1]), labels[::-1])
        assert len(counted) == 1


def test_every_batch_has_the_same_size_whatever_is_asked(
    tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs, counted: list[np.ndarray]
) -> None:
    """1, 15, 16, 17 and 40 images, asked or refereed: the model sees batches of the size that the record states."""
    with Server(tiny_oracle(tmp_path), tmp_path / "answers", device="cpu") as server:
        ask = server.session(1000, "me")
        for number in (1, 15, 16, 17, 40):
            ask(photographs(number, seed=number))
            server.referee(photographs(number, seed=number))
        assert {len(batch) for batch in counted} == {server.settings["batch"]} == {16}


def test_a_fixed_batch_is_kept(
    tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs, counted: list[np.ndarray]
) -> None:
    """A model that takes three at a time gets three at a time, the last ones filled up."""
    file = tiny_oracle(tmp_path, batch=3)
    with Server(file, tmp_path / "answers") as server:
        server.session(7, "me")(photographs(7))
        assert [len(batch) for batch in counted] == [3, 3, 3]
        assert server.settings["batch"] == 3


def test_a_label_does_not_depend_on_its_company(tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs) -> None:
    """Images with close scores (a matrix of 3,072 rows, 100 classes), asked in any order and grouping."""
    file, images = tiny_oracle(tmp_path, k=100, size=32), photographs(90, size=32)
    rng = np.random.default_rng(0)
    with Server(file, tmp_path / "a") as server:
        expected = server.session(90, "me")(images)
    for folder in ("b", "c"):
        order = rng.permutation(90)
        with Server(file, tmp_path / folder) as server:
            ask = server.session(90, "me")
            parts = np.split(order, np.sort(rng.choice(np.arange(1, 90), 12, replace=False)))
            for part in parts:
                np.testing.assert_array_equal(ask(images[part]), expected[part])


def test_images_of_another_size_are_resized_by_pillow(
    tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs
) -> None:
    """Bilinear, to the oracle's size, said in the record; the answer is stored for the image as it was handed over."""
    file, images = tiny_oracle(tmp_path, size=6), photographs(9, size=11)[:, :, :7]
    small = np.stack([np.asarray(Image.fromarray(image).resize((6, 6), Image.Resampling.BILINEAR)) for image in images])
    with Server(file, tmp_path / "answers") as server:
        labels = server.session(9, "me")(images)
        np.testing.assert_array_equal(labels, bare(file, small))
        np.testing.assert_array_equal(server.referee(images), labels)
        np.testing.assert_array_equal(server._store.find(keys_of(images)), labels)
        assert "bilinear to 6x6" in server.settings["resize"]
        assert "Pillow" in server.settings["resize"]


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (np.zeros((2, 4, 4, 3), np.float32), r"^got float32 \[2, 4, 4, 3\]; wanted uint8 \[n, h, w, 3\]"),
        (np.zeros((2, 3, 4, 4), np.uint8), r"^got uint8 of shape \[2, 3, 4, 4\]; wanted \[n, h, w, 3\], colour last"),
        (np.zeros((4, 4, 3), np.uint8), r"^got uint8 of shape \[4, 4, 3\]"),
        (np.zeros((2, 4, 4, 1), np.uint8), r"^got uint8 of shape \[2, 4, 4, 1\]"),
        (np.zeros((2, 0, 4, 3), np.uint8), r"^got uint8 of shape \[2, 0, 4, 3\]"),
        ([[1, 2]], r"^got a list; wanted a numpy array"),
    ],
)
def test_wrong_images_are_refused_and_cost_nothing(
    tmp_path: Path, tiny_oracle: Oracle, images: Any, sentence: str
) -> None:
    """Dtype, axes, channels, emptiness, type: each named, with what is wanted; the budget is untouched."""
    with Server(tiny_oracle(tmp_path), tmp_path / "answers") as server:
        ask = server.session(10, "me")
        with pytest.raises(WrongImages, match=sentence):
            ask(images)
        with pytest.raises(WrongImages, match=sentence):
            server.referee(images)
        assert ask.left == 10


def test_no_images_and_views_of_images_are_fine(tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs) -> None:
    """None, a reversed view, a read-only memory map: the same labels as their plain copies."""
    file, images = tiny_oracle(tmp_path), photographs(20)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    expected = bare(file, images)
    with Server(file, tmp_path / "answers") as server:
        ask = server.session(100, "me")
        assert ask(images[:0]).shape == server.referee(images[:0]).shape == (0,)
        np.testing.assert_array_equal(ask(images[::-2]), expected[::-2])
        np.testing.assert_array_equal(ask(mapped), expected)
        np.testing.assert_array_equal(ask(np.asfortranarray(images)), expected)


def test_the_referee_is_neither_metered_nor_stored(
    tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs
) -> None:
    """Test images leave no trace in the store."""
    with Server(tiny_oracle(tmp_path), tmp_path / "answers") as server:
        server.referee(photographs(40))
        assert (len(server._store), server._store.totals()) == (0, {})


def test_threads_share_a_server_and_compute_nothing_twice(
    tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs, counted: list[np.ndarray]
) -> None:
    """Four sessions in four threads ask the same 400 images in other orders: right labels, 400 computed in all."""
    file, images = tiny_oracle(tmp_path), photographs(400)
    expected, bills, wrong = bare(file, images), [], []
    counted.clear()
    with Server(file, tmp_path / "answers") as server:

        def attack(seed: int) -> None:
            ask = server.session(400, f"thread {seed}")
            for picks in np.split(np.random.default_rng(seed).permutation(400), 10):
                wrong.extend(picks[ask(images[picks]) != expected[picks]])
            bills.append(ask.bill())

        threads = [threading.Thread(target=attack, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert [bill.asked for bill in bills] == [400] * 4
        assert sum(bill.computed for bill in bills) == len(server._store) == 400
    seen = np.concatenate(counted)
    assert len(np.unique(keys_of(seen[seen.any(axis=(1, 2, 3))]))) == seen.any(axis=(1, 2, 3)).sum() == 400


def test_answers_are_committed_in_blocks_before_they_are_handed_out(
    tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With blocks of 16, each batch is a block of its own; a failure in the fourth leaves three on the disk."""
    file, images, runs, real = tiny_oracle(tmp_path), photographs(100), [], Session.run
    monkeypatch.setattr(server_module, "_BLOCK_IMAGES", 16)

    def run(self: Session, outputs: Any, feeds: Any) -> list[Any]:
        runs.append(1)
        if len(runs) == 4:
            raise OracleFailed("the plug was pulled")
        return real(self, outputs, feeds)

    monkeypatch.setattr(Session, "run", run)
    with Server(file, tmp_path / "answers", device="cpu") as server:
        ask = server.session(200, "me")
        with pytest.raises(OracleFailed, match="plug"):
            ask(images)
        assert (len(server._store), ask.bill().computed, ask.left) == (48, 48, 100)
        np.testing.assert_array_equal(ask(images), bare(file, images))
        assert (ask.bill().computed, server._store.totals()["me"]) == (100, (200, 100))
    assert verify(server._store.path)[:2] == (100, 7)


def test_a_block_ends_when_its_time_is_up(
    tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a clock that advances .9 s at every look, a block is three batches of 16."""
    clock = iter(np.arange(0, 1000, 0.9))
    monkeypatch.setattr(server_module, "monotonic", lambda: next(clock))
    with Server(tiny_oracle(tmp_path), tmp_path / "answers", device="cpu") as server:
        images = photographs(16 * 7)
        labels = server.session(1000, "me")(images)
        np.testing.assert_array_equal(server.referee(images), labels)
    assert verify(server._store.path)[:2] == (112, 4)


def test_a_stored_answer_is_the_answer(tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs) -> None:
    """What the store holds is handed out, also where the model would say something else now."""
    file, images = tiny_oracle(tmp_path), photographs(5)
    with Server(file, tmp_path / "answers") as server:
        digest = server.digest
    other = (bare(file, images) + 1) % 5
    with closing(Answers(tmp_path / "answers", digest)) as store:
        store.add(keys_of(images), other, "an earlier run")
    with Server(file, tmp_path / "answers") as server:
        np.testing.assert_array_equal(server.session(5, "me")(images), other)
        with pytest.raises(OracleUnsteady):
            server._store.add(keys_of(images), bare(file, images), "me")


def test_an_ask_leads_nowhere(tmp_path: Path, tiny_oracle: Oracle) -> None:
    """Neither its public face nor what lies in its slots holds the server, the store, a session, a path or scores."""
    with Server(tiny_oracle(tmp_path), tmp_path / "answers") as server:
        ask = server.session(5, "me")
        assert [name for name in dir(ask) if not name.startswith("_")] == ["bill", "classes", "left"]
        assert not hasattr(ask, "__dict__")
        held = [getattr(ask, name) for name in ask.__slots__]
        held += [getattr(value, name) for value in held for name in getattr(type(value), "__slots__", ())]
        assert not any(isinstance(value, Server | Session | Answers | Path) for value in held)
        with pytest.raises(AttributeError):
            ask.budget = 10**6  # type: ignore[attr-defined]
        with pytest.raises(AttributeError):
            ask.left = 10**6  # type: ignore[misc]


def test_a_closed_server_refuses(tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs) -> None:
    """A session that outlives its server gets a sentence."""
    server = Server(tiny_oracle(tmp_path), tmp_path / "answers")
    ask = server.session(5, "me")
    server.close()
    server.close()
    with pytest.raises(StoreRefused, match="closed"):
        ask(photographs(2))


@pytest.mark.parametrize("content", [None, b"", b"<html>", b"\x08\x07"])
def test_what_is_no_oracle_file_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    """Missing, empty, junk, or a model without a card."""
    file = tmp_path / "odd.onnx"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(NotAnOracleFile, match=r"odd\.onnx: \S"):
        Server(file, tmp_path / "answers")
    assert not (tmp_path / "answers").exists()


def test_weights_outside_the_file_are_refused(
    tmp_path: Path, tiny_oracle: Oracle, tiny_model: Callable[..., onnx.ModelProto]
) -> None:
    """A constant whose numbers lie elsewhere, which onnxruntime would seek in the current folder."""
    model = tiny_model()
    onnx.external_data_helper.set_external_data(model.graph.initializer[0], "weights.bin")
    model.graph.initializer[0].ClearField("raw_data")
    file = tiny_oracle(tmp_path, model=model)
    with pytest.raises(ExternalDataRefused, match=r"tiny\.onnx: \S"):
        Server(file, tmp_path / "answers")


def test_a_label_that_is_no_class_is_refused(tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs) -> None:
    """A graph that answers -1 is stopped before anything is stored."""
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["images"], ["wide"], to=TensorProto.INT64),
            helper.make_node("ReduceMax", ["wide"], ["most"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Neg", ["most"], ["labels"]),
            helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMax", ["floats"], ["scores"], axes=[2, 3], keepdims=0),
        ],
        "odd",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", 4, 4, 3])],
        [
            helper.make_tensor_value_info("labels", TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 4]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    with Server(tiny_oracle(tmp_path, k=4, model=model), tmp_path / "answers") as server:
        with pytest.raises(OracleFailed, match=r"^tiny: 16 images gave labels .* wanted \[16\], 0 to 3$"):
            server.session(5, "me")(photographs(5))
        assert len(server._store) == 0


def test_the_digest_is_that_of_the_file(tmp_path: Path, tiny_oracle: Oracle) -> None:
    """sha-256 of its bytes; the store is named by it."""
    file = tiny_oracle(tmp_path)
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    with Server(file, tmp_path / "answers") as server:
        assert server.digest == expected
        assert (tmp_path / "answers" / f"{expected}.sqlite").exists()
        assert server.card.name == "tiny"


def test_what_was_mended_on_opening_is_told(tmp_path: Path, tiny_oracle: Oracle, photographs: Photographs) -> None:
    """The store's warnings are the server's."""
    file = tiny_oracle(tmp_path)
    with Server(file, tmp_path / "answers") as server:
        server.session(5, "me")(photographs(5))
        path = server._store.path
    path.write_bytes(bytes(5000))
    with Server(file, tmp_path / "answers") as server:
        (warning,) = server.warnings
    assert warning == (
        f"{path.name}: damaged (not an sqlite file); kept as {path.stem}.damaged-1.sqlite, "
        "0 answers with a right checksum carried over, the others will be asked again"
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the labelling child forks")
def test_50_kills_lose_no_acknowledged_answer(tmp_path: Path, tiny_oracle: Oracle) -> None:
    """Labelling processes die at random moments: what they told is stored and right, once paid, in a sound file."""
    file, folder, rng = tiny_oracle(tmp_path), tmp_path / "answers", np.random.default_rng(1)
    child_file = Path(__file__).with_name("labelling_child.py")
    told: dict[int, int] = {}
    with subprocess.Popen(
        [sys.executable, str(child_file), str(file), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for number in range(50):
            nursery.stdin.write(f"{number}\n")
            nursery.stdin.flush()
            pid = int(nursery.stdout.readline().split()[1])
            lines = [nursery.stdout.readline() for _ in range(rng.integers(0, 13))]
            time.sleep(rng.uniform(0.0, 0.03))  # the random moment, also while the store is opened
            os.kill(pid, signal.SIGKILL)
            while (line := nursery.stdout.readline()) != "end\n":
                lines.append(line)
            for picks, labels in map(json.loads, lines):
                told.update(zip(picks, labels, strict=True))
        nursery.stdin.close()
    pool = np.random.default_rng(99).integers(0, 256, (100_000, 4, 4, 3), dtype=np.uint8)
    with Server(file, folder) as server:
        assert server.warnings == ()
        asked = np.array(sorted(told))
        np.testing.assert_array_equal(server._store.find(keys_of(pool[asked])), [told[pick] for pick in asked])
        np.testing.assert_array_equal(server.referee(pool[asked]), [told[pick] for pick in asked])
        assert sum(total.computed for total in server._store.totals().values()) == len(server._store) >= len(told)
    assert verify(server._store.path).faults == ()
    assert len(told) > 1000
