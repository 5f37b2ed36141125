"""Open-Meteo's two services on loopback, in the shapes that the real ones answer in."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.support.http_server import Answer, HttpServer, Request

CITIES = [
    ("Berlin", 52.52437, 13.41053, "DE", "Land Berlin", "Europe/Berlin", 3_426_354),
    ("Berlin", 44.46867, -71.18508, "US", "New Hampshire", "America/New_York", 9_367),
    ("Paris", 48.85341, 2.3488, "FR", "Île-de-France", "Europe/Paris", 2_138_551),
    ("Paris", 33.66094, -95.55551, "US", "Texas", "America/Chicago", 24_782),
    ("Springfield", 37.21533, -93.29824, "US", "Missouri", "America/Chicago", 166_810),
    ("Springfield", 42.10148, -72.58981, "US", "Massachusetts", "America/New_York", 154_341),
    ("Springfield", 39.80172, -89.64371, "US", "Illinois", "America/Chicago", 116_565),
    ("Grand Rapids", 42.96336, -85.66809, "US", "Michigan", "America/Detroit", 195_097),
    ("Zürich", 47.36667, 8.55, "CH", "Zurich", "Europe/Zurich", 341_730),
    ("Auckland", -36.84853, 174.76349, "NZ", "Auckland", "Pacific/Auckland", 1_346_091),
    ("Tromsø", 69.6489, 18.95508, "NO", "Troms", "Europe/Oslo", 52_436),
    ("Parma", 44.79935, 10.32618, "IT", "Emilia-Romagna", "Europe/Rome", 146_299),
]  # fmt: skip
COUNTRIES = {
    "DE": "Germany", "US": "United States", "FR": "France", "CH": "Switzerland",
    "NZ": "New Zealand", "NO": "Norway", "IT": "Italy",
}  # fmt: skip


class OpenMeteo(HttpServer):
    """Answers for the moment ``now``. ``set`` changes hours."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.now = now
        self.changes: dict[str, Any] = {}
        self.night = False
        self.down = 0
        self.headers: dict[str, str] = {}
        self.dynamic("/v1/search", self._search)
        self.dynamic("/v1/forecast", self._forecast)

    @property
    def settings(self) -> dict[str, str]:
        """The weather skill's settings that lead here."""
        return {
            "forecast_url": f"{self.url}/v1/forecast",
            "geocoding_url": f"{self.url}/v1/search",
        }

    def set(self, first: str, last: str, **values: Any) -> None:
        """Give the hours from ``first`` to ``last`` (local, ISO) other values."""
        moment = datetime.fromisoformat(first)
        while moment <= datetime.fromisoformat(last):
            self.changes.setdefault(moment.isoformat(timespec="minutes"), {}).update(values)
            moment += timedelta(hours=1)

    def asked(self, path: str) -> int:
        """How many requests went to a path."""
        return sum(request.path == path for request in self.requests)

    def _search(self, request: Request) -> Answer:
        if self.down:
            return Answer(self.down)
        name = _plain(request.query.get("name", ""))
        found = [row for row in CITIES if len(name) > 2 and _plain(row[0]).startswith(name)]
        results = [
            {
                "id": number, "name": row[0], "latitude": row[1], "longitude": row[2],
                "elevation": 10.0, "feature_code": "PPL", "country_code": row[3],
                "timezone": row[5], "population": row[6], "country": COUNTRIES[row[3]],
                "admin1": row[4],
            }
            for number, row in enumerate(found, 1000)
        ]  # fmt: skip
        answer = {"results": results} if results else {}
        return _json({**answer, "generationtime_ms": 0.5})

    def _forecast(self, request: Request) -> Answer:
        if self.down:
            return Answer(self.down)
        query = request.query
        if "latitude" not in query or query.get("timezone") != "auto":
            return _json({"error": True, "reason": "Parameter missing"}, status=400)
        zone = next(
            (row[5] for row in CITIES if abs(row[1] - float(query["latitude"])) < 0.01), "GMT"
        )
        local = self.now.astimezone(ZoneInfo(zone)).replace(tzinfo=None, second=0, microsecond=0)
        midnight = local.replace(hour=0, minute=0)
        first = midnight - timedelta(days=int(query.get("past_days", 0)))
        last = midnight + timedelta(days=int(query.get("forecast_days", 7)))
        times = [first + timedelta(hours=n) for n in range((last - first) // timedelta(hours=1))]
        rows = [self._row(time) for time in times]
        names = query["hourly"].split(",")
        return Answer(
            200,
            json.dumps(
                {
                    "latitude": float(query["latitude"]),
                    "longitude": float(query["longitude"]),
                    "generationtime_ms": 0.2,
                    "utc_offset_seconds": 3600,
                    "timezone": zone,
                    "timezone_abbreviation": "GMT+1",
                    "elevation": 38.0,
                    "current_units": {"time": "iso8601", "interval": "seconds"},
                    "current": self._current(local, query["current"].split(",")),
                    "hourly_units": {"time": "iso8601"},
                    "hourly": {
                        "time": [time.isoformat(timespec="minutes") for time in times],
                        **{name: [row[name] for row in rows] for name in names},
                    },
                    "daily_units": {"time": "iso8601"},
                    "daily": self._daily(first, (last - first).days),
                }
            ).encode(),
            {"content-type": "application/json; charset=utf-8", **self.headers},
        )

    def _current(self, local: datetime, names: list[str]) -> dict[str, Any]:
        quarter = local.replace(minute=local.minute // 15 * 15)
        row = self._row(local.replace(minute=0))
        shown = {name: row[name] for name in names}
        return {"time": quarter.isoformat(timespec="minutes"), "interval": 900, **shown}

    def _daily(self, first: datetime, count: int) -> dict[str, list[str]]:
        every = [first + timedelta(days=n) for n in range(count)]
        none = "1970-01-01T00:00"  # what the service gives where the sun stays down
        return {
            "time": [f"{day:%Y-%m-%d}" for day in every],
            "sunrise": [none if self.night else f"{day:%Y-%m-%d}T07:40" for day in every],
            "sunset": [none if self.night else f"{day:%Y-%m-%d}T16:05" for day in every],
        }

    def _row(self, time: datetime) -> dict[str, Any]:
        sunny = 8 <= time.hour < 16 and not self.night
        return {
            "temperature_2m": 6.0 + 4.0 * (1 - abs(time.hour - 14) / 14),
            "apparent_temperature": 5.0 + 4.0 * (1 - abs(time.hour - 14) / 14),
            "relative_humidity_2m": 70,
            "precipitation_probability": 5,
            "precipitation": 0.0,
            "snowfall": 0.0,
            "weather_code": 1,
            "wind_speed_10m": 10.0,
            "wind_gusts_10m": 18.0,
            "sunshine_duration": 3000.0 if sunny else 0.0,
            **self.changes.get(time.isoformat(timespec="minutes"), {}),
        }


def _plain(text: str) -> str:
    return text.casefold().replace("ü", "u").replace("ø", "o")


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"content-type": "application/json"})
