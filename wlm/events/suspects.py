"""Suspects: events that ran in a process when it ended, so that one of them may be why.

Which one nobody knows, as long as several ran beside each other. So from then on each of them
is run alone, in a process of its own (``wlm.events.quarantine``): an innocent event comes to its
end there, and only the one that ends its process again is charged with that.
"""

from __future__ import annotations

import enum

from sqlalchemy import ColumnElement, and_, text

from wlm.store.tables import events

LOSSES = 3
"""So often may the process that runs an event end before the event counts as the cause. The
first time others may have run beside it; all others it was alone."""

_ready = and_(events.c.ticket.is_not(None), events.c.lease_token.is_(None))
# Not bound values: only with these can a database tell that an index with a condition serves.
_suspect, _above_it = events.c.losses > text("0"), events.c.losses == text("0")


class Suspects(enum.Enum):
    """Which of the events that are ready are meant."""

    ALSO = "also"
    NOT = "not"
    ONLY = "only"

    @property
    def ready(self) -> ColumnElement[bool]:
        """The condition for an event that waits for a worker."""
        if self is Suspects.ALSO:
            return _ready
        return and_(_ready, _suspect if self is Suspects.ONLY else _above_it)
