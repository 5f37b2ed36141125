"""The skill that is part of WLM: what is asked for again and again ("the daily briefing").

No router knows its intents: ``wlm.pipeline.briefing`` reads the sentences and fills the slots.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated, Any

from wlm.errors import UsageError
from wlm.plugins import spoken
from wlm.plugins.context import Context
from wlm.plugins.scheduling import SchedulePlan, ScheduleStep
from wlm.plugins.skill import Skill, intent
from wlm.plugins.slots import Recurrence, Slot, Time
from wlm.types import Reply, Schedule

NAME = "schedule"
_WITHIN_A_DAY = ("FREQ=HOURLY", "FREQ=MINUTELY")
_QUESTION = {"stop": "Which one should I stop?", "pause": "Which one should I pause?",
             "resume": "Which one should I take up again?"}  # fmt: skip


class Briefings(Skill):
    """What is done again and again."""

    name = NAME

    @intent(effect="write")
    def create(
        self,
        ctx: Context,
        repeat: Recurrence,
        actions: Annotated[str, Slot("the requests, as a JSON list of intent, slots and moves")],
        title: str = "",
        at: Time | None = None,
    ) -> Reply:
        """Do requests again and again."""
        start = repeat.start or at
        if start is None and not repeat.rrule.startswith(_WITHIN_A_DAY):
            ctx.ask("at", "At what time?")
        plan = SchedulePlan(
            title or "a briefing",
            repeat,
            start or _next_hour(ctx.now),
            ctx.timezone,
            [_step(item) for item in json.loads(actions)],
            key=ctx.event_id,  # the same on a retry
        )
        made = ctx.schedule(plan)
        return Reply(
            f"{spoken.upper(often(made))}: {made.title}. The first time is {_next(ctx, made)}.",
            data={"schedule": made.to_dict()},
        )

    @intent()
    def list(self, ctx: Context) -> Reply:
        """Say what is done again and again."""
        found = [schedule for schedule in ctx.schedules() if schedule.state != "ended"]
        data = {"schedules": [schedule.to_dict() for schedule in found]}
        if not found:
            return Reply("There is nothing that I do again and again.", data=data)
        lines = [f"{often(s)}: {s.title}{'' if s.next_at else ' (paused)'}" for s in found]
        return Reply(f"{spoken.upper(spoken.joined(lines))}.", "\n".join(lines), data)

    @intent(effect="write")
    def stop(self, ctx: Context, which: str = "") -> Reply:
        """End what is done again and again."""
        chosen = _chosen(ctx, which, "stop")
        ctx.unschedule(chosen.id)
        return _done("stopped", chosen)

    @intent(effect="write")
    def pause(self, ctx: Context, which: str = "") -> Reply:
        """Let what is done again and again rest."""
        chosen = _chosen(ctx, which, "pause")
        ctx.pause_schedule(chosen.id)
        return _done("paused", chosen)

    @intent(effect="write")
    def resume(self, ctx: Context, which: str = "") -> Reply:
        """Go on with what was paused."""
        chosen = _chosen(ctx, which, "resume")
        made = ctx.pause_schedule(chosen.id, on=False)
        return Reply(
            f"On again, {often(made)}: {made.title}. The next time is {_next(ctx, made)}.",
            data={"schedule": made.to_dict()},
        )


def often(schedule: Schedule) -> str:
    """How often and when: "every weekday at 8 am"."""
    text = spoken.rule(schedule.rrule)
    if schedule.rrule.startswith(_WITHIN_A_DAY):
        return text
    return f"{text} at {spoken.clock(schedule.start)}"


def _next(ctx: Context, schedule: Schedule) -> str:
    assert schedule.next_at is not None
    return spoken.moment(schedule.next_at.astimezone(ctx.timezone), ctx.now)


def _next_hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def _step(item: Any) -> ScheduleStep:
    try:
        return ScheduleStep(str(item["intent"]), dict(item["slots"]), moves=tuple(item["moves"]))
    except (KeyError, TypeError, ValueError):
        raise UsageError("The requests of a schedule are not of the right form.") from None


def _chosen(ctx: Context, which: str, verb: str) -> Schedule:
    """The one that is meant: by its id, by words of its title, or the only one."""
    state = "paused" if verb == "resume" else "active"
    found = [schedule for schedule in ctx.schedules() if schedule.state == state]
    if not found:
        raise UsageError(f"There is nothing to {verb}.", hint="`wlm schedule list` shows all.")
    if same := [schedule for schedule in found if schedule.id == which]:
        return same[0]
    said = set(which.casefold().split())
    scores = [len(said & _words(schedule)) for schedule in found]
    best = max(scores)
    close = [s for s, score in zip(found, scores, strict=True) if score == best]
    if len(close) > 1 or (said and not best):
        ctx.ask("which", _QUESTION[verb], [(f"{often(s)}: {s.title}", s.id) for s in close[:5]])
    return close[0]


def _words(schedule: Schedule) -> set[str]:
    text = f"{schedule.title} {often(schedule)}".casefold()
    words = set(text.replace(",", " ").replace(":", " ").split())
    if schedule.rrule == "FREQ=DAILY" or "BYDAY=MO,TU,WE,TH,FR" in schedule.rrule:
        words.add("daily")
    if "FREQ=WEEKLY" in schedule.rrule:
        words.add("weekly")
    hour = schedule.start.hour
    words.add("morning" if hour < 12 else "afternoon" if hour < 17 else "evening")
    return words - {"the", "and", "at", "every", "a", "my", "me", "tell"}


def _done(verb: str, schedule: Schedule) -> Reply:
    return Reply(
        f"I {verb} it: {schedule.title}, {often(schedule)}.",
        data={"schedule": schedule.to_dict()},
    )
