"""Which time slot a resolved expression goes to, and in what form."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from wlm.pipeline.slots.atoms import low
from wlm.pipeline.slots.calendar import Calendar
from wlm.pipeline.slots.choices import table
from wlm.pipeline.slots.moments import When
from wlm.pipeline.slots.plan import Plan
from wlm.pipeline.slots.tokens import Token
from wlm.pipeline.slots.words import UNITS
from wlm.plugins.slots import SlotSpec
from wlm.types import iso_duration

_SHIFTS = frozenset({"later", "earlier"})
OLD = "old"
"""The name of a slot for the time that something has now, before it is moved."""

BEFORE = "before"
"""The name of a slot for how long before something else: "ten minutes before"."""


def range_value(start: datetime, end: datetime) -> dict[str, str]:
    """A TimeRange in JSON form."""
    return {"start": start.isoformat(), "end": end.isoformat()}


def recurrence_value(when: When) -> dict[str, Any]:
    """A Recurrence in JSON form; ``start`` only where a clock time was said."""
    return {
        "rrule": when.rrule,
        "start": when.start.isoformat() if when.start and when.clock else None,
        "excluded": [range_value(start, end) for start, end in when.excluded],
    }


class TimeSlots:
    """The time slots of an intent, by what they can hold."""

    def __init__(self, plan: Plan) -> None:
        self.time = plan.first("time")
        self.length = plan.first("duration")
        self.repeat = plan.first("recurrence")
        ranges = plan.of("time_range")
        self.old = next((slot for slot in ranges if slot.name == OLD), None)
        self.range = next((slot for slot in ranges if slot.name != OLD), None)
        self.makes = self.repeat is not None or (self.time is not None and self.length is not None)

    def values(self, when: When) -> list[tuple[SlotSpec, Any]]:
        """Slots and their JSON values for one expression."""
        out: list[tuple[SlotSpec, Any]] = []
        if when.length is not None and self.length is not None:
            out.append((self.length, iso_duration(when.length)))
        if when.rrule and self.repeat is not None:
            out.append((self.repeat, recurrence_value(when)))
        if when.start is None or when.end is None:
            return out
        return out + self._placed(when, when.start, when.end)

    def _placed(self, when: When, start: datetime, end: datetime) -> list[tuple[SlotSpec, Any]]:
        ranged_end = when.ranged and when.mode not in ("after", "before", "since", "until")
        if when.clock and self.time is not None:
            if ranged_end and self.makes and self.length is not None and end > start:
                return [(self.time, start.isoformat()), (self.length, iso_duration(end - start))]
            if self.makes or not when.ranged or self.range is None:
                moment = (
                    end
                    if when.mode in ("before", "until") and when.ranged and not (ranged_end)
                    else start
                )
                return [(self.time, moment.isoformat())]
        if self.range is not None:
            return [(self.range, range_value(start, end))]
        if self.time is not None and not when.clock:
            return []
        return []


def span_of_old(when: When) -> dict[str, str] | None:
    """What is moved, as a range: a clock time stands for its hour."""
    if when.start is None:
        return None
    return range_value(when.start, when.end or when.start + timedelta(hours=1))


def on_day(cal: Calendar, when: When) -> Calendar:
    """A calendar whose today is the day of ``when``, for "to 4" without a day."""
    assert when.start is not None
    start = when.start
    return Calendar(cal.at(start.date(), 0, 0) if start.date() != cal.today else cal.now)


def unmoved(plan: Plan, tokens: list[Token]) -> list[Token]:
    """The words without those that make a point in time of a length for this intent.

    "An hour later" says how far to move a meeting, "an hour before" when to be reminded of it.
    """
    if any((word,) in table(slot) for slot in plan.of("choice") for word in _SHIFTS):
        tokens = [t._replace(low="·") if t.low in _SHIFTS else t for t in tokens]
    if any(slot.name == BEFORE for slot in plan.of("duration")):
        tokens = [
            t._replace(low="·") if t.low == "before" and low(tokens, i - 1) in UNITS else t
            for i, t in enumerate(tokens)
        ]
    return tokens
