"""Models that mean harm or come to it: external data, resource bombs, oddities and liars."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import onnx
from foreign_models import CLASSES, linear, model, weights
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
OUT = [("y", FLOAT, ["n", CLASSES])]


def external(location: str, *, dims: tuple[int, ...] = (CLASSES,), **entries: str) -> onnx.TensorProto:
    """A float tensor whose numbers are said to lie in another file."""
    tensor = TensorProto(name="outside", data_type=FLOAT, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, text in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=text)
    return tensor


def with_tensor(place: str, tensor: onnx.TensorProto) -> onnx.ModelProto:
    """A classifier that adds the tensor to its logits: as a weight, in a Constant, sparse, in an If, in a function."""
    add = helper.make_node("Add", ["logits", "outside"], ["y"])
    constant = helper.make_node("Constant", [], ["outside"], value=tensor)
    if place == "initializer":
        made = linear(ending=[add], outputs=OUT)
        made.graph.initializer.append(tensor)
    elif place == "constant":
        made = linear(ending=[constant, add], outputs=OUT)
    elif place == "sparse":
        made = linear(ending=[add], outputs=OUT)
        indices = numpy_helper.from_array(np.arange(CLASSES, dtype=np.int64))
        made.graph.sparse_initializer.append(onnx.SparseTensorProto(values=tensor, indices=indices, dims=[CLASSES]))
    elif place == "subgraph":
        inner = helper.make_graph([constant, add], "inner", [], [helper.make_tensor_value_info("y", FLOAT, None)])
        other = helper.make_graph(
            [helper.make_node("Identity", ["logits"], ["z"])],
            "other",
            [],
            [helper.make_tensor_value_info("z", FLOAT, None)],
        )
        node = helper.make_node("If", ["yes"], ["y2"], then_branch=inner, else_branch=other)
        made = linear(ending=[node], outputs=[("y2", FLOAT, ["n", CLASSES])], extra=[("yes", np.array(True))])
    else:
        made = linear(
            ending=[helper.make_node("Leak", ["logits"], ["y"], domain="local")],
            outputs=OUT,
            more_opsets=[("local", 1)],
        )
        body = [constant, helper.make_node("Add", ["logits", "outside"], ["y"])]
        made.functions.append(
            helper.make_function("local", "Leak", ["logits"], ["y"], body, [helper.make_opsetid("", 17)])
        )
    return made


PLACES = ("initializer", "constant", "sparse", "subgraph", "function")


def _endless() -> onnx.ModelProto:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Identity", ["v"], ["v2"])],
        "body",
        [helper.make_tensor_value_info(n, t, []) for n, t in (("i", INT64), ("go", BOOL))]
        + [helper.make_tensor_value_info("v", FLOAT, None)],
        [helper.make_tensor_value_info("go_on", BOOL, []), helper.make_tensor_value_info("v2", FLOAT, None)],
    )
    return linear(
        ending=[helper.make_node("Loop", ["", "yes", "logits"], ["y"], body=body)],
        outputs=OUT,
        extra=[("yes", np.array(True))],
    )


def _added(*nodes: onnx.NodeProto, extra: list[tuple[str, np.ndarray]]) -> onnx.ModelProto:
    """Logits plus the sum of a big tensor named "big"."""
    ending = [
        *nodes,
        helper.make_node("ReduceSum", ["big"], ["sum"], keepdims=0),
        helper.make_node("Add", ["logits", "sum"], ["y"]),
    ]
    return linear(ending=ending, outputs=OUT, extra=extra)


def _longs(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int64)


def _deep(levels: int) -> onnx.ModelProto:
    """An If in an If in an If ..., each of which may also go the other way."""
    node = helper.make_node("Relu", ["logits"], ["y0"])
    for level in range(levels):
        value = helper.make_tensor_value_info(f"y{level}", FLOAT, None)
        inner = helper.make_graph([node], f"g{level}", [], [value])
        other = helper.make_graph(
            [helper.make_node("Neg", ["logits"], [f"z{level}"])],
            "o",
            [],
            [helper.make_tensor_value_info(f"z{level}", FLOAT, None)],
        )
        node = helper.make_node("If", ["yes"], [f"y{level + 1}"], then_branch=inner, else_branch=other)
    return linear(ending=[node], outputs=[(f"y{levels}", FLOAT, ["n", CLASSES])], extra=[("yes", np.array(True))])


def _many_nodes(count: int) -> onnx.ModelProto:
    names = ["logits", *(f"t{n}" for n in range(count)), "y"]
    return linear(ending=[helper.make_node("Relu", [a], [b]) for a, b in itertools.pairwise(names)], outputs=OUT)


def _slow() -> onnx.ModelProto:
    big = helper.make_node("Expand", ["half", "shape"], ["m"])
    steps = [helper.make_node("MatMul", ["m" if n == 0 else f"m{n}", "m"], [f"m{n + 1}"]) for n in range(40)]
    node = helper.make_node("Identity", ["m40"], ["big"])
    half = helper.make_node("ReduceMean", ["logits"], ["half"], keepdims=0)
    return _added(half, big, *steps, node, extra=[("shape", _longs(3000, 3000))])


def _expanded(sides: list[int]) -> onnx.ModelProto:
    nodes = [
        helper.make_node("ReduceMean", ["logits"], ["one"], keepdims=0),
        helper.make_node("Expand", ["one", "s"], ["big"]),
    ]
    return _added(*nodes, extra=[("s", _longs(*sides))])


def _range(limit: int) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Range", ["a", "b", "c"], ["r"]),
        helper.make_node("Cast", ["r"], ["big"], to=FLOAT),
    ]
    return _added(*nodes, extra=[("a", np.array(0)), ("b", np.array(limit)), ("c", np.array(1))])


BOMBS: dict[str, Callable[[], onnx.ModelProto]] = {
    "endless loop": _endless,
    "constant of 2^40": lambda: _added(
        helper.make_node("ConstantOfShape", ["s"], ["big"]), extra=[("s", _longs(1 << 40))]
    ),
    "constant of 2^62": lambda: _added(
        helper.make_node("ConstantOfShape", ["s"], ["big"]), extra=[("s", _longs(1 << 62))]
    ),
    "constant of 2^31 x 2^31": lambda: _added(
        helper.make_node("ConstantOfShape", ["s"], ["big"]), extra=[("s", _longs(1 << 31, 1 << 31))]
    ),
    "range to 2^62": lambda: _range(1 << 62),
    "range to 2^34": lambda: _range(1 << 34),
    "tile": lambda: _added(helper.make_node("Tile", ["logits", "s"], ["big"]), extra=[("s", _longs(1 << 20, 1 << 20))]),
    "expand": lambda: _expanded([1 << 20, 1 << 20]),
    "resize": lambda: linear(
        ending=[
            helper.make_node("Resize", ["x", "", "scales"], ["large"]),
            helper.make_node("ReduceSum", ["large"], ["sum"], keepdims=0),
            helper.make_node("Add", ["logits", "sum"], ["y"]),
        ],
        outputs=OUT,
        extra=[("scales", np.array([1, 1, 1e5, 1e5], dtype=np.float32))],
    ),
    "thirty Ifs deep": lambda: _deep(30),
    "twenty thousand nodes": lambda: _many_nodes(20_000),
    "slow products": _slow,
    "pad": lambda: _added(
        helper.make_node("Pad", ["logits", "p"], ["big"]), extra=[("p", _longs(0, 0, 1 << 25, 1 << 25))]
    ),
    "one hot": lambda: _added(
        helper.make_node("ArgMax", ["logits"], ["a"], axis=1),
        helper.make_node("OneHot", ["a", "depth", "v"], ["big"]),
        extra=[("depth", _longs(1 << 40)), ("v", np.array([0, 1], dtype=np.float32))],
    ),
}


def slice_of_minus_one() -> onnx.ModelProto:
    """A sliced axis with dim_value -1 aborts onnx's full checker and shape inference (onnx#8481), not onnxruntime."""
    made = linear(
        ending=[helper.make_node("Slice", ["logits", "s", "e", "a"], ["y"])],
        outputs=[("y", FLOAT, None)],
        extra=[("s", _longs(0)), ("e", _longs(3)), ("a", _longs(1))],
    )
    made.graph.value_info.append(helper.make_tensor_value_info("logits", FLOAT, [-1, -1]))
    made.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    return made


def _changed(change: Callable[[onnx.ModelProto], object]) -> onnx.ModelProto:
    made = linear()
    change(made)
    return made


def _cycle() -> onnx.ModelProto:
    ending = [helper.make_node("Add", ["logits", "b"], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
    return linear(ending=ending, outputs=[("b", FLOAT, None)])


def _sequence() -> onnx.ModelProto:
    made = linear(ending=[helper.make_node("SequenceConstruct", ["logits"], ["s"])])
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, None))
    del made.graph.output[:]
    made.graph.output.append(helper.make_value_info("s", kind))
    return made


def _recursive() -> onnx.ModelProto:
    made = linear(ending=[helper.make_node("A", ["logits"], ["y"], domain="l")], outputs=OUT, more_opsets=[("l", 1)])
    ids = [helper.make_opsetid("", 17), helper.make_opsetid("l", 1)]
    for name, other in (("A", "B"), ("B", "A")):
        body = [helper.make_node(other, ["a"], ["b"], domain="l")]
        made.functions.append(helper.make_function("l", name, ["a"], ["b"], body, ids))
    return made


# name -> (model, name of the refusal or None for accepted, words of the refusal)
ODD: dict[str, tuple[Callable[[], onnx.ModelProto], str | None, str]] = {
    "slice of -1": (slice_of_minus_one, None, ""),
    "opset 99": (
        lambda: _changed(lambda m: setattr(m.opset_import[0], "version", 99)),
        "UnknownOperators",
        "newer than onnxruntime",
    ),
    "opset 0": (
        lambda: _changed(lambda m: setattr(m.opset_import[0], "version", 0)),
        "ModelRefused",
        "operator set 0 is too old",
    ),
    "opset 6": (lambda: linear(opset=6), None, ""),
    "IR 99": (lambda: _changed(lambda m: setattr(m, "ir_version", 99)), "UnknownOperators", "newer than onnxruntime"),
    "IR 1": (lambda: _changed(lambda m: setattr(m, "ir_version", 1)), None, ""),
    "no opset": (lambda: _changed(lambda m: m.ClearField("opset_import")), None, ""),
    "custom domain": (
        lambda: linear(ending=[helper.make_node("Magic", ["logits"], ["y"], domain="acme")], outputs=OUT),
        "UnknownOperators",
        "operator Magic of domain 'acme'",
    ),
    "unknown operator": (
        lambda: linear(ending=[helper.make_node("Magic", ["logits"], ["y"])], outputs=OUT),
        "UnknownOperators",
        "does not have all of its operators",
    ),
    "no outputs": (lambda: _changed(lambda m: m.graph.ClearField("output")), "NoClassAxis", "no output"),
    "no inputs": (lambda: _changed(lambda m: m.graph.ClearField("input")), "NotAnImage", "has no input"),
    "no graph": (lambda: _changed(lambda m: m.ClearField("graph")), "Truncated", "holds no graph"),
    "no nodes": (lambda: _changed(lambda m: m.graph.ClearField("node")), "ModelRefused", "does not run"),
    "cycle": (_cycle, "ModelRefused", "does not run"),
    "sequence output": (_sequence, "NoClassAxis", r"no output \(s\)"),
    "text input": (lambda: linear(dtype=TensorProto.STRING), "NotAnImage", "holds string"),
    "bool input": (lambda: linear(dtype=TensorProto.BOOL), "NotAnImage", "holds bool"),
    "two inputs": (
        lambda: _changed(lambda m: m.graph.input.append(helper.make_tensor_value_info("x2", FLOAT, [1]))),
        "SeveralImageInputs",
        r"2 inputs \(x, x2\)",
    ),
    "float16": (lambda: linear(dtype=TensorProto.FLOAT16), None, ""),
    "uint8 NHWC": (lambda: linear(["n", 8, 8, 3], dtype=TensorProto.UINT8), None, ""),
    "fixed batch": (lambda: linear([16, 3, 8, 8]), None, ""),
    "output without a shape": (lambda: linear(outputs=[("logits", FLOAT, None)]), None, ""),
    "input without a shape": (
        lambda: _changed(lambda m: m.graph.input[0].type.tensor_type.ClearField("shape")),
        "NotAnImage",
        "has no shape",
    ),
    "wrong output shape": (lambda: linear(outputs=[("logits", FLOAT, ["n", 77])]), None, ""),
    "missing weight": (lambda: _changed(lambda m: m.graph.ClearField("initializer")), "ModelRefused", "does not run"),
    "weight cut short": (
        lambda: _changed(lambda m: setattr(m.graph.initializer[0], "raw_data", b"1234")),
        "ModelRefused",
        "does not run",
    ),
    "weight of negative size": (
        lambda: _changed(lambda m: m.graph.initializer[0].dims.__setitem__(0, -5)),
        "ModelRefused",
        "does not run",
    ),
    "weight of 2^80 numbers": (
        lambda: _changed(lambda m: m.graph.initializer[0].dims.extend([1 << 40, 1 << 40])),
        "",
        "",
    ),
    "names twice": (
        lambda: linear(ending=[helper.make_node("Relu", ["x"], ["logits"])]),
        "ModelRefused",
        "does not run",
    ),
    "functions calling each other": (_recursive, "", ""),
    "segmentation": (
        lambda: model(
            [helper.make_node("Relu", ["x"], ["y"])], [("x", FLOAT, ["n", 3, 8, 8])], [("y", FLOAT, ["n", 3, 8, 8])]
        ),
        "NoClassAxis",
        "has one score for each",
    ),
    "huge image": (
        lambda: model(
            [helper.make_node("GlobalAveragePool", ["x"], ["y"])],
            [("x", FLOAT, ["n", 3, 90_000, 90_000])],
            [("y", FLOAT, None)],
        ),
        "",
        "",
    ),
}


def _ended(
    operator: str, array: np.ndarray, outputs: list[tuple[str, int, list[object] | None]] | None = None
) -> onnx.ModelProto:
    return linear(
        ending=[helper.make_node(operator, ["logits", "c"], ["y"])], outputs=outputs or OUT, extra=[("c", array)]
    )


def _random(operator: str) -> onnx.ModelProto:
    ending = [helper.make_node(operator, ["logits"], ["r"]), helper.make_node("Mul", ["logits", "r"], ["y"])]
    return linear(ending=ending, outputs=OUT)


def _company(operator: str) -> onnx.ModelProto:
    ending = [helper.make_node(operator, ["logits"], ["m"], axes=[0]), helper.make_node("Sub", ["logits", "m"], ["y"])]
    return linear(ending=ending, outputs=OUT)


# name -> (model, words of the refusal or, where it begins with "!", of a warning)
LIARS: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "all NaN": (lambda: _ended("Mul", np.full(1, np.nan, np.float32)), r"not numbers \(NaN\)"),
    "one class NaN": (lambda: _ended("Mul", np.array([1, 1, np.nan, 1, 1], np.float32)), r"not numbers \(NaN\)"),
    "infinite": (lambda: _ended("Div", np.zeros(1, np.float32)), "!scores are not finite"),
    "constant": (lambda: _ended("Mul", np.zeros(1, np.float32)), "!every probe image gets the same answer"),
    "constant class": (
        lambda: _ended("Mul", np.array([0, 0, 0, 0, 0], np.float32)),
        "!every probe image gets the same answer",
    ),
    "random normal": (lambda: _random("RandomNormalLike"), "!the second time"),
    "random uniform": (lambda: _random("RandomUniformLike"), "!the second time"),
    "mean of the batch": (lambda: _company("ReduceMean"), "!depends on the others"),
    "largest of the batch": (lambda: _company("ReduceMax"), "!depends on the others"),
    "one score": (lambda: linear(classes=1), "one score for each"),
    "sum over the batch": (
        lambda: linear(
            ending=[helper.make_node("ReduceSum", ["logits", "z"], ["y"])], outputs=OUT, extra=[("z", _longs(0))]
        ),
        "!batch is fixed: 1",
    ),
    "no scores for two": (
        lambda: linear(
            ending=[helper.make_node("Reshape", ["logits", "s"], ["y"])], outputs=OUT, extra=[("s", _longs(1, 5))]
        ),
        "",
    ),
    "ties": (lambda: _ended("Mul", np.array([1e-30] * 5, np.float32)), ""),
}


def mutations(count: int, seed: int = 0) -> Iterator[bytes]:
    """Small models with bytes flipped, cut out, doubled or overwritten, the same ones each time."""
    rng = np.random.default_rng(seed)
    good = [
        linear().SerializeToString(),
        linear([1, 8, 8, 3], opset=9).SerializeToString(),
        slice_of_minus_one().SerializeToString(),
    ]
    for number in range(count):
        data = bytearray(good[number % len(good)])
        # half of the damage goes to where the structure is, not the weights
        ends = (min(300, len(data)), len(data))
        for _ in range(rng.integers(1, 6)):
            at = int(rng.integers(0, ends[number % 2]))
            kind = rng.integers(0, 4)
            if kind == 0:
                data[at] ^= 1 << int(rng.integers(0, 8))
            elif kind == 1:
                data[at] = int(rng.integers(0, 256))
            elif kind == 2:
                del data[at : at + int(rng.integers(1, 9))]
            else:
                data[at:at] = data[at : at + int(rng.integers(1, 9))]
            ends = (min(300, len(data) - 1), len(data) - 1)
        yield bytes(data)


__all__ = ["BOMBS", "LIARS", "ODD", "PLACES", "external", "mutations", "weights", "with_tensor"]
