"""A gateway as it is served: over sockets, with real keys, streams and a real recogniser."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from faults import reload
from tests.support.gateway import Gateway, free_port
from tests.support.waiting import until
from wlm.errors import NotSignedIn, Unreachable, UsageError
from wlm.pipeline.audio import decode
from wlm.pipeline.partials import Partial
from wlm.sdk.async_client import AsyncClient
from wlm.types import Transcript, Turn

SAMPLES = Path(__file__).parents[2] / "samples"
LUNCH = SAMPLES / "lunch_with_anna.flac"


@pytest.fixture(scope="module")
def key(gateway: Gateway) -> str:
    return gateway.key("anna@example.org", role="admin")


def test_without_a_key_nobody_is_let_in(gateway: Gateway) -> None:
    for headers in ({}, {"Authorization": "Bearer wlmk_wrong"}):
        answer = httpx.get(f"{gateway.url}/v1/events", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
        with pytest.raises(InvalidStatus, match="401"):
            connect(f"ws://{gateway.bind}/v1/listen", additional_headers=headers)


def test_openai_s_client_transcribes(gateway: Gateway, key: str) -> None:
    client = openai.OpenAI(api_key=key, base_url=f"{gateway.url}/v1", max_retries=0)

    def heard(**options: object) -> object:
        with LUNCH.open("rb") as file:
            return client.audio.transcriptions.create(model="whisper-1", file=file, **options)

    text = heard().text
    assert "lunch with Anna" in text
    verbose = heard(response_format="verbose_json")
    assert verbose.text == text and verbose.segments and verbose.duration > 1
    assert str(heard(response_format="text")).strip() == text
    assert "-->" in str(heard(response_format="srt"))
    assert str(heard(response_format="vtt")).startswith("WEBVTT")
    pieces = list(heard(stream=True))
    assert pieces[-1].type == "transcript.text.done" and pieces[-1].text == text
    assert "".join(p.delta for p in pieces if p.type == "transcript.text.delta") == text
    with pytest.raises(openai.BadRequestError):
        heard(timestamp_granularities=["word"], response_format="verbose_json")


def test_a_spoken_request_is_done(gateway: Gateway, key: str) -> None:
    with gateway.client(key) as http, LUNCH.open("rb") as file:
        answer = http.post("/v1/voice", files={"file": file}, headers={"Idempotency-Key": "v1"})
        turn = Turn.from_json(answer.content)
        assert turn.actions[0].route.intent == "meeting.create"
        assert turn.timings_ms["transcribe"] > 0
        file.seek(0)
        again = http.post("/v1/voice", files={"file": file}, headers={"Idempotency-Key": "v1"})
        assert again.json()["id"] == turn.id
    assert not list((gateway.home / "data" / "spool").iterdir())


def test_live_audio_gives_partials_final_and_turn(gateway: Gateway, key: str) -> None:
    samples = decode(LUNCH, max_bytes=10**7, max_seconds=60).samples
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    samples = samples[loud[0] : loud[-1]]  # said again and again, it has no pause that ends it
    said, pause = ((part * 32767).astype("<i2").tobytes() for part in (samples, np.zeros(24_000)))
    told: list[dict[str, Any]] = []
    partial = threading.Event()
    url = f"ws://{gateway.bind}/v1/listen?once=true"
    with connect(url, additional_headers={"Authorization": f"Bearer {key}"}) as ws:

        def listen() -> None:
            for message in ws:
                told.append(json.loads(message))
                if told[-1]["type"] == "partial":
                    partial.set()

        listener = threading.Thread(target=listen)
        listener.start()
        for start in (i % len(said) for i in range(0, 8 * len(said), 3200)):
            ws.send(said[start : start + 3200])  # as fast as it is spoken
            if partial.wait(0.1) and start + 3200 >= len(said):
                break
        ws.send(pause)
        ws.send(json.dumps({"type": "end"}))
        listener.join()
    kinds = [message["type"] for message in told]
    assert kinds.index("partial") < kinds.index("final") < kinds.index("turn")
    assert "level" in kinds
    assert "lunch" in told[kinds.index("final")]["text"].lower()
    assert Turn.from_dict(told[kinds.index("turn")]["turn"]).text


async def _heard(client: AsyncClient, frames: Any, **options: Any) -> list[Any]:
    async with client:
        return [value async for value in client.listen(frames, **options)]


def test_the_sdk_listens_live(gateway: Gateway, key: str) -> None:
    samples = decode(LUNCH, max_bytes=10**7, max_seconds=60).samples
    levels: list[float] = []

    async def spoken() -> AsyncIterator[Any]:
        yield samples[:10_000]
        yield np.concatenate([samples[10_000:], np.zeros(24_000, np.float32)])

    async def both() -> list[list[Any]]:
        clients = (AsyncClient(gateway.url, api_key=key) for _ in range(2))
        blocks = [samples[:20_000], samples[20_000:]]  # the sound ends where the last one does
        return [
            await _heard(next(clients), spoken(), once=True, on_level=levels.append),
            await _heard(next(clients), blocks, conversation="of-my-own"),
        ]

    for values in asyncio.run(both()):
        final, turn = [value for value in values if not isinstance(value, Partial)]
        assert isinstance(final, Transcript) and "lunch" in final.text.lower()
        assert isinstance(turn, Turn) and turn.text == final.text
    assert turn.conversation == "of-my-own"
    assert levels and max(levels) <= 0.0


def test_the_sdk_tells_why_it_cannot_listen(gateway: Gateway, key: str) -> None:
    silence = [np.zeros(1600, np.float32)]

    def broken() -> Iterator[Any]:
        yield silence[0]
        raise OSError("the microphone is gone")

    with pytest.raises(NotSignedIn):
        asyncio.run(_heard(AsyncClient(gateway.url, api_key="wlmk_wrong"), silence))
    with pytest.raises(Unreachable):
        url = f"http://127.0.0.1:{free_port()}"
        asyncio.run(_heard(AsyncClient(url, api_key=key), silence))
    with pytest.raises(UsageError):
        asyncio.run(_heard(AsyncClient(gateway.url, api_key=key), silence, rate=1))
    with pytest.raises(OSError, match="microphone"):
        asyncio.run(_heard(AsyncClient(gateway.url, api_key=key), broken()))
    assert asyncio.run(_heard(AsyncClient(gateway.url, api_key=key), silence)) == []


def test_who_asks_plainly_for_a_websocket_is_told(gateway: Gateway, key: str) -> None:
    with gateway.client(key) as http:
        answer = http.get("/v1/listen")
    assert (answer.status_code, answer.json()["code"]) == (426, "upgrade_required")


def test_an_event_can_be_watched(gateway: Gateway, key: str) -> None:
    with gateway.client(key) as http:
        turn = http.post("/v1/ask", json={"text": "schedule a meeting"}).json()
        event = turn["actions"][0]["event"]["id"]
        states = []
        with http.stream("GET", f"/v1/events/{event}/stream") as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    states.append(json.loads(line[6:])["state"])
                    if states == ["waiting_input"]:
                        gateway_answer = http.post(f"/v1/events/{event}/cancel")
                        assert gateway_answer.status_code == 200
    assert states == ["waiting_input", "cancelled"]


def logged(gateway: Gateway, route: str) -> list[dict[str, Any]]:
    """The lines of requests to that route."""
    lines = [
        json.loads(line)
        for line in gateway.log.read_text().splitlines()
        if line[:1] + line[-1:] == "{}"
    ]
    return [line for line in lines if line.get("route") == route]


def test_it_tells_how_it_is(gateway: Gateway, key: str) -> None:
    ready = httpx.get(f"{gateway.url}/readyz")
    assert ready.json()["checks"] == dict.fromkeys(
        ("database", "queue", "router", "model", "disk"), "ok"
    )
    with gateway.client(key) as http:
        text = http.get("/metrics").text
    assert (
        'wlm_http_requests_total{method="GET",role="gateway",route="/readyz",status="200"}' in text
    )
    assert 'wlm_events{state="succeeded"}' in text
    asked = until(lambda: logged(gateway, "/v1/events/<event_id>/stream"))  # some lines at a time
    assert asked[0]["status"] == 200 and asked[0]["request_id"]
    assert "Anna" not in gateway.log.read_text() and key not in gateway.log.read_text()


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that takes new settings, and is stopped by the last test."""
    limits = {"rate_limit": "", "rate_limit_address": ""}
    made = Gateway(tmp_path_factory.mktemp("changing"), **limits).wait()
    yield made
    made.stop()


def test_new_settings_are_taken_while_it_is_asked(changing: Gateway) -> None:
    kept = changing.home / "data" / "recordings" / "old.sealed"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.touch()
    os.utime(kept, times=(0, 0))
    key = changing.key("anna@example.org")
    found = reload.run(changing, key, 1, pause=0.4, more="keep_recordings_days = 1\n")
    assert (found["failed"], found["held"]) == ({}, 1), found
    until(lambda: not kept.exists())  # no worker runs here: the gateway itself looks


def test_what_is_under_way_is_ended_before_the_server(changing: Gateway) -> None:
    made = changing
    key = made.key("ben@example.org")
    with made.client(key) as http, LUNCH.open("rb") as file:
        assert http.post("/v1/voice", files={"file": file}).is_success  # everything is loaded
    answers: list[int] = []

    def ask() -> None:
        with made.client(key) as http, LUNCH.open("rb") as file:
            answers.append(http.post("/v1/voice", files={"file": file}).status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    ends = time.monotonic() + 30
    while 'wlm_work_in_progress{role="gateway"} 1.0' not in _metrics(made) and asking.is_alive():
        assert time.monotonic() < ends
    assert made.stop(signal.SIGTERM) == 0
    asking.join()
    assert answers == [200]


def _metrics(made: Gateway) -> str:
    admin = made.home / "admin.key"
    if not admin.exists():
        admin.write_text(made.key("root@example.org", role="admin"))
    with made.client(admin.read_text()) as http:
        return http.get("/metrics").text
