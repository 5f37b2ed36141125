"""``/v1/events``: accepted work, how it stands, and what can be done about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Blueprint
from pydantic import Field

from wlm.errors import UsageError
from wlm.events import versions
from wlm.server import idempotency
from wlm.server.access import owner, scope
from wlm.server.contract import CURSOR, PLAIN, Answer, Form, Json, Plain, contract
from wlm.server.service import service
from wlm.types import Event, State, new_id

blueprint = Blueprint("events", __name__, url_prefix="/v1/events")


class EventQuery(Form):
    """Which events."""

    state: list[State] = Field([], description="Only in one of these states.")
    skill: str | None = Field(None, max_length=128, pattern=PLAIN, description="Of this skill.")
    conversation: str | None = Field(
        None, max_length=128, pattern=PLAIN, description="Of this conversation."
    )
    limit: int = Field(50, ge=1, le=1000, description="At most so many.")
    cursor: str | None = Field(None, pattern=CURSOR, description="`next` of the page before.")


class EventPage(Answer):
    """Events, newest first. ``next`` is the cursor of the next page; null at the end."""

    events: list[Event]
    next: str | None


class Entry(Answer):
    """One step in the life of an event."""

    at: datetime
    state: State
    attempt: int
    worker: str | None
    code: str | None
    detail: str | None


class Relative(Answer):
    """An event of the same family, and how deep it is below the first."""

    depth: int
    event: Event


class EventDetail(Answer):
    """An event, what happened to it (oldest first), what it came from and what it caused."""

    event: Event
    history: list[Entry]
    family: list[Relative]


class AnswerForm(Form):
    """Slots that an event waits for, in their JSON form."""

    slots: dict[Plain, Json] = Field(min_length=1, max_length=50)


def _page(query: EventQuery) -> dict[str, Any]:
    return {
        "states": query.state or None,
        "skill": query.skill,
        "conversation": query.conversation,
        "limit": query.limit,
        "before": query.cursor,
    }


def _page_version(query: EventQuery) -> str:
    return versions.of_page(service().store, owner(), **_page(query))


def _event_version(event_id: str) -> str:
    return versions.of_family(service().store, owner(), event_id)


@blueprint.get("")
@scope("events:read")
@contract(query=EventQuery, gives=EventPage, version=_page_version)
def list_events(query: EventQuery) -> dict[str, Any]:
    """Events, newest first."""
    found = service().engine.list(owner(), **_page(query))
    following = found[-1].id if len(found) == query.limit else None
    return {"events": found, "next": following}


@blueprint.get("/<event_id>")
@scope("events:read")
@contract(gives=EventDetail, version=_event_version)
def show_event(event_id: str) -> dict[str, Any]:
    """One event with its whole history."""
    engine = service().engine
    event = engine.get(owner(), event_id)
    history = [entry._asdict() for entry in engine.history(owner(), event_id)]
    family = [{"depth": depth, "event": one} for depth, one in engine.family(owner(), event_id)]
    return {"event": event, "history": history, "family": family}


@blueprint.post("/<event_id>/confirm")
@scope("events:write")
@contract(gives=Event)
def confirm_event(event_id: str) -> Event:
    """Say yes to an event that waits for it, and run it."""
    return _change(event_id, "confirm", service().engine.confirm)


@blueprint.post("/<event_id>/cancel")
@scope("events:write")
@contract(gives=Event)
def cancel_event(event_id: str) -> Event:
    """Cancel an event that has not ended."""
    return _change(event_id, "cancel", service().engine.cancel, run=False)


@blueprint.post("/<event_id>/retry")
@scope("events:write")
@contract(gives=Event)
def retry_event(event_id: str) -> Event:
    """Run a failed or dead event again."""
    return _change(event_id, "retry", service().engine.retry)


@blueprint.post("/<event_id>/undo")
@scope("events:write")
@contract(gives=Event)
def undo_event(event_id: str) -> Event:
    """Take back what an event did (``last``: what was changed last); the event that does so."""
    named = None if event_id == "last" else event_id
    with idempotency.reserve(f"undo\n{event_id}", subject=new_id()) as held:
        if held.fresh:
            held.subject = service().engine.undo(owner(), named).id
        else:
            service().engine.get(owner(), held.subject)  # it may have been forgotten since
    return service().run(held.subject)


@blueprint.post("/<event_id>/answer")
@scope("events:write")
@contract(body=AnswerForm, gives=Event)
def answer_event(event_id: str, body: AnswerForm) -> Event:
    """Give the slots that an event waits for, and run it."""

    def give(owner: str, event_id: str) -> Event:
        return service().engine.answer(owner, event_id, body.slots)

    return _change(event_id, "answer", give, body.model_dump_json())


def _change(
    event_id: str,
    what: str,
    change: Callable[[str, str], Event],
    form: str = "",
    *,
    run: bool = True,
) -> Event:
    """Do it once for one idempotency key; a repetition gives the event as it stands."""
    with idempotency.reserve(f"{what}\n{event_id}\n{form}", subject=event_id) as held:
        try:
            event = change(owner(), event_id)
        except UsageError:
            if held.fresh:
                raise
            return service().engine.get(owner(), event_id)
    return service().run(event.id) if run else event
