"""A span of time, and what entries have in it: what they share is worked out once for all."""

from __future__ import annotations

import bisect
import functools
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from wlm.plugins import rules
from wlm_meeting.entry import Entry, Occurrence

_DAY = timedelta(days=1)
_MADE: Any = tuple.__new__
"""Makes a named tuple without a call of Python's own for each of thousands."""


class Window:
    """From ``start`` to ``end``, as clocks in ``zone`` show them."""

    def __init__(self, start: datetime, end: datetime, zone: ZoneInfo) -> None:
        # With offsets as the occurrences have them: those compare many times faster.
        self.start, self.end = rules.local(start, zone), rules.local(end, zone)
        self._zone = zone
        self._own = {"", zone.key}
        self._around: dict[str, tuple[datetime, datetime]] = {}

    def walls(self, entry: Entry) -> Iterable[datetime]:
        """Wall times in order at which a series takes place around the window, a day too wide.

        Those that were changed and stand alone are among them.
        """
        name = entry.zone
        after, before = self._around.get(name) or self._seen_in(name)
        if entry.seconds:
            after -= timedelta(0, entry.seconds)
        found: Iterable[datetime] = [entry.local_start]
        if rrule := entry.rrule:
            rule = _bare(rrule)
            found = rules.expand(rule, entry.local_start, entry.local_last, after, before)
            if not (entry.rdates or entry.exdates):
                return found
        extra = {datetime.fromisoformat(text) for text in entry.rdates}
        gone = set(entry.exdates)
        return [
            wall
            for wall in sorted({*found, *extra})
            if after <= wall < before and wall.isoformat() not in gone
        ]

    def _seen_in(self, name: str) -> tuple[datetime, datetime]:
        """What clocks in a zone show a day before and a day after."""
        zone = ZoneInfo(name) if name else self._zone
        first, last = (at.astimezone(zone).replace(tzinfo=None) for at in (self.start, self.end))
        self._around[name] = first - _DAY, last + _DAY
        return self._around[name]

    @functools.cached_property
    def _steady(self) -> list[rules.Steady]:
        """The times around the window in which clocks of the user's zone are not changed."""
        first, last = (moment.date() for moment in self._seen_in(""))
        found: list[rules.Steady] = []
        while first <= last:
            steady = rules.steady(first, self._zone)
            if steady.until > steady.begin:
                found.append(steady)
                first = steady.until.date()
            elif first == first.max:
                break
            else:
                first += _DAY
        return found

    def each(self, entry: Entry, walls: Sequence[datetime]) -> list[Occurrence]:
        """The occurrences at wall times in order: what ``Entry.at`` gives, for less work.

        Between two changes of clocks an occurrence is another one plus the time between.
        """
        zone, found, done = self._zone, list[Occurrence](), 0
        if entry.zone in self._own:  # otherwise the clocks of two zones change
            length = timedelta(0, entry.seconds)
            for begin, near, until in self._steady:
                until -= length
                some, count = walls, len(walls)
                if done or walls[0] < begin or walls[-1] > until:
                    first = bisect.bisect_left(walls, begin, done)
                    found += [entry.at(wall, zone) for wall in walls[done:first]]
                    done = max(first, bisect.bisect_right(walls, until, first))
                    some = walls[first:done]
                else:
                    done = count
                found += [
                    _MADE(Occurrence, (entry, start := near + (wall - begin), start + length, wall))
                    for wall in some
                ]
                if done == count:
                    return found
        return found + [entry.at(wall, zone) for wall in walls[done:]]

    def single(self, entry: Entry) -> Occurrence:
        """The only occurrence of an entry that does not repeat."""
        wall = entry.local_start
        if entry.zone == self._zone.key:
            length = timedelta(0, entry.seconds)
            for begin, near, until in self._steady:
                if begin <= wall < until and wall + length <= until:
                    start = near + (wall - begin)
                    return Occurrence(entry, start, start + length, wall)
        return entry.single(self._zone)


@functools.lru_cache(maxsize=1024)
def _bare(rrule: str) -> str:
    """The rule without its end, which the row has as ``local_last``."""
    return ";".join(p for p in rrule.split(";") if not p.startswith(("COUNT=", "UNTIL=")))
