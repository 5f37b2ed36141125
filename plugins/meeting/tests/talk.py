"""Talk to the skill as the event engine does, on a real database."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from wlm_meeting.calendar import Calendar
from wlm_meeting.skill import Meeting

from wlm.events.timetable import Timetable
from wlm.plugins import Reply
from wlm.plugins.testing import asked, context, recorded, retry, run
from wlm.types import Question

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN) -> str:
    """A clock time in ``zone`` as a slot has it: ISO 8601 with offset."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).isoformat()


def between(start: str, end: str, zone: ZoneInfo = BERLIN) -> dict[str, str]:
    """A range as a slot has it."""
    return {"start": at(start, zone), "end": at(end, zone)}


def day(text: str, days: int = 1, zone: ZoneInfo = BERLIN) -> dict[str, str]:
    """Whole days from a date on."""
    first = datetime.fromisoformat(text)
    return between(first.isoformat(), (first + timedelta(days=days)).isoformat(), zone)


class Talk:
    """One conversation. The clock stands at Sunday 22 November 2026, 9:00 in Berlin."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.skill = Meeting()
        self.folder = folder
        self.ctx = context(self.skill, folder, **options)
        self.ports = recorded(self.ctx)

    def __call__(self, intent: str, **slots: Any) -> Reply:
        return run(self.skill, intent, self.ctx, **slots)

    def again(self, intent: str, **slots: Any) -> Reply:
        """The last event once more, as after a crash."""
        return retry(self.skill, intent, self.ctx, **slots)

    def asks(self, intent: str, **slots: Any) -> Question:
        """The question that is asked back."""
        return asked(self.skill, intent, self.ctx, **slots)

    def answer(self, intent: str, choice: int, **slots: Any) -> Reply:
        """Choose a candidate of the question that is asked back."""
        question = self.asks(intent, **slots)
        assert question.slot is not None
        return self(intent, **{**slots, question.slot: question.candidates[choice]["value"]})

    def later(self, text: str) -> None:
        """Move the clock."""
        now = datetime.fromisoformat(text).replace(tzinfo=self.ctx.timezone)
        self.ctx = replace(self.ctx, now=now)

    def fires(self, number: int = -1) -> Reply:
        """Let a schedule that the skill made come to its next occurrence."""
        plan, _ = list(self.ports.planned.values())[number]
        table = self._table(plan)
        at = table.next(self.ctx.now)
        assert at is not None
        self.ctx = replace(self.ctx, now=(at - plan.lead).astimezone(self.ctx.timezone))
        (step,) = plan.steps
        route = step.on(at, 0, plan.zone)
        when = datetime.fromisoformat(route.slots["at"])
        return self.skill.notify(replace(self.ctx, event_id="fired"), route.slots["entry"], when)

    def _table(self, plan: Any) -> Timetable:
        return Timetable.of(plan.repeat, plan.start, plan.zone, plan.lead)

    def due(self, number: int = -1) -> Reply:
        """Run a pending event that the skill emitted, at its time."""
        child = self.ports.emitted[number]
        assert child.run_at is not None
        self.ctx = replace(self.ctx, now=child.run_at.astimezone(self.ctx.timezone))
        self.ports.event_id = child.id
        this = replace(self.ctx, event_id=child.id)
        when = datetime.fromisoformat(child.slots["at"])
        return self.skill.notify(this, child.slots["entry"], when)

    @property
    def pending(self) -> list[datetime]:
        """When what was emitted and not cancelled is due, and each schedule next."""
        kept = [c for c in self.ports.emitted if c.id not in self.ports.cancelled]
        moments = [c.run_at for c in kept if c.run_at is not None]
        plans = [plan for plan, _ in self.ports.planned.values()]
        following = [(plan, self._table(plan).next(self.ctx.now)) for plan in plans]
        return moments + [at - plan.lead for plan, at in following if at is not None]

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.ctx)

    def shown(self, start: str, days: int = 1) -> list[tuple[str, str]]:
        """What stands in the calendar: (start as "MM-DD HH:MM", title)."""
        span = day(start, days, self.ctx.timezone)
        begin, end = (datetime.fromisoformat(span[key]) for key in ("start", "end"))
        found = self.calendar.between(begin, end)
        return [(f"{o.start:%m-%d %H:%M}", o.entry.title) for o in found]
