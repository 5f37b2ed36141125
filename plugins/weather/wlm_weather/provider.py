"""What a weather service is to the rest of the skill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, NamedTuple, Protocol

from wlm.plugins import Place
from wlm_weather.series import Forecast

Asking = Callable[[str], AbstractContextManager[None]]
"""What is needed of ``Context.provider``."""


class HttpGet(Protocol):
    """What a provider needs of ``ctx.http``."""

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Fetch a URL; see ``wlm.plugins.http.Http.get``."""
        ...


class Answer(NamedTuple):
    """What a service sent, as JSON, and how long it holds."""

    raw: Any
    life: timedelta


class Provider(Protocol):
    """A service that forecasts. ``place`` has coordinates."""

    name: str

    def fetch(self, place: Place, *, past: bool) -> Answer:
        """Ask the service; ``past`` asks for days behind as well.

        Raises ``ProviderAway`` where it cannot answer, ``ProviderError`` where it refuses.
        """
        ...

    def parse(self, raw: Any, place: Place) -> Forecast:
        """What it sent as a forecast. Raises ``ProviderError`` if that cannot be read."""
        ...
