"""Answers that are kept: for whom, for how long, and never past a change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask

from tests.server.conftest import Connect, by_header
from tests.support.open_meteo import OpenMeteo
from wlm.config import Settings
from wlm.events.desk import Desk
from wlm.plugins.manager import Registry
from wlm.server.app import create_app
from wlm.server.kept import SECONDS, KeptAnswers
from wlm.server.service import Service

AGENDA = "what meetings do I have tomorrow"


class Clock:
    """Seconds, moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_is_kept_for_its_owner_and_a_while() -> None:
    clock = Clock()
    answers = KeptAnswers(100, clock=clock)
    answers.put("anna", "t1", b"hers")
    assert answers.get("anna", "t1") == b"hers"
    assert answers.get("tom", "t1") is None and answers.get("anna", "t2") is None
    clock.now = SECONDS
    assert answers.get("anna", "t1") is None


def test_there_is_room_for_so_much_and_the_oldest_goes() -> None:
    answers = KeptAnswers(80)
    answers.put("anna", "large", b"x" * 11)
    assert answers.get("anna", "large") is None
    for number in range(9):
        answers.put("anna", f"t{number}", b"x" * 10)
    answers.put("anna", "t8", b"y" * 10)  # again: it takes no more room than before
    there = [number for number in range(9) if answers.get("anna", f"t{number}")]
    assert there == list(range(1, 9))
    nothing = KeptAnswers(0)
    nothing.put("anna", "t", b"x")
    assert nothing.get("anna", "t") is None


def test_nothing_is_kept_of_who_is_forgotten() -> None:
    answers = KeptAnswers(100)
    answers.put("anna", "t1", b"hers")
    answers.put("tom", "t2", b"his")
    answers.forget("anna")
    assert answers.get("anna", "t1") is None and answers.get("tom", "t2") == b"his"


def test_a_page_is_made_once_for_each_version(
    connect: Connect, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    list_ = Desk.list

    def counted(self: Desk, owner: str, **which: object) -> object:
        made.append(owner)
        return list_(self, owner, **which)

    anna, tom = connect("user-anna"), connect("user-tom")
    anna.post("/v1/ask", json={"text": AGENDA})
    monkeypatch.setattr(Desk, "list", counted)
    first, again = anna.get("/v1/events"), anna.get("/v1/events")
    assert again.content == first.content and len(first.json()["events"]) == 1
    assert again.headers["etag"] == first.headers["etag"] and len(made) == 1
    assert again.headers["content-type"] == first.headers["content-type"]
    assert tom.get("/v1/events").json()["events"] == [] and len(made) == 2
    anna.post("/v1/ask", json={"text": AGENDA})
    made.clear()
    assert len(anna.get("/v1/events").json()["events"]) == 2 and len(made) == 1
    answers = app.extensions["wlm.kept"]
    assert any(kept.owner == "owner-user-anna" for kept in answers._answers.values())
    assert anna.delete("/v1/history").json()["turns"] == 2
    assert not any(kept.owner == "owner-user-anna" for kept in answers._answers.values())
    assert anna.get("/v1/events").json()["events"] == []


def test_a_skills_answer_says_how_old_it_is_and_serves_who_asks_the_same(
    settings: Settings, registry: Registry
) -> None:
    said = {"text": "what's the weather like in Paris"}
    with OpenMeteo(datetime.now(UTC)) as provider:
        config = settings.config.model_copy(update={"shared_skills": "weather"})
        own = settings._replace(config=config, skills={"weather": provider.settings})
        service = Service(own, registry=registry)
        http = create_app(own, service=service, authenticators=[by_header]).test_client()
        first, again = (
            http.post("/v1/ask", json=said, headers={"X-Caller": caller})
            for caller in ("user-anna", "user-ben")
        )
        service.close()
    assert provider.asked("/v1/forecast") == 1
    one, other = (answer.get_json()["actions"][0] for answer in (first, again))
    assert one["reply"] == other["reply"] and one["event"]["id"] != other["event"]["id"]
    assert other["reply"]["data"]["made_at"] < other["reply"]["data"]["fresh_until"]
    assert again.headers["Cache-Control"].startswith("private, max-age=")
    assert int(again.headers["Age"]) >= 0


def test_what_holds_for_no_time_says_nothing_of_its_age(connect: Connect) -> None:
    assert "Age" not in connect().post("/v1/ask", json={"text": AGENDA}).headers
