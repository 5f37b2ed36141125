"""A skill says what exactly a yes is to, and that it does not know how a sending ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pytest

from wlm import config
from wlm.errors import ProviderAway
from wlm.events.engine import Engine
from wlm.plugins import Context, Proposal, Reply, Skill, intent
from wlm.plugins.manager import Registry
from wlm.store.engine import Store
from wlm.types import Event, Route, State

ME = "local"


class Post(Skill):
    """Sends letters; each loses its connection as often as ``lost`` says."""

    def __init__(self) -> None:
        self.lost = 0
        self.found: Reply | Literal[False] | None = None
        self.blind = False
        self.sent: list[str] = []

    @intent(examples=["post {text}"], effect="send")
    def letter(self, ctx: Context, text: str, box: str = "") -> Reply:
        """Post a letter."""
        if self.lost:
            self.lost -= 1
            ctx.in_doubt("The postman fell off his bicycle.")
        self.sent.append(f"{text} > {box}")
        return Reply("Posted.")

    def proposal(self, ctx: Context, intent: str, slots: Mapping[str, Any]) -> Proposal | None:
        """The box is settled before the yes."""
        if slots["text"] == "plain":
            return None
        if slots["text"] == "where":
            ctx.ask("box", "Which box?", [("red", "red")])
        return Proposal(f"Put “{slots['text']}” into the blue box?", {"box": "blue"})

    def outcome(
        self, ctx: Context, intent: str, slots: Mapping[str, Any]
    ) -> Reply | Literal[False] | None:
        """As the test says."""
        if self.blind:
            raise ProviderAway("The box is locked.")
        return self.found


@pytest.fixture
def post(registry: Registry) -> Post:
    """Installed beside the lab."""
    registry.add("post", Post)
    skill = registry.skills["post"].skill
    assert isinstance(skill, Post)
    return skill


@pytest.fixture
def engine(store: Store, registry: Registry, post: Post, settings: config.Settings) -> Engine:
    """An engine that knows both."""
    return Engine(store, registry, settings, beat=0.05)


def sent(engine: Engine, text: str = "Hello", *, yes: bool = True) -> Event:
    event = engine.accept(ME, Route("post", "post.letter", {"text": text}), confirmed=yes)
    return engine.run(event.id)


def test_the_question_is_the_skills_and_pins_what_it_settled(engine: Engine, post: Post) -> None:
    event = sent(engine, yes=False)
    assert event.question is not None
    assert event.question.text == "Put “Hello” into the blue box?"
    assert event.route.slots == {"text": "Hello", "box": "blue"}
    engine.confirm(ME, event.id)
    assert engine.run(event.id).state is State.SUCCEEDED
    assert post.sent == ["Hello > blue"]


def test_a_proposal_may_ask_first_or_leave_the_question_to_the_engine(engine: Engine) -> None:
    event = sent(engine, "where", yes=False)
    assert (event.state, event.question and event.question.slot) == (State.WAITING_INPUT, "box")
    plain = sent(engine, "plain", yes=False)
    assert plain.question is not None
    assert plain.question.text == "Post a letter? (text: plain)"


def test_what_is_in_doubt_and_found_is_done(engine: Engine, post: Post) -> None:
    post.lost, post.found = 1, Reply("It is there.")
    event = sent(engine)
    assert event.state is State.SUCCEEDED
    assert event.reply is not None and event.reply.speech == "It is there."
    assert post.sent == []


def test_what_is_certainly_not_done_is_tried_again(engine: Engine, post: Post) -> None:
    post.lost, post.found = 1, False
    event = sent(engine)
    assert event.state is State.RETRYING
    assert engine.run(engine.retry(ME, event.id).id).state is State.SUCCEEDED
    assert len(post.sent) == 1


@pytest.mark.parametrize("blind", [False, True])
def test_what_stays_in_doubt_waits_for_the_user(engine: Engine, post: Post, blind: bool) -> None:
    post.lost, post.blind = 1, blind
    event = sent(engine)
    assert event.state is State.WAITING_CONFIRMATION
    assert event.question is not None
    assert event.question.text == (
        "The postman fell off his bicycle. Again? Put “Hello” into the blue box?"
    )
    assert post.sent == []
    engine.confirm(ME, event.id)
    assert engine.run(event.id).state is State.SUCCEEDED
    assert post.sent == ["Hello > blue"]


def test_a_look_that_fails_leaves_the_doubt(engine: Engine, post: Post, store: Store) -> None:
    """A send that was begun and could not be looked up must not be sent at the next try."""
    from sqlalchemy import update

    from wlm.store.tables import events

    route = Route("post", "post.letter", {"text": "Hello"})
    event = engine.accept(ME, route, confirmed=True)
    with store.write() as connection:  # as a process leaves it that died while sending
        connection.execute(update(events).where(events.c.id == event.id).values(begun=True))
    post.blind = True
    event = engine.run(event.id)
    assert event.state is State.RETRYING
    event = engine.run(engine.retry(ME, event.id).id)
    assert event.state is not State.SUCCEEDED
    assert post.sent == []
    post.blind = False
    event = engine.run(engine.retry(ME, event.id).id)
    assert event.state is State.WAITING_CONFIRMATION
    assert post.sent == []
