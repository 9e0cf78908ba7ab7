"""Small ONNX files: a sum of weighted features, as one matrix or feature by feature."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = [helper.make_opsetid("", 21)]


def weighted(weights: Sequence[float]) -> bytes:
    """`features` [n, k] -> `score` [n, 1] = features . weights, missing values as 0."""
    matrix = numpy_helper.from_array(np.array(weights, dtype=np.float32).reshape(-1, 1), "weights")
    zero = numpy_helper.from_array(np.zeros(1, dtype=np.float32), "zero")
    nodes = [
        helper.make_node("IsNaN", ["features"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "features"], ["filled"]),
        helper.make_node("MatMul", ["filled", "weights"], ["score"]),
    ]
    return finished(nodes, [taking(len(weights))], [matrix, zero])


def difference(first: str, second: str) -> bytes:
    """Two inputs [n, 1] by the features' names -> `score` [n, 1], the first less the second."""
    taken = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in (first, second)]
    return finished([helper.make_node("Sub", [first, second], ["score"])], taken, [])


def above_its_block(features: int) -> bytes:
    """`features` [n, k] -> `score` [n, 1]: a row's sum less the mean of those in the same call, missing values as 0."""
    zero = numpy_helper.from_array(np.zeros(1, dtype=np.float32), "zero")
    rows, columns = (numpy_helper.from_array(np.array([axis]), name) for axis, name in enumerate(("rows", "columns")))
    nodes = [
        helper.make_node("IsNaN", ["features"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "features"], ["filled"]),
        helper.make_node("ReduceSum", ["filled", "columns"], ["sum"], keepdims=1),
        helper.make_node("ReduceMean", ["sum", "rows"], ["mean"], keepdims=1),
        helper.make_node("Sub", ["sum", "mean"], ["score"]),
    ]
    return finished(nodes, [taking(features)], [zero, rows, columns])


def hungry(features: int) -> bytes:
    """`features` [n, k] -> `score` [n, 1]: the first of each row, by way of a matrix [n, 131072]."""
    wide, axis = numpy_helper.from_array(np.array([1, 131_072]), "wide"), numpy_helper.from_array(np.array([1]), "axis")
    first = numpy_helper.from_array(np.array([0]), "first")
    nodes = [
        helper.make_node("Gather", ["features", "first"], ["one"], axis=1),
        helper.make_node("Expand", ["one", "wide"], ["many"]),
        helper.make_node("ReduceMean", ["many", "axis"], ["score"], keepdims=1),
    ]
    return finished(nodes, [taking(features)], [wide, axis, first])


def taking(features: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, features])


def finished(nodes: list[onnx.NodeProto], taken: list[onnx.ValueInfoProto], constants: list[onnx.TensorProto]) -> bytes:
    given = helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1])
    model = helper.make_model(helper.make_graph(nodes, "made", taken, [given], constants), opset_imports=OPSET, ir_version=10)
    return bytes(model.SerializeToString())
