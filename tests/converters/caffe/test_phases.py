"""Which layers a net has for inference: Caffe's include and exclude rules."""

import pytest

from converters.caffe import messages
from converters.caffe.phases import layers_of
from converters.caffe.prototxt import parse
from converters.refusals import SourceDamaged


def kept(text: str, *, saved: bool = False) -> list[str]:
    net = messages.NetParameter()
    parse(text, net, "net.prototxt")
    return [layer.name for layer in layers_of(net, "net.prototxt", saved=saved)]


@pytest.mark.parametrize(
    ("rules", "stays"),
    [
        ("", True),
        ("include { phase: TEST }", True),
        ("include { phase: TRAIN }", False),
        ("include { phase: TRAIN } include { phase: TEST }", True),
        ("exclude { phase: TRAIN }", True),
        ("exclude { phase: TEST }", False),
        ("exclude { phase: TRAIN } exclude { phase: TEST }", False),
        ("include {}", True),
        ("exclude {}", False),
        ("include { min_level: 0 }", True),
        ("include { min_level: 1 }", False),
        ("include { max_level: -1 }", False),
        ("exclude { min_level: 1 }", True),
        ('include { stage: "a" }', True),
        ('include { stage: "a" stage: "b" }', False),
        ('include { not_stage: "a" }', False),
        ('include { not_stage: "b" }', True),
        ('include { phase: TEST stage: "b" } include { stage: "a" }', True),
        ('exclude { phase: TRAIN stage: "a" }', True),
        ('exclude { phase: TEST stage: "a" }', False),
    ],
)
def test_a_layer_stays_by_its_rules(rules: str, stays: bool) -> None:
    text = f'state {{ stage: "a" phase: TRAIN }} layer {{ name: "x" {rules} }} layer {{ name: "y" }}'
    assert kept(text) == (["x", "y"] if stays else ["y"])


def test_two_layers_of_one_name_are_told_apart_by_their_phase() -> None:
    text = """layer { name: "data" type: "A" include { phase: TRAIN } }
      layer { name: "data" type: "B" include: { phase: TEST } }"""
    net = messages.NetParameter()
    parse(text, net, "net.prototxt")
    assert [layer.type for layer in layers_of(net, "net.prototxt")] == ["B"]


def test_the_levels_of_the_files_own_state_count() -> None:
    assert kept('state { level: 2 } layer { name: "x" include { min_level: 1 max_level: 2 } }') == ["x"]


def test_a_net_for_training_and_deployment_is_read_for_deployment() -> None:
    text = """layer { name: "data" include { stage: "train" } } layer { name: "fc" }
      layer { name: "loss" exclude { stage: "deploy" } } layer { name: "softmax" include { stage: "deploy" } }"""
    assert kept(text) == ["fc", "softmax"]


def test_a_net_saved_in_training_keeps_its_data_layer() -> None:
    text = 'layer { name: "data" include { phase: TRAIN } } layer { name: "fc" }'
    assert kept(text) == ["fc"]
    assert kept(text, saved=True) == ["data", "fc"]
    both = text + ' layer { name: "accuracy" include { phase: TEST } }'
    assert kept(both, saved=True) == ["fc", "accuracy"]


def test_include_and_exclude_on_one_layer_are_refused() -> None:
    with pytest.raises(SourceDamaged, match="'x' has include and exclude rules"):
        kept('layer { name: "x" include { phase: TEST } exclude { stage: "a" } }')
