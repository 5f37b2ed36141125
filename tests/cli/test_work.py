"""`wlm events`, `wlm history`, `wlm forget` and `wlm db`, on what a process before has stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from wlm import Assistant
from wlm.cli import db, events, history
from wlm.errors import NotFound, UsageError, WlmError
from wlm.store.migrate import CORE_SCHEMA
from wlm.types import Reply, Route, State, Turn, new_id

OWNER = "local"
app = typer.Typer()
app.add_typer(events.app, name="events")
app.add_typer(db.app, name="db")
app.command("history")(history.history)
app.command("forget")(history.forget)


def wlm(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def shown(*arguments: str) -> Any:
    """The one JSON document on stdout."""
    return json.loads(wlm(*arguments, "--json").stdout)


def refusal(*arguments: str) -> WlmError:
    """The error that a command ends in; the boundary prints it."""
    error = wlm(*arguments).exception
    assert isinstance(error, WlmError), error
    return error


@pytest.fixture
def done(home: Path) -> str:
    """An event that succeeded, in a turn that says so."""
    with Assistant() as assistant:
        turn = Turn(new_id(), "c", "what is on tomorrow", reply=Reply("Nothing at all."))
        assistant.turns.save(OWNER, turn, {})
        route = Route("meeting", "meeting.list")
        accepted = assistant.engine.accept(OWNER, route, conversation="c", turn=turn.id)
        event = assistant.engine.run(accepted.id)
        assert event.state is State.SUCCEEDED
        return event.id


@pytest.fixture
def asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An event that waits for a yes."""
    monkeypatch.setenv("WLM_CONFIRM", "write")
    with Assistant() as assistant:
        route = Route("people", "people.add", {"who": "Anna Berg", "phone": "+491234567"})
        event = assistant.engine.run(assistant.engine.accept(OWNER, route).id)
        assert event.state is State.WAITING_CONFIRMATION
        return event.id


def test_watch_shows_what_is_open_before_what_has_ended(
    done: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Assistant() as assistant:
        later = datetime.now(UTC) + timedelta(days=1)
        waiting = assistant.engine.accept(OWNER, Route("meeting", "meeting.list"), run_at=later)
        for _ in range(3):
            assistant.engine.run(
                assistant.engine.accept(OWNER, Route("meeting", "meeting.list")).id
            )

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", stop)
    lines = wlm("events", "watch", "--json", "--limit", "2").stdout.splitlines()
    assert json.loads(lines[-1])["id"] == waiting.id and len(lines) == 2
    assert waiting.id in wlm("events", "watch", "--limit", "2").stdout


def test_list_and_show(done: str) -> None:
    listed = shown("events", "list")
    assert [event["id"] for event in listed["events"]] == [done] and listed["next"] is None
    assert shown("events", "list", "--limit", "1")["next"] == done
    assert shown("events", "list", "--before", done)["events"] == []
    assert shown("events", "list", "--state", "failed")["events"] == []
    table = wlm("events", "list").stdout
    assert done in table and "meeting.list" in table and "succeeded" in table
    one = shown("events", "show", done)
    states = [entry["state"] for entry in one["history"]]
    assert states == ["accepted", "queued", "running", "succeeded"]
    assert one["event"]["id"] == done
    assert [step["state"] for step in one["history"]][-1] == "succeeded"
    assert one["history"][0]["after_seconds"] is None and one["history"][-1]["after_seconds"] >= 0
    assert [node["id"] for node in one["tree"]] == [done]
    assert "attempt 1" in wlm("events", "show", done).stdout
    assert [e["id"] for e in shown("events", "list", "--skill", "meeting")["events"]] == [done]
    assert isinstance(refusal("events", "show", "nothing"), NotFound)
    assert isinstance(refusal("events", "list", "--state", "odd"), UsageError)


def test_confirm_finds_the_one_that_waits(asked: str) -> None:
    assert "Anna Berg" in wlm("events", "list").stdout
    confirmed = wlm("events", "confirm", "--json")
    assert confirmed.exit_code == 0
    assert json.loads(confirmed.stdout)["state"] == "succeeded"
    assert isinstance(refusal("events", "confirm"), NotFound)
    assert isinstance(refusal("events", "confirm", asked), UsageError)


def test_cancel_then_nothing_is_left_to_retry(asked: str) -> None:
    assert wlm("events", "cancel", asked).exit_code == 0
    assert shown("events", "show", asked)["event"]["state"] == "cancelled"
    assert isinstance(refusal("events", "retry", asked), UsageError)


def test_a_retry_that_fails_ends_5(home: Path) -> None:
    with Assistant() as assistant:
        event = assistant.engine.accept(OWNER, Route("gone", "gone.away"))
        assistant.engine.run(event.id)
    again = wlm("events", "retry", event.id)
    assert again.exit_code == 5 and "not installed" in again.stdout


def test_history_and_forget(done: str) -> None:
    (turn,) = shown("history", "TOMORROW")["turns"]
    assert turn["text"] == "what is on tomorrow" and turn["created_at"]
    assert shown("history", "nothing like it")["turns"] == []
    assert "what is on tomorrow" in wlm("history").stdout
    for arguments in (["forget"], ["forget", "last", "--all"], ["forget", "last"]):
        assert isinstance(refusal(*arguments), UsageError)
    assert isinstance(refusal("forget", "nothing", "--yes"), NotFound)
    assert isinstance(refusal("forget", "--since", "soon", "--yes"), UsageError)
    assert shown("forget", "--since", "2999-01-01", "--yes")["turns"] == 0
    assert shown("forget", "last", "--yes") == {"turns": 1, "events": 1, "kept": 0}
    assert shown("history")["turns"] == shown("events", "list")["events"] == []


def test_forget_since_a_while_ago(done: str) -> None:
    assert shown("forget", "--since", "5m", "--yes")["turns"] == 1


def test_db(done: str, tmp_path: Path) -> None:
    upgraded = shown("db", "upgrade")
    assert upgraded["versions"]["core"] == CORE_SCHEMA.newest and upgraded["versions"]["meeting"]
    checked = wlm("db", "check", "--json")
    assert checked.exit_code == 0 and json.loads(checked.stdout)["ok"]
    lines = [json.loads(line) for line in wlm("db", "export").stdout.splitlines()]
    assert {"turns", "events", "event_log"} <= {line["table"] for line in lines}
    file = tmp_path / "mine.jsonl"
    assert wlm("db", "export", str(file)).exit_code == 0
    assert file.stat().st_mode & 0o077 == 0
    assert len(file.read_text("utf-8").splitlines()) == len(lines)
    assert isinstance(refusal("db", "erase"), UsageError)
    assert shown("db", "erase", "--yes")["erased"]["events"] == 1
    assert wlm("db", "export").stdout == ""


def test_a_check_that_finds_something_ends_1(done: str) -> None:
    from sqlalchemy import text

    with Assistant() as assistant, assistant.store.write() as connection:
        connection.execute(text("UPDATE events SET reply = NULL"))
    checked = wlm("db", "check")
    assert checked.exit_code == 1 and f"{done} succeeded without a reply" in checked.stdout
