"""From a frame to values: which day, which half of the day, where a range ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from wlm.pipeline.slots.atoms import Clock, Day, Part, Repeat, Span, Tokens
from wlm.pipeline.slots.calendar import Calendar, shift
from wlm.pipeline.slots.frames import Frame
from wlm.pipeline.slots.parts import day_part
from wlm.pipeline.slots.recurrences import CODES, codes

_BUSINESS = range(7, 22)
_OPEN_DAYS = 30


class When(NamedTuple):
    """A resolved expression.

    ``start`` and ``end`` (exclusive) are aware; both ``None`` if only a length or a
    recurrence was said. ``clock``: a clock time was said; ``ranged``: both ends of it, or
    one with "after" or "before". ``spans`` are character offsets of the pieces.
    """

    start: datetime | None
    end: datetime | None
    clock: bool
    ranged: bool
    length: timedelta | None
    rrule: str
    excluded: tuple[tuple[datetime, datetime], ...]
    spans: tuple[tuple[int, int], ...]
    mode: str
    first: int
    last: int


def resolve(frame: Frame, tokens: Tokens, cal: Calendar, mood: str = "") -> When | None:
    """The frame's value; nothing if its parts make no sense together."""
    rrule = ""
    if frame.repeat is not None:
        start, end, rrule = _recurring(frame, cal, mood)
    else:
        start, end = _range(frame, cal, mood)
    if start is None and frame.length is None and not rrule:
        return None
    clock = frame.clock is not None or (frame.point is not None)
    start, end = _bounded(frame, cal, start, end, clock=clock)
    if start is not None and end is not None and end < start:
        return None
    first = min(piece[0] for piece in frame.pieces)
    last = max(piece[1] for piece in frame.pieces)
    return When(
        start=start,
        end=end,
        clock=clock,
        ranged=clock
        and (frame.clock_to is not None or frame.mode in ("after", "before", "since", "until")),
        length=None if frame.length is None or _bounds_repeat(frame) else frame.length.length,
        rrule=rrule,
        excluded=tuple(_exceptions(frame, cal)),
        spans=tuple((tokens[a].start, tokens[b - 1].end) for a, b in frame.pieces),
        mode=frame.mode,
        first=first,
        last=last,
    )


def _range(frame: Frame, cal: Calendar, mood: str) -> tuple[datetime | None, datetime | None]:
    if frame.point is not None and frame.span is None:
        return frame.point.moment, frame.point.moment + timedelta(hours=1)
    if frame.clock is not None:
        return _clocked(frame, cal, mood)
    if frame.part is not None and frame.span is None:
        span = day_part(frame.day, frame.part, cal)
        if frame.part_to is not None:
            end = day_part(frame.day_to or Day(span.start.date()), frame.part_to, cal).end
            return span.start, end
        return span.start, span.end
    if frame.day is not None:
        return _days(frame.day, frame.day_to, cal)
    if frame.span is not None:
        if frame.span_to is not None:
            return frame.span.start, _later_span(frame.span, frame.span_to)
        if frame.day_to is not None:
            return frame.span.start, cal.days(frame.day_to.date)[1]
        return frame.span.start, frame.span.end
    return None, None


def _later_span(first: Span, second: Span) -> datetime:
    """The end of "from November to March": the next March after November."""
    end = second.end
    while end <= first.start and end.year < 2199:
        end = end.replace(year=end.year + 1)
    return end


def _days(day: Day, to: Day | None, cal: Calendar) -> tuple[datetime, datetime]:
    first = day.date
    if to is None:
        return cal.days(first)
    last = to.date
    if day.bump == "month" and to.bump in ("year", "") and not to.weekday and last.day >= first.day:
        first = last.replace(day=first.day)  # "the 3rd to the 7th of March"
    if day.bump == "week" and to.weekday and not to.bump:  # "from Friday to Sunday next week"
        first = shift(first, "week", max(0, (last - first).days // 7))
    if last < first and to.bump:
        last = shift(last, to.bump, 1)
    return cal.at(first), cal.at(shift(max(first, last), "day", 1))


def _clocked(frame: Frame, cal: Calendar, mood: str) -> tuple[datetime, datetime]:
    clock = frame.clock
    assert clock is not None
    if frame.clock_to is not None and not clock.sure:
        clock = _shared(clock, frame.clock_to)
    date_said = frame.day
    if frame.span is not None:
        date_said = Day(frame.span.start.date())
    start = _moment(clock, date_said, frame.part, cal, mood)
    if frame.clock_to is None:
        if frame.day_to is not None:
            return start, cal.days(frame.day_to.date)[1]
        return start, start + timedelta(hours=1)
    return start, _far_end(start, frame.clock_to, frame, cal)


def _far_end(start: datetime, clock: Clock, frame: Frame, cal: Calendar) -> datetime:
    date_said = frame.day_to.date if frame.day_to else start.date()
    hours = [clock.hour] if clock.sure else [clock.hour % 12, clock.hour % 12 + 12]
    for hour in [*hours, *(hour + 24 for hour in hours)]:
        end = cal.at(date_said, hour, clock.minute)
        if end > start:
            return end
    return start + timedelta(hours=1)


def _shared(clock: Clock, to: Clock) -> Clock:
    """Such as "two to four pm": the first takes the half of the second, if that comes later."""
    if not to.half or clock.sure:
        return clock
    hour = clock.hour % 12
    later = to.hour % 12
    afternoon = (to.half == "pm") == ((hour, clock.minute) < (later, to.minute))
    return Clock(hour + (12 if afternoon else 0), clock.minute, sure=True)


def _moment(clock: Clock, day: Day | None, part: Part | None, cal: Calendar, mood: str) -> datetime:
    """The moment of a clock time; an hour without am or pm is guessed from what is around it."""
    if part is not None and not clock.half:
        return cal.at(_part_day(day, part, clock, cal), _hour_in(part, clock), clock.minute)
    if clock.sure:
        hour = 24 if clock.night and clock.hour == 0 else clock.hour
        return _sure(cal, day, hour, clock.minute)
    if day is not None and (day.date != cal.today or cal.past):
        return cal.at(day.date, _usual(clock.hour, mood), clock.minute)
    return _nearest(clock, day, cal, mood)


def _sure(cal: Calendar, day: Day | None, hour: int, minute: int) -> datetime:
    if day is not None:
        said = cal.at(day.date, hour, minute)
        if day.bump and day.date == cal.today and not cal.past and said <= cal.now:
            return cal.at(shift(day.date, day.bump, 1), hour, minute)
        if day.bump and day.date == cal.today and cal.past and said > cal.now:
            return cal.at(shift(day.date, day.bump, -1), hour, minute)
        return said
    said = cal.at(cal.today, hour, minute)
    if cal.past:
        return said if said <= cal.now else cal.at(shift(cal.today, "day", -1), hour, minute)
    return said if said > cal.now else cal.at(shift(cal.today, "day", 1), hour, minute)


def _nearest(clock: Clock, day: Day | None, cal: Calendar, mood: str) -> datetime:
    """The hour on today or, where no day was said, the next time that it is usual."""
    hour = clock.hour % 12
    today = [(h, cal.at(cal.today, h, clock.minute)) for h in (hour, hour + 12)]
    if cal.past:
        been = [moment for _h, moment in today if moment <= cal.now]
        if been:
            return been[-1]
        yesterday = shift(cal.today, "day", -1)
        return cal.at(yesterday, hour + 12, clock.minute)
    usual = _usual(clock.hour, mood)
    fixed = day is not None and not day.bump
    named = day is not None and day.weekday and bool(day.bump)
    if mood and cal.at(cal.today, usual, clock.minute) > cal.now:
        return cal.at(cal.today, usual, clock.minute)
    for h, moment in today:
        if named and h != usual:
            continue  # "Monday at 9", said on a Monday at ten, is a week ahead
        if moment > cal.now and (h in _BUSINESS or (fixed and h >= 7)):
            return moment
    if fixed:
        return cal.at(cal.today, usual, clock.minute)
    step = day.bump if day is not None and day.bump else "day"
    return cal.at(shift(cal.today, step, 1), usual, clock.minute)


def _usual(hour: int, mood: str) -> int:
    """The hour in the half of the day that people mean: 7 to 11 before noon, the rest after."""
    hour %= 12
    if mood == "evening":
        return hour + 12 if hour >= 4 else (hour + 12 if hour else 24)
    if mood == "morning":
        return hour if hour >= 4 else hour + 12
    return hour if 7 <= hour <= 11 else hour + 12


def _hour_in(part: Part, clock: Clock) -> int:
    hour = clock.hour % 12
    if clock.hour > 12:
        return clock.hour
    if part.name == "morning":
        return hour
    if part.name in ("night", "nighttime", "overnight"):
        if clock.night or hour == 0:
            return 24
        return hour + 24 if hour <= 4 else hour + 12
    if part.name == "daytime":
        return hour if 6 <= hour <= 11 else hour + 12
    return hour + 12


def _part_day(day: Day | None, part: Part, clock: Clock, cal: Calendar) -> date:
    hour = _hour_in(part, clock)
    if day is not None:
        said = cal.at(day.date, hour, clock.minute)
        if day.bump and day.date == cal.today and not cal.past and said <= cal.now:
            return shift(day.date, day.bump, 1)
        return day.date
    if part.this:
        return cal.today
    said = cal.at(cal.today, hour, clock.minute)
    if cal.past:
        return cal.today if said <= cal.now else shift(cal.today, "day", -1)
    return cal.today if said > cal.now else shift(cal.today, "day", 1)


def _bounded(
    frame: Frame, cal: Calendar, start: datetime | None, end: datetime | None, *, clock: bool
) -> tuple[datetime | None, datetime | None]:
    """Apply "by", "until", "since", "after" and "before" where one end was said.

    With a clock time ``start`` stays what was said, so that a single time can be read
    from it, unless the range ends there.
    """
    if start is None or end is None or frame.repeat is not None:
        return start, end
    if frame.clock_to or frame.day_to or frame.span_to or frame.part_to:
        return start, end
    floor = cal.at(date(1970, 1, 1)) if cal.past else min(cal.now, end)
    today = cal.at(start.date()) if clock and start.date() != cal.today else floor
    match frame.mode:
        case "since":
            return start, max(cal.now, start)
        case "after":
            if clock:
                return start, cal.days(start.date())[1]
            return end, end + timedelta(days=_OPEN_DAYS)
        case "before" if clock:
            return today, start
        case "before":
            return floor, start
        case "until" if clock:
            return today, start
        case "until":
            return floor, end
        case "by" if not clock:
            return floor, end
    return start, end


def _recurring(
    frame: Frame, cal: Calendar, mood: str
) -> tuple[datetime | None, datetime | None, str]:
    """(first start, its end, RRULE). The first is ``None`` where no time or day was said."""
    repeat = frame.repeat
    assert repeat is not None
    rule = dict(repeat.rule)
    _anchor_rule(rule, frame)
    dropped = {
        item.date.weekday()
        for item in frame.excluded
        if isinstance(item, Day) and item.weekday and item.bump
    }
    for item in frame.excluded:
        if isinstance(item, Repeat):
            dropped |= {
                CODES.index(code)
                for code in dict(item.rule).get("BYDAY", "").split(",")
                if code in CODES
            }
    _drop_days(rule, dropped)
    part = frame.part or repeat.part
    day = frame.day.date if frame.day and not frame.day_to else repeat.day
    anchor = max(day, cal.today) if day else cal.today
    start = end = None
    if frame.clock is not None:
        start = _first(rule, anchor, frame.clock, part, cal, mood)
        end = start + timedelta(hours=1)
        if frame.clock_to is not None:
            end = _far_end(start, frame.clock_to, frame, cal)
    elif part is not None:
        found = _first_date(rule, anchor)
        if cal.at(found, part.end) <= cal.now:
            found = _first_date(rule, shift(found, "day", 1))
        start, end = cal.at(found, part.start), cal.at(found, part.end)
    elif day is not None:
        start, end = cal.days(_first_date(rule, anchor))
    if frame.count:
        rule["COUNT"] = str(frame.count)
    elif (until := _until(frame, cal)) is not None:
        rule["UNTIL"] = until.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    return start, end, ";".join(f"{key}={value}" for key, value in rule.items())


def _anchor_rule(rule: dict[str, str], frame: Frame) -> None:
    """Read a day said beside the recurrence into it: "on Mondays … weekly", "June 3 every year"."""
    day = frame.day
    if frame.span is not None and frame.span.unit == "month" and rule["FREQ"] == "YEARLY":
        rule.setdefault("BYMONTH", str(frame.span.start.month))
    if day is None or frame.mode == "from":
        return
    if rule["FREQ"] == "WEEKLY" and "BYDAY" not in rule and day.weekday:
        last = frame.day_to.date if frame.day_to else day.date
        length = (last.weekday() - day.date.weekday()) % 7 + 1
        rule["BYDAY"] = codes([(day.date.weekday() + step) % 7 for step in range(length)])
    elif rule["FREQ"] == "MONTHLY" and len(rule) == 1 and day.bump == "month":
        rule["BYMONTHDAY"] = str(day.date.day)
    elif rule["FREQ"] == "YEARLY" and "BYMONTH" not in rule and day.bump == "year":
        rule["BYMONTH"], rule["BYMONTHDAY"] = str(day.date.month), str(day.date.day)


def _drop_days(rule: dict[str, str], dropped: set[int]) -> None:
    """Such as "every day except Sunday": a weekday left out goes into the rule itself."""
    if not dropped:
        return
    if rule["FREQ"] == "DAILY" and "INTERVAL" not in rule:
        kept = [code for index, code in enumerate(CODES) if index not in dropped]
        rule["FREQ"], rule["BYDAY"] = "WEEKLY", ",".join(kept)
    elif "BYDAY" in rule and rule["FREQ"] == "WEEKLY":
        kept = [c for c in rule["BYDAY"].split(",") if CODES.index(c) not in dropped]
        if kept:
            rule["BYDAY"] = ",".join(kept)


def _first(
    rule: dict[str, str], anchor: date, clock: Clock, part: Part | None, cal: Calendar, mood: str
) -> datetime:
    """The first occurrence from ``anchor`` on that is still to come."""
    found = _first_date(rule, anchor)
    moment = _on(found, clock, part, cal, mood)
    if moment <= cal.now:
        moment = _on(_first_date(rule, shift(found, "day", 1)), clock, part, cal, mood)
    return moment


def _on(day: date, clock: Clock, part: Part | None, cal: Calendar, mood: str) -> datetime:
    if part is not None and not clock.half:
        return cal.at(day, _hour_in(part, clock), clock.minute)
    hour = clock.hour if clock.sure else _usual(clock.hour, mood)
    return cal.at(day, hour, clock.minute)


def _first_date(rule: dict[str, str], anchor: date) -> date:
    """The first date on or after ``anchor`` that the rule's BY parts allow."""
    days = rule.get("BYDAY", "")
    months, month_days = rule.get("BYMONTH", ""), rule.get("BYMONTHDAY", "")
    if not (days or months or month_days):
        return anchor
    day = anchor
    for _ in range(366 * 8):
        if (
            (not months or str(day.month) == months)
            and (not month_days or any(_is_month_day(day, int(d)) for d in month_days.split(",")))
            and (not days or any(_is_weekday(day, code) for code in days.split(",")))
            and _is_set_position(day, rule.get("BYSETPOS", ""))
        ):
            return day
        day = shift(day, "day", 1)
    return anchor


def _is_set_position(day: date, position: str) -> bool:
    """Whether a weekday is the first, second … or last working day of its month."""
    if not position:
        return True
    first = day.replace(day=1)
    days = [shift(first, "day", step) for step in range(31)]
    working = [d for d in days if d.month == day.month and d.weekday() < 5]
    index = int(position) - 1 if int(position) > 0 else int(position)
    return -len(working) <= index < len(working) and working[index] == day


def _is_month_day(day: date, number: int) -> bool:
    return day.day == number if number > 0 else shift(day, "day", -number).day == 1


def _is_weekday(day: date, code: str) -> bool:
    if day.weekday() != CODES.index(code[-2:]):
        return False
    nth = code[:-2]
    if not nth:
        return True
    if nth.startswith("-"):
        return shift(day, "week", 1).month != day.month
    return (day.day - 1) // 7 + 1 == int(nth)


def _bounds_repeat(frame: Frame) -> bool:
    """Whether "for two weeks" says how long it goes on, not how long it takes."""
    length = frame.length
    return (
        frame.repeat is not None
        and length is not None
        and (length.unit in ("day", "week", "fortnight"))
    )


def _until(frame: Frame, cal: Calendar) -> datetime | None:
    """The last second of what bounds the recurrence."""
    if isinstance(frame.until, Day):
        return cal.days(frame.until.date)[1] - timedelta(seconds=1)
    if isinstance(frame.until, Span):
        return frame.until.end - timedelta(seconds=1)
    if frame.length is not None and _bounds_repeat(frame):
        anchor = max(frame.day.date, cal.today) if frame.day else cal.today
        return cal.at(shift(anchor, "day", frame.length.length.days)) - timedelta(seconds=1)
    return None


def _exceptions(frame: Frame, cal: Calendar) -> list[tuple[datetime, datetime]]:
    """Ranges in which nothing happens; weekdays are left out of the rule instead."""
    ranges = []
    for item in frame.excluded:
        if isinstance(item, Span):
            ranges.append((item.start, item.end))
        elif isinstance(item, Day) and not (item.weekday and item.bump):
            ranges.append(cal.days(item.date))
    return ranges
