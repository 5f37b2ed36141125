"""The embedded assistant: what it refuses, and what it does without being asked twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from wlm import Assistant
from wlm.errors import BadSetting, NotFound


@pytest.mark.parametrize("settings", [{"server_url": "http://localhost:1"}])
def test_what_this_version_lacks_is_refused(home: Path, settings: dict[str, str]) -> None:
    with pytest.raises(BadSetting, match=next(iter(settings))):
        Assistant(**settings)


@pytest.mark.parametrize("router", ["cascade", "llm"])
def test_a_router_that_nobody_brings_is_refused(home: Path, router: str) -> None:
    with Assistant(router=router) as assistant, pytest.raises(BadSetting, match=router):
        assistant.ask("what meetings do I have tomorrow")


def test_nothing_is_made_until_something_is_asked(home: Path) -> None:
    with Assistant() as assistant:
        assert assistant.settings.config.router == "local"
    assert not list(home.rglob("*"))


def test_there_is_nothing_to_explain_at_first(home: Path) -> None:
    with Assistant() as assistant, pytest.raises(NotFound):
        assistant.why()


def test_two_owners_see_nothing_of_each_other(home: Path) -> None:
    with Assistant(owner="anna") as anna, Assistant(owner="tom") as tom:
        turn = anna.ask("schedule lunch with Kofi tomorrow at noon")
        assert tom.events() == []
        assert tom.turns.last("tom") is None
        listed = tom.ask("what meetings do I have tomorrow")
        assert listed.actions[0].reply.data["meetings"] == []
        with pytest.raises(NotFound):
            tom.event(turn.actions[0].event.id)
        with pytest.raises(NotFound):
            tom.cancel(turn.actions[0].event.id)


def test_a_queue_of_an_unknown_kind_is_refused(home: Path) -> None:
    with (
        Assistant(queue_url="amqp://localhost") as assistant,
        pytest.raises(BadSetting, match="queue_url"),
    ):
        _ = assistant.engine.bell
