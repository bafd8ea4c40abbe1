"""The walk from a Caffe net to an ONNX model: the only place that knows names and edges.

Operator set 20 is what the PyTorch converter writes too, and every onnxruntime since 1.17 runs it. Layers keep Caffe's
names: a layer's last node bears its name, and so does the tensor of its result (a number behind it where two layers
share a name, the top's name behind it where there are several).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper

from converters.caffe.folding import Step, steps
from converters.caffe.layers import row_of
from converters.caffe.layers.shape import cut
from converters.caffe.net import Layer, Net
from converters.caffe.nodes import Names, Nodes, Tensor, called
from converters.caffe.wiring import Ref, needed, outputs_of, tops_of, wire
from converters.refusals import SourceDamaged, SourceIncomplete, UnsupportedLayer

OPSET, _IR = 20, 9
LENT_BYTES = 4 << 20


@dataclass(frozen=True)
class Built:
    """A model, and what its tensors are called.

    `results`: for each layer of the net, by its number, the tensor of each of its tops, or None where the top is
    another layer's result unchanged; layers that were folded away or that no output needs are missing. `outputs`: the
    layers and tops that became the model's outputs. `sides`: channels, height and width of the net's own input, which
    may be the centre of the model's. `lent`: large weights that the model refers to (converters.conversion).
    """

    model: onnx.ModelProto
    results: Mapping[int, tuple[str | None, ...]]
    outputs: tuple[Ref, ...]
    sides: tuple[int, int, int]
    lent: Mapping[str, np.ndarray]


def build(net: Net, *, output: str | None = None, image: tuple[int, int] | None = None) -> Built:
    """The net as a model with one input [n, c, h, w] and the final scores, or the wished top, as output.

    `image`: height and width of the images where they are larger than the net's input; the centre is then cut out first
    (Caffe's TEST phase: from (height - crop) // 2 on). Raises UnsupportedLayer, SourceDamaged, SourceIncomplete.
    """
    wiring = wire(net)
    outputs = outputs_of(net, wiring, output)
    live = needed(wiring, outputs)
    todo = steps(net, wiring, live, outputs)
    walk = _Walk(net, todo)
    at = _image_input(net, todo)
    name, entry = walk.enter(at, image)
    for step in todo:
        walk.take(step)
    ends = list(dict.fromkeys(walk.values[ref] for ref in outputs))
    if any(end.name in (name, entry.name) for end in ends):
        raise SourceIncomplete("the net gives its input back unchanged; name a later top with --output")
    model, lent = walk.model(name, entry, ends)
    made = {tensor for node in model.graph.node for tensor in node.output}
    results = {number: tuple(top if top in made else None for top in tops) for number, tops in walk.results.items()}
    channels, height, width = walk.values[Ref(-1, at)].sides
    return Built(model, results, outputs, (channels, height, width), lent)


def _image_input(net: Net, todo: Iterable[Step]) -> int:
    """The number of the one input that the layers read, a blob of images with 1 or 3 channels."""
    used = sorted({ref.at for step in todo for ref in step.bottoms if ref.is_input})
    names = list(net.inputs)
    if len(used) != 1:
        listed = ", ".join(repr(names[at][:80]) for at in used) or "none"
        raise SourceIncomplete(
            f"the net needs {len(used)} inputs ({listed}), and an oracle is given images only; name a top with --output"
            " that the images alone decide"
        )
    shape = net.inputs[names[used[0]]]
    listed = " x ".join(str(side) for side in shape)
    if len(shape) != 4 or shape[1] not in (1, 3):
        raise UnsupportedLayer(
            f"input {names[used[0]][:80]!r} is {listed}, not images (n x 1 or 3 channels x height x width); write its"
            " shape so, for InnerProduct flattens them itself"
        )
    if min(shape) < 1:
        raise SourceDamaged(f"input {names[used[0]][:80]!r} is {listed}; every side must be 1 or more")
    return used[0]


class _Walk:
    """Values by reference, and the nodes and weights made so far."""

    def __init__(self, net: Net, todo: Iterable[Step]) -> None:
        self.values: dict[Ref, Tensor] = {}
        self.results: dict[int, tuple[str | None, ...]] = {}
        self._net, self._names, self._node_names = net, Names(), Names()
        self._nodes: list[NodeProto] = []
        self._weights: dict[str, np.ndarray] = {}
        self._inputs = {name: self._names.fresh(name) for name in net.inputs}
        # results are named before anything else, so that no inner tensor takes a layer's name
        self._wanted = {step.result: self._results_of(net.layers[step.result]) for step in todo}
        self._batch = 1

    def _results_of(self, layer: Layer) -> list[str]:
        tops = tops_of(layer)
        if len(tops) == 1:
            return [self._names.fresh(layer.name or tops[0])]
        return [self._names.fresh(f"{layer.name}/{top}") for top in tops]

    def enter(self, at: int, image: tuple[int, int] | None) -> tuple[str, Tensor]:
        """Give the net its input; returns the model's input name and its tensor as the model takes it."""
        caffe_name = list(self._net.inputs)[at]
        self._batch, channels, height, width = self._net.inputs[caffe_name]
        name = self._inputs[caffe_name]
        entry = Tensor(name, (channels, *(image or (height, width))))
        self.values[Ref(-1, at)] = entry
        if entry.sides[1:] == (height, width):
            return name, entry
        (high, wide) = entry.sides[1:]
        if high < height or wide < width:
            raise SourceDamaged(
                f"images of {high} x {wide} pixels are smaller than the net's input of {height} x {width}; give"
                " images or a mean file of at least that size"
            )
        head = Layer("crop", "Crop", (caffe_name,), ("crop",), None)
        nodes = Nodes(head, "crop", self._names, self._batch)
        top, left = (high - height) // 2, (wide - width) // 2
        cuts = [(2, top, top + height), (3, left, left + width)]
        cropped = cut(entry, cuts, (channels, height, width), nodes)
        self._keep(nodes, {}, "crop", cropped.name)
        self.values[Ref(-1, at)] = cropped
        return name, entry

    def take(self, step: Step) -> None:
        """Convert one layer and name what it gives."""
        layer = step.layer
        bottoms = [self.values[ref] for ref in step.bottoms]
        least, most = row_of(layer).bottoms
        if not least <= len(bottoms) <= most:
            raise SourceDamaged(f"{called(layer)} has {len(bottoms)} bottoms; it takes {least}")
        name = self._node_names.fresh(layer.name)
        nodes = Nodes(layer, name, self._names, self._batch)
        tops = step.convert(layer, bottoms, nodes)
        wanted = self._wanted[step.result]
        if len(tops) != len(wanted):
            raise SourceDamaged(f"{called(layer)} has {len(wanted)} tops, but gives {len(tops)} results")
        made = {output for node in nodes.nodes for output in node.output}
        new: dict[str, str] = {}
        for top, wish in zip(tops, wanted, strict=True):
            if top.name in made:
                new.setdefault(top.name, wish)
        for at, top in enumerate(tops):
            self.values[Ref(step.result, at)] = Tensor(new.get(top.name, top.name), top.sides)
        self.results[step.result] = tuple(
            wish if new.get(top.name) == wish else None for top, wish in zip(tops, wanted, strict=True)
        )
        self._keep(nodes, new, name, tops[0].name if tops else "")

    def _keep(self, nodes: Nodes, new: Mapping[str, str], name: str, last: str) -> None:
        for node in nodes.nodes:
            if last in node.output:
                node.name = name
            for names in (node.input, node.output):
                for at, tensor in enumerate(names):
                    names[at] = new.get(tensor, tensor)
        self._nodes += nodes.nodes
        self._weights.update(nodes.weights)

    def model(self, name: str, entry: Tensor, ends: list[Tensor]) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
        """The finished model without what its outputs do not need, and the large weights that it refers to."""
        needed_names = {end.name for end in ends}
        kept: list[NodeProto] = []
        for node in reversed(self._nodes):
            if needed_names.intersection(node.output):
                needed_names.update(node.input)
                kept.append(node)
        model = onnx.ModelProto(ir_version=_IR, producer_name="copycat-benchmark")
        model.opset_import.append(helper.make_opsetid("", OPSET))
        graph = model.graph
        graph.name = self._net.name or "caffe"
        graph.node.extend(reversed(kept))
        graph.input.append(_declared(Tensor(name, entry.sides)))
        graph.output.extend(_declared(end) for end in ends)
        untold = {made for node in kept for made in node.output} - {end.name for end in ends}
        graph.value_info.extend(
            _declared(tensor) for tensor in dict.fromkeys(self.values.values()) if tensor.name in untold
        )
        return model, _initialize(graph, {name: array for name, array in self._weights.items() if name in needed_names})


def _declared(tensor: Tensor) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, ["n", *tensor.sides])


def _initialize(graph: onnx.GraphProto, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Copy the weights into the graph, in their order; the large ones are only referred to, and returned by their keys.

    These are mostly views into the mapped caffemodel: a net of half a gigabyte is never copied.
    """
    lent = {}
    for name, array in weights.items():
        tensor = graph.initializer.add(name=name, dims=array.shape)
        tensor.data_type = TensorProto.INT64 if array.dtype == np.int64 else TensorProto.FLOAT
        if array.nbytes < LENT_BYTES:
            tensor.raw_data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
            continue
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=name)
        lent[name] = array
    return lent
