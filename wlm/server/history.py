"""``/v1/history``: what was said and done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint
from pydantic import Field, JsonValue

from wlm.errors import NotFound
from wlm.server.access import owner, scope
from wlm.server.contract import CURSOR, PLAIN, Answer, Form, Moment, contract
from wlm.server.service import service
from wlm.store.personal import forget_whole
from wlm.types import Action, Reply

blueprint = Blueprint("history", __name__, url_prefix="/v1/history")


class HistoryQuery(Form):
    """Which turns."""

    q: str | None = Field(
        None, max_length=500, pattern=PLAIN, description="Words that were said or answered."
    )
    conversation: str | None = Field(
        None, max_length=128, pattern=PLAIN, description="Of this conversation."
    )
    limit: int = Field(50, ge=1, le=1000, description="At most so many.")
    cursor: str | None = Field(None, pattern=CURSOR, description="`next` of the page before.")


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


class ForgetQuery(Form):
    """Which turns to forget: those that fit every condition; without any, all."""

    conversation: str | None = Field(
        None, max_length=128, pattern=PLAIN, description="Of this conversation."
    )
    since: Moment | None = Field(None, description="Said from then on.")


class Forgotten(Answer):
    """How much was removed. ``kept``: events that are still to run, such as reminders."""

    turns: int
    events: int
    kept: int


def _page(query: HistoryQuery) -> dict[str, Any]:
    return {
        "conversation": query.conversation,
        "before": query.cursor,
        "limit": query.limit,
    }


def _page_version(query: HistoryQuery) -> str | None:
    """Nothing for a search: only the search itself tells."""
    return None if query.q else service().turns.version(owner(), **_page(query))


@blueprint.get("")
@scope("history:read")
@contract(query=HistoryQuery, gives=TurnPage, version=_page_version)
def list_turns(query: HistoryQuery) -> dict[str, Any]:
    """Turns, newest first, or those that hold all words of ``q``."""
    turns, page = service().turns, _page(query)
    found = turns.search(owner(), query.q, **page) if query.q else turns.list(owner(), **page)
    return {
        "turns": [{**t.turn.to_dict(), "created_at": t.created_at.isoformat()} for t in found],
        "next": found.next,
    }


@blueprint.delete("")
@scope("history:write")
@contract(query=ForgetQuery, gives=Forgotten)
def forget_turns(query: ForgetQuery) -> dict[str, Any]:
    """Forget what was said, with what was answered; what skills stored (a meeting) stays."""
    since = query.since
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=service().settings.zone)
    return _forgotten(conversation=query.conversation, since=since)


@blueprint.delete("/<turn_id>")
@scope("history:write")
@contract(gives=Forgotten)
def forget_turn(turn_id: str) -> dict[str, Any]:
    """Forget one turn, by its id or ``last``."""
    turns = service().turns
    found = turns.last(owner()) if turn_id == "last" else turns.find(owner(), turn_id)
    if found is None:
        raise NotFound("There is no such turn.", hint="GET /v1/history shows their ids.")
    return _forgotten(turn=found.id)


def _forgotten(**which: Any) -> dict[str, Any]:
    parts = service()
    gone = forget_whole(parts.store, parts.settings.paths.data, owner(), **which)
    detail = {"turns": gone.turns, "events": gone.events}
    parts.accounts.audit.add("data.forget", actor=owner(), detail=detail)
    return {**detail, "kept": gone.kept}


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
