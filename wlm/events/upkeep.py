"""What must be done from time to time, by whichever process comes by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from wlm.events.courier import Courier
from wlm.events.firing import Accept, Firer
from wlm.events.notices import Notices
from wlm.events.retention import Retention
from wlm.events.schedules import Schedules

if TYPE_CHECKING:
    from wlm.config import Settings
    from wlm.store.engine import Store


class Upkeep:
    """The engine's sweep: schedules that are due, notices to deliver, old events to remove.

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
        self._firer = Firer(store, clock, accept)
        self._courier = Courier(store, self.notices, clock, accept, config.notify_address)

    def run(self) -> int:
        """One sweep; how many schedules fired. Safe in many processes at once."""
        fired = self._firer.fire_due()
        self._courier.deliver()
        self.retention.step()
        return fired
