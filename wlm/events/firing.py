"""What a schedule does when it is due: events, once for each occurrence.

Firing is one transaction: the schedule moves on by a conditional update, the occurrence gets
its row in ``firings``, and its events are accepted with idempotency keys made of schedule and
occurrence. Whoever comes second finds nothing to do, on any database.

The rule for what was missed: of all occurrences that are due at once only the last fires; if
that is later than the schedule's catch-up time, it is skipped. Both are on record.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import RowMapping, insert, select, update

from wlm.errors import StorageFault, WlmError
from wlm.events.schedules import steps_of, timetable_of
from wlm.store.tables import firings, schedules
from wlm.types import Event, Route

if TYPE_CHECKING:
    from wlm.store.engine import Store

log = logging.getLogger(__name__)

KEY = "schedule:"
"""How the idempotency keys of scheduled events begin; then the schedule's id."""
ON_TIME = timedelta(minutes=1)
"""A firing within this of its time is on time."""
_BATCH = 100


class Accept(Protocol):
    """Accepts an event in the open transaction."""

    def __call__(
        self,
        owner: str,
        route: Route,
        key: str,
        due: datetime,
        confirmed: bool,
        own: bool = True,
    ) -> Event:
        """The same event for the same key; not ``own``: with the account that is in use."""
        ...


class Firer:
    """Fires the schedules of a store, of all owners."""

    def __init__(self, store: Store, clock: Callable[[], datetime], accept: Accept) -> None:
        self._store = store
        self._clock = clock
        self._accept = accept

    def fire_due(self) -> int:
        """Turn what is due into events; how many schedules fired. Safe with many callers."""
        due = (
            select(schedules)
            .where(schedules.c.state == "active", schedules.c.next_at <= self._clock())
            .order_by(schedules.c.next_at)
            .limit(_BATCH)
        )
        with self._store.read() as connection:
            rows = connection.execute(due).mappings().all()
        return sum(self._fire(row) for row in rows)

    def _fire(self, row: RowMapping) -> bool:
        """One schedule. Whatever is wrong with it must not stop the others."""
        try:
            return self._take(row)
        except StorageFault:
            raise
        except (WlmError, KeyError, ValueError, OverflowError) as error:
            # Such as a zone that this machine does not know.
            log.warning("schedule %s cannot fire (%s)", row["id"], type(error).__name__)
            return False

    def _take(self, row: RowMapping) -> bool:
        now = self._clock()
        table = timetable_of(row)
        occurrences = table.between(row["handled_at"], now)
        following = table.next(now)
        values: dict[str, Any] = {
            "next_at": following - table.lead if following else None,
            "state": "active" if following else "ended",
            "handled_at": now,
        }
        if not occurrences:  # the zone's own rules were changed since
            return self._advance(row, values, None, [])
        last = occurrences[-1]
        firing = _firing(row, occurrences, last - table.lead, now)
        values["last_at"] = row["last_at"] if firing["outcome"] == "skipped" else last
        days = (last.astimezone(table.zone).date() - table.starts.date()).days
        routes = [step.on(last, days, table.zone) for step in steps_of(row)]
        return self._advance(row, values, firing, routes)

    def _advance(
        self,
        row: RowMapping,
        values: dict[str, Any],
        firing: dict[str, Any] | None,
        routes: list[Route],
    ) -> bool:
        """Move the schedule on, record the firing and accept its events: all or nothing."""
        # The row as it was read, so that of two sweeps one does this.
        same = (
            schedules.c.id == row["id"],
            schedules.c.state == "active",
            schedules.c.next_at == row["next_at"],
            schedules.c.handled_at == row["handled_at"],
        )
        with self._store.write() as connection:
            # Where rows are locked singly, one that another sweep holds is left to it.
            lock = select(schedules.c.id).where(*same).with_for_update(skip_locked=True)
            if connection.execute(lock).first() is None:
                return False
            connection.execute(update(schedules).where(*same).values(values))
            if firing is None:
                return False
            skipped = firing["outcome"] == "skipped"
            if not skipped:
                firing["events"] = list(self._accept_all(row, firing["occurrence"], routes))
            connection.execute(insert(firings).values(firing))
        if skipped:
            log.warning("schedule %s: an occurrence was too late and is skipped", row["id"])
        return not skipped

    def _accept_all(
        self, row: RowMapping, occurrence: datetime, routes: list[Route]
    ) -> Iterator[str]:
        for number, route in enumerate(routes):
            key = f"{KEY}{row['id']}:{occurrence.timestamp():.0f}:{number}"
            run_at = occurrence - timedelta(seconds=row["lead_seconds"])
            own = route.skill == row["skill"]  # what a skill sees to itself, such as a reminder
            yield self._accept(row["owner"], route, key, run_at, bool(row["confirmed"]), own=own).id


def schedule_of(key: str | None) -> str | None:
    """The id of the schedule that an event with this idempotency key came from."""
    return key.split(":")[1] if key and key.startswith(KEY) else None


def _firing(
    row: RowMapping, occurrences: list[datetime], due: datetime, now: datetime
) -> dict[str, Any]:
    late = now - due
    outcome = "fired"
    if late > ON_TIME:
        outcome = "late" if late.total_seconds() <= row["catch_up_seconds"] else "skipped"
    return {
        "schedule_id": row["id"],
        "occurrence": occurrences[-1],
        "owner": row["owner"],
        "at": now,
        "outcome": outcome,
        "missed": len(occurrences) - 1,
        "events": [],
    }
