"""MET Norway stands in when Open-Meteo is away."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from wlm_weather import met_norway, open_meteo
from wlm_weather.skill import Weather

from tests.support.met_norway import MetNorway
from tests.support.open_meteo import OpenMeteo
from wlm.errors import BadRequest, ProviderAway, ProviderError
from wlm.plugins import Place, TimeRange
from wlm.plugins.testing import context, recorded, run

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=BERLIN)
PLACE = Place("Berlin", 52.52437, 13.41053, "Germany", "Europe/Berlin")


@pytest.fixture
def first():
    with OpenMeteo(NOW) as running:
        yield running


@pytest.fixture
def second():
    with MetNorway(NOW) as running:
        yield running


@pytest.fixture
def ask(first, second, tmp_path):
    def ask(*, now=NOW, settings=None, **slots):
        merged = {**first.settings, **second.settings, **(settings or {})}
        ctx = context(Weather(), tmp_path, now=now, offline=False, settings=merged)
        return run(Weather(), "forecast", ctx, place=PLACE, **slots)

    return ask


def day(offset: int, first: int = 0, hours: int = 24) -> TimeRange:
    start = datetime(2026, 11, 22, tzinfo=BERLIN) + timedelta(days=offset, hours=first)
    return TimeRange(start, start + timedelta(hours=hours))


def test_the_first_is_asked_first(ask, second):
    assert ask(when=day(1)).data["attribution"] == open_meteo.CREDIT
    assert second.requests == []


def test_the_second_answers_and_is_credited(ask, first, second):
    first.down = 503
    second.set("2026-11-23T09:00", 6, symbol="rain", rain=1.5, temperature=7.0)
    reply = ask(when=day(1))
    assert reply.speech == "Tomorrow in Berlin: rain, 4 to 7 degrees, 70 percent chance of rain."
    assert reply.data["summary"]["rain"] == pytest.approx(9.0)
    assert reply.data["attribution"] == met_norway.CREDIT
    assert reply.display.endswith(met_norway.CREDIT)
    assert second.requests[0].query == {"lat": "52.5244", "lon": "13.4105"}


def test_one_that_is_left_alone_is_not_asked(first, second, tmp_path):
    second.set("2026-11-23T09:00", 6, symbol="rain", rain=1.5, temperature=7.0)
    merged = {**first.settings, **second.settings}
    ctx = context(Weather(), tmp_path, now=NOW, offline=False, settings=merged)
    recorded(ctx).paused.add("open-meteo")
    reply = run(Weather(), "forecast", ctx, place=PLACE, when=day(1))
    assert reply.data["attribution"] == met_norway.CREDIT
    assert first.requests == [] and recorded(ctx).asked == ["met-norway"]


def test_now_wind_and_snow(ask, first, second):
    first.down = 500
    assert ask().speech.startswith("In Berlin it is 4 degrees now, overcast.")
    second.set("2026-11-22T08:00", 40, wind=10.0)
    assert ask(now=NOW + timedelta(hours=1), aspect="wind", when=day(1)).speech.startswith(
        "Tomorrow in Berlin: a fresh breeze, up to 36 kilometres an hour, gusts of 72"
    )
    second.set("2026-11-23T06:00", 5, symbol="lightsnow", rain=2.0, temperature=-1.0)
    snow = ask(now=NOW + timedelta(hours=2), aspect="snow", when=day(1))
    assert snow.data["summary"]["snow"] == pytest.approx(7.0)
    assert snow.speech.startswith("Yes, snow is likely tomorrow in Berlin, 7 centimetres")


def test_six_hours_are_spread_over_their_hours(ask, first, second):
    first.down = 503
    second.set("2026-11-26T06:00", 1, symbol="lightrain", rain=6.0, temperature=10.0)
    reply = ask(when=day(4))
    assert reply.data["summary"]["rain"] == pytest.approx(6.0)
    assert reply.data["summary"]["high"] == pytest.approx(10.0)
    morning = ask(when=day(4, 7, 3))
    assert morning.data["summary"]["rain"] == pytest.approx(3.0)
    assert morning.data["summary"]["low"] == pytest.approx(8.0)


def test_every_symbol_has_a_meaning():
    for symbol in met_norway.SYMBOLS:
        assert met_norway._code(f"{symbol}_day") == met_norway.SYMBOLS[symbol]
    assert met_norway._code("lightssnowshowersandthunder_polartwilight") == 95
    with pytest.raises(KeyError):
        met_norway._code("frogs")


def test_without_a_contact_it_is_not_asked(ask, first, second):
    first.down = 503
    with pytest.raises(ProviderAway):
        ask(settings={"contact": ""})
    assert second.requests == []


def test_the_past_it_does_not_know(ask, first, second):
    first.down = 503
    with pytest.raises(ProviderAway, match="cannot answer now"):
        ask(when=day(-1))
    assert second.requests == []


def test_its_answer_is_kept_as_long_as_it_says(ask, first, second):
    first.down = 503
    for minutes in (0, 10, 30):
        ask(now=NOW + timedelta(minutes=minutes))
    assert len(second.requests) == 1
    ask(now=NOW + timedelta(minutes=32))
    assert len(second.requests) == 2


def test_both_away_gives_the_newest_from_before(ask, first, second):
    ask()
    first.down = 503
    ask(now=NOW + timedelta(hours=1))
    second.down = 429
    reply = ask(now=NOW + timedelta(hours=3))
    assert reply.speech.endswith("The service is away; this is 2 hours old.")
    assert reply.data["attribution"] == met_norway.CREDIT


def test_beyond_its_days(ask, first):
    first.down = 503
    with pytest.raises(BadRequest, match="10 days"):
        ask(when=day(12))


@pytest.mark.parametrize("body", [b"{}", b"[]", b"null", b'{"properties": {"timeseries": []}}'])
def test_an_answer_that_is_none(ask, first, second, body):
    first.down = 503
    second.route("/complete", body=body)
    with pytest.raises(ProviderError):
        ask()


def test_a_place_without_zone(ask, first, second, tmp_path):
    first.down = 503
    merged = {**first.settings, **second.settings}
    ctx = context(Weather(), tmp_path, now=NOW, offline=False, settings=merged)
    with pytest.raises(ProviderError, match="time zone"):
        run(Weather(), "forecast", ctx, place=Place("Nowhere", 1.0, 2.0))
