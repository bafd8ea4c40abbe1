"""Prototxt: every spelling means what protobuf says it means, and what is malformed is refused with its line."""

import random
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from hypothesis import given, settings
from hypothesis import strategies as st
from spellings import some_message, spelled

from converters.caffe import messages
from converters.caffe.prototxt import parse, read_prototxt
from converters.refusals import SourceDamaged, UnsupportedLayer


def parsed(text: str, cls: Any = messages.NetParameter) -> Any:
    message = cls()
    assert parse(text, message, "net.prototxt") == ()
    return message


def refusal(text: str, cls: Any = messages.NetParameter) -> str:
    with pytest.raises((SourceDamaged, UnsupportedLayer)) as caught:
        parse(text, cls(), "net.prototxt")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@given(
    message=st.sampled_from(["NetParameter", "LayerParameter", "V1LayerParameter", "SolverParameter"]).flatmap(
        lambda name: some_message(messages.CLASSES[name])
    ),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=300, deadline=None)
def test_any_spelling_gives_the_message_that_protobuf_reads_in_it(message: Any, seed: int) -> None:
    text = spelled(message, random.Random(seed))
    ours = parsed(text, type(message))
    theirs = text_format.Parse(text, type(message)())
    assert ours == theirs
    assert ours == message


@given(message=some_message(messages.NetParameter))
@settings(max_examples=100, deadline=None)
def test_what_protobuf_prints_is_read_back(message: Any) -> None:
    assert parsed(text_format.MessageToString(message)) == message
    assert parsed(text_format.MessageToString(message, as_one_line=True)) == message


@pytest.mark.parametrize(
    "text",
    [
        'layer{name:"a"top:"data"include{phase:TEST}input_param{shape{dim:1 dim:3}}}',
        "layer { name: 'a' top: 'data' include: { phase: TEST } input_param: { shape: { dim: [1, 3] } } }",
        'layer <name: "a"; top: "da" "ta", include <phase: 1> input_param <shape <dim: 0x1 dim: 03>>>',
        """layer: { # comment with { and "
          input_param { shape [ { dim: 1, dim: 3 } ] } include [ { phase: TEST } ] top: ["data"] name: "a" }""",
    ],
)
def test_spellings_of_published_nets_mean_the_same(text: str) -> None:
    net = messages.NetParameter()
    layer = net.layer.add(name="a", top=["data"], include=[{"phase": messages.TEST}])
    layer.input_param.shape.add(dim=[1, 3])
    assert parsed(text) == net


def test_numbers_in_caffes_ways() -> None:
    layer = parsed("layer { power_param { scale: .5 shift: 1e-2f power: - 2 } }").layer[0]
    assert (layer.power_param.scale, layer.power_param.power) == (0.5, -2)
    assert layer.power_param.shift == pytest.approx(0.01)
    assert parsed("layer { power_param { scale: inf shift: -INF } }").layer[0].power_param.shift == float("-inf")
    assert parsed("input_dim: 010 input_dim: 0xff input_dim: -7").input_dim == [8, 255, -7]


def test_a_byte_order_mark_and_a_comment_in_another_encoding_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(b"\xef\xbb\xbf# \xc4\xe3\xba\xc3\nname: 'x'\r\n")
    net = messages.NetParameter()
    assert read_prototxt(path, net) == ()
    assert net.name == "x"


def test_fields_of_forks_are_skipped_and_named() -> None:
    net = messages.NetParameter()
    text = """layer { name: "a" turbo: 3 convolution_param { kernel_size: 3 wild { layer: [1, "x"] more < y: -z > } }
      list: [ { a: 1 }, { b: 'c' 'd' } ] [ext.field-x/y]: 4 } quick_fix: true quick_fix: false"""
    names = parse(text, net, "net.prototxt")
    assert names == (
        "LayerParameter.turbo",
        "ConvolutionParameter.wild",
        "LayerParameter.list",
        "LayerParameter.[ext.field-x/y]",
        "NetParameter.quick_fix",
    )
    assert net.layer[0].convolution_param.kernel_size == [3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("layer {\n\n  name: 3 }", "line 3: 3 stands where a string in quotes should"),
        ("layer {\n  convolution_param {", "line 2: the end of the file stands where a field's name should"),
        ("\n}", "line 2: } stands where a field's name should"),
        ("layer { pooling_param { pool: MEDIAN } }", "pool is MEDIAN, but Caffe knows MAX, AVE, STOCHASTIC"),
        ("layers {\n type: PYTHON }", "line 2: PYTHON is no layer type"),
        ("layers { type: 77 }", "77 is no layer type"),
        ("input_dim: 2147483648", "lies between -2147483648 and 2147483647"),
        ("input_dim: 1.5", "a whole number for input_dim"),
        ("input_dim 1", "1 stands where { or : after input_dim should"),
        ("layer: 4", "4 stands where { should"),
        ("layer { relu_param { negative_slope: 1.2.3 } }", "a number for negative_slope"),
        ("force_backward: 2", "true or false"),
        ('name: "a" name: "b"', "name is said twice"),
        ("layer { relu_param {} relu_param {} }", "relu_param is said twice"),
        ("layer { clip_param { min: 0 } }", "does not say layer[0].clip_param.max"),
        ("input: [1, 2", "1 stands where a string in quotes should"),
        ('input: ["a" "b" ; ]', "a comma or ]"),
        ('name: "unfinished', "cannot stand here"),
        ("name: \x01", "cannot stand here"),
        ("layer {" * 40, "nested more than 32 deep"),
        ("wild {" * 40, "nested more than 32 deep"),
        ("layer { name: 'x' >", "> stands where a field's name should"),
        ("\0\0binary", "is a binary file"),
        ("<html><body>", "< stands where a field's name should"),
    ],
)
def test_what_is_malformed_is_refused_in_a_sentence_with_its_line(text: str, said: str) -> None:
    assert said in refusal(text)


def test_a_prototxt_of_many_megabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(b"# " + b"x" * (4 << 20))
    with pytest.raises(SourceDamaged, match="larger than 4 MB"):
        read_prototxt(path, messages.NetParameter())


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceDamaged, match=r"none\.prototxt: cannot be read"):
        read_prototxt(tmp_path / "none.prototxt", messages.NetParameter())
