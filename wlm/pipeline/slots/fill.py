"""The slot filler: from the words of a request to the typed values of its intent's slots."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from wlm.pipeline.route.interface import Utterance
from wlm.pipeline.slots.answers import answer
from wlm.pipeline.slots.confirm import yes_no
from wlm.pipeline.slots.fragment import Fragment, fragment
from wlm.pipeline.slots.plan import Plan, make_plan
from wlm.pipeline.slots.work import Work
from wlm.plugins.skill import IntentSpec
from wlm.plugins.slots import SlotSpec

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Filled(NamedTuple):
    """The slots that were said.

    ``slots`` are in the form of ``SlotSpec.encode``; ``spans`` the character offsets in
    the text of what each was read from; ``doubts`` say, by slot, why a value is unsure.
    """

    slots: dict[str, Any]
    spans: Mapping[str, list[tuple[int, int]]] = _NOTHING
    doubts: Mapping[str, str] = _NOTHING


class SlotFiller:
    """Fills the slots of any declared intent; never raises for any text."""

    def __init__(self, intents: Mapping[str, IntentSpec], language: str = "en") -> None:
        self._intents = intents
        self._language = language
        self._plans: dict[tuple[str, bool], Plan] = {}

    def fill(self, spec: IntentSpec, text: str, utterance: Utterance) -> Filled:
        """The slots of ``spec`` that ``text`` holds; only what was said, nothing invented.

        ``text`` is the part of the utterance that belongs to this action; ``utterance``
        gives the moment, the known names and the conversation's memory.
        """
        work = Work(self._plan(spec), text, utterance)
        work.run()
        return Filled(work.slots, work.spans, work.doubts)

    def follow_up(self, spec: IntentSpec, text: str, utterance: Utterance) -> Filled | None:
        """The slots of ``text`` if one of the intent's follow-up phrases explains all of it."""
        plan = self._plan(spec, followups=True)
        if not plan.templates:
            return None
        work = Work(plan, text, utterance, hint=True)
        work.run()
        return Filled(work.slots, work.spans, work.doubts) if work.complete else None

    def fragment(
        self, spec: IntentSpec, text: str, utterance: Utterance, said: Mapping[str, Any]
    ) -> Fragment | None:
        """What a part of a sentence changes in a request with the slots ``said``.

        Such as "on Saturday", "in Paris", "from the BBC"; ``None`` if ``text`` is more than
        values for the intent's slots.
        """
        return fragment(self._plan(spec), text, utterance, said)

    def answer(self, slot: SlotSpec, text: str, utterance: Utterance) -> Any | None:
        """The value of a bare reply to a question ("at half past three", "Anna"), in JSON form.

        ``None`` if the reply does not hold one.
        """
        return answer(slot, text, utterance)

    def yes_no(self, text: str) -> bool | None:
        """True for a confirmation, False for a refusal, ``None`` if it is neither."""
        return yes_no(text)

    def _plan(self, spec: IntentSpec, *, followups: bool = False) -> Plan:
        key = (spec.name, followups)
        plan = self._plans.get(key)
        if plan is None or plan.spec is not spec:
            plan = self._plans[key] = make_plan(spec, self._language, followups=followups)
        return plan
