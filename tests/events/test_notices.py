"""What nobody waited for is told once on each channel, and old events go."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support import lab
from wlm import config
from wlm.events.courier import show_on_desktop
from wlm.events.engine import Engine
from wlm.plugins.manager import Registry
from wlm.plugins.scheduling import SchedulePlan, ScheduleStep
from wlm.plugins.slots import Recurrence
from wlm.store.engine import Store
from wlm.types import Event, Route, State

NO_BUS = "no D-Bus daemon: `apt-get install dbus`"
SERVER = Path(__file__).parents[1] / "support" / "notification_server.py"


def later(engine: Engine, clock: lab.Clock, text: str = "tea", intent: str = "say") -> Event:
    """An event that is due in an hour, which then comes."""
    slots = {"text": text} if intent in ("say", "send") else {}
    event = engine.accept(
        "local", Route("lab", f"lab.{intent}", slots), run_at=clock.now + timedelta(hours=1)
    )
    clock.step(hours=1)
    return event


def told(engine: Engine, channel: str = "terminal") -> list[str]:
    taken = engine.notices.take(channel, "local")
    engine.notices.done(channel, [notice.id for notice in taken])
    return [notice.speech for notice in taken]


def test_what_was_put_off_is_told_once(engine: Engine, clock: lab.Clock) -> None:
    event = later(engine, clock)
    assert told(engine) == []
    engine.run_due()
    (notice,) = engine.notices.take("terminal", "local")
    assert (notice.event, notice.state, notice.due_at) == (event.id, State.SUCCEEDED, None)
    assert engine.notices.take("terminal", "local") == [], "somebody shows it"
    assert engine.notices.take("terminal", "anna") == []
    engine.notices.done("terminal", [notice.id])
    clock.step(hours=1)
    assert told(engine) == []
    assert [n.speech for n in engine.notices.after("local")] == ["You said tea."]


def test_who_took_it_and_died_did_not_show_it(engine: Engine, clock: lab.Clock) -> None:
    later(engine, clock)
    engine.run_due()
    assert len(engine.notices.take("terminal", "local")) == 1
    clock.step(minutes=2)
    assert told(engine) == ["You said tea."]


def test_what_somebody_waits_for_is_no_notice(engine: Engine, clock: lab.Clock) -> None:
    engine.run(engine.accept("local", Route("lab", "lab.say", {"text": "a"})).id)
    assert engine.notices.after("local") == []
    engine.run(later(engine, clock).id)
    assert told(engine) == [], "it was told where it was run"


def test_late_is_said_so(engine: Engine, clock: lab.Clock) -> None:
    event = later(engine, clock)
    clock.step(hours=3)
    engine.run_due()
    assert engine.notices.after("local")[0].due_at == event.run_at


@pytest.mark.parametrize(
    ("intent", "state", "speech"),
    [
        ("refuse", State.FAILED, "The lab will not."),
        ("ask", State.WAITING_INPUT, "Which colour?"),
        ("flaky", State.SUCCEEDED, "Done."),
    ],
)
def test_failures_and_questions_are_told(
    engine: Engine, skill: lab.Lab, clock: lab.Clock, intent: str, state: State, speech: str
) -> None:
    skill.failures = 1
    later(engine, clock, intent=intent)
    engine.run_due()
    clock.step(hours=1)
    engine.run_due()
    assert [(n.state, n.speech) for n in engine.notices.after("local")] == [(state, speech)]


def test_a_question_that_was_answered_is_asked_no_more(engine: Engine, clock: lab.Clock) -> None:
    event = later(engine, clock, intent="ask")
    engine.run_due()
    engine.run(engine.answer("local", event.id, {"colour": "r"}).id)
    assert told(engine) == []


def test_a_reader_goes_on_after_the_last_it_saw(engine: Engine, clock: lab.Clock) -> None:
    later(engine, clock, "one")
    engine.run_due()
    (first,) = engine.notices.wait("local", 0, timeout=5)
    assert engine.notices.wait("local", first.id, timeout=0) == []
    assert engine.notices.last("local") == first.id
    later(engine, clock, "two")
    found = []
    reader = threading.Thread(
        target=lambda: found.extend(engine.notices.wait("local", first.id, timeout=20))
    )
    reader.start()
    engine.run_due()
    reader.join()
    assert [n.speech for n in found] == ["You said two."]


def test_ids_come_in_the_order_of_commits(engine: Engine, clock: lab.Clock) -> None:
    """A reader that goes on after the highest id it saw misses none, with many writers."""
    for n in range(12):
        engine.accept(
            "local", Route("lab", "lab.say", {"text": str(n)}), run_at=clock.now + timedelta(1)
        )
    clock.step(days=2)
    seen: list[int] = []

    def read() -> None:
        while len(seen) < 12:
            seen.extend(n.id for n in engine.notices.wait("local", max(seen, default=0), 20))

    threads = [threading.Thread(target=engine.run_due, args=(6,)) for _ in range(4)]
    reader = threading.Thread(target=read, daemon=True)
    for thread in [reader, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    engine.run_due()
    reader.join(timeout=30)
    assert len(set(seen)) == 12


def test_a_schedule_may_choose_its_channels(
    store: Store, registry: Registry, home: Path, settings: config.Settings, clock: lab.Clock
) -> None:
    chosen = config.load(
        {
            "database_url": settings.config.database_url,
            "notify": "terminal, email",
            "notify_address": "me@example.org",
        }
    )
    engine = Engine(store, registry, chosen, clock=clock)
    plan = SchedulePlan(
        "x", Recurrence("FREQ=DAILY"), clock.now + timedelta(hours=1), settings.zone,
        [ScheduleStep("lab.say", {"text": "hi"})], notify=["email"],
    )  # fmt: skip
    engine.schedules.add("local", plan)
    clock.step(hours=1)
    engine.run_due()
    later(engine, clock)
    engine.run_due()
    assert told(engine) == ["You said tea."]
    engine.tend(1)
    engine.tend(1)
    mails = [e for e in engine.list("local") if e.route.intent == "email.send"]
    assert sorted(m.route.slots["body"] for m in mails) == ["You said hi.", "You said tea."]
    assert {m.route.slots["to"][0] for m in mails} == {"me@example.org"}
    engine.run_due()  # the e-mail skill is not there, and that is no news either
    assert len(engine.notices.after("local")) == 2


@pytest.mark.parametrize("notify", ["pigeon", "terminal desktop", "terminal,,x"])
def test_channels_that_are_none(home: Path, notify: str) -> None:
    from wlm.errors import BadSetting

    with pytest.raises(BadSetting, match="notify"):
        config.load({"notify": notify})


def test_a_desktop_notification(tmp_path: Path) -> None:
    """Against a real bus, with a server that writes down what it is asked to show."""
    if shutil.which("dbus-run-session") is None:
        pytest.skip(NO_BUS)
    shown = tmp_path / "shown"
    program = (
        "import subprocess, sys\n"
        "server = subprocess.Popen([sys.executable, sys.argv[1], sys.argv[2]],"
        " stdout=subprocess.PIPE)\n"
        "server.stdout.readline()\n"
        "from wlm.events.courier import desktop_here, show_on_desktop\n"
        "print(desktop_here(), show_on_desktop('Reminder: tea.', 'It is <ready>.'))\n"
        "server.kill()\n"
    )
    done = subprocess.run(
        ["dbus-run-session", "--", sys.executable, "-c", program, str(SERVER), str(shown)],
        capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
    )  # fmt: skip
    assert done.stdout == "True True\n", done.stderr
    assert shown.read_text() == "WLM | Reminder: tea. | It is ‹ready›.\n"


def test_no_desktop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from wlm.events.courier import desktop_here

    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    if sys.platform == "linux":
        assert not desktop_here()
        assert not show_on_desktop("a", "b")


class TestRetention:
    """Old events go; what has not ended stays, and so does what caused it."""

    def test_what_ended_long_ago_goes(self, engine: Engine, store: Store, clock: lab.Clock) -> None:
        from sqlalchemy import func, select

        from wlm.store.tables import effects, event_log, events, notices

        old = engine.run(engine.accept("local", Route("lab", "lab.write")).id)
        later(engine, clock)
        engine.run_due()
        waiting = engine.run(engine.accept("local", Route("lab", "lab.ask")).id)
        clock.step(days=364)
        recent = engine.run(engine.accept("local", Route("lab", "lab.say", {"text": "x"})).id)
        assert engine.upkeep.retention.waiting() == 0
        clock.step(days=2)
        assert engine.upkeep.retention.waiting() == 2
        engine.upkeep.run()
        assert {e.id for e in engine.list("local")} == {waiting.id, recent.id}
        with store.read() as connection:
            for table in (event_log, effects, notices):
                rows = connection.execute(select(table.c.event_id)).scalars().all()
                assert old.id not in rows
            assert connection.execute(select(func.count()).select_from(events)).scalar() == 2

    def test_a_cause_stays_with_what_has_not_ended(self, engine: Engine, clock: lab.Clock) -> None:
        family = engine.accept("local", Route("lab", "lab.family", {"child": "lab.ask", "n": 1}))
        engine.run(family.id)
        engine.run_due()
        clock.step(days=400)
        assert engine.upkeep.retention.step() == 0
        (child,) = engine.list("local", states=[State.WAITING_INPUT])
        engine.cancel("local", child.id)
        clock.step(days=400)
        assert engine.upkeep.retention.step() == 2

    def test_it_goes_in_batches_and_for_ever_means_never(
        self, store: Store, registry: Registry, settings: config.Settings, clock: lab.Clock
    ) -> None:
        engine = Engine(store, registry, settings, clock=clock)
        for n in range(7):
            engine.run(engine.accept("local", Route("lab", "lab.say", {"text": str(n)})).id)
        clock.step(days=1000)
        assert [engine.upkeep.retention.step(3) for _ in range(4)] == [3, 3, 1, 0]
        url = {"database_url": settings.config.database_url}
        keeping = Engine(store, registry, config.load({**url, "keep_events_days": 0}), clock=clock)
        engine.run(engine.accept("local", Route("lab", "lab.say", {"text": "x"})).id)
        clock.step(days=10_000)
        assert keeping.upkeep.retention.all() == 0
        assert engine.upkeep.retention.all() == 1
