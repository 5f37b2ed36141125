"""``/v1/history``: what was said and done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint
from pydantic import Field, JsonValue

from wlm.errors import NotFound
from wlm.server.access import owner, scope
from wlm.server.contract import Answer, Form, contract
from wlm.server.service import service
from wlm.types import Action, Reply

blueprint = Blueprint("history", __name__, url_prefix="/v1/history")


class HistoryQuery(Form):
    """Which turns."""

    q: str | None = Field(None, max_length=500, description="Words that were said or answered.")
    conversation: str | None = Field(None, max_length=128, description="Of this conversation.")
    limit: int = Field(50, ge=1, le=1000, description="At most so many.")
    cursor: str | None = Field(None, max_length=64, description="`next` of the page before.")


class SavedTurn(Answer):
    """A turn as it was stored."""

    id: str
    conversation: str
    text: str
    actions: list[Action]
    reply: Reply
    timings_ms: dict[str, float]
    created_at: datetime


class TurnPage(Answer):
    """Turns, newest first. ``next`` is the cursor of the next page; null at the end.

    A search looks through 10,000 turns a page: one that is not full may still have a ``next``.
    """

    turns: list[SavedTurn]
    next: str | None


class Reasons(Answer):
    """Why a turn went where it went."""

    turn: str
    text: str
    decision: dict[str, JsonValue]
    timings_ms: dict[str, float]


@blueprint.get("")
@scope("history:read")
@contract(query=HistoryQuery, gives=TurnPage)
def list_turns(query: HistoryQuery) -> dict[str, Any]:
    """Turns, newest first, or those that hold all words of ``q``."""
    turns = service().turns
    page: dict[str, Any] = {
        "conversation": query.conversation,
        "before": query.cursor,
        "limit": query.limit,
    }
    found = turns.search(owner(), query.q, **page) if query.q else turns.list(owner(), **page)
    return {
        "turns": [{**t.turn.to_dict(), "created_at": t.created_at.isoformat()} for t in found],
        "next": found.next,
    }


@blueprint.get("/<reference>/why")
@scope("history:read")
@contract(gives=Reasons)
def why(reference: str) -> dict[str, Any]:
    """Why a turn (by its id, an event's, or ``last``) went where it went."""
    turns = service().turns
    if reference == "last":
        turn = turns.last(owner())
    else:
        turn = turns.find(owner(), reference)
        if turn is None:
            event = service().engine.get(owner(), reference)
            turn = turns.find(owner(), event.turn or "")
    if turn is None:
        raise NotFound("There is no turn to explain yet.", hint="POST /v1/ask makes one.")
    return {
        "turn": turn.id,
        "text": turn.text,
        "decision": turn.decision,
        "timings_ms": turn.timings_ms,
    }
