"""``/v1/schedules`` and ``/v1/firings``: what is done again and again, and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint
from pydantic import Field

from wlm.errors import UsageError
from wlm.server import idempotency
from wlm.server.access import owner, scope
from wlm.server.contract import Answer, Form, contract
from wlm.server.paging import ShortPageQuery, page
from wlm.server.service import service
from wlm.types import Firing, Schedule

blueprint = Blueprint("schedules", __name__, url_prefix="/v1")


class SchedulePage(Answer):
    """Schedules, the next to come first. ``next`` is the cursor of the next page."""

    schedules: list[Schedule]
    next: str | None


class ScheduleDetail(Answer):
    """A schedule, and what became of its last occurrences, newest first."""

    schedule: Schedule
    firings: list[Firing]


class DueQuery(Form):
    """How far to look."""

    days: float = Field(7.0, ge=0.01, le=366, description="So many days from now on.")


class Due(Answer):
    """One occurrence to come."""

    at: datetime
    schedule: str
    title: str


class DueAnswer(Answer):
    """What would be done, and when, the next first; at most 1,000."""

    firings: list[Due]


_MOST_DUE = 1000


@blueprint.get("/schedules")
@scope("schedules:read")
@contract(query=ShortPageQuery, gives=SchedulePage)
def list_schedules(query: ShortPageQuery) -> dict[str, Any]:
    """One's schedules."""
    found, following = page(service().engine.schedules.all(owner()), lambda s: s.id, query)
    return {"schedules": found, "next": following}


@blueprint.get("/firings")
@scope("schedules:read")
@contract(query=DueQuery, gives=DueAnswer)
def due(query: DueQuery) -> dict[str, Any]:
    """What would be done in the next days, and when. Nothing runs."""
    now = service().clock()
    found = service().engine.schedules.simulate(owner(), now, now + timedelta(days=query.days))
    lines = [{"at": at, "schedule": s.id, "title": s.title} for at, s in found[:_MOST_DUE]]
    return {"firings": lines}


@blueprint.get("/schedules/<schedule_id>")
@scope("schedules:read")
@contract(gives=ScheduleDetail)
def show_schedule(schedule_id: str) -> dict[str, Any]:
    """One schedule and what became of it."""
    schedules = service().engine.schedules
    found = schedules.get(owner(), schedule_id)
    return {"schedule": found, "firings": schedules.firings(owner(), schedule_id)}


@blueprint.post("/schedules/<schedule_id>/pause")
@scope("schedules:write")
@contract(gives=Schedule)
def pause_schedule(schedule_id: str) -> Schedule:
    """Let a schedule rest."""
    return _change(schedule_id, "pause", service().engine.schedules.pause)


@blueprint.post("/schedules/<schedule_id>/resume")
@scope("schedules:write")
@contract(gives=Schedule)
def resume_schedule(schedule_id: str) -> Schedule:
    """Go on with a schedule; what came due in the pause is not made up for."""
    return _change(schedule_id, "resume", service().engine.schedules.resume)


@blueprint.delete("/schedules/<schedule_id>")
@scope("schedules:write")
@contract(gives=Schedule)
def remove_schedule(schedule_id: str) -> Schedule:
    """End a schedule; what it did stays. The answer is what it was."""
    return service().engine.schedules.remove(owner(), schedule_id)


def _change(schedule_id: str, what: str, change: Callable[[str, str], Schedule]) -> Schedule:
    with idempotency.reserve(f"{what}\n{schedule_id}", subject=schedule_id[:26]) as held:
        try:
            return change(owner(), schedule_id)
        except UsageError:
            if held.fresh:
                raise
            return service().engine.schedules.get(owner(), schedule_id)
