"""``/v1/ask`` and ``/v1/route``: a typed request, done or only decided."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from flask import Blueprint, Response, request
from pydantic import Field, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from wlm.errors import UsageError
from wlm.server import idempotency, turns
from wlm.server.access import owner, scope
from wlm.server.contract import PLAIN, TELLING, Answer, Form, Moment, contract
from wlm.server.service import service
from wlm.types import Route, Turn, new_id

blueprint = Blueprint("ask", __name__, url_prefix="/v1")

LONGEST = 4_000
"""Characters of the longest typed request; speech of five minutes has about as many."""


class _OneOfTheZones:
    """Tells the zones by name in the document; they are read when it is made."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "enum": sorted(available_timezones())}


Zone = Annotated[str, Field(max_length=64), _OneOfTheZones()]


class AskForm(Form):
    """A typed request."""

    text: str = Field(max_length=LONGEST, pattern=TELLING, description="What you want.")
    conversation: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        pattern=PLAIN,
        description="Continue this conversation.",
    )
    yes: bool = Field(False, description="Confirm what must be confirmed.")


class RouteForm(Form):
    """A request to decide about."""

    text: str = Field(max_length=LONGEST, pattern=TELLING)
    now: Moment | None = Field(None, description="As if it were then; default: now.")
    timezone: Zone | None = Field(None, description="IANA zone of the speaker.")


class Routes(Answer):
    """Where a request would go, in the order it was said; empty if nobody serves it."""

    text: str
    actions: list[Route]


@blueprint.post("/ask")
@scope("ask")
@contract(body=AskForm, gives=Turn, also={202: Turn}, headers=("Prefer",))
def ask(body: AskForm) -> Response:
    """Ask for something and get it done. ``Prefer: respond-async``: 202 once it is accepted."""

    def run(turn_id: str, *, wait: bool) -> Turn:
        return (
            service()
            .pipeline(owner(), wait=wait)
            .ask(body.text, conversation=body.conversation, confirmed=body.yes, turn_id=turn_id)
        )

    return turns.once(body.model_dump_json(), run, wait=not turns.wants_async(request))


@blueprint.post("/route")
@scope("route")
@contract(body=RouteForm, gives=Routes)
def route(body: RouteForm) -> dict[str, Any]:
    """Decide only: which skill, which intent, which slots. Nothing runs."""
    zone = _zone(body.timezone)
    moment = body.now or service().clock()
    moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)
    with idempotency.reserve(body.model_dump_json(), subject=new_id()):
        # Nothing is done, so a repetition is simply decided again.
        found = service().pipeline(owner()).understand(body.text, now=moment)
    return {"text": body.text, "actions": [route.to_dict() for route in found.routes]}


def _zone(name: str | None) -> ZoneInfo:
    if name is None:
        return service().settings.zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            "The timezone is no IANA time zone.", hint="Such as Europe/Berlin."
        ) from None
