"""Taking back: once, in time, what a handler said how to take back; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Column, MetaData, String, Table

from tests.support.lab import Clock
from wlm import config
from wlm.errors import BadRequest, NotFound, UsageError
from wlm.events.engine import Engine
from wlm.plugins import Context, Reply, Skill, intent
from wlm.plugins.manager import Registry
from wlm.store.engine import Store
from wlm.types import Route, State

tables = MetaData()
shelf = Table(
    "shelf_books",
    tables,
    Column("owner", String(64), primary_key=True),
    Column("title", String(64), primary_key=True),
)


class Shelf(Skill):
    """Books on a shelf."""

    tables = tables

    @intent(examples=["put {title} on the shelf"], effect="write")
    def put(self, ctx: Context, title: str = "") -> Reply:
        """Put a book on the shelf."""

        def work() -> None:
            ctx.db.insert(shelf, {"title": title})
            ctx.undo("shelf.take", {"title": title})

        ctx.once("put", work)
        return Reply(f"{title} is there.", data={"remember": {"book": {"title": title}}})

    @intent(effect="write")
    def take(self, ctx: Context, title: str) -> Reply:
        """Take it off again."""
        if not ctx.once("take", lambda: ctx.db.delete(shelf, shelf.c.title == title)):
            raise BadRequest("It is gone already.")
        return Reply(f"{title} is off.", data={"remember": {"book": None}})

    @intent(examples=["dust the shelf"], effect="write")
    def dust(self, ctx: Context) -> Reply:
        """What nobody can take back."""
        return Reply("Dusted.")

    @intent(examples=["lend {title}"], effect="send")
    def lend(self, ctx: Context, title: str = "x") -> Reply:
        """Give it away."""
        return Reply("Lent.")

    @intent(examples=["borrow a book"], effect="write")
    def foreign(self, ctx: Context) -> Reply:
        """Undo through another skill."""
        ctx.undo("meeting.cancel", {})
        return Reply("No.")

    @intent(examples=["which book"])
    def which(self, ctx: Context) -> Reply:
        """Say what the conversation is about."""
        return Reply(str((ctx.memory.get("book") or {}).get("title")))


@pytest.fixture
def engine(store: Store, settings: config.Settings, clock: Clock) -> Iterator[Engine]:
    registry = Registry()
    registry.add("shelf", Shelf)
    assert not registry.faults
    with store.write() as connection:
        tables.create_all(connection)
    yield Engine(store, registry, settings, clock=clock)


def do(engine: Engine, verb: str, conversation: str = "c", **slots: Any) -> str:
    """Run an intent that succeeds; the event's id."""
    route = Route("shelf", f"shelf.{verb}", slots)
    event = engine.accept("me", route, conversation=conversation, confirmed=True)
    done = engine.run(event.id)
    assert done.state is State.SUCCEEDED, done.error
    return event.id


def books(engine: Engine) -> list[str]:
    """What stands on the shelf."""
    return [row["title"] for row in engine.context("me", "shelf").db.select(shelf)]


def test_what_was_done_last_is_taken_back_then_the_one_before(engine: Engine) -> None:
    do(engine, "put", title="Emma")
    do(engine, "put", title="Persuasion")
    first = engine.run(engine.undo("me").id)
    assert (first.state, first.route.router) == (State.SUCCEEDED, "undo")
    assert books(engine) == ["Emma"]
    engine.run(engine.undo("me").id)
    assert books(engine) == []
    with pytest.raises(NotFound):
        engine.undo("me")


def test_it_happens_once(engine: Engine) -> None:
    done = do(engine, "put", title="Emma")
    undoing = engine.undo("me", done)
    assert engine.undo("me", done).id == undoing.id  # asked for twice before it ran
    engine.run(undoing.id)
    with pytest.raises(BadRequest, match="undone already"):
        engine.undo("me", done)


def test_what_changed_since_stays(engine: Engine) -> None:
    done = do(engine, "put", title="Emma")
    do(engine, "take", title="Emma")
    undoing = engine.run(engine.undo("me", done).id)
    assert undoing.state is State.FAILED
    assert undoing.error is not None
    assert undoing.error.message == "It is gone already."
    again = engine.undo("me", done)  # a failed try may be repeated
    assert again.id == undoing.id
    assert again.state is State.QUEUED


def test_only_in_time(engine: Engine, clock: Clock) -> None:
    done = do(engine, "put", title="Emma")
    clock.step(minutes=11)
    with pytest.raises(NotFound, match="last 10 minutes"):
        engine.undo("me")
    with pytest.raises(BadRequest, match="too long ago"):
        engine.undo("me", done)
    assert books(engine) == ["Emma"]


@pytest.mark.parametrize(("verb", "why"), [("dust", "cannot undo"), ("lend", "was sent")])
def test_what_cannot_be_undone_says_so(engine: Engine, verb: str, why: str) -> None:
    do(engine, "put", title="Emma")
    done = do(engine, verb)
    for reference in (None, done):
        with pytest.raises(BadRequest, match=why):
            engine.undo("me", reference)
    assert books(engine) == ["Emma"]  # and not what came before it


def test_a_read_changed_nothing(engine: Engine) -> None:
    with pytest.raises(BadRequest, match="changed nothing"):
        engine.undo("me", do(engine, "which"))


def test_of_this_conversation_and_this_owner(engine: Engine) -> None:
    done = do(engine, "put", "one", title="Emma")
    with pytest.raises(NotFound):
        engine.undo("me", conversation="two")
    for reference in (None, done):
        with pytest.raises(NotFound):
            engine.undo("somebody", reference)


def test_a_skill_undoes_only_through_itself(engine: Engine) -> None:
    event = engine.accept("me", Route("shelf", "shelf.foreign"))
    assert engine.run(event.id).state is State.FAILED


def test_what_it_stands_for_goes_over_the_memory(engine: Engine) -> None:
    do(engine, "put", title="Emma")
    route = Route("shelf", "shelf.which")
    said = {"book": {"title": "Persuasion"}}
    event = engine.accept("me", route, conversation="c", refers=said)
    plain = engine.accept("me", route, conversation="c")
    replies = [engine.run(e.id).reply for e in (event, plain)]
    assert [reply and reply.speech for reply in replies] == ["Persuasion", "Emma"]


def test_amending_what_waits_asks_again(engine: Engine) -> None:
    event = engine.accept("me", Route("shelf", "shelf.lend", {"title": "Emma"}))
    assert engine.run(event.id).state is State.WAITING_CONFIRMATION
    engine.amend("me", event.id, {"title": "Persuasion"})
    again = engine.run(event.id)
    assert again.state is State.WAITING_CONFIRMATION
    assert again.question is not None
    assert "Persuasion" in again.question.text
    engine.cancel("me", event.id)
    with pytest.raises(UsageError):
        engine.amend("me", event.id, {"title": "Emma"})
