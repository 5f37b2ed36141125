"""The client gives what the embedded assistant gives, and repeats only what is safe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.support import mailbox
from wlm import Assistant, AsyncClient, Client, config
from wlm.errors import Busy, NotFound, NotSignedIn, Unreachable, UsageError
from wlm.server import access
from wlm.server.app import create_app
from wlm.server.policy import allowed
from wlm.store.accounts.users import Users
from wlm.types import State

LUNCH = "schedule lunch with Kofi tomorrow at noon"


@pytest.fixture
def transport(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.BaseTransport]:
    mailbox.set_up(monkeypatch)
    monkeypatch.setenv("WLM_SHARED_SKILLS", "email")

    def let_in(request: object) -> access.Principal | None:
        key = request.headers.get("Authorization", "")  # type: ignore[attr-defined]
        return (
            access.Principal("anna", allowed("user"), "key", "k") if key.endswith("good") else None
        )

    app = create_app(config.load(), authenticators=[let_in])
    yield httpx.WSGITransport(app)
    app.extensions["wlm"].close()


@pytest.fixture
def client(transport: httpx.BaseTransport) -> Iterator[Client]:
    with Client("http://localhost", api_key="good", transport=transport) as made:
        yield made


def test_what_is_asked_is_done_and_found_again(client: Client) -> None:
    turn = client.ask(LUNCH)
    event = client.event(turn.actions[0].event.id)
    assert event.state is State.SUCCEEDED
    assert client.event_history(event.id)[-1].state is State.SUCCEEDED
    assert client.events(states=[State.SUCCEEDED]) == [event]
    (kept,) = client.history("kofi lunch")
    assert kept.turn.actions == turn.actions and kept.created_at.tzinfo
    assert client.why()["turn"] == client.why(event.id)["turn"] == turn.id
    assert [route.intent for route in client.route(LUNCH)] == ["meeting.create"]
    names = {skill["name"] for skill in client.skills()["skills"]}
    assert {"meeting", "people"} <= names and client.skill("meeting")["intents"]
    assert [seen.state for seen in client.watch(event.id)] == [State.SUCCEEDED]


def test_questions_are_answered(client: Client) -> None:
    event = client.ask("schedule a meeting").actions[0].event
    done = client.answer(event.id, {"start": "2031-01-02T10:00:00+01:00"})
    assert done.state is State.SUCCEEDED
    waiting = client.ask("email kofi@example.org saying hello").actions[0].event
    assert client.cancel(waiting.id).state is State.CANCELLED


def test_refusals_are_the_errors_that_one_gets_here(
    client: Client, transport: httpx.BaseTransport
) -> None:
    with pytest.raises(NotFound):
        client.event("nothing")
    with (
        Client("http://localhost", api_key="bad", transport=transport) as stranger,
        pytest.raises(NotSignedIn),
    ):
        stranger.ask(LUNCH)


def flaky(
    transport: httpx.BaseTransport, failures: list[Callable[[httpx.Request], httpx.Response]]
) -> tuple[httpx.MockTransport, list[httpx.Request]]:
    """Goes wrong in these ways first, after the gateway has done the work; then works."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        request.read()
        seen.append(request)
        answer = transport.handle_request(request)
        answer.read()
        return failures.pop(0)(request) if failures else answer

    return httpx.MockTransport(handle), seen


def lose(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError("gone", request=request)


def test_a_lost_answer_is_asked_for_again_and_nothing_is_done_twice(
    transport: httpx.BaseTransport,
) -> None:
    broken, seen = flaky(transport, [lose])
    with Client("http://localhost", api_key="good", transport=broken) as client:
        turn = client.ask(LUNCH)
        assert [event.id for event in client.events()] == [turn.actions[0].event.id]
    first, second = seen[:2]
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


def test_a_busy_gateway_is_asked_again_after_a_while(
    transport: httpx.BaseTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)

    def busy(_: httpx.Request) -> httpx.Response:
        return httpx.Response(
            503, json={"code": "busy", "detail": "x"}, headers={"Retry-After": "3"}
        )

    broken, seen = flaky(transport, [busy])
    with Client("http://localhost", api_key="good", transport=broken) as client:
        assert client.events() == []
    assert len(seen) == 2 and slept[0] >= 3

    broken, seen = flaky(transport, [busy] * 9)
    with (
        Client("http://localhost", api_key="good", transport=broken) as client,
        pytest.raises(Busy),
    ):
        client.events()
    assert len(seen) <= 5


def test_nobody_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request)

    with (
        Client("http://localhost", api_key="k", transport=httpx.MockTransport(refuse)) as client,
        pytest.raises(Unreachable),
    ):
        client.events()


def test_the_same_awaited(transport: httpx.BaseTransport) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        answer = transport.handle_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.read())

    async def talk() -> list[State]:
        async with AsyncClient(
            "http://localhost", api_key="good", transport=httpx.MockTransport(handle)
        ) as client:
            turn = await client.ask(LUNCH)
            event = turn.actions[0].event.id
            assert [e.id for e in await client.events()] == [event]
            return [seen.state async for seen in client.watch(event)]

    assert asyncio.run(talk()) == [State.SUCCEEDED]


def test_accounts_are_shared(client: Client, transport: httpx.BaseTransport) -> None:
    with Assistant(owner="tom") as tom:
        users = Users(tom.store, tom.clock)
        users.add("anna@home.example", owner="anna", name="Anna")
        users.add("tom@home.example", owner="tom", name="Tom")
        given = client.share("meeting", "tom@home.example", access="write")
        assert (given.given, given.user, given.access) == (True, "tom@home.example", "write")
        assert client.shares() == [given]
        (got,) = tom.shares()
        assert (got.id, got.given, got.name, got.in_use) == (given.id, False, "Anna", False)
        back = tom.share("people", "anna@home.example")
        assert client.use_account("people", back.id) == client.shares()[1]
        assert client.use_account("people", None) is None
        assert tom.use_account("meeting", given.id) == tom.shares()[0]
        client.unshare(given.id)
        with pytest.raises(NotFound):
            client.unshare(given.id)
        tom.unshare(back.id)
        assert tom.shares() == client.shares() == []
        with pytest.raises(NotFound):
            client.share("meeting", "nobody@home.example")
    with Assistant() as here, pytest.raises(UsageError, match="users of a gateway"):
        here.share("meeting", "tom@home.example")


def test_neither_client_lacks_what_the_other_has() -> None:
    one, other = ({n for n in dir(c) if n[0] != "_"} for c in (Client, AsyncClient))
    assert one == other
