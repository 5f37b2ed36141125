"""The router that asks a language model where the local one is unsure (or always).

The local router decides first. The model's answer is weighed against its calibrated
probabilities (``trust``), so that a model which is away, slow, malformed, or wrong more often
than it seemed leaves what the local router decided.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from wlm.errors import WlmError
from wlm.pipeline.route.interface import NONE, Choice, Decision, Router, Utterance
from wlm.pipeline.route.llm import trust
from wlm.pipeline.route.llm.answer import Proposal
from wlm.pipeline.route.llm.ask import Asked, Asker
from wlm.pipeline.route.llm.parts import locate
from wlm.pipeline.route.llm.standing import Standing
from wlm.plugins.llm.ledger import OverBudget
from wlm.plugins.skill import IntentSpec

log = logging.getLogger(__name__)
_PLAUSIBLE = 0.02
"""In the cascade the model may choose only what the local router gives at least this."""
_LONGEST = 1000
"""Characters; longer text is dictation, and costs more than it is worth."""

Mode = Literal["cascade", "llm"]


class Price(NamedTuple):
    """What a million tokens cost, in whatever currency the user counts."""

    tokens_in: float
    tokens_out: float

    def of(self, tokens: tuple[int, int]) -> float:
        """The price of so many prompt and completion tokens."""
        return (tokens[0] * self.tokens_in + tokens[1] * self.tokens_out) / 1e6


class CascadeRouter:
    """Decides as the local router, with a second opinion."""

    def __init__(
        self,
        local: Router,
        intents: Mapping[str, IntentSpec],
        asker: Asker,
        standing: Standing,
        *,
        mode: Mode,
        model: str,
        margin: float,
        price: Price,
        asked_how: str,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name: str = mode
        self._local = local
        self._intents = intents
        self._asker = asker
        self._standing = standing
        self._mode = mode
        self._model = model
        self._margin = margin
        self._price = price
        self._asked_how = asked_how
        self._chance = chance

    def decide(self, utterance: Utterance) -> Decision:
        """The decision for one utterance; never raises for any text."""
        started = time.monotonic()
        local = self._local.decide(utterance)
        sure = margin(local)
        reason, asks = self._reason(utterance, local, sure)
        told: dict[str, Any] = {
            "model": self._model,
            "margin": round(sure, 4),
            "ask_below": self._margin,
            "standing": self._standing.known,
            "asked": asks,
            "why": reason,
        }
        decision = local
        if asks:
            decision = self._second_opinion(utterance, local, reason, told, started)
        explanation = {**local.explanation, "llm": told}
        return decision._replace(explanation=explanation)

    def _reason(self, utterance: Utterance, local: Decision, sure: float) -> tuple[str, bool]:
        """Why the model is asked, or is not."""
        marks, unsure = self._standing.marks, self._standing.unsure
        if not utterance.text.strip() or len(utterance.text) > _LONGEST:
            return "too long, or nothing", False
        if self._standing.open:
            return "it failed of late, so it is left alone for a while", False
        if self._mode == "llm":
            return "always", True
        if sure >= self._margin:
            control = len(local.choices) < 2 and trust.wants_control(marks, unsure, self._chance())
            return ("control", True) if control else ("sure", False)
        if self._standing.known == "distrusted" and self._chance() >= trust.RATE_DISTRUSTED:
            return "unsure, but the model was wrong too often", False
        return "unsure", True

    def _second_opinion(
        self,
        utterance: Utterance,
        local: Decision,
        reason: str,
        told: dict[str, Any],
        started: float,
    ) -> Decision:
        offered = self._offered(local)
        start = time.perf_counter()
        try:
            asked = self._asker.ask(utterance, offered, self._key(utterance, offered), started)
        except WlmError as error:
            told["error"] = {"code": error.code, "message": error.message, "hint": error.hint}
            if not isinstance(error, OverBudget):
                log.warning("%s The local router decided. %s", error.message, error.hint)
            return local
        finally:
            told["ms"] = round((time.perf_counter() - start) * 1000, 1)
        told |= self._report(asked)
        usable = self._usable()
        if not asked.cached:
            self._learn(local, _said(asked))
        if reason == "control" or not usable:
            told["followed"] = "no: " + (
                "it was a control question" if usable else told["standing"]
            )
            return local
        decision, told["followed"] = self._weigh(utterance, local, asked.answer.proposals)
        return decision

    def _usable(self) -> bool:
        """Whether its word counts now: in the cascade once it has proved itself, else until not."""
        known = self._standing.known
        return known == "trusted" or (self._mode == "llm" and known == "probation")

    def _learn(self, local: Decision, said: str) -> None:
        """Count whether the model agrees with what is certain, or probable, of one request."""
        if len(local.choices) > 1:
            return
        truth = _rival(local)
        if margin(local) >= self._margin:
            self._standing.add(trust.mark(truth, said, self._group))
            return
        group = self._group(truth)
        expected = sum(c.score for c in local.candidates if self._group(c.intent) == group)
        self._standing.add_unsure(self._group(said) == group, min(expected, 1.0))

    def _weigh(
        self, utterance: Utterance, local: Decision, proposals: tuple[Proposal, ...]
    ) -> tuple[Decision, str]:
        if len(proposals) > 1 or len(local.choices) > 1:
            return self._weigh_parts(utterance, local, proposals)
        said = self._named(local, proposals[0].intent if proposals else NONE)
        if said is None:
            return local, "no: the local router holds it for impossible"
        rival = _rival(local)
        ratio = self._odds(local, rival, said)
        if said != rival and ratio <= 1:
            return local, f"no: {1 / max(ratio, 1e-9):.1f} to 1 for the local router"
        follows = "agreed" if said == rival else f"yes: {ratio:.1f} to 1"
        return self._decision(local, said, ratio, proposals, utterance), follows

    def _weigh_parts(
        self, utterance: Utterance, local: Decision, proposals: tuple[Proposal, ...]
    ) -> tuple[Decision, str]:
        """Several requests: each must stand alone, in words of its own."""
        parts = locate([p.said for p in proposals], utterance.text)
        if len(proposals) < 2 or parts is None:
            return local, "no: its parts are not those of the request"
        choices = []
        for proposal, text in zip(proposals, parts, strict=True):
            alone = self._local.decide(utterance._replace(text=text))
            said = self._named(alone, proposal.intent)
            rival = _rival(alone)
            if said is None or len(alone.choices) > 1:
                return local, "no: a part of it does not stand alone"
            ratio = self._odds(alone, rival, said)
            if said != rival and ratio <= 1:
                return local, "no: the local router is surer of a part"
            slots = proposal.slots if said == proposal.intent else {}
            choices.append(Choice(said, _confidence(alone, said, ratio), text, slots))
        decided = local._replace(outcome="act", choices=tuple(choices), router="llm")
        return decided, "yes: each part stands alone"

    def _named(self, local: Decision, said: str) -> str | None:
        """The intent to weigh: the one that was said, or the likelier verb of its group.

        ``None`` where the local router holds the whole group for impossible.
        """
        chances = _chances(local)
        if said == NONE or self._mode == "llm" or chances.get(said, 0.0) >= _PLAUSIBLE:
            return said
        near = [i for i in chances if i != NONE and self._group(i) == self._group(said)]
        best = max(near, key=lambda intent: chances[intent], default=None)
        return best if best is not None and chances[best] >= _PLAUSIBLE else None

    def _odds(self, local: Decision, rival: str, said: str) -> float:
        chances = _chances(local)
        if self._mode == "llm":  # the user wants its word, so it may name what local does not
            chances[said] = max(chances.get(said, 0.0), _PLAUSIBLE)
        return trust.odds(self._standing.marks, chances, rival, said, self._group)

    def _decision(
        self,
        local: Decision,
        said: str,
        ratio: float,
        proposals: tuple[Proposal, ...],
        utterance: Utterance,
    ) -> Decision:
        if said == NONE:
            return local._replace(outcome="none", choices=(), router="llm")
        slots = proposals[0].slots if proposals[0].intent == said else {}
        choice = Choice(said, _confidence(local, said, ratio), utterance.text, slots)
        return local._replace(outcome="act", choices=(choice,), router="llm")

    def _offered(self, local: Decision) -> dict[str, IntentSpec]:
        """In the cascade the likeliest few, else all that can be routed to."""
        if self._mode == "cascade":
            likely = (c.intent for c in local.candidates if c.intent != NONE)
            return {name: self._intents[name] for name in likely if name in self._intents}
        return dict(self._intents)

    def _key(self, utterance: Utterance, offered: Mapping[str, IntentSpec]) -> str:
        """What an answer depends on, hashed: it holds nothing that was said."""
        facts = [
            self._model,
            self._asked_how,
            sorted(offered),
            utterance.language,
            " ".join(utterance.text.casefold().split()),
            utterance.now.date().isoformat(),
            [[past.text, past.actions] for past in utterance.history],
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()

    def _group(self, intent: str) -> trust.Group:
        spec = self._intents.get(intent)
        return (spec.skill, spec.effect) if spec else (intent, "")

    def _report(self, asked: Asked) -> dict[str, Any]:
        return {
            "answer": [p.intent for p in asked.answer.proposals] or [NONE],
            "protocol": asked.protocol,
            "cached": asked.cached,
            "calls": asked.calls,
            "tokens_in": asked.tokens[0],
            "tokens_out": asked.tokens[1],
            "cost": round(self._price.of(asked.tokens), 6),
        }


def margin(decision: Decision) -> float:
    """How far the decision is ahead of the next: 1 certain, 0 or below undecided."""
    if decision.outcome == "ask" or not decision.candidates:
        return 0.0
    if len(decision.choices) > 1:  # only one part's candidates are known here
        return min(2 * choice.confidence - 1 for choice in decision.choices)
    chances = _chances(decision)
    decided = chances.pop(_rival(decision), 0.0)
    return decided - max(chances.values(), default=0.0)


def _chances(decision: Decision) -> dict[str, float]:
    return {c.intent: c.score for c in decision.candidates}


def _rival(local: Decision) -> str:
    """What the local router decided; where it would ask, what it holds for likeliest."""
    if local.choices:
        return local.choices[0].intent
    if local.outcome == "ask" and local.candidates:
        return local.candidates[0].intent
    return NONE


def _said(asked: Asked) -> str:
    proposals = asked.answer.proposals
    return proposals[0].intent if len(proposals) == 1 else (NONE if not proposals else "several")


def _confidence(local: Decision, said: str, ratio: float) -> float:
    return round(max(_chances(local).get(said, 0.0), ratio / (1 + ratio)), 4)
