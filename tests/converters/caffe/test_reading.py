"""From what the user named to a net: which files are taken, what stands for the data layer, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from model_files import CONV, DEPLOY, FC, LOSS, SOFTMAX, blobs, caffemodel, mean_file, put, reading

from converters.caffe.net import Transform
from converters.caffe.reading import Reading
from converters.refusals import SourceDamaged, SourceIncomplete, UnsupportedLayer

DATA = """layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { mirror: true } }
layer { name: "data" type: "Data" top: "data" top: "label" include: { phase: TEST } data_param { batch_size: 5 }
  transform_param { %s } }\n"""
SOLVER = 'net: "far/away/train_test.prototxt" base_lr: 0.01 max_iter: 5'
WEIGHTS = caffemodel(blobs())


def train_test(transform: str) -> str:
    return DATA % transform + CONV + FC + LOSS


def names(found: Reading) -> list[str]:
    return [file.name for file in found.files]


def refused(path: Path, kind: type[Exception] = SourceIncomplete, **wishes: object) -> str:
    with pytest.raises(kind) as caught:
        reading(path, **wishes)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_with_one_net_and_its_weights(tmp_path: Path) -> None:
    found = reading(put(tmp_path, {"deploy.prototxt": DEPLOY + CONV + FC + SOFTMAX, "net.caffemodel": WEIGHTS}))
    assert found.net.name == "net"
    assert found.net.inputs == {"data": (1, 3, 8, 8)}
    assert [(layer.name, layer.type, layer.bottoms, layer.tops) for layer in found.net.layers] == [
        ("conv", "Convolution", ("data",), ("conv",)),
        ("fc", "InnerProduct", ("conv",), ("fc",)),
        ("prob", "Softmax", ("fc",), ("prob",)),
    ]
    np.testing.assert_array_equal(found.net.layers[1].blobs[0], blobs()["fc"][0])
    assert found.net.layers[0].params.convolution_param.num_output == 2
    assert (found.net.transform, found.mean_image, found.labels, found.notes) == (None, None, (), ())
    assert names(found) == ["deploy.prototxt", "net.caffemodel"]


@pytest.mark.parametrize("named", ["deploy.prototxt", "net.caffemodel"])
def test_a_file_finds_the_other_beside_it(tmp_path: Path, named: str) -> None:
    put(tmp_path, {"deploy.prototxt": DEPLOY + CONV + FC, "net.caffemodel": WEIGHTS, "unrelated.txt": "x"})
    assert names(reading(tmp_path / named)) == ["deploy.prototxt", "net.caffemodel"]


def test_weights_may_lie_elsewhere(tmp_path: Path) -> None:
    put(tmp_path / "here", {"deploy.prototxt": DEPLOY + CONV + FC})
    there = put(tmp_path / "there", {"a.caffemodel": WEIGHTS})
    for wish in (there / "a.caffemodel", there):
        assert names(reading(tmp_path / "here" / "deploy.prototxt", weights=wish)) == [
            "deploy.prototxt",
            "a.caffemodel",
        ]
    assert "pass one with --weights" in refused(tmp_path / "here" / "deploy.prototxt")
    assert "holds no caffemodel" in refused(tmp_path / "here", weights=tmp_path / "here")


def test_several_files_of_weights_are_refused_by_their_names(tmp_path: Path) -> None:
    put(tmp_path, {"deploy.prototxt": DEPLOY + CONV + FC, "iter_1.caffemodel": WEIGHTS, "iter_2.caffemodel": WEIGHTS})
    said = refused(tmp_path)
    assert "iter_1.caffemodel, iter_2.caffemodel" in said
    assert "--weights" in said
    assert names(reading(tmp_path, weights=tmp_path / "iter_2.caffemodel"))[-1] == "iter_2.caffemodel"


def test_several_nets_are_refused_by_their_names(tmp_path: Path) -> None:
    text = DEPLOY + CONV + FC
    put(tmp_path, {"one.prototxt": text, "two.prototxt": text, "net.caffemodel": WEIGHTS})
    assert "one.prototxt, two.prototxt" in refused(tmp_path)
    assert names(reading(tmp_path / "two.prototxt"))[0] == "two.prototxt"


def test_a_deployed_net_counts_before_one_for_training_whose_transform_it_takes(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "deploy.prototxt": DEPLOY + CONV + FC + SOFTMAX,
            "train_test.prototxt": train_test("scale: 0.5 mean_value: 1 mean_value: 2 mean_value: 3 crop_size: 8"),
            "solver.prototxt": SOLVER,
            "net.caffemodel": WEIGHTS,
        },
    )
    found = reading(tmp_path)
    assert found.net.layers[-1].type == "Softmax"
    assert found.net.transform == Transform(0.5, 8, (1.0, 2.0, 3.0))
    assert names(found) == ["deploy.prototxt", "train_test.prototxt", "net.caffemodel"]
    assert any("train_test.prototxt" in note for note in found.notes)


def test_a_net_for_training_of_other_layers_says_nothing_about_this_one(tmp_path: Path) -> None:
    other = train_test("scale: 0.5").replace('"conv"', '"other"')
    put(tmp_path, {"deploy.prototxt": DEPLOY + CONV + FC, "train.prototxt": other, "net.caffemodel": WEIGHTS})
    assert reading(tmp_path).net.transform is None


def test_nets_for_training_that_disagree_are_refused(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "deploy.prototxt": DEPLOY + CONV + FC,
            "a.prototxt": train_test("scale: 0.5"),
            "b.prototxt": train_test("scale: 2"),
            "net.caffemodel": WEIGHTS,
        },
    )
    assert "a.prototxt, b.prototxt do different things to pixels" in refused(tmp_path)


def test_the_net_inside_a_caffemodel_says_what_was_done_to_pixels(tmp_path: Path) -> None:
    saved = 'layer { name: "d" type: "Data" top: "data" include { phase: TRAIN } transform_param { scale: 0.25 } }'
    weights = caffemodel(blobs(), saved + CONV + FC)
    put(tmp_path, {"deploy.prototxt": DEPLOY + CONV + FC, "net.caffemodel": weights})
    found = reading(tmp_path)
    assert found.net.transform == Transform(0.25)
    assert names(found) == ["deploy.prototxt", "net.caffemodel"]


def test_a_caffemodel_alone_brings_its_own_net(tmp_path: Path) -> None:
    data = 'layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TRAIN } }\n'
    put(tmp_path, {"net.caffemodel": caffemodel(blobs(), data + CONV + FC + LOSS)})
    assert "how large its images are; pass --size" in refused(tmp_path / "net.caffemodel")
    found = reading(tmp_path / "net.caffemodel", size=(8, 8))
    assert found.net.inputs == {"data": (1, 3, 8, 8)}
    assert names(found) == ["net.caffemodel"]


def test_a_caffemodel_of_bare_weights_alone_is_refused(tmp_path: Path) -> None:
    put(tmp_path, {"net.caffemodel": WEIGHTS})
    assert "holds weights only; pass its prototxt" in refused(tmp_path)


def test_a_caffemodel_passes_over_nets_that_it_does_not_fit(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "other.prototxt": DEPLOY + CONV.replace("conv", "stranger"),
            "mine.prototxt": DEPLOY + CONV + FC,
            "net.caffemodel": WEIGHTS,
        },
    )
    assert names(reading(tmp_path / "net.caffemodel")) == ["mine.prototxt", "net.caffemodel"]


def test_a_solver_and_an_empty_folder_are_refused_with_the_way_out(tmp_path: Path) -> None:
    put(tmp_path, {"solver.prototxt": SOLVER, "net.caffemodel": WEIGHTS})
    assert "pass the prototxt that it names" in refused(tmp_path / "solver.prototxt")
    assert "holds no prototxt of a net" in refused(put(tmp_path / "empty", {}))


def test_a_broken_prototxt_is_left_aside_where_another_will_do(tmp_path: Path) -> None:
    put(tmp_path, {"a.prototxt": "layer {", "deploy.prototxt": DEPLOY + CONV + FC, "net.caffemodel": WEIGHTS})
    found = reading(tmp_path)
    assert found.notes == ("left aside: a.prototxt, line 1: the end of the file stands where a field's name should.",)
    assert "line 1" in refused(tmp_path / "a.prototxt", SourceDamaged)


def test_a_folder_of_endlessly_many_prototxts_is_looked_through_in_part(tmp_path: Path) -> None:
    put(tmp_path, {f"n{at:03}.prototxt": "" for at in range(150)} | {"net.caffemodel": WEIGHTS})
    put(tmp_path, {"z.prototxt": DEPLOY + CONV + FC})
    assert "holds no prototxt" not in refused(tmp_path)
    assert any("more prototxts than are looked at" in note for note in reading(tmp_path / "z.prototxt").notes)


def test_fields_of_forks_are_noted(tmp_path: Path) -> None:
    text = DEPLOY + CONV.replace("num_output", "turbo: 1 num_output") + FC
    found = reading(put(tmp_path, {"deploy.prototxt": text, "net.caffemodel": WEIGHTS}))
    assert found.notes == ("deploy.prototxt: ConvolutionParameter.turbo is unknown and was skipped",)


# what stands for a data layer


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        ('type: "Data" data_param { batch_size: 7 } transform_param { crop_size: 8 }', (7, 3, 8, 8)),
        ('type: "ImageData" image_data_param { new_height: 8 new_width: 8 batch_size: 2 }', (2, 3, 8, 8)),
        (
            'type: "ImageData" image_data_param { new_height: 9 new_width: 9 } transform_param { crop_size: 8 }',
            (1, 3, 8, 8),
        ),
        ('type: "MemoryData" memory_data_param { batch_size: 4 channels: 3 height: 8 width: 8 }', (4, 3, 8, 8)),
        ('type: "DummyData" dummy_data_param { shape { dim: [6, 3, 8, 8] } }', (6, 3, 8, 8)),
        ('type: "DummyData" dummy_data_param { num: 6 channels: 3 height: 8 width: 8 }', (6, 3, 8, 8)),
        ('type: "WindowData" window_data_param { batch_size: 3 } transform_param { crop_size: 8 }', (3, 3, 8, 8)),
        ('type: "HDF5Data" hdf5_data_param { batch_size: 2 } transform_param { crop_size: 8 }', (2, 3, 8, 8)),
        ('type: "AnnotatedData" transform_param { crop_size: 8 }', (1, 3, 8, 8)),
    ],
)
def test_data_layers_become_inputs_of_their_size(tmp_path: Path, data: str, shape: tuple[int, ...]) -> None:
    text = f'layer {{ name: "d" top: "data" top: "label" {data} }}\n' + CONV + FC + LOSS
    found = reading(put(tmp_path, {"net.prototxt": text, "net.caffemodel": WEIGHTS}))
    assert found.net.inputs == {"data": shape}
    assert [layer.name for layer in found.net.layers] == ["conv", "fc", "accuracy", "loss"]


def test_the_size_may_come_from_the_user_or_the_mean_image(tmp_path: Path) -> None:
    put(tmp_path, {"net.prototxt": train_test(""), "net.caffemodel": WEIGHTS})
    assert "pass --size" in refused(tmp_path)
    assert reading(tmp_path, size=(8, 8)).net.inputs == {"data": (5, 3, 8, 8)}
    put(tmp_path, {"net.prototxt": train_test('mean_file: "m"'), "m": mean_file(np.ones((3, 8, 8)))})
    assert reading(tmp_path).net.inputs == {"data": (5, 3, 8, 8)}


def test_the_users_size_counts_before_a_stated_one(tmp_path: Path) -> None:
    conv_only = {"net.prototxt": DEPLOY + CONV, "net.caffemodel": WEIGHTS}
    assert reading(put(tmp_path, conv_only), size=(20, 30)).net.inputs == {"data": (1, 3, 20, 30)}


def test_channels_come_from_the_first_weights(tmp_path: Path) -> None:
    text = 'layer { name: "n" type: "BatchNorm" bottom: "data" top: "n" }\n' + CONV.replace(
        'bottom: "data"', 'bottom: "n"'
    )
    norm = {"n": [np.ones(3, np.float32)] * 2 + [np.ones(1, np.float32)]}
    put(tmp_path, {"net.prototxt": DATA % "crop_size: 8" + text, "net.caffemodel": caffemodel(blobs() | norm)})
    assert reading(tmp_path).net.inputs["data"][1] == 3
    grey = CONV.replace("kernel_size", "group: 2 kernel_size")
    put(tmp_path, {"net.prototxt": DATA % "crop_size: 8" + grey, "net.caffemodel": caffemodel(blobs(channels=1))})
    assert reading(tmp_path).net.inputs["data"][1] == 2


def test_a_net_of_inner_products_tells_the_size_of_square_images(tmp_path: Path) -> None:
    text = DATA % "" + FC.replace('"conv"', '"data"')
    for flat, shape in ((784, (1, 28, 28)), (3 * 32 * 32, (3, 32, 32))):
        weights = caffemodel({"fc": [np.zeros((4, flat), np.float32), np.zeros(4, np.float32)]})
        put(tmp_path, {"net.prototxt": text, "net.caffemodel": weights})
        assert reading(tmp_path).net.inputs == {"data": (5, *shape)}


def test_channels_that_no_weights_tell_are_asked_for(tmp_path: Path) -> None:
    pool = 'layer { name: "p" type: "Reduction" bottom: "data" top: "p" }\n'
    put(tmp_path, {"net.prototxt": DATA % "crop_size: 8" + pool, "net.caffemodel": WEIGHTS})
    assert "say channels = 1 or 3 in a card" in refused(tmp_path)
    assert reading(tmp_path, image_channels=1).net.inputs == {"data": (5, 1, 8, 8)}
    put(tmp_path, {"net.prototxt": DATA % "crop_size: 8 force_gray: true" + pool})
    assert reading(tmp_path).net.inputs == {"data": (5, 1, 8, 8)}
    put(tmp_path, {"net.prototxt": DATA % "crop_size: 8 mean_value: [1, 2, 3]" + pool})
    assert reading(tmp_path).net.inputs == {"data": (5, 3, 8, 8)}


@pytest.mark.parametrize(
    ("shapes", "inputs"),
    [
        ("shape { dim: [1, 3, 8, 8] }", {"data": (1, 3, 8, 8), "more": (1, 3, 8, 8)}),
        ("shape { dim: [1, 3, 8, 8] } shape { dim: [1, 7] }", {"data": (1, 3, 8, 8), "more": (1, 7)}),
    ],
)
def test_input_layers_have_a_shape_for_each_top_or_one_for_all(
    tmp_path: Path, shapes: str, inputs: dict[str, tuple[int, ...]]
) -> None:
    entry = f'layer {{ name: "i" type: "Input" top: "data" top: "more" input_param {{ {shapes} }} }}\n'
    found = reading(put(tmp_path, {"net.prototxt": entry + CONV, "net.caffemodel": WEIGHTS}))
    assert found.net.inputs == inputs


def test_inputs_of_no_size_or_of_odd_sizes(tmp_path: Path) -> None:
    entry = 'layer { name: "i" type: "Input" top: "data" input_param { %s } }\n' + CONV
    put(tmp_path, {"net.prototxt": entry % "", "net.caffemodel": WEIGHTS})
    assert "pass --size" in refused(tmp_path)
    assert reading(tmp_path, size=(9, 8)).net.inputs == {"data": (1, 3, 9, 8)}
    put(tmp_path, {"net.prototxt": entry % "shape { dim: [1, 3, 0, 8] }"})
    assert "a side below 1" in refused(tmp_path, SourceDamaged)
    put(tmp_path, {"net.prototxt": entry % "shape { dim: 1 } shape { dim: 2 }"})
    assert "has 1 tops, but 2 shapes" in refused(tmp_path, SourceDamaged)


def test_a_net_without_any_input_reads_what_nothing_gives(tmp_path: Path) -> None:
    put(tmp_path, {"net.prototxt": 'input: "data"\n' + CONV + FC, "net.caffemodel": WEIGHTS})
    assert reading(tmp_path, size=(8, 8)).net.inputs == {"data": (1, 3, 8, 8)}
    put(tmp_path, {"net.prototxt": 'layer { name: "p" type: "Parameter" top: "p" }'})
    assert "the net has no input" in refused(tmp_path, SourceDamaged)


def test_what_only_labels_feed_is_left_out(tmp_path: Path) -> None:
    labels = """layer { name: "cut" type: "Slice" bottom: "label" top: "one" top: "two" }
      layer { name: "mixed" type: "Eltwise" bottom: "fc" bottom: "one" top: "mixed" }
      layer { name: "end" type: "Reduction" bottom: "mixed" top: "end" }
      layer { name: "quiet" type: "Silence" bottom: "two" }
      layer { name: "second" type: "EuclideanLoss" bottom: "fc" bottom: "two" top: "second" }\n"""
    text = train_test("crop_size: 8") + labels
    found = reading(put(tmp_path, {"net.prototxt": text, "net.caffemodel": WEIGHTS}))
    assert [layer.name for layer in found.net.layers] == ["conv", "fc", "accuracy", "loss", "second"]
    assert found.net.inputs == {"data": (5, 3, 8, 8)}


def test_labels_of_a_data_layer_of_their_own_are_no_input(tmp_path: Path) -> None:
    data = """layer { name: "l" type: "Data" top: "label" }
      layer { name: "d" type: "Data" top: "data" transform_param { crop_size: 8 } }\n"""
    found = reading(put(tmp_path, {"net.prototxt": data + CONV + FC + LOSS, "net.caffemodel": WEIGHTS}))
    assert found.net.inputs == {"data": (1, 3, 8, 8)}
    assert found.net.transform == Transform(crop_size=8)


# the mean


def test_a_mean_file_is_looked_for_beside_the_net_by_its_last_name(tmp_path: Path) -> None:
    mean = np.arange(3 * 8 * 8, dtype=np.float32).reshape(3, 8, 8)
    net = train_test('mean_file: "/somewhere/else/../mean.binaryproto"')
    put(tmp_path, {"net.prototxt": net, "net.caffemodel": WEIGHTS, "mean.binaryproto": mean_file(mean)})
    put(tmp_path, {"other.binaryproto": mean_file(mean + 1)})
    found = reading(tmp_path)
    np.testing.assert_array_equal(found.mean_image, mean)
    assert names(found) == ["net.prototxt", "mean.binaryproto", "net.caffemodel"]
    np.testing.assert_array_equal(reading(tmp_path, mean=tmp_path / "other.binaryproto").mean_image, mean + 1)


def test_a_mean_file_that_is_not_there_is_asked_for(tmp_path: Path) -> None:
    secret = put(tmp_path / "outside", {"mean.binaryproto": mean_file(np.ones((3, 8, 8)))})
    for stated in ("../outside/mean.binaryproto", str(secret / "mean.binaryproto")):
        net = train_test(f'mean_file: "{stated}"')
        put(tmp_path / "net", {"net.prototxt": net, "net.caffemodel": WEIGHTS})
        assert "subtracts the mean image 'mean.binaryproto', which is not beside it; pass it with --mean" in refused(
            tmp_path / "net"
        )


def test_a_mean_file_of_another_name_is_taken_if_it_is_the_only_one(tmp_path: Path) -> None:
    net = train_test('mean_file: "train.mean"')
    put(tmp_path, {"net.prototxt": net, "net.caffemodel": WEIGHTS, "m.binaryproto": mean_file(np.ones((3, 8, 8)))})
    found = reading(tmp_path)
    assert found.mean_image is not None
    assert found.net.transform == Transform(mean_file="m.binaryproto")
    assert "m.binaryproto: lies beside the net and is taken for its mean image" in found.notes


def test_a_mean_file_beside_a_net_that_says_nothing_is_taken_and_one_that_says_no_mean_is_believed(
    tmp_path: Path,
) -> None:
    files = {"net.caffemodel": WEIGHTS, "m.binaryproto": mean_file(np.ones((3, 8, 8)))}
    put(tmp_path, {"net.prototxt": DEPLOY + CONV + FC, **files})
    assert reading(tmp_path).mean_image is not None
    put(tmp_path, {"net.prototxt": train_test("crop_size: 8")})
    assert reading(tmp_path).mean_image is None


def test_a_mean_per_channel_in_a_file_becomes_mean_values(tmp_path: Path) -> None:
    np.save(tmp_path / "mean.npy", np.array([104.0, 117.0, 123.0]))
    put(tmp_path, {"net.prototxt": DEPLOY + CONV + FC, "net.caffemodel": WEIGHTS})
    found = reading(tmp_path, mean=tmp_path / "mean.npy")
    assert found.net.transform == Transform(mean_values=(104.0, 117.0, 123.0))
    assert found.mean_image is None


def test_the_size_of_images_before_the_crop_is_told(tmp_path: Path) -> None:
    data = """layer { name: "d" type: "ImageData" top: "data" top: "label" transform_param { crop_size: 8 %s }
      image_data_param { new_height: 10 new_width: 12 } }\n"""
    put(tmp_path, {"net.prototxt": data % "mean_value: 5" + CONV, "net.caffemodel": WEIGHTS})
    assert reading(tmp_path).image_size == (10, 12)
    put(tmp_path, {"net.prototxt": data % 'mean_file: "m.mean"' + CONV, "m.mean": mean_file(np.ones((3, 9, 11)))})
    assert reading(tmp_path).image_size == (9, 11)
    assert reading(tmp_path).net.inputs == {"data": (1, 3, 8, 8)}
    put(tmp_path, {"net.prototxt": DATA % "crop_size: 8" + CONV})
    assert reading(tmp_path).image_size is None


def test_random_mirroring_in_the_test_phase_is_left_out_and_noted(tmp_path: Path) -> None:
    put(tmp_path, {"net.prototxt": train_test("crop_size: 8 mirror: true"), "net.caffemodel": WEIGHTS})
    assert any("mirrored at random" in note for note in reading(tmp_path).notes)
    put(tmp_path, {"net.prototxt": train_test("crop_size: 8")})
    assert not reading(tmp_path).notes


@pytest.mark.parametrize(
    ("transform", "said"),
    [
        ('mean_file: "m" mean_value: 3', "mean_file and mean_value"),
        ("scale: nan", "no pixel survives"),
        ("scale: 0", "no pixel survives"),
        ("mean_value: inf", "no pixel survives"),
        ("crop_size: 99999", "crop_size is 99999"),
    ],
)
def test_odd_transforms_are_refused(tmp_path: Path, transform: str, said: str) -> None:
    put(tmp_path, {"net.prototxt": train_test(transform), "net.caffemodel": WEIGHTS})
    assert said in refused(tmp_path, SourceDamaged)


# names of classes


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\nb\nc\nd\n", ("a", "b", "c", "d")),
        ("n01440764 tench, Tinca\nn01443537 b\nn01443538 c\nn01443539 d", ("tench, Tinca", "b", "c", "d")),
        ("0 a\n1 b\n2 c\n3 d\n", ("a", "b", "c", "d")),
        ("1: a\n2: b\n3: c\n4: d\n", ("a", "b", "c", "d")),
        ("7 a\n1 b\n2 c\n3 d\n", ("7 a", "1 b", "2 c", "3 d")),
        ("0\n1\n2\n3", ("0", "1", "2", "3")),
        ("\ufeffa\r\nb\r\n\r\nc\r\nd\r\n", ("a", "b", "c", "d")),
        ("a\nb\nc\n", ()),
    ],
)
def test_labels_beside_the_net_count_if_they_are_as_many_as_its_outputs(
    tmp_path: Path, text: str, found: tuple[str, ...]
) -> None:
    files = {"net.prototxt": DEPLOY + CONV + FC, "net.caffemodel": WEIGHTS, "readme.txt": "a\nb\nc\nd\n"}
    result = reading(put(tmp_path, {**files, "synset_words.txt": text}))
    assert result.labels == found
    assert ("synset_words.txt" in names(result)) == bool(found)


def test_a_v1_layer_type_of_a_fork_is_refused(tmp_path: Path) -> None:
    put(tmp_path, {"net.prototxt": "layers { type: WARP }", "net.caffemodel": WEIGHTS})
    assert "WARP is no layer type" in refused(tmp_path / "net.prototxt", UnsupportedLayer)


# real files, where they are at hand


@pytest.mark.parametrize(
    ("name", "shape", "transform", "layers"),
    [
        ("caffe-lenet-v1", (64, 1, 28, 28), Transform(0.00390625), 8),
        ("caffe-lenet", (64, 1, 28, 28), Transform(0.00390625), 8),
        ("caffe-cifar10-quick-v1", (1, 3, 32, 32), Transform(mean_file="mean.binaryproto"), 12),
        ("caffe-cifar10-quick", (1, 3, 32, 32), Transform(mean_file="mean.binaryproto"), 12),
        ("caffe-cifar10-quick-h5", (1, 3, 32, 32), Transform(mean_file="mean.binaryproto"), 12),
        ("caffe-squeezenet", (1, 3, 227, 227), None, 65),
    ],
)
def test_published_files_are_read(name: str, shape: tuple[int, ...], transform: Transform | None, layers: int) -> None:
    folder = Path(__file__).resolve().parents[4] / "shared" / "data" / "models" / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not at hand")
    if name.endswith("h5"):
        pytest.importorskip("h5py")
    found = reading(folder)
    assert found.net.inputs == {"data": shape}
    assert found.net.transform == transform
    assert len(found.net.layers) == layers
    assert (found.mean_image is not None) == ("cifar10" in name)
