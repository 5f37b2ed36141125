"""MET Norway's forecast service on loopback, in the shape that the real one answers in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.support.http_server import Answer, HttpServer, Request

HOURLY = 48
"""Hours that have an entry of their own; then one every six hours."""


class MetNorway(HttpServer):
    """Answers for the moment ``now``. ``set`` changes entries by their UTC time."""

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.now = now.astimezone(UTC)
        self.changes: dict[datetime, dict[str, Any]] = {}
        self.down = 0
        self.dynamic("/complete", self._complete)

    @property
    def settings(self) -> dict[str, str]:
        """The weather skill's settings that lead here."""
        return {"second_url": f"{self.url}/complete", "contact": "ops@example.org"}

    def set(self, first: str, hours: int, **values: Any) -> None:
        """Give the entries of ``hours`` hours from ``first`` (UTC, ISO) other values."""
        start = datetime.fromisoformat(first).replace(tzinfo=UTC)
        for number in range(hours):
            self.changes.setdefault(start + timedelta(hours=number), {}).update(values)

    def _complete(self, request: Request) -> Answer:
        if "example.org" not in request.headers.get("user-agent", ""):
            return Answer(403)
        if self.down:
            return Answer(self.down, headers={"retry-after": "30"})
        start = self.now.replace(minute=0, second=0, microsecond=0)
        times = [start + timedelta(hours=n) for n in range(HOURLY)]
        last = start + timedelta(hours=HOURLY)
        last += timedelta(hours=-last.hour % 6)
        times += [start + timedelta(hours=n) for n in range(HOURLY, (last - start) // _HOUR)]
        coarse = [last + timedelta(hours=6 * n) for n in range(28)]
        series = [self._entry(t, 1) for t in times] + [self._entry(t, 6) for t in coarse]
        del series[-1]["data"]["next_6_hours"]
        body = {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [0, 0, 10]},
            "properties": {"meta": {"units": {"air_temperature": "celsius"}}, "timeseries": series},
        }
        headers = {
            "content-type": "application/json",
            "expires": format_datetime(self.now + timedelta(minutes=31), usegmt=True),
        }
        return Answer(200, json.dumps(body).encode(), headers)

    def _entry(self, time: datetime, span: int) -> dict[str, Any]:
        values = {"temperature": 4.0, "symbol": "cloudy", "rain": 0.0, "wind": 3.0}
        values |= self.changes.get(time, {})
        period = {
            "summary": {"symbol_code": values["symbol"]},
            "details": {
                "precipitation_amount": values["rain"],
                "probability_of_precipitation": 70.0 if values["rain"] else 2.0,
            },
        }
        instant = {
            "air_temperature": values["temperature"],
            "relative_humidity": 81.0,
            "cloud_area_fraction": 25.0,
            "wind_speed": values["wind"],
            "wind_speed_of_gust": values["wind"] * 2,
        }
        return {
            "time": time.isoformat().replace("+00:00", "Z"),
            "data": {"instant": {"details": instant}, f"next_{span}_hours": period},
        }


_HOUR = timedelta(hours=1)
