"""Schedules against an independent reading of rules and zones, on a clock that a test holds.

The oracle walks each rule with dateutil from its start and finds the instant of a wall time
by trying every offset that the zone has around it. It shares nothing with the code it judges.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support import lab
from wlm import config
from wlm.errors import BadRequest
from wlm.events.engine import Engine
from wlm.events.timetable import Timetable
from wlm.plugins import Recurrence
from wlm.plugins.scheduling import SchedulePlan, ScheduleStep
from wlm.store.engine import Store
from wlm.store.migrate import open_store
from wlm.types import new_id

EXAMPLES = int(os.environ.get("WLM_TEST_EXAMPLES", "20"))
# A zone and an hour near which its clocks change, or something else odd happens.
EDGES = [
    ("Europe/Berlin", "2026-03-29T00:30"),
    ("Europe/Berlin", "2026-10-25T00:30"),
    ("America/New_York", "2026-03-08T01:00"),
    ("America/New_York", "2026-11-01T00:30"),
    ("Australia/Lord_Howe", "2026-04-05T01:00"),  # half an hour
    ("Australia/Lord_Howe", "2026-10-04T01:30"),
    ("Africa/Casablanca", "2026-02-15T01:00"),  # back to its usual time for a month
    ("America/Santiago", "2026-09-05T23:00"),  # midnight does not exist
    ("Asia/Beirut", "2026-03-28T23:00"),
    ("Pacific/Apia", "2011-12-29T12:00"),  # a whole day does not exist
    ("Asia/Kolkata", "2026-05-01T09:00"),
    ("UTC", "2028-02-28T23:00"),
]
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


@st.composite
def rules_(draw: st.DrawFn) -> str:
    """Rules as people say them, and some that they do not."""
    frequency = draw(st.sampled_from(["MINUTELY", "HOURLY", "DAILY", "DAILY", "WEEKLY", "WEEKLY",
                                      "MONTHLY", "YEARLY"]))  # fmt: skip
    parts = [f"FREQ={frequency}"]
    least = 5 if frequency == "MINUTELY" else 1
    if (interval := draw(st.sampled_from([least, least, 7, 25]))) > 1:
        parts.append(f"INTERVAL={min(interval, 3) if frequency == 'YEARLY' else interval}")
    days = draw(st.lists(st.sampled_from(DAYS), max_size=5, unique=True))
    if frequency == "WEEKLY" and days:
        parts.append(f"BYDAY={','.join(sorted(days, key=DAYS.index))}")
    if frequency == "DAILY" and draw(st.booleans()):
        parts.append(f"BYHOUR={draw(st.integers(0, 3))},{draw(st.integers(12, 23))}")
    if frequency == "MONTHLY":
        parts.append(
            draw(
                st.sampled_from(
                    ["BYMONTHDAY=1", "BYMONTHDAY=31", "BYMONTHDAY=-1", "BYDAY=1MO", "BYDAY=-1SU",
                     "BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"]
                )
            )
        )  # fmt: skip
    if frequency == "YEARLY" and draw(st.booleans()):
        parts.append("BYMONTH=2;BYMONTHDAY=29")
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 40))}")
    return ";".join(parts)


class Case(NamedTuple):
    """A rule from a start in a zone, and what happens to WLM meanwhile."""

    rule: str
    zone: ZoneInfo
    start: datetime
    lead: timedelta
    catch_up: timedelta
    sleeps: list[timedelta]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Cases around the edges of zones."""
    name, edge = draw(st.sampled_from(EDGES))
    zone = ZoneInfo(name)
    near = datetime.fromisoformat(edge).replace(tzinfo=zone).astimezone(UTC)
    shift = draw(st.sampled_from([0, 0, -1, -1, -7, -30])) * timedelta(days=1)
    start = near + shift + draw(st.integers(0, 36)) * timedelta(minutes=10)
    naps = st.sampled_from(
        [timedelta(seconds=2), timedelta(minutes=7), timedelta(minutes=40), timedelta(hours=1),
         timedelta(hours=5), timedelta(hours=11), timedelta(days=1), timedelta(days=3),
         timedelta(days=40), timedelta(days=400)]
    )  # fmt: skip
    rule = draw(rules_())
    sleeps = draw(st.lists(naps, min_size=3, max_size=14))
    if "MINUTELY" in rule or "HOURLY" in rule:
        sleeps = [min(nap, timedelta(days=3)) for nap in sleeps]
    return Case(
        rule,
        zone,
        start,
        draw(st.sampled_from([timedelta(), timedelta(), timedelta(minutes=15)])),
        draw(st.sampled_from([timedelta(), timedelta(hours=2), timedelta(hours=12)])),
        sleeps,
    )


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which clocks show ``wall``; if none does, as if they had not moved."""
    probes = [wall.replace(tzinfo=UTC) + timedelta(hours=h) for h in range(-42, 43, 6)]
    offsets = {probe.astimezone(zone).utcoffset() or timedelta() for probe in probes}
    shown = [
        moment
        for offset in offsets
        if (moment := (wall - offset).replace(tzinfo=UTC)).astimezone(zone).replace(tzinfo=None)
        == wall
    ]
    if shown:
        return min(shown)
    # Clocks jumped over it: by the offset before the jump.
    before = (wall - timedelta(hours=26)).replace(tzinfo=zone).utcoffset() or timedelta()
    return (wall - before).replace(tzinfo=UTC)


def oracle(case: Case, until: datetime) -> list[datetime]:
    """Every occurrence up to ``until``, with a margin."""
    wall = case.start.astimezone(case.zone).replace(tzinfo=None)
    rule = case.rule
    walls = itertools.takewhile(
        lambda w: w.replace(tzinfo=UTC) < until + timedelta(days=3), rrulestr(rule, dtstart=wall)
    )
    return sorted({instant(w, case.zone) for w in walls})


@pytest.fixture
def sqlite_settings(home: Path) -> config.Settings:
    """Settings with a SQLite database: the arithmetic is the same on both."""
    return config.load()


@pytest.fixture
def sqlite(sqlite_settings: config.Settings) -> Iterator[Store]:
    """That database."""
    made = open_store(sqlite_settings)
    yield made
    made.close()


@settings(max_examples=EXAMPLES, deadline=None)
@given(cases())
def test_next_and_between_agree_with_the_oracle(case: Case) -> None:
    table = Timetable.of(Recurrence(case.rule), case.start, case.zone, case.lead)
    until = case.start + timedelta(days=45)
    expected = [o for o in oracle(case, until) if o - case.lead <= until]
    since = case.start - timedelta(days=2)
    assert table.between(since, until) == expected
    walked, moment = [], since
    while len(walked) < 40 and (following := table.next(moment)) is not None:
        if following - case.lead > until:
            break
        walked.append(following)
        moment = following - case.lead
    assert walked == expected[:40]


class Model:
    """What the stated rules say must have happened."""

    def __init__(self, case: Case, occurrences: list[datetime], now: datetime) -> None:
        self.case, self.handled = case, now
        self.occurrences = occurrences
        self.fired: dict[datetime, str] = {}
        self.missed = 0

    def sweep(self, now: datetime) -> None:
        due = [o for o in self.occurrences if self.handled < o - self.case.lead <= now]
        self.handled = now
        if not due:
            return
        late = now - (due[-1] - self.case.lead)
        self.missed += len(due) - 1
        if late <= timedelta(minutes=1):
            self.fired[due[-1]] = "fired"
        else:
            self.fired[due[-1]] = "late" if late <= self.case.catch_up else "skipped"


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases(), restarts=st.sets(st.integers(0, 13)))
def test_no_firing_is_missed_doubled_or_early(
    case: Case,
    restarts: set[int],
    sqlite: Store,
    sqlite_settings: config.Settings,
) -> None:
    owner, registry = new_id(), lab.registry()  # the examples share the database
    # By more than an hour: a start in the second of two equal hours happens in the first.
    clock = lab.Clock(case.start - timedelta(hours=2))
    sweepers = [Engine(sqlite, registry, sqlite_settings, clock=clock) for _ in range(2)]
    end = clock.now + sum(case.sleeps, timedelta())
    occurrences = oracle(case, end)
    plan = SchedulePlan(
        "x", Recurrence(case.rule), case.start, case.zone,
        [ScheduleStep("lab.say", {"text": "a"}), ScheduleStep("lab.say", {}, at="text")],
        lead=case.lead, catch_up=case.catch_up,
    )  # fmt: skip
    made = sweepers[0].schedules.add(owner, plan)
    model = Model(case, occurrences, clock.now)
    for step, nap in enumerate(case.sleeps):
        clock.now += nap
        if step in restarts:
            sweepers = [Engine(sqlite, registry, sqlite_settings, clock=clock)] * 2
        for sweeper in sweepers:
            sweeper.tend(1)
        model.sweep(clock.now)
    log = sweepers[0].schedules.firings(owner, made.id, limit=1000)
    assert {f.occurrence: f.outcome for f in log} == model.fired
    assert sum(f.missed for f in log) == model.missed
    sweepers[0].schedules.remove(owner, made.id)
    rows: Any = sweepers[0].list(owner, limit=1000)
    wanted = [o for o, outcome in model.fired.items() if outcome != "skipped"]
    assert sorted(e.run_at for e in rows) == sorted([o - case.lead for o in wanted] * 2)
    assert all(e.created_at >= e.run_at for e in rows), "none is early"
    told = [e.route.slots["text"] for e in rows if e.route.slots["text"] != "a"]
    assert sorted(map(datetime.fromisoformat, told)) == sorted(wanted)


def test_a_start_in_the_second_of_two_equal_hours_happens_in_the_first() -> None:
    zone = ZoneInfo("Europe/Berlin")
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 for the second time
    first = second - timedelta(hours=1)
    table = Timetable.of(Recurrence("FREQ=MINUTELY;INTERVAL=5;COUNT=1"), second, zone)
    assert table.next(first - timedelta(minutes=1)) == first
    assert table.next(first) is None, "it is over, and there is no other"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("FREQ=MINUTELY", "cannot be kept"),
        ("nonsense", "cannot be kept"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "cannot be kept"),
    ],
)
def test_rules_that_are_none(rule: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        Timetable.of(Recurrence(rule), datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("UTC"))
