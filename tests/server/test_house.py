"""`wlm serve` as it is run for many: several processes, and what they share."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import signal
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import pytest

from faults.hostile_cases import upload
from faults.hostile_files import wav
from tests.support import redis, waiting
from tests.support.collector import Collected, Collector
from tests.support.gateway import Gateway
from tests.support.open_meteo import OpenMeteo
from tests.support.sound import SWALLOWED, spoken
from wlm.pipeline.audio import decode

SAMPLES = Path(__file__).parents[2] / "samples"
LUNCH = SAMPLES / "lunch_with_anna.flac"
LIMIT = 30


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector() as made:
        yield made


@pytest.fixture(scope="module")
def forecasts() -> Iterator[OpenMeteo]:
    with OpenMeteo(datetime.now(ZoneInfo("Europe/Berlin"))) as made:
        yield made


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, collector: Collector, forecasts: OpenMeteo
) -> Iterator[Gateway]:
    """Two web processes, a worker and a transcriber, with Redis between them."""
    if redis.BINARY is None:
        pytest.skip(redis.MISSING)
    weather = {f"skill_weather__{name}": value for name, value in forecasts.settings.items()}
    with redis.RedisServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")  # ms: tests need not wait for batches
        made = Gateway(
            tmp_path_factory.mktemp("house"),
            role="all",
            web_workers=2,
            queue_url=server.url,
            rate_limit=f"{LIMIT}/hour",
            otlp_endpoint=collector.url,
            shared_skills="weather",
            **weather,
        ).wait()
        yield made
        made.stop()


@pytest.fixture(scope="module")
def reminded(house: Gateway) -> str:
    """The trace of a request that leaves something for later, which no web process does."""
    trace = secrets.token_hex(16)
    with house.client(house.key("gina@example.org")) as http:
        asked = http.post(
            "/v1/ask",
            json={"text": "remind me in fifteen seconds to call Jonas"},
            headers={"traceparent": f"00-{trace}-{'ab' * 8}-01"},
        )
    assert asked.json()["actions"][0]["event"]["state"] == "succeeded"
    return trace


until = functools.partial(waiting.until, seconds=120)


def test_what_nobody_waits_for_is_done_by_the_worker(house: Gateway) -> None:
    with house.client(house.key("anna@example.org")) as http:
        asked = http.post(
            "/v1/ask",
            json={"text": "schedule lunch with Kofi tomorrow at noon"},
            headers={"Prefer": "respond-async"},
        )
        assert asked.status_code in (200, 202)
        path = f"/v1/events/{asked.json()['actions'][0]['event']['id']}"
        with http.stream("GET", f"{path}/stream") as stream:
            lines = [line for line in stream.iter_lines() if line.startswith("data: ")]
        assert json.loads(lines[-1].removeprefix("data: "))["state"] == "succeeded"


def test_a_recording_is_written_down_by_the_one_that_holds_the_model(house: Gateway) -> None:
    with house.client(house.key("ben@example.org")) as http, LUNCH.open("rb") as file:
        heard = http.post("/v1/audio/transcriptions", files={"file": file})
    assert "lunch with Anna" in heard.json()["text"]
    assert (house.home / "data" / "run" / "transcriber.sock").is_socket()
    with house.client(house.key("root@example.org", role="admin")) as http:
        counted = http.get("/metrics").text
    for role in ("gateway", "transcriber"):
        assert f'wlm_audio_seconds_total{{role="{role}"}}' in counted


def test_the_one_that_holds_the_models_hears_again_what_led_to_nothing(
    house: Gateway, tmp_path: Path
) -> None:
    said = spoken(SWALLOWED.text, tmp_path / "said.wav", words_a_minute=SWALLOWED.words_a_minute)
    with house.client(house.key("frida@example.org")) as http, said.open("rb") as file:
        turn = http.post("/v1/voice", files={"file": file}).json()
        why = http.get(f"/v1/history/{turn['id']}/why").json()
    assert [action["route"]["intent"] for action in turn["actions"]] == [SWALLOWED.intent]
    assert turn["text"] == SWALLOWED.heard
    again = why["decision"]["explanation"]["heard_again"]
    assert (again["model"], again["second"]) == ("base", SWALLOWED.heard)
    assert again["first"] != SWALLOWED.heard


def test_a_transcript_says_whether_there_is_a_closer_look(house: Gateway) -> None:
    with house.client(house.key("hugo@example.org")) as http:
        heard = []
        for closely in ("false", "true"):
            form = {"response_format": "verbose_json", "closely": closely}
            with LUNCH.open("rb") as file:
                told = http.post("/v1/audio/transcriptions", data=form, files={"file": file}).json()
            heard.append((told["model"], told["closer"]))
    assert heard == [("tiny.en", "base"), ("base", "")]


@pytest.mark.usefixtures("reminded")  # its time runs from here on
def test_one_request_is_one_trace_through_all_processes(
    house: Gateway, collector: Collector
) -> None:
    trace = secrets.token_hex(16)

    def spans() -> dict[str, Collected]:
        return {span.name: span for span in collector.of(trace)}

    place = {"traceparent": f"00-{trace}-{'ab' * 8}-01"}
    later = {**place, "Prefer": "respond-async"}
    with house.client(house.key("emil@example.org")) as http, LUNCH.open("rb") as file:
        http.post("/v1/ask", json={"text": "schedule lunch with Jonas"}, headers=later)
        http.post("/v1/ask", json={"text": "will it rain in Berlin"}, headers=place)
        http.post("/v1/audio/transcriptions", files={"file": file}, headers=place)
    known = {"POST /v1/ask", "stage route", "run meeting.create", "skill meeting.create",
             "skill weather.forecast", "provider GET", "stage transcribe"}  # fmt: skip

    def whole() -> bool:
        """What is outside ends last, and is delivered last."""
        there = collector.of(trace)
        below = {span.parent for span in there} - {span.id for span in there}
        roles = {span.role for span in there}
        return known <= set(spans()) and below == {"ab" * 8} and "transcriber" in roles

    until(whole)
    found = spans()
    assert found["skill meeting.create"].parent == found["run meeting.create"].id
    assert not any(span.failed for span in collector.of(trace))
    for word in (b"Jonas", b"Berlin", b"emil", b"lunch", b"rain"):
        assert word not in collector.raw


def test_all_processes_count_one_limit(house: Gateway) -> None:
    key = house.key("carol@example.org")
    answers = []
    for _ in range(LIMIT + 5):  # each on a connection of its own, so that both processes serve
        with house.client(key) as http:
            answers.append(http.get("/v1/skills").status_code)
    assert answers == [200] * LIMIT + [429] * 5


def test_who_goes_away_is_not_worked_for(house: Gateway) -> None:
    """The web process notices, and hangs up on the transcriber, which stops as well."""
    said = decode(LUNCH, max_bytes=10**7, max_seconds=60).samples
    minutes = wav((np.tile(said, 60) * 32767).astype("<i2"))
    host, port = house.bind.split(":")
    before = transcriber_worked(house)
    with socket.create_connection((host, int(port))) as sock:
        sock.sendall(upload("/v1/audio/transcriptions", house.key("dora@example.org"), minutes))
        # Who goes before the transcriber was asked costs it nothing.
        until(lambda: transcriber_worked(house) > before + 1)
    until(lambda: len(given_up(house)) == 2)
    assert 499 in given_up(house)


def transcriber_worked(house: Gateway) -> float:
    """Seconds of processor that the transcriber has used."""
    states = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            state = (process / "stat").read_text().rpartition(")")[2].split()
            states[int(process.name)] = state, (process / "cmdline").read_text()
    (part,) = (
        pid
        for pid, (state, command) in states.items()
        if int(state[1]) == house.process.pid and "transcriber" in command
    )
    group = [state for state, _ in states.values() if int(state[2]) == part]
    ticks = sum(int(state[11]) + int(state[12]) for state in group)  # user, system
    return ticks / os.sysconf("SC_CLK_TCK")


def given_up(house: Gateway) -> list[int]:
    """The statuses of transcriptions that were not finished, by any process."""
    lines = [
        json.loads(line)
        for line in house.log.read_text().splitlines()
        if line[:1] + line[-1:] == "{}"
    ]
    mine = [line for line in lines if line.get("route") == "/v1/audio/transcriptions"]
    return [line["status"] for line in mine if line["status"] in (400, 408, 499)]


def test_what_comes_later_is_in_the_trace_of_what_asked_for_it(
    reminded: str, collector: Collector
) -> None:
    def by_worker() -> dict[str, Collected]:
        return {span.name: span for span in collector.of(reminded) if span.role == "worker"}

    later = {"run meeting.notify", "skill meeting.notify"}
    until(lambda: later <= set(by_worker()))
    spans = by_worker()
    assert spans["skill meeting.notify"].parent == spans["run meeting.notify"].id
    (asked,) = [span for span in collector.of(reminded) if span.name == "skill meeting.remind"]
    assert spans["run meeting.notify"].parent == asked.id and asked.role == "gateway"
    assert b"Jonas" not in collector.raw and b"gina" not in collector.raw


def test_it_ends_in_order_when_told(house: Gateway) -> None:
    assert house.stop(signal.SIGTERM) == 0
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{house.url}/healthz")
