"""What a router is given and what it answers; every router has this one face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, Protocol

Outcome = Literal["act", "ask", "none"]
_NOTHING: Mapping[str, Any] = MappingProxyType({})
LIKELY = 0.6
"""What the intents of one skill and effect must have of the in-scope probability; else: ask."""
NONE = "none"
"""The class of what no skill serves; always the last."""
SURE = 0.9
"""A first look that gives one class so much is not looked at more closely."""
FIRST_SHARE = 0.3
"""What the first look counts beside the closer one, where it was taught enough: words say less
than the sentence."""


class Past(NamedTuple):
    """An earlier turn of the conversation: what was said, and the intents with slot names."""

    text: str
    actions: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Utterance(NamedTuple):
    """What was said and in which situation.

    ``now`` is aware, in the user's zone. ``vocabulary`` has known names by slot kind or
    slot name (people, titles, places). ``memory`` is what the conversation remembers.
    ``owner`` is who said it, ``history`` the last turns before it, oldest first.
    """

    text: str
    now: datetime
    language: str = "en"
    vocabulary: Mapping[str, Sequence[str]] = _NOTHING
    memory: Mapping[str, Any] = _NOTHING
    owner: str = "local"
    history: Sequence[Past] = ()


class Candidate(NamedTuple):
    """An intent and its calibrated probability, 0 to 1. ``intent`` may be ``none``."""

    intent: str
    score: float


class Choice(NamedTuple):
    """One action found in the utterance: the intent and the part of the text it came from.

    ``slots`` are values that the router itself read; the slot filler's are merged with them.
    """

    intent: str
    confidence: float
    text: str
    slots: Mapping[str, Any] = _NOTHING


class Decision(NamedTuple):
    """What a router decided, with all that `wlm why` shows.

    ``act``: do ``choices`` in order. ``ask``: "Did you mean …?" the first candidates.
    ``none``: no skill serves this. ``candidates`` are sorted, best first.
    ``explanation`` is JSON: features that decided, thresholds, model version.
    """

    outcome: Outcome
    choices: tuple[Choice, ...]
    candidates: tuple[Candidate, ...]
    normalised: str
    router: str
    explanation: Mapping[str, Any] = _NOTHING

    def to_dict(self) -> dict[str, Any]:
        """Every field by name, choices and candidates too."""
        return {
            **self._asdict(),
            "choices": [choice._asdict() for choice in self.choices],
            "candidates": [candidate._asdict() for candidate in self.candidates],
        }


class Router(Protocol):
    """Decides which intents an utterance asks for. Slots are filled afterwards."""

    name: str

    def decide(self, utterance: Utterance) -> Decision:
        """The decision for one utterance; never raises for any text."""
        ...


def phrase_hash(text: str) -> int:
    """64 bits of a phrase; the same in every process."""
    import hashlib

    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
