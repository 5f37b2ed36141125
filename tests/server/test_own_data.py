"""What one can do with what is one's own: take back, forget, export, erase; and the audit log."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask

from wlm import config
from wlm.plugins.manager import Registry
from wlm.server.app import create_app
from wlm.server.policy import SCOPES
from wlm.server.service import Service

SECRET_WORD = "Quetzalcoatl"
LUNCH = f"schedule lunch with {SECRET_WORD} tomorrow at noon"


class People:
    """A gateway with real accounts, and clients with a key of a user each."""

    def __init__(self, app: Flask, service: Service) -> None:
        self.app, self.service = app, service

    def join(self, name: str, role: str = "user") -> httpx.Client:
        accounts = self.service.accounts
        user = accounts.users.add(f"{name}@example.org", role=role)
        key = accounts.keys.create(user.owner, "test", SCOPES)[1]
        return httpx.Client(
            transport=httpx.WSGITransport(self.app),
            base_url="http://gateway.test",
            headers={"Authorization": f"Bearer {key}"},
        )

    def audited(self) -> list[tuple[str, dict[str, Any]]]:
        return [(line.action, line.detail) for line in self.service.accounts.audit.page()]


@pytest.fixture
def people(settings: config.Settings, registry: Registry) -> Iterator[People]:
    service = Service(settings, registry=registry)
    yield People(create_app(settings, service=service), service)
    service.close()


def test_what_was_done_is_taken_back_once(people: People) -> None:
    anna = people.join("anna")
    turn = anna.post("/v1/ask", json={"text": LUNCH}).json()
    event = turn["actions"][0]["event"]["id"]
    key = {"Idempotency-Key": "u1"}
    undone = anna.post("/v1/events/last/undo", headers=key).json()
    assert undone["state"] == "succeeded" and undone["parent"] == event
    assert anna.post("/v1/events/last/undo", headers=key).json()["id"] == undone["id"]
    again = anna.post(f"/v1/events/{event}/undo")
    assert (again.status_code, again.json()["code"]) == (422, "refused")
    agenda = anna.post("/v1/ask", json={"text": "what meetings do I have tomorrow"}).json()
    assert SECRET_WORD not in agenda["reply"]["display"]
    assert people.join("ben").post(f"/v1/events/{event}/undo").status_code == 404


def test_schedules(people: People) -> None:
    anna, ben = people.join("anna"), people.join("ben")
    for text in ("every weekday at 8:15 tell me the news", "every day at 9 tell me the weather"):
        assert anna.post("/v1/ask", json={"text": text}).status_code == 200
    first = anna.get("/v1/schedules", params={"limit": 1}).json()
    second = anna.get("/v1/schedules", params={"limit": 1, "cursor": first["next"]}).json()
    assert second["next"] is None
    one, two = first["schedules"][0], second["schedules"][0]
    assert one["id"] != two["id"] and one["next_at"] <= two["next_at"]
    assert anna.get("/v1/schedules?cursor=nothing").status_code == 404
    path = f"/v1/schedules/{one['id']}"
    assert anna.get(path).json() == {"schedule": one, "firings": []}
    due = anna.get("/v1/firings", params={"days": 8}).json()["firings"]
    assert {line["schedule"] for line in due} == {one["id"], two["id"]}
    assert due == sorted(due, key=lambda line: line["at"])
    assert anna.post(f"{path}/pause").json()["state"] == "paused"
    assert anna.post(f"{path}/resume", headers={"Idempotency-Key": "r"}).json()["next_at"]
    assert anna.post(f"{path}/resume", headers={"Idempotency-Key": "r"}).status_code == 200
    assert ben.get("/v1/schedules").json() == {"schedules": [], "next": None}
    for answer in (ben.get(path), ben.post(f"{path}/pause"), ben.delete(path)):
        assert answer.status_code == 404
    assert anna.delete(path).json()["id"] == one["id"]
    assert anna.delete(path).status_code == 404


def test_forgetting(people: People) -> None:
    anna = people.join("anna")
    said = [
        anna.post("/v1/ask", json={"text": LUNCH, "conversation": name}).json()
        for name in ("a", "b", "c")
    ]
    assert anna.delete(f"/v1/history/{said[0]['id']}").json() == {
        "turns": 1,
        "events": 1,
        "kept": 0,
    }
    assert anna.delete(f"/v1/history/{said[0]['id']}").status_code == 404
    assert anna.delete("/v1/history", params={"conversation": "b"}).json()["turns"] == 1
    assert anna.delete("/v1/history", params={"since": "2999-01-01"}).json()["turns"] == 0
    assert anna.delete("/v1/history", params={"conversatoin": "b"}).status_code == 400
    assert [turn["id"] for turn in anna.get("/v1/history").json()["turns"]] == [said[2]["id"]]
    assert anna.delete("/v1/history").json()["turns"] == 1
    assert anna.get("/v1/history").json()["turns"] == []
    assert ("data.forget", {"turns": 1, "events": 1}) in people.audited()


def test_taking_ones_data_along(people: People) -> None:
    anna, ben = people.join("anna"), people.join("ben")
    ben.post("/v1/ask", json={"text": "schedule tea with Huitzilopochtli tomorrow at four"})
    anna.post("/v1/ask", json={"text": LUNCH})
    answer = anna.get("/v1/me/data")
    assert "attachment" in answer.headers["content-disposition"]
    rows = answer.json()["rows"]
    tables = {row["table"] for row in rows}
    assert {"users", "turns", "events", "api_keys"} <= tables
    assert "data_keys" not in tables and "refresh_tokens" not in tables
    assert any(row["row"].get("text") == LUNCH for row in rows)
    assert not any("hash" in row["row"] for row in rows)
    assert "Huitzilopochtli" not in answer.text and "ben@example.org" not in answer.text
    assert people.audited()[0][0] == "data.export"


def test_erasing_ones_account(people: People, home: Path) -> None:
    anna, ben = people.join("anna"), people.join("ben")
    anna.post("/v1/ask", json={"text": LUNCH})
    ben.post("/v1/ask", json={"text": "schedule tea with Tom tomorrow at four"})
    gone = anna.delete("/v1/me/data").json()
    assert gone["rows"]["turns"] == gone["rows"]["users"] == gone["rows"]["api_keys"] == 1
    assert anna.get("/v1/history").status_code == 401, "at once"
    assert len(ben.get("/v1/history").json()["turns"]) == 1
    action, detail = people.audited()[0]
    assert action == "data.erase" and detail["rows"] == sum(gone["rows"].values())
    assert "anna@example.org" not in json.dumps(people.audited())
    for path in home.rglob("*"):
        if path.is_file():
            assert SECRET_WORD.encode() not in path.read_bytes(), path
            assert b"anna@example.org" not in path.read_bytes(), path


def test_no_trace_is_left_of_what_was_said_and_forgotten(people: People, home: Path) -> None:
    anna = people.join("anna")
    asked = anna.post("/v1/ask", json={"text": f"what is {SECRET_WORD}'s phone number"})
    assert asked.is_success and SECRET_WORD in anna.get("/v1/history").text

    def traces() -> list[Path]:
        url = people.service.store.url
        (backup := home / "backup.db").unlink(missing_ok=True)
        with closing(sqlite3.connect(str(url.database))) as database:
            database.execute(f"VACUUM INTO '{backup}'")
        words = (SECRET_WORD.encode(), SECRET_WORD.lower().encode())
        files = [path for path in home.rglob("*") if path.is_file()]
        assert backup in files and Path(str(url.database)) in files
        return [path for path in files if any(word in path.read_bytes() for word in words)]

    assert traces() == [], "a stolen database tells nothing either"
    assert anna.delete("/v1/history").json()["turns"] == 1
    assert traces() == []
    assert SECRET_WORD not in anna.get("/v1/me/data").text


def test_settings_are_audited_by_name(people: People) -> None:
    admin = people.join("root", role="admin")
    body = {"values": {"units": "imperial"}}
    assert admin.put("/v1/skills/weather/settings", json=body).is_success
    assert people.audited()[0] == ("settings.change", {"settings": ["units"]})


def test_keys_come_in_pages(people: People) -> None:
    anna = people.join("anna")
    for name in ("one", "two"):
        anna.post("/v1/keys", json={"name": name})
    seen, cursor = [], None
    while True:
        query = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        page = anna.get("/v1/keys", params=query).json()
        seen += [key["name"] for key in page["keys"]]
        if (cursor := page["next"]) is None:
            break
    assert sorted(seen) == ["one", "test", "two"]


def test_every_post_takes_an_idempotency_key(people: People) -> None:
    anna = people.join("anna")
    key = {"Idempotency-Key": "same"}
    for text, status in (("what is the news", 200), ("what is the news", 200), ("other", 409)):
        answer = anna.post("/v1/route", json={"text": text}, headers=key)
        assert answer.status_code == status


def test_who_begins_too_many_sign_ins_waits(settings: config.Settings) -> None:
    changed = settings.config.model_copy(update={"rate_limit_sign_in": "3/minute"})
    app = create_app(settings._replace(config=changed), service=(made := Service(settings)))
    with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://x") as http:
        begun = [http.post("/v1/auth/device").status_code for _ in range(4)]
        assert begun == [404, 404, 404, 429]
        wrong = {"refresh_token": "guess"}
        tried = [http.post("/v1/auth/refresh", json=wrong).status_code for _ in range(4)]
        assert tried == [401, 401, 401, 429]
    made.close()
