"""Recurrence rules (RFC 5545), expanded in wall time; dateutil is imported when one is met.

The core's schedules and the meeting skill's series share them. Wall time is what a rule
means: a weekly nine o'clock stays nine o'clock when the clocks change. Only afterwards is a
wall time given its offset (``localise``).
"""

from __future__ import annotations

import functools
import itertools
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from wlm.errors import BadRequest
from wlm.plugins import plain_rules
from wlm.plugins.plain_rules import DAYS, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dateutil.rrule import rrule  # type: ignore[import-untyped]  # it has no types

_PERIODS = {
    "MINUTELY": timedelta(minutes=1),
    "HOURLY": timedelta(hours=1),
    "DAILY": timedelta(days=1),
    "WEEKLY": timedelta(weeks=1),
}
_FREQUENCIES = {*_PERIODS, "MONTHLY", "YEARLY"}
_ALWAYS = {"FREQ", "INTERVAL", "WKST", "BYDAY"}
_ALLOWED = {
    "MINUTELY": _ALWAYS,
    "HOURLY": _ALWAYS,
    "DAILY": _ALWAYS | {"BYMONTH", "BYMONTHDAY", "BYHOUR", "BYMINUTE", "BYSECOND"},
    "WEEKLY": _ALWAYS | {"BYMONTH", "BYHOUR", "BYMINUTE", "BYSECOND", "BYSETPOS"},
}
"""Parts that go with a frequency (RFC 5545); what repeats within a day has fewer."""
_LONGEST_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_FASTEST = 5
"""Minutes between occurrences, at least."""
_MOST = 20_000
"""Occurrences that COUNT may ask for."""

_SOON = timedelta(days=14_700)
_STEADY = timedelta(days=62)
_LAST = datetime(9999, 12, 31)  # noqa: DTZ001 - wall time


class Rule(NamedTuple):
    """A rule that was read: its parts without COUNT and UNTIL, and these apart.

    ``until`` is wall time, inclusive.
    """

    parts: tuple[tuple[str, str], ...]
    times: int | None
    until: datetime | None

    def get(self, name: str) -> str:
        """A part's value, or an empty string."""
        return dict(self.parts).get(name, "")

    @property
    def text(self) -> str:
        """The parts as in an RRULE, without COUNT and UNTIL."""
        return ";".join(f"{name}={value}" for name, value in self.parts)


def parse(text: str, zone: ZoneInfo | None) -> Rule:
    """The rule in ``text``; ``zone`` is that of the series (None: all day).

    Raises ``BadRequest`` if it is no rule or one that repeats within five minutes.
    """
    parts: dict[str, str] = {}
    for piece in text.removeprefix("RRULE:").strip().upper().split(";"):
        name, separator, value = piece.partition("=")
        if piece and not (separator and value):
            raise _bad()
        if piece:
            parts[name] = value
    count, until = parts.pop("COUNT", None), parts.pop("UNTIL", None)
    if parts.get("FREQ") not in _FREQUENCIES:
        raise _bad()
    try:
        rule = Rule(
            tuple(parts.items()),
            int(count) if count else None,
            _until(until, zone) if until else None,
        )
    except ValueError:
        raise _bad() from None
    if not _sound(rule):
        raise _bad()
    return rule


def _sound(rule: Rule) -> bool:
    """Whether dateutil can walk the rule, in reasonable time whatever it says."""
    interval = rule.get("INTERVAL") or "1"
    if not interval.isdecimal() or not 1 <= int(interval) <= 1000:
        return False
    if rule.times is not None and not 1 <= rule.times <= _MOST:
        return False
    if rule.get("FREQ") == "MINUTELY" and int(interval) < _FASTEST:
        return False
    names = {name for name, _ in rule.parts}
    if "BYEASTER" in names or names - _ALLOWED.get(rule.get("FREQ"), names):
        return False
    try:
        _build(rule.text, datetime(2000, 1, 1), None)  # noqa: DTZ001 - wall time
        return _has_a_day(rule)
    except (ValueError, TypeError, AttributeError, KeyError):  # what dateutil gives for nonsense
        return False


def _has_a_day(rule: Rule) -> bool:
    """Whether its months have its days: not the 30th of February."""
    months = [int(text) for text in rule.get("BYMONTH").split(",") if text]
    days = [abs(int(text)) for text in rule.get("BYMONTHDAY").split(",") if text]
    longest = max((_LONGEST_MONTH.get(month, 31) for month in months), default=31)
    return min(days, default=1) <= longest


def _bad() -> BadRequest:
    return BadRequest(
        "That repetition cannot be kept; nothing was changed.",
        hint="Say it as every day, week, month or year, such as `every second Tuesday`.",
    )


def _until(value: str, zone: ZoneInfo | None) -> datetime:
    if len(value) == 8:  # a date: all of that day
        return datetime.strptime(value, "%Y%m%d") + timedelta(days=1, seconds=-1)  # noqa: DTZ007 - wall time
    moment = datetime.strptime(value.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - wall time
    if value.endswith("Z") and zone is not None:
        return moment.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    return moment


@functools.lru_cache(maxsize=4096)
def _build(text: str, start: datetime, until: datetime | None) -> rrule:
    from dateutil.rrule import rrule as cls
    from dateutil.rrule import rrulestr

    made = rrulestr(text, dtstart=start)
    if not isinstance(made, cls):
        raise ValueError("not one rule")
    return made.replace(until=until) if until else made


def first(rule: Rule, start: datetime) -> datetime | None:
    """The first occurrence at or after ``start`` (wall time); None if there is none soon.

    Soon is 40 years, for a leap day on a Sunday. Dates repeat every 400 years, and dateutil
    walks a rule that never comes true to the year 9999: so it starts in the last cycle.
    """
    cycles = (9958 - start.year) // 400 * 400
    walk = iter(_build(rule.text, start.replace(year=start.year + cycles), None))
    moment: datetime | None = next(walk, None)
    if moment is None:
        return None
    found = moment.replace(year=moment.year - cycles)
    end = min(rule.until or _LAST, start + _SOON)
    return found if found <= end else None


def last(rule: Rule, start: datetime) -> datetime | None:
    """A bound that no occurrence is after: the last one, or UNTIL; None if there is no end."""
    if rule.times is None:
        return rule.until
    found: datetime | None = None
    for moment in itertools.islice(_build(rule.text, start, rule.until), rule.times):
        found = moment
    return found


def expand(
    text: str, start: datetime, final: datetime | None, after: datetime, before: datetime
) -> Iterable[datetime]:
    """Occurrences of the rule ``text`` (no COUNT, no UNTIL) with after ≤ occurrence < before.

    All wall times, in order; ``final`` is the last occurrence, if it has one.
    """
    if final is not None:
        before = min(before, final + datetime.resolution)
    begin = start if start > after else after
    plan = plain_rules.plan(text)
    if plan is None:
        walk = _build(text, _nearer(text, start, begin), final)
        since = itertools.dropwhile(lambda at: at < begin, walk)
        return itertools.takewhile(lambda at: at < before, since)
    if before - begin <= plain_rules.LONGEST:
        return plain_rules.within(plan, start, begin, before)
    return plain_rules.in_blocks(plan, start, begin, before)


def _nearer(text: str, start: datetime, after: datetime) -> datetime:
    """A start that gives the same occurrences from ``after`` on, with fewer to walk.

    Rules of fixed length move by whole periods, which changes nothing in them.
    """
    parts = parts_of(text)
    period = _PERIODS.get(parts["FREQ"])
    if period is None or after <= start:
        return start
    step = period * int(parts.get("INTERVAL", "1"))
    return start + step * max(0, (after - start) // step - 1)


def shifted(text: str, days: int, by: timedelta, zone: ZoneInfo | None) -> str:
    """The rule (with its COUNT or UNTIL) of a series that moves ``by`` in wall time.

    ``days`` is by how many dates it moves: its weekdays turn with it. Raises ``BadRequest``
    for rules whose days cannot be moved so (the last Friday, the 31st).
    """
    parts = parts_of(text)
    if "UNTIL" in parts:
        parts["UNTIL"] = until_text(_until(parts["UNTIL"], zone) + by, zone)
    if days:
        _turn(parts, days)
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _turn(parts: dict[str, str], days: int) -> None:
    fixed = {"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS", "BYMONTH"} & set(parts)
    names = parts["BYDAY"].split(",") if "BYDAY" in parts else []
    if fixed or any(name not in DAYS for name in names):
        raise BadRequest(
            "That series cannot be moved to another day as a whole; nothing was changed.",
            hint="Move single meetings of it, or cancel it and make a new one.",
        )
    if names:
        parts["BYDAY"] = ",".join(DAYS[(DAYS.index(name) + days) % 7] for name in names)


def until_text(wall: datetime, zone: ZoneInfo | None) -> str:
    """UNTIL as RFC 5545 wants it: in UTC, or a date for what lasts all day."""
    if zone is None:
        return f"{wall:%Y%m%d}"
    return f"{wall.replace(tzinfo=zone).astimezone(UTC):%Y%m%dT%H%M%SZ}"


def localise(wall: datetime, zone: ZoneInfo) -> datetime:
    """The aware time that clocks in ``zone`` show as ``wall``.

    As RFC 5545 has it: a time skipped when clocks go forward is taken by the offset before
    (2:30 becomes 3:30), one that comes twice is the first.
    """
    if steady := _steady(wall.date(), zone):
        return wall.replace(tzinfo=steady, fold=0)
    return local(wall.replace(tzinfo=zone, fold=0).astimezone(UTC), zone)


@functools.lru_cache(maxsize=8192)
def _steady(day: date, zone: ZoneInfo) -> timezone | None:
    """The offset of a day on which clocks are not changed: then a wall time needs no more."""
    midnights = [datetime.combine(day, time(), zone)]
    if day < date.max:
        midnights.append(datetime.combine(day + timedelta(days=1), time(), zone))
    offsets = {at.replace(fold=fold).utcoffset() for at in midnights for fold in (0, 1)}
    return _offset(offsets.pop() or timedelta()) if len(offsets) == 1 else None


class Steady(NamedTuple):
    """Days on which clocks are not changed, from a midnight on.

    ``begin`` is that midnight as wall time, ``aware`` the same with its offset, ``until`` the
    midnight up to which all wall times have that offset: ``begin`` if clocks change on the day.
    """

    begin: datetime
    aware: datetime
    until: datetime


@functools.lru_cache(maxsize=8192)
def steady(day: date, zone: ZoneInfo) -> Steady:
    """The days without a change of clocks from ``day`` on; at most about two months."""
    offset, end = _steady(day, zone), day
    last = day + min(_STEADY, date.max - day)
    while offset is not None and end < last and _steady(end, zone) is offset:
        end += timedelta(days=1)
    begin = datetime.combine(day, time())
    return Steady(begin, localise(begin, zone), datetime.combine(end, time()))


def later(start: datetime, length: timedelta, zone: ZoneInfo) -> datetime:
    """The time ``length`` after ``start`` (of ``local`` or ``localise``), as ``zone`` has it."""
    end = localise((start + length).replace(tzinfo=None), zone)
    return end if end.tzinfo is start.tzinfo else local(start + length, zone)


def local(moment: datetime, zone: ZoneInfo) -> datetime:
    """An aware time as clocks in ``zone`` show it, with its offset instead of the zone.

    Python compares and subtracts times of one zone by the wall, which is wrong around a
    change of clocks; with offsets it goes by the instant.
    """
    seen = moment.astimezone(zone)
    return seen.replace(tzinfo=_offset(seen.utcoffset() or timedelta()), fold=0)


@functools.cache
def _offset(offset: timedelta) -> timezone:
    return timezone(offset)
