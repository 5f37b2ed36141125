"""What can be asked of the weather. The handler says; ``client.py`` fetches."""

from __future__ import annotations

from typing import Annotated, Literal

from wlm.plugins import Context, Place, Reply, Skill, Slot, TimeRange, intent

Aspect = Literal["rain", "snow", "temperature", "wind", "sun", "humidity"]


class Weather(Skill):
    """Forecasts from Open-Meteo."""

    @intent(examples=["what's the weather like in {place} {when}", "will it rain {when}"])
    def forecast(
        self,
        ctx: Context,
        place: Annotated[Place, Slot("where", ask="For which place?", resolve=False)] | None = None,
        when: TimeRange | None = None,
        aspect: Annotated[Aspect, Slot("what of the weather was asked")] | None = None,
    ) -> Reply:
        """Weather for a place and a time."""
        raise NotImplementedError
