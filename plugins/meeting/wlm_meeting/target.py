"""The one meeting that a change or a cancellation is about; asks back where it is not one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, NoReturn

from wlm.errors import BadRequest
from wlm.plugins import Context, Person, TimeRange, rules
from wlm_meeting import match, say
from wlm_meeting.calendar import Calendar, Fits
from wlm_meeting.entry import Occurrence

_MINUTE = timedelta(minutes=1)
_MOST = 5


class Target(NamedTuple):
    """What was said of it. ``when`` is the range or moment at which it is now.

    ``slot`` is the slot that an answer about the time goes to, ``value`` makes the slot's
    JSON form of an occurrence.
    """

    title: str
    people: Sequence[Person]
    when: TimeRange | None
    slot: str
    value: Callable[[Occurrence], Any]

    @property
    def what(self) -> match.Wanted:
        """What the title and the people ask for."""
        return match.wanted(self.title, self.people)


def moment(start: datetime) -> TimeRange:
    """The minute at ``start``, as a range."""
    return TimeRange(start, start + _MINUTE)


def find(ctx: Context, calendar: Calendar, target: Target) -> Occurrence:
    """The occurrence that is meant. Asks if there are several; ``BadRequest`` if there is none."""
    what = target.what
    if what.anything and target.when is None:
        last = remembered(ctx, calendar)
        if last is not None and what.kind in ("", last.entry.kind):
            return last
    found = candidates(calendar, target)
    if not found:
        _miss(ctx, calendar, target)
    if not _same(found):
        _which(ctx, target, found)
    return found[0]


def find_from(
    ctx: Context, calendar: Calendar, target: Target, since: datetime | None
) -> Occurrence:
    """The first occurrence from ``since`` on of what is meant; asks as ``find`` does."""
    what = target.what
    fits: Fits = what.fits
    if what.anything and (last := remembered(ctx, calendar)) is not None:
        if since is None:
            return last
        family = last.entry.series or last.entry.id
        fits = lambda entry: family in (entry.id, entry.series)  # noqa: E731 - one line
    found = calendar.search(fits, since=since, limit=50)
    found = found if fits != what.fits else match.best(found, what)
    found = [o for o in found if o.entry.repeats or o.entry.series] or found
    found = [o for o in found if o.start == since] or found
    if not found:
        _miss(ctx, calendar, target)
    if not _same(found):
        _which(ctx, target, found)
    return found[0]


def candidates(calendar: Calendar, target: Target) -> list[Occurrence]:
    """All that fit best; of a series without a time, the next occurrence."""
    what = target.what
    if target.when is None:
        return match.best(calendar.search(what.fits, limit=50), what)
    found = calendar.between(target.when.start, target.when.end, what.fits)
    start, end = (rules.local(t, calendar.zone) for t in (target.when.start, target.when.end))
    exact = [o for o in found if o.start == start]
    inside = [o for o in found if start <= o.start < end]
    short = end - start <= timedelta(hours=1)
    return match.best((exact if short else []) or inside or found, what)


def remembered(ctx: Context, calendar: Calendar) -> Occurrence | None:
    """What the conversation was last about."""
    known = ctx.memory.get("meeting")
    if not isinstance(known, dict) or not known.get("start"):
        return None
    start = datetime.fromisoformat(str(known["start"]))
    for occurrence in calendar.between(start, start + _MINUTE):
        if known.get("id") in (occurrence.entry.id, occurrence.entry.series):
            return occurrence
    return None


def _same(found: Sequence[Occurrence]) -> bool:
    """Whether they cannot be told apart by what is said of them."""
    return len({(say.name(o.entry), o.start, o.entry.kind) for o in found}) == 1


def _which(ctx: Context, target: Target, found: Sequence[Occurrence]) -> NoReturn:
    """Ask which one is meant: by time where that tells them apart, else by title."""
    shown = found[:_MOST]
    labels = [say.label(o, ctx.now) for o in shown]
    question = f"Which one: {say.joined(labels, 'or')}?"
    if len({o.start for o in found}) == len(found):
        pairs = [(label, target.value(o)) for label, o in zip(labels, shown, strict=True)]
        ctx.ask(target.slot, question, pairs)
    ctx.ask("title", question, [(say.name(o.entry), o.entry.title) for o in shown])


def _miss(ctx: Context, calendar: Calendar, target: Target) -> NoReturn:
    """Nothing fits: ask about what nearly does, by another time or another title."""
    what = target.what
    if target.when is not None and not what.anything:
        near = match.best(calendar.search(what.fits, limit=20), what)[:3]
        if near:
            labels = [say.label(o, ctx.now) for o in near]
            ctx.ask(
                target.slot,
                f"There is none then. Did you mean {say.joined(labels, 'or')}?",
                [(label, target.value(o)) for label, o in zip(labels, near, strict=True)],
            )
        there = calendar.between(target.when.start, target.when.end)[:3]
        if there:
            names = [say.name(o.entry) for o in there]
            ctx.ask(
                "title",
                f"I find no such meeting then. Did you mean {say.joined(names, 'or')}?",
                [(say.name(o.entry), o.entry.title) for o in there],
            )
    raise BadRequest(
        "There is no such meeting in the calendar; nothing was changed.",
        hint='Ask `wlm ask "what meetings do I have this week"` for those that are there.',
    )
