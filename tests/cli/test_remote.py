"""Commands at a gateway give what they give here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.gateway import Gateway
from tests.support.terminal import wlm
from wlm.cli import share
from wlm.errors import NotFound

LUNCH = "schedule lunch with Kofi tomorrow at noon"
SPOKEN = Path(__file__).parents[2] / "samples" / "agenda_tomorrow.flac"


@pytest.fixture(scope="module")
def environment(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """That of a person who has a key and nothing else."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith("WLM_")}
    return {
        **plain,
        "WLM_HOME": str(tmp_path_factory.mktemp("person")),
        "WLM_TIMEZONE": "Europe/Berlin",
        "WLM_API_KEY": gateway.key("anna@example.org"),
    }


def test_the_commands_work_at_a_gateway(gateway: Gateway, environment: dict[str, str]) -> None:
    there = {**environment, "WLM_SERVER_URL": gateway.url}
    asked = wlm(environment, "ask", LUNCH, "--json", "--server", gateway.url)
    assert asked.code == 0, asked.err
    turn = json.loads(asked.out)
    event = turn["actions"][0]["event"]["id"]
    assert wlm(there, "events", "list", "--json").json["events"][0]["id"] == event
    assert wlm(there, "events", "show", event, "--json").json["history"]
    assert wlm(there, "history", "kofi", "--json").json["turns"][0]["id"] == turn["id"]
    assert wlm(there, "why", "--json").json["turn"] == turn["id"]
    assert "meeting" in wlm(there, "skills", "list").out
    decided = wlm(there, "route", LUNCH, "--json").json
    assert decided["actions"][0]["intent"] == "meeting.create"
    spoken = wlm(there, "listen", "--file", str(SPOKEN), "--json").json
    assert spoken["actions"][0]["route"]["intent"] == "meeting.list"
    assert "tomorrow" in wlm(there, "transcribe", str(SPOKEN)).out
    assert not (Path(environment["WLM_HOME"]) / "data" / "wlm.db").exists()


def test_taking_back_and_forgetting_at_a_gateway(
    gateway: Gateway, environment: dict[str, str]
) -> None:
    there = {
        **environment,
        "WLM_SERVER_URL": gateway.url,
        "WLM_API_KEY": gateway.key("ben@example.org"),
    }
    wlm(there, "ask", LUNCH)
    undone = wlm(there, "undo", "--json")
    assert json.loads(undone.out)["state"] == "succeeded", undone.err
    wlm(there, "ask", "every weekday at 8:15 tell me the news")
    (schedule,) = wlm(there, "schedule", "list", "--json").json["schedules"]
    paused = wlm(there, "schedule", "pause", schedule["id"], "--json").json
    assert paused["state"] == "paused"
    exported = [json.loads(line) for line in wlm(there, "db", "export").out.splitlines()]
    assert {"turns", "schedules", "users"} <= {row["table"] for row in exported}
    assert wlm(there, "forget", "last", "--yes", "--json").json["turns"] == 1
    gone = wlm(there, "db", "erase", "--yes", "--json").json
    assert gone["erased"]["users"] == 1
    assert wlm(there, "history").code == 6


def test_exit_codes_of_a_gateway_that_is_not_there(environment: dict[str, str]) -> None:
    nobody = wlm(environment, "--server", "http://127.0.0.1:9", "ask", LUNCH)
    assert nobody.code == 7, nobody.err


def test_exit_code_without_a_good_key(gateway: Gateway, environment: dict[str, str]) -> None:
    stranger = {**environment, "WLM_API_KEY": "wlmk_wrong", "WLM_SERVER_URL": gateway.url}
    assert wlm(stranger, "ask", LUNCH).code == 6


def test_sharing_from_the_command_line(
    gateway: Gateway, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [gateway.key(f"{name}@home.example") for name in ("ida", "jon")]
    monkeypatch.setenv("WLM_SERVER_URL", gateway.url)

    def said(who: int, *arguments: str) -> str:
        monkeypatch.setenv("WLM_API_KEY", keys[who])
        done = CliRunner().invoke(share.app, arguments, catch_exceptions=False)
        assert done.exit_code == 0
        return done.output

    assert "Nothing is shared" in said(0, "list")
    made = json.loads(said(0, "add", "meeting", "jon@home.example", "--write", "--json"))
    assert "write  to jon@home.example" in said(0, "list")
    assert "works with the account of ida@home.example" in said(1, "use", made["id"])
    assert "from ida@home.example  in use" in said(1, "list")
    assert "your own account" in said(1, "own", "meeting")
    with pytest.raises(NotFound):
        said(0, "use", made["id"])
    assert "no more" in said(0, "remove", made["id"])
    assert json.loads(said(1, "list", "--json")) == {"shares": []}
