"""A turn over HTTP: made once for one idempotency key, whole or as soon as it is accepted."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from flask import Request, Response

from wlm.events.answers import MADE, UNTIL
from wlm.pipeline import say
from wlm.server import idempotency
from wlm.server.access import owner
from wlm.server.contract import answer
from wlm.server.service import service
from wlm.types import Action, Event, EventRef, Turn, new_id

_RECENT = 200  # events of a conversation among which those of a repeated request are looked for


class Run(Protocol):
    """Makes the turn of that id; without ``wait`` its events are left to the workers."""

    def __call__(self, turn_id: str, *, wait: bool) -> Turn:
        """The turn as it stands then."""
        ...


def wants_async(request: Request) -> bool:
    """Whether the client would rather not wait (RFC 7240)."""
    given = ",".join(request.headers.getlist("Prefer"))
    return any(p.split(";")[0].strip().lower() == "respond-async" for p in given.split(","))


def once(form: str | bytes, run: Run, *, wait: bool) -> Response:
    """The answer to a request that makes a turn: 200, or 202 while something is still to run."""
    with idempotency.reserve(form, subject=new_id()) as held:
        turn = None if held.fresh else find(held.subject)
        if turn is None:
            turn = run(held.subject, wait=wait)
    open_ = [a for a in turn.actions if not (a.event.state.final or a.event.state.waiting)]
    response = answer(turn, 202 if open_ and not wait else 200)
    if not wait:
        response.headers["Preference-Applied"] = "respond-async"
        if open_:
            response.headers["Location"] = f"/v1/events/{open_[0].event.id}"
    _tell_age(response, turn)
    return response


def find(turn_id: str) -> Turn | None:
    """A turn that was made before, with its events as they stand now."""
    from dataclasses import replace

    stored = service().turns.find(owner(), turn_id)
    if stored is None:
        return None
    page = service().engine.list(owner(), conversation=stored.conversation, limit=_RECENT)
    found = [e for e in reversed(page) if e.turn == turn_id and e.parent is None]
    if not found:
        return stored.turn
    actions = [_action(event) for event in found]
    reply = actions[0].reply if len(actions) == 1 else stored.turn.reply
    return replace(stored.turn, actions=actions, reply=reply)


def _action(event: Event) -> Action:
    reference = EventRef(event.id, event.state, event.attempts)
    return Action(event.route, reference, say.of_event(event))


def _tell_age(response: Response, turn: Turn) -> None:
    """Say how old the answer is and how long it holds, where the skills of all its parts do."""
    try:
        told = [action.reply.data for action in turn.actions]
        made = [datetime.fromisoformat(data[MADE]) for data in told]
        until = [datetime.fromisoformat(data[UNTIL]) for data in told]
    except (KeyError, TypeError, ValueError):
        return
    if not told:
        return
    age = max((service().clock() - min(made)).total_seconds(), 0)
    response.headers["Age"] = str(round(age))
    response.headers["Cache-Control"] = (
        f"private, max-age={max(round((min(until) - min(made)).total_seconds()), 0)}"
    )
