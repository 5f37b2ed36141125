"""The state of one filling: the words, what was found, and which words are given away."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

from wlm.pipeline.route.interface import Utterance
from wlm.pipeline.slots.align import Run
from wlm.pipeline.slots.function_words import RELATIONS, STOP, TITLES
from wlm.pipeline.slots.given_names import GIVEN_NAMES
from wlm.pipeline.slots.people import Known, known
from wlm.pipeline.slots.plan import Plan
from wlm.pipeline.slots.texts import is_cased
from wlm.pipeline.slots.tokens import tokenise
from wlm.plugins.slots import SlotSpec

OWNERS = frozenset({"my", "our", "his", "her", "their"})
_NAMED = GIVEN_NAMES | RELATIONS | TITLES | OWNERS


class Marks:
    """``slots``, ``spans`` and ``doubts`` are what was found; ``marks`` says where, by token."""

    def __init__(self, plan: Plan, text: str, utterance: Utterance, *, hint: bool = False) -> None:
        self.plan, self.spec = plan, plan.spec
        self.text, self.utterance = text, utterance
        self.tokens = tokenise(text)
        self.slots: dict[str, Any] = {}
        self.spans: dict[str, list[tuple[int, int]]] = {}
        self.doubts: dict[str, str] = {}
        self.marks = [""] * len(self.tokens)
        self.taken = [False] * len(self.tokens)
        """By token, whether it was given to a slot."""
        self._starts = [token.start for token in self.tokens]
        self._ends = [token.end for token in self.tokens]
        self.cased = is_cased(text)
        self.explained = False
        self.complete = False
        """Whether one phrase explains every word, and each of its slots was filled."""
        self._hint = hint

    @property
    def free(self) -> list[bool]:
        """By token, whether it is still to be had."""
        return [not taken for taken in self.taken]

    def _mark(self, first: int, last: int, mark: str) -> None:
        for i in range(first, last):
            self.marks[i] = mark
            self.taken[i] = True

    def _plain(self, i: int) -> bool:
        """Whether a small word, or one that the intent's own phrases begin with, begins no name.

        It is written small, and nobody is called so: there the names need not be looked up.
        """
        token = self.tokens[i]
        usual = token.low in STOP or token.low in self.plan.carriers
        return usual and token.low not in _NAMED and not (self.cased and token.text.istitle())

    def _take(self, name: str, first: int, last: int, mark: str | None = None) -> None:
        self._mark(first, last, mark or name)
        span = (self.tokens[first].start, self.tokens[last - 1].end)
        self.spans.setdefault(name, []).append(span)

    def _tokens_of(self, start: int, end: int) -> Run | None:
        first = bisect_right(self._ends, start)
        last = bisect_left(self._starts, end)
        return Run(first, last) if last > first else None

    @property
    def _known_people(self) -> tuple[str, ...]:
        vocabulary = self.utterance.vocabulary
        return tuple(n for key in ("person", "people") for n in vocabulary.get(key, ()))

    def _book(self, slot: SlotSpec) -> Known:
        kinds = ("person", "people") if slot.kind == "person" else ("place", "places")
        return known(self._vocabulary(slot, *kinds))

    def _vocabulary(self, slot: SlotSpec, *kinds: str) -> tuple[str, ...]:
        vocabulary = self.utterance.vocabulary
        keys = dict.fromkeys((slot.name, slot.kind, *kinds))
        return tuple(name for key in keys for name in vocabulary.get(key, ()))
