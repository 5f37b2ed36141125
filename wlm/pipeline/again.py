"""Hear again what led to nothing, or to what is far from sure: often a larger model hears better.

The first hearing is quick, and nearly always enough. Where nothing comes of it, who spoke must say
it again anyhow; where something doubtful would, it may be undone again. So there is time for a
better model, which is told what requests are about. Of the two, the one that leads further stands,
and of two that would act the surer; the first where neither does, and where the second heard a
request of which there was no trace in the first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from wlm.errors import Cancelled, WlmError
from wlm.pipeline.route.interface import NONE
from wlm.pipeline.understand import Understanding

if TYPE_CHECKING:
    from wlm.pipeline.dialogue.talk import Said
    from wlm.types import Transcript

log = logging.getLogger(__name__)

LONGEST = 30.0
"""Seconds of the longest recording that is heard again: nobody puts a request in more."""

DONE = 2
"""The rank of what leads to an action."""

SURE = 0.8
"""The router's confidence from which a first hearing is acted on at once. Nearly all that is
misheard and acted on is below, and one request of twelve that was spoken in a quiet room."""

DOUBTED = 1 / 20
"""Both hearings' odds that it was a request, multiplied, below which it is taken for none: who is
told what requests are about hears some in remarks."""

_CALIBRATED = "local"
"""The router whose confidences are probabilities; what others give cannot be weighed."""

_LEAST = 1e-4
"""The least chance that counts: routers tell four digits."""


class Look(NamedTuple):
    """What one transcript leads to. ``said`` is what the conversation made of it, if it did."""

    text: str
    understood: Understanding
    said: Said | None = None

    @property
    def rank(self) -> int:
        """``DONE``, 1 where it would be asked whether this was meant, 0 for nothing."""
        if self.said is not None:
            return 0 if self.said.unread else DONE
        decision = self.understood.decision
        if decision.outcome == "act" or self.understood.routes:
            return DONE
        return int(decision.outcome == "ask")

    @property
    def confidence(self) -> float:
        """That of the least sure action; 1 where it is not the router's own."""
        decision = self.understood.decision
        if self.said is not None or decision.router != _CALIBRATED:
            return 1.0
        return min((choice.confidence for choice in decision.choices), default=1.0)

    @property
    def doubtful(self) -> bool:
        """Whether to hear again before anything is done."""
        return self.rank < DONE or self.confidence < SURE

    @property
    def odds(self) -> float:
        """How much likelier a request is than none, as the router weighs the text."""
        told = self.understood.decision.candidates
        none = next((likely.score for likely in told if likely.intent == NONE), 0.0)
        none = min(max(none, _LEAST), 1 - _LEAST)
        return (1 - none) / none

    def explained(self, again: dict[str, Any]) -> Look:
        """The same; `wlm why` says how it was heard again."""
        decision = self.understood.decision
        why = {**decision.explanation, "heard_again": again}
        decision = decision._replace(explanation=why)
        return self._replace(understood=self.understood._replace(decision=decision))


def settle(first: Look, hear: Callable[[], Transcript], look: Callable[[str], Look]) -> Look:
    """The better of ``first`` and what comes of hearing it again, if that can be believed.

    ``hear`` gives the second transcript, ``look`` what a text leads to. Where it cannot be heard
    again (``Busy``, say) the first stands, and says why. Raises ``Cancelled``.
    """
    try:
        heard = hear()
    except Cancelled:
        raise
    except WlmError as error:
        log.warning("a request was not heard again (%s)", error.code)
        return first.explained({"failed": error.code})
    text = heard.text.strip()
    facts = {"model": heard.model, "first": first.text, "second": text}
    if not text or text == first.text:
        return first.explained(facts)
    second = look(text)
    if _doubted(first, second):
        return first.explained({**facts, "doubted": True})
    return (second if _better(first, second) else first).explained(facts)


def _better(first: Look, second: Look) -> bool:
    """Whether the second stands."""
    if first.rank < DONE:
        return second.rank > first.rank
    if second.rank == DONE:
        return second.confidence > first.confidence
    return first.odds * second.odds < 1


def _doubted(first: Look, second: Look) -> bool:
    """Whether the router would act on the second alone, and both together speak against it.

    What the conversation or the user's corrections made of it was not weighed against none.
    """
    was, now = first.understood.decision, second.understood.decision
    weighed = now.router == was.router and now.outcome == "act" and second.said is None
    return weighed and first.rank < DONE and first.odds * second.odds < DOUBTED
