"""Recurrences across changes of clocks, against an independent reading of RFC 5545."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wlm_meeting.entry import Entry, utc
from wlm_meeting.window import Window

from plugins.meeting.tests.talk import Talk, at
from wlm.errors import BadRequest
from wlm.plugins import rules

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "UTC",
]
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
START = datetime.fromisoformat("2026-01-01")


def wall(text: str) -> datetime:
    """A wall time."""
    return datetime.fromisoformat(text)


@st.composite
def rrules(draw: st.DrawFn) -> str:
    """Rules as people say them, and some that they do not."""
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}"]
    if (interval := draw(st.integers(1, 4))) > 1:
        parts.append(f"INTERVAL={interval}")
    if frequency == "WEEKLY":
        days = draw(st.lists(st.sampled_from(DAYS), max_size=3, unique=True))
        parts += [f"BYDAY={','.join(days)}"] if days else []
    if frequency == "MONTHLY":
        choice = draw(
            st.sampled_from(["", "BYMONTHDAY=31", "BYMONTHDAY=-1", "BYDAY=-1FR", "BYDAY=2TU"])
        )
        parts += [choice] if choice else []
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 40))}")
    return ";".join(parts)


def entry(rrule: str, start: datetime, zone: str, minutes: int = 30, **more: object) -> Entry:
    made = Entry(
        id="a",
        uid="a@test",
        title="x",
        local_start=start,
        seconds=minutes * 60,
        zone=zone,
        starts_at=START,
        ends_at=START,
        created_at=START,
        changed_at=START,
        rrule=rrule,
        **more,  # type: ignore[arg-type]
    )
    return made.timed()


def oracle(made: Entry, begin: datetime, end: datetime) -> list[datetime]:
    """What recurring-ical-events says of the same event."""
    import icalendar
    import recurring_ical_events

    event = icalendar.Event()
    event.add("uid", "a")
    event.add("dtstart", made.local_start.replace(tzinfo=ZoneInfo(made.zone)))
    event.add("duration", made.length)
    event.add("rrule", icalendar.vRecur.from_ical(made.rrule))
    for wall in made.exdates:
        moment = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(made.zone))
        event.add("exdate", moment)
    calendar = icalendar.Calendar()
    calendar.add_component(event)
    found = recurring_ical_events.of(calendar).between(begin, end)
    return sorted(o["DTSTART"].dt.astimezone(UTC) for o in found)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rrule=rrules(),
    zone=st.sampled_from(ZONES),
    start=st.integers(0, 400 * 96).map(lambda n: START + timedelta(minutes=15 * n)),
    ahead=st.integers(0, 900),
    days=st.integers(1, 120),
)
def test_agrees_with_another_implementation(
    talk: Talk, rrule: str, zone: str, start: datetime, ahead: int, days: int
) -> None:
    rule = rules.parse(rrule, ZoneInfo(zone))
    first = rules.first(rule, start)
    assert first is not None
    made = entry(rrule, first, zone)
    begin = rules.localise(first, ZoneInfo(zone)) + timedelta(days=ahead)
    end = begin + timedelta(days=days)
    talk.calendar.add(made)
    ours = [o.start.astimezone(UTC) for o in talk.calendar.between(begin, end)]
    talk.calendar.remove(made)
    assert ours == oracle(made, begin, end)


@pytest.mark.parametrize("zone", ZONES)
def test_nine_o_clock_stays_nine_o_clock(tmp_path: Path, zone: str) -> None:
    talk = Talk(tmp_path, now=wall("2026-01-05 08:00"), timezone=zone)
    start = at("2026-01-05 09:00", ZoneInfo(zone))
    talk("create", title="standup", start=start, repeat={"rrule": "FREQ=WEEKLY"})
    shown = talk.shown("2026-01-01", 365)
    assert len(shown) == 52
    assert {start[-5:] for start, _ in shown} == {"09:00"}


def test_skipped_and_repeated_hours_in_a_series(tmp_path: Path) -> None:
    talk = Talk(tmp_path, now=wall("2026-03-01 09:00"))
    talk(
        "create",
        title="backup",
        start=at("2026-03-01 02:30"),
        duration="PT10M",
        repeat={"rrule": "FREQ=DAILY"},
    )
    assert ("03-29 03:30", "backup") in talk.shown("2026-03-29")
    assert talk.shown("2026-03-30") == [("03-30 02:30", "backup")]
    assert len(talk.shown("2026-10-25")) == 1
    begin = datetime.fromisoformat("2026-10-25T00:00:00+02:00")
    (once,) = talk.calendar.between(begin, begin + timedelta(hours=10))
    assert once.start.isoformat() == "2026-10-25T02:30:00+02:00"


def test_a_series_is_kept_in_the_zone_it_was_made_in(tmp_path: Path) -> None:
    talk = Talk(tmp_path, now=wall("2026-03-01 09:00"))
    talk("create", title="call", start=at("2026-03-02 15:00"), repeat={"rrule": "FREQ=WEEKLY"})
    away = Talk(tmp_path, timezone="America/New_York")
    # For three weeks New York has summer time and Berlin has not.
    assert away.shown("2026-03-02") == [("03-02 09:00", "call")]
    assert away.shown("2026-03-09") == [("03-09 10:00", "call")]
    assert away.shown("2026-03-30") == [("03-30 09:00", "call")]


@pytest.mark.parametrize(
    ("rrule", "last"),
    [
        ("FREQ=DAILY;COUNT=3", "2026-05-03 09:00"),
        ("FREQ=DAILY;UNTIL=20260503", "2026-05-03 09:00"),
        ("FREQ=DAILY;UNTIL=20260503T070000Z", "2026-05-03 09:00"),
        ("FREQ=DAILY;UNTIL=20260503T065959Z", "2026-05-02 09:00"),
    ],
)
def test_where_a_series_ends(tmp_path: Path, rrule: str, last: str) -> None:
    talk = Talk(tmp_path)
    talk.calendar.add(entry(rrule, wall("2026-05-01 09:00"), "Europe/Berlin"))
    shown = talk.shown("2026-04-01", 90)
    assert shown[-1][0] == last[5:]
    assert talk.shown("2026-06-01", 500) == []


def test_a_series_seen_far_ahead_is_not_walked_from_its_start() -> None:
    start = wall("1990-01-01 09:00")
    after = START
    for text in ("FREQ=DAILY", "FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,FR", "FREQ=HOURLY;INTERVAL=5"):
        rule = rules.parse(text, None)
        near = list(rules.expand(text, start, None, after, after + timedelta(days=30)))
        full = [m for m in _walk(rule.text, start, after + timedelta(days=30)) if m >= after]
        assert near == full
        assert near


def _walk(text: str, start: datetime, end: datetime) -> list[datetime]:
    from dateutil.rrule import rrulestr

    return list(rrulestr(text, dtstart=start).between(start, end, inc=True))


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    try:
        rule = rules.parse(text, ZoneInfo("Europe/Berlin"))
    except BadRequest:
        return
    assert rule.get("FREQ")


@given(
    instant=st.integers(0, 2 * 366 * 24 * 12).map(
        lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=5 * n)
    ),
    zone=st.sampled_from(ZONES),
)
def test_an_instant_survives_the_wall(instant: datetime, zone: str) -> None:
    seen = rules.local(instant, ZoneInfo(zone))
    assert seen == instant
    assert utc(seen) == utc(instant)
    back = rules.localise(seen.replace(tzinfo=None), ZoneInfo(zone))
    assert back <= instant  # the first of a wall time that comes twice
    assert back.replace(tzinfo=None) == seen.replace(tzinfo=None)


@settings(max_examples=90, deadline=None)
@given(
    rrule=rrules(),
    zone=st.sampled_from(ZONES),
    start=st.integers(0, 400 * 96).map(lambda n: START + timedelta(minutes=15 * n)),
    hours=st.integers(0, 60),
    extra=st.lists(st.integers(-900, 900), max_size=3),
    span=st.integers(1, 900).map(lambda days: timedelta(days=days)),
)
def test_many_at_once_are_what_each_is_alone(
    rrule: str, zone: str, start: datetime, hours: int, extra: list[int], span: timedelta
) -> None:
    made = entry(rrule, start, zone, minutes=60 * hours)
    own = ZoneInfo(zone)
    bare = rules.parse(rrule, own).text
    walls = [*rules.expand(bare, start, None, START, START + timedelta(days=900))]
    walls = sorted([*walls, *(start + timedelta(hours=hour) for hour in extra)])
    window = Window(*(rules.localise(day, own) for day in (START, START + span)), own)
    once = window.each(made, walls) if walls else []
    assert once == [made.at(wall, own) for wall in walls]
    offsets = [(o.start.utcoffset(), o.end.utcoffset()) for o in once]
    assert offsets == [
        (made.at(wall, own).start.utcoffset(), made.at(wall, own).end.utcoffset()) for wall in walls
    ]


@settings(max_examples=150, deadline=None)
@given(
    rrule=rrules(),
    start=st.integers(0, 400 * 96).map(lambda n: START + timedelta(minutes=15 * n)),
    ahead=st.integers(-50, 5_000),
    days=st.integers(1, 4_000),
    ends=st.one_of(st.none(), st.integers(0, 6_000)),
)
def test_a_window_of_a_rule_is_what_dateutil_walks_to(
    rrule: str, start: datetime, ahead: int, days: int, ends: int | None
) -> None:
    from dateutil.rrule import rrulestr

    bare = rules.parse(rrule, None).text
    after = start + timedelta(days=ahead)
    before = after + timedelta(days=days)
    final = None if ends is None else start + timedelta(days=ends)
    walk = rrulestr(bare, dtstart=start).xafter(after, inc=True)
    wanted = []
    for moment in walk:
        if moment >= before or (final is not None and moment > final):
            break
        wanted.append(moment)
    assert list(rules.expand(bare, start, final, after, before)) == wanted
