"""When a schedule fires: a recurrence rule in wall time, turned into instants.

The rule of daylight saving time: local wall time is kept. A time that the clocks skip moves
forward by as much (02:30 becomes 03:30); one that they show twice happens at the first; and
occurrences that so fall on one instant are one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from wlm.errors import BadRequest
from wlm.plugins import Recurrence, rules

_LAST = datetime(9999, 12, 31)  # noqa: DTZ001 - wall time
_SHIFT = timedelta(hours=25)
"""No zone ever moved its clocks by more: Samoa left out a whole day."""


@dataclasses.dataclass(frozen=True)
class Timetable:
    """The firings of one schedule.

    ``rule`` is without COUNT and UNTIL; ``starts`` and ``ends`` are wall times, the first
    occurrence and one that none comes after. ``excluded`` are aware ranges without
    occurrences. Each firing comes ``lead`` before its occurrence.
    """

    rule: str
    starts: datetime
    ends: datetime | None
    zone: ZoneInfo
    excluded: tuple[tuple[datetime, datetime], ...] = ()
    lead: timedelta = timedelta()

    @classmethod
    def of(
        cls, repeat: Recurrence, start: datetime, zone: ZoneInfo, lead: timedelta = timedelta()
    ) -> Timetable:
        """The timetable of ``repeat`` from ``start`` (aware) on.

        Raises ``BadRequest`` for a rule that is none, never comes true, or comes more often
        than every five minutes.
        """
        rule = rules.parse(repeat.rrule, zone)
        wall = start.astimezone(zone).replace(tzinfo=None, microsecond=0, fold=0)
        first = rules.first(rule, wall)
        if first is None:
            raise BadRequest("That repetition never takes place; nothing was scheduled.")
        excluded = tuple((part.start, part.end) for part in repeat.excluded)
        return cls(rule.text, first, rules.last(rule, first), zone, excluded, lead)

    def next(self, after: datetime) -> datetime | None:
        """The first occurrence whose firing comes after ``after``; ``None`` if there is none."""
        found: datetime | None = None
        for wall in self._walls(after + self.lead, None):
            if found is not None and wall >= self._wall(found):
                break  # in a skipped hour the instants are not in the order of the walls
            moment = rules.localise(wall, self.zone)
            if moment - self.lead > after and not self._left_out(moment):
                found = moment if found is None else min(found, moment)
        return found

    def between(self, after: datetime, until: datetime) -> list[datetime]:
        """The occurrences whose firings are after ``after`` and not after ``until``, in order."""
        moments = {
            rules.localise(wall, self.zone)
            for wall in self._walls(after + self.lead, until + self.lead)
        }
        return sorted(
            moment
            for moment in moments
            if after < moment - self.lead <= until and not self._left_out(moment)
        )

    def _walls(self, after: datetime, until: datetime | None) -> Iterable[datetime]:
        """Wall times that may stand for instants in that range, and a few more."""
        since = self._wall(after) - _SHIFT
        before = _LAST if until is None else self._wall(until) + _SHIFT
        return rules.expand(self.rule, self.starts, self.ends, since, before)

    def _wall(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None, fold=0)

    def _left_out(self, moment: datetime) -> bool:
        return any(start <= moment < end for start, end in self.excluded)
