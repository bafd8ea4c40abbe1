"""Old nets in new words: every rule of Caffe's own upgrade on the smallest net that shows it."""

from typing import Any

import pytest

from converters.caffe import messages
from converters.caffe.prototxt import parse
from converters.caffe.upgrade import upgrade
from converters.refusals import SourceDamaged, UnsupportedLayer


def net_of(text: str) -> Any:
    net = messages.NetParameter()
    assert parse(text, net, "net.prototxt") == ()
    return net


def upgraded(text: str) -> Any:
    net = net_of(text)
    assert upgrade(net, "net.prototxt") == ()
    return net


def test_a_v1_net_becomes_the_same_net_in_new_words() -> None:
    old = """name: "n" force_backward: true
      layers { name: "c" type: CONVOLUTION bottom: "a" top: "b" blobs_lr: 1 blobs_lr: 2 weight_decay: 0.5
        param: "shared" blob_share_mode: PERMISSIVE loss_weight: 3 include { phase: TEST }
        convolution_param { num_output: 4 kernel_size: 3 } blobs { data: 1.5 } }
      layers { name: "l" type: SOFTMAX_LOSS bottom: "b" bottom: "y" exclude { stage: "x" } }"""
    new = """name: "n" force_backward: true
      layer { name: "c" type: "Convolution" bottom: "a" top: "b"
        param { name: "shared" share_mode: PERMISSIVE lr_mult: 1 decay_mult: 0.5 } param { lr_mult: 2 }
        loss_weight: 3 include { phase: TEST } convolution_param { num_output: 4 kernel_size: 3 }
        blobs { data: 1.5 } }
      layer { name: "l" type: "SoftmaxWithLoss" bottom: "b" bottom: "y" exclude { stage: "x" } }"""
    assert upgraded(old) == net_of(new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ABSVAL", "AbsVal"),
        ("BNLL", "BNLL"),
        ("DECONVOLUTION", "Deconvolution"),
        ("HDF5_DATA", "HDF5Data"),
        ("IM2COL", "Im2col"),
        ("INNER_PRODUCT", "InnerProduct"),
        ("LRN", "LRN"),
        ("MVN", "MVN"),
        ("RELU", "ReLU"),
        ("SIGMOID_CROSS_ENTROPY_LOSS", "SigmoidCrossEntropyLoss"),
        ("TANH", "TanH"),
        ("NONE", ""),
    ],
)
def test_v1_types_have_these_names(old: str, new: str) -> None:
    assert upgraded(f'layers {{ name: "x" type: {old} }}').layer[0].type == new


def test_every_v1_type_has_a_name() -> None:
    for old in messages.V1LayerParameter.LayerType.keys():  # noqa: SIM118 - a wrapper of protobuf's, not a dict
        layer = upgraded(f"layers {{ type: {old} }}").layer[0]
        assert layer.HasField("type")


@pytest.mark.parametrize(
    ("kind", "param"),
    [("DATA", "data_param"), ("IMAGE_DATA", "image_data_param"), ("WINDOW_DATA", "window_data_param")],
)
def test_old_transform_fields_of_data_layers_move(kind: str, param: str) -> None:
    said = 'source: "s" scale: 0.5 mean_file: "m" crop_size: 7 mirror: true'
    net = upgraded(f'layers {{ name: "d" type: {kind} {param} {{ {said} }} }}')
    new = getattr(net.layer[0], param)
    assert new.source == "s"
    assert not any(new.HasField(field) for field in ("scale", "mean_file", "crop_size", "mirror"))
    moved = net.layer[0].transform_param
    assert (moved.scale, moved.mean_file, moved.crop_size, moved.mirror) == (0.5, "m", 7, True)


def test_a_v1_transform_stays_where_it_is() -> None:
    layer = upgraded("layers { type: DATA transform_param { scale: 2 } data_param { batch_size: 3 } }").layer[0]
    assert layer.transform_param.scale == 2
    assert not layer.data_param.HasField("scale")


def test_v0_layers_become_new_ones() -> None:
    old = """input: "data" input_dim: 1 input_dim: 3 input_dim: 9 input_dim: 9
      layers { layer { name: "c" type: "conv" num_output: 4 biasterm: false pad: 1 kernelsize: 3 stride: 2 group: 2
          blobs_lr: 1 weight_decay: 0 weight_filler { type: "xavier" } } bottom: "data" top: "c" }
      layers { layer { name: "p" type: "pool" pool: AVE kernelsize: 2 stride: 2 } bottom: "c" top: "p" }
      layers { layer { name: "n" type: "lrn" local_size: 3 alpha: 2 beta: 0.5 k: 4 } bottom: "p" top: "n" }
      layers { layer { name: "d" type: "dropout" dropout_ratio: 0.25 } bottom: "n" top: "n" }
      layers { layer { name: "k" type: "concat" concat_dim: 2 } bottom: "n" bottom: "n" top: "k" }
      layers { layer { name: "f" type: "innerproduct" num_output: 7 } bottom: "k" top: "f" }
      layers { layer { name: "s" type: "softmax" } bottom: "f" top: "s" }"""
    new = """layer { name: "input" type: "Input" top: "data" input_param { shape { dim: [1, 3, 9, 9] } } }
      layer { name: "c" type: "Convolution" bottom: "data" top: "c" param { lr_mult: 1 decay_mult: 0 }
        convolution_param { num_output: 4 bias_term: false pad: 1 kernel_size: 3 stride: 2 group: 2
          weight_filler { type: "xavier" } } }
      layer { name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param { pool: AVE kernel_size: 2 stride: 2 } }
      layer { name: "n" type: "LRN" bottom: "p" top: "n" lrn_param { local_size: 3 alpha: 2 beta: 0.5 k: 4 } }
      layer { name: "d" type: "Dropout" bottom: "n" top: "n" dropout_param { dropout_ratio: 0.25 } }
      layer { name: "k" type: "Concat" bottom: "n" bottom: "n" top: "k" concat_param { concat_dim: 2 } }
      layer { name: "f" type: "InnerProduct" bottom: "k" top: "f" inner_product_param { num_output: 7 } }
      layer { name: "s" type: "Softmax" bottom: "f" top: "s" }"""
    assert upgraded(old) == net_of(new)


def test_v0_data_layers_bring_their_transform() -> None:
    old = """layers { layer { name: "d" type: "images" source: "list" meanfile: "m" batchsize: 5 cropsize: 6
      mirror: true scale: 0.5 new_height: 8 new_width: 9 shuffle_images: true rand_skip: 1 }
      top: "data" top: "label" }"""
    new = """layer { name: "d" type: "ImageData" top: "data" top: "label"
      image_data_param { source: "list" batch_size: 5 new_height: 8 new_width: 9 shuffle: true rand_skip: 1 }
      transform_param { mean_file: "m" crop_size: 6 mirror: true scale: 0.5 } }"""
    assert upgraded(old) == net_of(new)


def test_v0_padding_layers_fold_into_what_reads_them() -> None:
    net = upgraded(
        """layers { layer { name: "p" type: "padding" pad: 2 } bottom: "data" top: "p" }
        layers { layer { name: "c" type: "conv" kernelsize: 5 pad: 9 } bottom: "p" top: "c" }
        layers { layer { name: "q" type: "padding" pad: 1 } bottom: "c" top: "q" }
        layers { layer { name: "m" type: "pool" kernelsize: 3 } bottom: "q" top: "m" }"""
    )
    assert [layer.name for layer in net.layer] == ["c", "m"]
    assert [list(layer.bottom) for layer in net.layer] == [["data"], ["c"]]
    assert net.layer[0].convolution_param.pad == [2]
    assert net.layer[1].pooling_param.pad == 1


def test_v0_padding_before_anything_else_is_refused() -> None:
    net = net_of(
        """layers { layer { name: "p" type: "padding" pad: 2 } bottom: "data" top: "p" }
        layers { layer { name: "r" type: "relu" } bottom: "p" top: "r" }"""
    )
    with pytest.raises(UnsupportedLayer, match="'r' reads a padding layer"):
        upgrade(net, "net.prototxt")


def test_a_v0_field_that_means_nothing_is_noted_and_an_unknown_type_refused() -> None:
    net = net_of('layers { layer { name: "r" type: "relu" kernelsize: 3 } bottom: "a" top: "a" }')
    assert upgrade(net, "net.prototxt") == ("layer 'r': kernelsize means nothing for a relu layer and is left out",)
    with pytest.raises(UnsupportedLayer, match="'warp'"):
        upgrade(net_of('layers { layer { name: "x" type: "warp" } }'), "net.prototxt")


def test_v0_and_v1_layers_may_stand_in_one_net() -> None:
    net = upgraded('layers { layer { name: "a" type: "relu" } } layers { name: "b" type: TANH }')
    assert [layer.type for layer in net.layer] == ["ReLU", "TanH"]


def test_layer_and_layers_in_one_net_are_refused() -> None:
    with pytest.raises(SourceDamaged, match='both "layer" and "layers"'):
        upgrade(net_of('layer { name: "a" } layers { name: "b" }'), "net.prototxt")


def test_input_fields_become_an_input_layer_at_the_front() -> None:
    dims = 'input: "a" input: "b" input_dim: [1, 3, 4, 5, 6, 1, 8, 9] layer { name: "x" }'
    shapes = (
        'input: "a" input: "b" input_shape { dim: [1, 3, 4, 5] } input_shape { dim: [6, 1, 8, 9] } layer { name: "x" }'
    )
    new = """layer { name: "input" type: "Input" top: "a" top: "b"
      input_param { shape { dim: [1, 3, 4, 5] } shape { dim: [6, 1, 8, 9] } } } layer { name: "x" }"""
    assert upgraded(dims) == upgraded(shapes) == net_of(new)


def test_inputs_without_a_size_are_dropped() -> None:
    assert upgraded('input: "data" layer { name: "x" }') == net_of('layer { name: "x" }')


@pytest.mark.parametrize(
    "text",
    [
        'input: "a" input_dim: [1, 3, 4]',
        'input: "a" input_dim: [1, 3, 4, 5, 6]',
        'input: "a" input: "b" input_dim: [1, 3, 4, 5]',
        'input: "a" input: "b" input_shape { dim: 1 }',
    ],
)
def test_inputs_without_a_size_each_are_refused(text: str) -> None:
    with pytest.raises(SourceDamaged, match="give each input its own"):
        upgrade(net_of(text), "net.prototxt")


def test_the_three_params_of_an_old_batch_norm_train_no_more() -> None:
    net = upgraded(
        """layer { name: "b" type: "BatchNorm" param { lr_mult: 1 } param { name: "v" } param { decay_mult: 2 } }
        layer { name: "c" type: "BatchNorm" param { lr_mult: 1 } }"""
    )
    assert [(spec.lr_mult, spec.decay_mult, spec.name) for spec in net.layer[0].param] == [
        (0, 0, n) for n in ("", "v", "")
    ]
    assert net.layer[1].param[0].lr_mult == 1


def test_upgrading_twice_changes_nothing() -> None:
    net = upgraded('input: "a" input_dim: [1, 1, 2, 2] layers { name: "r" type: RELU bottom: "a" top: "a" }')
    again = messages.NetParameter.FromString(net.SerializeToString())
    assert upgrade(again, "net.prototxt") == ()
    assert again == net
