"""One turn of a conversation: is it about what waits, about WLM itself, or about what was said?"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from wlm.errors import WlmError
from wlm.pipeline import briefing, say
from wlm.pipeline.dialogue import cues
from wlm.pipeline.dialogue.followups import FollowUps, as_decision
from wlm.pipeline.dialogue.recall import Recall
from wlm.pipeline.dialogue.waiting import Dialogue
from wlm.pipeline.route.interface import Decision, Utterance
from wlm.pipeline.understand import Understander, Understanding
from wlm.types import Event, Reply, State

if TYPE_CHECKING:
    from wlm.events.engine import Engine
    from wlm.plugins.manager import Registry
    from wlm.store.turns import StoredTurn

_WAITING = 10
_OWN = 0.8


def alone(understood: Understanding, utterance: Utterance) -> Understanding:
    """The understanding where nothing was said before: "and on Saturday?" asks for nothing."""
    decision = understood.decision
    sure = max((choice.confidence for choice in decision.choices), default=0.0)
    if cues.ellipsis(utterance.text) is None or sure >= _OWN:
        return understood
    nothing = decision._replace(outcome="none", choices=())
    return Understanding(nothing, ())


class Said(NamedTuple):
    """What a turn did by going on with something; ``reply`` where it is not the events' own.

    ``unread``: the words are no answer, so the question is only put once more.
    """

    events: list[Event]
    reply: Reply | None = None
    unread: bool = False


class Talk:
    """The conversation that an utterance is said in, as it stands before it."""

    def __init__(
        self,
        engine: Engine,
        registry: Registry,
        understander: Understander,
        owner: str,
        conversation: str,
        last: StoredTurn | None,
    ) -> None:
        self._engine = engine
        self._registry = registry
        self._understander = understander
        self._owner = owner
        self._conversation = conversation
        self._last = last
        self._dialogue = Dialogue(engine, registry, understander.filler, owner)

    @cached_property
    def _follow_ups(self) -> FollowUps:
        recall = Recall.of(self._engine, self._registry, self._owner, self._conversation)
        understander = self._understander
        return FollowUps(self._registry, understander.filler, understander.router, recall)

    def take(self, utterance: Utterance, decision: Decision) -> Said | None:
        """Go on with what waits, undo, or say again; ``None`` if it is a request."""
        waiting, fresh = self._waiting()
        if waiting is not None and fresh:
            taken = self._dialogue.take(waiting, utterance, decision)
            if taken is not None:
                return Said(self._with_next(taken))
        if cues.undoes(utterance.text):
            return self._undone()
        if cues.asks_again(utterance.text) and self._last is not None:
            events = [a.event.id for a in self._last.turn.actions]
            found = [self._engine.get(self._owner, event) for event in events]
            return Said(found, self._last.turn.reply)
        if waiting is None or decision.outcome == "act":
            return None
        if self._follow_ups.read(utterance, decision) is not None:
            return None
        if not fresh:
            taken = self._dialogue.take(waiting, utterance, decision)
            return None if taken is None else Said(self._with_next(taken))
        if not utterance.text.strip():
            return None
        return Said([self._dialogue.asked_again(waiting)], unread=True)

    def read(self, utterance: Utterance, understood: Understanding) -> Understanding:
        """The understanding with what only the conversation tells."""
        decision = understood.decision
        if any(route.router == briefing.ROUTER for route in understood.routes):
            return understood
        if self._follow_ups.recall.last is None:
            return alone(understood, utterance)
        reading = self._follow_ups.read(utterance, decision)
        if reading is not None:
            told = as_decision(reading, decision)
            return Understanding(told, reading.routes, reading.refers, reading.replaces)
        routes = self._understander.routes(
            decision, decision.choices, utterance, self._follow_ups.complete
        )
        return understood._replace(routes=routes)

    @property
    def confirming(self) -> bool:
        """Whether a yes is waited for."""
        waiting, _ = self._waiting()
        return waiting is not None and waiting.state is State.WAITING_CONFIRMATION

    @property
    def waits(self) -> bool:
        """Whether something waits for an answer."""
        return self._waiting()[0] is not None

    def _waiting(self) -> tuple[Event | None, bool]:
        """What waits for the user, and whether it was asked just now."""
        waiting = self._engine.waiting(self._owner, self._conversation, limit=_WAITING)
        asked = [a.event.id for a in self._last.turn.actions] if self._last else []
        for id_ in asked:
            if found := next((event for event in waiting if event.id == id_), None):
                return found, True
        return (waiting[0], False) if waiting else (None, False)

    def _with_next(self, event: Event) -> list[Event]:
        """The event, and the other one of its turn that waits once this one does not."""
        if event.state.waiting or event.turn is None:
            return [event]
        others = self._engine.waiting(self._owner, self._conversation, limit=_WAITING)
        same = [other for other in others if other.turn == event.turn and other.id != event.id]
        return [event, *same[-1:]]

    def _undone(self) -> Said:
        try:
            event = self._engine.undo(self._owner, conversation=self._conversation)
        except WlmError as error:
            return Said([], say.refused(error))
        return Said([self._engine.run(event.id)])
