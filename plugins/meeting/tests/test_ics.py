"""Calendars in and out: odd files, the same file twice, and the round trip."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wlm_meeting.ics import Imported, export_ics, import_ics

from plugins.meeting.tests.talk import Talk, at, day
from wlm.errors import BadRequest

VIENNESE = """BEGIN:VTIMEZONE
TZID:Home made
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE
"""


def event(*lines: str, uid: str = "one@test", start: str = "DTSTART:20261201T090000Z") -> str:
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", start, *lines, "END:VEVENT", ""])


def ics(*events: str, zones: str = "") -> bytes:
    text = (
        f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{zones}{''.join(events)}END:VCALENDAR\n"
    )
    return text.replace("\n", "\r\n").encode()


def bring(talk: Talk, *events: str, zones: str = "") -> Imported:
    return import_ics(talk.ctx, ics(*events, zones=zones))


@pytest.mark.parametrize(
    ("lines", "start", "shown", "minutes"),
    [
        (["DTEND:20261201T100000Z"], "DTSTART:20261201T090000Z", "12-01 10:00", 60),
        (["DURATION:PT90M"], "DTSTART:20261201T090000Z", "12-01 10:00", 90),
        ([], "DTSTART:20261201T090000Z", "12-01 10:00", 0),
        ([], "DTSTART;VALUE=DATE:20261201", "12-01 00:00", 1440),
        (["DTEND;VALUE=DATE:20261204"], "DTSTART;VALUE=DATE:20261201", "12-01 00:00", 3 * 1440),
        (["DTEND;VALUE=DATE:20261201"], "DTSTART;VALUE=DATE:20261201", "12-01 00:00", 1440),
        (["DTEND:20261201T100000"], "DTSTART:20261201T090000", "12-01 09:00", 60),
        ([], "DTSTART;TZID=America/New_York:20261201T090000", "12-01 15:00", 0),
        ([], "DTSTART;TZID=/vendor.org/x_1/Europe/London:20261201T090000", "12-01 10:00", 0),
        ([], "DTSTART;TZID=W. Europe Standard Time:20261201T090000", "12-01 09:00", 0),
        ([], "DTSTART;TZID=Home made:20261201T090000", "12-01 09:00", 0),
    ],
)
def test_times_of_every_kind(
    talk: Talk, lines: list[str], start: str, shown: str, minutes: int
) -> None:
    done = bring(talk, event("SUMMARY:x", *lines, start=start), zones=VIENNESE)
    assert done == Imported(1, 0, 0, ())
    (found,) = talk.calendar.all()
    assert talk.shown("2026-12-01")[0] == (shown, "x")
    assert found.seconds == minutes * 60


def test_a_zone_defined_in_the_file_keeps_its_summer_time(talk: Talk) -> None:
    start = "DTSTART;TZID=Home made:20260601T090000"
    bring(talk, event("SUMMARY:x", "RRULE:FREQ=WEEKLY", start=start), zones=VIENNESE)
    assert talk.shown("2026-07-06") == [("07-06 09:00", "x")]
    assert talk.shown("2026-12-07") == [("12-07 09:00", "x")]
    assert talk.calendar.all()[0].zone == "Europe/Berlin"


def test_words_and_people(talk: Talk) -> None:
    bring(
        talk,
        event(
            "SUMMARY:Plan\\, part 1",
            "LOCATION:Café\\; upstairs",
            "DESCRIPTION:line one\\nline two",
            "ATTENDEE;CN=Anna Berg:mailto:anna@mail.test",
            "ATTENDEE;CUTYPE=ROOM;CN=Room 4:mailto:room@mail.test",
            "X-MICROSOFT-CDO-BUSYSTATUS:BUSY",
            "TRANSP:TRANSPARENT",
            "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nEND:VALARM",
        ),
    )
    (found,) = talk.calendar.all()
    assert (found.title, found.location) == ("Plan, part 1", "Café; upstairs")
    assert found.notes == "line one\nline two"
    assert found.people == [{"name": "Anna Berg", "email": "anna@mail.test"}]
    assert found.busy is False


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("BEGIN:VEVENT\nUID:a\nSUMMARY:x\nEND:VEVENT\n", "it has no start"),
        (event("SUMMARY:x", "DTEND:20261130T090000Z"), "it ends before it starts"),
        (event("SUMMARY:x", "DTEND;VALUE=DATE:20261202"), "not of the same kind"),
        (event("SUMMARY:x", start="DTSTART;TZID=Mars/Olympus:20261201T090000"), "zone is unknown"),
        (event("SUMMARY:x", start="DTSTART:rubbish"), "its DTSTART cannot be read"),
        (event("SUMMARY:x", "RRULE:FREQ=NONSENSE"), "its RRULE cannot be read"),
        (event("SUMMARY:x", "RRULE:FREQ=SECONDLY"), "its repetition cannot be kept"),
        (event("SUMMARY:x", "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"), "more than one rule"),
        (event("SUMMARY:x", "DURATION:P9999W"), "more than ten years"),
        (event("SUMMARY:x", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"), "cannot be kept"),
        (event("SUMMARY:x", "RRULE:FREQ=DAILY;INTERVAL=7;BYDAY=FR"), "never takes place"),
        ("BEGIN:VTODO\nUID:t\nSUMMARY:x\nEND:VTODO\n", "it is a task"),
    ],
)
def test_what_cannot_be_kept_is_named_and_the_rest_comes_in(
    talk: Talk, text: str, reason: str
) -> None:
    done = bring(talk, text, event("SUMMARY:good", uid="good@test"))
    assert done.added == 1
    ((title, why),) = done.skipped
    assert title == "x"
    assert reason in why
    assert [entry.title for entry in talk.calendar.all()] == ["good"]


@pytest.mark.parametrize(
    "data", [b"", b"\x00\xff\xfe", b"hello", b"BEGIN:VCALENDAR", b"BEGIN:VCARD\nEND:VCARD"]
)
def test_what_is_no_calendar_changes_nothing(talk: Talk, data: bytes) -> None:
    with pytest.raises(BadRequest, match="no iCalendar file"):
        import_ics(talk.ctx, data)


def test_broken_lines_and_other_encodings(talk: Talk) -> None:
    data = ics(event("SUMMARY:Café", "this is no line", "X-ODD;A=b:c")).decode().encode("cp1252")
    assert import_ics(talk.ctx, data).added == 1
    assert talk.calendar.all()[0].title == "Café"
    assert import_ics(talk.ctx, b"\xef\xbb\xbf" + ics(event(uid="bom"))).added == 1


def test_the_same_file_twice_changes_nothing(talk: Talk) -> None:
    events = [event("SUMMARY:a", "RRULE:FREQ=DAILY;COUNT=5"), event("SUMMARY:b", uid="b")]
    nameless = "BEGIN:VEVENT\nDTSTART:20261201T090000Z\nSUMMARY:no uid\nEND:VEVENT\n"
    assert bring(talk, *events, nameless) == Imported(3, 0, 0, ())
    before = talk.calendar.all()
    assert bring(talk, *events, nameless) == Imported(0, 0, 3, ())
    assert talk.calendar.all() == before


def test_a_newer_file_updates(talk: Talk) -> None:
    bring(talk, event("SUMMARY:old"))
    (before,) = talk.calendar.all()
    assert bring(talk, event("SUMMARY:new", "SEQUENCE:1")) == Imported(0, 1, 0, ())
    (after,) = talk.calendar.all()
    assert (after.id, after.title, after.created_at) == (before.id, "new", before.created_at)


def test_what_was_changed_here_stays(talk: Talk) -> None:
    bring(talk, event("SUMMARY:x", "DTEND:20261201T100000Z", "RRULE:FREQ=DAILY;COUNT=3"))
    talk("update", title="x", old=day("2026-12-02"), start=at("2026-12-02 15:00"))
    done = bring(talk, event("SUMMARY:x", "DTEND:20261201T100000Z", "RRULE:FREQ=DAILY;COUNT=3"))
    assert [why for _, why in done.skipped] == ["it was changed here since"]
    assert talk.shown("2026-12-02") == [("12-02 15:00", "x")]


def test_a_cancelled_event_is_taken_out(talk: Talk) -> None:
    bring(talk, event("SUMMARY:x"), event("SUMMARY:y", uid="y"))
    done = bring(talk, event("SUMMARY:x", "STATUS:CANCELLED"))
    assert done == Imported(0, 1, 0, ())
    assert [entry.title for entry in talk.calendar.all()] == ["y"]


def test_a_series_with_changed_and_missing_occurrences(talk: Talk) -> None:
    start = "DTSTART;TZID=Europe/Berlin:20261201T090000"
    changed = "RECURRENCE-ID;TZID=Europe/Berlin:20261202T090000"
    gone = "RECURRENCE-ID:20261204T080000Z"
    done = bring(
        talk,
        event("SUMMARY:moved", changed, start="DTSTART;TZID=Europe/Berlin:20261202T110000"),
        event(
            "SUMMARY:x",
            "RRULE:FREQ=DAILY;COUNT=6",
            "EXDATE;TZID=Europe/Berlin:20261203T090000",
            "EXDATE;VALUE=DATE:20261205",
            "RDATE;TZID=Europe/Berlin:20261210T170000",
            start=start,
        ),
        event("SUMMARY:x", gone, "STATUS:CANCELLED", start=start),
    )
    assert (done.added, done.skipped) == (1, ())
    assert talk.shown("2026-12-01", 15) == [
        ("12-01 09:00", "x"),
        ("12-02 11:00", "moved"),
        ("12-06 09:00", "x"),
        ("12-10 17:00", "x"),
    ]


def test_a_start_beside_its_rule_counts(talk: Talk) -> None:
    start = "DTSTART;TZID=Europe/Berlin:20261201T090000"  # a Tuesday
    bring(talk, event("SUMMARY:x", "RRULE:FREQ=WEEKLY;BYDAY=FR", start=start))
    assert [s for s, _ in talk.shown("2026-12-01", 14)] == [
        "12-01 09:00",
        "12-04 09:00",
        "12-11 09:00",
    ]


def test_a_change_without_its_series_stands_alone(talk: Talk) -> None:
    bring(talk, event("SUMMARY:x", "RECURRENCE-ID:20261201T080000Z"))
    assert talk.shown("2026-12-01") == [("12-01 10:00", "x")]
    assert bring(talk, event("SUMMARY:x", "RECURRENCE-ID:20261201T080000Z")).unchanged == 1


def test_all_or_nothing(talk: Talk) -> None:
    bring(talk, event("SUMMARY:first"))

    class _Full(Exception):
        pass

    with pytest.raises(_Full), talk.ctx.db.transaction():
        bring(talk, event("SUMMARY:second", uid="two"))
        raise _Full
    assert [entry.title for entry in talk.calendar.all()] == ["first"]


def test_reminders_come_back_with_their_events(talk: Talk, talk_at: Callable[..., Talk]) -> None:
    talk("remind", title="pills", start=at("2026-11-22 20:00"), repeat={"rrule": "FREQ=DAILY"})
    data = export_ics(talk.ctx)
    from dataclasses import replace

    other = talk_at(user="other")
    look = replace(other.ctx, event_id="")  # as the command line has it: outside of any event
    assert import_ics(look, data).added == 1
    assert other.pending == []
    other("list")
    assert other.pending == [datetime.fromisoformat(at("2026-11-22 20:00"))]
    other("list")
    assert len(other.pending) == 1


def everything(talk: Talk) -> list[tuple[object, ...]]:
    """What stands in the calendar in three years, in full."""
    begin = datetime.fromisoformat(at("2026-01-01"))
    return [
        (
            o.start,
            o.end,
            o.entry.kind,
            o.entry.title,
            o.entry.people,
            o.entry.location,
            o.entry.all_day,
            o.entry.busy,
        )
        for o in talk.calendar.between(begin, begin + timedelta(days=1000))
    ]


_TITLES = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=1, max_size=20
)
_RULES = st.sampled_from(
    [None, "FREQ=DAILY;COUNT=7", "FREQ=WEEKLY;BYDAY=TU,FR", "FREQ=MONTHLY;BYDAY=-1FR"]
)
_STARTS = st.integers(0, 360 * 48).map(
    lambda n: datetime.fromisoformat("2026-11-23T00:00:00+00:00") + timedelta(minutes=30 * n)
)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    made=st.lists(
        st.fixed_dictionaries(
            {
                "title": _TITLES,
                "start": _STARTS,
                "rrule": _RULES,
                "location": st.one_of(st.just(""), _TITLES),
                "people": st.lists(_TITLES, max_size=2),
                "all_day": st.booleans(),
                "skip": st.booleans(),
                "move": st.booleans(),
            }
        ),
        max_size=4,
    )
)
def test_round_trip(
    talk: Talk, talk_at: Callable[..., Talk], made: list[dict[str, object]]
) -> None:
    other = talk_at(user="other")
    for one in made:
        rrule = one.pop("rrule")
        skip, move = one.pop("skip"), one.pop("move")
        one["repeat"] = {"rrule": rrule} if rrule else None
        one["all_day"] = "all day" if one["all_day"] else None
        talk("create", **one)
        found = talk.calendar.all()[-1]
        if skip and rrule and (first := talk.calendar.search(lambda e, f=found: e == f)):
            talk.calendar.skip(first[0])
        if move and rrule and (first := talk.calendar.search(lambda e: e.repeats)):
            when = first[0].start + timedelta(hours=26)
            alone = talk.calendar.detach(first[0])
            wall = when.astimezone(talk.ctx.timezone).replace(tzinfo=None)
            if not alone.all_day:
                talk.calendar.change(alone, start=when, local_start=wall)
    data = export_ics(talk.ctx)
    done = import_ics(other.ctx, data)
    again = import_ics(other.ctx, data)
    mine, theirs = everything(talk), everything(other)
    for each in (talk, other):
        for entry in each.calendar.all():
            each.calendar.remove(entry)
    assert done.skipped == again.skipped == ()
    assert again.added == again.updated == 0
    assert theirs == mine


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lines=st.lists(
        st.one_of(
            st.text(max_size=40),
            st.builds(
                "{}:{}".format,
                st.sampled_from(["DTSTART", "DTEND", "RRULE", "EXDATE", "RDATE", "DURATION"])
                | st.sampled_from(["RECURRENCE-ID", "SUMMARY", "ATTENDEE", "SEQUENCE", "UID"]),
                st.sampled_from(["20261201T090000Z", "20261201", "PT1H", "FREQ=DAILY", "-P1D", ""])
                | st.text(max_size=12),
            ),
        ),
        max_size=8,
    )
)
def test_any_event_is_kept_or_named(talk: Talk, lines: list[str]) -> None:
    text = "\r\n".join(line.replace("\r", " ").replace("\n", " ") for line in lines)
    data = f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{text}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    try:
        done = import_ics(talk.ctx, data.encode("utf-8", "replace"))
    except BadRequest:
        return
    assert done.added + done.updated + done.unchanged + len(done.skipped) <= 1
