"""The hours as a small picture for the terminal: a line of temperature, bars of rain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from wlm_weather.series import Forecast, Hour, days, summarise
from wlm_weather.units import Units

ROWS = 5
WIDE = 48
BARS = " ▁▂▃▄▅▆▇█"
FULL_BAR = 4.0
"""Millimetres in an hour that fill a bar."""


def draw(title: str, forecast: Forecast, hours: Sequence[Hour], units: Units) -> str:
    """Title and picture: by hour for up to two days, by day for more. Plain text."""
    if len(hours) > WIDE:
        body = _table(hours, units)
    elif len(hours) > 2:
        body = [*_curve(hours, units), *_rain(hours, units), _axis(hours)]
    else:
        body = []
    return "\n".join(line.rstrip() for line in (title, *body, _facts(forecast, hours, units)))


def _curve(hours: Sequence[Hour], units: Units) -> list[str]:
    """A point an hour, the warmest on the top row."""
    low, high = min(h.temperature for h in hours), max(h.temperature for h in hours)
    step = (high - low) / (ROWS - 1) or 1.0
    levels = [round((hour.temperature - low) / step) for hour in hours]
    labels = {ROWS - 1: units.degrees(high), 0: units.degrees(low)}
    return [
        f"{_label(labels.get(row), units)} "
        + "".join(_point(levels, i, row) * _width(hours) for i in range(len(hours)))
        for row in range(ROWS - 1, -1, -1)
    ]


def _point(levels: Sequence[int], index: int, row: int) -> str:
    """The line, joined upright where it climbs or falls by more than a row."""
    here = levels[index]
    if row == here:
        return "─"
    before = levels[index - 1] if index else here
    return "│" if min(here, before) < row < max(here, before) else " "


def _rain(hours: Sequence[Hour], units: Units) -> list[str]:
    if not any(hour.rain >= 0.05 for hour in hours):
        return []
    bars = "".join(
        BARS[min(8, max(1, round(hour.rain / FULL_BAR * 8)) if hour.rain >= 0.05 else 0)]
        * _width(hours)
        for hour in hours
    )
    return [f"{'rain':>7} {bars}"]


def _axis(hours: Sequence[Hour]) -> str:
    """The clock hour under every sixth column."""
    width = _width(hours)
    line = [" "] * (len(hours) * width + 2)
    for index, hour in enumerate(hours):
        if hour.time.hour % 6 == 0:
            line[index * width : index * width + 2] = f"{hour.time.hour:<2}"
    return f"{'':7} " + "".join(line)


def _table(hours: Sequence[Hour], units: Units) -> list[str]:
    lines = []
    for day, part in days(hours).items():
        total = summarise(part)
        span = f"{units.degrees(total.low):>4} … {units.degrees(total.high):>3} {units.sign}"
        chance = "" if total.chance is None else f"{round(total.chance):>4} %"
        lines.append(
            f"{day:%a} {day.day:>2} {day:%b}  {total.words:<22} {span} {chance:>6} "
            f"{units.amount_sign(total.rain):>8}"
        )
    return lines


def _facts(forecast: Forecast, hours: Sequence[Hour], units: Units) -> str:
    total = summarise(hours)
    chance = "" if total.chance is None else f" ({round(total.chance)} %)"
    parts = [
        total.words,
        f"{units.degrees(total.low)} … {units.degrees(total.high)} {units.sign}",
        f"rain {units.amount_sign(total.rain)}{chance}",
        f"wind {units.speed_sign(total.wind)}",
    ]
    times = forecast.sun.get(hours[0].time.date())
    if times and len(hours) <= WIDE:
        parts.append(f"sun {_clock(times[0])}–{_clock(times[1])}")
    return " · ".join(parts)


def _label(value: int | None, units: Units) -> str:
    return f"{'' if value is None else f'{value} {units.sign}':>7}"


def _width(hours: Sequence[Hour]) -> int:
    return 2 if len(hours) <= WIDE // 2 else 1


def _clock(moment: datetime) -> str:
    return f"{moment:%H:%M}"
