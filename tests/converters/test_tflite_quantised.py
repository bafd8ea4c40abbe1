"""Graphs of quantised tensors, as tf2onnx writes them, made to count as TFLite does: worked out by hand in integers."""

import numpy as np
import onnx
import pytest
from framework_images import scores
from onnx import TensorProto, helper, numpy_helper

from converters.tflite.quantised import count_as_tflite


class Made:
    """A small graph of quantised tensors; every constant by its name."""

    def __init__(self, dtype: type = np.int8) -> None:
        self.dtype, self.nodes, self.constants = dtype, [], {}

    def constant(self, name: str, value: np.ndarray) -> str:
        self.constants[name] = value
        return name

    def real(self, name: str, scale: float | np.ndarray, zero: int, axis: int = 1) -> str:
        zeros = np.full(np.shape(scale), zero, self.dtype if name not in self.constants else self.constants[name].dtype)
        names = [self.constant(f"{name}:s", np.array(scale, np.float32)), self.constant(f"{name}:z", zeros)]
        self.nodes.append(helper.make_node("DequantizeLinear", [name, *names], [f"{name}:real"], axis=axis))
        return f"{name}:real"

    def add(self, operator: str, *inputs: str, **attributes: object) -> str:
        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def quantised(self, name: str, scale: float, zero: int) -> str:
        number = len(self.nodes)
        names = [
            self.constant(f"{number}:s", np.array(scale, np.float32)),
            self.constant(f"{number}:z", np.array(zero, self.dtype)),
        ]
        return self.add("QuantizeLinear", name, *names)

    def model(self, output: str, sides: tuple[int, ...]) -> onnx.ModelProto:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype))
        graph = helper.make_graph(
            self.nodes,
            "quantised",
            [helper.make_tensor_value_info("x", kind, ["n", *sides])],
            [helper.make_tensor_value_info(output, kind, None)],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def numbers(dtype: type, *sides: int) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.random.default_rng(0).integers(limits.min, limits.max + 1, (64, *sides)).astype(dtype)


@pytest.mark.parametrize(("dtype", "zero"), [(np.int8, -3), (np.uint8, 120)])
def test_an_average_that_ends_in_a_half_is_rounded_away_from_zero(dtype, zero):
    made = Made(dtype)
    mean = made.add("AveragePool", made.real("x", 0.0371, zero), kernel_shape=[2, 2], strides=[2, 2])
    model = made.model(made.quantised(mean, 0.0371, zero), (1, 4, 4))
    given = numbers(dtype, 1, 4, 4)
    sums = given.astype(np.int64).reshape(64, 1, 2, 2, 2, 2).sum(axis=(3, 5))
    wanted = np.sign(sums) * ((np.abs(sums) + 2) // 4)
    assert count_as_tflite(model) == 1
    assert np.array_equal(scores(model, given), wanted)
    assert (sums % 4 == 2).mean() > 0.2


def test_a_convolution_is_a_sum_of_whole_numbers_and_one_rounding():
    rng = np.random.default_rng(1)
    weights, bias = rng.integers(-127, 128, (3, 2, 1, 1)).astype(np.int8), rng.integers(-999, 999, 3).astype(np.int32)
    scales = np.array([0.25, 0.5, 0.125], np.float32)  # of the weights; powers of two, so that halves are halves
    made = Made()
    images = made.real("x", 0.5, 7)
    made.constant("w", weights)
    made.constant("b", bias)
    summed = made.add("Conv", images, made.real("w", scales, 0, axis=0), made.real("b", scales / 2, 0, axis=0))
    model = made.model(made.quantised(made.add("Relu", summed), 16.0, -128), (2, 2, 2))
    given = numbers(np.int8, 2, 2, 2)
    sums = np.einsum("nchw,kc->nkhw", given.astype(np.int64) - 7, weights[:, :, 0, 0].astype(np.int64))
    exact = (sums + bias[:, None, None]) * (scales / 2 / 16)[:, None, None].astype(np.float64)
    wanted = np.clip(np.rint(np.maximum(exact, 0)) - 128, -128, 127)
    assert (np.abs(exact % 1 - 0.5) < 1e-9).any()
    assert count_as_tflite(model) == 1
    assert np.array_equal(scores(model, given), wanted)
    assert not any(node.op_type == "DequantizeLinear" and "w" in node.input for node in model.graph.node)


def test_a_matrix_with_its_bias_and_a_bounded_activation_counts_too():
    rng = np.random.default_rng(2)
    weights, bias = rng.integers(-127, 128, (5, 3)).astype(np.int8), rng.integers(-99, 99, 3).astype(np.int32)
    made = Made(np.uint8)
    made.constant("w", weights)
    made.constant("b", bias)
    summed = made.add("MatMul", made.real("x", 0.5, 128), made.real("w", 0.25, 0))
    summed = made.add("Add", summed, made.real("b", 0.125, 0))
    bounds = [made.constant("low", np.array(0, np.float32)), made.constant("high", np.array(6, np.float32))]
    model = made.model(made.quantised(made.add("Clip", summed, *bounds), 0.0625, 0), (5,))
    given = numbers(np.uint8, 5)
    exact = ((given.astype(np.int64) - 128) @ weights.astype(np.int64) + bias) * 0.125
    wanted = np.rint(np.clip(exact, 0, 6) / 0.0625)
    assert count_as_tflite(model) == 1
    assert np.array_equal(scores(model, given), wanted)


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul"])
def test_two_tensors_are_put_together_in_steps_of_the_result(operator):
    made = Made()
    mirrored = made.add("Reshape", "x", made.constant("back", np.array([-1, 2, 3], np.int64)))
    one, two = made.real("x", 0.5, 3), made.real(mirrored, 0.25, 3)
    model = made.model(made.quantised(made.add(operator, one, two), 2.0, -5), (2, 3))
    given = numbers(np.int8, 2, 3)
    whole = given.astype(np.float64) - 3
    exact = {"Add": whole * 0.5 + whole * 0.25, "Sub": whole * 0.5 - whole * 0.25, "Mul": whole * whole * 0.125}
    wanted = np.clip(np.rint(exact[operator] / 2) - 5, -128, 127)
    assert count_as_tflite(model) == 1
    assert np.array_equal(scores(model, given), wanted)


def test_a_mean_over_the_image_keeps_its_halves():
    made = Made()
    mean = made.add("GlobalAveragePool", made.real("x", 0.1, 0))
    model = made.model(made.quantised(mean, 0.1, 0), (2, 2, 2))
    given = numbers(np.int8, 2, 2, 2)
    assert count_as_tflite(model) == 1
    wanted = np.rint(given.astype(np.float64).mean(axis=(2, 3), keepdims=True))
    assert np.array_equal(scores(model, given), wanted)


def test_a_graph_without_quantised_tensors_is_left_alone():
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "float",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 3, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ones((1, 1, 2, 2), np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    before = model.SerializeToString()
    assert count_as_tflite(model) == 0
    assert model.SerializeToString() == before
