"""What can be asked of the calendar. The handlers say; the modules beside this one do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

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
from wlm_meeting.settings import CalendarSettings
from wlm_meeting.tables import metadata

if TYPE_CHECKING:
    from typer import Typer

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
    Literal["all day"],
    Slot("it has no clock time", aliases={"all day": ["all-day", "whole day", "entire day"]}),
]
Block = Annotated[
    Literal["block"],
    Slot(
        "all of a part of a day is taken, such as an afternoon",
        aliases={"block": ["block off", "block out"]},
    ),
]
Pick = Annotated[
    Literal["next", "first", "last"],
    Slot(
        "only one of them",
        aliases={"next": ["upcoming", "coming up"], "last": ["latest", "previous", "most recent"]},
    ),
]
Kind = Annotated[
    Literal["reminders", "both"],
    Slot(
        "only reminders, or both by name",
        aliases={
            "reminders": ["reminder"],
            "both": [
                "meetings and reminders",
                "reminders and meetings",
                "appointments and reminders",
            ],
        },
    ),
]
Scope = Annotated[
    Literal["one", "following", "all"],
    Slot(
        "one occurrence of what repeats, that one and all that follow, or all",
        ask="Only one of them, it and all that follow, or all?",
        aliases={
            "one": ["only the next one", "only this one", "just this one", "just this once"],
            "following": [
                *("from … on", "starting … on", "beginning … on", "onwards", "onward"),
                *("from now on", "from then on", "from there on", "from this one on"),
                *("and all that follow", "and all following", "and all the following"),
                *("and the following", "and following", "and every following"),
                *("and all after", "and all after it", "and all after that", "and all later"),
                *("and the ones after", "and those after", "and everything after"),
                *("this and all that follow", "it and all that follow", "all that follow"),
                *("all future", "all the future", "all following", "all later", "all remaining"),
            ],
            "all": ["all of them", "the whole series", "the series", "every one", "every single"],
        },
    ),
]
Detail = Annotated[
    Literal["link"],
    Slot(
        "only where it is joined from afar: the link of its video call",
        aliases={
            "link": [
                *("join link", "video link", "meeting link", "call link", "dial-in", "dial in"),
                *("zoom link", "teams link", "meet link", "webex link", "url", "video url"),
                *("how do i join", "how can i join", "where do i join", "how to join"),
            ]
        },
    ),
]
Video = Annotated[
    Literal["video link"],
    Slot(
        "it gets the link of the video room that is set",
        aliases={
            "video link": [
                *("video call link", "video room", "meeting link", "join link", "as a video call"),
                *("as a video meeting", "as a video conference", "zoom link", "teams link"),
                *("meet link", "call link", "over video", "by video", "via video"),
            ]
        },
    ),
]
Change = Annotated[
    Literal["longer", "shorter", "later", "earlier"],
    Slot(
        "what the duration does to it",
        aliases={
            "longer": ["extend", "lengthen", "prolong"],
            "shorter": ["shorten", "cut short"],
            "later": ["push back", "back by", "postpone", "delay"],
            "earlier": ["bring forward", "sooner"],
        },
    ),
]


def _once(ctx: Context, key: str, work: Callable[[], Reply]) -> Reply:
    """The reply of ``work``, whose writes and words are kept together: a repeat says the same."""
    from wlm_meeting.reminders import mend

    def whole() -> dict[str, Any]:
        mend(ctx)
        reply = work().to_dict()
        if ctx.settings_as(CalendarSettings).caldav_url:
            from wlm_meeting.sync.run import push_later

            push_later(ctx)
        return reply

    return Reply(**ctx.once(key, whole))


def _freshened(ctx: Context) -> str:
    """Sync before a look, where there is a calendar elsewhere; a sentence if that failed."""
    settings = ctx.settings_as(CalendarSettings)
    if not (settings.caldav_url or settings.subscriptions):
        return ""
    from wlm_meeting.sync.run import freshen

    return freshen(ctx)


class Meeting(Skill):
    """Meetings, appointments and reminders in your calendar."""

    tables = metadata

    class Settings(CalendarSettings):
        """Settings of the calendar."""

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
        block: Block | None = None,
        video: Video | None = None,
    ) -> Reply:
        """Put a meeting or appointment into the calendar."""
        from wlm_meeting.create import Wish, create

        wish = Wish(
            title,
            start,
            when,
            duration,
            people or [],
            location,
            repeat,
            all_day is not None,
            block is not None,
            video is not None,
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
        kind: Kind | None = None,
        detail: Detail | None = None,
    ) -> Reply:
        """Say what is in the calendar."""
        from wlm_meeting.look import Query, look
        from wlm_meeting.reminders import mend

        mend(ctx)
        note = _freshened(ctx)
        return look(ctx, Query(title, when, start, people or [], pick, kind, detail)).noted(note)

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
        scope: Scope | None = None,
        change: Change | None = None,
        repeat: Recurrence | None = None,
        video: Video | None = None,
    ) -> Reply:
        """Move, rename, lengthen or otherwise change a meeting."""
        from wlm_meeting.update import Wish, update

        wish = Wish(
            title,
            people or [],
            old,
            start,
            when,
            duration,
            new_title,
            location,
            scope,
            change,
            repeat,
            video is not None,
        )
        return _once(ctx, "update", lambda: update(ctx, wish))

    @intent(examples=["cancel {title} {when}"], effect="write")
    def cancel(
        self,
        ctx: Context,
        title: Title = "",
        people: People | None = None,
        when: When | None = None,
        start: Start | None = None,
        scope: Scope | None = None,
    ) -> Reply:
        """Take a meeting or reminder out of the calendar."""
        from wlm_meeting.cancel import Wish, cancel

        wish = Wish(title, people or [], when, start, scope)
        return _once(ctx, "cancel", lambda: cancel(ctx, wish))

    @intent(examples=["find a free hour with {people} {when}"])
    def find_time(
        self,
        ctx: Context,
        duration: Duration | None = None,
        when: When | None = None,
        people: People | None = None,
    ) -> Reply:
        """Find a time that is free."""
        from wlm_meeting.find_time import find_time

        note = _freshened(ctx)
        return find_time(ctx, duration, when, people or []).noted(note)

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
        before: Annotated[
            Duration, Slot("how long before the meeting of that title to be reminded of it")
        ]
        | None = None,
    ) -> Reply:
        """Remind you of something at a time, or some time before a meeting."""
        from wlm_meeting.remind import Wish, remind

        wish = Wish(title, start, when, repeat, before)
        return _once(ctx, "remind", lambda: remind(ctx, wish))

    @intent(effect="write")
    def notify(self, ctx: Context, entry: str, at: Time) -> Reply:
        """Say a reminder that is due; emitted by the skill, never routed to."""
        from wlm_meeting.reminders import notify

        return _once(ctx, "notify", lambda: notify(ctx, entry, at))

    @intent(effect="write")
    def restore(self, ctx: Context, families: str) -> Reply:
        """Put meetings back as they were; emitted to undo a change, never routed to."""
        from wlm_meeting.undo import restore

        return _once(ctx, "restore", lambda: restore(ctx, families))

    @intent(effect="write")
    def answered(self, ctx: Context, calendar: str, sender: str) -> Reply:
        """Keep what somebody answered to an invitation; emitted by the skill email."""
        from wlm_meeting.invite import answered

        return _once(ctx, "answered", lambda: answered(ctx, calendar, sender))

    @intent(effect="write", internal=True)
    def called_off(self, ctx: Context, calendar: str, sender: str) -> Reply:
        """Take out what its organiser cancelled by mail; emitted by the skill email."""
        from wlm_meeting.called_off import called_off

        return _once(ctx, "called off", lambda: called_off(ctx, calendar, sender))

    @intent(effect="write")
    def invited(
        self,
        ctx: Context,
        calendar: str,
        answer: Literal["accept", "decline", "tentative"],
        me: str,
    ) -> Reply:
        """Follow what was answered to an invitation; emitted by the skill email."""
        from wlm_meeting.invite import invited

        return _once(ctx, "invited", lambda: invited(ctx, calendar, answer, me))

    @intent(effect="write", priority=9, timeout=180)
    def sync(self, ctx: Context) -> Reply:
        """Bring the calendar in step with the one at the server; emitted after each change."""
        from wlm_meeting.sync import run

        return run.reply(run.sync(ctx))

    def vocabulary(self, ctx: Context) -> Mapping[str, Iterable[str]]:
        """Titles, people and places of coming meetings."""
        from wlm_meeting.vocabulary import vocabulary

        return vocabulary(ctx)

    def commands(self, context: Callable[[], Context]) -> Typer:
        """`wlm meeting import`, `export`, `sync` and `conflicts`."""
        from wlm_meeting.cli import commands

        return commands(context)
