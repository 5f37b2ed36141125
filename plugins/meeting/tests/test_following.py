"""This occurrence and all that follow: the series is cut in two, and put together again."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wlm_meeting.cut import cut
from wlm_meeting.entry import Entry
from wlm_meeting.ics import export_ics

from plugins.meeting.tests.talk import BERLIN, Talk, at, between, day
from plugins.meeting.tests.test_rules import START, entry, rrules
from wlm.plugins import rules

FROM = "2026-11-30"
"""The Monday of the next week."""


@pytest.fixture
def standup(talk: Talk) -> Talk:
    """A series on Mondays and Wednesdays at nine, begun a week ago."""
    made = entry("FREQ=WEEKLY;BYDAY=MO,WE", datetime.fromisoformat("2026-11-16 09:00"), BERLIN.key)
    talk.calendar.add(dataclasses.replace(made, title="standup"))
    return talk


def undone(talk: Talk) -> str:
    """Take the last change back; what is said."""
    intent, slots = talk.ports.undos[-1]
    return talk(intent.partition(".")[2], **slots).speech


def test_a_move_from_next_week_on(standup: Talk) -> None:
    before = standup.shown("2026-11-01", 90)
    slots = {"title": "standup", "scope": "following"}
    reply = standup("update", **slots, start=at(f"{FROM} 10:00"))
    assert reply.speech == (
        "Standup is now every Monday and Wednesday, the next one on Monday 30 November "
        "at 10 am. Those before stay as they were."
    )
    assert standup.shown("2026-11-16", 21) == [
        ("11-16 09:00", "standup"),
        ("11-18 09:00", "standup"),
        ("11-23 09:00", "standup"),
        ("11-25 09:00", "standup"),
        ("11-30 10:00", "standup"),
        ("12-02 10:00", "standup"),
    ]
    text = export_ics(standup.ctx).decode()
    assert "UNTIL=20261125T080000Z" in text
    assert standup.again("update", **slots, start=at(f"{FROM} 10:00")) == reply
    assert undone(standup) == "Undone: standup is tomorrow from 9 to 9:30 am again."
    assert standup.shown("2026-11-01", 90) == before


def test_what_a_day_means(standup: Talk) -> None:
    """A day of the series says from when on; another is the day to move to."""
    longer = {"duration": "PT1H", "when": day(FROM, 7)}
    made = standup("update", title="standup", scope="following", **longer).data["meeting"]
    assert (made["start"], made["end"]) == (at(f"{FROM} 09:00"), at(f"{FROM} 10:00"))
    undone(standup)
    moved = standup("update", title="standup", scope="following", when=day("2026-12-01"))
    assert moved.data["meeting"]["start"] == at("2026-12-01 09:00")
    assert [start for start, _ in standup.shown(FROM, 7)] == ["12-01 09:00", "12-03 09:00"]
    undone(standup)
    early = {"old": day("2026-12-02", 5), "start": at("2026-12-02 08:00")}
    standup("update", title="standup", scope="following", **early)
    shown = [start for start, _ in standup.shown(FROM, 10)]
    assert shown == ["11-30 09:00", "12-02 08:00", "12-07 08:00", "12-09 08:00"]


def test_a_change_that_says_no_time(standup: Talk) -> None:
    renamed = {"new_title": "daily", "when": day(FROM, 7)}
    standup("update", title="standup", scope="following", **renamed)
    assert standup.shown("2026-11-25", 6) == [("11-25 09:00", "standup"), ("11-30 09:00", "daily")]
    question = standup.asks("update", title="daily", scope="following", when=day(FROM, 7))
    assert question.text == "Daily: to what time?"


def test_what_was_spoken_of_and_all_that_follow(standup: Talk) -> None:
    before = standup.shown("2026-11-22", 60)
    standup("list", title="standup", when=day("2026-12-02"))
    reply = standup("cancel", scope="following")
    assert reply.speech == ("Standup is cancelled from Wednesday 2 December on. Those before stay.")
    assert standup.shown("2026-11-22", 60)[-1] == ("11-30 09:00", "standup")
    assert undone(standup).startswith("Undone: standup is")
    assert standup.shown("2026-11-22", 60) == before


def test_all_from_its_first_on_is_the_whole_series(talk: Talk) -> None:
    talk("create", title="yoga", start=at(f"{FROM} 18:00"), repeat={"rrule": "FREQ=WEEKLY"})
    reply = talk("cancel", title="yoga", scope="following", when=day("2026-11-23"))
    assert reply.speech == "Yoga is cancelled from Monday 30 November on."
    assert talk.calendar.all() == []
    undone(talk)
    assert len(talk.shown(FROM, 14)) == 2
    talk("update", title="yoga", scope="following", start=at(f"{FROM} 19:00"))
    assert len(talk.calendar.all()) == 1


def test_what_takes_place_once(talk: Talk) -> None:
    talk("create", title="lunch", start=at("2026-11-27 12:00"))
    talk("update", title="lunch", scope="following", start=at("2026-11-27 13:00"))
    assert talk.shown("2026-11-27") == [("11-27 13:00", "lunch")]
    reply = talk("cancel", title="lunch", scope="following")
    assert reply.speech == "Lunch, on Friday at 1 pm, is cancelled."


def test_two_of_a_name_are_asked_for(standup: Talk) -> None:
    standup("create", title="standup", start=at("2026-11-24 15:00"), repeat={"rrule": "FREQ=DAILY"})
    slots = {"title": "standup", "scope": "following"}
    assert standup.asks("cancel", **slots).slot == "start"
    standup.answer("cancel", 1, **slots)
    assert ("11-26 15:00", "standup") not in standup.shown("2026-11-26")
    assert standup.shown("2026-11-30") == [("11-30 09:00", "standup")]


def test_the_reminder_goes_with_both(standup: Talk) -> None:
    standup("remind", title="standup", before="PT10M")
    standup("update", title="standup", scope="following", start=at(f"{FROM} 10:00"))
    first, second = (plan for plan, _ in standup.ports.planned.values())
    assert "UNTIL" in first.repeat.rrule
    assert second.start == datetime.fromisoformat(at(f"{FROM} 10:00"))
    undone(standup)
    assert len(standup.pending) == 1


def test_a_move_of_the_series_past_its_cut(standup: Talk) -> None:
    """What was moved alone belongs to where the series has it, not to where it was moved."""
    late = {"old": between("2026-11-25 09:00", "2026-11-25 09:30"), "scope": "one"}
    standup("update", title="standup", **late, start=at("2026-12-01 16:00"))
    standup("cancel", title="standup", scope="following", when=day(FROM, 7))
    assert standup.shown("2026-11-23", 30) == [
        ("11-23 09:00", "standup"),
        ("12-01 16:00", "standup"),
    ]


WALLS = st.integers(0, 400 * 96).map(lambda n: START + timedelta(minutes=15 * n))


def walls(series: Entry | None, until: datetime) -> list[datetime]:
    """When a series takes place up to a time, by a walk from its start."""
    if series is None:
        return []
    rule = series.rule
    found = set()
    if rule:
        found = set(
            rules.expand(
                rule.text, series.local_start, series.local_last, series.local_start, until
            )
        )
    else:
        found = {series.local_start}
    found |= {datetime.fromisoformat(text) for text in series.rdates}
    return sorted(w for w in found if w.isoformat() not in series.exdates and w < until)


@settings(max_examples=80, deadline=None)
@given(
    rrule=rrules(),
    start=WALLS,
    extra=st.lists(st.integers(-60, 500), max_size=2),
    gone=st.lists(st.integers(0, 12), max_size=4),
    at_number=st.integers(0, 12),
    beside=st.integers(-3, 3),
)
def test_the_halves_are_the_whole(
    rrule: str, start: datetime, extra: list[int], gone: list[int], at_number: int, beside: int
) -> None:
    first = rules.first(rules.parse(rrule, BERLIN), start)
    assert first is not None
    far = first + timedelta(days=4_000)
    whole = entry(rrule, first, BERLIN.key)
    all_walls = walls(whole, far)
    dates = [(first + timedelta(hours=hours)).isoformat() for hours in extra]
    out = {all_walls[n].isoformat() for n in gone if n < len(all_walls)}
    whole = dataclasses.replace(whole, rdates=sorted(dates), exdates=sorted(out)).timed()
    wanted = walls(whole, far)
    wall = all_walls[min(at_number, len(all_walls) - 1)] + timedelta(hours=beside)
    before, after = cut(whole, wall)
    assert walls(before, far) == [w for w in wanted if w < wall]
    assert walls(after, far) == [w for w in wanted if w >= wall]
    assert after is None or before is None or after.uid != before.uid


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rrule=rrules(),
    start=WALLS,
    moved=st.lists(st.integers(0, 8), max_size=2),
    left_out=st.lists(st.integers(0, 8), max_size=2),
    number=st.integers(0, 8),
    change=st.sampled_from([{}, {"new_title": "z"}, {"duration": "PT2H"}, {"location": "Hall"}]),
)
def test_none_is_lost_or_doubled(
    talk: Talk,
    rrule: str,
    start: datetime,
    moved: list[int],
    left_out: list[int],
    number: int,
    change: dict[str, Any],
) -> None:
    """Occurrences before are as they were, those after as asked; undo restores each of them."""
    first = rules.first(rules.parse(rrule, BERLIN), start)
    assert first is not None
    talk.later((first - timedelta(days=1)).isoformat())
    series = entry(rrule, first, BERLIN.key)
    talk.calendar.add(series)
    for entry_ in talk.calendar.all():
        _disturb(talk, entry_, moved, left_out)
    rows = talk.calendar.all()
    there = _seen(talk, first)
    try:
        kept = [o for o in there if not o[4]]
        if not kept:
            return
        since = kept[min(number, len(kept) - 1)][0]
        slots = {"title": "x", "when": {"start": since, "end": _later(since)}, "scope": "following"}
        talk("update" if change else "cancel", **slots, **change)
        after = _seen(talk, first)
        assert [o for o in after if o[5] < since] == [o for o in there if o[5] < since]
        wanted = [o for o in there if o[5] >= since] if change else []
        found = [o for o in after if o[5] >= since]
        assert [o[0] for o in found] == [o[0] for o in wanted]
        if "new_title" in change:
            assert {o[2] for o in found} == {"z"}
        undone(talk)
        assert talk.calendar.all() == rows
    finally:
        for entry_ in talk.calendar.all():
            talk.calendar.remove(entry_)


def _disturb(talk: Talk, series: Entry, moved: list[int], left_out: list[int]) -> None:
    begin = series.at(series.local_start, BERLIN).start
    found = talk.calendar.between(begin, begin + timedelta(days=400))
    for number in set(left_out):
        if number < len(found):
            talk.calendar.skip(found[number]._replace(entry=talk.calendar.get(series.id)))
    for number in set(moved) - set(left_out):
        if number < len(found):
            alone = talk.calendar.detach(found[number])
            talk.calendar.change(alone, local_start=alone.local_start + timedelta(hours=1))


def _seen(talk: Talk, first: datetime) -> list[tuple[Any, ...]]:
    """Start, end, title, place, whether moved alone, and when it was due, of each."""
    begin = rules.localise(first, BERLIN)
    return [
        (
            o.start.isoformat(),
            o.end.isoformat(),
            o.entry.title,
            o.entry.location,
            bool(o.entry.recurrence),
            o.due(BERLIN).isoformat(),
        )
        for o in talk.calendar.between(begin, begin + timedelta(days=1_500))
    ]


def _later(text: str) -> str:
    return (datetime.fromisoformat(text) + timedelta(minutes=1)).isoformat()
