"""Time zones of an iCalendar file: names, names with a prefix, and definitions of its own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

_SAMPLES = [datetime(2025, 1, 1, 12) + timedelta(days=n) for n in range(0, 730, 10)]  # noqa: DTZ001 - wall times


class Zones:
    """The zones by their name in the file; times without one are the user's."""

    def __init__(self, user: ZoneInfo) -> None:
        self._user = user
        self._own: dict[str, tzinfo] = {}
        self._known: dict[str, ZoneInfo | None] = {}

    def learn(self, definitions: Iterable[Any]) -> None:
        """Take in the VTIMEZONE components of a calendar."""
        for definition in definitions:
            try:
                zone = definition.to_tz(lookup_tzid=False)
            except (ValueError, TypeError, AttributeError, KeyError, IndexError):
                continue  # events that need it will be named as skipped
            self._own[str(definition["TZID"])] = zone

    def of(self, moment: date, tzid: str) -> ZoneInfo | None:
        """The zone of a time as the parser gave it; None if its name says nothing."""
        zone = moment.tzinfo if isinstance(moment, datetime) else None
        if isinstance(zone, ZoneInfo):
            return zone
        if zone is UTC:
            return ZoneInfo("UTC")
        if not tzid:
            return self._user
        if tzid not in self._known:
            self._known[tzid] = self._named(tzid) or self._alike(tzid)
        return self._known[tzid]

    def _named(self, tzid: str) -> ZoneInfo | None:
        """The zone whose name ends the name, as in /example.org/Europe/Berlin."""
        parts = tzid.strip("/").split("/")
        names = available_timezones()
        for count in (3, 2, 1):
            name = "/".join(parts[-count:])
            if name in names:
                return ZoneInfo(name)
        return None

    def _alike(self, tzid: str) -> ZoneInfo | None:
        """A zone that has the same offsets as the file's own definition; the user's if it does."""
        own = self._own.get(tzid)
        if own is None:
            return None
        wanted = [sample.replace(tzinfo=own).utcoffset() for sample in _SAMPLES]
        if None in wanted:
            return None
        names = sorted(name for name in available_timezones() if "/" in name)
        for zone in (self._user, *map(ZoneInfo, names)):
            if all(
                sample.replace(tzinfo=zone).utcoffset() == offset
                for sample, offset in zip(_SAMPLES, wanted, strict=True)
            ):
                return zone
        return None
