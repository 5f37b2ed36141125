"""`wlm transcribe` and `wlm models`, as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from wlm.cli import models, transcribe
from wlm.errors import BadAudio, NotFound, Unreachable, UsageError

DATA = Path(__file__).parent / "data"
TIMER, WEATHER = str(DATA / "timer.ogg"), str(DATA / "weather.ogg")


@pytest.fixture
def run(home, monkeypatch):
    """Call a command; errors come as the exceptions that the boundary would show."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command("transcribe")(transcribe.transcribe)
    app.add_typer(models.app, name="models")
    for key, value in home.items():
        monkeypatch.setenv(key, value)

    def call(*arguments: str):
        result = CliRunner().invoke(app, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


def test_one_recording_gives_its_text_and_nothing_else(run):
    result = run("transcribe", WEATHER)
    assert result.stdout == "What will the weather be like in London tomorrow afternoon?\n"
    assert (result.exit_code, result.stderr) == (0, "")


def test_json_is_one_document(run):
    result = run("transcribe", "--json", WEATHER)
    assert json.loads(result.stdout)["model"] == "tiny.en"
    assert result.stdout == run("transcribe", "--format", "json", WEATHER).stdout


def test_a_bad_file_does_not_stop_the_others(run, tmp_path):
    bad = tmp_path / "notes.wav"
    bad.write_text("this is no sound")
    result = run("transcribe", "--json", TIMER, str(bad), "/no/such.wav", WEATHER)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line.get("error", {}).get("code") for line in lines] == [
        None,
        "bad_audio",
        "not_found",
        None,
    ]
    assert "London" in lines[3]["text"]
    assert str(bad) in result.stderr
    assert result.exit_code == BadAudio.exit_code


def test_one_bad_file_alone_is_an_error(run):
    with pytest.raises(NotFound):
        run("transcribe", "/no/such.wav")


def test_texts_of_several_recordings_are_told_apart(run):
    result = run("transcribe", TIMER, WEATHER)
    assert result.stdout.startswith(f"==> {TIMER} <==\nSet a timer")
    assert f"==> {WEATHER} <==\nWhat will" in result.stdout


def test_subtitles_go_to_a_folder(run, tmp_path):
    out = tmp_path / "subtitles"
    result = run("transcribe", "-f", "srt", TIMER, WEATHER, "--output-dir", str(out))
    assert (result.exit_code, result.stdout) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["timer.srt", "weather.srt"]
    assert (out / "timer.srt").read_text().startswith("1\n00:00:0")


def test_what_would_overwrite_or_mix_is_refused_before_any_work(run, tmp_path):
    with pytest.raises(UsageError, match="one stream"):
        run("transcribe", "-f", "vtt", TIMER, WEATHER)
    with pytest.raises(UsageError, match="same file"):
        run("transcribe", TIMER, "elsewhere/timer.wav", "--output-dir", str(tmp_path))


def test_silence_is_no_error_and_is_said(run, tmp_path):
    import wave

    path = tmp_path / "silence.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(64_000))
    result = run("transcribe", str(path))
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no speech" in result.stderr


def test_models_are_listed(run):
    assert "* tiny.en" in run("models", "list").stdout
    listed = json.loads(run("models", "list", "--json").stdout)["models"]
    assert {model["name"]: model["used"] for model in listed} == {"base": False, "tiny.en": True}


def test_pull_offline_is_refused(run, monkeypatch):
    monkeypatch.setenv("WLM_OFFLINE", "1")
    with pytest.raises(Unreachable):
        run("models", "pull", "small")
