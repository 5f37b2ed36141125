"""Limits, admission, conditional reads, the document: what protects and describes the gateway."""

from __future__ import annotations

import threading
import time

import httpx
import pytest
from flask import Flask

from tests.server.conftest import Connect, by_header
from wlm import config
from wlm.errors import BadSetting, Busy
from wlm.plugins.manager import Registry
from wlm.server import bodies
from wlm.server.admission import Admission, Places, Refusals
from wlm.server.app import create_app
from wlm.server.limits import network
from wlm.server.problems import of_error
from wlm.server.service import Service


def test_a_read_that_has_not_changed_is_not_sent_again(connect: Connect) -> None:
    http = connect()
    for path in ("/v1/events", "/v1/skills", "/v1/skills/meeting", "/v1/history"):
        first = http.get(path)
        again = http.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), path
        assert "private" in first.headers["cache-control"]
    http.post("/v1/ask", json={"text": "what meetings do I have tomorrow"})
    etag = first.headers["etag"]
    assert http.get("/v1/history", headers={"If-None-Match": etag}).status_code == 200


def test_what_has_changed_in_any_way_is_sent_again(connect: Connect) -> None:
    http = connect()
    event = http.post("/v1/ask", json={"text": "schedule a meeting"}).json()["actions"][0]["event"]
    one = f"/v1/events/{event['id']}"
    paths = ["/v1/events", "/v1/events?limit=1", "/v1/events?state=waiting_input", one]
    paths += ["/v1/history", "/v1/history?limit=1"]
    start = {"slots": {"start": "2031-01-02T10:00:00+01:00"}}
    changes = [
        lambda: http.post(f"{one}/answer", json=start),
        lambda: http.post("/v1/events/last/undo"),
        lambda: http.post("/v1/ask", json={"text": "what meetings do I have tomorrow"}),
        lambda: http.post("/v1/ask", json={"text": "schedule a meeting"}),
        lambda: http.delete("/v1/history/last"),
        lambda: http.delete("/v1/history"),
    ]
    for change in changes:
        before = {path: http.get(path) for path in paths}
        assert change().is_success
        for path, had in before.items():
            now = http.get(path)
            tag = {"If-None-Match": had.headers.get("etag", "none")}
            again = http.get(path, headers=tag).status_code
            expected = 304 if now.content == had.content and now.is_success else now.status_code
            assert again == expected, path


def test_every_answer_carries_the_safe_headers(connect: Connect) -> None:
    for path in ("/healthz", "/v1/events", "/nothing", "/docs"):
        headers = connect().get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-request-id"] and "access-control-allow-origin" not in headers


def test_the_document_and_the_page_tell_of_every_route(app: Flask, connect: Connect) -> None:
    document = connect("nobody").get("/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    told = {path.replace("{", "<").replace("}", ">") for path in document["paths"]}
    routes = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/v1")}
    assert routes - told <= {"/v1/listen", "/v1/auth/browser", "/v1/auth/browser/callback"}
    page = connect("nobody").get("/docs").text
    assert "/v1/ask" in page and "http://" not in page.replace("http://www.w3.org", "")


def limited(settings: config.Settings, registry: Registry, **limits: object) -> Flask:
    changed = settings._replace(config=settings.config.model_copy(update=limits))
    service = Service(changed, registry=registry)
    return create_app(changed, service=service, authenticators=[by_header])


def test_who_asks_too_often_waits(settings: config.Settings, registry: Registry) -> None:
    app = limited(settings, registry, rate_limit="3/minute", rate_limit_address="100/minute")
    with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://test") as http:
        anna, tom = {"X-Caller": "user-anna"}, {"X-Caller": "user-tom"}
        codes = [http.get("/v1/skills", headers=anna).status_code for _ in range(4)]
        assert codes == [200, 200, 200, 429]
        refused = http.get("/v1/skills", headers=anna)
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json()["code"] == "rate_limited"
        assert http.get("/v1/skills", headers=tom).status_code == 200
        assert http.get("/healthz").status_code == 200


def test_who_guesses_keys_is_kept_out_and_others_are_not(
    settings: config.Settings, registry: Registry
) -> None:
    app = limited(settings, registry, rate_limit_sign_in="2/minute")

    def codes(address: str) -> list[int]:
        transport = httpx.WSGITransport(app, remote_addr=address)
        with httpx.Client(transport=transport, base_url="http://test") as http:
            wrong = {"Authorization": "Bearer wlmk_wrong"}
            return [http.get("/v1/events", headers=wrong).status_code for _ in range(3)]

    assert codes("192.0.2.1") == [401, 401, 429]
    assert codes("192.0.2.2") == [401, 401, 429]
    assert codes("2001:db8::1")[-1] == 429
    assert codes("2001:db8::2") == [429] * 3, "the same subscriber"


def test_a_proxy_is_believed_only_where_it_is_said_to_be(
    settings: config.Settings, registry: Registry
) -> None:
    """With one proxy in front, the last address is what it saw; those before, anybody can write."""

    def codes(hops: int, *forwarded: str) -> list[int]:
        app = limited(settings, registry, rate_limit_address="1/minute", trusted_proxies=hops)
        transport = httpx.WSGITransport(app, remote_addr="192.0.2.1")
        with httpx.Client(transport=transport, base_url="http://test") as http:
            return [
                http.get("/v1/events", headers={"X-Forwarded-For": said}).status_code
                for said in forwarded
            ]

    assert codes(0, "198.51.100.1", "198.51.100.2") == [401, 429]
    assert codes(1, "198.51.100.1", "198.51.100.2") == [401, 401]
    assert codes(1, "203.0.113.1, 198.51.100.1", "203.0.113.2, 198.51.100.1") == [401, 429]


def test_pages_of_other_origins_read_nothing_unless_they_are_named(
    settings: config.Settings, registry: Registry
) -> None:
    ours, strange = "https://app.example.org", "https://evil.example.org"
    for named, reads in (("", False), (f"{ours}, http://localhost:3000", True)):
        app = limited(settings, registry, cors_origins=named)
        with httpx.Client(transport=httpx.WSGITransport(app), base_url="http://test") as http:

            def told(method: str, origin: str, http: httpx.Client = http) -> httpx.Response:
                asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
                return http.request(method, "/v1/skills", headers={**asks, "X-Caller": "user"})

            for method in ("OPTIONS", "GET"):
                origin = told(method, ours).headers.get("access-control-allow-origin")
                assert origin == (ours if reads else None)
                assert "access-control-allow-origin" not in told(method, strange).headers
            assert "access-control-allow-credentials" not in told("OPTIONS", ours).headers
            assert told("GET", ours).json()["skills"]
    for wrong in ("*", "app.example.org", f"{ours}/"):
        with pytest.raises(BadSetting, match="cors_origins"):
            limited(settings, registry, cors_origins=wrong)


def test_addresses_are_counted_by_subscriber() -> None:
    assert network("192.0.2.1") == "192.0.2.1"
    assert network("2001:db8::1") == network("2001:db8::ffff") != network("2001:db9::1")
    assert network("") == ""


def test_a_rate_that_is_none_is_refused(settings: config.Settings, registry: Registry) -> None:
    with pytest.raises(BadSetting, match="rate_limit"):
        limited(settings, registry, rate_limit="often")


def test_past_its_places_work_is_refused_and_the_rest_is_served() -> None:
    gate, inside = threading.Event(), threading.Semaphore(0)
    app = Flask("working")

    @app.post("/v1/ask")
    def work() -> str:
        inside.release()
        gate.wait(30)
        return "done"

    app.add_url_rule("/v1/events", "events", lambda: "here")
    refused: list[None] = []
    places = Places(1, 1)
    bodies.install(app, places, lambda: refused.append(None))
    app.register_error_handler(Busy, of_error)
    front = Admission(app.wsgi_app, Refusals(places, lambda: refused.append(None)))
    answers: list[int] = []

    def ask(application: object) -> httpx.Response:
        transport = httpx.WSGITransport(application)  # type: ignore[arg-type]
        with httpx.Client(transport=transport, base_url="http://test") as http:
            return http.post("/v1/ask")

    first = threading.Thread(target=lambda: answers.append(ask(front).status_code))
    first.start()
    inside.acquire(timeout=30)  # one is inside
    second = threading.Thread(target=lambda: answers.append(ask(front).status_code))
    second.start()
    while not places.full:
        pass
    for application in (front, app):  # at the door, and by who came through it meanwhile
        answer = ask(application)
        assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
        assert answer.json()["code"] == "busy"
    with httpx.Client(transport=httpx.WSGITransport(front), base_url="http://test") as http:
        assert http.get("/v1/events").status_code == 200
    gate.set()
    first.join()
    second.join()
    assert answers == [200, 200] and len(refused) == 2
    assert places.taken == 0


def test_a_body_that_comes_slowly_is_told_from_one_that_is_long() -> None:
    begun = time.monotonic()
    assert not bodies.Body().too_slow(begun + 10)
    assert bodies.Body().too_slow(begun + 30)
    assert not bodies.Body(100_000).too_slow(begun + 30)
    assert bodies.Body(100_000).too_slow(begun + 300)
    there = bodies.Body()
    there.over = True
    assert not there.too_slow(begun + 10_000), "what is worked on may last"
