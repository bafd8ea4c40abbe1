"""The way in: a folder, a prototxt, a caffemodel or an archive becomes a `Net` with weights, mean and labels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from converters.caffe.archive import Archives
from converters.caffe.caffemodel import Weights
from converters.caffe.inputs import Known, entries_of, shape_of
from converters.caffe.labels import label_files, read_labels
from converters.caffe.net import Layer, Net
from converters.caffe.phases import layers_of
from converters.caffe.pixels import Pixels, pixels_of
from converters.caffe.sources import TEXTS, Beside, Text, choose_net, gather, read_text, texts_of, weights_file
from converters.caffe.upgrade import upgrade
from converters.caffe.weights import blobs_for, outputs_of, read_weights
from converters.conversion import Source, Wishes
from converters.refusals import ConversionRefused, SourceIncomplete, UnknownFormat


@dataclass(frozen=True)
class Reading:
    """What the files say. `files`: those that were read, in order.

    `mean_image`: float32 [c, h, w] in 0..255 and the net's channel order, as large as its file has it: a centre crop
    (`net.transform.crop_size`) is still to be taken from images and mean alike. `image_size`: (height, width) of the
    images before that crop, where a mean image or a data layer says it. `labels`: names of the classes, if a file
    beside the net has as many as the net's last layer with weights has outputs.
    """

    net: Net
    files: tuple[Path, ...]
    labels: tuple[str, ...] = ()
    mean_image: np.ndarray | None = None
    image_size: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()


def read(source: Source, wishes: Wishes) -> Reading:
    """Read a Caffe model for inference: the net's TEST phase, old formats upgraded, weights by layer name.

    A folder holds one net (a deployed one counts before one for training, whose transform is then used) and one file of
    weights; a prototxt or a caffemodel finds the rest beside it; a caffemodel alone brings its own net. Of `wishes`
    count weights, mean, size and image_channels. Raises ConversionRefused.
    """
    if source.path is None:
        raise UnknownFormat(f"{source.text}: is no file or folder; pass a prototxt, a caffemodel or their folder.")
    with Archives() as archives:
        beside = gather(source.path, archives)
        path = weights_file(beside, wishes.weights, archives)
        weights = read_weights(path) if path else None
        texts, notes = texts_of(beside)
        text = _net(beside, texts, weights)
        layers = layers_of(text.net, text.path.name, saved=text.path == path)
        pixels = pixels_of(text, layers, _twins(text, texts, weights), beside.files, wishes)
        net = _assembled(text, layers, weights, pixels, wishes)
        labels, label_file = _labels(beside.files, net)
        files = (text.path, *pixels.files, *((path,) if path else ()), *((label_file,) if label_file else ()))
        origins = tuple(dict.fromkeys(archives.origin(file) for file in files))
        said = (*text.notes, *notes, *pixels.notes)
        return Reading(net, origins, labels, pixels.mean_image, pixels.image_size, said)


def _net(beside: Beside, texts: Sequence[Text], weights: Weights | None) -> Text:
    """The net: the prototxt that was named, one that lies beside and fits the weights, or the weights' own."""
    named = beside.named
    if named is not None and named.suffix.lower() in TEXTS:
        text = read_text(named)
        if not text.net.layer:
            raise SourceIncomplete(f"{named.name}: has no layers; if it is a solver, pass the prototxt that it names.")
        return text
    if named is not None and weights is not None:
        held = {layer.name for layer in weights.layers}
        texts = [text for text in texts if text.weighted and text.weighted <= held]
    chosen = choose_net(texts, beside.place)
    if chosen is not None:
        return chosen
    if weights is None:
        raise SourceIncomplete(f"{beside.place}: holds no prototxt of a net; put the net's prototxt into it.")
    text, name = _saved(weights), weights.path.name
    if not any(layer.bottom for layer in text.net.layer):
        raise SourceIncomplete(f"{name}: holds weights only; pass its prototxt, and this file with --weights.")
    return replace(text, notes=(f"{name}: no prototxt lies beside it; its own net is used", *text.notes))


def _saved(weights: Weights) -> Text:
    """The net that was saved with its weights."""
    net = weights.net()
    return Text(weights.path, net, upgrade(net, weights.path.name))


def _twins(text: Text, texts: Sequence[Text], weights: Weights | None) -> list[Text]:
    """Nets for training with the layers of this one, which may say what is done to pixels.

    The prototxts that lie beside it; if there are none, the net that was saved with the weights.
    """
    twins = [twin for twin in texts if twin.is_training and text.weighted and text.weighted <= twin.weighted]
    if twins or weights is None:
        return twins
    try:
        return [_saved(weights)]
    except ConversionRefused:
        return []  # a fork's description, of which only the weights were asked


def _assembled(text: Text, layers: Sequence[object], weights: Weights | None, pixels: Pixels, wishes: Wishes) -> Net:
    """The net's layers with their weights, and its inputs with their shapes."""
    name = text.path.name
    entries = entries_of(layers, name)
    if weights is None and text.weighted and not any(layer.blobs for layer in entries.layers):
        raise SourceIncomplete(f"{name}: no file of weights lies beside it; pass one with --weights.")
    blobs = blobs_for(entries.layers, weights, name)
    made = tuple(
        Layer(layer.name, layer.type, tuple(layer.bottom), tuple(layer.top), layer, arrays)
        for layer, arrays in zip(entries.layers, blobs, strict=True)
    )
    known = Known(wishes.size, wishes.image_channels, pixels.mean_image, pixels.known)
    inputs = {entry.name: shape_of(entry, made, known, name) for entry in entries.inputs}
    return Net(text.net.name, inputs, made, pixels.transform)


def _labels(files: Sequence[Path], net: Net) -> tuple[tuple[str, ...], Path | None]:
    """The names of the classes and their file; none where no file has as many as the net has classes."""
    outputs = [count for layer in net.layers if (count := outputs_of(layer.params))]
    for path in label_files(files) if outputs else ():
        labels = read_labels(path, outputs[-1])
        if labels:
            return labels, path
    return (), None
