"""`wlm schedule` and `wlm db prune`, on what a process before has stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from wlm import Assistant
from wlm.cli import db, schedule
from wlm.errors import NotFound, UsageError
from wlm.types import Route

app = typer.Typer()
app.add_typer(schedule.app, name="schedule")
app.add_typer(db.app, name="db")


def wlm(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def shown(*arguments: str) -> Any:
    """The one JSON document on stdout."""
    return json.loads(wlm(*arguments, "--json").stdout)


@pytest.fixture
def made(home: Path) -> str:
    """A schedule."""
    with Assistant(timezone="Europe/Berlin") as assistant:
        assistant.ask("every weekday at 8:15 tell me the weather and the headlines")
        return assistant.schedules()[0].id


def test_nothing_yet(home: Path) -> None:
    assert shown("schedule", "list") == {"schedules": []}
    assert "Nothing is scheduled" in wlm("schedule", "list").stderr
    assert "Nothing is due" in wlm("schedule", "simulate").stderr


def test_list_and_show(made: str) -> None:
    assert "the weather and the headlines" in wlm("schedule", "list").stdout
    assert [s["id"] for s in shown("schedule", "list")["schedules"]] == [made]
    text = wlm("schedule", "show", made).stdout
    assert "every weekday at 8:15 am (Europe/Berlin)" in text
    assert "weather.forecast" in text and "news.headlines" in text
    assert shown("schedule", "show", made)["firings"] == []


def test_simulate(made: str) -> None:
    assert len(wlm("schedule", "simulate", "--days", "7").stdout.splitlines()) == 5
    due = shown("schedule", "simulate", "--days", "14")["firings"]
    assert len(due) == 10 and {d["schedule"] for d in due} == {made}
    with Assistant() as assistant:
        assert assistant.firings(made) == [], "nothing ran"


def test_pause_resume_remove(made: str) -> None:
    assert "Paused" in wlm("schedule", "pause", made).stdout
    assert shown("schedule", "simulate")["firings"] == []
    assert shown("schedule", "resume", made)["state"] == "active"
    assert isinstance(wlm("schedule", "pause", "nothing").exception, NotFound)
    assert "Removed" in wlm("schedule", "remove", made).stdout
    assert isinstance(wlm("schedule", "remove", made).exception, NotFound)


def test_what_became_of_it(home: Path) -> None:
    start = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
    with Assistant(clock=lambda: start, timezone="UTC", offline=True) as assistant:
        assistant.ask("every day at 8 tell me the headlines")
        made = assistant.schedules()[0].id
    with Assistant(clock=lambda: start + timedelta(days=3), offline=True) as assistant:
        assistant.notices()
    (firing,) = shown("schedule", "show", made)["firings"]
    assert (firing["outcome"], firing["missed"], len(firing["events"])) == ("late", 2, 1)
    assert "late, 2 before it missed" in wlm("schedule", "show", made).stdout


def test_prune(home: Path) -> None:
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    with Assistant(clock=lambda: long_ago) as assistant:
        event = assistant.engine.accept("local", Route("meeting", "meeting.list"))
        assistant.engine.run(event.id)
    assert shown("db", "prune", "--dry-run") == {
        "removed": 0, "old": 1, "days": 365, "turns": 0, "recordings": 0,
    }  # fmt: skip
    assert "1 event that" in wlm("db", "prune", "--days", "30").stdout
    assert shown("db", "prune")["removed"] == 0


def test_prune_keeps_everything_where_that_is_set(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WLM_KEEP_EVENTS_DAYS", "0")
    assert "all events are kept" in wlm("db", "prune").stdout
    assert not isinstance(wlm("db", "prune").exception, UsageError)
