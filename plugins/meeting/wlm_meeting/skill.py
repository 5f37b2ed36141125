"""What can be asked of the calendar. The handlers say; ``calendar.py`` does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from wlm.plugins import (
    Context,
    Duration,
    Person,
    Recurrence,
    Reply,
    Skill,
    Slot,
    Time,
    TimeRange,
    intent,
)
from wlm_meeting.create import Wish, create
from wlm_meeting.look import Query, look
from wlm_meeting.settings import Settings
from wlm_meeting.tables import metadata

Title = Annotated[
    str,
    Slot(
        "what it is called", ask="What is it called?", cues=("called", "titled", "named", "about")
    ),
]
People = Annotated[list[Person], Slot("who takes part")]
Start = Annotated[Time, Slot("date and clock time", ask="When does it start?")]
When = Annotated[TimeRange, Slot("a day or a range, where no clock time was said")]
AllDay = Annotated[
    Literal["all day"], Slot("it has no clock time", aliases={"all day": ["whole day", "all-day"]})
]
Pick = Annotated[
    Literal["next", "first", "last"],
    Slot(
        "only one of them",
        aliases={"next": ["upcoming", "coming"], "last": ["latest", "previous", "most recent"]},
    ),
]


def _once(ctx: Context, key: str, work: Callable[[], Reply]) -> Reply:
    """The reply of ``work``, whose writes and words are kept together: a repeat says the same."""
    return Reply.from_dict(ctx.once(key, lambda: work().to_dict()))


class Meeting(Skill):
    """Meetings, appointments and reminders in your calendar."""

    Settings = Settings
    tables = metadata

    @intent(examples=["schedule {title} with {people} {start}"], effect="write")
    def create(
        self,
        ctx: Context,
        title: Title = "",
        start: Start | None = None,
        when: When | None = None,
        duration: Duration | None = None,
        people: People | None = None,
        location: Annotated[str, Slot("where it is held", cues=("at", "in"))] = "",
        repeat: Recurrence | None = None,
        all_day: AllDay | None = None,
    ) -> Reply:
        """Put a meeting or appointment into the calendar."""
        wish = Wish(
            title, start, when, duration, people or [], location, repeat, all_day is not None
        )
        return _once(ctx, "create", lambda: create(ctx, wish))

    @intent(examples=["what meetings do I have {when}"])
    def list(
        self,
        ctx: Context,
        when: When | None = None,
        start: Start | None = None,
        people: People | None = None,
        title: Title = "",
        pick: Pick | None = None,
    ) -> Reply:
        """Say what is in the calendar."""
        return look(ctx, Query(title, when, start, people or [], pick))

    @intent(examples=["move {title} to {start}"], effect="write")
    def update(
        self,
        ctx: Context,
        title: Title = "",
        people: People | None = None,
        old: Annotated[TimeRange, Slot("when it is now")] | None = None,
        start: Start | None = None,
        when: When | None = None,
        duration: Duration | None = None,
        new_title: Annotated[str, Slot("its new name")] = "",
        location: Annotated[str, Slot("its new place")] = "",
    ) -> Reply:
        """Move, rename, lengthen or otherwise change a meeting."""
        raise NotImplementedError

    @intent(examples=["cancel {title} {when}"], effect="write")
    def cancel(
        self,
        ctx: Context,
        title: Title = "",
        people: People | None = None,
        when: When | None = None,
        start: Start | None = None,
    ) -> Reply:
        """Take a meeting or reminder out of the calendar."""
        raise NotImplementedError

    @intent(examples=["find a free hour with {people} {when}"])
    def find_time(
        self,
        ctx: Context,
        duration: Duration | None = None,
        when: When | None = None,
        people: People | None = None,
    ) -> Reply:
        """Find a time that is free."""
        raise NotImplementedError

    @intent(examples=["remind me to {title} {start}"], effect="write")
    def remind(
        self,
        ctx: Context,
        title: Annotated[
            str,
            Slot("what to be reminded of", ask="Remind you of what?", cues=("to", "about", "that")),
        ] = "",
        start: Start | None = None,
        when: When | None = None,
        repeat: Recurrence | None = None,
    ) -> Reply:
        """Remind you of something at a time."""
        raise NotImplementedError
