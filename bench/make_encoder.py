"""Make the router's encoder: MiniLM as an int8 ONNX file, without torch.

    pip install onnx
    python -m bench.make_encoder MODEL.zip wlm/pipeline/route/data [--tuned TUNED.npz]

``MODEL.zip`` is that of ``bench/make_vectors.py``, which has to run first: both know the same
word pieces. ``--tuned``: with the weights of ``bench/tune_encoder.py``, as WLM ships it.
Embeddings are int8 with one scale a row; the weights of each layer are rounded to seven bits
with one scale a column (eight overflow in AVX2's products) and multiplied as integers; the rest
is float. Inputs: ``ids`` (texts, length), ``at`` (length,) counting from 0;
output: the mean over the tokens (texts, 384).
"""

from __future__ import annotations

import argparse
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from bench.make_vectors import HEADS, Floats, kept_pieces, read_vocabulary, read_weights

LAYERS = 6
LONGEST = 64
MICROSOFT = "com.microsoft"


class Graph:
    """Collects nodes and constants."""

    def __init__(self, weights: dict[str, Floats]) -> None:
        self.weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, op: str, inputs: list[str], name: str, domain: str = "", **more: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [name], domain=domain, **more))
        return name

    def norm(self, x: str, name: str) -> str:
        scale = self.constant(f"{name}.gain", self.weights[f"{name}.weight"])
        shift = self.constant(f"{name}.shift", self.weights[f"{name}.bias"])
        return self.node("LayerNormalization", [x, scale, shift], name, axis=-1, epsilon=1e-12)

    def linear(self, x: str, name: str) -> str:
        weight = self.weights[f"{name}.weight"].T
        scale = np.abs(weight).max(0) / 63 + 1e-12
        parts = [
            self.constant(f"{name}.q", np.rint(weight / scale).astype(np.int8)),
            self.constant(f"{name}.scale", scale.astype(np.float32)),
            self.constant(f"{name}.zero", np.zeros(weight.shape[1], np.int8)),
            self.constant(f"{name}.b", self.weights[f"{name}.bias"]),
        ]
        return self.node("DynamicQuantizeMatMul", [x, *parts], name, MICROSOFT)


def embedded(graph: Graph, rows: list[int]) -> str:
    """Word pieces by their row, and where they stand."""
    table = graph.weights["embeddings.word_embeddings.weight"][rows]
    scale = np.abs(table).max(1, keepdims=True) / 127 + 1e-12
    graph.constant("table", np.rint(table / scale).astype(np.int8))
    graph.constant("scale", scale.astype(np.float32))
    places = graph.weights["embeddings.position_embeddings.weight"][:LONGEST]
    graph.constant("places", places + graph.weights["embeddings.token_type_embeddings.weight"][0])
    found = graph.node("Gather", ["table", "ids"], "rows", axis=0)
    found = graph.node("Cast", [found], "floats", to=TensorProto.FLOAT)
    scales = graph.node("Gather", ["scale", "ids"], "scales", axis=0)
    found = graph.node("Mul", [found, scales], "words")
    where = graph.node("Gather", ["places", "at"], "where", axis=0)
    return graph.norm(graph.node("Add", [found, where], "placed"), "embeddings.LayerNorm")


def layer(graph: Graph, x: str, at: str) -> str:
    """Attention and the two dense layers."""
    seen = [graph.linear(x, f"{at}.attention.self.{part}") for part in ("query", "key", "value")]
    mixed = graph.node("MultiHeadAttention", seen, f"{at}.mixed", MICROSOFT, num_heads=HEADS)
    mixed = graph.linear(mixed, f"{at}.attention.output.dense")
    mixed = graph.node("Add", [x, mixed], f"{at}.first")
    x = graph.norm(mixed, f"{at}.attention.output.LayerNorm")
    inner = graph.linear(x, f"{at}.intermediate.dense")
    inner = graph.node("Gelu", [inner], f"{at}.inner", MICROSOFT)
    inner = graph.linear(inner, f"{at}.output.dense")
    return graph.norm(graph.node("Add", [x, inner], f"{at}.second"), f"{at}.output.LayerNorm")


def build(weights: dict[str, Floats], rows: list[int]) -> Any:
    """The whole model; ``rows`` are the rows of the embedding that are kept, in order."""
    graph = Graph(weights)
    x = embedded(graph, rows)
    for number in range(LAYERS):
        x = layer(graph, x, f"encoder.layer.{number}")
    graph.node("ReduceMean", [x], "mean", axes=[1], keepdims=0)
    inputs = [
        helper.make_tensor_value_info("ids", TensorProto.INT64, ["texts", "length"]),
        helper.make_tensor_value_info("at", TensorProto.INT64, ["length"]),
    ]
    output = helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["texts", "dims"])
    made = helper.make_graph(graph.nodes, "encoder", inputs, [output], graph.constants)
    versions = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(made, opset_imports=versions)
    model.ir_version = 8
    return model


def main() -> None:
    """Write ``encoder.onnx``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tuned", type=Path, help="weights of bench/tune_encoder.py")
    args = parser.parse_args()
    with zipfile.ZipFile(args.model) as archive:
        vocabulary, weights = read_vocabulary(archive), read_weights(archive)
    pieces = (args.out / "pieces.txt").read_text("utf-8").split("\n")
    assert pieces == kept_pieces(vocabulary), "run bench.make_vectors first"
    rows = [vocabulary[piece] for piece in ("[CLS]", "[SEP]", "[UNK]", *pieces)]
    if args.tuned:
        with np.load(args.tuned) as arrays:
            weights = dict(arrays)
        rows = list(range(len(rows)))  # it has only those that are kept, in this order
    path = args.out / "encoder.onnx"
    onnx.save(build(weights, rows), path)
    print(f"{path.stat().st_size / 1e6:.1f} MB, {len(rows)} word pieces")


if __name__ == "__main__":
    main()
