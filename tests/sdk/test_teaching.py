"""`wlm wrong` and `wlm replay`: what a user teaches holds for that user, and drift is seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wlm import Assistant
from wlm.errors import UsageError
from wlm.plugins import Context, Reply, Skill, intent
from wlm.plugins.manager import Registry
from wlm.store.corrections import Corrections
from wlm.store.personal import forget


class Shed(Skill):
    """The garden shed."""

    @intent(examples=["open the shed", "unlock the shed door", "open up the shed"], effect="write")
    def open(self, ctx: Context) -> Reply:
        """Open the shed."""
        return Reply("The shed is open.")

    @intent(examples=["what is in the shed", "list the tools in the shed", "shed inventory"])
    def look(self, ctx: Context) -> Reply:
        """List the tools."""
        return Reply("A rake.")


def assistant(owner: str = "local", **settings: str) -> Assistant:
    registry = Registry()
    registry.add("shed", Shed)
    return Assistant(owner=owner, registry=registry, **settings)


def intents(made: Assistant, text: str) -> list[str]:
    return [route.intent for route in made.route(text)]


ODD = "fetch me the long handled thing"


def test_a_mistake_is_made_once(home: Path) -> None:
    with assistant() as made:
        assert made.ask(ODD).actions == []
        learnt = made.wrong(None, should="shed.look")
        assert (learnt.text, learnt.before, learnt.kept, learnt.broken) == (ODD, [], 1, [])
        turn = made.ask(f"Please {ODD}!")
        assert turn.actions[0].route.router == "correction"
        assert turn.reply.speech == "A rake."
        made.wrong(turn.id, should="none")
        assert intents(made, ODD) == []
    with assistant("somebody else") as other:
        assert other.ask("open the shed").actions
        other.wrong(None, should="shed.look")
        assert intents(other, "open the shed") == ["shed.look"]
    with assistant() as made:
        assert intents(made, "open the shed") == ["shed.open"]


def test_an_unknown_intent_is_refused(home: Path) -> None:
    with assistant() as made:
        made.ask(ODD)
        with pytest.raises(UsageError, match="no intent"):
            made.wrong(None, should="shed.paint")


def test_what_is_forgotten_is_unlearnt(home: Path) -> None:
    with assistant() as made:
        turn = made.ask(ODD)
        made.wrong(turn.id, should="shed.look")
        other = made.ask("and the short handled thing")
        made.wrong(other.id, should="shed.look")
        forget(made.store, "local", turn=turn.id)
        kept = Corrections(made.store).all("local")
        assert [each.text for each in kept] == ["and the short handled thing"]
        forget(made.store, "local")
        assert Corrections(made.store).all("local") == []


def test_drift_is_what_goes_elsewhere(home: Path) -> None:
    since = datetime.now(UTC) - timedelta(minutes=5)
    with assistant() as made:
        made.ask("open the shed")
        made.ask(ODD)
        assert made.replay(since=since) == (2, [])
        made.wrong(None, should="shed.look")
        drift = made.replay(since=since, router="local")
        assert [(each.text, each.then, each.now) for each in drift.moved] == [
            (ODD, [], ["shed.look"])
        ]
        assert made.replay(since=datetime.now(UTC) + timedelta(hours=1)).turns == 0
