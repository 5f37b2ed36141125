"""Put one question to the model: within the time, within the budget, in a form it takes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from wlm.errors import ProviderAway, ProviderError
from wlm.pipeline.route.interface import Utterance
from wlm.pipeline.route.llm.answer import Answer, Proposal, read
from wlm.pipeline.route.llm.question import Protocol, request
from wlm.pipeline.route.llm.standing import Standing
from wlm.plugins.llm import late
from wlm.plugins.llm.endpoint import LATE, Endpoint, Refused
from wlm.plugins.llm.ledger import Ledger, OverBudget
from wlm.plugins.skill import IntentSpec

_FALLBACKS: tuple[Protocol, ...] = ("json_schema", "json_object")
_DROPPABLE = frozenset({"temperature", "max_tokens"})
_RESERVE = 0.25
"""What of the time limit is kept for the way back: at most so many seconds, or such a share.

A busy machine wakes a waiting thread late, and what was learnt is yet to be written down."""


@dataclasses.dataclass
class Asked:
    """One question with what it took: ``tokens`` are prompt and completion, ``calls`` HTTP."""

    answer: Answer
    protocol: Protocol
    calls: int = 0
    tokens: tuple[int, int] = (0, 0)
    cached: bool = False


class Asker:
    """Asks an endpoint about utterances; one for each endpoint, model and set of intents."""

    def __init__(
        self,
        endpoint: Endpoint,
        ledger: Ledger,
        standing: Standing,
        intents: Mapping[str, IntentSpec],
        *,
        context: str,
        seconds: float,
    ) -> None:
        self._endpoint = endpoint
        self._ledger = ledger
        self._standing = standing
        self._intents = intents
        self._context = context
        self._seconds = seconds

    def ask(
        self, utterance: Utterance, offered: Mapping[str, IntentSpec], key: str, started: float
    ) -> Asked:
        """The model's answer, fresh or kept; before the time limit of the whole decision.

        ``started`` says when that began (seconds of ``time.monotonic``). All of it runs in a
        thread that is left behind when time is up: a client's timeouts count from byte to
        byte, and a database may be busy too. What such a thread still gets is kept for the
        same question. Raises ``WlmError``: mostly ``ProviderError`` and ``ProviderAway``.
        """
        deadline = started + self._seconds - min(_RESERVE, _RESERVE * self._seconds)
        question = _Question(utterance, offered, key, deadline)
        try:
            asked = late.by(deadline, lambda: self._ask(question))
        except Exception as error:
            self._failed(error)
            raise
        if not asked.cached:
            self._answered(asked)
        return asked

    def _failed(self, error: Exception) -> None:
        # Loading the client takes a second, once: that is no fault of the endpoint.
        theirs = isinstance(error, ProviderError) and not isinstance(error, OverBudget)
        if theirs and self._endpoint.ready:
            self._standing.failed()

    def _answered(self, asked: Asked) -> None:
        called = asked.protocol == "tools" and bool(asked.answer.proposals)
        self._standing.answered(called=called, plain=asked.answer.plain, protocol=asked.protocol)

    def _ask(self, question: _Question) -> Asked:
        asked = Asked(Answer((), True, 0, 0), self._standing.protocol)
        if kept := self._ledger.recall(question.utterance.owner, question.key):
            asked.answer, asked.cached = _revived(kept), True
        else:
            self._by_any_protocol(question, asked)
        return asked

    def _by_any_protocol(self, question: _Question, asked: Asked) -> None:
        first = self._standing.protocol
        try:
            asked.answer = self._call(question, first, asked)
        except Refused as refused:
            if first == "tools" and not refused.named & {"tools", "tool_choice"}:
                raise
        if not asked.answer.plain:
            return
        if first != "tools":
            raise ProviderError("The language model did not answer in JSON.")
        if self._standing.called:
            return  # it knows how to call, so talking means: none of these
        self._fall_back(question, asked)

    def _fall_back(self, question: _Question, asked: Asked) -> None:
        """Ask for JSON. A server that only ever talks has said: none."""
        for protocol in _FALLBACKS:
            try:
                answer = self._call(question, protocol, asked)
            except Refused:
                continue
            except ProviderAway:  # some servers answer 500 to a form that they do not know
                if protocol == _FALLBACKS[-1] or time.monotonic() >= question.deadline:
                    raise
                continue
            if not answer.plain:
                asked.answer, asked.protocol = answer, protocol
                return

    def _call(self, question: _Question, protocol: Protocol, asked: Asked) -> Answer:
        left = question.deadline - time.monotonic()
        if left <= 0:
            raise ProviderAway(LATE)
        owner = question.utterance.owner
        if (call := self._ledger.begin(owner, question.key)) is None:
            raise OverBudget()
        asked.calls += 1
        answer = None
        try:
            body = self._sent(question, protocol)
            answer = read(body, self._intents)
        finally:
            tokens = (answer.tokens_in, answer.tokens_out) if answer else (0, 0)
            asked.tokens = (asked.tokens[0] + tokens[0], asked.tokens[1] + tokens[1])
            final = answer is not None and not (answer.plain and protocol != "tools")
            kept = _kept(answer) if final and answer else None
            self._ledger.end(owner, call, answer=kept, tokens=tokens)
        return answer

    def _sent(self, question: _Question, protocol: Protocol) -> dict[str, Any]:
        while True:
            made = request(question.utterance, question.offered, protocol, self._context)
            for name in self._standing.dropped:
                value = made.pop(name, None)
                if name == "max_tokens":
                    made["max_completion_tokens"] = value
            left = question.deadline - time.monotonic()
            try:
                return self._endpoint.chat(made, left)
            except Refused as refused:
                new = (refused.named & _DROPPABLE) - set(self._standing.dropped)
                if not new:
                    raise
                self._standing.dropping(new)


@dataclasses.dataclass(frozen=True)
class _Question:
    utterance: Utterance
    offered: Mapping[str, IntentSpec]
    key: str
    deadline: float


def _kept(answer: Answer) -> dict[str, Any]:
    """The answer as JSON, to be kept."""
    return {"proposals": [list(p) for p in answer.proposals], "plain": answer.plain}


def _revived(kept: Mapping[str, Any]) -> Answer:
    return Answer(tuple(Proposal(*p) for p in kept["proposals"]), kept["plain"], 0, 0)
