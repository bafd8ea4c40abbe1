"""Caffe's messages: field numbers as real files have them, and Caffe's defaults."""

import pytest
from google.protobuf import descriptor_pool

from converters.caffe import messages


def test_tag_bytes_are_those_of_real_caffemodels() -> None:
    # FACTS of caffe.proto: layer A2 06, layers 12, name 0A; in a layer name 0A, type 12, bottom 1A, top 22, blobs 3A
    net = messages.NetParameter(name="n")
    layer = net.layer.add(name="a", type="b", bottom=["c"], top=["d"])
    layer.blobs.add(data=[1.0], shape=messages.BlobShape(dim=[3]))
    inner = b"\x0a\x01a\x12\x01b\x1a\x01c\x22\x01d\x3a\x0b\x2a\x04\x00\x00\x80\x3f\x3a\x03\x0a\x01\x03"
    assert net.SerializeToString() == b"\x0a\x01n\xa2\x06" + bytes([len(inner)]) + inner
    assert messages.NetParameter(layers=[{"name": "a"}]).SerializeToString() == b"\x12\x03\x22\x01a"


def test_defaults_are_caffes() -> None:
    layer = messages.LayerParameter()
    assert layer.convolution_param.group == 1
    assert layer.convolution_param.bias_term is True
    assert layer.pooling_param.round_mode == 0
    assert layer.lrn_param.local_size == 5
    assert layer.lrn_param.beta == 0.75
    assert layer.batch_norm_param.eps == pytest.approx(1e-5)
    assert layer.exp_param.base == -1
    assert layer.crop_param.axis == 2
    assert layer.flatten_param.end_axis == -1
    assert layer.eltwise_param.operation == layer.eltwise_param.SUM
    assert layer.reduction_param.operation == 1
    assert layer.transform_param.scale == 1
    assert messages.NetParameter().state.phase == messages.TEST
    assert messages.V1LayerParameter().layer.alpha == 1
    assert messages.SolverParameter().type == "SGD"


def test_clip_needs_both_ends() -> None:
    layer = messages.LayerParameter()
    layer.clip_param.min = 0
    assert layer.FindInitializationErrors() == ["clip_param.max"]


def test_packed_lists_are_those_of_blobs_only() -> None:
    packed = {
        field.full_name
        for message in messages.CLASSES.values()
        for field in message.DESCRIPTOR.fields
        if field.GetOptions().packed
    }
    names = ("BlobShape.dim", "BlobProto.data", "BlobProto.diff", "BlobProto.double_data", "BlobProto.double_diff")
    assert packed == {f"caffe.{name}" for name in names}


def test_repeated_is_what_the_descriptors_say() -> None:
    made = {cls.DESCRIPTOR.name: cls() for cls in messages.CLASSES.values()}
    for name, message in made.items():
        for field in message.DESCRIPTOR.fields:
            is_list = hasattr(getattr(message, field.name), "append") or hasattr(getattr(message, field.name), "add")
            assert messages.repeated(field) == is_list, f"{name}.{field.name}"


def test_nothing_of_it_is_in_the_pool_that_others_use() -> None:
    with pytest.raises(KeyError):
        descriptor_pool.Default().FindMessageTypeByName("caffe.NetParameter")
