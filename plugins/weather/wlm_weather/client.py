"""Places and forecasts from the services that the settings name, and what they said before.

The first service that answers is taken. Where none does, an answer from before stands in.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm.plugins import Place
from wlm_weather import places
from wlm_weather.cache import Cache
from wlm_weather.met_norway import MetNorway
from wlm_weather.open_meteo import BACK, OpenMeteo
from wlm_weather.places import Chosen, Match
from wlm_weather.provider import Asking, HttpGet, Provider
from wlm_weather.series import Forecast

GAZETTEER_LIFE = timedelta(days=30)
STALE_LIMIT = timedelta(days=2)


class Addresses(Protocol):
    """The settings that this module reads."""

    forecast_url: str
    geocoding_url: str
    second_url: str
    contact: str


class Fetched(NamedTuple):
    """A forecast and its age; ``stale`` if it outlived what the provider promises, which is
    ``until``."""

    forecast: Forecast
    age: timedelta
    stale: bool
    until: datetime


class Client:
    """Places and forecasts, fetched when what is kept no longer holds."""

    def __init__(
        self,
        http: HttpGet,
        addresses: Addresses,
        folder: Path,
        now: datetime,
        language: str,
        asking: Asking,
    ) -> None:
        """``asking`` is ``Context.provider``: each service is asked inside of its own."""
        self._http, self._asking = http, asking
        self._geocoding_url = addresses.geocoding_url
        self._providers: list[Provider] = [OpenMeteo(http, addresses.forecast_url)]
        if addresses.second_url and addresses.contact:
            self._providers.append(MetNorway(http, addresses.second_url, addresses.contact, now))
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

        Where no service answers, the newest answer from before stands in; without one the
        first service's ``ProviderAway`` is passed on.
        """
        past = start is not None and start.date() < self._now.date()
        if past and start and (self._now.date() - start.date()).days > BACK:
            raise BadRequest(f"The weather is known for the last {BACK} days only.")
        failures: list[ProviderAway] = []
        for provider in self._providers:
            try:
                return self._from(provider, place, past=past)
            except ProviderAway as failure:
                failures.append(failure)
        if stale := self._stale(place, past=past):
            return stale
        raise failures[0]

    def _from(self, provider: Provider, place: Place, *, past: bool) -> Fetched:
        """What the service says, or said as long as that holds."""
        key = _key(provider, place, past=past)
        kept = self._forecasts.get(key)
        if kept and kept.expires > self._now:
            forecast = provider.parse(kept.value, place)
            return Fetched(forecast, self._now - kept.fetched, stale=False, until=kept.expires)
        with self._asking(provider.name):
            answer = provider.fetch(place, past=past)
        forecast = provider.parse(answer.raw, place)
        until = self._now + answer.life
        self._forecasts.put(key, answer.raw, self._now, until)
        return Fetched(forecast, timedelta(0), stale=False, until=until)

    def _stale(self, place: Place, *, past: bool) -> Fetched | None:
        """The newest answer that has expired, if it is not too old to be of use."""
        found = [
            (kept, provider)
            for provider in self._providers
            if (kept := self._forecasts.get(_key(provider, place, past=past)))
            and self._now - kept.fetched <= STALE_LIMIT
        ]
        if not found:
            return None
        kept, provider = max(found, key=lambda pair: pair[0].fetched)
        forecast = provider.parse(kept.value, place)
        return Fetched(forecast, self._now - kept.fetched, stale=True, until=kept.expires)

    def known(self) -> list[str]:
        """Names of places asked for before, newest first."""
        return list(dict.fromkeys(values[0][0] for values in self._gazetteer.values() if values))

    def _search(self, name: str) -> list[Match]:
        """The gazetteer's answers to a name."""
        key = f"place {self._language} {places.plain(name)}"
        kept = self._gazetteer.get(key)
        if kept and kept.expires > self._now:
            return [Match(*values) for values in kept.value]
        params = {"name": name, "count": 20, "language": self._language, "format": "json"}
        try:
            with self._asking("places"):
                response = self._http.get(self._geocoding_url, params=params)
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


def _key(provider: Provider, place: Place, *, past: bool) -> str:
    """What an answer is kept under."""
    return f"{provider.name} {place.latitude:.3f} {place.longitude:.3f} {past * BACK}"
