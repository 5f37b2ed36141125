"""What can be asked of the calendar. The handlers say; ``calendar.py`` does."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

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

Title = Annotated[
    str,
    Slot(
        "what it is called", ask="What is it called?", cues=("called", "titled", "named", "about")
    ),
]
People = Annotated[list[Person], Slot("who takes part")]
Start = Annotated[Time, Slot("date and clock time", ask="When does it start?")]
When = Annotated[TimeRange, Slot("a day or a range, where no clock time was said")]


class Meeting(Skill):
    """Meetings, appointments and reminders in your calendar."""

    class Settings(BaseModel):
        """Settings of the calendar."""

        default_minutes: int = Field(60, gt=0, description="How long a meeting is if not said.")
        day_starts: int = Field(9, ge=0, le=23, description="First working hour.")
        day_ends: int = Field(18, ge=1, le=24, description="End of the working day, an hour.")

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
    ) -> Reply:
        """Put a meeting or appointment into the calendar."""
        raise NotImplementedError

    @intent(examples=["what meetings do I have {when}"])
    def list(
        self,
        ctx: Context,
        when: When | None = None,
        start: Start | None = None,
        people: People | None = None,
        title: Title = "",
    ) -> Reply:
        """Say what is in the calendar."""
        raise NotImplementedError

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
