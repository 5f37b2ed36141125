"""What must be done from time to time, by whichever process comes by."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import bindparam, exists, select

from wlm.events import due
from wlm.events.aging import Aging
from wlm.events.courier import Courier
from wlm.events.firing import Accept, Firer
from wlm.events.notices import Notices
from wlm.events.retention import Retention
from wlm.events.schedules import Schedules
from wlm.events.suspects import Suspects
from wlm.store.tables import deliveries, events, schedules

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.store.engine import Store


_REMOVAL_SECONDS = 60.0
_AGING_SECONDS = 3600.0
"""No index has all turns by age: a look goes through them."""
_GLANCE = select(
    exists().where(events.c.lease_token.is_not(None)).label("running"),
    exists().where(Suspects.ALSO.ready).label("ready"),
    exists().where(Suspects.ONLY.ready).label("suspects"),
    exists().where(due.unqueued).label("accepted"),
    exists().where(due.is_due).label("due"),
    due.next_due.scalar_subquery().label("next_due"),
    exists()
    .where(schedules.c.state == "active", schedules.c.next_at <= bindparam("now"))
    .label("schedules"),
    exists().where(deliveries.c.state.in_(["pending", "taken"])).label("deliveries"),
)


class Glance(NamedTuple):
    """Whether there are events that run, that are ready, that are so and suspects, that were
    accepted and never queued, and whose time has come; when the next one's comes; whether
    schedules are due, and whether notices wait to be delivered."""

    running: bool
    ready: bool
    suspects: bool
    accepted: bool
    due: bool
    next_due: datetime | None
    schedules: bool
    deliveries: bool


class Upkeep:
    """The engine's sweep: schedules that are due, notices to deliver, and what is old to remove.

    ``accept`` writes an event inside the open transaction: owner, route, idempotency key,
    when it was due, and whether it is confirmed.
    """

    def __init__(
        self, store: Store, settings: Settings, clock: Callable[[], datetime], accept: Accept
    ) -> None:
        config = settings.config
        self.schedules = Schedules(store, clock, timedelta(hours=config.schedule_catch_up_hours))
        self.notices = Notices(store, clock, config.notify_channels)
        self.retention = Retention(store, clock, config.keep_events_days)
        self.aging = Aging(
            store,
            clock,
            settings.paths.data,
            turn_days=config.keep_turns_days,
            recording_days=config.keep_recordings_days,
        )
        self._firer = Firer(store, clock, accept)
        self._store, self._clock = store, clock
        self._next_removal = self._next_aging = 0.0
        self._courier = Courier(store, self.notices, clock, accept, config.notify_address)

    def glance(self) -> Glance:
        """Look, with one question to the database, what there is to do."""
        with self._store.read() as connection:
            row = connection.execute(_GLANCE, due.times(self._clock())).one()
        return Glance(*row)

    def run(self, glance: Glance | None = None) -> int:
        """One sweep; how many schedules fired. Safe in many processes at once.

        Nothing is done that a ``glance`` says there is nothing of.
        """
        fired = self._firer.fire_due() if glance is None or glance.schedules else 0
        if glance is None or glance.deliveries:
            self._courier.deliver()
        if glance is None or time.monotonic() >= self._next_removal:
            removed = self.retention.step()
            self._next_removal = time.monotonic() + (0 if removed else _REMOVAL_SECONDS)
        if glance is None or time.monotonic() >= self._next_aging:
            aged = self.aging.step()
            self._next_aging = time.monotonic() + (0 if any(aged) else _AGING_SECONDS)
        return fired
