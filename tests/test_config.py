"""The settings: their order, where they came from, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from wlm import config
from wlm.errors import BadSetting


def written(home: Path, text: str) -> Path:
    path = config.find_paths().config_file
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    return path


def test_flag_over_environment_over_file_over_default(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(home, 'language = "de"\nstt_model = "base"\nend_silence_ms = 700\n')
    monkeypatch.setenv("WLM_LANGUAGE", "es")
    monkeypatch.setenv("WLM_STT_MODEL", "tiny.en")
    settings = config.load({"language": "en", "router": None})
    values = settings.config
    assert (values.language, values.stt_model, values.end_silence_ms) == ("en", "tiny.en", 700)
    names = ("language", "stt_model", "end_silence_ms", "router")
    assert [settings.sources[name] for name in names] == ["flag", "environment", "file", "default"]


def test_home_moves_all_three_folders(home: Path) -> None:
    assert all(home in path.parents for path in config.find_paths())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("language = ", "not valid TOML"),
        ('langauge = "de"', "Unknown setting 'langauge'"),
        ('end_silence_ms = "soon"', "'end_silence_ms'"),
        ('router = "magic"', "'router'"),
    ],
)
def test_a_bad_file_is_refused_by_name(home: Path, text: str, words: str) -> None:
    written(home, text)
    with pytest.raises(BadSetting, match=words):
        config.load()


def test_the_error_never_holds_the_value_of_a_secret(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WLM_END_SILENCE_MS", "hunter2")
    with pytest.raises(BadSetting) as caught:
        config.load()
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"


def test_writing_keeps_comments_and_the_rest(home: Path) -> None:
    path = written(home, '# mine\nlanguage = "de"\n')
    config.write_setting(path, "end_silence_ms", 600)
    config.write_setting(path, "units", "metric", skill="weather")
    assert path.read_text("utf-8").startswith('# mine\nlanguage = "de"\n')
    settings = config.load()
    assert settings.config.end_silence_ms == 600
    assert settings.skills == {"weather": {"units": "metric"}}
    config.write_setting(path, "end_silence_ms", None)
    assert config.load().config.end_silence_ms == 500


def test_a_skills_environment_goes_over_its_file(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(home, '[skills.weather]\nunits = "metric"\nhome = "Berlin"\n')
    monkeypatch.setenv("WLM_SKILL_WEATHER__UNITS", "imperial")
    assert config.load().skills["weather"] == {"units": "imperial", "home": "Berlin"}


def test_an_unknown_zone_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WLM_TIMEZONE", "Mars/Olympus")
    with pytest.raises(BadSetting, match="Mars/Olympus"):
        _ = config.load().zone


def test_what_is_checked_alone_is_what_is_checked_with_the_rest(home: Path) -> None:
    here = {"WLM_HOME": str(home)}
    plain = config.Config()
    every = plain.model_dump()
    assert config.Config.model_validate(every) == plain == config.load(environ=here).config
    assert config.load(every, here).config == plain
    some = {"worker_threads": "7", "offline": "yes", "log_level": "info", "llm_margin": "0.5"}
    mixed = config.load(some, here).config
    assert mixed == config.Config.model_validate(some) != plain
    with pytest.raises(ValidationError):
        mixed.offline = False  # type: ignore[misc]


def test_every_setting_has_help() -> None:
    assert all(field.description for field in config.Config.model_fields.values())
