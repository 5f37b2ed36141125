"""The router in plain Python decides as the one in numpy does."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from wlm.pipeline.route.arrays import read
from wlm.pipeline.route.features import Extractor
from wlm.pipeline.route.local import SHIPPED
from wlm.pipeline.route.model import Model
from wlm.pipeline.route.plain import PlainModel, PlainVectors
from wlm.pipeline.route.vectors import Vectors

UTTERANCES = [
    line.split("\t")[-1]
    for line in (Path(__file__).parent / "utterances.tsv").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


@pytest.fixture(scope="module")
def models() -> tuple[Model, PlainModel]:
    (path,) = SHIPPED.glob("en-*.npz")
    model, plain = Model.load(path), PlainModel.load(path)
    assert model is not None and plain is not None
    return model, plain


def test_both_give_the_same_probabilities_and_reasons(models: tuple[Model, PlainModel]) -> None:
    model, plain = models
    extract = Extractor(model.keywords, "en")
    assert len(UTTERANCES) > 20
    for text in [*UTTERANCES, "zzzz qqqq", "é", "日本"]:
        features = extract(text.casefold())
        chances = plain.probabilities(features)
        assert chances == pytest.approx(model.probabilities(features), abs=1e-5)
        assert sum(chances) == pytest.approx(1)
        expected = model.pulls(features, 0, -1)
        assert plain.pulls(features, 0, -1) == pytest.approx(expected, abs=1e-4)


def test_both_know_the_same_phrases(models: tuple[Model, PlainModel]) -> None:
    model, plain = models
    extract = Extractor(model.keywords, "en")
    known = 0
    for text in UTTERANCES:
        classed = " ".join(extract.classed(text.casefold().split()))
        assert plain.exact_intent(classed) == model.exact_intent(classed)
        known += model.exact_intent(classed) is not None
    assert plain.exact_intent("no such phrase") is None
    assert known


def test_both_give_the_same_vectors() -> None:
    for words in ([], ["meeting"], ["tomorrow", "unrecognisableword", "at", "nine"], ["日本"]):
        expected = Vectors.load().sentence(words).tolist()
        assert PlainVectors.load().sentence(words) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("mapped", [False, True])
def test_arrays_come_back_as_numpy_wrote_them(tmp_path: Path, mapped: bool) -> None:
    path = tmp_path / "some.npz"
    arrays = {
        "floats": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4),
        "small": np.arange(-4, 4, dtype=np.int8),
        "hashes": np.array([1, 2**64 - 1], np.uint64),
        "none": np.zeros((0, 5), np.float32),
    }
    with path.open("wb") as file:
        np.savez(file, **arrays)
    found = read(path, mapped=mapped)
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].shape == array.shape
        assert found[name].flat.tolist() == array.ravel().tolist()
    assert found["floats"].row(1).tolist() == arrays["floats"][1].tolist()


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    with pytest.raises(OSError):
        read(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(zipfile.BadZipFile):
        read(path)
    with path.open("wb") as file:
        np.savez_compressed(file, some=np.zeros(100))
    with pytest.raises(ValueError, match="compressed"):
        read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("some.npy", b"\x93NUMPY\x01\x00\x04\x00(((\n")
    with pytest.raises(ValueError):
        read(path)
    with path.open("wb") as file:
        np.savez(file, some=np.asfortranarray(np.zeros((2, 2), np.float32)))
    with pytest.raises(ValueError, match="laid out"):
        read(path)
    assert PlainModel.load(path) is None


def test_a_damaged_model_is_none(tmp_path: Path) -> None:
    (path,) = SHIPPED.glob("en-*.npz")
    whole = path.read_bytes()
    for length in (0, 10, 1000, len(whole) // 2, len(whole) - 10):
        cut = tmp_path / "cut.npz"
        cut.write_bytes(whole[:length])
        assert PlainModel.load(cut) is None


def test_a_short_command_does_without_numpy(home: Path) -> None:
    code = (
        "import sys; from wlm import Assistant\n"
        "with Assistant() as assistant: print(assistant.route('what is the weather in Oslo'))\n"
        "print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "False", done.stdout + done.stderr
