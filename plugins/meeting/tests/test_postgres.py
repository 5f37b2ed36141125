"""The same calendar on Postgres."""

from __future__ import annotations

from pathlib import Path

from wlm_meeting.ics import export_ics, import_ics

from plugins.meeting.tests.talk import Talk, at, day
from tests.support.postgres import server


def test_a_day_in_the_life_of_a_calendar(tmp_path: Path) -> None:
    talk = Talk(tmp_path, database_url=server().database())
    talk("create", title="lunch", people=["Anna"], start=at("2026-11-23 12:00"))
    talk(
        "create",
        title="standup",
        start=at("2026-11-23 09:00"),
        repeat={"rrule": "FREQ=WEEKLY;BYDAY=MO,WE"},
    )
    talk("remind", title="call mom", start=at("2026-11-23 18:00"))
    talk("update", title="standup", old=day("2026-11-25"), start=at("2026-11-25 10:00"))
    talk("update", title="standup", start=at("2026-11-23 09:30"), scope="all")
    talk("cancel", title="lunch")
    assert talk.shown("2026-11-23", 8) == [
        ("11-23 09:30", "standup"),
        ("11-23 18:00", "call mom"),
        ("11-25 10:00", "standup"),
        ("11-30 09:30", "standup"),
    ]
    assert talk("list", title="standup").data["meetings"][0]["start"] == at("2026-11-23 09:30")
    assert import_ics(talk.ctx, export_ics(talk.ctx)).unchanged == 2
    talk.ports.store.close()
