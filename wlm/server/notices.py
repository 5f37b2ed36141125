"""``/v1/notices``: what was done without anybody waiting for it, as a list or as it comes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, Response, request
from pydantic import Field

from wlm.errors import WlmError
from wlm.events.notices import Notices
from wlm.server.access import owner, scope
from wlm.server.contract import Answer, Form, contract
from wlm.server.service import service
from wlm.server.streams import BEAT, LONGEST, STREAM, lasting, stream
from wlm.types import Notice

blueprint = Blueprint("notices", __name__, url_prefix="/v1/notices")

LOOK = 0.5
"""Seconds between two looks for new ones."""
_HIGHEST = 2**63 - 1


class NoticeQuery(Form):
    """Which notices."""

    after: int | None = Field(
        None, ge=0, le=_HIGHEST, description="The `id` of the last one that was seen."
    )
    limit: int = Field(50, ge=1, le=500, description="At most so many (not of a stream).")


class NoticePage(Answer):
    """Notices, oldest first. ``next`` is what comes after the last one; null where that was all.

    ``last`` is the `id` of the newest one there is; 0 where there is none.
    """

    notices: list[Notice]
    next: int | None
    last: int


@blueprint.get("")
@scope("events:read")
@contract(query=NoticeQuery, gives=NoticePage, media_types=(STREAM,), headers=("Last-Event-ID",))
def list_notices(query: NoticeQuery) -> dict[str, Any] | Response:
    """What schedules did, what was put off, and what took long: how it ended, or what it asks.

    With ``Accept: text/event-stream`` each comes as it is made, as an SSE event named
    ``notice``: those after ``Last-Event-ID`` or ``after``, or new ones alone.
    """
    notices, who = service().engine.notices, owner()
    if STREAM in request.accept_mimetypes.values():
        return _stream(notices, who, query.after)
    found = notices.after(who, query.after or 0, limit=query.limit)
    following = found[-1].id if len(found) == query.limit else None
    return {"notices": found, "next": following, "last": notices.last(who)}


def _stream(notices: Notices, who: str, after: int | None) -> Response:
    told = request.headers.get("Last-Event-ID", "")
    if told.isascii() and told.isdigit() and int(told) <= _HIGHEST:
        after = int(told)  # where a broken connection is taken up again
    last = notices.last(who) if after is None else after
    return stream(_coming(notices, who, last, lasting(LONGEST)))


def _coming(notices: Notices, who: str, last: int, goes_on: Callable[[], bool]) -> Iterator[str]:
    told = time.monotonic()
    # The id is where a connection that breaks before the first notice is taken up again.
    yield f"retry: 1000\nid: {last}\n\n"
    while goes_on():
        try:
            found = notices.wait(who, last, LOOK)
        except WlmError:  # the database is away; the client comes back
            return
        for notice in found:
            last, told = notice.id, time.monotonic()
            text = json.dumps(notice.to_dict(), ensure_ascii=False)
            yield f"event: notice\nid: {last}\ndata: {text}\n\n"
        if time.monotonic() - told > BEAT:
            told = time.monotonic()
            yield ": still here\n\n"
