"""Schedules in the store: once whoever sweeps, made up for once, paused, removed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support import lab
from wlm import config
from wlm.errors import NotFound, UsageError
from wlm.events.engine import Engine
from wlm.events.firing import schedule_of
from wlm.plugins import Recurrence, TimeRange
from wlm.plugins.manager import Registry
from wlm.plugins.scheduling import SchedulePlan, ScheduleStep, moved
from wlm.store.engine import Store
from wlm.types import Schedule, State

BERLIN = ZoneInfo("Europe/Berlin")
EIGHT = datetime(2026, 11, 23, 8, 0, tzinfo=BERLIN)  # the clock stands at 10:00 the day before


def daily(engine: Engine, owner: str = "local", **more: object) -> Schedule:
    steps = [ScheduleStep("lab.say", {"text": "good morning"})]
    plan = SchedulePlan("good morning", Recurrence("FREQ=DAILY"), EIGHT, BERLIN, steps)
    skill = str(more.pop("skill")) if "skill" in more else None
    plan = plan._replace(**more)  # type: ignore[arg-type]
    return engine.schedules.add(owner, plan, skill=skill)


def test_it_fires_when_due_and_says_where_the_event_came_from(
    engine: Engine, clock: lab.Clock
) -> None:
    made = daily(engine)
    assert made.next_at == EIGHT and made.routes[0].intent == "lab.say"
    assert engine.run_due() == []
    clock.now = EIGHT
    (event,) = engine.run_due()
    assert (event.state, event.run_at) == (State.SUCCEEDED, EIGHT)
    assert schedule_of(event.idempotency_key) == made.id
    assert event.priority == 3, "after what somebody waits for"
    assert engine.run_due() == []
    there = engine.schedules.get("local", made.id)
    assert (there.last_at, there.next_at) == (EIGHT, EIGHT + timedelta(days=1))


@pytest.mark.parametrize(
    ("hours", "outcome", "missed", "ran"),
    [(0.01, "fired", 0, 1), (11, "late", 0, 1), (13, "skipped", 0, 0), (24 * 3 + 2, "late", 3, 1)],
)
def test_what_was_missed_is_made_up_for_once_or_skipped(
    engine: Engine, clock: lab.Clock, hours: float, outcome: str, missed: int, ran: int
) -> None:
    made = daily(engine)
    clock.now = EIGHT + timedelta(hours=hours)
    assert len(engine.run_due()) == ran
    (firing,) = engine.schedules.firings("local", made.id)
    assert (firing.outcome, firing.missed, len(firing.events)) == (outcome, missed, ran)
    assert engine.schedules.get("local", made.id).next_at > clock.now  # type: ignore[operator]


def test_clocks_that_are_set_back_and_forth(engine: Engine, clock: lab.Clock) -> None:
    daily(engine)
    clock.now = EIGHT
    assert len(engine.run_due()) == 1
    for hours in (-1, 1, -2, 2):
        clock.step(hours=hours)
        assert engine.run_due() == []


def test_many_sweepers_fire_each_schedule_once(
    engine: Engine, store: Store, registry: Registry, settings: config.Settings, clock: lab.Clock
) -> None:
    for n in range(12):
        daily(engine, f"user{n}")
    clock.now = EIGHT
    start, errors = threading.Barrier(6), []

    def sweep() -> None:
        other = Engine(store, registry, settings, clock=clock)
        start.wait()
        try:
            other.tend(1)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=sweep) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    engine.tend(1)
    assert [len(engine.list(f"user{n}")) for n in range(12)] == [1] * 12


def test_pause_and_resume(engine: Engine, clock: lab.Clock) -> None:
    made = daily(engine)
    assert engine.schedules.pause("local", made.id).next_at is None
    assert engine.schedules.pause("local", made.id).state == "paused", "again is no error"
    clock.now = EIGHT + timedelta(hours=1)
    assert engine.run_due() == []
    back = engine.schedules.resume("local", made.id)
    assert (back.state, back.next_at) == ("active", EIGHT + timedelta(days=1))
    assert engine.run_due() == [], "what came due in the pause is not made up for"
    assert engine.schedules.simulate("local", clock.now, clock.now + timedelta(days=2)) == [
        (EIGHT + timedelta(days=1), back),
        (EIGHT + timedelta(days=2), back),
    ]


def test_remove(engine: Engine, clock: lab.Clock) -> None:
    made = daily(engine)
    with pytest.raises(NotFound):
        engine.schedules.remove("somebody else", made.id)
    clock.now = EIGHT
    (event,) = engine.run_due()
    assert engine.schedules.remove("local", made.id).id == made.id
    with pytest.raises(NotFound):
        engine.schedules.firings("local", made.id)
    assert engine.get("local", event.id).state is State.SUCCEEDED


def test_one_that_has_an_end(engine: Engine, clock: lab.Clock) -> None:
    made = daily(engine, repeat=Recurrence("FREQ=DAILY;COUNT=2"))
    for _ in range(4):
        clock.now = max(clock.now, EIGHT - timedelta(days=1)) + timedelta(days=1)
        engine.run_due()
    there = engine.schedules.get("local", made.id)
    assert (there.state, there.next_at) == ("ended", None)
    assert len(engine.schedules.firings("local", made.id)) == 2


def test_excluded_ranges_and_leads(engine: Engine) -> None:
    tomorrow = TimeRange(EIGHT - timedelta(hours=1), EIGHT + timedelta(hours=1))
    made = daily(
        engine,
        repeat=Recurrence("FREQ=DAILY", excluded=[tomorrow]),
        lead=timedelta(minutes=10),
    )
    assert made.next_at == EIGHT + timedelta(days=1, minutes=-10)


def test_the_same_key_replaces(engine: Engine) -> None:
    first = daily(engine, skill="lab", key="a")
    second = daily(engine, skill="lab", key="a", title="other")
    daily(engine, skill="lab", key="b")
    assert [s.title for s in engine.schedules.all("local", skill="lab")] == [
        "other",
        "good morning",
    ]
    assert first.id != second.id
    assert engine.schedules.remove_of("local", "lab", "a")
    assert not engine.schedules.remove_of("local", "lab", "a")


def test_bounds(engine: Engine, clock: lab.Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="1 to 8"):
        daily(engine, steps=[])
    with pytest.raises(UsageError, match="never come due"):
        daily(engine, repeat=Recurrence("FREQ=DAILY;COUNT=2"), start=clock.now - timedelta(days=9))
    monkeypatch.setattr("wlm.events.schedules.MOST_PER_OWNER", 1)
    daily(engine)
    with pytest.raises(UsageError, match="1 schedules already"):
        daily(engine)


def test_one_that_cannot_be_read_stops_no_other(
    engine: Engine, store: Store, clock: lab.Clock
) -> None:
    from sqlalchemy import update

    from wlm.store.tables import schedules

    broken, _ = daily(engine), daily(engine)
    with store.write() as connection:
        query = update(schedules).where(schedules.c.id == broken.id)
        connection.execute(query.values(zone="Nowhere/At_All", handled_at=datetime.now(UTC)))
    clock.now = EIGHT
    assert len(engine.run_due()) == 1


def test_times_move_with_the_day() -> None:
    said = {"start": "2026-03-27T02:30:00+01:00", "end": "2026-03-27T12:00:00+01:00"}
    assert moved(said, 2, BERLIN) == {
        "start": "2026-03-29T03:30:00+02:00",
        "end": "2026-03-29T12:00:00+02:00",
    }
    assert moved(3, 1, BERLIN) == 3
