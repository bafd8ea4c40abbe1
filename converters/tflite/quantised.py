"""Makes a graph of quantised tensors count as TFLite does: in whole numbers, and rounding as TFLite rounds."""

from dataclasses import dataclass, field

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

_SUMS = ("Conv", "MatMul")
_MEANS = ("ReduceMean", "GlobalAveragePool")
_PAIRS = ("Add", "Sub", "Mul")
# a mean of fewer than 4,096 whole numbers lies further than that from the next half, unless it is one
_HALF = np.array(0.5 + 2.0**-13, np.float32)
_ONE = np.array(1, np.float32)


@dataclass
class _Graph:
    """A graph being rewritten: who makes which tensor, who takes it, and which are constants."""

    graph: GraphProto
    makers: dict[str, NodeProto] = field(init=False)
    takers: dict[str, list[NodeProto]] = field(init=False)
    constants: dict[str, np.ndarray] = field(init=False)
    before: dict[str, list[NodeProto]] = field(default_factory=dict)
    after: dict[str, list[NodeProto]] = field(default_factory=dict)
    made: int = 0

    def __post_init__(self) -> None:
        self.makers = {name: node for node in self.graph.node for name in node.output}
        self.takers = {}
        for node in self.graph.node:
            for name in set(node.input):
                self.takers.setdefault(name, []).append(node)
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in self.graph.initializer}

    def dequantised(self, name: str) -> tuple[str, np.ndarray, np.ndarray] | None:
        """(quantised tensor, scale, zero point) where a DequantizeLinear makes the tensor."""
        node = self.makers.get(name)
        if node is None or node.op_type != "DequantizeLinear":
            return None
        scale = self.constants.get(node.input[1])
        zero = self.constants.get(node.input[2]) if len(node.input) > 2 else np.zeros(1, np.int32)
        return None if scale is None or zero is None else (node.input[0], scale.astype(np.float32), zero)

    def whole_constant(self, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        """(whole numbers float32, their scale per channel or one) of a constant behind a DequantizeLinear."""
        source = self.dequantised(name)
        if source is None or source[0] not in self.constants:
            return None
        numbers, (scale, zero) = self.constants[source[0]], source[1:]
        axis = next((a.i for a in self.makers[name].attribute if a.name == "axis"), 1)
        shape = [1] * numbers.ndim
        if zero.size > 1:
            shape[axis] = zero.size
        return (numbers.astype(np.float64) - zero.astype(np.float64).reshape(shape)).astype(np.float32), scale

    def constant(self, array: np.ndarray) -> str:
        self.made += 1
        name = f"counted:{self.made}"
        self.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def chain(self, first: str, *steps: tuple[str, np.ndarray | None]) -> tuple[list[NodeProto], str]:
        """Nodes one after the other, each with a constant beside what the one before made; and the last tensor."""
        nodes = []
        for operator, constant in steps:
            self.made += 1
            inputs = [first] if constant is None else [first, self.constant(constant)]
            first = f"counted:{self.made}:{operator}"
            nodes.append(helper.make_node(operator, inputs, [first], name=first))
        return nodes, first

    def whole(self, name: str) -> tuple[list[NodeProto], str, np.ndarray] | None:
        """Nodes that make the whole numbers (zero point off) of a dequantised tensor, their name, and its scale."""
        source = self.dequantised(name)
        if source is None or source[0] in self.constants or source[1].size != 1 or len(self.makers[name].input) < 3:
            return None
        self.made += 1
        output = f"counted:{self.made}:DequantizeLinear"
        one, zero = self.constant(_ONE), self.makers[name].input[2]
        return [helper.make_node("DequantizeLinear", [source[0], one, zero], [output], name=output)], output, source[1]

    def written(self) -> None:
        """Put the nodes where they belong."""
        nodes = []
        for node in self.graph.node:
            nodes += [*self.before.get(node.output[0], ()), node, *self.after.get(node.output[0], ())]
        copies = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del self.graph.node[:]
        self.graph.node.extend(copies)


def count_as_tflite(model: ModelProto) -> int:
    """Rewrite, in place, what tf2onnx makes of a quantised TFLite model; how many nodes now count in whole numbers.

    tf2onnx writes DequantizeLinear, the operator in float32, QuantizeLinear. That differs from TFLite where a result
    lies half-way between two whole numbers, and it does so often: TFLite rounds the average of a pooling away from
    zero, and its sums of products are exact. So Conv and MatMul get whole numbers (exact in float32 below 2^24, in
    any order of adding) and one multiplication by scale of input times scale of weights over scale of output, as
    XNNPACK has it; AveragePool gets TFLite's rounding. Weights become constants, so that no runtime puts its own
    8-bit arithmetic, which saturates on some processors, in the place of these nodes.
    """
    graph = _Graph(model.graph)
    nodes = list(model.graph.node)
    counted = 0
    for node in nodes:
        if node.op_type in _SUMS:
            counted += _count_sum(graph, node)
        elif node.op_type in _MEANS:
            counted += _count_mean(graph, node)
        elif node.op_type in _PAIRS:
            counted += _count_pair(graph, node)
        elif node.op_type == "AveragePool":
            counted += _round_average(graph, node)
    graph.written()
    _drop_unused(model.graph)
    return counted


def _count_sum(graph: _Graph, node: NodeProto) -> bool:
    """Conv, or MatMul with the Add behind it, on whole numbers."""
    images, weights = graph.whole(node.input[0]), graph.whole_constant(node.input[1])
    if images is None or weights is None:
        return False
    last, bias = node, None
    if node.op_type == "Conv" and len(node.input) > 2:
        bias = graph.whole_constant(node.input[2])
        if bias is None:
            return False
    if node.op_type == "MatMul":
        last, bias = _added(graph, node)
    ahead, quantise = _to_quantise(graph, last)
    if quantise is None:
        return False
    scale_out = graph.constants[quantise.input[1]].astype(np.float32)
    scale = (images[2] * weights[1] / scale_out).astype(np.float32)
    graph.before[node.output[0]] = images[0]
    node.input[0], node.input[1] = images[1], graph.constant(weights[0])
    steps: list[tuple[str, np.ndarray | None]] = [("Round", None)]
    if node.op_type == "Conv":
        scale = scale.reshape(-1, 1, 1) if scale.size > 1 else scale.reshape(())
        if bias is not None:
            node.input[2] = graph.constant(bias[0])
    elif bias is not None:
        steps.append(("Add", bias[0]))
    new, output = graph.chain(node.output[0], *steps, ("Mul", scale))
    graph.after[node.output[0]] = new
    _reconnect(graph, last.output[0], output, ahead, quantise, scale_out)
    return True


def _added(graph: _Graph, node: NodeProto) -> tuple[NodeProto, tuple[np.ndarray, np.ndarray] | None]:
    """The Add of a constant behind a MatMul, and the constant; the MatMul itself where there is none."""
    takers = graph.takers.get(node.output[0], [])
    if len(takers) == 1 and takers[0].op_type == "Add":
        other = next(name for name in takers[0].input if name != node.output[0])
        bias = graph.whole_constant(other)
        if bias is not None:
            return takers[0], bias
    return node, None


def _to_quantise(graph: _Graph, node: NodeProto) -> tuple[list[NodeProto], NodeProto | None]:
    """The activations between a node and the QuantizeLinear of its result; None where there is something else."""
    ahead: list[NodeProto] = []
    name = node.output[0]
    for _ in range(3):
        takers = graph.takers.get(name, [])
        if len(takers) != 1:
            return ahead, None
        if takers[0].op_type == "QuantizeLinear":
            known = takers[0].input[1] in graph.constants and graph.constants[takers[0].input[1]].size == 1
            return ahead, takers[0] if known else None
        bounds = takers[0].input[1:] if takers[0].op_type == "Clip" else ()
        if takers[0].op_type not in ("Relu", "Clip") or not all(b in graph.constants for b in bounds if b):
            return ahead, None
        ahead.append(takers[0])
        name = takers[0].output[0]
    return ahead, None


def _reconnect(
    graph: _Graph, old: str, new: str, ahead: list[NodeProto], quantise: NodeProto, scale: np.ndarray
) -> None:
    """Lead `new`, which counts in steps of the output's scale, through the activations into QuantizeLinear."""
    for node in (*ahead, quantise):
        node.input[0] = new if node.input[0] == old else node.input[0]
        if node.op_type == "Clip":
            for at, bound in enumerate(node.input[1:], start=1):
                if bound:
                    node.input[at] = graph.constant((graph.constants[bound] / scale).astype(np.float32).reshape(()))
    quantise.input[1] = graph.constant(_ONE)


def _count_pair(graph: _Graph, node: NodeProto) -> bool:
    """The sum, difference or product of two quantised tensors, each in steps of the output's scale."""
    if len(node.input) != 2 or node.input[0] == node.input[1]:
        return False
    pair = [graph.whole(name) for name in node.input]
    ahead, quantise = _to_quantise(graph, node)
    if pair[0] is None or pair[1] is None or quantise is None:
        return False
    (first, one, scale_one), (second, two, scale_two) = pair[0], pair[1]
    scale_out = graph.constants[quantise.input[1]].astype(np.float32)
    graph.before[node.output[0]] = [*first, *second]
    output = node.output[0]
    if node.op_type == "Mul":
        node.input[:] = [one, two]
        graph.after[node.output[0]], output = graph.chain(
            output, ("Mul", (scale_one * scale_two / scale_out).reshape(()))
        )
    else:
        scaled = [
            graph.chain(name, ("Mul", (scale / scale_out).reshape(())))
            for name, scale in ((one, scale_one), (two, scale_two))
        ]
        graph.before[node.output[0]] += [made for nodes, _ in scaled for made in nodes]
        node.input[:] = [name for _, name in scaled]
    _reconnect(graph, node.output[0], output, ahead, quantise, scale_out)
    return True


def _count_mean(graph: _Graph, node: NodeProto) -> bool:
    """The mean of whole numbers, scaled once: a half stays a half, and QuantizeLinear rounds it to even."""
    images = graph.whole(node.input[0])
    ahead, quantise = _to_quantise(graph, node)
    if images is None or quantise is None:
        return False
    scale_out = graph.constants[quantise.input[1]].astype(np.float32)
    graph.before[node.output[0]] = images[0]
    node.input[0] = images[1]
    new, output = graph.chain(node.output[0], ("Mul", (images[2] / scale_out).reshape(())))
    graph.after[node.output[0]] = new
    _reconnect(graph, node.output[0], output, ahead, quantise, scale_out)
    return True


def _round_average(graph: _Graph, node: NodeProto) -> bool:
    """An average of quantised numbers, a half rounded away from zero (reference_integer_ops::AveragePool of TFLite)."""
    source = graph.dequantised(node.input[0])
    ahead, quantise = _to_quantise(graph, node)
    if source is None or quantise is None or source[1].size != 1:
        return False
    scale_out, zero = graph.constants[quantise.input[1]].astype(np.float32), source[2].astype(np.float32).reshape(())
    if not np.array_equal(source[1].ravel(), scale_out.ravel()):
        return False
    images = graph.whole(node.input[0])
    assert images is not None  # noqa: S101 - dequantised says so
    graph.before[node.output[0]] = images[0]
    node.input[0] = images[1]
    first, raw = graph.chain(node.output[0], ("Add", zero))
    second, size = graph.chain(raw, ("Abs", None), ("Add", _HALF), ("Floor", None))
    third, sign = graph.chain(raw, ("Sign", None))
    signed = f"counted:{graph.made}:signed"
    fourth, output = graph.chain(signed, ("Sub", zero))
    product = helper.make_node("Mul", [size, sign], [signed], name=signed)
    graph.after[node.output[0]] = [*first, *second, *third, product, *fourth]
    _reconnect(graph, node.output[0], output, ahead, quantise, scale_out)
    return True


def _drop_unused(graph: GraphProto) -> None:
    """Take out nodes and constants whose results nobody takes."""
    wanted = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            kept.append(node)
            wanted.update(node.input)
    nodes = list(reversed(kept))
    tensors = [tensor for tensor in graph.initializer if tensor.name in wanted]
    del graph.node[:]
    graph.node.extend(nodes)
    del graph.initializer[:]
    graph.initializer.extend(tensors)
