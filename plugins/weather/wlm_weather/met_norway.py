"""MET Norway's forecasts (api.met.no), which stand in when Open-Meteo is away.

Their terms want to know whom to write to about the requests, so the service is used only
where the setting ``contact`` says it. Nine days ahead: by the hour for two or three days,
then by six hours, which are spread over the hours between. No days behind, no sunrise;
sunshine is what the clouds leave of the daylight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from wlm.errors import ProviderAway, ProviderError
from wlm.plugins import Place
from wlm_weather.provider import Answer, HttpGet
from wlm_weather.series import Forecast, Hour, Now

CREDIT = "Weather data by MET Norway (CC BY 4.0)"
SYMBOLS = {
    "clearsky": 0, "fair": 1, "partlycloudy": 2, "cloudy": 3, "fog": 45,
    "lightrain": 61, "rain": 63, "heavyrain": 65,
    "lightrainshowers": 80, "rainshowers": 81, "heavyrainshowers": 82,
    "lightsleet": 68, "sleet": 69, "heavysleet": 69,
    "lightsleetshowers": 68, "sleetshowers": 69, "heavysleetshowers": 69,
    "lightsnow": 71, "snow": 73, "heavysnow": 75,
    "lightsnowshowers": 85, "snowshowers": 85, "heavysnowshowers": 86,
}  # fmt: skip
"""Their symbols as WMO weather codes."""

_THUNDER = 95
_SNOWS = frozenset({71, 73, 75, 85, 86})
_CM_OF_SNOW = 0.7  # per millimetre of water, as Open-Meteo counts
_KMH = 3.6
_HOUR = timedelta(hours=1)
_LEAST = timedelta(minutes=10)


class MetNorway:
    """The service at ``url``, asked in the name of ``contact`` at the moment ``now``."""

    name = "met-norway"

    def __init__(self, http: HttpGet, url: str, contact: str, now: datetime) -> None:
        self._http = http
        self._url = url
        self._contact = contact
        self._now = now

    def fetch(self, place: Place, *, past: bool) -> Answer:
        """The forecast. Days behind it does not have."""
        if past:
            raise ProviderAway("MET Norway gives no weather of the past.", retryable=False)
        response = self._http.get(
            self._url,
            params={"lat": f"{place.latitude:.4f}", "lon": f"{place.longitude:.4f}"},
            headers={"user-agent": f"wlm-weather/0.1 {self._contact}"},
        )
        return Answer(response.json(), self._life(response.headers))

    def parse(self, raw: Any, place: Place) -> Forecast:
        """The JSON as a forecast in the place's own time."""
        if not place.timezone:
            raise ProviderError("The place has no time zone, so its forecast cannot be told.")
        try:
            steps = [_step(entry) for entry in raw["properties"]["timeseries"]]
            hours = list(_hours(steps, ZoneInfo(place.timezone)))
            return Forecast(
                _present(hours, self._now, place.timezone), hours, {}, place.timezone, CREDIT
            )
        except (KeyError, TypeError, ValueError, IndexError):
            raise ProviderError("MET Norway sent a forecast that cannot be read.") from None

    def _life(self, headers: Mapping[str, str]) -> timedelta:
        try:
            expires = parsedate_to_datetime(headers.get("expires", ""))
        except ValueError:
            return _LEAST
        return max(_LEAST, (expires if expires.tzinfo else expires.replace(tzinfo=UTC)) - self._now)


class _Step(NamedTuple):
    """One entry of the series: the moment, and what falls in the ``span`` hours after it."""

    time: datetime
    instant: Mapping[str, float]
    span: int
    symbol: str
    rain: float
    chance: float | None


def _step(entry: Any) -> _Step:
    data = entry["data"]
    span = 1 if "next_1_hours" in data else 6
    period = data.get(f"next_{span}_hours") or {}
    details = period.get("details") or {}
    return _Step(
        datetime.fromisoformat(entry["time"]),
        data["instant"]["details"],
        span if period else 0,
        (period.get("summary") or {}).get("symbol_code", ""),
        float(details.get("precipitation_amount") or 0.0),
        details.get("probability_of_precipitation"),
    )


def _hours(steps: Sequence[_Step], zone: ZoneInfo) -> Iterator[Hour]:
    """Every hour that the series covers; between entries the temperature runs straight."""
    for step, following in pairwise(steps):
        count = min(step.span, round((following.time - step.time) / _HOUR))
        for offset in range(count):
            part = offset / count
            local = (step.time + offset * _HOUR).astimezone(zone)
            yield _hour(step, following, part, local.replace(tzinfo=None))


def _hour(step: _Step, following: _Step, part: float, local: datetime) -> Hour:
    code, rain = _code(step.symbol), step.rain / step.span
    first, last = step.instant, following.instant["air_temperature"]
    gusts = first.get("wind_speed_of_gust")
    clear = 1 - (first.get("cloud_area_fraction") or 0.0) / 100
    return Hour(
        time=local,
        temperature=first["air_temperature"] * (1 - part) + last * part,
        feels=None,
        humidity=first.get("relative_humidity"),
        chance=step.chance,
        rain=rain,
        snow=rain * _CM_OF_SNOW if code in _SNOWS else 0.0,
        code=code,
        wind=(first.get("wind_speed") or 0.0) * _KMH,
        gusts=gusts * _KMH if gusts is not None else None,
        sun=clear if step.symbol.endswith("_day") else 0.0,
    )


def _code(symbol: str) -> int:
    base = symbol.partition("_")[0].replace("lightss", "lights")
    plain, thunder, _ = base.partition("andthunder")
    return _THUNDER if thunder else SYMBOLS[plain]


def _present(hours: Sequence[Hour], now: datetime, timezone: str) -> Now:
    """The hour that it is there; the first one if the series begins later."""
    clock = now.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    hour = next((each for each in reversed(hours) if each.time <= clock), hours[0])
    return Now(
        hour.time, hour.temperature, hour.feels, hour.humidity, hour.rain, hour.code, hour.wind
    )
