"""`wlm config` and `wlm skills`: seen and changed, secrets apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from wlm.cli import config, skills
from wlm.config import Config, find_paths, load
from wlm.errors import BadSetting, SkillMissing, UsageError

run = CliRunner().invoke


def test_show_lists_every_setting_with_its_source(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WLM_LANGUAGE", "de")
    shown = json.loads(run(config.app, ["show", "--json"]).stdout)
    assert set(Config.model_fields) <= shown.keys()
    assert shown["language"] == {"value": "de", "source": "environment"}


def test_set_then_get_then_back_to_the_default(home: Path) -> None:
    assert run(config.app, ["set", "end_silence_ms", "700"]).exit_code == 0
    assert run(config.app, ["get", "end_silence_ms"]).stdout.strip() == "700"
    assert load().sources["end_silence_ms"] == "file"
    run(config.app, ["set", "end_silence_ms", ""])
    assert run(config.app, ["get", "end_silence_ms"]).stdout.strip() == "500"


@pytest.mark.parametrize(
    "arguments", [["set", "languge", "de"], ["set", "end_silence_ms", "soon"], ["get", "nothing"]]
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    home: Path, arguments: list[str]
) -> None:
    assert isinstance(run(config.app, arguments).exception, BadSetting)
    assert not find_paths().config_file.exists()


def test_a_secret_is_neither_written_nor_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = run(config.app, ["set", "llm_api_key", "hunter2"])
    assert isinstance(refused.exception, BadSetting)
    assert not find_paths().config_file.exists()
    monkeypatch.setenv("WLM_LLM_API_KEY", "hunter2")
    assert "hunter2" not in run(config.app, ["show"]).stdout
    assert "hunter2" not in run(config.app, ["get", "llm_api_key"]).stdout


def test_a_skills_settings_are_checked_by_its_model(home: Path) -> None:
    run(skills.app, ["configure", "meeting", "default_minutes=30"])
    shown = json.loads(run(skills.app, ["configure", "meeting", "--json"]).stdout)
    assert shown["default_minutes"] == 30
    run(skills.app, ["configure", "meeting", "default_minutes="])
    shown = json.loads(run(skills.app, ["configure", "meeting", "--json"]).stdout)
    assert shown["default_minutes"] == 60


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["configure", "meeting", "default_minutes=never"], BadSetting),
        (["configure", "meeting", "colour=red"], BadSetting),
        (["configure", "meeting", "default_minutes"], UsageError),
        (["configure", "nothing"], SkillMissing),
        (["show", "nothing"], SkillMissing),
    ],
)
def test_a_bad_skill_setting_is_refused(
    home: Path, arguments: list[str], error: type[Exception]
) -> None:
    assert isinstance(run(skills.app, arguments).exception, error)
    assert not find_paths().config_file.exists()


def test_a_skills_secret_is_kept_apart(home: Path) -> None:
    assert run(skills.app, ["configure", "email", "password=hunter2"]).exit_code == 0
    file = find_paths().config_file
    assert not file.exists() or "hunter2" not in file.read_text("utf-8")
    assert "hunter2" not in run(skills.app, ["configure", "email"]).stdout


def test_list_and_show(home: Path) -> None:
    listed = json.loads(run(skills.app, ["list", "--json"]).stdout)
    names = {skill["name"] for skill in listed["skills"]}
    assert {"meeting", "people", "weather", "news", "email"} <= names
    assert listed["faults"] == []
    shown = json.loads(run(skills.app, ["show", "weather", "--json"]).stdout)
    assert [intent["name"] for intent in shown["intents"]] == ["weather.forecast"]
    assert shown["intents"][0]["slots"]["when"]["kind"] == "time_range"
