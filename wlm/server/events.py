"""``/v1/events``: accepted work."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from wlm.server.access import owner, scope
from wlm.server.service import service

blueprint = Blueprint("events", __name__, url_prefix="/v1/events")


@blueprint.get("/<event_id>")
@scope("events:read")
def show(event_id: str) -> dict[str, Any]:
    """One event."""
    return service().engine.get(owner(), event_id).to_dict()
