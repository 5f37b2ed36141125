"""What a handler may do with another's account, however it tries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from tests.support import lab
from tests.support.registries import only
from wlm import config
from wlm.errors import ShareEnded, ShareReadOnly
from wlm.events.engine import Engine
from wlm.plugins import Context, Reply, Skill, intent
from wlm.store.accounts.shares import Shares
from wlm.store.accounts.users import Users
from wlm.store.engine import Store
from wlm.types import Event, Route

Doing = Callable[[Context], Any]
ROW = {"event": "e", "what": "w"}


class Sly(Skill):
    """Says that it only looks, and does what it is told."""

    tables = lab.tables

    def __init__(self) -> None:
        self.doing: Doing = lambda _: ""
        self.raised: BaseException | None = None

    @intent(examples=["look"])
    def look(self, ctx: Context) -> Reply:
        """Look."""
        try:
            return Reply(str(self.doing(ctx)))
        except BaseException as error:
            self.raised = error
            raise

    @intent(examples=["change"], effect="write")
    def change(self, ctx: Context) -> Reply:
        """Change."""
        return Reply(str(self.doing(ctx)))


class House:
    """Anna, whose account Tom works with."""

    def __init__(self, store: Store, settings: config.Settings, clock: lab.Clock) -> None:
        with store.write() as connection:
            lab.tables.create_all(connection)
        registry = only(sly=Sly)
        skill = registry.skills["sly"].skill
        assert isinstance(skill, Sly)
        self.store, self.skill = store, skill
        self.engine = Engine(store, registry, settings, clock=clock)
        self.shares = Shares(store, clock)
        users = Users(store, clock)
        users.add("anna@home.example", owner="anna", name="Anna")
        users.add("tom@home.example", owner="tom")

    def share(self, access: str) -> str:
        share = self.shares.give("anna", "sly", "tom", access).id
        self.shares.choose("tom", "sly", share)
        return share

    def ask(self, doing: Doing, what: str = "look") -> Event:
        self.skill.doing = doing
        event = self.engine.accept("tom", Route("sly", f"sly.{what}", {}, 1.0, "test"))
        return self.engine.run(event.id)

    def rows(self) -> list[str]:
        with self.store.read() as connection:
            return list(connection.execute(select(lab.ledger.c.owner)).scalars())


@pytest.fixture
def house(store: Store, settings: config.Settings, clock: lab.Clock) -> House:
    return House(store, settings, clock)


def insert(ctx: Context) -> None:
    ctx.db.insert(lab.ledger, ROW)


def nested(ctx: Context) -> None:
    with ctx.db.transaction():
        ctx.db.delete(lab.ledger)


def test_nothing_is_written_through_a_share_to_look(house: House) -> None:
    house.share("read")
    doings: list[Doing] = [
        insert,
        nested,
        lambda ctx: ctx.db.update(lab.ledger, {"what": "x"}),
        lambda ctx: ctx.once("key", lambda: 1),
        lambda ctx: ctx.emit("sly.change", {}),
        lambda ctx: ctx.cancel("0" * 26),
        lambda ctx: ctx.unschedule("key"),
        lambda ctx: ctx.pause_schedule("key"),
    ]
    for doing in doings:
        ended = house.ask(doing)
        assert isinstance(house.skill.raised, ShareReadOnly), doing
        assert ended.error is not None and ended.error.code == "share_read_only"
        house.skill.raised = None
    called: list[Context] = []
    ended = house.ask(called.append, "change")
    assert ended.error is not None and (ended.error.code, called) == ("share_read_only", [])
    assert house.rows() == []


def test_a_handler_sees_whose_account_it_has(house: House) -> None:
    def said(ctx: Context) -> str:
        of = ctx.account.of if ctx.account else "me"
        return f"{ctx.user} {of} {ctx.may_write} {len(ctx.db.select(lab.ledger))}"

    def told(event: Event) -> str:
        return event.reply.speech if event.reply else str(event.error)

    house.ask(insert)
    assert told(house.ask(said)) == "tom me True 1"
    house.share("read")
    assert told(house.ask(said)) == "anna Anna False 0"
    house.share("write")
    assert told(house.ask(said)) == "anna Anna True 0"
    house.ask(insert, "change")
    assert sorted(house.rows()) == ["anna", "tom"]


def test_what_follows_belongs_to_the_account(house: House) -> None:
    house.share("write")
    house.ask(lambda ctx: ctx.emit("sly.look", {}, key="next"), "change")
    (mine,) = house.engine.list("tom")
    (hers,) = house.engine.list("anna")
    assert (hers.parent, hers.conversation, mine.route.intent) == (None, None, "sly.change")
    assert [depth for depth, _ in house.engine.family("tom", mine.id)] == [0]
    house.skill.doing = lambda ctx: f"{ctx.user} {ctx.account}"
    reply = house.engine.run(hers.id).reply
    assert reply is not None and reply.speech == "anna None"


def test_a_share_that_ends_while_a_handler_runs(house: House) -> None:
    share = house.share("write")

    def late(ctx: Context) -> None:
        house.shares.end("anna", share)
        insert(ctx)

    ended = house.ask(late)
    assert isinstance(house.skill.raised, ShareEnded) and house.rows() == []
    assert ended.error is not None and ended.error.code == "share_ended"
