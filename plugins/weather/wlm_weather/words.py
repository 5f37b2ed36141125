"""Sentences to be heard. What was asked is answered first: yes or no, then why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from wlm_weather.aspects import Aspect
from wlm_weather.series import Forecast, Hour, Summary, days, describe, spells, summarise
from wlm_weather.units import Units

_BREEZES = (
    (12, "hardly any wind"),
    (29, "a light breeze"),
    (50, "a fresh breeze"),
    (75, "a strong wind"),
    (103, "a storm"),
    (10_000, "a violent storm"),
)


class Asked(NamedTuple):
    """What is answered: where, which hours, and how the time is called.

    ``clock`` is the local time at the place. ``now`` is whether no time was said, or this
    very hour.
    """

    place: str
    forecast: Forecast
    hours: Sequence[Hour]
    when: str
    clock: datetime
    now: bool
    units: Units

    @property
    def summary(self) -> Summary:
        """What the hours come to."""
        return summarise(self.hours)

    @property
    def many_days(self) -> bool:
        """Whether the hours cover more than a day and a night."""
        return len(self.hours) > 30


def call(start: datetime, end: datetime, clock: datetime) -> str:
    """The time in words, as seen from ``clock``: "tomorrow", "on Friday evening", …"""
    length = end - start
    if length > timedelta(hours=30):
        last = end - timedelta(seconds=1)
        return f"from {_day(start.date(), clock.date())} to {_day(last.date(), clock.date())}"
    name = _day(start.date(), clock.date())
    if length >= timedelta(hours=23):
        return name if name in ("today", "tomorrow", "yesterday") else f"on {name}"
    part = _part(start, end)
    if name == "today":
        return {"evening": "this evening", "night": "tonight"}.get(part, f"this {part}")
    if name in ("tomorrow", "yesterday"):
        return f"{name} {part}"
    return f"on {name} {part}"


def general(asked: Asked) -> str:
    """The weather as a whole."""
    if asked.many_days:
        return _stretch(asked)
    summary, units = asked.summary, asked.units
    outlook = f"{summary.words}, {units.span(summary.low, summary.high)}{_chance(summary)}"
    if summary.wind >= 50:
        outlook += f", wind up to {units.speed(summary.wind)}"
    if not asked.now:
        return _sentence(f"{asked.when} in {asked.place}: {outlook}.")
    now = asked.forecast.now
    feels = _feels(now.temperature, now.feels, units)
    first = f"In {asked.place} it is {units.temperature(now.temperature)}{feels} now"
    rest = f"{_rest_of(asked)}: {outlook}."
    return f"{first}, {describe(now.code)}. {_sentence(rest)}"


def aspect(asked: Asked, what: Aspect) -> str:
    """One thing about the weather, answered as it was asked."""
    return {
        "rain": _rain,
        "snow": _snow,
        "temperature": _temperature,
        "wind": _wind,
        "sun": _sun,
        "humidity": _humidity,
        "sunrise": lambda asked: _sun_time(asked, 0, "rises"),
        "sunset": lambda asked: _sun_time(asked, 1, "sets"),
    }[what](asked)


def change(asked: Asked, before: Asked) -> str:
    """A day's temperatures beside those of the day before."""
    mean, other = (sum(h.temperature for h in a.hours) / len(a.hours) for a in (asked, before))
    spans = [asked.units.span(a.summary.low, a.summary.high) for a in (asked, before)]
    apart = mean - other
    if abs(apart) < 1:
        middle = f"about as warm as {before.when}"
    else:
        middle = f"{'warmer' if apart > 0 else 'colder'} than {before.when}"
    return _sentence(f"{asked.when} it is {middle} in {asked.place}: {spans[0]}, after {spans[1]}.")


def verdict(summary: Summary, what: Aspect) -> bool | None:
    """Yes, no, or ``None`` for maybe, or where the question is not one of yes and no."""
    chance = summary.chance if summary.chance is not None else (100.0 if summary.rain >= 0.5 else 0)
    match what:
        case "rain":
            if chance >= 50 or summary.rain >= 2:
                return True
            return None if chance >= 25 or summary.rain >= 0.5 else False
        case "snow":
            if summary.snow < 0.1:
                return False
            return True if chance >= 50 or summary.snow >= 0.5 else None
        case _:
            return None


def age(passed: timedelta) -> str:
    """How old an answer is, in words."""
    minutes = round(passed.total_seconds() / 60)
    if minutes < 90:
        return f"{max(minutes, 1)} minute{'s' if minutes > 1 else ''} old"
    hours = round(minutes / 60)
    return f"{hours} hours old" if hours < 48 else f"{round(hours / 24)} days old"


def _rain(asked: Asked) -> str:
    summary, where = asked.summary, f"{asked.when} in {asked.place}"
    facts = _brackets(_percent(summary), asked.units.amount(summary.rain))
    raining = asked.now and asked.forecast.now.rain > 0
    if raining:
        return f"Yes, it is {describe(asked.forecast.now.code)} in {asked.place} now{facts}."
    match verdict(summary, "rain"):
        case True:
            kind = "snow" if summary.snow >= 0.1 and summary.low < 1 else "rain"
            return f"Yes, {kind} is likely {where}{facts}{_times(asked)}."
        case None:
            return f"Maybe: there is some chance of rain {where}{facts}."
        case _:
            return f"No, no rain is expected {where}{facts}."


def _snow(asked: Asked) -> str:
    summary, where = asked.summary, f"{asked.when} in {asked.place}"
    match verdict(summary, "snow"):
        case True:
            deep = asked.units.snow(summary.snow)
            return f"Yes, snow is likely {where}, {deep}{_times(asked)}."
        case None:
            return f"Maybe: a little snow is possible {where}{_brackets(_percent(summary))}."
        case _:
            span = asked.units.span(summary.low, summary.high)
            return f"No, no snow is expected {where}; it will be {span}."


def _temperature(asked: Asked) -> str:
    summary, units, now = asked.summary, asked.units, asked.forecast.now
    frost = " It will freeze." if summary.low < 0 else ""
    span = units.span(summary.low, summary.high)
    if not asked.now:
        return _sentence(f"{asked.when} in {asked.place}: {span}.{frost}")
    feels = _feels(now.temperature, now.feels, units)
    first = f"It is {units.temperature(now.temperature)}{feels} in {asked.place} now"
    return f"{first}; {_rest_of(asked)} {span}.{frost}"


def _wind(asked: Asked) -> str:
    summary, units = asked.summary, asked.units
    name = next(text for limit, text in _BREEZES if summary.wind < limit)
    line = f"{asked.when} in {asked.place}: {name}, up to {units.speed(summary.wind)}"
    if summary.gusts is not None and summary.gusts > summary.wind + 15:
        line += f", gusts of {units.speed(summary.gusts)}"
    return _sentence(f"{line}.")


def _sun(asked: Asked) -> str:
    summary, where = asked.summary, f"{asked.when} in {asked.place}"
    daylight = _daylight(asked)
    tail = _rise_and_set(asked)
    if not daylight:
        return f"No, the sun is down {where}.{tail}"
    hours = round(summary.sun)
    shown = f"about {hours} hour{'s' if hours != 1 else ''} of sun"
    if summary.sun >= 0.6 * daylight:
        return f"Yes, mostly sunny {where}: {shown}.{tail}"
    if summary.sun >= 0.2 * daylight:
        return f"Partly: {shown} {where}.{tail}"
    return f"No, hardly any sun {where}: {summary.words}.{tail}"


def _sun_time(asked: Asked, which: int, verb: str) -> str:
    """When the sun rises or sets; the next time it does, where no day was said."""
    today = asked.clock.date()
    day = asked.hours[0].time.date()
    times = asked.forecast.sun.get(day)
    if asked.now and times and times[which] < asked.clock:
        day += timedelta(days=1)
        times = asked.forecast.sun.get(day)
    if times is None:
        return f"I do not know when the sun {verb} in {asked.place}."
    name = _day(day, today)
    when = name if name in ("today", "tomorrow", "yesterday") else f"on {name}"
    return f"The sun {verb} at {asked.units.clock(times[which])} {when} in {asked.place}."


def _humidity(asked: Asked) -> str:
    summary, now = asked.summary, asked.forecast.now
    value = now.humidity if asked.now else summary.humidity
    if value is None:
        return f"The service gives no humidity for {asked.place}."
    feel = "dry air" if value < 40 else "damp air" if value > 75 else "comfortable"
    when = "now" if asked.now else asked.when
    return f"The humidity in {asked.place} {when} is {round(value)} percent: {feel}."


def _stretch(asked: Asked) -> str:
    """Several days in two sentences."""
    summary, units = asked.summary, asked.units
    wet = [
        day for day, hours in days(asked.hours).items() if verdict(summarise(hours), "rain") is True
    ]
    first = f"{asked.when} in {asked.place}: {units.span(summary.low, summary.high)}."
    total = len(days(asked.hours))
    if not wet:
        second = "No rain is expected."
    elif len(wet) == total:
        second = "Rain is likely every day."
    elif len(wet) <= 3:
        second = f"Rain is likely {_on(wet, asked.clock.date())}."
    else:
        second = f"Rain is likely on {len(wet)} of {total} days."
    return f"{_sentence(first)} {second}"


def _rest_of(asked: Asked) -> str:
    return "tonight" if asked.clock.hour >= 18 else "today"


def _times(asked: Asked) -> str:
    """When it falls, if that is one or two spells within a day."""
    if asked.many_days:
        wet = [d for d, h in days(asked.hours).items() if verdict(summarise(h), "rain") is True]
        few = 0 < len(wet) <= 3
        return f", {_on(wet, asked.clock.date())}" if few else ""
    found = spells(asked.hours)
    hours = sum((end - start).total_seconds() for start, end in found) / 3600
    if not found or len(found) > 2 or hours > 0.8 * len(asked.hours):
        return ""
    clock = asked.units.clock
    return ", " + _list([f"from {clock(start)} to {clock(end)}" for start, end in found])


def _daylight(asked: Asked) -> float:
    """Hours between sunrise and sunset within the hours asked for."""
    total = 0.0
    for hour in asked.hours:
        times = asked.forecast.sun.get(hour.time.date())
        if times is None:
            total += 1.0 if hour.sun > 0 else 0.0
            continue
        start, end = max(hour.time, times[0]), min(hour.time + timedelta(hours=1), times[1])
        total += max(0.0, (end - start).total_seconds() / 3600)
    return total


def _rise_and_set(asked: Asked) -> str:
    times = asked.forecast.sun.get(asked.hours[0].time.date())
    if times is None or asked.many_days:
        return ""
    rise, set_ = (asked.units.clock(moment) for moment in times)
    return f" Sunrise is at {rise}, sunset at {set_}."


def _feels(actual: float, feels: float | None, units: Units) -> str:
    if feels is None or abs(feels - actual) < 3:
        return ""
    return f", feels like {spoken_degrees(units, feels)},"


def spoken_degrees(units: Units, celsius: float) -> str:
    """The bare number to be heard: "minus 3"."""
    return units.temperature(celsius).rpartition(" ")[0]


def _chance(summary: Summary) -> str:
    if summary.chance is None or (summary.chance < 25 and summary.rain < 0.5):
        return ""
    return f", {round(summary.chance)} percent chance of rain"


def _percent(summary: Summary) -> str:
    return "" if summary.chance is None else f"{round(summary.chance)} percent"


def _brackets(*parts: str) -> str:
    shown = [part for part in parts if part]
    return f" ({', '.join(shown)})" if shown else ""


def _day(day: date, today: date) -> str:
    match (day - today).days:
        case 0:
            return "today"
        case 1:
            return "tomorrow"
        case -1:
            return "yesterday"
        case gap if 1 < gap < 7:
            return f"{day:%A}"
        case _:
            return f"{day:%A} {day.day} {day:%B}"


def _on(found: Sequence[date], today: date) -> str:
    """Days to be heard: "tomorrow and Tuesday", "on Tuesday"."""
    names = [_day(day, today) for day in found]
    return _list(names) if names[0].islower() else f"on {_list(names)}"


def _part(start: datetime, end: datetime) -> str:
    middle = (start + (end - start) / 2).hour
    past_midnight = end - timedelta(seconds=1) >= start.replace(hour=0) + timedelta(days=1)
    if middle < 5 or start.hour >= 21 or (middle >= 22 and past_midnight):
        return "night"
    return "morning" if middle < 12 else "afternoon" if middle < 18 else "evening"


def _list(parts: Sequence[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
