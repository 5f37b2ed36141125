"""What can be asked of the weather. The handler says; ``client.py`` fetches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from wlm.errors import BadRequest, ProviderAway
from wlm.plugins import HOST_ONLY, Context, Place, Reply, Skill, Slot, TimeRange, intent
from wlm_weather import picture, words
from wlm_weather.client import Client, Fetched
from wlm_weather.places import Chosen
from wlm_weather.series import Hour
from wlm_weather.units import Units
from wlm_weather.words import Aspect

ASPECT_WORDS = {
    "rain": [
        "umbrella",
        "raining",
        "rainy",
        "rained",
        "wet",
        "shower",
        "showers",
        "drizzle",
        "pour",
        "raincoat",
        "precipitation",
    ],
    "snow": ["snowing", "snowy", "snowfall", "snowed", "blizzard"],
    "temperature": [
        "hot",
        "cold",
        "warm",
        "warmer",
        "colder",
        "cooler",
        "cool",
        "chilly",
        "freezing",
        "degrees",
        "jacket",
        "coat",
        "gloves",
    ],
    "wind": ["windy", "gusts", "breezy", "breeze"],
    "sun": ["sunny", "sunshine", "sunblock", "sunscreen", "sunglasses"],
    "humidity": ["humid", "muggy"],
    "sunrise": ["sun rise", "sun come up", "sun comes up", "sun up", "dawn", "get light"],
    "sunset": ["sun set", "sun sets", "sun go down", "sun goes down", "dusk", "get dark"],
    "change": [f"{word} than" for word in ("colder", "warmer", "cooler", "hotter", "milder")],
}
"""Words that ask for an aspect of the weather without its name."""


class Weather(Skill):
    """Forecasts from Open-Meteo, or MET Norway when that is away."""

    class Settings(BaseModel):
        """Settings of the weather."""

        model_config = ConfigDict(defer_build=True)  # built by who uses it

        home: str = Field("", description="Place that is meant when none is said.")
        units: Literal["metric", "imperial"] = Field(
            "metric", description="metric (°C, km/h, mm) or imperial (°F, mph, inches)."
        )
        forecast_url: str = Field(
            "https://api.open-meteo.com/v1/forecast",
            description="Open-Meteo's forecasts.",
            json_schema_extra=HOST_ONLY,
        )
        geocoding_url: str = Field(
            "https://geocoding-api.open-meteo.com/v1/search",
            description="Its place search.",
            json_schema_extra=HOST_ONLY,
        )
        second_url: str = Field(
            "https://api.met.no/weatherapi/locationforecast/2.0/complete",
            description="MET Norway's forecasts, for when Open-Meteo is away. Needs `contact`.",
            json_schema_extra=HOST_ONLY,
        )
        contact: str = Field(
            "",
            description="E-mail address or site that MET Norway may write to, as its terms want. "
            "It is sent with each request to it; empty: MET Norway is not asked.",
            json_schema_extra=HOST_ONLY,
        )

    @intent(examples=["what's the weather like in {place} {when}", "will it rain {when}"])
    def forecast(
        self,
        ctx: Context,
        place: Annotated[Place, Slot("where", ask="For which place?", resolve=False)] | None = None,
        when: TimeRange | None = None,
        aspect: Annotated[Aspect, Slot("what of the weather was asked", aliases=ASPECT_WORDS)]
        | None = None,
    ) -> Reply:
        """Weather for a place and a time."""
        client = _client(ctx)
        where, chosen = _place(ctx, client, place, follow_up=bool(when or aspect))
        if aspect == "change":
            return _compared(ctx, client, where, chosen, when)
        fetched = client.forecast(where, when.start if when else None)
        asked = _asked(ctx, where, fetched, when, chosen)
        return _reply(asked, where, fetched, chosen, aspect)

    def vocabulary(self, ctx: Context) -> Mapping[str, Iterable[str]]:
        """Home, and the places asked for before."""
        home = _settings(ctx).home
        return {"place": [*([home] if home else []), *_client(ctx).known()]}

    def resolve(self, ctx: Context, kind: str, text: str) -> list[Any]:
        """The place of that name, if the gazetteer can be asked and knows it."""
        if kind != "place":
            return []
        try:
            return [_client(ctx).find(text).match.place]
        except (BadRequest, ProviderAway):
            return []


def _settings(ctx: Context) -> Weather.Settings:
    if not isinstance(ctx.settings, Weather.Settings):
        raise TypeError("the context holds another skill's settings")
    return ctx.settings


def _client(ctx: Context) -> Client:
    folder = ctx.data_dir / "weather" / quote(ctx.user, safe="")
    return Client(ctx.http, _settings(ctx), folder, ctx.now, ctx.language)


def _place(
    ctx: Context, client: Client, said: Place | None, *, follow_up: bool
) -> tuple[Place, Chosen | None]:
    """The place with coordinates: as said, as spoken of before, or home; else ask."""
    before = ctx.memory.get("place")
    home = _settings(ctx).home
    if said is None and before and (follow_up or not home):
        said = Place.from_dict(before)
    if said is None and home:
        said = Place(home)
    if said is None:
        ctx.ask("place", "For which place?")
    if said.latitude is not None and said.longitude is not None:
        return said, None
    chosen = client.find(said.name)
    return chosen.match.place, chosen


def _compared(
    ctx: Context, client: Client, where: Place, chosen: Chosen | None, when: TimeRange | None
) -> Reply:
    """A day beside the one before it: today, unless a day to come was said."""
    today = ctx.now.astimezone(ctx.timezone).replace(hour=0, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)
    start = when.start if when and when.start >= today + day else today
    fetched = client.forecast(where, start - day)
    before, asked = (
        _asked(ctx, where, fetched, TimeRange(at, at + day), chosen, whole=True)
        for at in (start - day, start)
    )
    return _reply(asked, where, fetched, chosen, "change", words.change(asked, before))


def _asked(
    ctx: Context,
    where: Place,
    fetched: Fetched,
    when: TimeRange | None,
    chosen: Chosen | None,
    *,
    whole: bool = False,
) -> words.Asked:
    """The hours that are meant, in the clock time of the place; ``whole``: past ones too."""
    forecast = fetched.forecast
    clock = ctx.now.astimezone(ZoneInfo(forecast.timezone)).replace(tzinfo=None)
    if when is None:
        start, end = clock, datetime.combine(clock.date(), datetime.min.time()) + timedelta(days=1)
        end = max(end, clock.replace(minute=0, second=0, microsecond=0) + timedelta(hours=6))
        name = "today" if clock.hour < 18 else "tonight"
    else:
        start, end = _local(ctx, when, clock)
        name = words.call(start, end, clock)
        start = clock if start < clock < end and not whole else start
    hours: list[Hour] = forecast.between(start, end)
    if not hours:
        ahead = (forecast.hours[-1].time.date() - clock.date()).days + 1 if forecast.hours else 0
        raise BadRequest(
            f"The forecast reaches {ahead} days ahead.", hint="Ask for a day within that time."
        )
    now = when is None or (end - start <= timedelta(hours=1) and start <= clock < end)
    called = chosen.called if chosen else where.name
    return words.Asked(called, forecast, hours, name, clock, now, Units(_settings(ctx).units))


def _local(ctx: Context, when: TimeRange, clock: datetime) -> tuple[datetime, datetime]:
    """A range as the clock at the place would show it: "tomorrow" is tomorrow there.

    A range that holds this moment ("today") is moved to the day that it is there.
    """
    start, end = (
        moment.astimezone(ctx.timezone).replace(tzinfo=None) for moment in (when.start, when.end)
    )
    if when.start <= ctx.now < when.end:
        shift = clock.date() - ctx.now.astimezone(ctx.timezone).date()
        start, end = start + shift, end + shift
    return start, max(end, start + timedelta(hours=1))


def _reply(
    asked: words.Asked,
    where: Place,
    fetched: Fetched,
    chosen: Chosen | None,
    aspect: Aspect | None,
    speech: str = "",
) -> Reply:
    if not speech:
        speech = words.aspect(asked, aspect) if aspect else words.general(asked)
    full = chosen.match.full() if chosen else ", ".join(p for p in (where.name, where.country) if p)
    notes = []
    if chosen and chosen.others:
        notes.append(f"I took the largest {chosen.match.name}: {full}.")
    if fetched.stale:
        notes.append(f"The service is away; this is {words.age(fetched.age)}.")
    first, last = asked.hours[0].time, asked.hours[-1].time + timedelta(hours=1)
    drawn = picture.draw(f"{full}, {asked.when}", asked.forecast, asked.hours, asked.units)
    summary = asked.summary
    return Reply(
        " ".join([speech, *notes]),
        "\n".join([speech, *notes, "", drawn, asked.forecast.credit]),
        {
            "place": where.to_dict(),
            "namesakes": [match.full() for match in chosen.others] if chosen else [],
            "start": first.replace(tzinfo=ZoneInfo(asked.forecast.timezone)).isoformat(),
            "end": last.replace(tzinfo=ZoneInfo(asked.forecast.timezone)).isoformat(),
            "verdict": words.verdict(summary, aspect) if aspect else None,
            "summary": {**summary._asdict(), "words": summary.words},
            "now": {**asked.forecast.now._asdict(), "time": asked.forecast.now.time.isoformat()},
            "units": "metric",
            "age_seconds": round(fetched.age.total_seconds()),
            "attribution": asked.forecast.credit,
            "remember": {"place": where.to_dict()},
        },
    )
