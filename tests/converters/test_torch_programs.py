"""Exported programs: what they answer, and that opening a stranger's runs nothing that it brings."""

import contextlib
import copy
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from beside_torch import agrees, answers, noise
from forged_programs import (
    branch,
    changed,
    file_operator,
    guard,
    in_graph,
    node_name,
    of,
    operator,
    parameter_name,
    pickled,
    pickled_constant,
    pickled_weight,
    size_expression,
    tree,
)
from torch_networks import Small, TwoHeads, made

from converters.conversion import Conversion, Source, Wishes
from converters.pytorch import programs as torch_programs
from converters.pytorch.convert import convert
from converters.refusals import ConversionRefused, RunsCode, SourceDamaged, SourceIncomplete, UnsupportedLayer

torch.set_num_threads(1)


def saved(file: Path, net: torch.nn.Module, *shape: int, free: bool = True) -> Path:
    """The network as a program of so many images, their number free or not."""
    dims = ({0: torch.export.Dim("n", min=1)},) if free else None
    torch.export.save(torch.export.export(net, (torch.zeros(*shape),), dynamic_shapes=dims), file)
    return file


def opened(file: Path, **wishes: Any) -> Conversion:
    """The file converted."""
    return convert(Source(str(file), file), Wishes(**wishes))


def test_a_program_becomes_a_model(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Any number of images, the module's answers, the module's names for the layers, no path of a machine."""
    conversion = opened(saved(tmp_path / "net.pt2", made(3), 2, 3, 16, 20))
    assert capfd.readouterr() == ("", "")
    assert conversion.files == (tmp_path / "net.pt2",)
    inputs = noise(5, 3, 16, 20)
    agrees(conversion, inputs)
    expected = made(3)(torch.from_numpy(inputs)).detach().numpy()
    np.testing.assert_allclose(answers(conversion, inputs)[0], expected, rtol=1e-4, atol=1e-5)
    assert conversion.reference is not None
    names = [name.split("/")[0] for name, _ in conversion.reference.layers(inputs)]
    assert names == ["bn", "relu", "again", "relu", "mean", "scores"]
    assert str(Path(__file__).parent).encode() not in conversion.model.SerializeToString()


def test_a_program_of_a_fixed_number_of_images_keeps_it(tmp_path: Path) -> None:
    """The reference still answers any number; it is noted."""
    conversion = opened(saved(tmp_path / "net.pt2", made(3), 4, 3, 16, 16, free=False))
    assert conversion.notes == ("net.pt2 was exported for 4 images at a time",)
    agrees(conversion, noise(4, 3, 16, 16))
    assert conversion.reference is not None
    inputs = noise(7, 3, 16, 16)
    expected = made(3)(torch.from_numpy(inputs)).detach().numpy()
    np.testing.assert_allclose(conversion.reference.scores(inputs), expected, rtol=1e-5, atol=1e-6)
    assert list(conversion.reference.layers(inputs)) == []


def test_outputs_of_a_program_are_named(tmp_path: Path) -> None:
    """As a module's."""
    torch.manual_seed(0)
    file = saved(tmp_path / "net.pt2", TwoHeads().eval(), 2, 3, 16, 16)
    with pytest.raises(SourceIncomplete, match="several outputs of net.pt2"):
        opened(file)
    conversion = opened(file, output="output_classes")
    assert conversion.stated == {"output": "output_classes"}
    agrees(conversion, noise(3, 3, 16, 16))


@pytest.mark.parametrize("name", ["test_vit", "test_nfnet", "test_efficientnet"])
def test_programs_of_every_kind_of_network_need_no_leave(tmp_path: Path, name: str) -> None:
    """What the gate lets through is not only the simplest."""
    torch.manual_seed(0)
    file = saved(tmp_path / "net.pt2", timm.create_model(name).eval(), 2, 3, 160, 160)
    agrees(opened(file), noise(2, 3, 160, 160))


@pytest.mark.parametrize(
    ("net", "shape", "refusal", "words"),
    [
        (made().train(), (2, 3, 8, 8), UnsupportedLayer, r"training mode.*call model.eval\(\)"),
        (torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout()), (2, 3, 4), UnsupportedLayer, "training mode"),
        (torch.nn.Bilinear(3, 3, 2).eval(), ((2, 3), (2, 3)), UnsupportedLayer, "takes 2 inputs"),
        (
            torch.nn.Conv2d(3, 1, 3).eval(),
            (2, 3, 8, 8),
            SourceIncomplete,
            r"no output with a score for each class .scores \[2, 1, 6",
        ),
    ],
)
def test_programs_that_classify_nothing_are_refused(
    tmp_path: Path, net: torch.nn.Module, shape: Any, refusal: type[ConversionRefused], words: str
) -> None:
    """Training mode, several inputs, no scores: one sentence each."""
    shapes = shape if isinstance(shape[0], tuple) else (shape,)
    torch.export.save(torch.export.export(net, tuple(torch.zeros(*s) for s in shapes)), tmp_path / "net.pt2")
    with pytest.raises(refusal, match=words):
        opened(tmp_path / "net.pt2")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (pickled_weight, "the tensor fc.bias as a pickle"),
        (pickled_constant, "the kind of constant 'opaque_obj_0'"),
        (in_graph(size_expression), "the size "),
        (in_graph(operator), "the operator 'torch.os.system'"),
        (in_graph(file_operator), "the operator 'torch.ops.aten.from_file.default'"),
        (in_graph(node_name), "the name .relu = None"),
        (in_graph(parameter_name), "the name '__class__.forward'"),
        (in_graph(tree), "nested in collections.defaultdict"),
        (in_graph(branch), "operator among the arguments"),
    ],
)
def test_what_could_run_code_is_refused_and_does_not_run(
    tmp_path: Path, change: Callable[[dict[str, bytes], Path], None], words: str
) -> None:
    """Each way into a process that torch.export.load leaves open."""
    file = saved(tmp_path / "net.pt2", Small().eval(), 2, 3, 16, 16)
    changed(file, lambda records: change(records, tmp_path / "ran"))
    with pytest.raises(RunsCode, match=words) as caught:
        opened(file)
    assert "add --allow-code" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("change", [pickled, in_graph(guard)])
def test_what_is_not_needed_is_left_behind(tmp_path: Path, change: Callable[[dict[str, bytes], Path], None]) -> None:
    """Example inputs and guards never reach torch; the program answers without them."""
    file = saved(tmp_path / "net.pt2", made(3), 2, 3, 16, 16)
    changed(file, lambda records: change(records, tmp_path / "ran"))
    agrees(opened(file), noise(3, 3, 16, 16))
    assert not (tmp_path / "ran").exists()


def test_with_leave_the_file_is_opened_as_it_is(tmp_path: Path) -> None:
    """The same pickled inputs run: this is what the gate keeps out, and what leave means."""
    file = saved(tmp_path / "net.pt2", made(3), 2, 3, 16, 16)
    changed(file, lambda records: pickled(records, tmp_path / "ran"))
    with contextlib.suppress(ConversionRefused):
        opened(file, allow_code=True)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("leave", [False, True])
def test_torn_and_foreign_archives_end_in_a_sentence(tmp_path: Path, leave: bool) -> None:
    """Cut at 30 places, records missing, JSON of nothing."""
    whole = saved(tmp_path / "net.pt2", Small().eval(), 2, 3, 16, 16).read_bytes()
    file = tmp_path / "net.pt2"
    for length in range(0, len(whole) - 1, len(whole) // 30):
        file.write_bytes(whole[:length])
        with pytest.raises((SourceDamaged, SourceIncomplete)) as caught:
            opened(file, allow_code=leave)
        assert "\n" not in str(caught.value)
    for end in ("models/model.json", "weights_config.json", "weights/weight_0", "archive_version"):
        file.write_bytes(whole)
        changed(file, lambda records, end=end: records.pop(of(records, end)) and None)  # type: ignore[misc]
        with pytest.raises((SourceDamaged, SourceIncomplete)):
            opened(file, allow_code=leave)
    file.write_bytes(whole)
    changed(file, lambda records: records.update({of(records, "model.json"): b"[[[[" * 30_000}))
    with pytest.raises(SourceDamaged):
        opened(file, allow_code=leave)


def strings(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all strings in a JSON document."""
    if isinstance(value, str):
        return [path]
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, part in parts for place in strings(part, (*path, key))]


def test_code_in_the_place_of_any_string_is_refused_or_dropped(tmp_path: Path) -> None:
    """Every string of the graph and of the tables of tensors, one after the other; none of it reaches torch."""
    file = saved(tmp_path / "net.pt2", Small().eval(), 2, 3, 16, 16)
    whole = file.read_bytes()
    evil = f"__import__('os').system('touch {tmp_path / 'ran'}')"
    refused = 0
    for end in ("models/model.json", "weights_config.json"):
        with zipfile.ZipFile(io.BytesIO(whole)) as archive:
            record = next(name for name in archive.namelist() if name.endswith(end))
            document = json.loads(archive.read(record))
        for *path, last in strings(document):
            edited = copy.deepcopy(document)
            place = edited
            for key in path:
                place = place[key]
            place[last] = evil
            file.write_bytes(whole)
            changed(file, lambda records, name=record, new=edited: records.update({name: json.dumps(new).encode()}))  # type: ignore[misc]
            try:
                torch_programs.read_program(file, allow_code=False)
            except (RunsCode, SourceDamaged):
                refused += 1
            else:
                assert last in ("stack_trace", "torch_fn", "torch_version", "type") or "metadata" in path
    assert refused > 100
    assert not (tmp_path / "ran").exists()
