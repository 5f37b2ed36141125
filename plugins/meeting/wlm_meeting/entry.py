"""What stands in the calendar: an entry (a row) and its occurrences (when it takes place)."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from wlm.plugins import rules

FOREVER = datetime(9999, 12, 31)  # noqa: DTZ001 - columns are naive UTC


ANSWERS = ("accepted", "declined", "tentative")
"""What somebody who is invited may answer; ``state`` of who takes part."""

ASKED = "needs-action"
"""The state of who answered once and was asked again."""


def utc(moment: datetime) -> datetime:
    """An aware time as the columns hold it: UTC without offset, whole seconds."""
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One row. ``people`` are {"name", "id", "email", "state", "invited_by"}; ``seconds`` is
    the exact length. ``state`` is what somebody answered, ``invited_by`` the address of the
    organiser, where that is another. ``link`` is where a video call is joined,
    ``organizer`` the address of who organises it, where its calendar says that.

    ``local_start``, ``local_last``, ``rdates`` and ``exdates`` are wall times in ``zone``;
    an all-day entry has no zone, its times are midnights. ``starts_at`` and ``ends_at``
    bound all occurrences, in UTC (all-day: as if UTC). ``notify_event`` is the pending event
    that says it, empty if there should be one and is none yet; ``notify_before`` in minutes.
    """

    id: str
    uid: str
    title: str
    local_start: datetime
    seconds: int
    zone: str
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    changed_at: datetime
    kind: str = "meeting"
    people: list[dict[str, str]] = dataclasses.field(default_factory=list)
    location: str = ""
    notes: str = ""
    link: str = ""
    organizer: str = ""
    all_day: bool = False
    busy: bool = True
    recurrence: str = ""
    series: str | None = None
    repeats: bool = False
    rrule: str = ""
    local_last: datetime | None = None
    rdates: list[str] = dataclasses.field(default_factory=list)
    exdates: list[str] = dataclasses.field(default_factory=list)
    notify_event: str | None = None
    notify_before: int | None = None
    sequence: int = 0

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Self:
        """The entry in a row of the table."""
        return cls.read(_VALUES(row))

    @classmethod
    def read(cls, values: Sequence[Any]) -> Self:
        """The entry of all its column values, in the order of ``names``.

        Writes past the frozen fields, one by one of which takes three times as long, and does not
        count them, which takes half as long again.
        """
        entry = cls.__new__(cls)
        entry.__dict__.update(zip(_COLUMNS, values))  # noqa: B905
        return entry

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The columns that make an entry, in the order of its fields."""
        return _COLUMNS

    def row(self) -> dict[str, Any]:
        """The entry as column values."""
        return {name: getattr(self, name) for name in _COLUMNS}

    @property
    def length(self) -> timedelta:
        """From start to end; nothing for a reminder."""
        return timedelta(seconds=self.seconds)

    @property
    def answers(self) -> dict[str, str]:
        """What those who take part answered, by name."""
        return {p["name"]: p["state"] for p in self.people if p.get("state") in ANSWERS}

    @property
    def tz(self) -> ZoneInfo | None:
        """The zone that its wall times are in; None if it lasts all day."""
        return ZoneInfo(self.zone) if self.zone else None

    @property
    def rule(self) -> rules.Rule | None:
        """Its rule, if it has one."""
        return rules.parse(self.rrule, self.tz) if self.rrule else None

    def timed(self, *, start: datetime | None = None) -> Self:
        """With its bounds computed anew from wall start, length, rule and extra dates.

        ``start`` (aware) keeps an instant that wall time cannot tell: the second 2:30 of
        the night when clocks go back.
        """
        rule, extra = self.rule, [datetime.fromisoformat(text) for text in self.rdates]
        walls = [self.local_start, *extra]
        endless = False
        final = None
        if rule:
            final = rules.last(rule, self.local_start)
            endless = final is None
            walls.append(final or self.local_start)
        begin = utc(start) if start else self._instant(min(walls))
        end = FOREVER if endless else self._instant(max(walls)) + self.length
        if start and not (rule or extra):
            end = begin + self.length
        return dataclasses.replace(
            self, repeats=bool(rule or extra), local_last=final, starts_at=begin, ends_at=end
        )

    def _instant(self, wall: datetime) -> datetime:
        return utc(rules.localise(wall, self.tz)) if self.tz else wall

    def at(self, wall: datetime, zone: ZoneInfo) -> Occurrence:
        """The occurrence that a series has at a wall time, as seen from ``zone``."""
        if self.tz is None:
            days = wall + self.length
            return Occurrence(self, rules.localise(wall, zone), rules.localise(days, zone), wall)
        start = rules.localise(wall, self.tz)
        if zone.key == self.zone:
            return Occurrence(self, start, rules.later(start, self.length, zone), wall)
        end = rules.local(start + self.length, zone)
        return Occurrence(self, rules.local(start, zone), end, wall)

    def single(self, zone: ZoneInfo) -> Occurrence:
        """The only occurrence of an entry that does not repeat."""
        if self.all_day:
            return self.at(self.local_start, zone)
        start = self.starts_at.replace(tzinfo=UTC)
        end = rules.local(start + self.length, zone)
        return Occurrence(self, rules.local(start, zone), end, self.local_start)


_COLUMNS = tuple(field.name for field in dataclasses.fields(Entry))
_VALUES = operator.itemgetter(*_COLUMNS)


class Occurrence(NamedTuple):
    """An entry at one time: ``start`` to ``end`` (exclusive), as the user's clocks show it.

    Both carry their offset, so that they compare by the instant. ``wall`` names the
    occurrence within its series.
    """

    entry: Entry
    start: datetime
    end: datetime
    wall: datetime

    @property
    def key(self) -> tuple[str, datetime]:
        """What tells it from every other occurrence."""
        return (self.entry.series or self.entry.id, self.start)

    def due(self, zone: ZoneInfo) -> datetime:
        """When it would take place had it not been moved alone."""
        if not self.entry.recurrence:
            return self.start
        return rules.localise(datetime.fromisoformat(self.entry.recurrence), self.entry.tz or zone)

    def touches(self, start: datetime, end: datetime) -> bool:
        """Whether any of it lies in start ≤ t < end (a moment without length counts)."""
        return self.start < end and (self.end > start or self.start >= start)

    def to_dict(self) -> dict[str, Any]:
        """For programs: ids, names and ISO times."""
        entry = self.entry
        return {
            "id": entry.id,
            "kind": entry.kind,
            "title": entry.title,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "all_day": entry.all_day,
            "people": [person["name"] for person in entry.people],
            "answers": entry.answers,
            "location": entry.location,
            "link": entry.link or None,
            "repeat": entry.rrule or None,
            "series": entry.series or (entry.id if entry.repeats else None),
        }
