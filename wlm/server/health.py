"""Is it alive, and can it do its work."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, current_app

from wlm.errors import WlmError
from wlm.server.access import public
from wlm.server.contract import Answer, answer, contract
from wlm.server.service import Service, service

blueprint = Blueprint("health", __name__)

LOW_DISK = 200_000_000
LATE = timedelta(minutes=2)
"""An event that is due for longer than this means that nobody runs events."""

_KEPT = 2.0  # s that a look is good for: everybody may ask, and looking costs
_KEY = "wlm.ready"


class Alive(Answer):
    """The process answers."""

    status: str


class Ready(Answer):
    """Each part that requests need, and whether it is there."""

    status: str
    checks: dict[str, str]


@blueprint.get("/healthz")
@public
@contract(gives=Alive)
def alive() -> dict[str, Any]:
    """The process answers."""
    return {"status": "ok"}


@blueprint.get("/readyz")
@public
@contract(gives=Ready, also={503: Ready})
def ready() -> Response:
    """Database, queue, router, speech model and disk are there; 503 names what is not."""
    kept = current_app.extensions.get(_KEY)
    if kept is None or time.monotonic() - kept[0] > _KEPT:
        kept = (time.monotonic(), check(service()))
        current_app.extensions[_KEY] = kept
    checks: dict[str, str] = kept[1]
    well = all(state == "ok" for state in checks.values())
    return answer({"status": "ok" if well else "failing", "checks": checks}, 200 if well else 503)


def check(parts: Service) -> dict[str, str]:
    """Look at each part: ``ok``, or the code of what is wrong."""
    looks: dict[str, Callable[[Service], str]] = {"model": _model, "disk": _disk}
    if parts.role != "transcriber":
        looks = {"database": _database, "queue": _queue, "router": _router, **looks}
    return {name: _looked(look, parts) for name, look in looks.items()}


def _looked(look: Callable[[Service], str], parts: Service) -> str:
    try:
        return look(parts)
    except WlmError as error:
        return error.code
    except Exception:  # noqa: BLE001 - whatever it is, the part does not work
        return "internal"


def _database(parts: Service) -> str:
    from sqlalchemy import text

    with parts.store.read() as connection:
        connection.execute(text("SELECT 1"))
    return "ok"


def _queue(parts: Service) -> str:
    oldest = parts.oldest_due()
    late = oldest is not None and parts.clock() - oldest > LATE
    return "nobody_runs_events" if late else "ok"


def _router(parts: Service) -> str:
    if "training" in parts.__dict__:
        parts.training.check()
    return "ok"


def _model(parts: Service) -> str:
    from wlm.pipeline.transcribe.models import find_model
    from wlm.pipeline.transcribe.remote import check as check_remote

    config = parts.settings.config
    if config.stt_url:
        check_remote(parts.settings)
    elif config.stt_engine == "faster-whisper":
        find_model(parts.settings)
    return "ok"


def _disk(parts: Service) -> str:
    folder = parts.settings.paths.data
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    return "ok" if shutil.disk_usage(existing).free > LOW_DISK else "disk_nearly_full"
