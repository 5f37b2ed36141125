"""Sentence vectors in context: a small encoder, for what words alone leave undecided.

``bench/make_encoder.py`` made ``data/encoder.onnx`` from sentence-transformers/
all-MiniLM-L6-v2 (Apache-2.0, see ``data/LICENCES.md``), which ``bench/tune_encoder.py`` had taught
what makes requests the same. It takes milliseconds where
``vectors`` takes microseconds, and onnxruntime has to be imported: it is loaded by the first
request that needs it.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from wlm.pipeline.route.pieces import Pieces

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float32]
DIMS = 384
_START, _END, _UNKNOWN, _FIRST = 0, 1, 2, 3
"""Rows of the embedding before those of the word pieces."""
_LONGEST = 48
"""Word pieces; what lies beyond decides nothing."""
_BATCH = 64
_TOKEN = re.compile(r"\w+|[^\w\s]")
_MARKS = re.compile(r"[\u0300-\u036f]")


class Encoder:
    """Gives unit vectors of texts in plain form."""

    def __init__(self, session: onnxruntime.InferenceSession, pieces: Pieces) -> None:
        self._session = session
        self._pieces = pieces

    @classmethod
    @functools.cache
    def load(cls) -> Self:
        """The encoder that ships with WLM, on one thread."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        with as_file(files("wlm.pipeline.route").joinpath("data/encoder.onnx")) as path:
            session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        return cls(session, Pieces.load())

    def sentence(self, text: str) -> Floats:
        """The unit vector of one text."""
        found: Floats = self.batch([text])[0]
        return found

    def batch(self, texts: Sequence[str]) -> Floats:
        """A unit vector for each text: (texts, ``DIMS``)."""
        ids = [self._ids(text) for text in texts]
        found = np.zeros((len(ids), DIMS), np.float32)
        by_length: dict[int, list[int]] = {}
        for row, found_ids in enumerate(ids):
            by_length.setdefault(len(found_ids), []).append(row)
        for length, rows in by_length.items():
            for start in range(0, len(rows), _BATCH):
                part = rows[start : start + _BATCH]
                inputs = {"ids": np.array([ids[row] for row in part]), "at": np.arange(length)}
                found[part] = self._session.run(None, inputs)[0]
        unit: Floats = found / np.linalg.norm(found, axis=1, keepdims=True)
        return unit

    def _ids(self, text: str) -> list[int]:
        """Word pieces as the encoder was trained to read them: no accents, marks alone."""
        plain = _MARKS.sub("", unicodedata.normalize("NFD", text))
        ids = [_START]
        for token in _TOKEN.findall(plain):
            rows = self._pieces.split(token)
            ids += [row + _FIRST for row in rows] or [_UNKNOWN]
        return [*ids[: _LONGEST - 1], _END]
