"""What can be asked of the weather. The handler says; ``answer.py`` answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from wlm.errors import BadRequest, ProviderAway
from wlm.plugins import Context, Place, Reply, Skill, Slot, TimeRange, intent
from wlm_weather.aspects import ASPECT_WORDS, Aspect
from wlm_weather.settings import WeatherSettings


class Weather(Skill):
    """Forecasts from Open-Meteo, or MET Norway when that is away."""

    class Settings(WeatherSettings):
        """Settings of the weather."""

    @intent(
        examples=["what's the weather like in {place} {when}", "will it rain {when}"],
        cache_seconds=600,
        personal=False,
    )
    def forecast(
        self,
        ctx: Context,
        place: Annotated[Place, Slot("where", ask="For which place?", resolve=False)] | None = None,
        when: TimeRange | None = None,
        aspect: Annotated[Aspect, Slot("what of the weather was asked", aliases=ASPECT_WORDS)]
        | None = None,
    ) -> Reply:
        """Weather for a place and a time."""
        from wlm_weather import answer

        return answer.forecast(ctx, place, when, aspect)

    def depends(self, ctx: Context, intent: str, slots: Mapping[str, Any]) -> Any:
        """The place that was spoken of before, where none is said; and the hour, which decides
        which hours "today" has left."""
        from wlm_weather.answer import spoken_of

        follow_up = bool(slots.get("when") or slots.get("aspect"))
        before = None if slots.get("place") else spoken_of(ctx, follow_up=follow_up)
        return [before, ctx.now.hour]

    def vocabulary(self, ctx: Context) -> Mapping[str, Iterable[str]]:
        """Home, and the places asked for before."""
        from wlm_weather.answer import client_of

        home = ctx.settings_as(WeatherSettings).home
        return {"place": [*([home] if home else []), *client_of(ctx).known()]}

    def resolve(self, ctx: Context, kind: str, text: str) -> list[Any]:
        """The place of that name, if the gazetteer can be asked and knows it."""
        if kind != "place":
            return []
        from wlm_weather.answer import client_of

        try:
            return [client_of(ctx).find(text).match.place]
        except (BadRequest, ProviderAway):
            return []
