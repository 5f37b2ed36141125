"""What the model said, read with distrust: calls, JSON, or nothing that can be used."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any, NamedTuple

from wlm.errors import ProviderError
from wlm.pipeline.route.llm.question import MAX_ACTIONS
from wlm.plugins.llm.endpoint import tokens

_FENCE = re.compile(r"^```(?:json)?\s*|\s*```$")


class Proposal(NamedTuple):
    """One action that the model proposes; nothing of it is checked but its form."""

    intent: str
    said: str
    slots: dict[str, Any]


class Answer(NamedTuple):
    """All that it proposes, and what that took. ``plain``: it only talked, without a call."""

    proposals: tuple[Proposal, ...]
    plain: bool
    tokens_in: int
    tokens_out: int


def read(body: dict[str, Any], known: Collection[str]) -> Answer:
    """The answer in a chat completion. ``known`` are the installed intents.

    Raises ``ProviderError`` for a malformed call and for an intent that is not installed:
    half an answer is none.
    """
    try:
        message = body["choices"][0]["message"]
        calls = message.get("tool_calls") or []
        content = message.get("content") or ""
        found = None if calls else _json(content)
        proposals = [_from_call(call["function"], known) for call in calls]
        proposals += [_from_json(item, known) for item in found or ()]
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError):
        raise ProviderError("The language model made a malformed call.") from None
    if len(proposals) > MAX_ACTIONS:
        raise ProviderError("The language model made too many calls.")
    plain = not calls and found is None
    return Answer(tuple(proposals), plain, *tokens(body))


def _from_call(function: Any, known: Collection[str]) -> Proposal:
    arguments = function["arguments"] or "{}"
    if isinstance(arguments, str):  # some servers send the object itself
        arguments = json.loads(arguments)
    return _proposal(function["name"].replace("__", "."), dict(arguments), known)


def _from_json(item: Any, known: Collection[str]) -> Proposal:
    slots = dict(item.get("slots") or {})
    return _proposal(item["intent"], {**slots, "said": item.get("said", "")}, known)


def _proposal(intent: str, slots: dict[str, Any], known: Collection[str]) -> Proposal:
    if intent not in known:
        raise ValueError("no such intent")
    said = slots.pop("said", "")
    return Proposal(intent, said if isinstance(said, str) else "", slots)


def _json(content: Any) -> list[Any] | None:
    """The actions in a JSON answer; ``None`` if the text is not one."""
    if not isinstance(content, str):
        raise TypeError("content is no text")
    text = _FENCE.sub("", content.strip())
    if not text.startswith("{"):
        return None
    actions = json.loads(text)["actions"]
    if not isinstance(actions, list):
        raise TypeError("actions are no list")
    return [action for action in actions if action.get("intent") != "none"]
