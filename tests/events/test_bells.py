"""The three bells: they wake, and nothing depends on them."""

from __future__ import annotations

import itertools
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import postgres
from tests.support.redis import RedisServer
from wlm.events.bell import ENOUGH, Bell, Listener
from wlm.events.bell_postgres import PostgresBell
from wlm.events.bell_redis import RedisBell
from wlm.events.bell_socket import SocketBell
from wlm.events.dispatch import IdAlone
from wlm.store.engine import Store


@pytest.fixture(params=["socket", "postgres", "redis"])
def bell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bell]:
    made: Bell
    if request.param == "socket":
        # Longer than a socket's address may be.
        made = SocketBell(str(tmp_path / ("deep" * 30) / "wlm.db"))
    elif request.param == "postgres":
        made = PostgresBell(Store(postgres.server().database()).url)
    else:
        server = request.getfixturevalue("redis")
        server.flush()
        made = RedisBell(server.url)
    yield made
    made.close()


def heard(listener: Listener, bell: Bell | None = None, tell: bool = False) -> str | None:
    """What is heard within ten seconds; a listener may need a moment to be there."""
    for attempt in itertools.count():
        if bell is not None:
            bell.tell(["e1"]) if tell else bell.ring("e1")
        if (found := listener.next(0.5)) or attempt > 20:
            return found
    raise AssertionError


def test_a_ring_wakes_a_worker_and_a_tale_those_that_wait(bell: Bell) -> None:
    bell.ring("nobody is there")
    rings, tales = bell.rings(), bell.tales()
    if isinstance(bell, RedisBell):
        assert heard(rings) == "nobody is there"
    assert heard(rings, bell) == "e1"
    assert heard(tales, bell, tell=True) == "e1"
    for _ in range(3 * ENOUGH):
        bell.ring("e2")
    found = list(iter(lambda: rings.next(0.5), None))
    assert "e2" in found and len(found) < 2 * ENOUGH, "they do not pile up"
    rings.close()
    tales.close()


def test_a_listener_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    bell = SocketBell(str(tmp_path / "wlm.db"))
    gone, here = bell.rings(), bell.rings()
    gone._socket.close()  # as a killed process leaves it
    bell.ring("e1")
    assert here.next(1) == "e1"
    assert len(list((tmp_path / "wlm.db-bells").iterdir())) == 1
    here._path.unlink()
    assert here.next(1) is None, "nothing was rung; but it notices"
    bell.ring("e2")
    assert here.next(1) == "e2"


def test_redis_may_be_away(redis: RedisServer) -> None:
    bell = RedisBell(redis.url)
    rings = bell.rings()
    redis.kill()
    bell.ring("e1")
    bell.tell(["e1"])
    assert rings.next(0.2) == "", "who cannot be rung for looks"
    redis.start()
    assert heard(rings, bell) == "e1"


def test_what_lies_in_a_broker_is_never_unpickled() -> None:
    class Bomb:
        def __reduce__(self) -> object:
            return os.mkdir, ("/nonexistent/bomb",)

    poison = pickle.dumps(Bomb()).decode("ascii", "replace")
    message = IdAlone().deserialize(poison)
    assert message.name == IdAlone.task and message.args == (poison,), "a reason to look, no more"
