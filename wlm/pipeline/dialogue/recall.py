"""What a conversation has been about: its last acts, and the things that words point back to.

A skill puts into ``Reply.data["remember"]`` what later words may mean, by a noun:
``{"meeting": {"id": …, "title": …}}``. "It" is then "the meeting", and the handler of
whatever is said of it finds the thing in ``ctx.memory["meeting"]``. The keys ``person`` and
``place`` are for "her" and "there". A thing's ``slots`` stand in for those that were not
said where something is done with it: ``{"email": {…, "slots": {"sender": {…}}}}``.
``{"choices": {"noun": "meeting", "items": […]}}`` names what was listed, for "the second
one". What a request's own slots held (people, places, times) counts too, without the skill
doing anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from wlm.events.undo import ROUTER
from wlm.types import Event, State

if TYPE_CHECKING:
    from wlm.events.engine import Engine
    from wlm.plugins import IntentSpec
    from wlm.plugins.manager import Registry
    from wlm.plugins.slots import Kind

LOOKED_AT = 8
_NOT_IT = frozenset({"person", "place", "choices"})


class Thing(NamedTuple):
    """What "it" stands for: its noun, what the skill knows of it, and the skill."""

    noun: str
    value: Any
    skill: str


class Recall(NamedTuple):
    """The last acts of a conversation, newest first, and what they leave to point at."""

    acts: Sequence[Event]
    registry: Registry

    @classmethod
    def of(cls, engine: Engine, registry: Registry, owner: str, conversation: str) -> Recall:
        """What the engine has of that conversation."""
        acts = engine.list(owner, conversation=conversation, limit=LOOKED_AT)
        undone = {act.parent for act in acts if act.route.router == ROUTER}
        kept = [a for a in acts if a.id not in undone and a.route.intent in registry.intents]
        return cls(kept, registry)

    @property
    def last(self) -> Event | None:
        """The last thing that was asked for in words."""
        return next((act for act in self.asked()), None)

    def asked(self) -> Iterator[Event]:
        """The acts that were asked for in words, newest first."""
        for act in self.acts:
            if act.parent is None and self._phrased(act):
                yield act

    def skills(self) -> list[str]:
        """The skills that were spoken to, the last one first."""
        return list(dict.fromkeys(act.route.skill for act in self.asked()))

    def spec(self, act: Event) -> IntentSpec:
        """The intent of an act."""
        return self.registry.intent(act.route.intent)

    def it(self) -> Thing | None:
        """What "it" stands for: what the newest act that left anything left."""
        for act in self.acts:
            for noun, value in self._remembered(act).items():
                if noun in _NOT_IT:
                    continue
                return Thing(noun, value, act.route.skill) if value else None
        return None

    def choices(self) -> tuple[str, list[Any], str] | None:
        """The noun and the items of what was listed last, and the skill that did."""
        for act in self.acts:
            listed = self._remembered(act).get("choices")
            if isinstance(listed, dict) and isinstance(listed.get("items"), list):
                return str(listed.get("noun", "")), listed["items"], act.route.skill
        return None

    def person(self) -> Any | None:
        """Whom "her" means, as a slot's value."""
        return self._one("person")

    def place(self) -> Any | None:
        """Where "there" is, as a slot's value."""
        return self._one("place")

    def time(self, kind: Kind) -> Any | None:
        """When "then" is, for a slot of that kind, if the last act had such a time."""
        for act in self.asked():
            for slot in self.spec(act).slots:
                if slot.kind == kind and act.route.slots.get(slot.name):
                    return act.route.slots[slot.name]
        return None

    def _one(self, kind: str) -> Any | None:
        for act in self.acts:
            if value := self._remembered(act).get(kind):
                return value
            for slot in self.spec(act).slots:
                value = act.route.slots.get(slot.name) if slot.kind == kind else None
                if isinstance(value, list):
                    value = value[-1] if value else None
                if value:
                    return value
        return None

    def _remembered(self, act: Event) -> dict[str, Any]:
        if act.state is not State.SUCCEEDED or act.reply is None:
            return {}
        told = act.reply.data.get("remember")
        return told if isinstance(told, dict) else {}

    def _phrased(self, act: Event) -> bool:
        return any(phrases.examples for phrases in self.spec(act).phrases.values())
