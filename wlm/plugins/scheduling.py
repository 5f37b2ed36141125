"""What a skill says when it wants something done again and again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from wlm.plugins import rules
from wlm.plugins.slots import Recurrence
from wlm.types import Route


@dataclasses.dataclass(frozen=True)
class ScheduleStep:
    """One thing that a schedule does: an intent with its slots, in JSON form.

    ``at`` names a slot that gets the occurrence's time. The times in the slots that ``moves``
    names were said for the first occurrence, and move with the date of each.
    """

    intent: str
    slots: dict[str, Any]
    at: str = ""
    moves: tuple[str, ...] = ()

    def on(self, occurrence: datetime, days: int, zone: ZoneInfo) -> Route:
        """The route for one occurrence, ``days`` after the first."""
        slots = {
            name: moved(value, days, zone) if name in self.moves else value
            for name, value in self.slots.items()
        }
        if self.at:
            slots[self.at] = occurrence.isoformat()
        return Route(self.intent.partition(".")[0], self.intent, slots, 1.0, "schedule")


class SchedulePlan(NamedTuple):
    """A schedule that is to be made.

    ``repeat`` is read in wall time of ``zone``, from ``start`` (aware) on. ``key`` is the
    skill's name for it: a plan with the same key replaces the one before. Each firing comes
    ``lead`` before its occurrence. After a time in which nothing ran, the last occurrence that
    was missed still fires if it is at most ``catch_up`` late. ``notify`` names the channels.
    ``None``: as the user's settings say.
    """

    title: str
    repeat: Recurrence
    start: datetime
    zone: ZoneInfo
    steps: Sequence[ScheduleStep]
    key: str | None = None
    lead: timedelta = timedelta()
    catch_up: timedelta | None = None
    notify: list[str] | None = None


def moved(value: Any, days: int, zone: ZoneInfo) -> Any:
    """A time or a range in JSON form, the same time of day so many days later."""
    if isinstance(value, Mapping):
        return {name: moved(item, days, zone) for name, item in value.items()}
    if not isinstance(value, str):
        return value
    wall = datetime.fromisoformat(value).astimezone(zone).replace(tzinfo=None)
    return rules.localise(wall + timedelta(days=days), zone).isoformat()
