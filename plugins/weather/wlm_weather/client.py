"""Open-Meteo: the one module that speaks to it, and keeps what it said.

Both services can be run by oneself; their addresses are settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm.plugins import Place
from wlm_weather import places, series
from wlm_weather.cache import Cache
from wlm_weather.places import Chosen, Match

AHEAD = 16
BACK = 92
"""How many days the service sees ahead and back."""

GAZETTEER_LIFE = timedelta(days=30)
STALE_LIMIT = timedelta(days=2)


class Addresses(Protocol):
    """The settings that this module reads."""

    forecast_url: str
    geocoding_url: str


class HttpGet(Protocol):
    """What it needs of ``ctx.http``."""

    def get(self, url: str, *, params: Mapping[str, Any] | None = None) -> Any:
        """Fetch a URL; see ``wlm.plugins.http.Http.get``."""
        ...


class Fetched(NamedTuple):
    """A forecast and its age; ``stale`` if it outlived what the provider promises."""

    forecast: series.Forecast
    age: timedelta
    stale: bool


class OpenMeteo:
    """Places and forecasts, fetched when what is kept no longer holds."""

    def __init__(
        self, http: HttpGet, addresses: Addresses, folder: Path, now: datetime, language: str
    ) -> None:
        self._http = http
        self._addresses = addresses
        self._gazetteer = Cache(folder / "places")
        self._forecasts = Cache(folder / "forecasts")
        self._now = now
        self._language = language

    def find(self, said: str) -> Chosen:
        """The place that was said. Raises ``BadRequest`` with near misses if there is none."""
        similar: Chosen | None = None
        for name, narrowed in places.readings(said):
            chosen = places.choose(self._search(name), name, narrowed)
            if chosen and (narrowed or places.plain(chosen.match.name) == places.plain(name)):
                return chosen
            similar = similar or chosen
        if similar:
            return similar
        raise BadRequest("There is no place of that name.", hint=self._hint(said))

    def forecast(self, place: Place, start: datetime | None) -> Fetched:
        """The forecast for a resolved place, reaching back to ``start`` if that is past.

        Where the service is away, an answer from before stands in; without one the
        ``ProviderAway`` is passed on.
        """
        back = max(0, (self._now.date() - start.date()).days) if start else 0
        if back > BACK:
            raise BadRequest(f"The weather is known for the last {BACK} days only.")
        key = f"forecast {place.latitude:.3f} {place.longitude:.3f} {bool(back) * BACK}"
        kept = self._forecasts.get(key)
        if kept and kept.expires > self._now:
            return Fetched(series.parse(kept.value), self._now - kept.fetched, stale=False)
        try:
            raw, life = self._fetch_forecast(place, back)
        except ProviderAway:
            if kept is None or self._now - kept.fetched > STALE_LIMIT:
                raise
            return Fetched(series.parse(kept.value), self._now - kept.fetched, stale=True)
        forecast = series.parse(raw)
        self._forecasts.put(key, raw, self._now, self._now + life)
        return Fetched(forecast, timedelta(0), stale=False)

    def _fetch_forecast(self, place: Place, back: int) -> tuple[Any, timedelta]:
        response = self._http.get(
            self._addresses.forecast_url,
            params={
                "latitude": f"{place.latitude:.4f}",
                "longitude": f"{place.longitude:.4f}",
                "current": ",".join(series.CURRENT),
                "hourly": ",".join(series.HOURLY),
                "daily": ",".join(series.DAILY),
                "timezone": "auto",
                "forecast_days": AHEAD,
                **({"past_days": BACK} if back else {}),
            },
        )
        raw = response.json()
        return raw, _life(response.headers, raw)

    def known(self) -> list[str]:
        """Names of places asked for before, newest first."""
        return list(dict.fromkeys(values[0][0] for values in self._gazetteer.values() if values))

    def _search(self, name: str) -> list[Match]:
        """The gazetteer's answers to a name."""
        key = f"place {self._language} {places.plain(name)}"
        kept = self._gazetteer.get(key)
        if kept and kept.expires > self._now:
            return [Match(*values) for values in kept.value]
        try:
            response = self._http.get(
                self._addresses.geocoding_url,
                params={"name": name, "count": 20, "language": self._language, "format": "json"},
            )
        except ProviderAway:
            if kept is None:
                raise
            return [Match(*values) for values in kept.value]
        try:
            found = [Match.of(raw) for raw in response.json().get("results") or ()]
        except (KeyError, ValueError, TypeError, AttributeError):
            raise ProviderError("The place search sent an answer that cannot be read.") from None
        if found:
            self._gazetteer.put(key, found, self._now, self._now + GAZETTEER_LIFE)
        return found

    def _hint(self, said: str) -> str:
        """Near misses, found by the first letters of what was said."""
        name = places.readings(said)[0][0]
        for length in {max(3, len(name) * 2 // 3), 3}:
            if near := places.near(name, self._search(name[:length])):
                return f"Did you mean {' or '.join(near)}?"
        return "Say it with its region or country, or name a larger place nearby."


def _life(headers: Mapping[str, str], raw: Any) -> timedelta:
    """How long the answer holds: as its headers say, else until the next measurement."""
    if match := re.search(r"max-age=(\d+)", headers.get("cache-control", "")):
        return timedelta(seconds=int(match[1]))
    current = raw.get("current") if isinstance(raw, dict) else None
    interval = current.get("interval") if isinstance(current, dict) else None
    return timedelta(seconds=interval if isinstance(interval, int | float) else 900)
