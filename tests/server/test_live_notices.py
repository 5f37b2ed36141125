"""What nobody waited for, as clients of a served gateway are told of it."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.support.cutter import Cut, Cutter
from tests.support.gateway import Gateway
from tests.support.terminal import wlm
from wlm import AsyncClient, Client, config
from wlm.errors import NotSignedIn
from wlm.events.engine import Engine
from wlm.plugins.manager import Registry
from wlm.server.auth.accounts import Accounts
from wlm.store.migrate import open_store
from wlm.types import Route, new_id

Notify = Callable[[int], list[int]]
CUTS: list[Cut] = ["refuse", ("down", 900), "request", ("down", 1500), ("down", 2500)]


@pytest.fixture(scope="module")
def notify(gateway: Gateway) -> Iterator[tuple[str, Notify]]:
    """A key, and what lets things of its user end that nobody waits for; the notices' ids."""
    settings = config.load(environ=gateway.environment)
    store = open_store(settings)
    accounts = Accounts(store, settings)
    owner = accounts.users.add("anna@example.org", role="user").owner
    key = accounts.keys.create(owner, "test", {"ask", "events:read"})[1]
    engine = Engine(store, Registry(), settings)

    def tell(count: int) -> list[int]:
        before = engine.notices.last(owner)
        for _ in range(count):
            parent, child = (Route("nobody", "nobody.knows", {"n": new_id()}) for _ in range(2))
            above = engine.accept(owner, parent).id
            at = datetime.now(UTC) - timedelta(minutes=2)
            engine.run(engine.accept(owner, child, parent=above, run_at=at).id)
        return [notice.id for notice in engine.notices.after(owner, before)]

    yield key, tell
    engine.close()
    store.close()


def test_each_is_told_once_on_a_machine(
    gateway: Gateway, notify: tuple[str, Notify], home: Path
) -> None:
    key, tell = notify
    tell(1)
    with Client(gateway.url, api_key=key) as client:
        assert client.notices() == [], "nothing of what was before"
    tell(2)
    with Client(gateway.url, api_key=key) as client:
        assert len(client.notices()) == 2 and client.notices() == []
    tell(1)
    killed = Client(gateway.url, api_key=key)
    assert len(killed.notices()) == 1

    async def again() -> list[str]:
        async with AsyncClient(gateway.url, api_key=key) as client:
            return await client.notices()

    assert len(asyncio.run(again())) == 1, "the other did not live to show it"
    assert asyncio.run(again()) == []
    killed.close()
    (file,) = (home / "data" / "notices").iterdir()
    assert file.read_text().isdigit()


def test_a_stream_that_breaks_is_taken_up_where_it_was(
    gateway: Gateway, notify: tuple[str, Notify], home: Path
) -> None:
    key, tell = notify
    with Cutter(int(gateway.bind.rpartition(":")[2])) as relay:
        told = tell(8)
        relay.cuts = iter(CUTS)
        with Client(relay.url, api_key=key) as client:
            seen = client.watch_notices(told[0] - 1)
            assert [notice.id for notice in itertools.islice(seen, 8)] == told
        assert relay.broken >= 3
        relay.cuts = iter(CUTS)

        async def awaited() -> list[int]:
            found: list[int] = []
            async with AsyncClient(relay.url, api_key=key) as client:
                async for notice in client.watch_notices(told[0] - 1):
                    found.append(notice.id)
                    if len(found) == len(told):
                        break
            return found

        assert asyncio.run(awaited()) == told


def test_new_ones_come_as_they_are_made(
    gateway: Gateway, notify: tuple[str, Notify], home: Path
) -> None:
    key, tell = notify
    with Client(gateway.url, api_key=key) as client:
        got: list[int] = []
        done = threading.Event()

        def listen() -> None:
            for notice in client.watch_notices():
                got.append(notice.id)
                done.set()
                return

        listener = threading.Thread(target=listen)
        listener.start()
        made: list[int] = []
        while not done.is_set():  # the stream may not be open yet for the first ones
            made += tell(1)
            done.wait(0.5)
        listener.join()
    assert got[0] in made


def test_a_refusal_ends_it(gateway: Gateway, home: Path) -> None:
    with Client(gateway.url, api_key="wlmk_wrong") as client:
        with pytest.raises(NotSignedIn):
            next(client.watch_notices())
        with pytest.raises(NotSignedIn):
            client.notices()


def test_the_command_says_it_first(
    gateway: Gateway, notify: tuple[str, Notify], tmp_path: Path
) -> None:
    key, tell = notify
    plain = {name: value for name, value in os.environ.items() if not name.startswith("WLM_")}
    there = {**plain, "WLM_HOME": str(tmp_path), "WLM_SERVER_URL": gateway.url, "WLM_API_KEY": key}
    words = "colourless green ideas sleep furiously"
    assert "nobody" not in wlm(there, "ask", words).err
    tell(1)
    told = wlm(there, "ask", words, "--json")
    assert "nobody" in told.err and told.json["actions"] == []
    assert "nobody" not in wlm(there, "ask", words).err


def test_a_gateway_that_stops_waits_for_no_stream(
    gateway: Gateway, notify: tuple[str, Notify]
) -> None:
    headers = {"Authorization": f"Bearer {notify[0]}", "Accept": "text/event-stream"}
    with httpx.stream("GET", f"{gateway.url}/v1/notices", headers=headers, timeout=20) as answer:
        coming = answer.iter_lines()
        assert next(coming) == "retry: 1000"
        gateway.process.send_signal(signal.SIGTERM)
        assert "data:" not in "".join(coming)  # raises where it is cut off instead of ended
        assert gateway.stop() == 0
