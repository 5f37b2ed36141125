"""Is it alive, and can it do its work."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from wlm.server.access import public

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@public
def alive() -> dict[str, Any]:
    """The process answers."""
    return {"status": "ok"}
