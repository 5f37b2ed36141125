"""What nobody waited for is told: as a list, and as it comes."""

from __future__ import annotations

import itertools
import json
import threading
from datetime import timedelta

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.server.conftest import Connect
from wlm.server import notices as module
from wlm.server.service import Service
from wlm.types import Route, new_id

ME = "owner-user"


@pytest.fixture
def service(app: Flask) -> Service:
    """What the gateway works with."""
    found: Service = app.extensions["wlm"]
    return found


@pytest.fixture
def told(service: Service) -> list[int]:
    """The ids of two notices of one user."""
    for _ in range(2):
        notify(service)
    return [notice.id for notice in service.engine.notices.after(ME)]


def notify(service: Service) -> None:
    """Let something end that nobody waits for: it was put off."""
    engine = service.engine
    at = service.clock() - timedelta(minutes=2)
    parent, child = (Route("nobody", "nobody.knows", {"what": new_id()}) for _ in range(2))
    above = engine.accept(ME, parent).id
    engine.run(engine.accept(ME, child, parent=above, run_at=at).id)


def stream(app: Flask, **headers: str) -> TestResponse:
    """The answer, whose pieces are not read yet."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"X-Caller": "user", "Accept": module.STREAM, **named}
    return app.test_client().get("/v1/notices", headers=sent, buffered=False)


def events(answer: TestResponse, count: int) -> list[dict[str, str]]:
    """The next so many events of a stream, as their fields."""
    lines = "".join(piece.decode() for piece in itertools.islice(answer.iter_encoded(), count + 1))
    blocks = [block.splitlines() for block in lines.split("\n\n") if "data: " in block]
    return [dict(line.split(": ", 1) for line in block) for block in blocks]


def test_they_are_listed_from_where_one_was(connect: Connect, told: list[int]) -> None:
    http = connect()
    page = http.get("/v1/notices", params={"limit": 1}).json()
    assert [notice["id"] for notice in page["notices"]] == told[:1] and page["next"] == told[0]
    rest = http.get("/v1/notices", params={"after": page["next"]}).json()
    assert [notice["id"] for notice in rest["notices"]] == told[1:] and rest["next"] is None
    assert rest["notices"][0]["state"] == "failed" and rest["notices"][0]["speech"]
    assert connect("user-anna").get("/v1/notices").json()["notices"] == []
    assert connect("nobody").get("/v1/notices").status_code == 401
    assert connect("bare").get("/v1/notices").status_code == 403


def test_a_stream_goes_on_where_it_broke_off_or_tells_what_is_new(
    app: Flask, service: Service, told: list[int]
) -> None:
    places = app.extensions["wlm.streams"]
    with stream(app, Last_Event_ID=str(told[0])) as answer:
        (only,) = events(answer, 1)
        assert places.taken == 1
    assert places.taken == 0, "it has given its place back"
    assert only["event"] == "notice" and only["id"] == str(told[1])
    assert json.loads(only["data"])["id"] == told[1]
    assert answer.headers["Content-Type"].startswith(module.STREAM)
    with stream(app) as answer:
        found: list[dict[str, str]] = []
        listener = threading.Thread(target=lambda: found.extend(events(answer, 1)))
        listener.start()
        notify(service)
        listener.join(60)
    assert int(found[0]["id"]) > told[-1], "and none of before"


def test_metrics_tell_of_the_queue_by_intent_and_state(
    connect: Connect, service: Service, told: list[int]
) -> None:
    text = connect("admin").get("/metrics").text
    intent = 'intent="nobody.knows"'
    assert f'wlm_events_open{{{intent},state="queued"}} 2.0' in text
    assert f'wlm_event_start_seconds{{{intent},quantile="0.95",state="failed"}}' in text
    assert f'wlm_event_run_seconds{{{intent},quantile="0.5",state="failed"}}' in text
    (oldest,) = [line for line in text.splitlines() if line.startswith("wlm_events_oldest_seconds")]
    assert float(oldest.split()[1]) >= 0
