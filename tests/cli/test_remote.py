"""Commands at a gateway give what they give here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway

LUNCH = "schedule lunch with Kofi tomorrow at noon"
SPOKEN = Path(__file__).parents[2] / "samples" / "agenda_tomorrow.flac"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    made = Gateway(tmp_path_factory.mktemp("gateway")).wait()
    yield made
    made.stop()


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


def wlm(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wlm.cli.main", *arguments],
        env=environment,
        capture_output=True,
        text=True,
    )


def test_the_commands_work_at_a_gateway(gateway: Gateway, environment: dict[str, str]) -> None:
    there = {**environment, "WLM_SERVER_URL": gateway.url}
    asked = wlm(environment, "ask", LUNCH, "--json", "--server", gateway.url)
    assert asked.returncode == 0, asked.stderr
    turn = json.loads(asked.stdout)
    event = turn["actions"][0]["event"]["id"]
    assert json.loads(wlm(there, "events", "list", "--json").stdout)["events"][0]["id"] == event
    assert json.loads(wlm(there, "events", "show", event, "--json").stdout)["history"]
    assert (
        json.loads(wlm(there, "history", "kofi", "--json").stdout)["turns"][0]["id"] == turn["id"]
    )
    assert json.loads(wlm(there, "why", "--json").stdout)["turn"] == turn["id"]
    assert "meeting" in wlm(there, "skills", "list").stdout
    decided = json.loads(wlm(there, "route", LUNCH, "--json").stdout)
    assert decided["actions"][0]["intent"] == "meeting.create"
    spoken = json.loads(wlm(there, "listen", "--file", str(SPOKEN), "--json").stdout)
    assert spoken["actions"][0]["route"]["intent"] == "meeting.list"
    assert "tomorrow" in wlm(there, "transcribe", str(SPOKEN)).stdout
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
    assert json.loads(undone.stdout)["state"] == "succeeded", undone.stderr
    wlm(there, "ask", "every weekday at 8:15 tell me the news")
    (schedule,) = json.loads(wlm(there, "schedule", "list", "--json").stdout)["schedules"]
    paused = json.loads(wlm(there, "schedule", "pause", schedule["id"], "--json").stdout)
    assert paused["state"] == "paused"
    exported = [json.loads(line) for line in wlm(there, "db", "export").stdout.splitlines()]
    assert {"turns", "schedules", "users"} <= {row["table"] for row in exported}
    assert json.loads(wlm(there, "forget", "last", "--yes", "--json").stdout)["turns"] == 1
    gone = json.loads(wlm(there, "db", "erase", "--yes", "--json").stdout)
    assert gone["erased"]["users"] == 1
    assert wlm(there, "history").returncode == 6


def test_exit_codes_of_a_gateway_that_is_not_there(environment: dict[str, str]) -> None:
    nobody = wlm(environment, "--server", "http://127.0.0.1:9", "ask", LUNCH)
    assert nobody.returncode == 7, nobody.stderr


def test_exit_code_without_a_good_key(gateway: Gateway, environment: dict[str, str]) -> None:
    stranger = {**environment, "WLM_API_KEY": "wlmk_wrong", "WLM_SERVER_URL": gateway.url}
    assert wlm(stranger, "ask", LUNCH).returncode == 6
