"""Open-Meteo's forecasts: how they are asked for, and their JSON as a forecast."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from wlm.errors import ProviderError
from wlm.plugins import Place
from wlm_weather.provider import Answer, HttpGet
from wlm_weather.series import Forecast, Hour, Now

CREDIT = "Weather data by Open-Meteo.com (CC BY 4.0)"
AHEAD = 16
BACK = 92
"""How many days the service sees ahead and back."""

HOURLY = (
    "temperature_2m",
    "apparent_temperature",
    "relative_humidity_2m",
    "precipitation_probability",
    "precipitation",
    "snowfall",
    "weather_code",
    "wind_speed_10m",
    "wind_gusts_10m",
    "sunshine_duration",
)
CURRENT = (
    "temperature_2m",
    "apparent_temperature",
    "relative_humidity_2m",
    "precipitation",
    "weather_code",
    "wind_speed_10m",
)
DAILY = ("sunrise", "sunset")


class OpenMeteo:
    """The service at ``url``."""

    name = "open-meteo"

    def __init__(self, http: HttpGet, url: str) -> None:
        self._http = http
        self._url = url

    def fetch(self, place: Place, *, past: bool) -> Answer:
        """The forecast; with ``past``, the days behind as well."""
        response = self._http.get(
            self._url,
            params={
                "latitude": f"{place.latitude:.4f}",
                "longitude": f"{place.longitude:.4f}",
                "current": ",".join(CURRENT),
                "hourly": ",".join(HOURLY),
                "daily": ",".join(DAILY),
                "timezone": "auto",
                "forecast_days": AHEAD,
                **({"past_days": BACK} if past else {}),
            },
        )
        raw = response.json()
        return Answer(raw, _life(response.headers, raw))

    def parse(self, raw: Any, place: Place) -> Forecast:
        """The JSON as a forecast. Raises ``ProviderError`` if it is not one."""
        try:
            return Forecast(
                _now(raw["current"]), _hours(raw["hourly"]), _sun(raw), raw["timezone"], CREDIT
            )
        except (KeyError, TypeError, ValueError, IndexError):
            raise ProviderError(
                "The weather service sent a forecast that cannot be read."
            ) from None


def _life(headers: Mapping[str, str], raw: Any) -> timedelta:
    """How long the answer holds: as its headers say, else until the next measurement."""
    if match := re.search(r"max-age=(\d+)", headers.get("cache-control", "")):
        return timedelta(seconds=int(match[1]))
    current = raw.get("current") if isinstance(raw, dict) else None
    interval = current.get("interval") if isinstance(current, dict) else None
    return timedelta(seconds=interval if isinstance(interval, int | float) else 900)


def _now(raw: Mapping[str, Any]) -> Now:
    return Now(
        datetime.fromisoformat(raw["time"]),
        float(raw["temperature_2m"]),
        raw.get("apparent_temperature"),
        raw.get("relative_humidity_2m"),
        float(raw.get("precipitation") or 0.0),
        int(raw["weather_code"]),
        float(raw.get("wind_speed_10m") or 0.0),
    )


def _hours(raw: Mapping[str, Any]) -> list[Hour]:
    columns = [raw[name] for name in ("time", *HOURLY)]
    if len({len(column) for column in columns}) != 1:
        raise ValueError("columns of unequal length")
    return [_hour(row) for row in zip(*columns, strict=True) if row[1] is not None]


def _hour(row: Sequence[Any]) -> Hour:
    time, temperature, feels, humidity, chance, rain, snow, code, wind, gusts, sun = row
    return Hour(
        datetime.fromisoformat(time), float(temperature), feels, humidity, chance,
        float(rain or 0.0), float(snow or 0.0), int(code or 0), float(wind or 0.0), gusts,
        float(sun or 0.0) / 3600,
    )  # fmt: skip


def _sun(raw: Mapping[str, Any]) -> dict[date, tuple[datetime, datetime]]:
    table = raw.get("daily") or {}
    rows = zip(
        table.get("time", ()), table.get("sunrise", ()), table.get("sunset", ()), strict=True
    )
    found = {}
    for day, rise, set_ in rows:
        if rise and set_:
            times = datetime.fromisoformat(rise), datetime.fromisoformat(set_)
            if times[0].date() == date.fromisoformat(day):
                found[times[0].date()] = times
    return found
