"""Where a meeting is joined: read from others' files, made for ours, told, and kept in sync."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from wlm_meeting.ics import export_ics, import_ics
from wlm_meeting.sync.content import Meetings
from wlm_meeting.tables import kept

from plugins.meeting.tests.talk import Talk, at, day
from wlm.errors import BadRequest
from wlm.plugins.sync.remotes import Remotes

EVENT = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:one@test
SUMMARY:Review
DTSTART:20261123T090000Z
DTEND:20261123T100000Z
{lines}
END:VEVENT
END:VCALENDAR
"""
ROOM = "https://video.example.org/room/{id}"


def brought(talk: Talk, *lines: str) -> str:
    """The link of an event with these lines."""
    data = EVENT.replace("{lines}", "\n".join(lines)).replace("\n", "\r\n").encode()
    import_ics(talk.ctx, data)
    (entry,) = talk.calendar.all()
    return entry.link


@pytest.mark.parametrize(
    ("lines", "link"),
    [
        (["CONFERENCE;VALUE=URI;FEATURE=VIDEO:https://a.example/1"], "https://a.example/1"),
        (
            [
                "CONFERENCE;VALUE=URI;FEATURE=PHONE:tel:+49301234",
                "CONFERENCE;VALUE=URI;FEATURE=CHAT:https://a.example/chat",
                "CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO:https://a.example/2",
            ],
            "https://a.example/2",
        ),
        (
            ["X-GOOGLE-CONFERENCE:https://meet.google.com/abc-defg"],
            "https://meet.google.com/abc-defg",
        ),
        (
            ["X-MICROSOFT-SKYPETEAMSMEETINGURL:https://teams.microsoft.com/l/meetup-join/1"],
            "https://teams.microsoft.com/l/meetup-join/1",
        ),
        (["LOCATION:https://acme.zoom.us/j/123?pwd=x"], "https://acme.zoom.us/j/123?pwd=x"),
        (["DESCRIPTION:Join: <https://us02web.zoom.us/j/9>.\\nBye"], "https://us02web.zoom.us/j/9"),
        (["URL:https://acme.example/wiki"], ""),
        (["DESCRIPTION:see https://zoom.us.evil.example/j/1"], ""),
        (["CONFERENCE;VALUE=URI:javascript:alert(1)"], ""),
        (["X-GOOGLE-CONFERENCE:https://a b"], ""),
        ([], ""),
    ],
)
def test_wherever_others_put_it(talk: Talk, lines: list[str], link: str) -> None:
    assert brought(talk, *lines) == link


def test_a_room_for_a_new_meeting(talk_at: Callable[..., Talk]) -> None:
    talk = talk_at(settings={"video_room": ROOM})
    slots = {"title": "call", "start": at("2026-11-23 15:00"), "video": "video link"}
    reply = talk("create", **slots)
    assert reply.speech.endswith("is in your calendar, with a video link.")
    link = reply.data["meeting"]["link"]
    assert link.startswith("https://video.example.org/room/")
    assert len(link.rpartition("/")[2]) == 20
    assert talk.again("create", **slots) == reply
    assert f"CONFERENCE;FEATURE=VIDEO;VALUE=URI:{link}" in _unfolded(export_ics(talk.ctx))
    talk("create", title="lunch", start=at("2026-11-24 12:00"))
    changed = talk("update", title="lunch", video="video link")
    assert changed.speech.endswith("with a video link.")
    assert changed.data["meeting"]["link"] not in (None, link)


def test_no_room_is_set(talk: Talk) -> None:
    with pytest.raises(BadRequest, match="No video room is set up; nothing was changed"):
        talk("create", title="call", start=at("2026-11-23 15:00"), video="video link")
    assert talk.calendar.all() == []


def test_how_it_is_joined(talk: Talk) -> None:
    link = brought(talk, "CONFERENCE;VALUE=URI;FEATURE=VIDEO:https://a.example/1")
    talk("create", title="lunch", start=at("2026-11-24 12:00"))
    reply = talk("list", detail="link", pick="next")
    assert reply.speech == "Review, tomorrow from 10 to 11 am, is joined at a.example."
    assert reply.display.splitlines()[-1] == link == reply.data["link"]
    talk.later("2026-11-23T10:05:00")
    assert talk("list", detail="link", pick="next").data["link"] == link  # it is on
    none = talk("list", detail="link", title="lunch")
    assert none.speech == "Lunch, tomorrow from noon to 1 pm, has no video link."
    assert none.data["link"] is None
    assert talk("list", detail="link").speech == none.speech  # what was spoken of
    assert talk("list", detail="link", when=day("2026-11-23")).data["link"] == link
    assert talk("list", when=day("2026-11-23")).display.endswith(f"Review · {link}")


def test_a_change_of_ours_leaves_theirs_where_it_is(talk: Talk) -> None:
    lines = ["X-GOOGLE-CONFERENCE:https://meet.google.com/abc", "DESCRIPTION:notes"]
    before = EVENT.replace("{lines}", "\n".join(lines)).replace("\n", "\r\n")
    assert brought(talk, *lines) == "https://meet.google.com/abc"
    talk("update", title="review", new_title="retro")
    side = Meetings(talk.ctx, Remotes(talk.ctx, kept))
    family = talk.calendar.of_uids(["one@test"])["one@test"]
    written = _unfolded(side.write(family, before))
    assert written.count("https://meet.google.com/abc") == 1
    assert "X-GOOGLE-CONFERENCE:https://meet.google.com/abc" in written
    other = talk.calendar.change(family[0], link="https://b.example/2")
    written = _unfolded(side.write([other], before))
    assert "meet.google.com" not in written
    assert "https://b.example/2" in written


def _unfolded(data: bytes) -> str:
    return data.decode().replace("\r\n ", "")
