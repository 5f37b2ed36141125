"""Hear again what led to nothing: often a larger model hears the request that was in it.

The first hearing is quick, and nearly always enough. Where nothing comes of it, who spoke must say
it again anyhow, so there is time for a better model, which is told what requests are about. Of the
two, the one that leads further stands; the first where neither does, and where the second heard a
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


DOUBTED = 1 / 20
"""Both hearings' odds that it was a request, multiplied, below which it is taken for none: who is
told what requests are about hears some in remarks."""

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
    if text and text != first.text:
        second = look(text)
        if _doubted(first, second):
            return first.explained({**facts, "doubted": True})
        if second.rank > first.rank:
            return second.explained(facts)
    return first.explained(facts)


def _doubted(first: Look, second: Look) -> bool:
    """Whether the router would act on the second, and both together speak against it.

    What the conversation or the user's corrections made of it was not weighed against none.
    """
    was, now = first.understood.decision, second.understood.decision
    weighed = now.router == was.router and now.outcome == "act" and second.said is None
    return weighed and first.odds * second.odds < DOUBTED
