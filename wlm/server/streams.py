"""``/v1/events/{id}/stream``: an event as it changes, as server-sent events."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator

from flask import Blueprint, Response, current_app

from wlm.errors import WlmError
from wlm.server.access import owner, scope
from wlm.server.contract import contract
from wlm.server.service import Service, service
from wlm.types import Event

blueprint = Blueprint("streams", __name__, url_prefix="/v1/events")

STREAM = "text/event-stream"

LOOK = 0.25
"""Seconds between two looks at the event."""

BEAT = 15.0
"""Seconds of silence after which a comment is sent, so that proxies keep the connection."""

LONGEST = 600.0
"""Seconds after which a stream ends; the client comes back if it still wants to know."""


@blueprint.get("/<event_id>/stream")
@scope("events:read")
@contract(gives=STREAM)
def stream_event(event_id: str) -> Response:
    """The event now and after each change, until it has ended: SSE events named ``event``."""
    parts, who = service(), owner()
    return stream(_changes(parts, who, parts.engine.get(who, event_id), lasting(LONGEST)))


def stream(messages: Iterator[str]) -> Response:
    """An answer of server-sent events, which takes one of the places that there are for streams.

    Raises ``Busy`` where none is left.
    """
    places = current_app.extensions["wlm.streams"]
    places.take()
    answer = Response(messages, mimetype=STREAM)
    answer.call_on_close(places.leave)
    answer.headers["X-Accel-Buffering"] = "no"  # a proxy shall pass each on at once
    return answer


def lasting(seconds: float) -> Callable[[], bool]:
    """Whether a connection goes on: for so long, if this process is not asked to stop before.

    A server that stops waits for those that are served; nobody shall wait for a stream.
    """
    stopping: threading.Event = current_app.extensions["wlm.stopping"]
    ends = time.monotonic() + seconds
    return lambda: not stopping.is_set() and time.monotonic() < ends


def _changes(parts: Service, who: str, event: Event, goes_on: Callable[[], bool]) -> Iterator[str]:
    told = time.monotonic()
    number = 1
    yield f"retry: 1000\n{_message(event, number)}"
    while not event.state.final and goes_on():
        time.sleep(LOOK)
        try:
            seen = parts.engine.get(who, event.id)
        except WlmError:  # it was forgotten meanwhile
            return
        if seen != event:
            event, number, told = seen, number + 1, time.monotonic()
            yield _message(event, number)
        elif time.monotonic() - told > BEAT:
            told = time.monotonic()
            yield ": still here\n\n"


def _message(event: Event, number: int) -> str:
    text = json.dumps(event.to_dict(), ensure_ascii=False)
    return f"event: event\nid: {number}\ndata: {text}\n\n"
