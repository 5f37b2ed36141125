"""A forecast as numbers: hours, the sun, and what a stretch of hours comes to.

Units are metric throughout: °C, mm, cm of snow, km/h, percent. Times are local to the
place and without zone, as people there read them off a clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

CODES = {
    0: "clear sky",
    1: "mostly clear",
    2: "partly cloudy",
    3: "overcast",
    45: "fog",
    48: "freezing fog",
    51: "light drizzle",
    53: "drizzle",
    55: "heavy drizzle",
    56: "freezing drizzle",
    57: "freezing drizzle",
    61: "light rain",
    63: "rain",
    65: "heavy rain",
    66: "freezing rain",
    67: "freezing rain",
    68: "light sleet",
    69: "sleet",
    71: "light snow",
    73: "snow",
    75: "heavy snow",
    77: "snow grains",
    80: "light showers",
    81: "showers",
    82: "heavy showers",
    85: "snow showers",
    86: "heavy snow showers",
    95: "thunderstorms",
    96: "thunderstorms with hail",
    99: "thunderstorms with hail",
}
"""WMO weather codes in words."""

_FALLING = 51  # from this code on something falls from the sky


class Hour(NamedTuple):
    """One hour; what the model does not give is ``None``."""

    time: datetime
    temperature: float
    feels: float | None
    humidity: float | None
    chance: float | None
    rain: float
    snow: float
    code: int
    wind: float
    gusts: float | None
    sun: float


class Now(NamedTuple):
    """The weather at this moment."""

    time: datetime
    temperature: float
    feels: float | None
    humidity: float | None
    rain: float
    code: int
    wind: float


class Summary(NamedTuple):
    """What a stretch of hours comes to. ``sun`` is hours of sunshine."""

    low: float
    high: float
    rain: float
    chance: float | None
    snow: float
    wind: float
    gusts: float | None
    humidity: float | None
    sun: float
    code: int

    @property
    def words(self) -> str:
        """The weather in words."""
        return describe(self.code)


class Forecast(NamedTuple):
    """All that was fetched for a place.

    ``sun`` has rise and set by day: none in polar night, or where the provider gives none.
    ``credit`` is the line that the provider's licence asks for.
    """

    now: Now
    hours: Sequence[Hour]
    sun: Mapping[date, tuple[datetime, datetime]]
    timezone: str
    credit: str

    def between(self, start: datetime, end: datetime) -> list[Hour]:
        """The hours from ``start`` (rounded down) to ``end``, both local and without zone."""
        first = start.replace(minute=0, second=0, microsecond=0)
        return [hour for hour in self.hours if first <= hour.time < end]


def describe(code: int) -> str:
    """A WMO weather code in words."""
    return CODES.get(code, "mixed weather")


def summarise(hours: Sequence[Hour]) -> Summary:
    """What these hours, at least one, come to."""
    temperatures = [hour.temperature for hour in hours]
    return Summary(
        low=min(temperatures),
        high=max(temperatures),
        rain=sum(hour.rain for hour in hours),
        chance=max((h.chance for h in hours if h.chance is not None), default=None),
        snow=sum(hour.snow for hour in hours),
        wind=max(hour.wind for hour in hours),
        gusts=max((h.gusts for h in hours if h.gusts is not None), default=None),
        humidity=_mean([h.humidity for h in hours if h.humidity is not None]),
        sun=sum(hour.sun for hour in hours),
        code=_code(hours),
    )


def days(hours: Sequence[Hour]) -> dict[date, list[Hour]]:
    """The hours by day."""
    found: dict[date, list[Hour]] = {}
    for hour in hours:
        found.setdefault(hour.time.date(), []).append(hour)
    return found


def spells(hours: Sequence[Hour], wet: float = 50.0) -> list[tuple[datetime, datetime]]:
    """From when to when it is likely to rain or snow; gaps of one hour are bridged."""
    found: list[tuple[datetime, datetime]] = []
    for hour in hours:
        falling = hour.chance >= wet if hour.chance is not None else hour.rain >= 0.2
        if not (falling or hour.rain >= 0.5):
            continue
        end = hour.time + timedelta(hours=1)
        if found and hour.time - found[-1][1] <= timedelta(hours=1):
            found[-1] = (found[-1][0], end)
        else:
            found.append((hour.time, end))
    return found


def _code(hours: Sequence[Hour]) -> int:
    """The weather that names these hours: what falls for a sixth of them, else what lasts."""
    falling = [hour.code for hour in hours if hour.code >= _FALLING]
    if len(falling) * 6 >= len(hours):
        storms = [code for code in falling if code >= 95]
        return max(storms) if storms else Counter(falling).most_common(1)[0][0]
    return Counter(hour.code for hour in hours if hour.code < _FALLING).most_common(1)[0][0]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
