"""From files to a conversion: what is stated of images, what is assumed, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from made_nets import images, largest_difference, layer_text, write_caffemodel

from converters.caffe import messages
from converters.caffe.convert import convert
from converters.caffe.net import Transform
from converters.caffe.plain import Plain
from converters.caffe.preprocessing import describe
from converters.conversion import Conversion, Source, Wishes
from converters.refusals import SourceDamaged, SourceIncomplete
from oracles.card import DroppedCard
from oracles.runtime import open_session
from oracles.seal import CardExtras, seal, to_bytes

FC = layer_text("InnerProduct", "inner_product_param { num_output: 4 }", name="fc", tops="fc")
PROB = layer_text("Softmax", name="prob", bottoms="fc", tops="prob")
LOSS = layer_text("SoftmaxWithLoss", name="loss", bottoms="fc label", tops="loss")


def data_layer(transform: str, *, phase: str = "TEST") -> str:
    """A data layer that gives images and labels."""
    return (
        f'layer {{ name: "data" type: "Data" top: "data" top: "label" include {{ phase: {phase} }}'
        f" transform_param {{ {transform} }} data_param {{ batch_size: 10 }} }}\n"
    )


def deployed(channels: int, side: int) -> str:
    """The input of a deployed net."""
    return f'input: "data" input_dim: 1 input_dim: {channels} input_dim: {side} input_dim: {side}\n'


def written(folder: Path, text: str, inputs: int, *, mean: np.ndarray | None = None) -> Source:
    """A folder with net.prototxt, a caffemodel for `fc`, and a mean file."""
    (folder / "net.prototxt").write_text(text)
    rng = np.random.default_rng(3)
    blobs = [rng.normal(size=(4, inputs)) / inputs, rng.normal(size=4)]
    write_caffemodel(folder / "net.caffemodel", [("fc", [blob.astype(np.float32) for blob in blobs])])
    if mean is not None:
        blob = messages.BlobProto(num=1, channels=mean.shape[0], height=mean.shape[1], width=mean.shape[2])
        blob.data.extend(mean.ravel().tolist())
        (folder / "mean.binaryproto").write_bytes(blob.SerializeToString())
    return Source(str(folder), folder)


def oracle_scores(conversion: Conversion, images_NHWC: np.ndarray) -> np.ndarray:
    """What the sealed oracle of a conversion answers."""
    card = DroppedCard.model_validate({**conversion.assumed, **conversion.stated})
    sealed = seal(conversion.model, card, "made", extra=CardExtras(mean_image=conversion.mean_image))
    scores: np.ndarray = open_session(to_bytes(sealed), device="cpu").run(["scores"], {"images": images_NHWC})[0]
    return scores


def plain_scores(conversion: Conversion, pixels_NCHW: np.ndarray) -> np.ndarray:
    """What plain numpy answers to inputs that are ready."""
    assert isinstance(conversion.reference, Plain)
    return conversion.reference.scores(pixels_NCHW)


def pixels(side: int, seed: int = 0) -> np.ndarray:
    """Five random images, uint8 RGB."""
    return np.random.default_rng(seed).integers(0, 256, (5, side, side, 3), dtype=np.uint8)


def test_scale_and_mean_values_of_the_data_layer_reach_the_oracle(tmp_path: Path) -> None:
    """Caffe's (pixel - mean) * scale, in BGR."""
    text = data_layer("scale: 0.017 mean_value: 104 mean_value: 117 mean_value: 123 crop_size: 6") + FC + LOSS
    conversion = convert(written(tmp_path, text, 108), Wishes())
    images_NHWC = pixels(6)
    bgr = images_NHWC[..., ::-1].transpose(0, 3, 1, 2).astype(np.float64)
    ready = (bgr - np.array([104, 117, 123]).reshape(3, 1, 1)) * 0.017

    assert conversion.stated["scale"] == 0.017
    assert conversion.stated["mean"] == pytest.approx((1.768, 1.989, 2.091))
    assert conversion.stated["size"] == (6, 6)
    assert conversion.assumed == {"order": "bgr"}
    expected = plain_scores(conversion, ready.astype(np.float32))
    assert largest_difference(oracle_scores(conversion, images_NHWC), expected) <= 1e-5


def test_a_mean_image_larger_than_the_input_gives_the_size_of_images_and_the_centre_is_cut_out(tmp_path: Path) -> None:
    """The mean is taken away before the crop, as Caffe takes it away at the crop's place."""
    mean = np.random.default_rng(5).uniform(0, 255, (3, 9, 9)).astype(np.float32)
    text = data_layer('mean_file: "some/where/mean.binaryproto" crop_size: 6 scale: 0.5') + FC + PROB
    conversion = convert(written(tmp_path, text, 108, mean=mean), Wishes())
    images_NHWC = pixels(9)
    bgr = images_NHWC[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32)
    cropped = ((bgr - mean) * 0.5)[:, :, 1:7, 1:7]

    assert conversion.stated["size"] == (9, 9)
    assert conversion.mean_image is not None
    fc = conversion.model.graph.initializer
    weights, biases = (np.frombuffer(tensor.raw_data, np.float32).reshape(tensor.dims) for tensor in fc[-2:])
    logits = cropped.reshape(5, -1) @ weights.T + biases
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert largest_difference(oracle_scores(conversion, images_NHWC), expected) <= 1e-5


def test_a_grey_net_is_given_no_order(tmp_path: Path) -> None:
    """And a net whose files say nothing of pixels is given them as they are, with a note."""
    conversion = convert(written(tmp_path, deployed(1, 8) + FC, 64), Wishes())

    assert conversion.assumed == {"range": (0.0, 255.0)}
    assert conversion.stated == {"layout": "nchw", "channels": 1, "size": (8, 8), "scores_kind": "logit"}
    assert "scale 1 and mean 0 are assumed" in conversion.advice["range"]
    assert "order" not in conversion.advice


def test_names_of_classes_come_from_a_file_beside_the_net(tmp_path: Path) -> None:
    """One a line."""
    (tmp_path / "labels.txt").write_text("cat\ndog\nhorse\nship\n")
    conversion = convert(written(tmp_path, deployed(1, 8) + FC + PROB, 64), Wishes())

    assert conversion.stated["classes"] == ("cat", "dog", "horse", "ship")
    assert tmp_path / "labels.txt" in conversion.files


def test_a_wished_output_is_the_models_and_the_references(tmp_path: Path) -> None:
    """The scores before the Softmax."""
    source = written(tmp_path, deployed(1, 8) + FC + PROB, 64)
    conversion = convert(source, Wishes(output="fc"))
    inputs = images((3, 1, 8, 8))
    session = open_session(conversion.model.SerializeToString(), device="cpu")

    assert conversion.stated["scores_kind"] == "logit"
    assert [slot.name for slot in session.outputs] == ["fc"]
    assert largest_difference(session.run(None, {"data": inputs})[0], plain_scores(conversion, inputs)) <= 1e-5
    with pytest.raises(SourceIncomplete, match="there is no top 'porb' in the net; did you mean 'prob'"):
        convert(source, Wishes(output="porb"))


def test_softmax_behind_a_reshape_is_still_a_probability(tmp_path: Path) -> None:
    """Moving values does not change what they are."""
    text = deployed(1, 8) + FC + PROB
    text += layer_text(
        "Reshape", "reshape_param { shape { dim: 0 dim: 2 dim: 2 } }", bottoms="prob", name="r", tops="r"
    )

    assert convert(written(tmp_path, text, 64), Wishes()).stated["scores_kind"] == "probability"


def test_a_mean_image_of_another_net_is_refused(tmp_path: Path) -> None:
    """Fewer pixels, or other channels."""
    source = written(tmp_path, deployed(1, 8) + FC, 64, mean=np.ones((1, 5, 5), np.float32))
    with pytest.raises(SourceDamaged, match="images of 5 x 5 pixels are smaller than the net's input of 8 x 8"):
        convert(source, Wishes())
    source = written(tmp_path, deployed(1, 8) + FC, 64, mean=np.ones((3, 8, 8), np.float32))
    with pytest.raises(SourceDamaged, match="the mean image has 3 channels and the net's input 1"):
        convert(source, Wishes())


def test_mean_values_that_fit_no_channels_are_refused() -> None:
    """Two of them for three channels."""
    with pytest.raises(SourceDamaged, match="takes away 2 mean values from 3 channels"):
        describe(Transform(mean_values=(1, 2)), (3, 8, 8), None, None)
    assert describe(Transform(mean_values=(7,)), (3, 8, 8), None, None).stated["mean"] == (7.0,)


def test_a_crop_out_of_images_of_unknown_size_is_told() -> None:
    """Their size is nowhere in the files."""
    notes = describe(Transform(crop_size=6), (3, 6, 6), None, None).notes

    assert any("crop_size is 6" in note for note in notes)
