"""The weather skill against a server that answers in Open-Meteo's shapes."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from wlm_weather.open_meteo import CREDIT
from wlm_weather.skill import Weather

from tests.support.open_meteo import OpenMeteo
from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm.plugins import Place, TimeRange
from wlm.plugins.testing import asked, context, run

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=BERLIN)  # a Sunday


@pytest.fixture
def service():
    with OpenMeteo(NOW) as running:
        yield running


@pytest.fixture
def ask(service, tmp_path):
    """Ask for the weather; settings and the context may be varied."""

    def ask(*, settings=None, now=NOW, memory=None, offline=False, **slots):
        ctx = context(
            Weather(), tmp_path, now=now, offline=offline, memory=memory,
            settings={**service.settings, **(settings or {})},
        )  # fmt: skip
        return run(Weather(), "forecast", ctx, **slots)

    return ask


def day(offset: int, first: int = 0, hours: int = 24, zone: ZoneInfo = BERLIN) -> TimeRange:
    """Hours of a day counted from today."""
    start = datetime(2026, 11, 22, tzinfo=zone) + timedelta(days=offset, hours=first)
    return TimeRange(start, start + timedelta(hours=hours))


def test_now_and_the_rest_of_today(ask):
    reply = ask(place=Place("Berlin"))
    assert reply.speech == (
        "In Berlin it is 9 degrees now, mostly clear. Today: mostly clear, 7 to 10 degrees."
    )
    assert reply.data["place"]["latitude"] == pytest.approx(52.524, abs=0.01)
    assert reply.data["place"]["timezone"] == "Europe/Berlin"
    assert reply.data["start"] == "2026-11-22T09:00:00+01:00"
    assert reply.display.endswith(CREDIT)


def test_tomorrow_as_a_whole(ask, service):
    service.set(
        "2026-11-23T10:00", "2026-11-23T16:00",
        weather_code=63, precipitation=1.5, precipitation_probability=80,
    )  # fmt: skip
    reply = ask(place=Place("Berlin"), when=day(1))
    assert reply.speech == ("Tomorrow in Berlin: rain, 6 to 10 degrees, 80 percent chance of rain.")
    assert reply.data["summary"]["rain"] == pytest.approx(10.5)


def test_an_umbrella_is_a_yes_or_a_no(ask, service):
    dry = ask(place=Place("Berlin"), when=day(1), aspect="rain")
    assert dry.speech == "No, no rain is expected tomorrow in Berlin (5 percent)."
    assert dry.data["verdict"] is False


def test_rain_says_when(ask, service):
    service.set(
        "2026-11-23T14:00", "2026-11-23T17:00",
        weather_code=61, precipitation=1.2, precipitation_probability=75,
    )  # fmt: skip
    reply = ask(place=Place("Berlin"), when=day(1), aspect="rain")
    assert reply.speech == (
        "Yes, rain is likely tomorrow in Berlin (75 percent, 5 millimetres), from 2 pm to 6 pm."
    )
    assert reply.data["verdict"] is True
    service.set("2026-11-24T14:00", "2026-11-24T17:00", precipitation_probability=30)
    later = ask(now=NOW + timedelta(hours=2), place=Place("Berlin"), when=day(2), aspect="rain")
    assert later.speech.startswith("Maybe: there is some chance of rain on Tuesday in Berlin")
    assert later.data["verdict"] is None


def test_rain_now_is_said_as_now(ask, service):
    service.set("2026-11-22T09:00", "2026-11-22T11:00", weather_code=61, precipitation=0.8)
    reply = ask(place=Place("Berlin"), aspect="rain")
    assert reply.speech.startswith("Yes, it is light rain in Berlin now")


def test_snow(ask, service):
    assert ask(place=Place("Berlin"), when=day(1), aspect="snow").speech.startswith("No, no snow")
    service.set(
        "2026-11-24T00:00", "2026-11-24T12:00", weather_code=73, precipitation=1.0,
        snowfall=0.7, precipitation_probability=90, temperature_2m=-3.0,
    )  # fmt: skip
    reply = ask(now=NOW + timedelta(hours=1), place=Place("Berlin"), when=day(2), aspect="snow")
    assert reply.speech == (
        "Yes, snow is likely on Tuesday in Berlin, 9 centimetres, from midnight to 1 pm."
    )
    cold = ask(
        now=NOW + timedelta(hours=1), place=Place("Berlin"), when=day(2), aspect="temperature"
    )
    assert cold.speech == "On Tuesday in Berlin: minus 3 to 10 degrees. It will freeze."


def test_wind_sun_and_humidity(ask, service):
    service.set("2026-11-23T00:00", "2026-11-23T23:00", wind_speed_10m=62.0, wind_gusts_10m=95.0)
    assert ask(place=Place("Berlin"), when=day(1), aspect="wind").speech == (
        "Tomorrow in Berlin: a strong wind, up to 62 kilometres an hour, "
        "gusts of 95 kilometres an hour."
    )
    assert ask(place=Place("Berlin"), when=day(1), aspect="sun").speech == (
        "Yes, mostly sunny tomorrow in Berlin: about 7 hours of sun. "
        "Sunrise is at 7:40 am, sunset at 4:05 pm."
    )
    assert ask(place=Place("Berlin"), when=day(1, 20, 4), aspect="sun").speech.startswith(
        "No, the sun is down tomorrow evening"
    )
    assert "70 percent" in ask(place=Place("Berlin"), aspect="humidity").speech


def test_several_days(ask, service):
    service.set(
        "2026-11-24T08:00", "2026-11-24T18:00", precipitation=1.0, precipitation_probability=80
    )
    reply = ask(place=Place("Berlin"), when=day(1, hours=24 * 5))
    assert reply.speech == (
        "From tomorrow to Friday in Berlin: 6 to 10 degrees. Rain is likely on Tuesday."
    )
    assert [line[:3] for line in reply.display.splitlines() if line[:3] in "MonTueWedThuFri"] == [
        "", "Mon", "Tue", "Wed", "Thu", "Fri",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (day(0, 18, 5), "This evening"),
        (day(0, 20, 8), "Tonight"),
        (day(1, 6, 6), "Tomorrow morning"),
        (day(5, 12, 6), "On Friday afternoon"),
        (day(9), "On Tuesday 1 December"),
        (day(-1), "Yesterday"),
    ],
)
def test_times_are_called_by_their_names(ask, when, words):
    assert ask(place=Place("Berlin"), when=when).speech.startswith(f"{words} in Berlin: ")


def test_yesterday_is_fetched_with_the_past(ask, service):
    ask(place=Place("Berlin"), when=day(-1))
    assert service.requests[-1].query["past_days"] == "92"
    with pytest.raises(BadRequest, match="92 days"):
        ask(place=Place("Berlin"), when=day(-200))


def test_beyond_the_forecast(ask):
    with pytest.raises(BadRequest, match="16 days"):
        ask(place=Place("Berlin"), when=day(40))


def test_imperial_units(ask):
    reply = ask(settings={"units": "imperial"}, place=Place("Berlin"), when=day(1))
    assert "43 to 50 degrees" in reply.speech
    assert "°F" in reply.display
    assert "mph" in reply.display
    assert reply.data["units"] == "metric"


def test_tomorrow_is_tomorrow_there(ask):
    reply = ask(place=Place("Auckland"), when=day(1))
    assert reply.data["start"] == "2026-11-23T00:00:00+13:00"
    assert reply.speech.startswith("Today in Auckland") is False


def test_today_is_the_day_that_it_is_there(ask, service):
    late = datetime(2026, 11, 22, 12, 0, tzinfo=BERLIN)  # already Monday 00:00 in Auckland
    service.now = late
    reply = ask(now=late, place=Place("Auckland"), when=day(0))
    assert reply.speech.startswith("Today in Auckland")
    assert reply.data["start"] == "2026-11-23T00:00:00+13:00"


@pytest.mark.parametrize(
    ("said", "region"),
    [
        ("Paris", "FR"), ("paris", "FR"), ("Paris, Texas", "TX"), ("Paris Texas", "TX"),
        ("paris tx", "TX"), ("Paris, France", "FR"), ("Paris, Texas, USA", "TX"),
        ("Springfield Illinois", "IL"), ("grand rapids mi", "MI"), ("Zurich", "CH"),
        ("zürich switzerland", "CH"), ("Berlin us", "NH"), ("Berlin New Hampshire", "NH"),
    ],
)  # fmt: skip
def test_places_as_people_say_them(ask, said, region):
    wanted = {
        "FR": 48.85341, "TX": 33.66094, "IL": 39.80172, "MI": 42.96336, "CH": 47.36667,
        "NH": 44.46867,
    }  # fmt: skip
    assert ask(place=Place(said)).data["place"]["latitude"] == wanted[region]


def test_close_namesakes_are_named_and_small_ones_are_not(ask):
    reply = ask(place=Place("Springfield"))
    assert "I took the largest Springfield: Springfield, Missouri, United States." in reply.speech
    assert reply.data["namesakes"] == [
        "Springfield, Massachusetts, United States",
        "Springfield, Illinois, United States",
    ]
    assert "largest" not in ask(place=Place("Paris")).speech


def test_an_unknown_place_names_near_misses(ask):
    with pytest.raises(BadRequest) as caught:
        ask(place=Place("Parris"))
    assert "Did you mean Paris" in caught.value.hint
    assert "Parris" not in str(caught.value)
    with pytest.raises(BadRequest) as caught:
        ask(place=Place("Xyzzyburgh"))
    assert "region" in caught.value.hint


def test_no_place_and_no_home_asks(service, tmp_path):
    ctx = context(Weather(), tmp_path, now=NOW, offline=False, settings=service.settings)
    question = asked(Weather(), "forecast", ctx)
    assert (question.slot, question.kind) == ("place", "input")
    assert service.requests == []


def test_home_stands_in_and_a_follow_up_stays_with_the_last_place(ask, service, tmp_path):
    home = {"home": "Berlin"}
    assert "in Berlin" in ask(settings=home, when=day(1)).speech
    ctx = context(
        Weather(), tmp_path, now=NOW, offline=False, settings={**service.settings, **home}
    )
    run(Weather(), "forecast", ctx, place="Paris")
    assert "in Paris" in run(Weather(), "forecast", ctx, when=day(1)).speech
    assert "in Paris" in run(Weather(), "forecast", ctx, aspect="rain").speech
    assert "Berlin" in run(Weather(), "forecast", ctx).speech


def test_a_second_question_costs_no_request_until_the_answer_expires(ask, service):
    for when in (None, day(1), day(3)):
        ask(place=Place("Berlin"), when=when)
    assert (service.asked("/v1/search"), service.asked("/v1/forecast")) == (1, 1)
    ask(now=NOW + timedelta(minutes=14), place=Place("Berlin"))
    assert service.asked("/v1/forecast") == 1
    ask(now=NOW + timedelta(minutes=16), place=Place("Berlin"))
    assert (service.asked("/v1/search"), service.asked("/v1/forecast")) == (1, 2)


def test_the_provider_says_how_long_an_answer_holds(ask, service):
    service.headers["cache-control"] = "public, max-age=3600"
    ask(place=Place("Berlin"))
    ask(now=NOW + timedelta(minutes=59), place=Place("Berlin"))
    assert service.asked("/v1/forecast") == 1


@pytest.mark.parametrize("fault", ["down", "offline"])
def test_away_with_an_answer_from_before_gives_it_and_its_age(ask, service, fault):
    ask(place=Place("Berlin"))
    service.down = 503 if fault == "down" else 0
    reply = ask(
        now=NOW + timedelta(hours=3), offline=fault == "offline", place=Place("Berlin"), when=day(1)
    )
    assert reply.speech.endswith("The service is away; this is 3 hours old.")
    assert reply.data["age_seconds"] == 3 * 3600


def test_away_without_one_is_one_plain_sentence(ask, service):
    service.down = 500
    with pytest.raises(ProviderAway) as caught:
        ask(place=Place("Berlin"))
    assert str(caught.value).count(".") < 5
    assert caught.value.retryable
    with pytest.raises(ProviderAway, match="offline"):
        ask(place=Place("Berlin"), offline=True)


def test_an_answer_too_old_does_not_stand_in(ask, service):
    ask(place=Place("Berlin"))
    service.down = 503
    with pytest.raises(ProviderAway):
        ask(now=NOW + timedelta(days=3), place=Place("Berlin"))


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b'{"current": {}, "hourly": {}, "timezone": "GMT"}', b"null", b"<html>"],
)
def test_a_forecast_that_is_none(ask, service, body):
    service.route("/v1/forecast", body=body)
    with pytest.raises(ProviderError):
        ask(place=Place("Berlin"))


def test_gaps_in_the_model_are_bridged(ask, service):
    service.set(
        "2026-11-23T00:00", "2026-11-23T23:00", precipitation_probability=None,
        wind_gusts_10m=None, relative_humidity_2m=None, apparent_temperature=None,
    )  # fmt: skip
    for aspect in ("rain", "snow", "temperature", "wind", "sun", "humidity", None):
        assert ask(place=Place("Berlin"), when=day(1), aspect=aspect).speech
    service.set("2026-11-24T00:00", "2026-11-24T23:00", temperature_2m=None)
    later = NOW + timedelta(hours=1)
    with pytest.raises(BadRequest):
        ask(now=later, place=Place("Berlin"), when=day(2))


def test_polar_night_has_no_sunrise(ask, service):
    service.night = True
    reply = ask(place=Place("Tromsø"), when=day(1), aspect="sun")
    assert reply.speech == "No, the sun is down tomorrow in Tromsø."


def test_a_spoilt_cache_is_fetched_anew(ask, service, tmp_path):
    ask(place=Place("Berlin"))
    kept = list((tmp_path / "weather").rglob("*.json"))
    assert len(kept) == 2
    for path in kept:
        path.write_text('{"fetched": 3')
    ask(place=Place("Berlin"))
    assert service.asked("/v1/forecast") == 2


def test_users_do_not_see_each_others_places(service, tmp_path):
    settings = {**service.settings, "home": "Parma"}
    anna = context(Weather(), tmp_path, now=NOW, offline=False, user="anna", settings=settings)
    run(Weather(), "forecast", anna, place="Tromsø")
    other = dataclasses.replace(anna, user="tom")
    assert list(Weather().vocabulary(anna)["place"]) == ["Parma", "Tromsø"]
    assert list(Weather().vocabulary(other)["place"]) == ["Parma"]


def test_other_skills_can_have_places_resolved(service, tmp_path):
    ctx = context(Weather(), tmp_path, now=NOW, offline=False, settings=service.settings)
    (place,) = Weather().resolve(ctx, "place", "Paris, Texas")
    assert (place.name, place.timezone) == ("Paris", "America/Chicago")
    assert Weather().resolve(ctx, "place", "Nowhere at all") == []
    assert Weather().resolve(ctx, "person", "Paris") == []


def test_the_picture(ask, service):
    service.set(
        "2026-11-23T10:00", "2026-11-23T12:00", precipitation=2.0, precipitation_probability=80
    )
    lines = ask(place=Place("Berlin"), when=day(1)).display.splitlines()
    title = lines.index("Berlin, Land Berlin, Germany, tomorrow")
    picture = lines[title + 1 : -1]
    assert picture[0].startswith("  10 °C")
    assert picture[4].startswith("   6 °C")
    rain = next(line for line in picture if line.startswith("   rain"))
    assert rain[8 + 20 : 8 + 26] == "▄▄▄▄▄▄"
    assert picture[-2].split() == ["0", "6", "12", "18"]
    assert max(map(len, lines)) <= 80


def test_the_answer_is_the_same_in_any_process_zone(ask):
    utc = ask(now=NOW.astimezone(UTC), place=Place("Berlin"), when=day(1))
    assert utc.speech == ask(place=Place("Berlin"), when=day(1)).speech


def test_the_sun_rises_and_sets(ask):
    assert ask(place="Berlin", aspect="sunset").speech.startswith(
        "The sun sets at 4:05 pm today in"
    )
    assert "The sun rises at 7:40 am tomorrow" in ask(place="Berlin", aspect="sunrise").speech


@pytest.mark.parametrize(
    ("before", "words"), [(14.0, "colder than"), (0.0, "warmer than"), (8.0, "about as warm as")]
)
def test_a_day_beside_the_one_before(ask, service, before, words):
    service.set("2026-11-21T00:00", "2026-11-21T23:00", temperature_2m=before)
    speech = ask(place="Berlin", when=day(-1), aspect="change").speech
    assert speech.startswith(f"Today it is {words} yesterday in Berlin: ")


def test_a_place_told_from_its_namesakes_is_called_in_full(ask):
    assert "in Springfield, Illinois:" in ask(place="Springfield, Illinois", when=day(1)).speech
