"""What a skill watches: one process at a time, told once, begun anew after a fault."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from tests.support import porch, waiting
from wlm import config
from wlm.events import watches
from wlm.events.engine import Engine
from wlm.events.notices import EMAIL
from wlm.events.watches import Watches
from wlm.plugins import Context, Noticed, Reply, Skill, intent
from wlm.plugins.manager import Registry
from wlm.store.engine import Store
from wlm.types import State

FAST = 0.02
ROOT = Path(__file__).parents[2]


class Bell(Skill):
    """Rings when somebody is at the door."""

    def __init__(self) -> None:
        self.on = True
        self.visitors: list[str] = []
        self.came = threading.Condition()
        self.marks: list[JsonValue] = []
        self.watching = 0
        self.faults = 0

    def arrive(self, *who: str) -> None:
        with self.came:
            self.visitors += who
            self.came.notify_all()

    @intent()
    def opened(self, ctx: Context, who: str) -> Reply:
        """Tell who is there."""
        return Reply(f"{who} is at the door.")

    def watches(self, ctx: Context) -> bool:
        return self.on

    def watch(self, ctx: Context, mark: JsonValue) -> Iterator[Noticed | None]:
        self.marks.append(mark)
        seen = mark if isinstance(mark, int) else 0
        self.watching += 1
        try:
            while True:
                if self.faults:
                    self.faults -= 1
                    raise RuntimeError("the door fell in")
                with self.came:
                    if len(self.visitors) <= seen:
                        self.came.wait(FAST)
                    new = self.visitors[seen : seen + 1]
                if not new:
                    yield None
                    continue
                seen += 1
                yield Noticed(seen, "bell.opened", {"who": new[0]}, f"visit {seen}")
        finally:
            self.watching -= 1


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def house(store: Store, settings: config.Settings, bell: Bell) -> Iterator[House]:
    made = House(store, settings, bell)
    yield made
    made.close()


class House:
    """An engine whose only skill is the bell, and workers that watch."""

    def __init__(self, store: Store, settings: config.Settings, bell: Bell) -> None:
        self.registry = Registry()
        self.registry.add("bell", Bell)
        self.registry.skills["bell"] = self.registry.skills["bell"]._replace(skill=bell)
        self.engine = Engine(store, self.registry, settings)
        self.engine.notices._channels = ["terminal", EMAIL]
        self._made: list[Watches] = []

    def worker(self) -> Watches:
        made = porch.watcher(self.engine)
        self._made.append(made)
        made.start()
        return made

    def told(self) -> list[str]:
        self.engine.run_due()
        return [notice.speech for notice in self.engine.notices.after("local")]

    def close(self) -> None:
        for each in self._made:
            each.stop(10)
        self.engine.close()


until = functools.partial(waiting.until, seconds=30)


def test_what_is_noticed_is_told_once(house: House, bell: Bell) -> None:
    house.worker()
    bell.arrive("Anna", "Tom")
    until(lambda: house.told() == ["Anna is at the door.", "Tom is at the door."])
    events = house.engine.list("local")
    assert {event.state for event in events} == {State.SUCCEEDED}
    assert len(house.engine.notices.take("terminal", "local")) == 2
    assert not house.engine.notices.take(EMAIL, "local"), "mail about mail would never end"


def test_one_worker_watches_and_another_goes_on_from_there(house: House, bell: Bell) -> None:
    first = house.worker()
    until(lambda: bell.watching == 1)
    second = house.worker()
    bell.arrive("Anna")
    until(lambda: house.told() == ["Anna is at the door."])
    assert (bell.watching, bell.marks) == (1, [None])
    assert first.stop(10) == 0
    until(lambda: bell.watching == 1)
    assert bell.marks == [None, 1]
    bell.arrive("Tom")
    until(lambda: len(house.told()) == 2)
    assert second.stop(10) == 0
    assert bell.watching == 0


def test_a_watch_that_fails_is_begun_anew_from_its_mark(house: House, bell: Bell) -> None:
    house.worker()
    bell.arrive("Anna")
    until(lambda: len(house.told()) == 1)
    bell.faults = 2
    until(lambda: bell.marks == [None, 1, 1])
    bell.arrive("Tom")
    until(lambda: house.told() == ["Anna is at the door.", "Tom is at the door."])


def test_who_lost_the_lease_accepts_nothing_more(house: House, bell: Bell) -> None:
    worker = house.worker()
    until(lambda: bell.watching == 1)
    (thread,) = worker._threads.values()
    with house.engine._store.write() as connection:
        from wlm.store.tables import watches

        until_then = house.engine._clock() + timedelta(hours=1)
        connection.execute(watches.update().values(holder="another", until=until_then))
    bell.arrive("Anna")
    thread.join(30)
    assert not thread.is_alive()
    assert house.told() == []


def test_nothing_is_watched_that_is_off(house: House, bell: Bell) -> None:
    bell.on = False
    house.worker()
    looked = threading.Event()
    bell.watches = lambda ctx: looked.set() or False  # type: ignore[method-assign]
    assert looked.wait(30)
    assert (bell.watching, bell.marks) == (0, [])


@pytest.mark.parametrize(
    ("database_url", "seen_dead"),
    [("sqlite", False), ("postgres", True)],
    indirect=["database_url"],
    ids=["by its lease", "at once, on the same machine"],
)
def test_what_a_killed_worker_watched_another_goes_on_with(
    store: Store,
    settings: config.Settings,
    seen_dead: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = tmp_path / "door"
    door.write_text("Anna\n")
    registry, skill = porch.registry(door)
    engine = Engine(store, registry, settings)

    def told() -> list[str]:
        engine.run_due()
        return [notice.speech for notice in engine.notices.after("local")]

    lease = "3600" if seen_dead else "1"
    command = [sys.executable, "-m", "tests.support.porch", str(door), lease]
    env = {**os.environ, "WLM_DATABASE_URL": settings.config.database_url}
    with subprocess.Popen(command, cwd=ROOT, env=env) as first:
        try:
            until(lambda: told() == ["Anna is at the door."], seconds=120)  # a process must start
        finally:
            first.kill()
    door.write_text("Anna\nTom\n")
    if not seen_dead:  # as from another machine
        monkeypatch.setattr(watches, "is_dead", lambda worker: False)
    second = porch.watcher(engine)
    second.start()
    try:
        until(lambda: told() == ["Anna is at the door.", "Tom is at the door."])
    finally:
        assert second.stop(10) == 0
        engine.close()
    assert skill.marks == [1], "it goes on from where the first one was"
