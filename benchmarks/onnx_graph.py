"""Write the name model as an ONNX graph, from the weights in its file: it shares no code with our own."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

_Array = NDArray[Any]
_OPSET, _IR = 18, 10
_TYPES = 3
_INPUTS: Mapping[str, tuple[int, list[str | int]]] = {
    "rows": (TensorProto.INT64, ["words"]),
    "letters": (TensorProto.INT64, ["words", 16]),
    "word_flags": (TensorProto.FLOAT, ["words", 30]),
    "index": (TensorProto.INT64, ["tokens"]),
    "flags": (TensorProto.FLOAT, ["tokens", 18]),
    "keys": (TensorProto.INT64, ["tokens"]),
    "times": (TensorProto.FLOAT, ["keys", 1]),
}


class Graph:
    """Collect the nodes of the network; each method adds a part, and returns the name of what it computes.

    Texts of a batch stand one after another, and ``near_1``, ``near_2``, ... give for each token the places
    of its neighbours at that distance, the number of tokens where there is none.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        names = [name for name in arrays if name.endswith((".weight", ".bias"))]
        self._weights = {name: _weight(arrays, name) for name in names}
        self._early, self._late = arrays["early"].tolist(), arrays["late"].tolist()
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def model(self) -> onnx.ModelProto:
        """Put the parts together: log-probabilities, (tokens, labels), under the name ``logs``."""
        hidden = self._add("Add", self._add("Gather", self._words(), "index"), self._linear("place", "flags"))
        for number, step in enumerate(self._early):
            hidden = self._convolution(f"early.{number}", hidden, step)
        hidden = self._add("Add", hidden, self._linear("memory", self._memory(hidden)))
        for number, step in enumerate(self._late):
            hidden = self._convolution(f"late.{number}", hidden, step)
        logs = self._add("LogSoftmax", self._linear("last", hidden), axis=1)
        near = {f"near_{step}": (TensorProto.INT64, ["tokens", 3]) for step in {*self._early, *self._late}}
        inputs = [helper.make_tensor_value_info(name, *kind) for name, kind in {**_INPUTS, **near}.items()]
        output = helper.make_tensor_value_info(logs, TensorProto.FLOAT, ["tokens", 7])
        graph = helper.make_graph(self._nodes, "names", inputs, [output], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _words(self) -> str:
        vectors = self._add("Gather", self._constant(self._weights["vectors.weight"]), "rows")
        flags = self._add("Relu", self._linear("flags", "word_flags"))
        parts = self._add("Concat", vectors, self._spelling(), flags, axis=1)
        return self._add("Relu", self._linear("word", parts))

    def _spelling(self) -> str:
        letters = self._add("Gather", self._constant(self._weights["letters.weight"]), "letters")
        padded = self._add("Pad", letters, self._integers(0, 1, 0, 0, 1, 0))
        bounds = [(self._integers(tap), self._integers(tap + 16), self._integers(1)) for tap in range(3)]
        taps = [self._add("Slice", padded, *bound) for bound in bounds]
        product = self._add("MatMul", self._add("Concat", *taps, axis=2), self._weight("spelling.weight"))
        values = self._add("Add", product, self._weight("spelling.bias"))
        empty = self._add("Equal", "letters", self._constant(np.array(0)))
        masked = self._add("Where", self._add("Unsqueeze", empty, self._integers(2)), self._zero(), values)
        return self._add("Relu", self._add("ReduceMax", masked, self._integers(1), keepdims=0))

    def _convolution(self, name: str, hidden: str, step: int) -> str:
        width = len(self._weights["word.bias"])
        power = self._add("ReduceMean", self._add("Mul", hidden, hidden), self._integers(1))
        root = self._add("Sqrt", self._add("Add", power, self._constant(np.float32(1e-5))))
        padded = self._add("Pad", self._add("Div", hidden, root), self._integers(0, 0, 1, 0))
        near = self._add("Gather", padded, f"near_{step}")
        joined = self._add("Reshape", near, self._integers(-1, 3 * width))
        value, gate = self._split(self._linear(f"{name}.conv", joined))
        return self._add("Add", hidden, self._add("Mul", value, self._add("Sigmoid", gate)))

    def _memory(self, hidden: str) -> str:
        """Gather for each token the highest and the mean chance of each type over all tokens of its key."""
        chances = self._add("Softmax", self._linear("first", hidden), axis=1)
        sums = np.repeat(np.eye(_TYPES, dtype=np.float32), 2, axis=0)
        types = self._add("MatMul", chances, self._constant(np.pad(sums, ((1, 0), (0, 0)))))
        nothing = self._add("Mul", self._add("Expand", "times", self._integers(1, _TYPES)), self._zero())
        place = self._add("Unsqueeze", "keys", self._integers(1))
        highest = self._add("ScatterND", nothing, place, types, reduction="max")
        total = self._add("ScatterND", nothing, place, types, reduction="add")
        said = self._add("Concat", highest, self._add("Div", total, "times"), axis=1)
        return self._add("Gather", said, "keys")

    def _linear(self, name: str, values: str) -> str:
        return self._add("Gemm", values, self._weight(f"{name}.weight"), self._weight(f"{name}.bias"))

    def _split(self, values: str) -> tuple[str, str]:
        halves = (f"{values}.value", f"{values}.gate")
        self._nodes.append(helper.make_node("Split", [values], halves, axis=1, num_outputs=2))
        return halves

    def _add(self, operator: str, *inputs: str, **attributes: object) -> str:
        name = f"{operator}.{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def _weight(self, name: str) -> str:
        return self._constant(self._weights[name])

    def _integers(self, *values: int) -> str:
        return self._constant(np.array(values))

    def _zero(self) -> str:
        return self._constant(np.float32(0))

    def _constant(self, values: _Array | np.float32) -> str:
        name = f"constant.{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name


def rounded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Round the matrices of ``model`` to 8 bits, and what they are multiplied with, too, as it runs."""
    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder) / "whole.onnx", Path(folder) / "small.onnx"
        onnx.save(model, whole)
        quantize_dynamic(whole, small, op_types_to_quantize=["MatMul", "Gemm"], weight_type=QuantType.QInt8)
        return onnx.load(small)


def _weight(arrays: Mapping[str, _Array], name: str) -> _Array:
    weight = arrays[name]
    return weight * arrays[f"{name}.scale"] if weight.dtype == np.int8 else weight
