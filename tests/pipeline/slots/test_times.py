"""Time expressions against the judged file, and what a table cannot show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bench.dates import DATA, cases, ours, same
from wlm.pipeline.slots.times import find

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 10, tzinfo=BERLIN)
CASES = [*cases(), *cases(DATA.with_name("dates_judged.tsv"))]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.text} @{case.now:%m-%d %H:%M}")
def test_judged_expression(case):
    assert same(ours(case), case.value), ours(case)


def test_there_are_enough_cases_of_each_sort():
    sorts = [case.sort for case in CASES]
    assert len(CASES) >= 300
    assert min(sorts.count(s) for s in ("moment", "range", "duration", "recurrence")) >= 15


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("schedule lunch with Anna tomorrow at noon", ["tomorrow", "noon"]),
        ("remind me in twenty minutes to call", ["in twenty minutes"]),
        ("put it on Thursday, the 3rd of December", ["Thursday, the 3rd of December"]),
        ("tomorrow's standup", ["tomorrow"]),
        ("at three p.m. on Friday", ["three p.m.", "Friday"]),
    ],
)
def test_spans_are_where_it_was_said(text, pieces):
    (when,) = find(text, NOW)
    assert [text[start:end] for start, end in when.spans] == pieces


@pytest.mark.parametrize(
    "text",
    [
        "tell me a joke",
        "good morning",
        "may I have a word",
        "he will march on",
        "two people and a dog",
        "the second one please",
        "i sat down in the sun",
        "for 5 people",
        "3 main street",
        "quiz night",
        "just a second",
        "room 12",
        "add 20 percent",
        "one on one",
        "schedule lunch with april",
        "at 5 main street",
    ],
)
def test_what_is_no_time(text):
    assert [when for when in find(text, NOW) if when.start or when.rrule] == []


def test_offsets_in_hours_are_elapsed_time_across_a_change():
    before = datetime(2026, 10, 24, 22, tzinfo=BERLIN)
    (when,) = find("in 12 hours", before)
    assert when.start.astimezone(UTC) - before.astimezone(UTC) == timedelta(hours=12)
    assert when.start.hour == 9


def test_a_skipped_time_moves_on_and_a_doubled_one_is_the_first():
    (skipped,) = find("tomorrow at 2:30 am", datetime(2027, 3, 27, 12, tzinfo=BERLIN))
    assert skipped.start.isoformat() == "2027-03-28T03:30:00+02:00"
    (doubled,) = find("tomorrow at 2:30 am", datetime(2026, 10, 24, 12, tzinfo=BERLIN))
    assert doubled.start.isoformat() == "2026-10-25T02:30:00+02:00"


def test_a_day_of_a_change_is_23_or_25_hours_long():
    for now, hours in (((2027, 3, 27), 23), ((2026, 10, 24), 25)):
        (when,) = find("tomorrow", datetime(*now, 12, tzinfo=BERLIN))
        assert when.end.astimezone(UTC) - when.start.astimezone(UTC) == timedelta(hours=hours)


def test_now_must_be_aware():
    with pytest.raises(ValueError, match="aware"):
        find("tomorrow", datetime(2026, 1, 1))  # noqa: DTZ001 - the fault under test
