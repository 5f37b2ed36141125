"""The answer to what was asked of the weather: which place, which hours, which words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from wlm.errors import BadRequest
from wlm.plugins import Context, Place, Reply, TimeRange
from wlm_weather import picture, words
from wlm_weather.aspects import Aspect
from wlm_weather.client import Client, Fetched
from wlm_weather.places import Chosen
from wlm_weather.series import Hour
from wlm_weather.settings import WeatherSettings
from wlm_weather.units import Units


def forecast(
    ctx: Context, place: Place | None, when: TimeRange | None, aspect: Aspect | None
) -> Reply:
    """The weather for a place and a time, or one thing of it."""
    client = client_of(ctx)
    where, chosen = _place(ctx, client, place, follow_up=bool(when or aspect))
    if aspect == "change":
        return _compared(ctx, client, where, chosen, when)
    fetched = client.forecast(where, when.start if when else None)
    ctx.lasts(fetched.until)
    asked = _asked(ctx, where, fetched, when, chosen)
    return _reply(asked, where, fetched, chosen, aspect)


def client_of(ctx: Context) -> Client:
    """The services' client, with what it keeps for this user."""
    folder = ctx.data_dir / "weather" / quote(ctx.user, safe="")
    settings = ctx.settings_as(WeatherSettings)
    return Client(ctx.http, settings, folder, ctx.now, ctx.language, ctx.provider)


def _place(
    ctx: Context, client: Client, said: Place | None, *, follow_up: bool
) -> tuple[Place, Chosen | None]:
    """The place with coordinates: as said, as spoken of before, or home; else ask."""
    home = ctx.settings_as(WeatherSettings).home
    if said is None and (before := spoken_of(ctx, follow_up=follow_up)):
        said = Place.from_dict(before)
    if said is None and home:
        said = Place(home)
    if said is None:
        ctx.ask("place", "For which place?")
    if said.latitude is not None and said.longitude is not None:
        return said, None
    chosen = client.find(said.name)
    return chosen.match.place, chosen


def spoken_of(ctx: Context, *, follow_up: bool) -> Any:
    """The place (JSON) that the conversation is about, where a question without one means it."""
    return (
        ctx.memory.get("place") if follow_up or not ctx.settings_as(WeatherSettings).home else None
    )


def _compared(
    ctx: Context, client: Client, where: Place, chosen: Chosen | None, when: TimeRange | None
) -> Reply:
    """A day beside the one before it: today, unless a day to come was said."""
    today = ctx.now.astimezone(ctx.timezone).replace(hour=0, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)
    start = when.start if when and when.start >= today + day else today
    fetched = client.forecast(where, start - day)
    ctx.lasts(fetched.until)
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
    return words.Asked(
        called, forecast, hours, name, clock, now, Units(ctx.settings_as(WeatherSettings).units)
    )


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
