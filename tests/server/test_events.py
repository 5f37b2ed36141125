"""Asking over HTTP, and what becomes of it."""

from __future__ import annotations

import uuid

import numpy as np
import pytest
from flask import Flask

from faults.hostile_files import wav
from tests.server.conftest import Connect
from wlm.types import Event, Turn

LUNCH = "schedule lunch with Kofi tomorrow at noon"
AGENDA = "what meetings do I have tomorrow"


def test_a_request_is_done_and_found_again(connect: Connect) -> None:
    http = connect()
    turn = Turn.from_json(http.post("/v1/ask", json={"text": LUNCH}).content)
    assert turn.reply.speech.startswith("Lunch with Kofi, tomorrow at noon")
    (action,) = turn.actions
    detail = http.get(f"/v1/events/{action.event.id}").json()
    assert Event.from_dict(detail["event"]).state.value == "succeeded"
    assert [entry["state"] for entry in detail["history"]][-1] == "succeeded"
    assert [e["id"] for e in http.get("/v1/events").json()["events"]] == [action.event.id]
    assert http.get("/v1/history", params={"q": "kofi lunch"}).json()["turns"][0]["id"] == turn.id
    for reference in ("last", turn.id, action.event.id):
        assert http.get(f"/v1/history/{reference}/why").json()["turn"] == turn.id


def test_one_user_sees_nothing_of_another(connect: Connect) -> None:
    anna, tom = connect("user-anna"), connect("user-tom")
    turn = anna.post("/v1/ask", json={"text": AGENDA}).json()
    event = turn["actions"][0]["event"]["id"]
    assert tom.get("/v1/events").json()["events"] == []
    assert tom.get("/v1/history").json()["turns"] == []
    assert tom.get(f"/v1/history/{turn['id']}/why").status_code == 404
    assert tom.get("/v1/events", params={"cursor": event}).status_code == 404
    for answer in (
        tom.get(f"/v1/events/{event}"),
        *(tom.post(f"/v1/events/{event}/{verb}") for verb in ("confirm", "cancel", "retry")),
    ):
        assert answer.status_code == 404
        assert answer.json()["code"] == "not_found"


def test_pages_follow_their_cursor(connect: Connect) -> None:
    http = connect()
    made = [
        http.post("/v1/ask", json={"text": AGENDA}).json()["actions"][0]["event"]["id"]
        for _ in range(5)
    ]
    seen, cursor = [], None
    while True:
        params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = http.get("/v1/events", params=params).json()
        seen += [event["id"] for event in page["events"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == made[::-1]


def test_a_question_is_answered(connect: Connect) -> None:
    http = connect()
    (action,) = http.post("/v1/ask", json={"text": "schedule a meeting"}).json()["actions"]
    assert action["event"]["state"] == "waiting_input"
    path = f"/v1/events/{action['event']['id']}/answer"
    done = http.post(path, json={"slots": {"start": "2031-01-02T10:00:00+01:00"}}).json()
    assert done["state"] == "succeeded"
    again = http.post(path, json={"slots": {"start": "2031-01-02T10:00:00+01:00"}})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_a_repeated_request_is_done_once(connect: Connect) -> None:
    http = connect()
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = http.post("/v1/ask", json={"text": LUNCH}, headers=key)
    second = http.post("/v1/ask", json={"text": LUNCH}, headers=key)
    assert first.json()["actions"] == second.json()["actions"]
    assert first.json()["id"] == second.json()["id"]
    assert len(http.get("/v1/events").json()["events"]) == 1
    other = http.post("/v1/ask", json={"text": AGENDA}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    # Another user's key is another key.
    assert connect("user-tom").post("/v1/ask", json={"text": AGENDA}, headers=key).is_success


def test_what_is_sent_waits_for_a_yes_and_can_be_called_off(connect: Connect) -> None:
    http = connect()
    turn = http.post("/v1/ask", json={"text": "email kofi@example.org saying hello"}).json()
    event = turn["actions"][0]["event"]
    assert event["state"] == "waiting_confirmation"
    called_off = http.post(f"/v1/events/{event['id']}/cancel").json()
    assert called_off["state"] == "cancelled"
    assert http.post(f"/v1/events/{event['id']}/confirm").status_code == 409


def test_a_repeated_yes_is_one_yes(connect: Connect) -> None:
    http = connect()
    (action,) = http.post("/v1/ask", json={"text": "schedule a meeting"}).json()["actions"]
    path = f"/v1/events/{action['event']['id']}/answer"
    key = {"Idempotency-Key": "one"}
    states = [
        http.post(path, json={"slots": {"start": "2031-01-02T10:00:00+01:00"}}, headers=key).json()[
            "state"
        ]
        for _ in range(2)
    ]
    assert states == ["succeeded", "succeeded"]


def test_who_will_not_wait_gets_the_event_to_watch(app: Flask, connect: Connect) -> None:
    http = connect()
    answer = http.post("/v1/ask", json={"text": LUNCH}, headers={"Prefer": "respond-async"})
    assert answer.status_code in (200, 202)
    assert answer.headers["preference-applied"] == "respond-async"
    app.extensions["wlm"].close()  # waits for what runs
    event = answer.json()["actions"][0]["event"]["id"]
    assert http.get(f"/v1/events/{event}").json()["event"]["state"] == "succeeded"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"text": 5}', 400),
        (b'{"text": "x", "yes": 0}', 400),
        (b'{"text": "  "}', 400),
        (b'{"text": "x", "who": "me"}', 400),
        (b'{"text": "a\\u0000b"}', 400),
        (b'{"text": "\xff"}', 400),
        (b"[" * 100_000, 400),
        (b'{"text": "' + b"x" * 5_000 + b'"}', 400),
        (b'{"text": "' + b"x" * 2_000_000 + b'"}', 413),
    ],
)
def test_what_is_no_request_is_refused(connect: Connect, body: bytes, status: int) -> None:
    answer = connect().post("/v1/ask", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert "xxx" not in answer.text


@pytest.mark.parametrize(
    "path", ["/v1/events?limit=0", "/v1/events?limit=1&limit=2", "/v1/events?who=me",
             "/v1/events?state=gone", "/v1/events/a%00b", "/v1/events?cursor=%00"],
)  # fmt: skip
def test_what_is_no_question_is_refused(connect: Connect, path: str) -> None:
    assert connect().get(path).status_code == 400


def test_long_recordings_come_whole_wherever_their_pieces_end(connect: Connect) -> None:
    quiet = wav(np.full(16_000 * 60, 0x0D0A, "<i2"))  # line ends, as a form's boundary begins
    for shift in (0, 1):
        answer = connect().post(
            "/v1/voice", files={"file": ("x" * (60 + shift), quiet)}, data={"conversation": "\x00"}
        )
        assert answer.status_code == 400, "not 413: it was read to its end"


def test_only_decided(connect: Connect) -> None:
    http = connect()
    answer = http.post(
        "/v1/route",
        json={"text": AGENDA, "now": "2026-01-02T03:04:05", "timezone": "Asia/Tokyo"},
    ).json()
    assert [route["intent"] for route in answer["actions"]] == ["meeting.list"]
    assert http.get("/v1/events").json()["events"] == []
    assert http.post("/v1/route", json={"text": "x", "timezone": "Mars/X"}).status_code == 400


def test_a_part_without_a_name_is_refused(connect: Connect) -> None:
    body = b"--edge\r\nContent-Disposition: form-data\r\n\r\nx\r\n"
    body += b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    body += wav(np.zeros(1600, "<i2")) + b"\r\n--edge--\r\n"
    for path in ("/v1/audio/transcriptions", "/v1/voice"):
        kind = {"Content-Type": "multipart/form-data; boundary=edge"}
        answer = connect().post(path, content=body, headers=kind)
        assert (answer.status_code, answer.json()["code"]) == (400, "usage")
